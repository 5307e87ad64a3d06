"""
Tests for L{ark.storage.seenfile}: a file that was put back from a backup uses no revision twice.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ark.interfaces import IRestores
from ark.storage import sqlite
from ark.storage.errors import Compacted
from ark.storage.seencounter import FURTHER
from ark.storage.seenfile import STEP, SeenFile
from ark.storage.sqlitefile import DatabaseFile
from ark.storage.testing import change, key


class SeenFileTests(SynchronousTestCase):
    """
    A number in a file.
    """

    def setUp(self) -> None:
        """
        A place for it.
        """
        self.path = Path(self.mktemp())

    def test_noted_from_time_to_time(self) -> None:
        """
        It is written each so many revisions, and when the counter falls.
        """
        seen = SeenFile(self.path)
        self.assertEqual(seen.read(), 0)
        for revision, noted in ((5, 0), (STEP, STEP), (STEP + 1, STEP), (3 * STEP, 3 * STEP), (7, 7)):
            seen.moved(revision)
            self.assertEqual(SeenFile(self.path).read(), noted)

    def test_what_cannot_be_read_is_not_believed(self) -> None:
        """
        Half a number is none.
        """
        for text in (b"", b"12", b"-0000000000000000012", b"x" * 30):
            self.path.write_bytes(text)
            self.assertEqual(SeenFile(self.path).read(), 0)

    def test_no_place(self) -> None:
        """
        That it cannot be written keeps nobody from going on.
        """
        SeenFile(self.path / "none" / "seen").note(5)


class RestoredTests(TestCase):
    """
    A database that is older than it was.
    """

    def setUp(self) -> None:
        """
        A database with a backup, and a write that came after it.
        """
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.path = folder / "ark.db"
        self.backup = folder / "backup.db"

    async def open(self) -> Any:
        """
        As a server does.
        """
        backend = await sqlite.open_backend({"db_path": str(self.path), "ballast_bytes": 0}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def written(self, number: int) -> Any:
        """
        A store that has a backup from before its last writes.
        """
        backend = await self.open()
        await backend.commit([change(key("a"))])
        with closing(dbapi2.connect(str(self.path), isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(self.backup),))
        for each in range(number):
            await backend.commit([change(key(f"b{each}"))])
        return backend

    def put_back(self) -> None:
        """
        Restore the backup, as an operator does.
        """
        for name in ("-wal", "-shm"):
            Path(f"{self.path}{name}").unlink(missing_ok=True)
        shutil.copy(self.backup, self.path)

    async def test_no_revision_is_used_twice(self) -> None:
        """
        Revisions go on far above those that were given out, and nobody can go on from one that was lost.
        """
        backend = await self.written(2)
        await backend.close()
        self.put_back()
        backend = await self.open()
        self.assertEqual(await backend.current_revision(), 4 + FURTHER)
        with self.assertRaises(Compacted):
            await backend.events(3, 10)
        (outcome,) = await backend.commit([change(key("c"))])
        self.assertEqual(outcome.version.revision, 5 + FURTHER)
        await backend.compact(5 + FURTHER)
        self.assertEqual((await backend.get(key("a"))).revision, 2)
        await backend.close()
        self.assertEqual(await (await self.open()).current_revision(), 5 + FURTHER)
        (error,) = self.flushLoggedErrors() or [None]
        self.assertIsNone(error)

    async def test_a_server_that_was_killed(self) -> None:
        """
        It need not have stopped in good order, if it wrote that much, or was asked whether it is ready.
        """
        for number, look in ((STEP, False), (2, True)):
            backend = await self.written(number)
            if look:
                await backend.ready()
            seen = backend._file.seen.read()
            await backend.close()
            SeenFile(Path(f"{self.path}.d") / "seen").note(seen)
            self.put_back()
            backend = await self.open()
            self.assertGreater(await backend.current_revision(), FURTHER)
            await backend.close()
            shutil.rmtree(self.path.parent)
            self.path.parent.mkdir()

    async def test_a_file_that_was_removed(self) -> None:
        """
        A new database in the place of one that was removed is one that lost everything.
        """
        backend = await self.written(1)
        await backend.close()
        self.path.unlink()
        self.assertEqual(await (await self.open()).current_revision(), 3 + FURTHER)

    async def test_nothing_was_lost(self) -> None:
        """
        A database that is what it was goes on where it was; one whose counter was set back on purpose, too.
        """
        backend = await self.written(STEP + 5)
        await backend.close()
        backend = await self.open()
        self.assertEqual(await backend.current_revision(), STEP + 7)
        restores = IRestores(backend)
        await restores.wipe(9, "moved")
        await backend.close()
        backend = await self.open()
        self.assertEqual(await backend.current_revision(), 9)

    async def test_one_that_is_held_is_left_alone(self) -> None:
        """
        The counter of a database with a mark is whoever's that put the mark there.
        """
        backend = await self.written(0)
        await IRestores(backend).set_mark("moved")
        await backend.close()
        SeenFile(Path(f"{self.path}.d") / "seen").note(99)
        file = DatabaseFile(str(self.path), ballast_bytes=0)
        file.prepare()
        file.release()
        self.assertEqual(await (await self.open()).current_revision(), 2)
