"""
Tests of L{ark.controllers.together}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.controllers.together import together


class TogetherTests(SynchronousTestCase):
    """
    Two things that end when a test says so.
    """

    def setUp(self) -> None:
        """
        Begin both.
        """
        self.ends: list[Deferred[int]] = [Deferred(), Deferred()]
        self.done = Deferred.fromCoroutine(together(self.wait(end) for end in self.ends))

    async def wait(self, end: Deferred[int]) -> int:
        """
        One of them.
        """
        return await end

    def test_results_come_in_order(self) -> None:
        """
        Whichever ends first.
        """
        self.ends[1].callback(2)
        self.assertNoResult(self.done)
        self.ends[0].callback(1)
        self.assertEqual(self.successResultOf(self.done), [1, 2])

    def test_failure_waits_for_the_rest(self) -> None:
        """
        What has begun is not left alone.
        """
        self.ends[0].errback(ValueError("no"))
        self.assertNoResult(self.done)
        self.ends[1].callback(2)
        self.failureResultOf(self.done, ValueError)

    def test_cancelling_ends_all(self) -> None:
        """
        At once.
        """
        self.done.cancel()
        self.failureResultOf(self.done, CancelledError)
        self.assertTrue(all(end.called for end in self.ends))
