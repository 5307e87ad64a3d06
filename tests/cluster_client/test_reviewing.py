"""
Tests for L{ark.cluster.reviewing}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.cluster.errors import Unreachable
from ark.cluster.memory import MemoryCluster
from ark.cluster.reviewing import Reviewer, Shared

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


class ForwardClock(Clock):
    """
    Like a reactor, does nothing in the past.
    """

    def callLater(self, when: float, what: Callable[..., object], *a: Any, **kw: Any) -> Any:
        """
        See C{IReactorTime.callLater}.
        """
        assert when >= 0, when
        return super().callLater(when, what, *a, **kw)


class ReviewerTests(SynchronousTestCase):
    """
    How long a cluster is asked.
    """

    def setUp(self) -> None:
        self.clock = ForwardClock()
        self.cluster = MemoryCluster(self.clock)
        self.reviewer = Reviewer(self.cluster, self.clock, "authentication.k8s.io", "TokenReview")

    def review(self) -> Deferred[dict[str, Any]]:
        """
        Ask.
        """
        return Deferred.fromCoroutine(self.reviewer.review({}))

    def test_who_waits_too_long_for_a_turn_is_told(self) -> None:
        """
        Also where it comes only when all have waited too long.
        """
        self.cluster.answer(PATH, lambda _: Deferred())
        asking = [self.review() for _ in range(210)]
        self.clock.advance(10.5)
        for one in asking:
            self.failureResultOf(one, Unreachable)
        self.assertEqual(len(self.cluster.requests), 200)
        self.cluster.answer(PATH, lambda _: {"status": {"a": 1}})
        self.assertEqual(self.successResultOf(self.review()), {"a": 1})

    def test_a_late_pause_is_the_last(self) -> None:
        """
        A server that is busy comes back from one when there is no time left to ask again.
        """
        self.cluster.answer(PATH, lambda _: fail(Unreachable("no")))
        asking = self.review()
        self.clock.advance(12)
        self.failureResultOf(asking, Unreachable)
        self.assertEqual(len(self.cluster.requests), 1)


class SharedTests(SynchronousTestCase):
    """
    Questions that several ask.
    """

    def setUp(self) -> None:
        self.shared: Shared[int] = Shared()
        self.answer: Deferred[int] = Deferred()
        self.asked = 0

    def ask(self) -> Deferred[int]:
        """
        Ask the same as all others.
        """

        async def find() -> int:
            self.asked += 1
            return await self.answer

        return Deferred.fromCoroutine(self.shared.of("question", find))

    def test_all_are_told(self) -> None:
        """
        By one answer.
        """
        asking = [self.ask() for _ in range(3)]
        self.answer.callback(7)
        self.assertEqual([self.successResultOf(one) for one in asking], [7, 7, 7])
        self.assertEqual(self.asked, 1)

    def test_when_all_have_left_nobody_is_asked(self) -> None:
        """
        Only then.
        """
        one, other = self.ask(), self.ask()
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.assertFalse(self.answer.called)
        other.cancel()
        self.failureResultOf(other, CancelledError)
        self.assertTrue(self.answer.called)

    def test_one_who_is_told_may_send_others_away(self) -> None:
        """
        As a connection does that is closed by what it is answered.
        """
        one, other, last = self.ask(), self.ask(), self.ask()

        def leave(answer: int) -> int:
            other.cancel()
            return answer

        one.addCallback(leave)
        self.answer.callback(7)
        self.assertEqual(self.successResultOf(one), 7)
        self.failureResultOf(other, CancelledError)
        self.assertEqual(self.successResultOf(last), 7)

    def test_who_is_told_may_ask_again(self) -> None:
        """
        Which is another question.
        """
        again: list[Deferred[int]] = []
        first = self.answer

        def begin(answer: int) -> int:
            self.answer = Deferred()
            again.extend((self.ask(), self.ask()))
            return answer

        self.ask().addCallback(begin)
        self.ask()
        first.callback(7)
        self.answer.callback(8)
        self.assertEqual([self.successResultOf(one) for one in again], [8, 8])
        self.assertEqual(self.asked, 2)
