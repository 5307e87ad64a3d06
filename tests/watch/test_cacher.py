"""
Tests for L{ark.watch.cacher}, L{ark.watch.follower} and L{ark.watch.revisions}.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.interfaces import IStorageBackend, ITellsRevision
from ark.meta.records import Change, Committed, Key, Mismatch, Outcome, Range, Version
from ark.meta.status import APIStatus
from ark.storage.errors import Compacted, Unavailable
from ark.storage.memory import MemoryBackend
from tests.watch.harness import LateBackend, Replica, creation
from tests.watch.support import QUERIES

A = Key(QUERIES, "default", "a")


class CountingBackend(MemoryBackend):
    """
    Counts what it is asked.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked: list[str] = []

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        self.asked.append("get")
        return await super().get(key, revision)

    async def events(self, after: int, limit: int) -> Any:
        self.asked.append("events")
        return await super().events(after, limit)


class HeldBackend(CountingBackend):
    """
    Tells the revision, and reads a key, when the test says so.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.held: list[Deferred[None]] = []
        self.holds = False

    async def _hold(self) -> None:
        if self.holds:
            self.held.append(Deferred())
            await self.held[-1]

    async def current_revision(self) -> int:
        self.asked.append("current")
        await self._hold()
        return await super().current_revision()

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        found = await super().get(key, revision)
        await self._hold()
        return found

    def release(self) -> None:
        held, self.held = self.held, []
        for one in held:
            one.callback(None)


@implementer(ITellsRevision)
class TellingBackend(HeldBackend):
    """
    Has to be asked for its revision, and is told what others commit.
    """

    now: tuple[int, int] | None = None

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.clock = clock

    def told(self) -> tuple[int, int] | None:
        return self.now

    async def current_revision(self) -> int:
        await deferLater(self.clock, 0)
        return await super().current_revision()


class CacherTestCase(SynchronousTestCase):
    """
    One replica over a backend that counts.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = CountingBackend(self.clock)
        self.replica = Replica(self.clock, self.backend).start()
        self.cacher = self.replica.cacher
        self.run_ = self.replica.run

    def elsewhere(self, *changes: Change) -> Sequence[Outcome]:
        """
        Another process commits.
        """
        return self.successResultOf(Deferred.fromCoroutine(self.backend.commit(changes)))


class ToldTests(SynchronousTestCase):
    """
    A backend that tells the revision of every commit.
    """

    def test_what_is_known_is_not_read(self) -> None:
        """
        The log is read once after each beginning, and for what is newer only.
        """
        clock = Clock()
        backend = TellingBackend(clock)
        replica = Replica(clock, backend).start()

        def reads_when(told: tuple[int, int] | None) -> int:
            backend.now = told
            del backend.asked[:]
            replica.cacher._follower.wake()
            replica.settle()
            return backend.asked.count("events")

        self.assertEqual([reads_when(None), reads_when(None)], [1, 1])
        self.assertEqual([reads_when((1, 1)), reads_when((1, 1))], [1, 0])
        self.successResultOf(Deferred.fromCoroutine(backend.commit([creation("a"), creation("b")])))
        self.assertEqual(reads_when((1, 3)), 1)
        self.assertEqual(replica.cacher.revision, 3)
        self.assertEqual([reads_when((1, 3)), reads_when((2, 3)), reads_when((2, 3))], [0, 1, 0])
        self.assertEqual([reads_when(None), reads_when((2, 3))], [1, 1])


