"""
Which namespaces there are, and which are on their way out.
"""

from __future__ import annotations

import orjson

from ark.meta.known import Known
from ark.meta.records import Key, Version
from ark.watch.cacher import Cacher

_REMEMBERED = 10_000


class NamespacePhases:
    """
    Looks namespaces up in the Cacher; what it decoded it keeps until the namespace changes.
    """

    def __init__(self, cacher: Cacher) -> None:
        self._cacher = cacher
        self._known: Known[str, tuple[int, str]] = Known(_REMEMBERED)

    async def phase_of(self, name: str) -> str | None:
        """
        C{Active} or C{Terminating}, L{None} when there is no such namespace.

        That it is active may have been so a moment ago, as for C{Lifecycle.Admit} of
        C{k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle}; to be refused, it must be
        otherwise now.
        """
        key = Key("namespaces", "", name)
        phase = self._phase_in(name, await self._cacher.get_recent(key))
        if phase == "Active":
            return phase
        return self._phase_in(name, await self._cacher.get(key, None))

    def _phase_in(self, name: str, version: Version | None) -> str | None:
        if version is None:
            self._known.pop(name, None)
            return None
        known = self._known.get(name)
        if known is not None and known[0] == version.revision:
            return known[1]
        phase = _phase(version.body)
        self._known.keep(name, (version.revision, phase))
        return phase


def _phase(body: bytes) -> str:
    namespace = orjson.loads(body)
    if namespace["metadata"].get("deletionTimestamp"):
        return "Terminating"
    phase: str = (namespace.get("status") or {}).get("phase") or "Active"
    return phase
