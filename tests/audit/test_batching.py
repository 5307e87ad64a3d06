"""
Tests of L{ark.audit.batching}, and of what the log makes of it.
"""

from __future__ import annotations

import threading

import orjson
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.audit.batching import WHOLE, Batching, Pace, Truncation, divided
from ark.audit.event import TRUNCATED, Body, line_of
from ark.audit.log import WEBHOOK, AuditLog
from ark.audit.policy import Told
from tests.audit.test_log import EPOCH, noted

AN_HOUR = 3600.0


class Batches:
    """
    Keeps every batch by itself.
    """

    def __init__(self) -> None:
        self.kept: list[list[bytes]] = []
        self.came = threading.Semaphore(0)

    def write(self, data: bytes) -> None:
        """
        Keep a batch.
        """
        self.kept.append(data.splitlines())
        self.came.release()

    def leave(self) -> None:
        """
        There is nothing to wait for.
        """

    def close(self) -> None:
        """
        Nothing is open.
        """

    @property
    def sizes(self) -> list[int]:
        """
        How many events came in each.
        """
        return [len(batch) for batch in self.kept]


class BatchingTests(SynchronousTestCase):
    """
    When events are written.
    """

    def log(self, batching: Batching, truncation: Truncation = WHOLE) -> AuditLog:
        """
        A log that runs, and keeps what it writes in C{batches}.
        """
        self.batches = Batches()
        log = AuditLog(self.batches, lambda: EPOCH, WEBHOOK, batching, truncation)
        log.start()
        return log

    def came(self) -> None:
        """
        Wait for a batch.
        """
        self.assertTrue(self.batches.came.acquire(timeout=30))

    def test_a_full_batch_is_written_at_once(self) -> None:
        """
        The rest waits for others, but not when the server stops.
        """
        log = self.log(Batching(size=3, wait=AN_HOUR))
        for number in range(7):
            log.note(noted(number))
        self.came()
        self.came()
        self.assertEqual(self.batches.sizes, [3, 3])
        log.stop()
        self.assertEqual(self.batches.sizes, [3, 3, 1])

    def test_what_has_waited_long_enough_is_written(self) -> None:
        """
        However few there are.
        """
        log = self.log(Batching(size=1000, wait=0.01))
        log.note(noted())
        self.came()
        self.assertEqual(self.batches.sizes, [1])
        log.stop()

    def test_who_stops_waits_for_no_turn(self) -> None:
        """
        All is written, however slowly it should have been.
        """
        log = self.log(Batching(size=1, rate=1 / AN_HOUR))
        for number in range(5):
            log.note(noted(number))
        self.came()
        log.stop()
        self.assertEqual(self.batches.sizes, [1] * 5)

    def test_large_events_lose_their_bodies(self) -> None:
        """
        And are told of without them; those of which nothing can be left out are lost, and counted.
        """
        large = Body(orjson.dumps({"metadata": {"name": "x" * 5000}}))
        log = self.log(Batching(), Truncation(event=1000))
        log.note(noted()._replace(told=Told("Request"), request=large, annotations={"a": "b"}))
        log.note(noted()._replace(annotations={"a": "x" * 5000}))
        log.note(noted(1))
        log.stop()
        events = [orjson.loads(line) for batch in self.batches.kept for line in batch]
        self.assertEqual([event["auditID"] for event in events], ["id-0", "id-1"])
        self.assertNotIn("requestObject", events[0])
        self.assertEqual(events[0]["annotations"], {"a": "b", TRUNCATED: "true"})
        self.assertEqual(log.errors, {"truncate": 1})

    def test_large_batches_are_divided(self) -> None:
        """
        By bytes, whatever number of events is allowed.
        """
        size = len(line_of(noted()))
        log = self.log(Batching(size=6, wait=AN_HOUR), Truncation(event=size, batch=2 * size + 1))
        for number in range(6):
            log.note(noted(number))
        log.stop()
        self.assertEqual(self.batches.sizes, [2, 2, 2])


class PaceTests(SynchronousTestCase):
    """
    So many a second.
    """

    def test_a_burst_and_then_one_at_a_time(self) -> None:
        """
        Who waits has taken the token that comes next.
        """
        clock = Clock()
        pace = Pace(2.0, 3, clock.seconds)
        self.assertEqual([pace.take() for _ in range(5)], [0.0, 0.0, 0.0, 0.5, 1.0])
        clock.advance(1.5)
        self.assertEqual(pace.take(), 0.0)
        clock.advance(100.0)
        self.assertEqual([pace.take() for _ in range(4)], [0.0, 0.0, 0.0, 0.5])

    def test_no_limit(self) -> None:
        """
        Without a rate nobody waits.
        """
        pace = Pace(0.0, 1, Clock().seconds)
        self.assertEqual({pace.take() for _ in range(100)}, {0.0})


class DividedTests(SynchronousTestCase):
    """
    Groups of lines.
    """

    def test_groups_are_as_large_as_they_may_be(self) -> None:
        """
        What is too large alone is a group.
        """
        lines = [b"aa", b"bb", b"c" * 9, b"d"]
        self.assertEqual(list(divided(lines, 4)), [[b"aa", b"bb"], [b"c" * 9], [b"d"]])
        self.assertEqual(list(divided(lines, 0)), [lines])
        self.assertEqual(list(divided([], 4)), [])
