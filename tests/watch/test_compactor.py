"""
Tests for L{ark.watch.compactor}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.storage.errors import Unavailable
from ark.storage.memory import MemoryBackend
from ark.watch.compactor import Compactor
from tests.watch.harness import creation


class FailingBackend(MemoryBackend):
    """
    Fails once when told to.
    """

    error: Exception | None = None

    async def compact(self, revision: int) -> int:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return await super().compact(revision)


class CompactorTests(SynchronousTestCase):
    """
    How much history is kept.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = FailingBackend()
        self.written = 0

    def start(self, **options: Any) -> Compactor:
        compactor = Compactor(self.backend, self.clock, interval=60, **options)
        compactor.start()
        return compactor

    def write(self, count: int) -> None:
        for _ in range(count):
            self.written += 1
            work = self.backend.commit([creation(f"a{self.written}")])
            self.successResultOf(Deferred.fromCoroutine(work))

    def floor(self) -> int:
        return self.successResultOf(Deferred.fromCoroutine(self.backend.compacted_revision()))

    def minutes(self, count: int, writes: int = 0) -> None:
        for _ in range(count):
            self.write(writes)
            self.clock.advance(60)

    def test_nothing_younger_than_the_retention_is_dropped(self) -> None:
        """
        The floor is where the log was so long ago, never later.
        """
        compactor = self.start(retention=600, events=0)
        self.write(50)
        self.minutes(10)
        self.assertEqual(self.floor(), 1)
        self.minutes(1)
        self.assertEqual(self.floor(), 51)
        self.assertEqual(compactor.floor, 51)

    def test_a_quiet_store_is_compacted_too(self) -> None:
        """
        Time alone makes history old.
        """
        self.start(retention=600, events=0)
        self.minutes(30, writes=3)
        self.assertEqual(self.floor(), 1 + 3 * 20)
        self.minutes(30)
        self.assertEqual(self.floor(), 1 + 3 * 30)

    def test_the_newest_events_are_kept_however_old(self) -> None:
        """
        A client that was away for long may go on if not much happened.
        """
        self.start(retention=600, events=40)
        self.minutes(5, writes=10)
        self.minutes(60)
        self.assertEqual(self.floor(), 51 - 40)

    def test_goes_on_after_a_failure(self) -> None:
        """
        The next look does what this one could not.
        """
        self.start(retention=60, events=0)
        self.write(5)
        self.minutes(1)
        for error in (Unavailable("busy"), ZeroDivisionError("a bug")):
            self.backend.error = error
            self.minutes(1, writes=1)
        self.minutes(2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.floor(), 8)

    def test_stops(self) -> None:
        """
        No timer is left.
        """
        compactor = self.start(retention=60, events=0)
        self.successResultOf(Deferred.fromCoroutine(compactor.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_when_there_is_no_interval(self) -> None:
        """
        An interval of zero keeps all history.
        """
        compactor = Compactor(self.backend, self.clock, interval=0)
        compactor.start()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.successResultOf(Deferred.fromCoroutine(compactor.stop()))
