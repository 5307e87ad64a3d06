"""
How often PostgreSQL is asked: seen on the wire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from ark.meta.records import MODIFIED, Committed, Range
from ark.registry.namespaces import NamespacePhases
from ark.storage.committer import Committer
from ark.storage.postgresql import open_backend
from ark.storage.testing import QUERIES, change, key
from ark.watch.cacher import Cacher
from tests.storage.postgresqlserver import shared_server
from tests.storage.way import Way, until

reactor: Any = default_reactor


class RoundTripTests(TestCase):
    """
    One process of a server, whose way to the database counts.
    """

    timeout = 60

    async def setUp(self) -> None:
        url = shared_server(SkipTest).url()
        port = shared_server(SkipTest).port
        self.way = Way(port, frames=True)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.way.close()))
        self.backend = await self.opened(url.replace(str(port), str(self.way.port)))
        self.other = await self.opened(url)
        self.committer = Committer(self.backend, reactor)
        self.cacher = Cacher(self.backend, self.committer, reactor)
        await self.cacher.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cacher.stop()))
        await until(lambda: self.backend.hears, "notifications")
        # The first read after that is one of its own, and opens a connection.
        await gatherResults([Deferred.fromCoroutine(self.backend.list(Range(QUERIES), 1)) for _ in range(8)])
        await self.settle()

    async def opened(self, url: str) -> Any:
        """
        A backend that is closed after the test.
        """
        backend = await open_backend({"db_url": url}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def settle(self) -> None:
        """
        Until nothing is asked any more.
        """
        before = -1
        while before != self.way.answers:
            before = self.way.answers
            await deferLater(reactor, 0.2, lambda: None)

    async def count(self, number: int, work: Callable[[int], Awaitable[Any]]) -> int:
        """
        How many round trips something takes that is done so many times at once.
        """
        before = self.way.answers
        await gatherResults([Deferred.fromCoroutine(_awaited(work(each))) for each in range(number)])
        await self.settle()
        return self.way.answers - before

    async def test_one_write(self) -> None:
        """
        Takes one, and what it wakes finds nothing to ask for.
        """
        self.assertEqual(await self.count(1, lambda _: self.cacher.commit(change(key("a")))), 1)

    async def test_writes_share(self) -> None:
        """
        Writes of one turn take one between them; those that come meanwhile one more.
        """

        async def twice(number: int) -> None:
            outcome = await self.cacher.commit(change(key(f"q{number}")))
            assert isinstance(outcome, Committed)
            await self.cacher.commit(change(key(f"q{number}"), MODIFIED, outcome.version.revision))

        self.assertEqual(await self.count(100, lambda n: self.cacher.commit(change(key(f"p{n}")))), 1)
        self.assertLessEqual(await self.count(100, twice), 3)

    async def test_gets(self) -> None:
        """
        An object that is not in memory takes one, and any number of a turn share it, with the
        question whether those in memory are the newest.  Whoever takes any takes none.
        """
        await self.other.commit([change(key(f"q{number}")) for number in range(64)])
        await until(lambda: self.cacher.revision == 65, "the log")
        self.cacher._objects.clear()
        await self.settle()
        self.assertEqual(await self.count(1, lambda _: self.cacher.get(key("q0"))), 1)
        self.assertEqual(await self.count(64, lambda number: self.cacher.get(key(f"q{number}"))), 1)
        self.assertEqual(await self.count(64, lambda number: self.cacher.get(key(f"q{number}"))), 1)
        self.assertEqual(await self.count(64, lambda _: self.cacher.get(key("q0"), 0)), 0)

    async def test_namespaces(self) -> None:
        """
        That an object's namespace is there is known without asking; that it is not is made sure of.
        """
        where = key("there", "", "namespaces")
        await self.other.commit([change(where)])
        await until(lambda: self.cacher.revision == 2, "the log")
        await self.settle()
        phases = NamespacePhases(self.cacher)
        self.assertEqual(await self.count(1, lambda _: phases.phase_of("there")), 0)
        self.assertEqual(await phases.phase_of("there"), "Active")
        self.assertGreater(await self.count(1, lambda _: phases.phase_of("elsewhere")), 0)
        self.assertIsNone(await phases.phase_of("elsewhere"))

    async def test_pages(self) -> None:
        """
        A page takes one, now and as of a revision.
        """
        await self.cacher.commit(change(key("a")))
        await self.settle()
        for revision in (None, 1, 2):
            page = self.cacher.list_joined
            self.assertEqual(await self.count(1, lambda _: page(Range(QUERIES), 500, revision)), 1)  # noqa: B023

    async def test_commits_of_others(self) -> None:
        """
        A batch of another server is read at once, however many events it has.
        """
        before = self.way.answers
        await self.other.commit([change(key(f"q{number}")) for number in range(100)])
        await until(lambda: self.cacher.revision == 101, "the log")
        await self.settle()
        self.assertEqual(self.way.answers - before, 1)


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work
