"""
The SQLite file and what lies beside it: who may open it, in what state, with what settings.

Beside C{ark.db} there is a folder C{ark.db.d}: the lock that keeps a second server out,
a ballast file that is given up when the disk is full, the newest revision that was given out,
a copy of the database from before each migration, and the sockets through which worker
processes wake each other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pysqlite3 import dbapi2
from twisted.logger import Logger

from ark.meta.records import SchemaState
from ark.storage.errors import OutcomeUnknown, StorageError, StorageFull, Unavailable, UnusableDatabase
from ark.storage.migrate import check_version, migrate, schema_files
from ark.storage.seencounter import FURTHER
from ark.storage.seenfile import SeenFile
from ark.storage.sqlitelibrary import check_library
from ark.storage.sqliteplace import check_place, no_place, room

#: Up to this size every page is checked at each start (about 1 second a GiB); above it
#: only the tables that cannot be wrong in a corner without all of it being wrong.
CHECKED_BYTES = 256 * 1024 * 1024
BALLAST_BYTES = 16 * 1024 * 1024

_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26
_REFUSED = 1811  # SQLITE_CONSTRAINT_TRIGGER: the database has a mark
#: What SQLite wants beside the file before it reads any of it: memory that processes share, and a log.
_LEAST_ROOM = 128 * 1024
_PAGE_SIZE = 8192
_BUSY_SECONDS = 5
_PREPARE_SECONDS = 30.0
_TURN_SECONDS = 0.0003

_COMMON_SETTINGS = (
    f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}; PRAGMA cache_size = -32768; "
    "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
)
#: FULL makes each commit wait for the disk; with NORMAL a loss of power takes every commit
#: since the last checkpoint.
WRITER_SETTINGS = (
    f"{_COMMON_SETTINGS} PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; "
    "PRAGMA journal_size_limit = 67108864;"
)
READER_SETTINGS = f"{_COMMON_SETTINGS} PRAGMA query_only = ON;"

_RESTORE = (
    "Stop every program that uses the file, keep a copy of it and of its -wal file, and restore a backup; "
    "without one, the sqlite3 shell's .recover command saves what can be read."
)


def translate(error: dbapi2.Error, committing: bool = False) -> StorageError:
    """
    What an exception of the driver means to those above.

    @param committing: it came out of the commit itself, so that after an I/O error the
        batch may have reached the disk.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == _FULL:
        return StorageFull("the disk is full")
    if code in (_BUSY, _LOCKED):
        return Unavailable("the database is busy: another program holds its lock")
    if getattr(error, "sqlite_errorcode", 0) == _REFUSED:
        return Unavailable(str(error))
    # What a constraint forbids is undone.
    if committing and not isinstance(error, dbapi2.IntegrityError):
        return OutcomeUnknown(f"the commit failed: {error}")
    return Unavailable(f"the database failed: {error}")


def disk_trouble(error: BaseException | None) -> tuple[bool, str] | None:
    """
    Whether an exception of the driver tells of damage, and what to do; L{None} if the disk did its part.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (_CORRUPT, _NOTADB):
        return True, _RESTORE
    if code in (_IOERR, _READONLY, _CANTOPEN):
        return False, "Look after its disk."
    return None


def empty_log(connection: Any) -> None:
    """
    Move what is in the write-ahead log into the file, as far as readers and room allow.

    After it the file is whole without its log, for those who copy it.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except dbapi2.Error:
        return


