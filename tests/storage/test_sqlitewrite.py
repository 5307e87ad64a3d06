"""
Tests for L{ark.storage.sqlitewrite}: how many statements a batch is, and what is presumed of it.
"""

from __future__ import annotations

from typing import Any

from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Key, Mismatch
from ark.storage.sqlite import SQLiteBackend, open_backend
from ark.storage.sqlitestatements import LARGEST
from ark.storage.sqlitewrite import BATCHES, write_batch


def change(name: str, expected: int = 0, event: str = "") -> Change:
    """
    A wish about an object of this name.
    """
    event = event or (MODIFIED if expected else ADDED)
    return Change(Key("things", "default", name), expected, event, Body(b'{"v":', b"}"), b"", "u")


class BatchTests(TestCase):
    """
    A backend that has its file to itself, as it believes.
    """

    async def setUp(self) -> None:
        """
        Open it, and listen to what is asked of the database.
        """
        self.path = self.mktemp()
        self.backend: SQLiteBackend = await open_backend(
            {"db_path": self.path, "ballast_bytes": 4096}, reactor
        )
        self.addCleanup(self.backend.close)
        self.asked: list[str] = []

        def listen(connection: Any) -> None:
            # A statement is told again with whatever its triggers do.
            connection.set_trace_callback(lambda text: text in self.asked[-1:] or self.asked.append(text))

        await self.backend._writer.runWithConnection(listen)

    async def committed(self, *changes: Change) -> list[int]:
        """
        The revisions that changes got, C{0} for those that were refused.
        """
        outcomes = await self.backend.commit(changes)
        return [one.version.revision if isinstance(one, Committed) else 0 for one in outcomes]

    def write_beside(self, *changes: Change) -> None:
        """
        Write behind the backend's back.
        """
        connection = dbapi2.connect(self.path, isolation_level=None)
        connection.executescript(BATCHES)
        write_batch(connection, changes)
        connection.close()

    async def test_a_batch_in_which_all_is_as_expected(self) -> None:
        """
        Is one statement, whatever its changes are.
        """
        self.assertEqual(await self.committed(*[change(str(n)) for n in range(LARGEST)]), list(range(2, 66)))
        self.assertEqual(len(self.asked), 1)
        await self.committed(change("0", 2), change("1", 3, DELETED), change("new"))
        self.assertEqual(len(self.asked), 2)

    async def test_what_cannot_be_as_expected(self) -> None:
        """
        Is looked into: one object twice, and one that is to go without being there.
        """
        self.assertEqual(await self.committed(change("a"), change("a")), [2, 0])
        self.assertEqual(await self.committed(change("b"), change("c", 0, DELETED)), [3, 0])
        self.assertEqual(await self.committed(change("a", 2), change("a", 4)), [4, 5])

    async def test_others_than_expected_are_refused_alone(self) -> None:
        """
        With what is there; the rest of the batch is written, from the next revision on.
        """
        await self.committed(change("a"), change("b"))
        outcomes = await self.backend.commit([change("a", 7), change("b", 3), change("c"), change("a")])
        refused = [outcomes[0], outcomes[3]]
        self.assertEqual(
            [one.current and one.current.revision for one in refused if isinstance(one, Mismatch)], [2, 2]
        )
        self.assertEqual([one.version.revision for one in outcomes if isinstance(one, Committed)], [4, 5])

    async def test_a_counter_that_is_not_as_presumed(self) -> None:
        """
        No revision is given out twice, and nothing that somebody else wrote is written over.
        """
        await self.committed(change("a"))
        self.write_beside(change("a", 2), change("b"))
        self.assertEqual(await self.committed(change("a", 2), change("b"), change("c")), [0, 0, 5])
        self.assertEqual(await self.committed(change("a", 3), change("b", 4)), [6, 7])
        page = await self.backend.events(1, 100)
        self.assertEqual([event.version.revision for event in page.events], [2, 3, 4, 5, 6, 7])
