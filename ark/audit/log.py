"""
Writes events, in batches, by a thread of its own.

Nobody who notes something ever waits: when the thread does not keep up, what does not fit is
dropped and counted.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric
from twisted.logger import Logger

from ark.audit.batching import AT_ONCE, WHOLE, Batching, Pace, Truncation, divided
from ark.audit.event import Noted, line_of
from ark.audit.rotation import Limits, RotatedFile

STDOUT = "-"
SILENT_SECONDS = 60.0
LOG, WEBHOOK, BUFFERED, TRUNCATE = "log", "webhook", "buffered", "truncate"

_log = Logger()


class Sink(Protocol):
    """
    Where lines go.
    """

    def write(self, data: bytes) -> None:
        """Write whole lines; raises C{OSError}."""

    def leave(self) -> None:
        """Called by another thread: wait for nothing any more."""

    def close(self) -> None:
        """Write no more."""


class StandardOutput:
    """
    The standard output of this process.
    """

    def write(self, data: bytes) -> None:
        """
        Write whole lines.
        """
        descriptor = sys.stdout.fileno()
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]

    def leave(self) -> None:
        """
        There is nothing to wait for.
        """

    def close(self) -> None:
        """
        It stays open.
        """


class AuditLog:
    """
    The log and what is counted of it.

    @ivar events: how many stages of requests were noted, by level.
    @ivar errors: how many of them were lost, by where: L{LOG} or L{WEBHOOK} where they could not
        be written, L{BUFFERED} where there was no place for them, L{TRUNCATE} where they were too large.
    """

    def __init__(
        self,
        sink: Sink,
        now: Callable[[], float],
        plugin: str = LOG,
        batching: Batching = AT_ONCE,
        truncation: Truncation = WHOLE,
    ) -> None:
        self._sink = sink
        self._plugin = plugin
        self._now = now
        self._batching = batching
        self._truncation = truncation
        self._pace = Pace(batching.rate, batching.burst)
        self._waiting: deque[Noted] = deque()
        self._bytes = 0
        self._condition = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned_at = float("-inf")
        self.events: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def start(self) -> None:
        """
        Begin to write.
        """
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        Write what was noted, and no more.  Blocks until then.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            self._sink.leave()
            with self._condition:
                self._stopping.set()
                self._condition.notify()
            thread.join()
        self._sink.close()

    def note(self, noted: Noted) -> None:
        """
        Have a stage of a request written.  Never blocks.
        """
        self.events[noted.told.level] += 1
        weight, batching = noted.weight, self._batching
        with self._condition:
            if len(self._waiting) >= batching.buffer or self._bytes + weight > batching.buffer_bytes:
                self.errors[BUFFERED] += 1
                return
            self._waiting.append(noted)
            self._bytes += weight
            if len(self._waiting) in (1, batching.size):
                self._condition.notify()

    def _run(self) -> None:
        while batch := self._gather():
            self._write(batch)
            with self._condition:
                self._bytes -= sum(noted.weight for noted in batch)

    def _gather(self) -> list[Noted]:
        """
        Wait for a batch; it is empty when there is nothing more to write.
        """
        size = self._batching.size
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping.is_set())
            if self._batching.wait:
                self._condition.wait_for(
                    lambda: len(self._waiting) >= size or self._stopping.is_set(), self._batching.wait
                )
            return [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]

    def _write(self, batch: list[Noted]) -> None:
        most = self._truncation.event
        lines = []
        for noted in batch:
            try:
                line = line_of(noted, most)
            except Exception as error:
                self._lost(self._plugin, 1, error)
                continue
            if most and len(line) > most:
                self._lost(TRUNCATE, 1, ValueError(f"{len(line)} bytes are too many for one"))
            else:
                lines.append(line)
        for group in divided(lines, self._truncation.batch):
            # Who stops the server does not wait for others' sake.
            self._stopping.wait(self._pace.take())
            try:
                self._sink.write(b"".join(group))
            except Exception as error:
                # The thread must outlive whatever goes wrong with what it writes.
                self._lost(self._plugin, len(group), error)

    def _lost(self, plugin: str, number: int, error: Exception) -> None:
        self.errors[plugin] += number
        now = self._now()
        if now - self._warned_at >= SILENT_SECONDS:
            self._warned_at = now
            _log.warn("events of the audit {plugin} are lost: {error}", plugin=self._plugin, error=error)


class AuditMetrics:
    """
    What was counted of logs that are told of the same requests.
    """

    def __init__(self, logs: Sequence[AuditLog]) -> None:
        self._logs = logs

    def collect(self) -> Iterator[Metric]:
        """
        Everything, for C{prometheus_client}, under kube-apiserver's names.
        """
        events = self._logs[0].events
        # Of copies: the threads go on counting.
        lost = sum((log.errors.copy() for log in self._logs), Counter[str]())
        number = sum(events.values())
        yield CounterMetricFamily("apiserver_audit_event", "Stages of requests that were noted.", number)
        levels = CounterMetricFamily("apiserver_audit_level", "The same by level.", labels=("level",))
        errors = CounterMetricFamily("apiserver_audit_error", "Events that were lost.", labels=("plugin",))
        for level, count in events.items():
            levels.add_metric((level,), count)
        for plugin in (LOG, WEBHOOK, BUFFERED, TRUNCATE):
            errors.add_metric((plugin,), lost[plugin])
        yield levels
        yield errors


def open_log(path: str, limits: Limits, now: Callable[[], float]) -> AuditLog:
    """
    The log at a path, or on L{STDOUT}; nothing is opened before there is something to write.
    """
    return AuditLog(StandardOutput() if path == STDOUT else RotatedFile(Path(path), limits, now), now)
