"""
One SQLite file: one thread that writes, a few that read.

Readers never wait for the writer (WAL).  Reads and writes leave the reactor through
L{twisted.enterprise.adbapi}; since a hop to a thread and back costs ten times what an
SQLite read does, the point reads of a reactor turn share one, and a commit is one for
its whole batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from pysqlite3 import dbapi2
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from ark.interfaces import IChangeFeed, IReportsKinds, IRestores, IStorageBackend, ITellsSize
from ark.meta.records import (
    DELETED,
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
from ark.storage import sqliteread
from ark.storage.changefeed import ChangeFeed
from ark.storage.errors import StorageError, StorageFull, Unavailable
from ark.storage.pointreads import PointReads
from ark.storage.sqlitebatch import Batch, presumed
from ark.storage.sqlitefile import (
    BesideFile,
    DatabaseFile,
    disk_trouble,
    empty_log,
    schema_state,
    translate,
)
from ark.storage.sqliterestore import SQLiteRestore
from ark.storage.sqlitestatements import LARGEST
from ark.storage.sqliteviews import create_views
from ark.storage.sqlitewrite import BATCHES, raise_floor, sweep, write_batch
from ark.storage.workerwake import WorkerWake

_READERS = 2
_SWEPT_ROWS = 200
_RESUME_SECONDS = 1.0
_TELL_SECONDS = 60.0
# How long a thread waits before it asks the reactor's for the interpreter.  Each time the
# reactor gives it away for a moment the wait begins anew, so with the default of 5 ms a
# reactor whose turns are shorter than that, and always busy, kept a batch waiting for
# seconds; with this one it took 4 to 15 ms, and the CPU was the same.
_SWITCH_SECONDS = 0.00002

_T = TypeVar("_T")


@implementer(IStorageBackend, IChangeFeed, IReportsKinds, ITellsSize)
class SQLiteBackend:
    """
    L{IStorageBackend} over a file that L{DatabaseFile.prepare} has made ready.
    """

    _log = Logger()

    def __init__(self, file: DatabaseFile, reactor: Any) -> None:
        self._file = file
        self._reactor = reactor
        self._feed = ChangeFeed(reactor)
        self._wake = WorkerWake(file.folder, self._feed.notify, reactor) if file.shared else None
        self._writer = _pool(file, reactor, 1, self._configure_writer)
        self._readers = _pool(file, reactor, _READERS, file.configure_reader)
        self._points = PointReads(reactor, self._start_read)
        self._revision = 0
        self._full_since: float | None = None
        self._told_at: float | None = None
        self._damaged = False
        self._active = 0
        self._idle: list[Deferred[None]] = []
        self._closed = False

    def _configure_writer(self, connection: Any) -> None:
        self._file.configure_writer(connection)
        connection.executescript(BATCHES)

    async def start(self) -> None:
        """
        Read the counter; begin to listen to other processes.
        """
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_SECONDS))
        if self._wake is not None:
            self._wake.start()
        self._revision, _ = await self._run(self._writer, sqliteread.read_revision)

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        See L{IChangeFeed.subscribe}.
        """
        return self._feed.subscribe(wake)

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """
        See L{IStorageBackend.commit}.

        On a full disk, a batch of nothing but deletions still has a chance: the ballast
        was given up for it.
        """
        alone = not self._file.shared and len(changes) <= LARGEST
        batch = presumed(changes, self._revision) if alone else None
        revision, outcomes = await self._run(self._writer, self._write, changes, batch)
        if revision > self._revision:
            self._moved(revision)
        return outcomes

    def _moved(self, revision: int) -> None:
        self._revision = revision
        self._feed.notify()
        if self._wake is not None:
            self._wake.tell()

    def __conform__(self, interface: Any) -> Any:
        if interface is not IRestores:
            return None
        write = partial(self._run, self._writer, self._exclusively)
        return SQLiteRestore(partial(self._run, self._readers), write, self._moved)

    def _write(
        self, connection: Any, changes: Sequence[Change], batch: Batch | None
    ) -> tuple[int, list[Outcome]]:
        stuck = self._full_since is not None and not self._resume(connection)
        deletions = all(change.event == DELETED for change in changes)
        if stuck and not deletions:
            raise StorageFull("the disk is full")
        try:
            written = self._exclusively(connection, write_batch, changes, batch)
        except StorageFull:
            if not deletions:
                raise
            written = self._exclusively(connection, write_batch, changes)
        self._file.seen.moved(written[0])
        return written

    def _exclusively(self, connection: Any, write: Callable[..., _T], *arguments: Any) -> _T:
        """
        Call C{write(connection, *arguments)} while no other process writes.
        """
        self._file.lock_commits()
        try:
            return write(connection, *arguments)
        except StorageFull:
            self._make_room(connection)
            raise
        except dbapi2.Error as error:
            failure = translate(error)
            if isinstance(failure, StorageFull):
                self._make_room(connection)
            raise failure from error
        finally:
            self._file.unlock_commits()

    def _make_room(self, connection: Any) -> None:
        """
        Give the ballast up, and use its room to empty the write-ahead log.
        """
        if self._full_since is None:
            self._log.error(
                "The disk of {path} is full: only deletions are taken until there is room again. Reads and watches "
                "go on; free some, and writes go on within seconds.",
                path=self._file.path,
            )
        self._full_since = monotonic()
        self._file.ballast.give_up()
        empty_log(connection)

    def _resume(self, connection: Any) -> bool:
        """
        Try, once a second at most, whether there is room again: on the disk for the
        ballast, or as much inside the file.
        """
        now = monotonic()
        if self._full_since is not None and now - self._full_since >= _RESUME_SECONDS:
            self._full_since = now
            if self._file.ballast.reserve() or self._file.has_room(connection):
                self._full_since = None
                self._log.info("There is room on the disk of {path} again", path=self._file.path)
        return self._full_since is None

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        """
        See L{IStorageBackend.get}.
        """
        if revision is None:
            return await self._points.get(key)
        return await self._run(self._readers, sqliteread.read_at, key, revision)

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        """
        See L{IStorageBackend.list}.
        """
        return await self._run(self._readers, sqliteread.read_page, range, limit, revision)

    async def list_joined(self, range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        See L{IStorageBackend.list_joined}.
        """
        return await self._run(self._readers, sqliteread.read_joined, range, limit, revision)

    async def count(self, range: Range, revision: int | None = None) -> int:
        """
        See L{IStorageBackend.count}.
        """
        return await self._run(self._readers, sqliteread.read_count, range, revision)

    async def events(self, after: int, limit: int) -> EventPage:
        """
        See L{IStorageBackend.events}.
        """
        return await self._run(self._readers, sqliteread.read_events, after, limit)

    async def current_revision(self) -> int:
        """
        See L{IStorageBackend.current_revision}.

        Known without asking the database while no other process can write to it.
        """
        if self._file.shared:
            return await self._points.revision()
        self._check_open()
        return self._revision

    async def compact(self, revision: int) -> int:
        """
        See L{IStorageBackend.compact}.

        Goes in steps of a few milliseconds, between which commits have their turn.
        """
        await self._run(self._writer, self._exclusively, raise_floor, revision)
        dropped = 0
        while True:
            step = await self._run(self._writer, self._sweep)
            if step is None:
                return dropped
            dropped += step

    def _sweep(self, connection: Any) -> int | None:
        dropped: int | None = self._exclusively(connection, sweep, _SWEPT_ROWS)
        return dropped

    async def compacted_revision(self) -> int:
        """
        See L{IStorageBackend.compacted_revision}.
        """
        _, floor = await self._run(self._readers, sqliteread.read_revision)
        return int(floor)

    async def size(self) -> int:
        """
        See L{ITellsSize.size}: the file, and the log of what is not in it yet.
        """
        return await self._run(self._readers, lambda _connection: self._file.size())

    async def ready(self) -> None:
        """
        See L{IStorageBackend.ready}.
        """
        await self._run(self._writer, self._try_write)
        await self._run(self._readers, sqliteread.read_revision)

    def _try_write(self, connection: Any) -> None:
        self._file.check_same()
        if self._damaged:
            raise Unavailable(f"{self._file.path} is damaged")
        if self._full_since is not None and not self._resume(connection):
            raise StorageFull("the disk is full")
        self._exclusively(connection, _begin_and_end)
        self._file.remember(connection)

    async def describe(self, kinds: Sequence[Any]) -> None:
        """
        See L{IReportsKinds.describe}.
        """
        await self._run(self._writer, self._exclusively, create_views, tuple(kinds))

    async def close(self) -> None:
        """
        See L{IStorageBackend.close}.
        """
        if self._closed:
            return
        self._closed = True
        if self._active:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle
        if self._wake is not None:
            await self._wake.stop()
        await self._writer.runWithConnection(self._file.leave)
        self._readers.close()
        self._writer.close()
        self._file.release()

    def _tell(self, error: BaseException | None) -> None:
        """
        Say in the log that the disk fails, or lost something.
        """
        trouble = disk_trouble(error)
        if trouble is None:
            return
        damaged, remedy = trouble
        self._damaged = self._damaged or damaged
        if self._told_at is None or monotonic() - self._told_at >= _TELL_SECONDS:
            self._told_at = monotonic()
            self._log.error(
                "The database {path} failed: {error}. {remedy}",
                path=self._file.path,
                error=error,
                remedy=remedy,
            )

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")

    def _start_read(self, keys: Sequence[Key]) -> Deferred[tuple[int, dict[Key, Version]]]:
        read = sqliteread.read_points if keys else sqliteread.read_revision_alone
        return Deferred.fromCoroutine(self._run(self._readers, read, keys))

    async def _run(self, pool: Any, work: Callable[..., _T], *arguments: Any) -> _T:
        self._check_open()
        self._active += 1
        try:
            result: _T = await pool.runWithConnection(work, *arguments)
            return result
        except CancelledError:
            raise
        except StorageError as error:
            self._tell(error.__cause__)
            raise
        except dbapi2.Error as error:
            self._tell(error)
            raise translate(error) from error
        except Exception as error:
            raise Unavailable(f"the database failed: {error!r}") from error
        finally:
            self._active -= 1
            if self._closed and not self._active:
                idle, self._idle = self._idle, []
                for waiter in idle:
                    waiter.callback(None)


def _begin_and_end(connection: Any) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _pool(file: DatabaseFile, reactor: Any, threads: int, configure: Callable[[Any], None]) -> Any:
    return ConnectionPool(  # type: ignore[no-untyped-call]  # adbapi has no annotations
        "pysqlite3.dbapi2",
        str(file.path),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        cp_reactor=reactor,
        cp_min=1,
        cp_max=threads,
        cp_noisy=False,
        cp_openfun=configure,
    )


async def open_backend(config: Mapping[str, Any], reactor: Any) -> SQLiteBackend:
    """
    Open C{config["db_path"]}; shared with other processes when C{config["workers"]} is above 1.

    @raise ark.storage.errors.UnusableDatabase: it cannot be opened.
    """
    shared = int(config.get("workers") or 1) > 1
    return await _opened(DatabaseFile(config["db_path"], shared, **_only(config, "ballast_bytes")), reactor)


async def open_beside(config: Mapping[str, Any], reactor: Any) -> SQLiteBackend:
    """
    See L{ark.interfaces.IOpensBeside.open_beside}.
    """
    return await _opened(BesideFile(config["db_path"], shared=True), reactor)


async def _opened(file: DatabaseFile, reactor: Any) -> SQLiteBackend:
    await deferToThreadPool(reactor, reactor.getThreadPool(), file.prepare)
    backend = SQLiteBackend(file, reactor)
    try:
        await backend.start()
    except BaseException:
        await backend.close()
        raise
    return backend


async def inspect(config: Mapping[str, Any], reactor: Any) -> SchemaState:
    """
    See L{ark.interfaces.IInspectsSchema.inspect}.
    """
    state: SchemaState = await deferToThreadPool(
        reactor, reactor.getThreadPool(), schema_state, config["db_path"]
    )
    return state


def _only(config: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: config[name] for name in names if name in config}
