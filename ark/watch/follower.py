"""
Keeps up with the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ark.interfaces import IChangeFeed, IStorageBackend, ITellsRevision
from ark.meta.records import EventPage, Version
from ark.storage.errors import Compacted, StorageError
from ark.watch.counts import Counts
from ark.watch.events import Memos, WatchEvent
from ark.watch.objects import ObjectCache
from ark.watch.revisions import CurrentRevision, RevisionWaiters
from ark.watch.window import Window

PAGE = 500
REFILL = 5000
"""How many events are read at the start, for clients that come back after a restart."""

PATIENCE = 3.0
POLL = 1.0
_RETRY = 0.1
_SLOWEST_RETRY = 5.0


class Follower:
    """
    Brings every event of the log, once and in order, to the window, to the memory of
    objects and to C{entered}.

    Events come by two ways: this process's own commits directly, if nothing lies
    between them and what is known; all others by reading the log.

    @ivar revision: everything up to here has been brought.
    @ivar counts: how many objects there were then.
    @ivar entered: called with each event.  Must not block or raise.
    @ivar advanced: called when C{revision} has risen.
    @ivar lost: called when the log before the new C{revision} is gone unread.
    """

    _log = Logger()

    entered: Callable[[WatchEvent], None]
    advanced: Callable[[], None]
    lost: Callable[[], None]

    def __init__(self, backend: IStorageBackend, reactor: Any, window: Window, objects: ObjectCache) -> None:
        self.revision = 0
        self.current = CurrentRevision(backend, reactor)
        self.counts = Counts(backend, window, lambda: self.revision)
        self._backend = backend
        self._reactor = reactor
        self._window = window
        self._objects = objects
        self._teller = ITellsRevision(backend, None)
        self._told_since = -1
        self._early: dict[int, Version] = {}
        self._memos = Memos()
        self._waiters = RevisionWaiters(reactor)
        self._unsubscribe: Callable[[], None] | None = None
        self._stopped = False
        self._woken = False
        self._reading: Deferred[None] | None = None
        self._retry = _RETRY
        self._call: Any = None

    async def start(self) -> None:
        """
        Read the newest events there are into the window, and begin to follow.

        @raise StorageError: the log cannot be read.
        """
        if IChangeFeed.providedBy(self._backend):
            self._unsubscribe = IChangeFeed(self._backend).subscribe(self.wake)
        current = await self.current.probe()
        floor = await self._backend.compacted_revision()
        self._begin_at(max(1, floor, current - min(REFILL, self._window.max_events)))
        while self.revision < current:
            try:
                page = await self._backend.events(self.revision, PAGE)
            except Compacted as compacted:
                self._begin_at(compacted.floor)
            else:
                self._bring(page)
                if not page.events:
                    break
        self.advanced()
        if self._unsubscribe is None:
            self._schedule(POLL)

    def _begin_at(self, revision: int) -> None:
        self.revision = revision
        self._window.reset(revision)
        self._objects.clear()
        self.counts.clear()

    async def stop(self) -> None:
        """
        Bring nothing more.
        """
        self._stopped = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._call is not None and self._call.active():
            self._call.cancel()
        reading = self._reading
        if reading is not None:
            reading.cancel()
        self._waiters.stop()

    def offer(self, version: Version) -> bool:
        """
        Bring a version that this process has just committed.

        @return: false if events before it, or the state that it replaced, are not at
            hand: then the log must be read.
        """
        revision = version.revision
        if revision == self.revision + 1 and self._enter_own(version):
            if self._early:
                self._enter_early()
            self._waiters.reached(self.revision)
            self.advanced()
            return True
        if revision > self.revision:
            # The log need be read only up to it.  Otherwise, under load, there would
            # always be commits that came while it was read, and no way back from there.
            self._early[revision] = version
        return revision <= self.revision

    def _enter_own(self, version: Version) -> bool:
        before = None
        if version.previous:
            before = self._objects.peek(version.key)
            if before is None or before.revision != version.previous:
                return False
        self._enter(version, before)
        return True

    def _enter_early(self) -> None:
        early = self._early
        while early:
            version = early.get(self.revision + 1)
            if version is None or not self._enter_own(version):
                break
        for revision in [revision for revision in early if revision <= self.revision]:
            del early[revision]

    def wake(self) -> None:
        """
        The log may have grown.

        Looks a turn later: what this process itself committed is then already here.
        """
        self._woken = True
        if self._reading is None:
            self._schedule(0)

    async def reach(self, revision: int, seconds: float = PATIENCE) -> bool:
        """
        Wait until everything up to C{revision} has been brought, but no longer than
        C{seconds}.

        @return: whether it has.
        """
        if revision > self.revision:
            self.wake()
            return await self._waiters.wait(revision, seconds)
        return True

    def _schedule(self, delay: float) -> None:
        call = self._call
        if call is not None and call.active():
            if delay:
                return
            call.cancel()
        if not self._stopped:
            self._call = self._reactor.callLater(delay, self._start_reading)

    def _start_reading(self) -> None:
        if self._reading is not None or self._stopped:
            return
        self._reading = reading = Deferred.fromCoroutine(self._read())
        reading.addBoth(self._finished_reading)

    def _finished_reading(self, result: Any) -> None:
        self._reading = None
        if self._stopped:
            return
        if result is None:
            self._retry = _RETRY
            if self._woken:
                self._schedule(0)
            elif self._unsubscribe is None:
                self._schedule(POLL)
            return
        if result.check(StorageError) is None:
            self._log.failure("Reading the log failed", failure=result)
        else:
            self._log.warn("Reading the log failed: {error}", error=result.value)
        self._schedule(self._retry)
        self._retry = min(2 * self._retry, _SLOWEST_RETRY)

    async def _read(self) -> None:
        self._woken = False
        told = None if self._teller is None else self._teller.told()
        while self._is_behind():
            try:
                page = await self._backend.events(self.revision, PAGE)
            except Compacted:
                await self._skip()
                return
            self._bring(page)
            # A page may be short for reasons of the backend's own: only an empty one is the end.
            if not page.events:
                self._told_since = -1 if told is None else told[0]
                return
            # The backend may answer without suspending; others want their turn.
            await deferLater(self._reactor, 0)

    @property
    def is_told(self) -> bool:
        """
        Whether it learns of each commit at once.
        """
        return self._teller is not None and self._teller.told() is not None

    def _is_behind(self) -> bool:
        """
        Whether the log may hold more than was brought.
        """
        if self.current.immediate() == self.revision:
            return False
        told = None if self._teller is None else self._teller.told()
        return told is None or told[0] != self._told_since or told[1] > self.revision

    def _bring(self, page: EventPage) -> None:
        before = self.revision
        for version, replaced in page.events:
            # Own commits may have overtaken the page while it was read.
            if version.revision > self.revision:
                self._enter(version, replaced)
        if page.revision > self.revision:
            self.revision = page.revision
        if self._early:
            self._enter_early()
        if self.revision > before:
            self._waiters.reached(self.revision)
            self.advanced()

    def _enter(self, version: Version, before: Version | None) -> None:
        event = WatchEvent(version, before, self._memos)
        self._window.append(event)
        self._objects.observe(version)
        self.counts.observe(version)
        self.revision = version.revision
        self.entered(event)

    async def _skip(self) -> None:
        """
        Go on from now: history has been dropped faster than it could be read.
        """
        current = await self.current.read()
        self._log.warn(
            "History was dropped before it could be read: going on from revision {current} "
            "instead of {revision}", current=current, revision=self.revision
        )  # fmt: skip
        if current > self.revision:
            self._begin_at(current)
            self.lost()
            self._waiters.reached(current)