class CommitTests(CacherTestCase):
    """
    What holds when a commit returns.
    """

    def test_returns_when_the_event_was_followed(self) -> None:
        """
        The revision, the window and the object are there, and the log was not read.
        """
        del self.backend.asked[:]
        outcome = self.run_(self.cacher.commit(creation("a")))
        assert isinstance(outcome, Committed)
        self.assertEqual(self.cacher.revision, outcome.version.revision)
        self.assertEqual(len(self.cacher.window), 1)
        self.assertEqual(self.run_(self.cacher.get(A)), outcome.version)
        self.replica.settle()
        self.assertEqual(self.backend.asked, [])

    def test_gives_a_mismatch_back(self) -> None:
        """
        What was expected and is not so is told with what is.
        """
        version = self.replica.write("a")
        self.assertEqual(self.run_(self.cacher.commit(creation("a"))), Mismatch(version))

    def test_reads_what_others_committed_first(self) -> None:
        """
        An own commit that does not follow on what is known waits for what lies between.
        """
        first, second = self.elsewhere(creation("b"), creation("c"))
        self.run_(self.cacher.commit(creation("a")))
        window = self.cacher.window.between(QUERIES, 1, 99, 99)
        self.assertEqual([event.version.key.name for event in window], ["b", "c", "a"])
        self.assertIsInstance(first, Committed)
        self.assertIsInstance(second, Committed)

    def test_a_commit_nobody_waits_for_any_more_is_followed(self) -> None:
        """
        A cancelled request's commit, once taken, comes out of the log; later ones do not
        stay behind.
        """
        late = LateBackend(self.clock, Random(3))
        replica = Replica(self.clock, late)
        started = replica.begin(replica.cacher.start())
        replica.pass_time(1, 0.001)
        self.successResultOf(started)
        lost = Deferred.fromCoroutine(replica.cacher.commit(creation("a")))
        self.clock.advance(0)
        lost.cancel()
        self.failureResultOf(lost, CancelledError)
        kept = [Deferred.fromCoroutine(replica.cacher.commit(creation(name))) for name in "bcd"]
        replica.pass_time(1, 0.001)
        self.assertEqual([self.successResultOf(one).version.revision for one in kept], [3, 4, 5])
        names = [event.version.key.name for event in replica.cacher.window.between(QUERIES, 1, 99, 99)]
        self.assertEqual(names, ["a", "b", "c", "d"])

    def test_follows_what_others_commit(self) -> None:
        """
        Word of a commit of another process is enough.
        """
        self.elsewhere(creation("a"))
        self.replica.settle()
        self.assertEqual(self.cacher.revision, 2)

    def test_polls_a_backend_that_tells_nothing(self) -> None:
        """
        Without a change feed the log is looked at each second.
        """
        backend = MemoryBackend()

        @implementer(IStorageBackend)
        class Silent:
            def __getattr__(self, name: str) -> Any:
                if name == "subscribe":
                    raise AttributeError(name)
                return getattr(backend, name)

        replica = Replica(self.clock, Silent())  # type: ignore[arg-type]
        replica.start()
        self.successResultOf(Deferred.fromCoroutine(backend.commit([creation("a")])))
        self.assertEqual(replica.cacher.revision, 1)
        replica.pass_time(1.5)
        self.assertEqual(replica.cacher.revision, 2)


