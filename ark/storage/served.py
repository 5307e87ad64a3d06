"""
What backends have in common whose database is a server, to which other processes write too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ark.meta.records import Change, EventPage, Key, Outcome, Version
from ark.storage.changefeed import ChangeFeed
from ark.storage.errors import OutcomeUnknown, Unavailable
from ark.storage.pointreads import PointReads
from ark.storage.seencounter import SeenCounter

SETTLING_SECONDS = 10.0
_PAUSE_SECONDS = 0.25
SWEPT_ROWS = 1000
"""How many revisions compaction looks at in one transaction."""

_T = TypeVar("_T")


class ServedWriter(Protocol):
    """
    What commits batches, over a connection of its own.

    @ivar open: how many connections it has.
    """

    @property
    def open(self) -> int: ...

    async def start(self) -> None:
        """
        Make the writer known.
        """

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """
        See L{ark.interfaces.IStorageBackend.commit}.
        """

    async def close(self) -> None:
        """
        Let a batch on its way finish, then end the connection.
        """


class ServedBackend(ABC):
    """
    Part of an L{ark.interfaces.IStorageBackend}, and of its L{ark.interfaces.IChangeFeed}.

    A subclass gives it C{_writer} and C{_readers}, and the methods that ask the database.

    @ivar _readers: the connections for all but commits.
    """

    _writer: ServedWriter
    _readers: Any

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._feed = ChangeFeed(reactor)
        self._counter = SeenCounter(self._recover, self._feed.notify)
        self._points = PointReads(reactor, self._start_read)
        self._committing = 0

    # What the database is asked

    @abstractmethod
    async def _recover(self, seen: int) -> int:
        """
        Have the database go on above a revision, if it is behind it; its counter.
        """

    @abstractmethod
    async def _read_points(self, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
        """
        The counter, and those of some keys that are live.
        """

    @abstractmethod
    async def _read_at(self, key: Key, revision: int) -> Version | None:
        """
        The version of a key that was live at a revision.
        """

    @abstractmethod
    async def _read_events(self, after: int, limit: int) -> EventPage:
        """
        A page of the log.
        """

    @abstractmethod
    async def _raise_floor(self, revision: int) -> None:
        """
        Write down that history begins at a revision.
        """

    @abstractmethod
    async def _sweep(self) -> int | None:
        """
        Drop what may go of the next L{SWEPT_ROWS} revisions; how many went, L{None} when none are left.
        """

    # What follows from it

    @property
    def connections(self) -> int:
        """
        See L{ark.interfaces.IConnects.connections}.
        """
        return int(self._readers.open) + self._writer.open

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        See L{ark.interfaces.IChangeFeed.subscribe}.
        """
        return self._feed.subscribe(wake)

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """
        See L{ark.interfaces.IStorageBackend.commit}.
        """
        if not changes:
            return []
        self._committing += 1
        try:
            return await self._writer.commit(changes)
        finally:
            self._committing -= 1
            self._feed.notify()

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        """
        See L{ark.interfaces.IStorageBackend.get}.
        """
        return await self._points.get(key) if revision is None else await self._read_at(key, revision)

    def _start_read(self, keys: Sequence[Key]) -> Deferred[tuple[int, dict[Key, Version]]]:
        return Deferred.fromCoroutine(self._read_points(keys))

    async def events(self, after: int, limit: int) -> EventPage:
        """
        See L{ark.interfaces.IStorageBackend.events}.
        """
        page = await self._read_events(after, limit)
        # Watchers are told of it: it must not be used again.
        self._counter.revision = max(self._counter.revision, page.revision)
        return page

    async def current_revision(self) -> int:
        """
        See L{ark.interfaces.IStorageBackend.current_revision}.
        """
        return await self._points.revision()

    async def compact(self, revision: int) -> int:
        """
        See L{ark.interfaces.IStorageBackend.compact}.
        """
        await self._raise_floor(revision)
        dropped = 0
        while True:
            step = await self._sweep()
            if step is None:
                return dropped
            dropped += step

    async def close(self) -> None:
        """
        See L{ark.interfaces.IStorageBackend.close}.
        """
        await self._writer.close()
        await self._readers.close()


async def find_out(settle: Callable[[], Awaitable[_T]], reactor: Any, lost: OutcomeUnknown) -> _T:
    """
    Ask what became of a batch whose answer was lost, until the database says so.

    @raise OutcomeUnknown: C{lost}; nobody could say in time.
    """
    deadline = reactor.seconds() + SETTLING_SECONDS
    while True:
        try:
            return await settle()
        except (Unavailable, OutcomeUnknown):
            if reactor.seconds() >= deadline:
                raise lost from None
            await deferLater(reactor, _PAUSE_SECONDS, lambda: None)
