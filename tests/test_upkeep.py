"""
Tests of L{ark.upkeep} and L{ark.observation}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ark.observation import CHECK_SECONDS, REMEMBER_SECONDS, Remembered, failing
from ark.storage.errors import Unavailable
from ark.upkeep import FileReader, FileWatch, Periodic, Pulse


class PeriodicTests(SynchronousTestCase):
    """
    Something done again and again.
    """

    def setUp(self) -> None:
        """
        Work that a test can let fail or wait.
        """
        self.clock = Clock()
        self.times = 0
        self.answer: object = None
        self.periodic = Periodic("working", 10, self.work, self.clock)
        self.periodic.startService()

    def work(self) -> object:
        """
        The work.
        """
        self.times += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def test_goes_on_after_a_failure(self) -> None:
        """
        Which is logged.
        """
        self.answer = RuntimeError("no")
        self.clock.pump([10, 10])
        self.assertEqual(self.times, 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_a_database_that_is_away_is_no_mistake(self) -> None:
        """
        It is told of, without the way to where it was noticed.
        """
        self.answer = Unavailable("away")
        self.clock.pump([10, 10])
        self.assertEqual(self.times, 2)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_first_time_is_after_the_interval(self) -> None:
        """
        A server that starts has enough to do.
        """
        self.clock.advance(9)
        self.assertEqual(self.times, 0)

    def test_stopping_waits_for_what_is_under_way(self) -> None:
        """
        It may still use the database.
        """
        waiting: Deferred[None] = Deferred()
        self.answer = waiting
        self.clock.advance(10)
        stopped = self.periodic.stopService()
        assert stopped is not None
        self.assertNoResult(stopped)
        waiting.callback(None)
        self.successResultOf(stopped)
        self.clock.advance(100)
        self.assertEqual(self.times, 1)


class PulseTests(SynchronousTestCase):
    """
    Looking how late the reactor is.
    """

    def test_what_comes_late_is_told(self) -> None:
        """
        Each beat tells how long it was kept, until it is stopped (trust T5: no turn above 200 ms).
        """
        clock, late = Clock(), []
        pulse = Pulse(late.append, clock)
        pulse.startService()
        for seconds in (Pulse.EVERY, Pulse.EVERY + 0.7, Pulse.EVERY):
            clock.advance(seconds)
        self.assertEqual([round(each, 3) for each in late], [0, 0.7, 0])
        pulse.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])


class FileWatchTests(SynchronousTestCase):
    """
    Files that others replace.
    """

    def test_change_is_told_once(self) -> None:
        """
        New content, a new file in its place, and a file that goes or comes.
        """
        path = Path(self.mktemp())
        path.write_text("a")
        watch = FileWatch([str(path)])
        self.assertFalse(watch.changed())

        def replace() -> None:
            other = path.with_name("other")
            other.write_text("b")
            os.replace(other, path)

        for change in (lambda: path.write_text("longer"), replace, path.unlink, lambda: path.write_text("c")):
            change()
            self.assertTrue(watch.changed())
            self.assertFalse(watch.changed())


class FileReaderTests(SynchronousTestCase):
    """
    Files that may be of no use for a while.
    """

    def setUp(self) -> None:
        """
        A file that is read as a number.
        """
        self.path = Path(self.mktemp())
        self.path.write_text("1")
        self.read: list[int] = []
        self.reader = FileReader("numbers", [str(self.path)], self.once)

    def once(self) -> None:
        """
        Read it.
        """
        self.read.append(int(self.path.read_text()))

    def test_reads_what_is_new_until_it_can_be_used(self) -> None:
        """
        And what was not replaced is not read.
        """
        self.reader.look()
        self.assertEqual(self.read, [])
        self.path.write_text("two")
        self.reader.look()
        self.assertIn("'two'", self.reader.refused)
        self.patch(self.reader, "_read", lambda: self.read.append(2))
        self.reader.look()
        self.reader.look()
        self.assertEqual((self.read, self.reader.refused), ([2], ""))

    def test_says_once_why_not(self) -> None:
        """
        Another reason is said too.
        """
        told: list[str] = []

        def observe(event: LogEvent) -> None:
            if event.get("log_namespace") == "ark.upkeep":
                told.append(event["log_level"].name)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for text in ("two", "two", "three"):
            self.path.write_text(text)
            self.reader.look()
            self.reader.look()
        self.assertEqual(told, ["error", "error"])
        self.path.write_text("4")
        self.reader.look()
        self.assertEqual(told, ["error", "error", "info"])


class RememberedTests(SynchronousTestCase):
    """
    A check that costs a query, and that anybody may ask for.
    """

    def setUp(self) -> None:
        """
        A check whose outcome the test decides.
        """
        self.clock = Clock()
        self.outcomes: list[Deferred[None]] = []
        self.remembered = Remembered(self.check, self.clock)

    async def check(self) -> None:
        """
        The check.
        """
        outcome: Deferred[None] = Deferred()
        self.outcomes.append(outcome)
        await outcome

    def ask(self) -> Deferred[None]:
        """
        Ask for the outcome.
        """
        return Deferred.fromCoroutine(self.remembered())

    def test_one_check_answers_all_who_ask_meanwhile(self) -> None:
        """
        And for a second after it.
        """
        first, second = self.ask(), self.ask()
        self.outcomes[0].callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.ask())
        self.assertEqual(len(self.outcomes), 1)
        self.clock.advance(REMEMBER_SECONDS)
        self.ask()
        self.assertEqual(len(self.outcomes), 2)

    def test_a_check_that_ends_at_once_is_made_again(self) -> None:
        """
        A second later, like any other.
        """
        checks: list[float] = []

        async def check() -> None:
            checks.append(self.clock.seconds())

        self.remembered = Remembered(check, self.clock)
        for _ in range(3):
            self.successResultOf(self.ask())
            self.clock.advance(REMEMBER_SECONDS)
        self.assertEqual(len(checks), 3)

    def test_failure_is_remembered_as_well(self) -> None:
        """
        And forgotten when the next check passes.
        """
        first = self.ask()
        self.outcomes[0].errback(ValueError("full"))
        self.failureResultOf(first, ValueError)
        self.failureResultOf(self.ask(), ValueError)
        self.clock.advance(REMEMBER_SECONDS)
        again = self.ask()
        self.outcomes[1].callback(None)
        self.successResultOf(again)

    def test_check_that_hangs_has_failed(self) -> None:
        """
        After some seconds, for a reason that can be read.
        """
        asked = self.ask()
        self.clock.advance(CHECK_SECONDS)
        self.assertEqual(str(self.failureResultOf(asked).value), "there was no answer in 5 seconds")

    def test_condition_as_a_check(self) -> None:
        """
        Fails while it is true.
        """
        down: list[bool] = []
        check = failing(lambda: down, "is shutting down")
        self.successResultOf(check())
        down.append(True)
        self.assertEqual(str(self.failureResultOf(check(), RuntimeError).value), "is shutting down")