class GetTests(CacherTestCase):
    """
    Point reads (contract 11.1).
    """

    def test_what_is_known_is_answered_from_memory(self) -> None:
        """
        Present and absent objects alike, without asking and without suspending.
        """
        version = self.replica.write("a")
        none = Key(QUERIES, "default", "none")
        self.run_(self.cacher.get(none))
        del self.backend.asked[:]
        for minimum in (None, 0, 1):
            for key, expected in ((A, version), (none, None)):
                work = self.cacher.get(key, minimum)
                with self.assertRaises(StopIteration) as done:
                    work.send(None)
                self.assertEqual(done.exception.value, expected)
        self.assertEqual(self.backend.asked, [])

    def test_absence_ends_with_the_creation(self) -> None:
        """
        A key known to be absent is known to be there when anybody creates it.
        """
        self.assertIsNone(self.run_(self.cacher.get(A)))
        self.elsewhere(creation("a"))
        self.assertIsNotNone(self.successResultOf(Deferred.fromCoroutine(self.cacher.get(A))))
        self.replica.settle()
        self.assertIsNotNone(self.run_(self.cacher.get(A, 0)))

    def test_never_older_than_a_commit_of_another_process(self) -> None:
        """
        Memory that lags behind is passed over.
        """
        self.replica.write("a")
        (outcome,) = self.elsewhere(creation("a")._replace(expected=2, event="MODIFIED"))
        found = self.successResultOf(Deferred.fromCoroutine(self.cacher.get(A)))
        self.assertEqual(Committed(found), outcome)

    def test_waits_for_a_revision_that_is_about_to_come(self) -> None:
        """
        Not older than n: an answer comes once n was followed.
        """
        found = self.replica.begin(self.cacher.get(A, 2))
        self.assertNoResult(found)
        version = self.replica.write("a")
        self.assertEqual(self.successResultOf(found), version)

    def test_a_revision_that_does_not_come_is_too_large(self) -> None:
        """
        504 after 3 seconds, with the cause that client-go looks for (contract 11.5).
        """
        found = self.replica.begin(self.cacher.get(A, 99))
        self.replica.pass_time(2.75)
        self.assertNoResult(found)
        self.replica.pass_time(0.25)
        status = self.failureResultOf(found, APIStatus).value.to_dict()
        self.assertEqual(
            (status["code"], status["reason"], status["message"]),
            (504, "Timeout", "Timeout: Too large resource version: 99, current: 1"),
        )
        self.assertEqual(
            status["details"],
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_cancelled_wait_leaves_nothing(self) -> None:
        """
        Neither a timer nor a waiter.
        """
        found = self.replica.begin(self.cacher.get(A, 99))
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.cacher._follower._waiters._heap, [])

    def test_as_of_a_revision(self) -> None:
        """
        Older states come from storage, and below the floor they are refused.
        """
        first = self.replica.write("a")
        second = self.replica.modify("a")
        self.assertEqual(self.run_(self.cacher.get_at(A, first.revision)), first)
        self.assertEqual(self.run_(self.cacher.get_at(A, second.revision)), second)
        self.assertEqual(self.run_(self.cacher.get_at(A, None)), second)
        self.run_(self.backend.compact(3))
        with self.assertRaises(Compacted):
            self.run_(self.cacher.get_at(A, 2))

    def test_the_cache_is_bounded_in_bytes(self) -> None:
        """
        Those used last stay.
        """
        replica = Replica(self.clock, self.backend, cache_bytes=5000).start()
        for number in range(20):
            replica.write(f"a{number}")
            replica.run(replica.cacher.get(Key(QUERIES, "default", "a0")))
        cache = replica.cacher._objects
        self.assertLessEqual(cache.bytes, 5000)
        self.assertIn(Key(QUERIES, "default", "a0"), cache._objects)
        self.assertNotIn(Key(QUERIES, "default", "a1"), cache._objects)


