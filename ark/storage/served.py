"""
What backends have in common whose database is a server, to which other processes write too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ark.meta.records import Change, EventPage, Key, Outcome, Version
from ark.storage.changefeed import ChangeFeed
from ark.storage.errors import OutcomeUnknown, Unavailable
from ark.storage.pointreads import PointReads
from ark.storage.seencounter import SeenCounter

SETTLING_SECONDS = 10.0
_PAUSE_SECONDS = 0.25
SWEPT_ROWS = 1000
"""How many revisions compaction looks at in one transaction."""

_B = TypeVar("_B")


class ServedWriter(ABC, Generic[_B]):
    """
    Commits batches over a connection of its own.

    Each batch has a number, which the database writes down with it.  When the connection is
    lost on the way, the next one asks by that number what became of the batch; if it was
    not written then, it never will be.

    @param sessions: that connection.
    @param counter: the newest revision that was seen; none up to it is written again.
    @param get: reads the live version of a key.
    """

    _log = Logger()
    _sessions: Any

    def __init__(
        self,
        sessions: Any,
        reactor: Any,
        counter: SeenCounter,
        get: Callable[[Key], Awaitable[Version | None]],
    ) -> None:
        self._sessions = sessions
        self._reactor = reactor
        self._counter = counter
        self._get = get
        self._id = str(uuid4())
        self._batch = 0
        self._settled = False

    @property
    def open(self) -> int:
        """
        How many connections it has.
        """
        opened: int = self._sessions.open
        return opened

    async def start(self) -> None:
        """
        Make the writer known.
        """
        await self._settle()

    @abstractmethod
    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """
        See L{ark.interfaces.IStorageBackend.commit}.
        """

    @abstractmethod
    async def _settle(self) -> Any:
        """
        See to it that the newest batch, if it is not written, never will be.
        """

    @abstractmethod
    async def _recover(self, batch: _B) -> list[Outcome] | None:
        """
        What became of the newest batch; L{None} when it was not written, and will not be.
        """

    async def _find_out(self, batch: _B, lost: OutcomeUnknown) -> list[Outcome] | None:
        """
        What became of a batch whose answer was lost, asked until the database says so.

        @raise OutcomeUnknown: C{lost}; nobody could say in time.
        """
        deadline = self._reactor.seconds() + SETTLING_SECONDS
        while True:
            try:
                outcomes = await self._recover(batch)
            except (Unavailable, OutcomeUnknown):
                if self._reactor.seconds() >= deadline:
                    raise lost from None
                await deferLater(self._reactor, _PAUSE_SECONDS, lambda: None)
            else:
                break
        if outcomes is not None:
            self._log.info("The answer to a commit was lost; it was found to have been written")
        return outcomes

    async def close(self) -> None:
        """
        Let a batch on its way finish, then end the connection.
        """
        await self._sessions.close()


class ServedBackend(ABC):
    """
    Part of an L{ark.interfaces.IStorageBackend}, and of its L{ark.interfaces.IChangeFeed}.

    A subclass gives it C{_writer} and C{_readers}, and the methods that ask the database.

    @ivar _readers: the connections for all but commits.
    """

    _writer: ServedWriter[Any]
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
