"""
Tests for L{ark_journal}.  Run them with C{python -m twisted.trial tests/test_journal.py}
where both packages are installed.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from ark_journal.backend import JournalBackend
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from ark.meta.records import DELETED, MODIFIED, Range
from ark.storage.errors import StorageFull, UnusableDatabase
from ark.storage.registry import find_storage_factory
from ark.storage.testing import QUERIES, StorageBackendTestsMixin, change, key

reactor: Any = default_reactor


class ContractTests(StorageBackendTestsMixin, TestCase):
    """
    The contract of every backend.
    """

    async def make_backend(self) -> Any:
        return await find_storage_factory("journal").open({"db_path": self.mktemp()}, reactor)


class JournalTests(TestCase):
    """
    What becomes of the file.
    """

    def setUp(self) -> None:
        self.path = self.mktemp()

    async def opened(self, slack: int = 100_000) -> JournalBackend:
        backend = JournalBackend(self.path, reactor, slack)
        await backend.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def written(self, slack: int = 100_000) -> JournalBackend:
        backend = await self.opened(slack)
        await backend.commit([change(key("a")), change(key("b"))])
        await backend.commit([change(key("a"), MODIFIED, 2), change(key("a"), MODIFIED, 2)])
        await backend.commit([change(key("b"), DELETED, 3)])
        return backend

    async def test_everything_is_there_after_a_restart(self) -> None:
        """
        Every version, the counter and the floor, whether the file was made anew or not.
        """
        for slack in (100_000, 0):
            self.path = self.mktemp()
            backend = await self.written(slack)
            for floor in (0, 3, 5):
                await backend.compact(floor)
                found = [
                    await backend.current_revision(),
                    await backend.compacted_revision(),
                    await backend.events(max(floor, 1), 10),
                    await backend.list(Range(QUERIES), 10),
                    await backend.list(Range(QUERIES), 10, floor),
                ]
                await backend.close()
                backend = await self.opened(slack)
                again = [
                    await backend.current_revision(),
                    await backend.compacted_revision(),
                    await backend.events(max(floor, 1), 10),
                    await backend.list(Range(QUERIES), 10),
                    await backend.list(Range(QUERIES), 10, floor),
                ]
                self.assertEqual(again, found)

    async def test_an_end_that_was_torn_off_goes(self) -> None:
        """
        Wherever it was torn: it was not acknowledged.
        """
        backend = await self.written()
        await backend.close()
        content = Path(self.path).read_bytes()
        last = content.rindex(b"\n", 0, -1) + 1
        for length in range(last, len(content)):
            Path(self.path).write_bytes(content[:length])
            backend = await self.opened()
            self.assertEqual(await backend.current_revision(), 4)
            await backend.close()
            self.assertEqual(Path(self.path).read_bytes(), content[:last])

    async def test_a_corrupt_file_is_refused(self) -> None:
        """
        What comes after the damage was acknowledged.
        """
        backend = await self.written()
        await backend.close()
        content = Path(self.path).read_bytes()
        Path(self.path).write_bytes(content.replace(b"uid-of-a", b"uid-of-x", 1))
        await self.assertFailure(Deferred.fromCoroutine(self.opened()), UnusableDatabase)

    async def test_a_second_process_is_kept_out(self) -> None:
        """
        Also after the file was made anew.
        """
        backend = await self.written(0)
        for _ in range(2):
            await self.assertFailure(Deferred.fromCoroutine(self.opened()), UnusableDatabase)
            await backend.compact(3)

    async def test_a_full_disk(self) -> None:
        """
        Nothing of the batch is written, and reads go on; when there is room again, so do writes.
        """
        backend = await self.written()

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        journal: Any = backend._journal
        patch = self.patch(journal, "_write", full)
        await self.assertFailure(Deferred.fromCoroutine(backend.commit([change(key("c"))])), StorageFull)
        self.assertIsNone(await backend.get(key("c")))
        patch.restore()
        await backend.commit([change(key("c"))])
        self.assertEqual((await backend.get(key("c"))).revision, 6)  # type: ignore[union-attr]
