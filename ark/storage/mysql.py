"""
A MySQL or MariaDB database that any number of servers share as equals.

A commit is one round trip for its whole batch (L{ark.storage.mysqlwrite}) under the lock of
the counter's row: whoever waits for it comes later in the order of revisions, and nobody
sees a revision before those below it.  What others have committed is found by asking.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from ark.interfaces import IChangeFeed, IConnects, IReportsKinds, IRestores, IStorageBackend
from ark.meta.records import (
    Change,
    EventPage,
    JoinedPage,
    Key,
    Outcome,
    Page,
    Range,
    SchemaState,
    Version,
)
from ark.storage import mysqlcompaction, mysqlread
from ark.storage.changefeed import ChangeFeed
from ark.storage.errors import StorageError, UnusableDatabase
from ark.storage.mysqlerrors import DATABASE_ERRORS, is_away, translate
from ark.storage.mysqlmigrate import check_server, migrate, schema_files, schema_version
from ark.storage.mysqlpool import Sessions
from ark.storage.mysqlrestore import MySQLRestore
from ark.storage.mysqlsession import Session
from ark.storage.mysqlsettings import Settings, connection_settings
from ark.storage.mysqlviews import create_views
from ark.storage.mysqlwrite import recover
from ark.storage.mysqlwriter import Writer
from ark.storage.pointreads import PointReads
from ark.storage.seencounter import SeenCounter

POLL_SECONDS = 0.25
_CONNECTIONS = 4
_SWEPT_ROWS = 1000
# See ark.storage.sqlite: threads must get their turn beside a busy reactor.
_SWITCH_SECONDS = 0.00002

_T = TypeVar("_T")
_P = TypeVar("_P", Page, JoinedPage)


@implementer(IStorageBackend, IChangeFeed, IConnects, IReportsKinds)
class MySQLBackend:
    """
    L{IStorageBackend} over a database whose schema is in place.
    """

    _log = Logger()

    def __init__(self, settings: Settings, reactor: Any, connections: int = _CONNECTIONS) -> None:
        self._feed = ChangeFeed(reactor)
        self._readers = Sessions(settings, reactor, connections)
        self._counter = SeenCounter(self._recover, self._feed.notify)
        self._writer = Writer(Sessions(settings, reactor, 1), reactor, self._counter, self.get)
        self._points = PointReads(reactor, self._start_read)
        self._seen = 0
        self._failing = False
        self._polling = LoopingCall(lambda: Deferred.fromCoroutine(self._poll()))
        self._polling.clock = reactor

    def __conform__(self, interface: Any) -> Any:
        return (
            MySQLRestore(self._readers, self._counter, self._feed.notify) if interface is IRestores else None
        )

    @property
    def hears(self) -> bool:
        """
        See L{IConnects}: nobody tells.
        """
        return False

    @property
    def connections(self) -> int:
        """
        See L{IConnects}.
        """
        return self._readers.open + self._writer.connections

    async def start(self) -> None:
        """
        See that the database answers, and begin to ask for what others commit.
        """
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_SECONDS))
        await self._writer.start()
        self._polling.start(POLL_SECONDS)

    async def _poll(self) -> None:
        try:
            revision = await self._points.revision()
        except CancelledError:
            raise
        except StorageError as error:
            if not self._failing and self._polling.running:
                self._log.warn("The database does not answer: {error}", error=error)
            self._failing = True
            return
        if self._failing:
            self._log.info("The database answers again")
        if revision != self._seen or self._failing:
            self._feed.notify()
        self._seen, self._failing = revision, False

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        See L{IChangeFeed.subscribe}.
        """
        return self._feed.subscribe(wake)

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """
        See L{IStorageBackend.commit}.
        """
        if not changes:
            return []
        outcomes = await self._writer.commit(changes)
        self._feed.notify()
        return outcomes

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        """
        See L{IStorageBackend.get}.
        """
        if revision is None:
            return await self._points.get(key)
        return await self._readers.run(mysqlread.read_at, key, revision)

    def _start_read(self, keys: Sequence[Key]) -> Deferred[tuple[int, dict[Key, Version]]]:
        return Deferred.fromCoroutine(self._read_points(keys))

    async def _read_points(self, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
        while True:
            seen = self._counter.revision
            revision, found = await self._readers.run(mysqlread.read_points, keys)
            if await self._counter.note(revision, seen) == revision:
                return revision, found

    async def _recover(self, seen: int) -> int:
        return await self._readers.run(recover, seen)

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        """
        See L{IStorageBackend.list}.
        """
        return await self._noted(
            lambda: self._readers.run(mysqlread.read_page, range, limit, revision), revision
        )

    async def list_joined(self, range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        See L{IStorageBackend.list_joined}.
        """
        return await self._noted(
            lambda: self._readers.run(mysqlread.read_joined, range, limit, revision), revision
        )

    async def _noted(self, read: Callable[[], Awaitable[_P]], revision: int | None) -> _P:
        """
        A page of a database that has not lost what was seen of it; of an old revision it does not tell.
        """
        while True:
            seen = self._counter.revision
            page = await read()
            if revision is not None or await self._counter.note(page.revision, seen) == page.revision:
                return page

    async def count(self, range: Range, revision: int | None = None) -> int:
        """
        See L{IStorageBackend.count}.
        """
        return await self._readers.run(mysqlread.read_count, range, revision)

    async def events(self, after: int, limit: int) -> EventPage:
        """
        See L{IStorageBackend.events}.
        """
        page = await self._readers.run(mysqlread.read_events, after, limit)
        # Watchers are told of it: it must not be used again.
        self._counter.revision = max(self._counter.revision, page.revision)
        return page

    async def current_revision(self) -> int:
        """
        See L{IStorageBackend.current_revision}.
        """
        return await self._points.revision()

    async def compact(self, revision: int) -> int:
        """
        See L{IStorageBackend.compact}.
        """
        await self._readers.run(mysqlcompaction.raise_floor, revision)
        dropped = 0
        while True:
            step = await self._readers.run(mysqlcompaction.sweep, _SWEPT_ROWS)
            if step is None:
                return dropped
            dropped += step

    async def compacted_revision(self) -> int:
        """
        See L{IStorageBackend.compacted_revision}.
        """
        return await self._readers.run(mysqlread.read_floor)

    async def ready(self) -> None:
        """
        See L{IStorageBackend.ready}.
        """
        await self._readers.run(mysqlread.check_writable)

    async def describe(self, kinds: Sequence[Any]) -> None:
        """
        See L{IReportsKinds.describe}.
        """
        await self._readers.run(create_views, tuple(kinds))

    async def close(self) -> None:
        """
        See L{IStorageBackend.close}.
        """
        if self._polling.running:
            self._polling.stop()
        await self._writer.close()
        await self._readers.close()


def _on_the_spot(settings: Settings, *work: Callable[[Session], _T]) -> list[_T]:
    """
    What some functions say of a connection of its own.
    """
    session = Session(settings)
    try:
        return [each(session) for each in work]
    except (StorageError, *DATABASE_ERRORS) as error:
        if isinstance(error, UnusableDatabase):
            raise
        why = error if isinstance(error, StorageError) else translate(error)
        unusable = UnusableDatabase(
            str(why), "Check the --mysql options, and that the server can be reached."
        )
        unusable.passing = is_away(error)
        raise unusable from error
    finally:
        session.close()


def _in_thread(reactor: Any, settings: Settings, *work: Callable[[Session], Any]) -> Deferred[list[Any]]:
    return deferToThreadPool(reactor, reactor.getThreadPool(), _on_the_spot, settings, *work)


async def inspect(config: Mapping[str, Any], reactor: Any) -> SchemaState:
    """
    See L{ark.interfaces.IInspectsSchema.inspect}.
    """
    ((version, _),) = await _in_thread(reactor, connection_settings(config), schema_version)
    return SchemaState(version, max(schema_files()))


async def open_backend(config: Mapping[str, Any], reactor: Any) -> MySQLBackend:
    """
    Open the database that C{config} names, and bring its schema up to date.

    @raise UnusableDatabase: it cannot be opened.
    """
    settings = connection_settings(config)
    await _in_thread(reactor, settings, check_server, migrate)
    backend = MySQLBackend(settings, reactor, int(config.get("mysql_pool_size") or _CONNECTIONS))
    try:
        await backend.start()
    except BaseException:
        await backend.close()
        raise
    return backend
