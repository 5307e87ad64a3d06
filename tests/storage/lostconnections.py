"""
What every backend whose servers share a database must do when its connections are lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from ark.meta.records import ADDED, MODIFIED, Committed, Mismatch, Range
from ark.storage import served
from ark.storage.errors import Compacted, OutcomeUnknown, StorageError
from ark.storage.testing import QUERIES, change, key
from tests.storage.way import Way, until

reactor: Any = default_reactor


class FailureTestCase(TestCase):
    """
    Has backends over a server.

    @cvar open_backend: opens one.
    """

    open_backend: Callable[..., Awaitable[Any]]

    async def backend_at(self, url: str) -> Any:
        """
        A backend that is closed after the test.
        """
        backend = await self.open_backend({"db_url": url}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def by_way(self, url: str, port: int) -> tuple[Way, Any]:
        """
        A backend whose way to the server is under control, and the way.
        """
        way = Way(port, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(way.close()))
        return way, await self.backend_at(url.replace(str(port), str(way.port)))


class LostConnectionTestsMixin:
    """
    Commits of a backend whose way to the database is under control.

    @ivar backend: goes by the way; C{other} does not.
    @ivar answer: what only the answer to a commit holds.
    """

    backend: Any
    other: Any
    way: Way
    answer: bytes

    def __getattr__(self, name: str) -> Any:
        """
        What C{TestCase} has.
        """
        raise AttributeError(name)

    async def hold(self) -> Callable[[], Any]:
        """
        Have commits wait for their turn.

        @return: lets them go on.
        """
        raise NotImplementedError

    def end_waiting(self) -> Any:
        """
        End the connections whose commits wait; false when there are none.
        """
        raise NotImplementedError

    async def test_a_lost_answer_is_found(self) -> None:
        """
        What was written is told as if the answer had come.
        """
        self.way.lose = self.answer
        outcomes = await self.backend.commit([change(key("b")), change(key("a"))])
        self.assertEqual(self.way.lost, 1)
        page = await self.other.list(Range(QUERIES), 10)
        self.assertEqual([outcome.version for outcome in reversed(outcomes)], page.versions)

    async def test_what_was_not_written_is_written_again(self) -> None:
        """
        The server ends a commit that waits for its turn, and what it was to do is done once.
        """
        go_on = await self.hold()
        writing = Deferred.fromCoroutine(self.backend.commit([change(key("b"))]))
        await until(self.end_waiting, "the commit to wait")
        go_on()
        (outcome,) = await writing
        self.assertIsInstance(outcome, Committed)
        self.assertEqual(await self.other.get(key("b")), outcome.version)
        self.assertEqual(len((await self.other.events(1, 10)).events), 1)

    async def test_an_outcome_that_cannot_be_found_is_unknown(self) -> None:
        """
        And the next commit first finds out.
        """
        self.patch(served, "SETTLING_SECONDS", 1.0)
        await self.backend.commit([change(key("a"))])
        self.way.lose, self.way.closes = self.answer, True
        writing = Deferred.fromCoroutine(self.backend.commit([change(key("b"))]))
        await self.assertFailure(writing, OutcomeUnknown)
        self.way.shut = False
        (outcome,) = await self.backend.commit([change(key("b"))])
        self.assertIsInstance(outcome, Mismatch)

    async def test_two_servers_write_in_one_order(self) -> None:
        """
        Their revisions are all different, without gaps, and each sees the other's.
        """
        await self.backend.commit([change(key("shared"))])

        async def write(backend: Any, name: str) -> list[int]:
            revisions = []
            for index in range(40):
                (mine,) = await backend.commit([change(key(f"{name}{index}"))])
                revisions.append(mine.version.revision)
                current = await backend.get(key("shared"))
                await backend.commit([change(key("shared"), MODIFIED, current.revision)])
            return revisions

        both = await gatherResults(
            [Deferred.fromCoroutine(write(self.backend, "a")), Deferred.fromCoroutine(write(self.other, "b"))]
        )
        for revisions in both:
            self.assertEqual(revisions, sorted(revisions))
        log = (await self.backend.events(1, 1000)).events
        self.assertEqual([event.version.revision for event in log], list(range(2, 2 + len(log))))
        self.assertEqual(log[-1].version.revision, await self.other.current_revision())
        added = [event.version.revision for event in log if event.version.event == ADDED]
        self.assertEqual(sorted([*both[0], *both[1]]), added[1:])


class RestartTestsMixin:
    """
    A server of the test's own that goes and comes back.

    @ivar named: what messages name it.
    """

    named: str

    def __getattr__(self, name: str) -> Any:
        """
        What C{TestCase} has.
        """
        raise AttributeError(name)

    async def restarting(self) -> tuple[Any, Sequence[Callable[[], Any]], Callable[[], Any]]:
        """
        A backend, the ways in which its server is stopped, and how it is started.
        """
        raise NotImplementedError

    async def test_everything_goes_on_after_a_restart(self) -> None:
        """
        While it is away commits and reads fail in a way that says so; what was acknowledged stays, and the
        first one to ask afterwards is answered.
        """
        backend, stops, start = await self.restarting()
        for number, stop in enumerate(stops):
            (outcome,) = await backend.commit([change(key(f"stop-{number}"))])
            stop()
            attempts: list[Awaitable[Any]] = [
                backend.current_revision(), backend.commit([change(key("lost"))]), backend.ready()
            ]  # fmt: skip
            for attempt in attempts:
                failure = await self.assertFailure(Deferred.fromCoroutine(attempt), StorageError)
                self.assertIn(self.named, str(failure))
            start()
            self.assertEqual(await backend.get(key(f"stop-{number}")), outcome.version)
            await backend.ready()
            self.assertIsNone(await backend.get(key("lost")))
        stops[0]()
        start()
        (outcome,) = await backend.commit([change(key("at once"))])
        self.assertIsInstance(outcome, Committed)
        self.flushLoggedErrors()


class LossTestsMixin:
    """
    A database that is older than what was seen of it.
    """

    def __getattr__(self, name: str) -> Any:
        """
        What C{TestCase} has.
        """
        raise AttributeError(name)

    def place(self) -> str:
        """
        The URL of an empty database.
        """
        raise NotImplementedError

    def lose(self, url: str, revision: int) -> None:
        """
        Take everything after a revision away.
        """
        raise NotImplementedError

    async def test_lost_revisions_are_never_used_again(self) -> None:
        """
        The counter goes on above them, and whoever is behind is told that history is lost.
        """
        url = self.place()
        for first in ("read", "write"):
            backend, other = await self.backend_at(url), await self.backend_at(url)
            (before,) = await backend.commit([change(key(f"{first}1"))])
            (lost,) = await backend.commit([change(key(f"{first}2"))])
            await other.current_revision()
            seen = lost.version.revision
            self.lose(url, before.version.revision)
            if first == "read":
                self.assertGreater(await backend.current_revision(), seen)
            (after,) = await other.commit([change(key(f"{first}3"))])
            self.assertGreater(after.version.revision, seen)
            await self.assertFailure(Deferred.fromCoroutine(backend.events(seen, 10)), Compacted)
            page = await backend.list(Range(QUERIES), 100)
            self.assertEqual(page.revision, after.version.revision)
            self.assertNotIn(f"{first}2", [version.key.name for version in page.versions])
        self.flushLoggedErrors()

    async def test_whoever_notices_a_loss_need_not_have_seen_all_of_it(self) -> None:
        """
        What only another server had seen is not used again either.
        """
        url = self.place()
        behind, ahead = await self.backend_at(url), await self.backend_at(url)
        (before,) = await ahead.commit([change(key("kept"))])
        await ahead.commit([change(key("lost"))])
        await behind.current_revision()
        *_, last = await ahead.commit([change(key(f"told{number}")) for number in range(5)])
        self.lose(url, before.version.revision)
        (after,) = await behind.commit([change(key("new"))])
        self.assertGreater(after.version.revision, last.version.revision)
        self.assertEqual(await ahead.current_revision(), after.version.revision)
        self.flushLoggedErrors()
