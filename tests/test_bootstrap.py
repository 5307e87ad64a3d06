"""
What has to be there before a server can serve.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.bootstrap import opened_in_time
from ark.storage.errors import UnusableDatabase


class WaitingTests(SynchronousTestCase):
    """
    A database that is not there yet.
    """

    def setUp(self) -> None:
        """
        A database that can be opened when it is made so.
        """
        self.clock = Clock()
        self.attempts = 0
        self.error: UnusableDatabase | None = UnusableDatabase("refused", "Wait.")
        self.error.passing = True

    async def open(self) -> Any:
        """
        Open it, or not.
        """
        self.attempts += 1
        if self.error is not None:
            raise self.error
        return self

    def opening(self, seconds: float) -> Deferred[Any]:
        """
        Begin to wait for it.
        """
        return Deferred.fromCoroutine(opened_in_time(self.open, seconds, self.clock))

    def test_it_is_waited_for(self) -> None:
        """
        Until it comes.
        """
        opening = self.opening(60)
        self.clock.pump([0.1] * 100)
        self.assertNoResult(opening)
        self.error = None
        self.clock.pump([0.1] * 50)
        self.assertIs(self.successResultOf(opening), self)
        self.assertLess(self.attempts, 10)

    def test_not_for_ever(self) -> None:
        """
        Then it is told why.
        """
        opening = self.opening(10)
        self.clock.pump([0.1] * 101)
        self.assertIs(self.failureResultOf(opening).value, self.error)

    def test_not_at_all(self) -> None:
        """
        When nobody wants to, or it will not pass.
        """
        self.assertIs(self.failureResultOf(self.opening(0)).value, self.error)
        assert self.error is not None
        self.error.passing = False
        self.assertIs(self.failureResultOf(self.opening(60)).value, self.error)