class SharedStoreTests(SynchronousTestCase):
    """
    A backend that has to ask what the newest revision is.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = HeldBackend(self.clock)
        self.backend.holds = True
        self.replica = Replica(self.clock, self.backend)
        started = self.replica.begin(self.replica.cacher.start())
        self.backend.release()
        self.replica.settle()
        self.successResultOf(started)
        self.backend.holds = False
        self.version = self.replica.write("a")
        self.backend.holds = True
        del self.backend.asked[:]

    def test_reads_of_one_turn_share_one_question(self) -> None:
        """
        Each is answered from memory when the answer says that it is new enough.
        """
        reads = [Deferred.fromCoroutine(self.replica.cacher.get(A)) for _ in range(5)]
        self.replica.settle()
        self.assertEqual(self.backend.asked, ["current"])
        self.backend.release()
        self.assertEqual([self.successResultOf(one) for one in reads], [self.version] * 5)
        self.assertEqual(self.backend.asked, ["current"])

    def test_a_later_read_asks_again(self) -> None:
        """
        The answer to a question that was asked before a read began does not serve it.
        """
        first = self.replica.begin(self.replica.cacher.get(A))
        second = self.replica.begin(self.replica.cacher.get(A))
        self.assertEqual(self.backend.asked, ["current"])
        self.backend.release()
        self.replica.settle()
        self.successResultOf(first)
        self.assertNoResult(second)
        self.backend.release()
        self.successResultOf(second)

    def test_an_overtaken_read_is_not_remembered(self) -> None:
        """
        What storage said before a change that was followed meanwhile is forgotten.
        """
        none = Key(QUERIES, "default", "b")
        read = self.replica.begin(self.replica.cacher.get(none))
        self.successResultOf(Deferred.fromCoroutine(MemoryBackend.commit(self.backend, [creation("b")])))
        self.replica.settle()
        self.assertEqual(self.replica.cacher.revision, 3)
        self.backend.release()
        self.assertIsNone(self.successResultOf(read))
        self.backend.holds = False
        self.assertIsNotNone(self.replica.run(self.replica.cacher.get(none)))

    def test_a_failed_question_fails_all_who_asked(self) -> None:
        """
        And the next one is asked anew.
        """
        reads = [self.replica.begin(self.replica.cacher.get(A)) for _ in range(2)]
        held, self.backend.held = self.backend.held, []
        held[0].errback(Unavailable("gone"))
        self.replica.settle()
        self.backend.release()
        self.failureResultOf(reads[0], Unavailable)
        self.assertEqual(self.successResultOf(reads[1]), self.version)


class FollowerTests(CacherTestCase):
    """
    Keeping up with the log.
    """

    def test_starts_with_the_recent_past(self) -> None:
        """
        A restarted process has the newest events in its window, for clients that come back.
        """
        for name in "abc":
            self.replica.write(name)
        fresh = Replica(self.clock, self.backend, window_events=2).start()
        self.assertEqual((fresh.cacher.revision, len(fresh.cacher.window)), (4, 2))

    def test_goes_on_when_reading_failed(self) -> None:
        """
        Storage that comes back is read from where it was left.
        """
        self.elsewhere(creation("a"))
        self.backend._closed = True
        self.replica.settle()
        self.assertEqual(self.cacher.revision, 1)
        self.backend._closed = False
        self.replica.pass_time(1)
        self.assertEqual(self.cacher.revision, 2)

    def test_history_lost_before_it_was_read_ends_in_410(self) -> None:
        """
        Nobody misses silently what this process could not read in time.
        """
        client = self.replica.watch(1)
        elsewhere = Deferred.fromCoroutine(
            MemoryBackend.commit(self.backend, [creation(name) for name in "abc"])
        )
        self.successResultOf(elsewhere)
        self.successResultOf(Deferred.fromCoroutine(self.backend.compact(4)))
        self.replica.settle()
        self.assertEqual(self.cacher.revision, 4)
        self.assertEqual([event["object"].get("code") for event in client.stream.events()], [410])
        self.assertEqual(self.run_(self.cacher.get(A)), self.run_(self.backend.get(A)))

    def test_stopping_leaves_no_timer(self) -> None:
        """
        After L{stop} the reactor has nothing of ours, and what waits is told.
        """
        waiting = self.replica.begin(self.cacher.get(A, 99))
        client = self.replica.watch(None)
        self.run_(self.cacher.stop())
        self.failureResultOf(waiting, Unavailable)
        self.assertTrue(client.stream.finished)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_window_is_bounded_in_bytes(self) -> None:
        """
        Large objects leave fewer events in memory.
        """
        replica = Replica(self.clock, self.backend, window_bytes=100_000).start()
        for number in range(20):
            replica.write(f"a{number}", color="x" * 20_000)
        self.assertLessEqual(replica.cacher.window.bytes, 100_000)
        self.assertLess(len(replica.cacher.window), 5)


class PassingOnTests(CacherTestCase):
    """
    What goes to storage as it is.
    """

    def test_lists_and_counts(self) -> None:
        """
        Now, or as of a revision.
        """
        first = self.replica.write("a").revision
        self.replica.write("b")
        everything = Range(QUERIES)
        self.assertEqual(len(self.run_(self.cacher.list(everything, 10)).versions), 2)
        self.assertEqual(self.run_(self.cacher.list_joined(everything, 10, first)).count, 1)
        self.assertEqual(self.run_(self.cacher.count(everything)), 2)

    def test_the_newest_revision(self) -> None:
        """
        Of any process, also one whose commits were not followed yet.
        """
        self.elsewhere(creation("a"))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.cacher.read_revision(0))), 2)
