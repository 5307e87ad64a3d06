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

from ark.audit.event import Noted, line_of
from ark.audit.rotation import Limits, RotatedFile

STDOUT = "-"
BUFFER_EVENTS = 10_000
BUFFER_BYTES = 64 * 1024 * 1024
BATCH = 400
SILENT_SECONDS = 60.0
LOG, WEBHOOK, BUFFERED = "log", "webhook", "buffered"

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
        be written, L{BUFFERED} where there was no place for them.
    """

    def __init__(
        self,
        sink: Sink,
        now: Callable[[], float],
        plugin: str = LOG,
        *,
        most: int = BUFFER_EVENTS,
        most_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._sink = sink
        self._plugin = plugin
        self._now = now
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[Noted] = deque()
        self._bytes = 0
        self._condition = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._warned_at = float("-inf")
        self.events: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def start(self) -> None:
        """
        Begin to write.
        """
        self._stopping = False
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
                self._stopping = True
                self._condition.notify()
            thread.join()
        self._sink.close()

    def note(self, noted: Noted) -> None:
        """
        Have a stage of a request written.  Never blocks.
        """
        self.events[noted.told.level] += 1
        weight = noted.weight
        with self._condition:
            if len(self._waiting) >= self._most or self._bytes + weight > self._most_bytes:
                self.errors[BUFFERED] += 1
                return
            self._waiting.append(noted)
            self._bytes += weight
            if len(self._waiting) == 1:
                self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._stopping:
                    self._condition.wait()
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                if not batch:
                    return
            self._write(batch)
            with self._condition:
                self._bytes -= sum(noted.weight for noted in batch)

    def _write(self, batch: list[Noted]) -> None:
        lines = []
        for noted in batch:
            try:
                lines.append(line_of(noted))
            except Exception as error:
                self._lost(1, error)
        try:
            self._sink.write(b"".join(lines))
        except Exception as error:
            # The thread must outlive whatever goes wrong with what it writes.
            self._lost(len(lines), error)

    def _lost(self, number: int, error: Exception) -> None:
        self.errors[self._plugin] += number
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
        lost = sum((log.errors for log in self._logs), Counter[str]())
        number = sum(events.values())
        yield CounterMetricFamily("apiserver_audit_event", "Stages of requests that were noted.", number)
        levels = CounterMetricFamily("apiserver_audit_level", "The same by level.", labels=("level",))
        errors = CounterMetricFamily("apiserver_audit_error", "Events that were lost.", labels=("plugin",))
        for level, count in events.items():
            levels.add_metric((level,), count)
        for plugin in (LOG, WEBHOOK, BUFFERED):
            errors.add_metric((plugin,), lost[plugin])
        yield levels
        yield errors


def open_log(path: str, limits: Limits, now: Callable[[], float]) -> AuditLog:
    """
    The log at a path, or on L{STDOUT}; nothing is opened before there is something to write.
    """
    return AuditLog(StandardOutput() if path == STDOUT else RotatedFile(Path(path), limits, now), now)
