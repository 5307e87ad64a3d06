"""
How many objects there are, counted once and kept by what happens since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred

from ark.interfaces import IStorageBackend
from ark.meta.records import DELETED, Range, Version
from ark.storage.errors import StorageError
from ark.watch.window import Window

TALLIES = 4096
"""How many numbers are kept: of resources, and of resources in a namespace."""

_STEPS = 5000


class _Tally:
    """
    @ivar number: what was counted, L{None} until it was, with what came and went since.
    @ivar loaded: fires when it was counted, or could not be.
    """

    __slots__ = ("loaded", "number", "since")

    def __init__(self) -> None:
        self.number: int | None = None
        self.since = 0
        self.loaded: list[Deferred[None]] = []


class Counts:
    """
    Numbers of live objects by resource, and by resource and namespace.

    To count takes storage a time that grows with the number; so each is counted when it is
    first asked for, and from then on follows the events.

    @param revision: tells up to where events were followed.
    """

    def __init__(
        self, backend: IStorageBackend, window: Window, revision: Callable[[], int], most: int = TALLIES
    ) -> None:
        self._backend = backend
        self._window = window
        self._revision = revision
        self._most = most
        self._tallies: OrderedDict[tuple[str, str | None], _Tally] = OrderedDict()

    def observe(self, version: Version) -> None:
        """
        The next event of the log.
        """
        step = _step(version)
        if step:
            resource, namespace, _ = version.key
            for place in ((resource, None), (resource, namespace)):
                tally = self._tallies.get(place)
                if tally is not None:
                    tally.since += step

    def clear(self) -> None:
        """
        Forget everything: events were missed.
        """
        self._tallies.clear()

    async def count(self, resource: str, namespace: str | None, revision: int) -> int | None:
        """
        How many there were at a revision that was followed already; L{None} if that is not
        known without counting.
        """
        tally = self._tallies.get((resource, namespace)) or await self._load((resource, namespace))
        if tally is not None and tally.number is None:
            waiting: Deferred[None] = Deferred()
            tally.loaded.append(waiting)
            await waiting
        if tally is None or tally.number is None or self._tallies.get((resource, namespace)) is not tally:
            return None
        self._tallies.move_to_end((resource, namespace))
        later = self._later(resource, namespace, revision)
        return None if later is None else tally.number + tally.since - later

    def _later(self, resource: str, namespace: str | None, revision: int) -> int | None:
        """
        By how much the number has grown after a revision.
        """
        now = self._revision()
        if revision == now:
            return 0
        if not self._window.floor(resource) <= revision < now:
            return None
        events = self._window.between(resource, revision, now, _STEPS)
        if len(events) == _STEPS:
            return None
        return sum(
            _step(event.version)
            for event in events
            if namespace is None or event.version.key.namespace == namespace
        )

    async def _load(self, place: tuple[str, str | None]) -> _Tally | None:
        revision = self._revision()
        if not revision:
            return None
        tally = self._tallies[place] = _Tally()
        if len(self._tallies) > self._most:
            self._tallies.popitem(last=False)
        try:
            tally.number = await self._backend.count(Range(*place), revision)
        except (StorageError, CancelledError) as error:
            if self._tallies.get(place) is tally:
                del self._tallies[place]
            if isinstance(error, CancelledError):
                raise
            return None
        finally:
            loaded, tally.loaded = tally.loaded, []
            for waiting in loaded:
                if not waiting.called:
                    waiting.callback(None)
        return tally


def _step(version: Version) -> int:
    """
    By how much an event changes the number.
    """
    if version.event == DELETED:
        return -1
    return 0 if version.previous else 1
