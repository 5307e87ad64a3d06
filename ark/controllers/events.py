"""
Tells people what a controller has to say about an object, as an C{Event} beside it.

Follows C{k8s.io/client-go/tools/record}.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.authentication.userinfo import UserInfo
from ark.controllers.garbagenodes import ObjectReference
from ark.meta.time import rfc3339
from ark.registry.store import Store, WriteContext
from ark.registry.stores import Stores

NORMAL = "Normal"
WARNING = "Warning"
BURST = 25
REFILL_SECONDS = 300.0
REMEMBERED = 4096

_log = Logger()


class _Said(NamedTuple):
    about: ObjectReference
    type: str
    reason: str
    message: str


class _Spoken:
    """
    An event that was written, and how often the same was said.
    """

    def __init__(self, name: str, first: str) -> None:
        self.name = name
        self.first = first
        self.count = 1


class EventRecorder:
    """
    Writes events; the same said again raises the count of the first one.

    About one object it writes no more than L{BURST} at once, and then one in
    L{REFILL_SECONDS}.

    @param component: who says it.
    @param now: the time of day.
    """

    def __init__(self, stores: Stores, component: str, user: UserInfo, now: Callable[[], float]) -> None:
        self._stores = stores
        self._component = component
        self._user = user
        self._now = now
        self._spoken: OrderedDict[_Said, _Spoken] = OrderedDict()
        self._tokens: OrderedDict[ObjectReference, tuple[float, float]] = OrderedDict()
        self._last = 0

    def record(self, about: ObjectReference, type: str, reason: str, message: str) -> None:
        """
        Say something about an object.  Whether it can be written is not the caller's concern.

        @param type: L{NORMAL} or L{WARNING}.
        """
        store = self._stores.of_resource("events")
        if store is None or not self._may_speak(about):
            return
        said = _Said(about, type, reason, message)
        spoken = self._spoken.get(said)
        if spoken is None:
            spoken = self._spoken[said] = _Spoken(self._name(about), rfc3339(self._now()))
            _bound(self._spoken)
            work = self._create(store, said, spoken)
        else:
            spoken.count += 1
            work = self._raise_count(store, said, spoken)
        Deferred.fromCoroutine(work).addErrback(_failed, about)

    def _may_speak(self, about: ObjectReference) -> bool:
        now = self._now()
        tokens, since = self._tokens.pop(about, (float(BURST), now))
        tokens = min(float(BURST), tokens + max(0.0, now - since) / REFILL_SECONDS)
        allowed = tokens >= 1
        self._tokens[about] = tokens - allowed, now
        _bound(self._tokens)
        return allowed

    def _name(self, about: ObjectReference) -> str:
        # Nanoseconds, as others name theirs; two of the same one must differ.
        self._last = max(self._last + 1, int(self._now() * 1_000_000_000))
        return f"{about.name}.{self._last:x}"

    async def _create(self, store: Store, said: _Said, spoken: _Spoken) -> None:
        await store.create(_namespace(said.about), self._event(said, spoken), self._context())

    async def _raise_count(self, store: Store, said: _Said, spoken: _Spoken) -> None:
        def counted(old: dict[str, Any] | None) -> dict[str, Any]:
            if old is None:
                # Somebody has deleted it: events are created by updates too.
                return self._event(said, spoken)
            return {**old, "count": spoken.count, "lastTimestamp": rfc3339(self._now())}

        await store.update(_namespace(said.about), spoken.name, counted, self._context())

    def _event(self, said: _Said, spoken: _Spoken) -> dict[str, Any]:
        about = said.about
        involved = {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": about.uid,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": spoken.name, "namespace": _namespace(about)},
            "involvedObject": {name: value for name, value in involved.items() if value},
            "reason": said.reason,
            "message": said.message,
            "source": {"component": self._component},
            "firstTimestamp": spoken.first,
            "lastTimestamp": rfc3339(self._now()),
            "count": spoken.count,
            "type": said.type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": "",
        }

    def _context(self) -> WriteContext:
        return WriteContext(user=self._user, field_manager="kube-controller-manager")


def _namespace(about: ObjectReference) -> str:
    return about.namespace or "default"


def _bound(known: OrderedDict[Any, Any]) -> None:
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _failed(failure: Failure, about: ObjectReference) -> None:
    if not failure.check(CancelledError):  # type: ignore[no-untyped-call]  # Twisted's, without types
        _log.warn("an event about {about} was not written: {error}", about=about, error=failure.value)
