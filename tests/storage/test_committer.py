"""
Tests for L{ark.storage.committer}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.records import ADDED, DELETED, Change, Committed, Mismatch, Outcome
from ark.storage.committer import Committer
from ark.storage.errors import StorageFull, Unavailable
from ark.storage.memory import MemoryBackend
from ark.storage.testing import change, key


class SlowBackend(MemoryBackend):
    """
    A memory backend whose commits end when the test says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Sequence[Change]] = []
        self.gates: list[Deferred[None]] = []

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.batches.append(changes)
        self.gates.append(Deferred())
        await self.gates[-1]
        return await super().commit(changes)


class CommitterTests(SynchronousTestCase):
    """
    Who travels in which batch, and who is told what.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = SlowBackend()
        self.batches: list[tuple[int, float]] = []
        self.committer = self.make()

    def make(self, **bounds: Any) -> Committer:
        return Committer(
            self.backend,
            self.clock,
            on_batch=lambda count, seconds: self.batches.append((count, seconds)),
            **bounds,
        )

    def commit(self, name: str, **members: Any) -> Deferred[Outcome]:
        return Deferred.fromCoroutine(self.committer.commit(change(key(name), **members)))

    def names(self) -> list[list[str]]:
        return [[change.key.name for change in batch] for batch in self.backend.batches]

    def test_one_turn_is_one_batch(self) -> None:
        """
        What is asked for in one turn leaves together, at its end, in order.
        """
        waiting = [self.commit(name) for name in "cab"]
        self.assertEqual(self.names(), [])
        self.clock.advance(0)
        self.assertEqual(self.names(), [["c", "a", "b"]])
        self.backend.gates[0].callback(None)
        revisions = [self.successResultOf(one).version.revision for one in waiting]
        self.assertEqual(revisions, [2, 3, 4])
        self.assertEqual([count for count, _ in self.batches], [3])

    def test_next_batch_fills_meanwhile(self) -> None:
        """
        While a batch commits the next one fills, and it leaves before the first is answered.
        """
        first = self.commit("a")
        self.clock.advance(0)
        later = [self.commit("b"), self.commit("c")]
        self.assertEqual(self.committer.waiting, 2)
        self.clock.advance(0)
        self.assertEqual(self.names(), [["a"]])
        left: list[int] = []
        first.addCallback(lambda outcome: left.append(len(self.backend.batches)))
        self.backend.gates[0].callback(None)
        self.assertEqual(left, [2])
        self.assertEqual(self.names(), [["a"], ["b", "c"]])
        self.backend.gates[1].callback(None)
        for one in later:
            self.assertIsInstance(self.successResultOf(one), Committed)

    def test_bounds(self) -> None:
        """
        A batch has at most so many changes and bytes, but at least one change.
        """
        self.committer = self.make(max_changes=2, max_bytes=200)
        for name in "abc":
            self.commit(name)
        self.commit("d", text="x" * 500)
        self.commit("e")
        self.clock.advance(0)
        for number in range(4):
            self.backend.gates[number].callback(None)
        self.assertEqual(self.names(), [["a", "b"], ["c"], ["d"], ["e"]])

    def test_mismatch_is_told_to_its_own(self) -> None:
        """
        A change that does not match does not hold up the others.
        """
        waiting = [self.commit("a"), self.commit("a"), self.commit("b")]
        self.clock.advance(0)
        self.backend.gates[0].callback(None)
        outcomes = [self.successResultOf(one) for one in waiting]
        self.assertEqual([type(outcome) for outcome in outcomes], [Committed, Mismatch, Committed])

    def test_failure_is_told_to_all(self) -> None:
        """
        When a batch fails all its changes do, and the next batch goes its way.
        """
        waiting = [self.commit("a"), self.commit("b")]
        self.clock.advance(0)
        self.backend.gates[0].errback(Unavailable("busy"))
        for one in waiting:
            self.failureResultOf(one, Unavailable)
        after = self.commit("a")
        self.clock.advance(0)
        self.backend.gates[1].callback(None)
        self.assertIsInstance(self.successResultOf(after), Committed)

    def test_deletions_of_a_full_store(self) -> None:
        """
        When a batch finds the disk full, its deletions are tried alone.
        """
        self.commit("a")
        self.clock.advance(0)
        self.backend.gates[0].callback(None)
        waiting = [self.commit("b"), self.commit("a", event=DELETED, expected=2)]
        self.clock.advance(0)
        self.backend.gates[1].errback(StorageFull("full"))
        self.assertEqual(self.names()[2:], [["a"]])
        self.backend.gates[2].callback(None)
        self.failureResultOf(waiting[0], StorageFull)
        self.assertIsInstance(self.successResultOf(waiting[1]), Committed)

    def test_a_full_store_is_told_of(self) -> None:
        """
        Until something else than a deletion could be written.
        """
        told = []
        for gate, (name, event, expected, failure) in enumerate(
            (
                ("a", ADDED, 0, None),
                ("b", ADDED, 0, StorageFull("full")),
                ("a", DELETED, 2, None),
                ("c", ADDED, 9, None),
                ("c", ADDED, 0, Unavailable("busy")),
                ("c", ADDED, 0, None),
            )
        ):
            done = self.commit(name, event=event, expected=expected)
            self.clock.advance(0)
            if failure is None:
                self.backend.gates[gate].callback(None)
                self.successResultOf(done)
            else:
                self.backend.gates[gate].errback(failure)
                self.failureResultOf(done, type(failure))
            told.append(self.committer.full)
        self.assertEqual(told, [False, True, True, True, True, False])

    def test_cancelled_while_waiting(self) -> None:
        """
        A change that is cancelled before a batch takes it is not written.
        """
        gone, stays = self.commit("a"), self.commit("b")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.clock.advance(0)
        self.assertEqual(self.names(), [["b"]])
        self.backend.gates[0].callback(None)
        self.successResultOf(stays)

    def test_cancelled_on_its_way(self) -> None:
        """
        A change that is cancelled later is written; its outcome reaches nobody.
        """
        gone = self.commit("a")
        self.clock.advance(0)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.backend.gates[0].callback(None)
        self.assertIsNotNone(self.successResultOf(Deferred.fromCoroutine(self.backend.get(key("a")))))

    def test_stop(self) -> None:
        """
        Stopping waits for what was taken, and refuses what comes later.
        """
        first = self.commit("a")
        stopped = Deferred.fromCoroutine(self.committer.stop())
        self.failureResultOf(self.commit("b"), Unavailable)
        self.clock.advance(0)
        self.assertNoResult(stopped)
        self.backend.gates[0].callback(None)
        self.successResultOf(first)
        self.successResultOf(stopped)

    def test_stop_when_idle(self) -> None:
        """
        Stopping when nothing is under way is done at once.
        """
        self.successResultOf(Deferred.fromCoroutine(self.committer.stop()))
