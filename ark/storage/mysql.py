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

from ark.interfaces import IChangeFeed, IConnects, IReportsKinds, IRestores, IStorageBackend, ITellsSize
from ark.meta.records import (
    EventPage,
    JoinedPage,
    Key,
    Page,
    Range,
    SchemaState,
    Version,
)
from ark.storage import mysqlcompaction, mysqlread
from ark.storage.errors import StorageError, UnusableDatabase
from ark.storage.mysqlerrors import DATABASE_ERRORS, is_away, remedy_of, translate
from ark.storage.mysqlmigrate import check_server, migrate, schema_files, schema_version
from ark.storage.mysqlpool import Sessions
from ark.storage.mysqlrestore import MySQLRestore
from ark.storage.mysqlsession import Session
from ark.storage.mysqlsettings import Settings, connection_settings
from ark.storage.mysqlviews import create_views
from ark.storage.mysqlwrite import recover
from ark.storage.mysqlwriter import Writer
from ark.storage.served import SWEPT_ROWS, ServedBackend

POLL_SECONDS = 0.25
_CONNECTIONS = 4
# See ark.storage.sqlite: threads must get their turn beside a busy reactor.
_SWITCH_SECONDS = 0.00002

_T = TypeVar("_T")
_P = TypeVar("_P", Page, JoinedPage)


@implementer(IStorageBackend, IChangeFeed, IConnects, IReportsKinds, ITellsSize)
class MySQLBackend(ServedBackend):
    """
    L{IStorageBackend} over a database whose schema is in place.
    """

    _readers: Sessions

    _log = Logger()

    def __init__(self, settings: Settings, reactor: Any, connections: int = _CONNECTIONS) -> None:
        super().__init__(reactor)
        self._readers = Sessions(settings, reactor, connections)
        self._writer = Writer(Sessions(settings, reactor, 1), reactor, self._counter, self.get)
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

    async def _read_points(self, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
        while True:
            seen = self._counter.revision
            revision, found = await self._readers.run(mysqlread.read_points, keys)
            if await self._counter.note(revision, seen) == revision:
                return revision, found

    async def _read_at(self, key: Key, revision: int) -> Version | None:
        return await self._readers.run(mysqlread.read_at, key, revision)

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

    async def _read_events(self, after: int, limit: int) -> EventPage:
        return await self._readers.run(mysqlread.read_events, after, limit)

    async def _raise_floor(self, revision: int) -> None:
        await self._readers.run(mysqlcompaction.raise_floor, revision)

    async def _sweep(self) -> int | None:
        return await self._readers.run(mysqlcompaction.sweep, SWEPT_ROWS)

    async def compacted_revision(self) -> int:
        """
        See L{IStorageBackend.compacted_revision}.
        """
        return await self._readers.run(mysqlread.read_floor)

    async def size(self) -> int:
        """
        See L{ITellsSize.size}: as the server's statistics have it, which may be a day old.
        """
        return await self._readers.run(mysqlread.read_size)

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
        await super().close()


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
        raise _unusable(error) from error
    finally:
        session.close()


def _unusable(error: BaseException) -> UnusableDatabase:
    """
    How an operator is told of an error, and whether it may pass.
    """
    why = error if isinstance(error, StorageError) else translate(error)
    unusable = UnusableDatabase(str(why), remedy_of(error))
    unusable.passing = is_away(error)
    return unusable


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
    except BaseException as error:
        await backend.close()
        if isinstance(error, StorageError):
            raise _unusable(error) from error
        raise
    return backend
