"""
Several servers on one MySQL database, that write, read, follow and compact at once.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest, TestCase

from ark.meta.records import DELETED, MODIFIED, Change, Committed, Event, Key, Range
from ark.storage.mysql import open_backend
from ark.storage.testing import QUERIES, change, key
from tests.storage.mysqlserver import shared_server

KEYS = [key(f"n{index}") for index in range(20)]
BATCHES = 80
KEPT = 100


class ConcurrencyTests(TestCase):
    """
    Writers get in each other's way all the time, and readers see whole histories.
    """

    timeout = 120

    async def setUp(self) -> None:
        """
        Three servers.
        """
        self.writing = 0
        self.seed = random.randrange(1 << 32)
        self.committed = 0
        url = shared_server(SkipTest).url()
        self.backends = []
        for _ in range(3):
            backend: Any = await open_backend({"db_url": url}, reactor)
            self.addCleanup(lambda backend=backend: Deferred.fromCoroutine(backend.close()))
            self.backends.append(backend)

    async def write(self, backend: Any, number: int) -> None:
        """
        Write batches, some of which expect what is not so, or hold a key twice.
        """
        self.writing += 1
        dice = random.Random(self.seed + number)
        for _ in range(BATCHES):
            batch = [await self.wish(backend, dice) for _ in range(dice.randint(1, 8))]
            outcomes = await backend.commit(batch)
            self.committed += sum(isinstance(outcome, Committed) for outcome in outcomes)
        self.writing -= 1

    async def wish(self, backend: Any, dice: random.Random) -> Change:
        """
        A change of some key, which fits if nobody is quicker.
        """
        where: Key = dice.choice(KEYS)
        current = await backend.get(where) if dice.random() < 0.9 else None
        if current is None:
            return change(where)
        return change(where, dice.choice((MODIFIED, MODIFIED, DELETED)), current.revision)

    async def follow(self, backend: Any) -> list[Event]:
        """
        Every event, read as they come.
        """
        found: list[Event] = []
        reached = 1
        while True:
            done = not self.writing
            page = await backend.events(reached, 50)
            found += page.events
            reached = page.revision
            if done and not page.events:
                return found

    async def page(self, backend: Any) -> None:
        """
        Lists of now and of then say the same of one revision.
        """
        while self.writing:
            now = await backend.list(Range(QUERIES), 100)
            self.assertEqual(await backend.list(Range(QUERIES), 100, now.revision), now)
            joined = await backend.list_joined(Range(QUERIES), 7, now.revision)
            self.assertEqual(joined.text, b",".join([version.body for version in now.versions[:7]]))
            self.assertEqual(await backend.count(Range(QUERIES), now.revision), len(now.versions))

    async def compact(self, backend: Any) -> None:
        """
        Keep the log short.
        """
        while self.writing:
            floor = await backend.current_revision() - KEPT
            if floor > 0:
                await backend.compact(floor)

    async def test_every_reader_sees_one_history(self) -> None:
        """
        Each event once, in order, without gaps, with what it replaced.
        """
        _, two, three = self.backends
        work = [
            *(self.write(backend, number) for number, backend in enumerate(self.backends)),
            self.follow(three),
            self.page(two),
        ]
        results = await gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True)
        events = results[3]
        self.assertEqual(
            [event.version.revision for event in events], list(range(2, 2 + self.committed)), self.seed
        )
        live: dict[Key, int] = {}
        for version, before in events:
            self.assertEqual(version.previous, live.get(version.key, 0), self.seed)
            self.assertEqual(before.revision if before else 0, version.previous, self.seed)
            live[version.key] = 0 if version.event == DELETED else version.revision

    async def test_compaction_stands_in_nobodys_way(self) -> None:
        """
        Not even when two servers do it at once.
        """
        one, two, three = self.backends
        work = [
            *(self.write(backend, number) for number, backend in enumerate(self.backends)),
            self.compact(one),
            self.compact(three),
        ]
        await gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True)
        newest = await two.current_revision()
        self.assertEqual(newest, self.committed + 1, self.seed)
        await two.compact(newest)
        live = await two.list(Range(QUERIES), 100)
        self.assertEqual(await two.list(Range(QUERIES), 100, newest), live)
