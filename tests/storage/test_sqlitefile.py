"""
Tests for L{ark.storage.sqlitefile} and L{ark.storage.migrate}: what is opened, and what is refused.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ark.meta.records import DELETED, MODIFIED, Committed, Mismatch, Range
from ark.storage import migrate, sqlite, sqlitefile
from ark.storage.errors import OutcomeUnknown, StorageFull, Unavailable, UnusableDatabase
from ark.storage.sqlitefile import BALLAST_BYTES, Ballast, DatabaseFile, translate
from ark.storage.sqlitestatements import explain
from ark.storage.testing import QUERIES, change, key
from tests.storage.smalldisk import fill, small_disk


class _Cases:
    """
    Opening files.
    """

    def place(self) -> Path:
        case: Any = self
        folder = Path(os.path.abspath(case.mktemp()))
        folder.mkdir()
        return folder / "ark.db"

    def file(self, path: Path, **options: Any) -> DatabaseFile:
        case: Any = self
        file = DatabaseFile(str(path), ballast_bytes=4096, **options)
        case.addCleanup(file.release)
        return file

    def make(self, path: Path) -> None:
        """
        A database that was closed again.
        """
        file = self.file(path)
        file.prepare()
        file.release()

    def refused(self, path: Path, cause: str, **options: Any) -> UnusableDatabase:
        case: Any = self
        with case.assertRaises(UnusableDatabase) as caught:
            self.file(path, **options).prepare()
        error = caught.exception
        case.assertIn(cause, str(error))
        case.assertTrue(error.remedy.endswith("."))
        return error


class OpeningTests(_Cases, SynchronousTestCase):
    """
    Which files are taken.
    """

    def test_created_private(self) -> None:
        """
        A new database, and all that lies beside it, belongs to the server's user alone.
        """
        path = self.place()
        self.make(path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        beside = Path(f"{path}.d")
        self.assertEqual(stat.S_IMODE(beside.stat().st_mode), 0o700)
        for entry in beside.iterdir():
            self.assertEqual(stat.S_IMODE(entry.stat().st_mode), 0o600, entry.name)

    def test_durable(self) -> None:
        """
        Every commit is on the disk before it is acknowledged; readers cannot write.
        """
        path = self.place()
        file = self.file(path)
        file.prepare()
        writer, reader = (dbapi2.connect(str(path), isolation_level=None) for _ in range(2))
        file.configure_writer(writer)
        file.configure_reader(reader)
        self.assertEqual(writer.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(writer.execute("PRAGMA synchronous").fetchone(), (2,))
        with self.assertRaises(dbapi2.OperationalError):
            reader.execute("DELETE FROM ark_meta")
        writer.close()
        reader.close()

    def test_directory(self) -> None:
        """
        A directory is not a database.
        """
        self.refused(self.place().parent, "is a directory")

    def test_no_parent(self) -> None:
        """
        The folder must be there: a mistyped path does not make an empty database.
        """
        self.refused(self.place() / "none" / "ark.db", "is not a directory")

    def test_other_program(self) -> None:
        """
        Another program's SQLite file is not touched.
        """
        path = self.place()
        connection = dbapi2.connect(str(path))
        connection.execute("CREATE TABLE mine (a)")
        connection.close()
        content = path.read_bytes()
        self.refused(path, "another program")
        self.assertEqual(path.read_bytes(), content)

    def test_not_sqlite(self) -> None:
        """
        Neither is a file of another format.
        """
        path = self.place()
        path.write_bytes(b"hello " * 1000)
        self.refused(path, "not an SQLite database")
        self.assertEqual(path.read_bytes(), b"hello " * 1000)

    def test_newer(self) -> None:
        """
        A database of a newer server is refused, with the versions that are known.
        """
        path = self.place()
        self.make(path)
        connection = dbapi2.connect(str(path), isolation_level=None)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.refused(path, "schema version 99; this server knows 1 to")

    def test_log_without_database(self) -> None:
        """
        A write-ahead log whose database is missing or empty is somebody's data.
        """
        path = self.place()
        Path(f"{path}-wal").write_bytes(b"x" * 100)
        self.refused(path, "write-ahead log")
        path.touch()
        self.refused(path, "write-ahead log")

    def test_read_only(self) -> None:
        """
        A file, or a folder, that cannot be written is refused by name.
        """
        path = self.place()
        # The superuser may write to every file, but not to a file system that is read-only.
        superuser = os.geteuid() == 0
        if superuser:
            if subprocess.call(["mount", "-t", "tmpfs", "tmpfs", path.parent]):
                raise SkipTest("needs to mount a file system")
            self.addCleanup(subprocess.call, ["umount", "-l", path.parent])
        self.make(path)
        if superuser:
            subprocess.check_call(["mount", "-o", "remount,ro", path.parent])
        else:
            path.chmod(0o400)
        error = self.refused(path, "Read-only file system" if superuser else "cannot be written by user")
        self.assertIn("read-write" if superuser else "chown", error.remedy)

    def test_flipped_byte(self) -> None:
        """
        A page whose structure is damaged is found at start, in any table, also in the index.
        """
        path = self.place()
        self.make(path)
        connection = dbapi2.connect(str(path), isolation_level=None)
        connection.execute(
            "WITH n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO ark_log "
            "SELECT i, 'r', 's', 'name' || i, 'DELETED', 0, 'u', 0.0, '', hex(zeroblob(1000)) FROM n"
        )
        connection.execute("INSERT INTO ark_object SELECT resource, namespace, name, revision FROM ark_log")
        connection.execute("UPDATE ark_meta SET revision = 400")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        whole = path.read_bytes()
        for page in range(1, len(whole) // 8192):
            damaged = bytearray(whole)
            damaged[page * 8192 + 3] ^= 0xFF  # how many cells the page has
            path.write_bytes(damaged)
            self.refused(path, "damaged")
        path.write_bytes(whole)
        self.make(path)

    def test_truncated(self) -> None:
        """
        A file whose end is missing is damaged.
        """
        path = self.place()
        self.make(path)
        path.write_bytes(path.read_bytes()[:-8192])
        self.refused(path, "damaged")

    def test_counter_behind_log(self) -> None:
        """
        A counter that would give out a revision twice is damage.
        """
        path = self.place()
        self.make(path)
        connection = dbapi2.connect(str(path), isolation_level=None)
        connection.execute("INSERT INTO ark_log VALUES (9, 'r', '', 'n', 'ADDED', 0, 'u', 0.0, '', '{}')")
        connection.close()
        self.refused(path, "counter is behind")

    def test_large_file_check(self) -> None:
        """
        Of a large file only the small tables are checked, so that it starts in time.
        """
        path = self.place()
        self.make(path)
        self.patch(sqlitefile, "CHECKED_BYTES", 0)
        self.make(path)


class LockTests(_Cases, SynchronousTestCase):
    """
    Who else has the file.
    """

    def test_second_server(self) -> None:
        """
        A second server is refused, by another name of the file too, and told who has it.
        """
        path = self.place()
        self.file(path).prepare()
        self.refused(path, f"process {os.getpid()}")
        link = path.parent / "link.db"
        link.symlink_to(path)
        self.refused(link, "in use")
        self.patch(sqlitefile, "_PREPARE_SECONDS", 0)
        self.refused(path, "in use", shared=True)

    def test_other_process(self) -> None:
        """
        The lock holds between processes, and ends with its process.
        """
        path = self.place()
        program = (
            "import sys; from ark.storage.sqlitefile import DatabaseFile; f = DatabaseFile(sys.argv[1]);"
            "f.prepare(); print('open', flush=True); sys.stdin.read()"
        )
        root = Path(sqlitefile.__file__).parents[2]
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
        )
        assert child.stdin is not None and child.stdout is not None
        self.assertEqual(child.stdout.readline(), b"open\n")
        self.refused(path, f"process {child.pid}")
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
        self.make(path)

    def test_siblings(self) -> None:
        """
        Worker processes share the file among themselves, and with nobody else.
        """
        path = self.place()
        self.file(path, shared=True).prepare()
        self.file(path, shared=True).prepare()
        self.refused(path, "in use")

    def test_turns_to_commit(self) -> None:
        """
        Siblings commit in turns; one whose turn does not come in time says so.
        """
        path = self.place()
        one, other = (self.file(path, shared=True) for _ in range(2))
        one.prepare()
        other.prepare()
        one.lock_commits()
        self.patch(sqlitefile, "_BUSY_SECONDS", 0)
        self.assertRaises(Unavailable, other.lock_commits)
        one.unlock_commits()
        other.lock_commits()

    def test_no_migration_under_others(self) -> None:
        """
        A file that others have open is not migrated beneath them.
        """
        path = self.place()
        self.file(path, shared=True).prepare()
        files = {**migrate.schema_files(), 2: "CREATE TABLE more (a);"}
        self.patch(sqlitefile, "schema_files", lambda: files)
        self.refused(path, "has to be migrated", shared=True)


class MigrationTests(_Cases, SynchronousTestCase):
    """
    From an older schema to this one.
    """

    def setUp(self) -> None:
        self.path = self.place()
        self.make(self.path)

    def migrate(self, text: str) -> None:
        files = {**migrate.schema_files(), 2: text}
        self.patch(sqlitefile, "schema_files", lambda: files)

    def read(self, path: Path, text: str) -> Any:
        connection = dbapi2.connect(str(path))
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    def test_applied_once(self) -> None:
        """
        A newer server migrates once, and leaves a copy from before beside the database.
        """
        self.migrate("CREATE TABLE more (a); INSERT INTO more VALUES (1);")
        self.make(self.path)
        self.make(self.path)
        self.assertEqual(self.read(self.path, "SELECT * FROM more"), [(1,)])
        self.assertEqual(self.read(self.path, "PRAGMA user_version"), [(2,)])
        (copy,) = Path(f"{self.path}.d").glob("before-version-2-*.db")
        self.assertEqual(self.read(copy, "PRAGMA user_version"), [(1,)])
        self.assertEqual(self.read(copy, "SELECT revision FROM ark_meta"), [(1,)])
        self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)

    def test_all_or_nothing(self) -> None:
        """
        A migration that fails leaves the database as it was.
        """
        self.migrate("CREATE TABLE more (a); INSERT INTO no_such_table VALUES (1);")
        self.refused(self.path, "no such table")
        self.assertEqual(self.read(self.path, "PRAGMA user_version"), [(1,)])
        self.assertEqual(self.read(self.path, "SELECT 1 FROM sqlite_master WHERE name = 'more'"), [])


class TranslateTests(SynchronousTestCase):
    """
    What the driver's errors mean.
    """

    def test_codes(self) -> None:
        """
        Full and busy are told apart; what fails in the commit itself may have happened.
        """
        for code, committing, expected in (
            (13, True, StorageFull),
            (5, True, Unavailable),
            (6, False, Unavailable),
            (10, False, Unavailable),
            (10 | 4 << 8, True, OutcomeUnknown),
        ):
            error = dbapi2.OperationalError("x")
            error.sqlite_errorcode = code
            self.assertIsInstance(translate(error, committing), expected)


class BallastTests(SynchronousTestCase):
    """
    Room that can be given up.
    """

    def test_life(self) -> None:
        """
        It takes its room, keeps it, gives it up, and takes it again.
        """
        path = Path(self.mktemp())
        ballast = Ballast(path, 100_000)
        self.assertTrue(ballast.reserve())
        self.assertTrue(ballast.reserve())
        self.assertGreaterEqual(path.stat().st_blocks * 512, 100_000)
        ballast.give_up()
        ballast.give_up()
        self.assertFalse(path.exists())

    def test_no_room(self) -> None:
        """
        Where there is not that much room it takes none.
        """
        path = Path(self.mktemp())
        self.assertFalse(Ballast(path, 1 << 60).reserve())
        self.assertFalse(path.exists())


class FullDiskTests(_Cases, TestCase):
    """
    Writing when there is no more room.
    """

    def setUp(self) -> None:
        self.patch(sqlite, "_RESUME_SECONDS", 0.0)

    async def open(self, path: Path, ballast: int) -> Any:
        backend = await sqlite.open_backend({"db_path": str(path), "ballast_bytes": ballast}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def fill(self, backend: Any) -> int:
        """
        Write until the disk is full; return how many were acknowledged.
        """
        number = 0
        while True:
            try:
                await backend.commit([change(key(f"n{number}"), text="x" * 100_000)])
            except StorageFull:
                return number
            number += 1
            self.assertLess(number, 5000)

    async def test_page_limit(self) -> None:
        """
        A full store refuses to write, reads what it has, and goes on when there is room.
        """
        backend = await self.open(self.place(), 4096)

        def limit(connection: Any, pages: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        await backend._run(backend._writer, limit, 200)
        count = await self.fill(backend)
        self.assertGreater(count, 5)
        self.assertEqual(await backend.count(Range(QUERIES)), count)
        self.assertEqual(await backend.current_revision(), count + 1)
        await backend._run(backend._writer, limit, 1 << 30)
        (outcome,) = await backend.commit([change(key("after"))])
        self.assertIsInstance(outcome, Committed)

    async def test_small_disk(self) -> None:
        """
        On a disk that is really full, deletions and compaction make room without a restart.
        """
        folder = self.place().parent
        if os.geteuid() or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder]):
            raise SkipTest("needs to mount a file system")
        self.addCleanup(subprocess.call, ["umount", "-l", folder])
        backend = await self.open(folder / "ark.db", BALLAST_BYTES)
        count = await self.fill(backend)
        with self.assertRaises(StorageFull):
            await backend.ready()
        self.assertEqual((await backend.list(Range(QUERIES), 1000)).versions[0].key, key("n0"))
        with self.assertRaises(StorageFull):
            await backend.commit([change(key("n0"), MODIFIED, 2, "x" * 100_000)])
        for number in range(count - 3):
            await backend.commit([change(key(f"n{number}"), DELETED, number + 2)])
        self.assertEqual(await backend.count(Range(QUERIES)), 3)
        await backend.compact(await backend.current_revision())
        (outcome,) = await backend.commit([change(key("after"), text="x" * 100_000)])
        self.assertIsInstance(outcome, Committed)

    async def test_start_without_room(self) -> None:
        """
        A server that starts on a full disk gives its ballast up for it, so that reads go on; without a
        ballast it says what is wrong.
        """
        folder = small_disk(self, "size=1m")
        backend = await self.open(folder / "ark.db", 256 * 1024)
        await backend.commit([change(key("a"))])
        await backend.close()
        fill(folder, 0).rename(folder / "other")
        backend = await self.open(folder / "ark.db", 256 * 1024)
        self.assertEqual(await backend.count(Range(QUERIES)), 1)
        await backend.close()
        self.assertFalse((folder / "ark.db.d" / "ballast").exists())
        fill(folder, 0)
        error = self.refused(folder / "ark.db", "the disk of")
        self.assertEqual(error.remedy, "Make room on it and start again.")

    async def test_room_again(self) -> None:
        """
        When somebody else gives room back, writing goes on and nothing acknowledged is lost.
        """
        folder = self.place().parent
        if os.geteuid() or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]):
            raise SkipTest("needs to mount a file system")
        self.addCleanup(subprocess.call, ["umount", "-l", folder])
        (folder / "other").write_bytes(bytes(1 << 20))
        backend = await self.open(folder / "ark.db", 256 * 1024)
        count = await self.fill(backend)
        (folder / "other").unlink()
        await deferLater(reactor, 0)
        await backend.ready()
        (outcome,) = await backend.commit([change(key("after"))])
        self.assertIsInstance(outcome, Committed)
        self.assertEqual(await backend.count(Range(QUERIES)), count + 1)
        self.assertTrue((folder / "ark.db.d" / "ballast").exists())


class BackendTests(_Cases, TestCase):
    """
    What is SQLite's own.
    """

    async def open(self, path: Path, **options: Any) -> Any:
        backend = await sqlite.open_backend({"db_path": str(path), "ballast_bytes": 0, **options}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def test_reopened(self) -> None:
        """
        What was written is there after closing and opening, and revisions go on.
        """
        path = self.place()
        backend = await self.open(path)
        await backend.commit([change(key("a")), change(key("b"))])
        await backend.compact(2)
        await backend.close()
        self.assertFalse(Path(f"{path}-wal").exists())
        backend = await self.open(path)
        self.assertEqual(await backend.current_revision(), 3)
        self.assertEqual(await backend.compacted_revision(), 2)
        (outcome,) = await backend.commit([change(key("c"))])
        self.assertEqual(outcome.version.revision, 4)

    async def test_threads_get_their_share(self) -> None:
        """
        A store in use keeps a busy reactor from starving the threads that read and write.
        """
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(0.005)
        await self.open(self.place())
        self.assertLess(sys.getswitchinterval(), 0.0001)

    async def test_copied_while_open(self) -> None:
        """
        SQLite's online backup of a store in use is a store.
        """
        path = self.place()
        backend = await self.open(path)
        await backend.commit([change(key("a"))])
        copy = path.parent / "copy.db"
        await backend._run(backend._writer, lambda source: source.execute("VACUUM INTO ?", (str(copy),)))
        other = await self.open(copy)
        self.assertEqual((await other.get(key("a"))).revision, 2)

    async def test_commits_between_sweeps(self) -> None:
        """
        A long compaction lets commits through.
        """
        backend = await self.open(self.place())
        revision = 1
        for _ in range(5):
            changes = [change(key(f"n{i}"), MODIFIED if revision > 1 else "ADDED", 0) for i in range(300)]
            if revision > 1:
                changes = [each._replace(expected=revision - 300 + i + 1) for i, each in enumerate(changes)]
            for outcome in await backend.commit(changes):
                self.assertIsInstance(outcome, Committed)
            revision = await backend.current_revision()
        order: list[str] = []
        compacting = Deferred.fromCoroutine(backend.compact(revision))
        compacting.addCallback(lambda dropped: order.append(f"dropped {dropped}"))
        await backend.commit([change(key("new"))])
        order.append("written")
        await compacting
        self.assertEqual(order, ["written", "dropped 1200"])

    async def test_pages_cost_their_own_size(self) -> None:
        """
        No statement sorts or keeps more than the page it was asked for.
        """
        backend = await self.open(self.place())
        for plan in await backend._run(backend._readers, explain):
            self.assertNotIn("TEMP B-TREE", plan)
            self.assertNotIn("MATERIALIZE", plan)
            self.assertNotIn("SCAN object", plan)

    async def test_too_big_for_one_value(self) -> None:
        """
        A page whose bodies do not fit into one SQLite value is answered in part.
        """
        backend = await self.open(self.place())
        for number in range(5):
            await backend.commit([change(key(f"n{number}"), text="x" * 100_000)])

        def read(limit: int) -> int:
            if limit > 2:
                error = dbapi2.DataError("string or blob too big")
                error.sqlite_errorcode = 18
                raise error
            return limit

        from ark.storage.sqliteread import _smaller

        self.assertEqual(_smaller(read, 5), 2)

    async def test_mismatch_in_large_batches(self) -> None:
        """
        Every refused change of a batch gets its own current version.
        """
        backend = await self.open(self.place())
        written = await backend.commit([change(key(f"n{i}")) for i in range(100)])
        refused = await backend.commit([change(key(f"n{i}")) for i in range(100)])
        self.assertEqual(refused, [Mismatch(outcome.version) for outcome in written])

    async def test_damage_is_told(self) -> None:
        """
        Whoever reads what a disk has lost is refused, the log says what to do, once, and the store is not ready.
        """
        path = self.place()
        backend = await self.open(path)
        for number in range(300):
            await backend.commit([change(key(f"n{number}"), text="x" * 5000)])
        await backend.close()
        backend = await self.open(path)
        await backend.ready()
        with path.open("r+b") as file:
            for page in range(6, path.stat().st_size // 8192):
                file.seek(page * 8192)
                file.write(b"lost" * 16)
        with capturedLogs() as logs:
            for _ in range(2):
                with self.assertRaises(Unavailable):
                    await backend.list(Range(QUERIES), 1000)
            with self.assertRaisesRegex(Unavailable, "is damaged"):
                await backend.ready()
        (text,) = [formatEvent(event) for event in logs]
        self.assertIn("malformed. Stop every program that uses the file", text)

    async def test_file_replaced(self) -> None:
        """
        A store whose file was replaced under it is not ready: what is written would be lost.
        """
        path = self.place()
        backend = await self.open(path)
        await backend.ready()
        shutil.copy(path, path.parent / "copy.db")
        os.replace(path.parent / "copy.db", path)
        with self.assertRaisesRegex(Unavailable, "replaced or removed"):
            await backend.ready()

    async def test_file_removed(self) -> None:
        """
        Closing a store whose folder was removed meanwhile does not fail.
        """
        path = self.place()
        backend = await self.open(path)
        shutil.rmtree(path.parent)
        await backend.close()
