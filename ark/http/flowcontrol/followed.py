"""
Follows the flow schemas and priority levels of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from twisted.logger import Logger

from ark.http.flowcontrol.configuration import level_of, schema_of
from ark.http.flowcontrol.control import FlowControl
from ark.interfaces import ICluster

LEVELS = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations"
SCHEMAS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"

_log = Logger()

Read = TypeVar("Read")


class FollowedFlows:
    """
    Has a L{FlowControl} work as the cluster says.

    Until the cluster has told both, and where it does not let us read them, it works as in a new
    cluster.
    """

    def __init__(self, cluster: ICluster, control: FlowControl) -> None:
        self._control = control
        self._levels = cluster.informer(LEVELS)
        self._schemas = cluster.informer(SCHEMAS)
        for informer in (self._levels, self._schemas):
            informer.subscribe(self._changed)

    def start(self) -> None:
        """
        Begin to follow.
        """
        self._levels.start()
        self._schemas.start()

    def stop(self) -> None:
        """
        Follow no more.
        """
        self._levels.stop()
        self._schemas.stop()

    def _changed(self) -> None:
        if self._levels.synced and self._schemas.synced:
            levels = _all(level_of, self._levels.items())
            self._control.configure(levels, _all(schema_of, self._schemas.items()))


def _all(read: Callable[[Mapping[str, Any]], Read], objects: Iterable[Mapping[str, Any]]) -> list[Read]:
    """
    What can be read of them; the rest does not count.
    """
    found = []
    for obj in objects:
        try:
            found.append(read(obj))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            _log.warn("{name} does not count: {error}", name=obj["metadata"]["name"], error=error)
    return found
