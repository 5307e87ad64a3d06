"""
A PostgreSQL database that any number of servers share as equals.

A commit is one round trip for its whole batch: a function of the schema takes the lock on
the counter's row, judges each change, writes those that fit and notifies the others
(C{schema/postgresql/001-log.sql}).  Whoever waits for that lock comes later in the order of
revisions, and nobody sees a revision before those below it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from zope.interface import implementer

from ark.interfaces import (
    IChangeFeed,
    IConnects,
    IReportsKinds,
    IRestores,
    IStorageBackend,
    ITellsRevision,
    ITellsSize,
)
from ark.meta.records import (
    EventPage,
    JoinedPage,
    Key,
    Page,
    Range,
    SchemaState,
    Version,
)
from ark.storage.errors import StorageError, Unavailable
from ark.storage.postgresqlerrors import DATABASE_ERRORS, unusable
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqllisten import Listener
from ark.storage.postgresqlmigrate import check_rights, check_server, migrate, schema_files, schema_version
from ark.storage.postgresqlparameters import Row
from ark.storage.postgresqlread import (
    count_of,
    events_of,
    joined_page_of,
    page_of,
    version_of,
)
from ark.storage.postgresqlrestore import PostgreSQLRestore
from ark.storage.postgresqlsession import Session, Sessions
from ark.storage.postgresqlsettings import connection_settings
from ark.storage.postgresqlstatements import (
    COUNT,
    EVENTS,
    GET_AT,
    GETS,
    LIST,
    LIST_JOINED,
    META,
    RAISE_FLOOR,
    RECOVER,
    SWEEP,
    separated,
)
from ark.storage.postgresqlviews import ViewKeeper
from ark.storage.postgresqlwrite import Writer
from ark.storage.ranges import bounds
from ark.storage.served import SWEPT_ROWS, ServedBackend

_CONNECTIONS = 8
_TIMEOUT = 15.0
# As long as a batch takes at most, if nothing is wrong.
_OWN_SECONDS = 0.02
_T = TypeVar("_T")


@implementer(IStorageBackend, IChangeFeed, IConnects, ITellsRevision, ITellsSize)
class PostgreSQLBackend(ServedBackend):
    """
    L{IStorageBackend} over a database whose schema is in place.
    """

    _readers: Sessions

    def __init__(self, settings: Mapping[str, str], reactor: Any, connections: int = _CONNECTIONS) -> None:
        super().__init__(reactor)
        hosts = Hosts(settings, reactor)
        self._readers = Sessions(hosts, reactor, connections, _TIMEOUT)
        self._writer = Writer(Sessions(hosts, reactor, 1, _TIMEOUT), reactor, self._counter, self.get)
        self._listener = Listener(hosts, reactor, _TIMEOUT, self._heard, self._readers.query)
        self._later: Any = None

    def __conform__(self, interface: Any) -> Any:
        if interface is IReportsKinds:
            return ViewKeeper(self._readers)
        return PostgreSQLRestore(self._readers, self._counter) if interface is IRestores else None

    @property
    def hears(self) -> bool:
        """
        See L{IConnects.hears}.
        """
        return self._listener.hears

    def told(self) -> tuple[int, int] | None:
        """
        See L{ITellsRevision.told}.
        """
        listener = self._listener
        return (listener.beginnings, max(listener.newest, self._counter.revision)) if listener.hears else None

    @property
    def connections(self) -> int:
        """
        See L{IConnects.connections}.
        """
        return super().connections + self._listener.open

    async def start(self) -> None:
        """
        See that the database answers, and begin to listen.
        """
        await self._writer.start()
        self._listener.start()

    def _heard(self) -> None:
        """
        Something was committed.

        While a batch of our own is on its way that is likely to be it: its answer comes right after
        the news of it, and then there is nothing to be read.
        """
        if not self._committing:
            self._feed.notify()
        elif self._later is None or not self._later.active():
            self._later = self._reactor.callLater(_OWN_SECONDS, self._feed.notify)

    async def _recover(self, seen: int) -> int:
        ((revision,),) = await self._readers.query(RECOVER, (seen,))
        return int(revision)

    async def _read_points(self, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
        if not keys:
            ((revision, _),) = await self._noted(META, (), 0)
            return revision, {}
        columns = [[member.encode() for member in column] for column in zip(*keys)]
        (_, revision, *_), *rows = await self._noted(GETS, separated(columns), 1)
        found = {}
        for place, *fields in rows:
            key = keys[place - 1]
            found[key] = version_of(key, fields)
        return revision, found

    async def _read_at(self, key: Key, revision: int) -> Version | None:
        rows = await self._readers.query(GET_AT, (*key, revision))
        return next(iter(page_of(key.resource, rows, 1, revision).versions), None)

    async def _noted(self, text: str, parameters: Any, column: int) -> list[Row]:
        """
        Rows of a database that has not lost what was seen of it.

        @param column: where the first row holds the counter.
        """
        while True:
            seen = self._counter.revision
            rows = await self._readers.query(text, parameters)
            revision = rows[0][column]
            if await self._counter.note(revision, seen) == revision:
                return rows

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        """
        See L{IStorageBackend.list}.
        """
        rows = await self._noted(LIST, (*bounds(range), revision, limit + 1), 3)
        return page_of(range.resource, rows, limit, revision)

    async def list_joined(self, range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        See L{IStorageBackend.list_joined}.
        """
        (row,) = await self._noted(LIST_JOINED, (*bounds(range), revision, limit), 0)
        return joined_page_of(row, limit, revision)

    async def count(self, range: Range, revision: int | None = None) -> int:
        """
        See L{IStorageBackend.count}.
        """
        (row,) = await self._readers.query(COUNT, (*bounds(range), revision))
        return count_of(row, revision)

    async def _read_events(self, after: int, limit: int) -> EventPage:
        return events_of(await self._readers.query(EVENTS, (after, limit)), after)

    async def _raise_floor(self, revision: int) -> None:
        await self._readers.query(RAISE_FLOOR, (revision,))

    async def _sweep(self) -> int | None:
        rows = await self._readers.query(SWEEP, (SWEPT_ROWS,))
        return rows[0][1] if rows else None

    async def compacted_revision(self) -> int:
        """
        See L{IStorageBackend.compacted_revision}.
        """
        ((_, floor),) = await self._readers.query(META)
        return int(floor)

    async def size(self) -> int:
        """
        See L{ITellsSize.size}: with what others keep in the same database.
        """
        ((size,),) = await self._readers.query("SELECT pg_database_size(current_database())")
        return int(size)

    async def ready(self) -> None:
        """
        See L{IStorageBackend.ready}.
        """
        ((standby,),) = await self._readers.query("SELECT pg_is_in_recovery()")
        if standby:
            raise Unavailable("PostgreSQL: this server is a standby, which cannot be written to")

    async def close(self) -> None:
        """
        See L{IStorageBackend.close}.
        """
        await self._listener.stop()
        if self._later is not None and self._later.active():
            self._later.cancel()
        await super().close()