class Ballast:
    """
    Room on the disk that is kept so that it can be given up.

    On a full disk nothing can be cleaned up, because deleting and compacting write too.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.size = size
        self._path = path

    def reserve(self) -> bool:
        """
        Take the room if there is that much and a quarter more; tell whether it is taken.
        """
        try:
            if self._path.exists() and self._path.stat().st_size >= self.size:
                return True
            if room(self._path) < self.size + self.size // 4:
                return False
            with open(self._path, "wb", opener=_private) as file:
                _fill(file.fileno(), self.size)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        """
        Give the room back to the file system.
        """
        try:
            self._path.unlink()
        except OSError:
            return


def _fill(descriptor: int, size: int) -> None:
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif size:
        os.write(descriptor, bytes(size))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True


class DatabaseFile:
    """
    One SQLite file, opened by this process.

    @param shared: other processes of the same server may open it too.
    @ivar folder: what lies beside the file.
    @ivar seen: the newest revision that was given out.
    """

    _log = Logger()

    def __init__(self, path: str, shared: bool = False, ballast_bytes: int = BALLAST_BYTES) -> None:
        self.path = Path(os.path.realpath(path))
        self.shared = shared
        self.folder = Path(f"{self.path}.d")
        self.ballast = Ballast(self.folder / "ballast", ballast_bytes)
        self.seen = SeenFile(self.folder / "seen")
        self._lock = -1
        self._commit_lock = -1
        self._opened: tuple[int, int] | None = None

    def prepare(self) -> None:
        """
        Lock, check, create or migrate.  Blocks; for a thread.

        @raise UnusableDatabase: with the cause and what to do about it.
        """
        try:
            check_place(self.path)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            alone = self._take_lock()
            self._open_database(alone)
            if self.shared:
                fcntl.flock(self._lock, fcntl.LOCK_SH)
                self._commit_lock = os.open(self.folder / "commit.lock", os.O_RDWR | os.O_CREAT, 0o600)
            self.ballast.reserve()
            self._opened = _identity(self.path)
        except OSError as error:
            self.release()
            raise no_place(error, self.path) from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """
        Let other processes have the file.
        """
        for descriptor in (self._lock, self._commit_lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self._commit_lock = -1

    def leave(self, connection: Any) -> None:
        """
        Before the last connection closes: leave a file that is whole, and what it knew.
        """
        with suppress(dbapi2.Error):
            self.remember(connection)
        empty_log(connection)

    def remember(self, connection: Any) -> None:
        """
        Take note of the newest revision.
        """
        self.seen.note(*connection.execute("SELECT revision FROM ark_meta").fetchone())

    def size(self) -> int:
        """
        How many bytes the file takes, and the log beside it.  Blocks; for a thread.
        """
        log = Path(f"{self.path}-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def check_same(self) -> None:
        """
        See that the file which is open is the one that others would find.

        @raise Unavailable: it was replaced, or removed: what is written is lost when the server stops.
        """
        if _identity(self.path) != self._opened:
            raise Unavailable(
                f"{self.path} is not the file that was opened: it was replaced or removed under the server"
            )

    def lock_commits(self) -> None:
        """
        Wait for this process's turn to commit.  Blocks; for the writer thread.

        SQLite would poll its own lock with pauses of up to 100 ms.

        @raise Unavailable: it did not come in time; a sibling may be stopped.
        """
        if not self.shared:
            return
        deadline = time.monotonic() + _BUSY_SECONDS
        while not _try_lock(self._commit_lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Unavailable("the database is busy: another process of the server holds its lock")
            time.sleep(_TURN_SECONDS)

    def unlock_commits(self) -> None:
        """
        Let the next process commit.
        """
        if self.shared:
            fcntl.flock(self._commit_lock, fcntl.LOCK_UN)

    def has_room(self, connection: Any) -> bool:
        """
        Whether pages that compaction has freed are worth the ballast.
        """
        ((pages,),) = connection.execute("PRAGMA freelist_count").fetchall()
        return bool(pages * _PAGE_SIZE > self.ballast.size)

    def configure_writer(self, connection: Any) -> None:
        """
        Set up the one connection that writes.
        """
        connection.executescript(WRITER_SETTINGS)

    def configure_reader(self, connection: Any) -> None:
        """
        Set up a connection that can only read.
        """
        connection.executescript(READER_SETTINGS)

    def _take_lock(self) -> bool:
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _PREPARE_SECONDS
        while True:
            for mode in (fcntl.LOCK_EX, fcntl.LOCK_SH)[: 2 if self.shared else 1]:
                if not _try_lock(self._lock, mode):
                    continue
                if mode == fcntl.LOCK_EX:
                    os.ftruncate(self._lock, 0)
                    os.pwrite(self._lock, b"%d\n" % os.getpid(), 0)
                return mode == fcntl.LOCK_EX
            # A sibling that came first may still be preparing the file for all of us.
            if not self.shared or time.monotonic() > deadline:
                raise self._in_use()
            time.sleep(0.05)

    def _in_use(self) -> UnusableDatabase:
        holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        return UnusableDatabase(
            f"{self.path} is in use by another server (process {holder})",
            "Stop that server, or give this one a --db-path of its own.",
        )

    def _open_database(self, alone: bool) -> None:
        check_library()
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            try:
                self._look_inside(alone)
            except dbapi2.Error as error:
                if not self._is_full(error):
                    raise
                self.ballast.give_up()
                self._look_inside(alone)
        except dbapi2.Error as error:
            raise self._unusable(error) from error

    def _look_inside(self, alone: bool) -> None:
        connection = dbapi2.connect(str(self.path), isolation_level=None)
        try:
            self._check_database(connection, alone)
            if alone:
                self._check_counter(connection)
        finally:
            connection.close()

    def _check_counter(self, connection: Any) -> None:
        """
        Go on far above what was given out, if the file does not know of it: it was restored, or lost.
        """
        seen = self.seen.read()
        ((revision,),) = connection.execute("SELECT revision FROM ark_meta").fetchall()
        if revision >= seen:
            return
        further = seen + FURTHER
        try:
            connection.execute(
                "UPDATE ark_meta SET revision = ?1, compacted_revision = ?1", (further,)
            ).fetchall()
        except dbapi2.IntegrityError:
            return  # It has a mark: whoever moves it sets its counter.
        self.seen.note(further)
        self._log.error(
            "The database lost revisions {first} to {last}, as one that was restored has: they are not used again, "
            "and all watches begin anew",
            first=revision + 1,
            last=seen,
        )

    def _is_full(self, error: dbapi2.Error) -> bool:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # Where there is no room for what processes share, SQLite speaks of an I/O error.
        return code == _FULL or (code == _IOERR and room(self.path) < _LEAST_ROOM)

    def _unusable(self, error: dbapi2.Error) -> UnusableDatabase:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == _NOTADB:
            return UnusableDatabase(
                f"{self.path} is not an SQLite database, or its header is damaged", _RESTORE
            )
        if code == _CORRUPT:
            return UnusableDatabase(f"{self.path} is damaged: {error}", _RESTORE)
        if code in (_BUSY, _LOCKED):
            return UnusableDatabase(
                f"{self.path} is locked by another program",
                "Close the program that has it open and try again.",
            )
        if self._is_full(error):
            return UnusableDatabase(f"the disk of {self.path} is full", "Make room on it and start again.")
        if code in (_READONLY, _CANTOPEN, _IOERR):
            return UnusableDatabase(
                f"{self.path} cannot be opened for writing: {error}",
                "Keep it on a local disk that is mounted read-write and that the server's user may write to.",
            )
        return UnusableDatabase(f"{self.path} cannot be opened: {error}", _RESTORE)

    def _check_database(self, connection: Any, alone: bool) -> None:
        files = schema_files()
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        version = check_version(connection, max(files))
        if version:
            self._check_integrity(connection)
        else:
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        if mode != "wal":
            raise UnusableDatabase(
                f"the file system of {self.path} cannot share memory between processes",
                "Keep the database on a local disk, not on a network share.",
            )
        if version == max(files):
            return
        if not alone:
            raise UnusableDatabase(
                f"{self.path} has to be migrated, but other processes have it open",
                "Stop the other servers that use it and start again.",
            )
        if version:
            self._back_up(connection, version)
        migrate(connection, version, files)

    def _back_up(self, connection: Any, version: int) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = self.folder / f"before-version-{version + 1}-{stamp}.db"
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        copy = dbapi2.connect(str(target), isolation_level=None)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _check_integrity(self, connection: Any) -> None:
        small = self.path.stat().st_size <= CHECKED_BYTES
        for check in ("",) if small else ("(ark_meta)", "(ark_object)"):
            ((verdict, *_), *_) = connection.execute(f"PRAGMA quick_check{check}").fetchall()
            if verdict != "ok":
                raise UnusableDatabase(f"{self.path} is damaged: {verdict}", _RESTORE)
        rows = connection.execute(
            "SELECT ark_meta.revision, (SELECT max(revision) FROM ark_log) FROM ark_meta"
        ).fetchall()
        if len(rows) != 1 or rows[0][0] < (rows[0][1] or 1):
            raise UnusableDatabase(f"{self.path} is damaged: its counter is behind its log", _RESTORE)


class BesideFile(DatabaseFile):
    """
    A SQLite file that a server may have open: nobody is kept out, and nothing is migrated.
    """

    def prepare(self) -> None:
        """
        See that it can be read as it is.  Blocks; for a thread.

        @raise UnusableDatabase: with the cause and what to do about it.
        """
        state = schema_state(str(self.path))
        if state.version != state.newest:
            what = f"has schema version {state.version}" if state.version else "is not there, or empty"
            raise UnusableDatabase(
                f"{self.path} {what}; this release knows version {state.newest}",
                "Name the right file; run ark-server migrate if it is of an older release.",
            )
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._commit_lock = os.open(self.folder / "commit.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._opened = _identity(self.path)

    def leave(self, connection: Any) -> None:
        """
        Leave all to those that it belongs to.
        """
        empty_log(connection)

    def remember(self, connection: Any) -> None:
        """
        Leave that to them, too.
        """


def schema_state(path: str) -> SchemaState:
    """
    The schema of the database at C{path}, which is only read.  Blocks; for a thread.

    @raise UnusableDatabase: it is no database, or another program's.
    """
    newest = max(schema_files())
    if not Path(path).exists():
        return SchemaState(0, newest)
    try:
        connection = dbapi2.connect(f"file:{quote(path)}?mode=ro", uri=True)
        try:
            return SchemaState(check_version(connection, newest), newest)
        finally:
            connection.close()
    except dbapi2.Error as error:
        remedy = "Give --db-path a database of this server."
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == _IOERR and room(Path(path)) < _LEAST_ROOM:
            remedy = "Make room on its disk first."
        raise UnusableDatabase(f"{path}: {error}", remedy) from error
