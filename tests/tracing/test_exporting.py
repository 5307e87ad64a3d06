"""
Tests of L{ark.tracing.exporting}.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ark.tracing.context import TraceContext
from ark.tracing.exporting import BATCH, Exporter
from ark.tracing.span import Span

PATIENCE = 30.0


class ThreadedClock(Clock):
    """
    A clock that keeps what threads want to be called, until L{turn}.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked = threading.Condition()
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def callFromThread(self, call: Callable[..., Any], *given: Any) -> None:
        """
        See C{IReactorFromThreads}.
        """
        with self._asked:
            self._calls.append((call, given))
            self._asked.notify_all()

    def turn(self, number: int = 1) -> None:
        """
        Wait until so many calls are wanted, and make them.
        """
        with self._asked:
            if not self._asked.wait_for(lambda: len(self._calls) >= number, PATIENCE):
                raise AssertionError("no thread wants anything")
            calls, self._calls = self._calls, []
        for call, given in calls:
            call(*given)


class HeldCollector:
    """
    Takes spans when it is let, or fails.
    """

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Semaphore(0)
        self.failing: Exception | None = None
        self.batches: list[int] = []
        self.offset = 0.0
        self.closed = False

    def send(self, spans: Sequence[Span], offset: float, seconds: float) -> None:
        """
        See L{ark.tracing.exporting.Collector.send}.
        """
        self.asked.release()
        self.free.wait(PATIENCE)
        self.offset = offset
        if self.failing is not None:
            raise self.failing
        self.batches.append(len(spans))

    def close(self) -> None:
        """
        See L{ark.tracing.exporting.Collector.close}.
        """
        self.closed = True


class ExporterTests(SynchronousTestCase):
    """
    Between those who end spans and the collector.
    """

    def setUp(self) -> None:
        """
        An exporter whose collector waits to be let.
        """
        self.clock = ThreadedClock()
        self.collector = HeldCollector()
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def exporter(self, **given: Any) -> Exporter:
        """
        One that has begun.
        """
        options = {"now": lambda: 1000.0, "every": PATIENCE, **given}
        exporter = Exporter(self.collector, self.clock, **options)
        exporter.start()
        return exporter

    def end(self, exporter: Exporter, number: int) -> None:
        """
        End so many spans.
        """
        for _ in range(number):
            Span(exporter, TraceContext(1, 2, True), "GET").end()

    def stop(self, exporter: Exporter, calls: int = 1) -> None:
        """
        Stop it, and wait until it has.
        """
        stopped = exporter.stop()
        self.clock.turn(calls)
        self.successResultOf(stopped)
        self.assertTrue(self.collector.closed)

    def test_full_batch_is_sent_at_once_and_the_rest_at_the_end(self) -> None:
        """
        With what makes the reactor's time the time of day.
        """
        self.collector.free.set()
        exporter = self.exporter()
        self.clock.advance(10)
        self.end(exporter, BATCH)
        self.assertTrue(self.collector.asked.acquire(timeout=PATIENCE))
        self.end(exporter, 3)
        self.stop(exporter)
        self.assertEqual(sum(self.collector.batches), BATCH + 3)
        self.assertEqual(exporter.exported, BATCH + 3)
        self.assertEqual(self.collector.offset, 990.0)

    def test_what_has_no_room_is_dropped_and_counted(self) -> None:
        """
        While the collector takes its time; nobody waits.
        """
        exporter = self.exporter(queued=2 * BATCH)
        self.end(exporter, BATCH)
        self.assertTrue(self.collector.asked.acquire(timeout=PATIENCE))
        self.end(exporter, 2 * BATCH + 7)
        self.assertEqual(exporter.dropped, 7)
        self.collector.free.set()
        self.stop(exporter)
        self.assertEqual((exporter.exported, exporter.failed, exporter.dropped), (3 * BATCH, 0, 7))

    def test_collector_that_fails_is_told_of_once(self) -> None:
        """
        And when it goes well again.
        """
        self.collector.failing = ConnectionError("UNAVAILABLE: nobody there")
        self.collector.free.set()
        exporter = self.exporter()
        for _ in range(2):
            self.end(exporter, BATCH)
            self.assertTrue(self.collector.asked.acquire(timeout=PATIENCE))
        self.clock.turn()
        self.collector.failing = None
        self.end(exporter, BATCH)
        self.stop(exporter, 2)
        told = [
            event["log_format"]
            for event in self.events
            if event.get("log_namespace") == "ark.tracing.exporting"
        ]
        self.assertEqual(
            told, ["traces do not reach the collector: {why}", "traces reach the collector again"]
        )
        self.assertEqual(exporter.failed + exporter.exported, 3 * BATCH)

    def test_stop_gives_up_on_a_collector_that_fails(self) -> None:
        """
        After one try.
        """
        self.collector.failing = ConnectionError("UNAVAILABLE")
        self.collector.free.set()
        exporter = self.exporter(queued=10 * BATCH)
        self.end(exporter, 2)
        self.stop(exporter, 2)
        self.assertEqual(exporter.failed, 2)

    def test_one_that_never_began_stops_at_once(self) -> None:
        """
        As where a server could not start.
        """
        self.successResultOf(Exporter(self.collector, self.clock).stop())