async def open_backend(config: Mapping[str, Any], reactor: Any) -> PostgreSQLBackend:
    """
    Open the database that C{config} names, and bring its schema up to date.

    @raise UnusableDatabase: it cannot be opened.
    """
    settings = connection_settings(config)
    await _on_the_spot(settings, reactor, _prepare)
    backend = PostgreSQLBackend(settings, reactor, int(config.get("postgres_pool_size") or _CONNECTIONS))
    try:
        await backend.start()
    except BaseException as error:
        await backend.close()
        if isinstance(error, StorageError):
            raise unusable(error.__cause__ or error, str(error), settings.get("host", "")) from error
        raise
    return backend


async def _prepare(session: Session, timeout: float) -> None:
    await check_server(session, timeout)
    await migrate(session, timeout)
    await check_rights(session, timeout)


async def inspect(config: Mapping[str, Any], reactor: Any) -> SchemaState:
    """
    See L{ark.interfaces.IInspectsSchema.inspect}.
    """
    version, _ = await _on_the_spot(connection_settings(config), reactor, schema_version)
    return SchemaState(version, max(schema_files()))


async def _on_the_spot(
    settings: Mapping[str, str], reactor: Any, work: Callable[[Session, float], Awaitable[_T]]
) -> _T:
    """
    Do something over a connection of its own.
    """
    session = Session(reactor)
    try:
        await session.open(Hosts(settings, reactor), _TIMEOUT)
        return await work(session, _TIMEOUT)
    except (Unavailable, *DATABASE_ERRORS) as error:
        why = error if isinstance(error, Unavailable) else session.told(error)
        raise unusable(error, str(why), settings.get("host", "")) from error
    finally:
        session.close()
