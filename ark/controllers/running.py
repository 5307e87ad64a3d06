"""
The controllers of a server, which begin and end together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ark.controllers.events import EventRecorder
from ark.controllers.expiry import EventExpiry
from ark.controllers.garbageactions import USER
from ark.controllers.garbagecollector import COMPONENT, GarbageCollector
from ark.controllers.namespaces import NamespaceController
from ark.controllers.reflector import Reflector
from ark.registry.stores import Stores
from ark.watch.cacher import Cacher

EXPIRE_SECONDS = 180.0


class Controllers:
    """
    Makes each of them anew when they begin.

    @param names: which of them run (L{ark.options.CONTROLLERS}).
    @param event_ttl: how many seconds events stay; C{0} for ever.
    """

    _log = Logger()

    def __init__(
        self,
        names: Sequence[str],
        event_ttl: float,
        stores: Stores,
        cacher: Cacher,
        clock: tuple[Any, Callable[[], float]],
    ) -> None:
        self._names = names
        self._event_ttl = event_ttl
        self._stores = stores
        self._cacher = cacher
        self._reactor, self._now = clock
        self._ends: list[Callable[[], Any]] = []

    async def begin(self) -> None:
        """
        Start them.
        """
        if "namespace-controller" in self._names:
            controller = NamespaceController(self._stores, self._reactor, self._now)
            reflector = Reflector("namespaces", controller.observe, self._cacher, self._reactor)
            self._ends += [controller.stop, reflector.stop]
            reflector.start()
        if "garbage-collector-controller" in self._names:
            recorder = EventRecorder(self._stores, COMPONENT, USER, self._now)
            collector = GarbageCollector(self._stores, self._cacher, self._reactor, recorder)
            self._ends.append(collector.stop)
            collector.start()
        events = self._stores.of_resource("events")
        if self._event_ttl and events is not None:
            expiry = EventExpiry(events, self._event_ttl, (self._reactor, self._now))
            sweeping = LoopingCall(self._sweep, expiry)
            sweeping.clock = self._reactor
            sweeping.start(min(EXPIRE_SECONDS, self._event_ttl), now=False)
            self._ends.append(sweeping.stop)

    async def _sweep(self, expiry: EventExpiry) -> None:
        try:
            await expiry.sweep()
        except CancelledError:
            raise
        except Exception as error:
            self._log.warn("Events were not looked through for old ones: {error}", error=error)

    async def end(self) -> None:
        """
        Stop them, the last one first.
        """
        while self._ends:
            await maybeDeferred(self._ends.pop())
