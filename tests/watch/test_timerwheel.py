"""
Tests for L{ark.watch.timerwheel}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.watch.timerwheel import GRANULARITY, TimerWheel


class Timed:
    """
    Notes when it was called.
    """

    def __init__(self) -> None:
        self.slot = 0
        self.times: list[float] = []

    def on_time(self, now: float) -> None:
        self.times.append(now)


class TimerWheelTests(SynchronousTestCase):
    """
    One delayed call for all.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = TimerWheel(self.clock)

    def pump(self, seconds: float) -> None:
        self.clock.pump([0.01] * round(seconds * 100))

    def test_never_early_and_hardly_late(self) -> None:
        """
        At the time asked for, or within a quarter of a second after it.
        """
        waiting = {when: Timed() for when in (0.1, 3.3, 1.0, 7.77)}
        for when, timed in waiting.items():
            self.wheel.schedule(timed, when)
        self.pump(9)
        for when, timed in waiting.items():
            (called,) = timed.times
            self.assertTrue(when <= called + 1e-9 <= when + GRANULARITY + 0.02, (when, called))

    def test_one_delayed_call(self) -> None:
        """
        However many wait; and none when nobody does.
        """
        for number in range(50):
            self.wheel.schedule(Timed(), 50 - number)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pump(51)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_new_time_replaces_the_old(self) -> None:
        """
        What is scheduled twice is called once, at the later word's time.
        """
        timed = Timed()
        self.wheel.schedule(timed, 1)
        self.wheel.schedule(timed, 2)
        self.pump(3)
        self.assertEqual([round(time) for time in timed.times], [2])

    def test_cancelled_is_not_called(self) -> None:
        """
        Not even by another of the same moment.
        """
        second = Timed()

        class First(Timed):
            def on_time(inner, now: float) -> None:
                self.wheel.cancel(second)

        self.wheel.schedule(First(), 1)
        self.wheel.schedule(second, 1)
        self.pump(2)
        self.assertEqual(second.times, [])

    def test_may_be_scheduled_while_called(self) -> None:
        """
        Again and again.
        """

        class Again(Timed):
            def on_time(inner, now: float) -> None:
                super().on_time(now)
                self.wheel.schedule(inner, now + 1)

        again = Again()
        self.wheel.schedule(again, 1)
        self.pump(4.5)
        self.assertIn(len(again.times), (3, 4))
        self.wheel.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
