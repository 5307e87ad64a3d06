"""
What has to be there before a server can serve.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.bootstrap import obstacle, opened_in_time
from ark.config import STORAGE, ConfigError
from ark.storage.errors import StorageFull, Unavailable, UnusableDatabase


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


class ObstacleTests(SynchronousTestCase):
    """
    What kept a server from starting.
    """

    def test_failures_of_the_database_are_told(self) -> None:
        """
        With what to do and the exit code of storage, also when they come after it was opened.
        """
        for error in (StorageFull("full"), Unavailable("gone"), UnusableDatabase("bad", "Mend it.")):
            told = obstacle(error)
            assert told is not None
            self.assertEqual(told.exit_code, STORAGE)
            for sentence in (told.cause, told.remedy):
                self.assertTrue(sentence[0].isupper() and sentence.endswith("."), sentence)

    def test_what_is_told_already_stays(self) -> None:
        """
        As it was raised.
        """
        error = ConfigError("It is wrong.", "Correct it.")
        self.assertIs(obstacle(error), error)

    def test_faults_of_the_server_are_not_hidden(self) -> None:
        """
        They need their traceback.
        """
        self.assertIsNone(obstacle(KeyError("oops")))
