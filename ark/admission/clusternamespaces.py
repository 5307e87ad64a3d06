"""
The namespaces of a cluster, as who creates something in them needs to know them.

Follows C{k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle}: an informer tells nearly
always; the cluster is asked where the informer may not have heard yet.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.task import deferLater

from ark.admission.namespacelifecycle import NotReady
from ark.cluster.errors import Unreachable
from ark.interfaces import ICluster, IInformer
from ark.meta.status import APIStatus, internal_error

NAMESPACES = "/api/v1/namespaces"
READY_SECONDS = 10.0
MISSING_SECONDS = 0.05
DOUBT_SECONDS = 30.0
_DOUBTED = 100


class ClusterNamespaces:
    """
    Tells the phases of namespaces.

    @param informer: follows L{NAMESPACES}; somebody else starts it.
    @param reactor: C{IReactorTime}.
    """

    def __init__(self, cluster: ICluster, informer: IInformer, reactor: Any) -> None:
        self._cluster = cluster
        self._informer = informer
        self._reactor = reactor
        self._doubted: dict[str, float] = {}

    def doubt(self, name: str) -> None:
        """
        A namespace may be going: for half a minute do not believe the informer that it stays.
        """
        self._doubted.pop(name, None)
        while len(self._doubted) >= _DOUBTED:
            del self._doubted[next(iter(self._doubted))]
        self._doubted[name] = self._reactor.seconds() + DOUBT_SECONDS

    async def phase_of(self, name: str) -> str | None:
        """
        C{Active} or C{Terminating}, L{None} when there is no such namespace.

        @raise NotReady: the namespaces are not known yet.
        @raise APIStatus: 500, only the cluster knows, and it does not answer.
        """
        if not self._informer.synced:
            await self._wait()
        namespace = self._informer.get("", name)
        if namespace is None:
            # Somebody may just have made it.
            await deferLater(self._reactor, MISSING_SECONDS)
            namespace = self._informer.get("", name)
        if namespace is not None:
            phase = _phase(namespace)
            if phase != "Active" or not self._is_doubted(name):
                return phase
        return await self._ask(name)

    async def _wait(self) -> None:
        waiting = Deferred.fromCoroutine(_waited(self._informer))
        try:
            await waiting.addTimeout(READY_SECONDS, self._reactor)
        except TimeoutError:
            raise NotReady from None

    def _is_doubted(self, name: str) -> bool:
        until = self._doubted.get(name)
        if until is None:
            return False
        if until > self._reactor.seconds():
            return True
        del self._doubted[name]
        return False

    async def _ask(self, name: str) -> str | None:
        try:
            return _phase(await self._cluster.request("GET", f"{NAMESPACES}/{quote(name, safe='')}"))
        except Unreachable as error:
            raise internal_error(str(error)) from error
        except APIStatus as status:
            if status.code == 404:
                return None
            raise internal_error(status.message) from status


async def _waited(informer: IInformer) -> None:
    await informer.wait()


def _phase(namespace: dict[str, Any]) -> str:
    if namespace["metadata"].get("deletionTimestamp"):
        return "Terminating"
    phase: str = (namespace.get("status") or {}).get("phase") or "Active"
    return phase
