"""
Tests of L{ark.controllers.workqueue}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.controllers.workqueue import FIRST_RETRY, LAST_RETRY, WorkQueue


class WorkQueueTests(SynchronousTestCase):
    """
    A queue whose work is done when a test says so.
    """

    def setUp(self) -> None:
        """
        A queue of two workers.
        """
        self.clock = Clock()
        self.begun: list[str] = []
        self.under_way: dict[str, Deferred[bool]] = {}
        self.queue: WorkQueue[str] = WorkQueue("test", self.work, self.clock, workers=2)
        self.queue.start()

    async def work(self, item: str) -> bool:
        """
        Begin, and wait for the test.
        """
        self.begun.append(item)
        self.under_way[item] = Deferred()
        return await self.under_way[item]

    def end(self, item: str, again: bool = False) -> None:
        """
        What was begun ends well.
        """
        self.under_way.pop(item).callback(again)
        self.clock.advance(0)

    def add(self, *items: str) -> None:
        """
        Add, and let them begin.
        """
        for item in items:
            self.queue.add(item)
        self.clock.advance(0)

    def test_each_is_done_once(self) -> None:
        """
        However often it is added before.
        """
        self.add("a", "a", "b", "a")
        self.assertEqual(self.begun, ["a", "b"])

    def test_no_more_at_a_time_than_there_are_workers(self) -> None:
        """
        The rest waits its turn.
        """
        self.add("a", "b", "c")
        self.assertEqual(self.begun, ["a", "b"])
        self.end("a")
        self.assertEqual(self.begun, ["a", "b", "c"])

    def test_what_is_added_while_it_is_done_is_done_again(self) -> None:
        """
        Afterwards, never at the same time.
        """
        self.add("a")
        self.add("a")
        self.assertEqual(self.begun, ["a"])
        self.end("a")
        self.assertEqual(self.begun, ["a", "a"])
        self.end("a")
        self.assertEqual(len(self.queue), 0)

    def test_failures_are_tried_again_later_and_later(self) -> None:
        """
        After twice the time, but never later than the longest wait.
        """
        self.add("a")
        for attempt in range(30):
            self.under_way.pop("a").errback(ValueError("no"))
            wait = min(FIRST_RETRY * 2**attempt, LAST_RETRY)
            self.clock.advance(wait * 0.99)
            self.assertEqual(len(self.begun), attempt + 1)
            self.clock.advance(wait * 0.011)
            self.assertEqual(len(self.begun), attempt + 2)

    def test_success_forgets_failures(self) -> None:
        """
        The next one is tried again soon.
        """
        self.add("a")
        for _ in range(5):
            self.end("a", again=True)
            self.clock.advance(1)
        self.end("a")
        self.add("a")
        self.end("a", again=True)
        self.clock.advance(FIRST_RETRY)
        self.assertIn("a", self.under_way)

    def test_what_waits_may_be_tried_at_once(self) -> None:
        """
        When it is added, or all of it when something has changed.
        """
        for hurry in (lambda: self.queue.add("a"), self.queue.retry_all):
            self._fail_often()
            begun = len(self.begun)
            self._hurry(hurry)
            self.assertEqual(len(self.begun), begun + 1)
            self.end("a")

    def _fail_often(self) -> None:
        self.add("a")
        for _ in range(8):
            self.end("a", again=True)
            self.clock.advance(2)
        self.end("a", again=True)

    def _hurry(self, hurry: Callable[[], None]) -> None:
        hurry()
        self.clock.advance(0)

    def test_nothing_begins_before_the_start(self) -> None:
        """
        What was added before waits.
        """
        queue: WorkQueue[str] = WorkQueue("test", self.work, self.clock)
        queue.add("a")
        self.clock.advance(1)
        self.assertEqual(self.begun, [])
        queue.start()
        self.clock.advance(0)
        self.assertEqual(self.begun, ["a"])

    def test_stopping_ends_everything(self) -> None:
        """
        What is under way, what waits, and every timer.
        """
        self.add("a", "b", "c")
        self.end("a", again=True)
        self.queue.stop()
        self.clock.advance(10)
        self.assertEqual(self.begun, ["a", "b", "c"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
