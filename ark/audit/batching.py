"""
How events are put together before they are written or sent.

As C{k8s.io/apiserver/plugin/pkg/audit/buffered} and C{truncate}, whose defaults these are for a webhook.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple


class Batching(NamedTuple):
    """
    How many events make a batch, and what is kept of those that wait.

    @ivar buffer: how many may wait.
    @ivar size: how many are written at once.
    @ivar wait: for how many seconds the first may wait for others; C{0.0} for none.
    @ivar rate: how many batches a second may be written on average; C{0.0} for any number.
    @ivar burst: how many, when there were fewer before.
    @ivar buffer_bytes: about how much memory the waiting events may take.
    """

    buffer: int = 10_000
    size: int = 400
    wait: float = 0.0
    rate: float = 0.0
    burst: int = 1
    buffer_bytes: int = 64 * 1024 * 1024


class Truncation(NamedTuple):
    """
    How large events and batches may be, in bytes.

    @ivar event: beyond it bodies are left out, and an event that is too large without them; C{0} for no limit.
    @ivar batch: beyond it a batch is divided.
    """

    event: int = 0
    batch: int = 0


AT_ONCE = Batching()
WHOLE = Truncation()


class Pace:
    """
    A bucket of tokens, which may be overdrawn by who waits for it.
    """

    def __init__(self, rate: float, burst: int, seconds: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._seconds = seconds
        self._tokens = float(burst)
        self._since = seconds()

    def take(self) -> float:
        """
        Take one token.

        @return: for how many seconds to wait before it is there.
        """
        if not self._rate:
            return 0.0
        now = self._seconds()
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self._rate) - 1
        self._since = now
        return max(0.0, -self._tokens / self._rate)


def divided(lines: Iterable[bytes], most: int) -> Iterator[list[bytes]]:
    """
    Lines in groups of at most so many bytes, a larger one alone.

    @param most: C{0} for all in one.
    """
    group: list[bytes] = []
    size = 0
    for line in lines:
        if most and group and size + len(line) > most:
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line)
    if group:
        yield group
