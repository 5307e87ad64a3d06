"""
Hands spans to a thread of its own, which sends them away.

As C{BatchSpanProcessor} of OpenTelemetry does: what is traced never waits, and what a collector cannot take in time
is dropped and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ark.tracing.span import Span

QUEUED = 2048
BATCH = 512
EVERY = 5.0
SECONDS = 10.0
LAST_SECONDS = 2.0

_log = Logger()


class Collector(Protocol):
    """
    Takes spans somewhere.  Called in the thread of an exporter only.
    """

    def send(self, spans: Sequence[Span], offset: float, seconds: float) -> None:
        """
        Send spans, and wait until they were taken.

        @param offset: what is to be added to the times of a span for the time of day.
        @raise Exception: they were not.
        """

    def close(self) -> None:
        """Nothing more is sent."""


class Exporter:
    """
    A L{ark.tracing.span.Recorder} that sends what it is given to a collector, at the latest L{EVERY} seconds later.

    @ivar seconds: the clock of spans.
    @ivar exported: spans that the collector took.
    @ivar failed: spans that it did not take.
    @ivar dropped: spans for which there was no room.
    """

    def __init__(
        self,
        collector: Collector,
        reactor: Any,
        *,
        now: Callable[[], float] = time.time,
        queued: int = QUEUED,
        every: float = EVERY,
    ) -> None:
        self._collector = collector
        self._reactor = reactor
        self._now = now
        self._room = queued
        self._every = every
        self._queue: deque[Span] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._reached = True
        self._stopped: Deferred[None] = Deferred()
        self.seconds: Callable[[], float] = reactor.seconds
        self.exported = self.failed = self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        """
        Begin to send.
        """
        self._thread.start()

    def add(self, span: Span) -> None:
        """
        Take a span that has ended.
        """
        queue = self._queue
        if len(queue) >= self._room:
            self.dropped += 1
            return
        queue.append(span)
        if len(queue) % BATCH == 0:
            self._wake.set()

    def stop(self) -> Deferred[None]:
        """
        Send what there is, and no more.

        @return: fires when that was done, or could not be done in L{LAST_SECONDS}.
        """
        if not self._thread.is_alive():
            self._stopped.callback(None)
            return self._stopped
        self._stopping = True
        self._wake.set()
        return self._stopped

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._every)
            self._wake.clear()
            self._flush()
        self._collector.close()
        self._reactor.callFromThread(self._stopped.callback, None)

    def _flush(self) -> None:
        queue = self._queue
        while queue:
            spans = [queue.popleft() for _ in range(min(len(queue), BATCH))]
            seconds = LAST_SECONDS if self._stopping else SECONDS
            try:
                self._collector.send(spans, self._now() - self.seconds(), seconds)
            except Exception as error:
                self.failed += len(spans)
                self._tell(False, str(error))
                if self._stopping:
                    return
            else:
                self.exported += len(spans)
                self._tell(True, "")

    def _tell(self, reached: bool, why: str) -> None:
        """
        Log when it begins to go wrong, and when it goes well again.
        """
        if reached is not self._reached:
            self._reached = reached
            self._reactor.callFromThread(_said, reached, why)


def _said(reached: bool, why: str) -> None:
    if reached:
        _log.info("traces reach the collector again")
    else:
        _log.warn("traces do not reach the collector: {why}", why=why)
