"""
How old revisions are, by a clock that nobody can set.
"""

from __future__ import annotations

from collections import deque


class Aging:
    """
    Knows which revisions are older than some time, from having seen them when they were new.

    What was there before anybody looked is taken for new.

    @param seconds: the time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, int]] = deque()

    def older(self, now: float, newest: int) -> int:
        """
        The newest revision that is known to be older; C{0} for none.

        @param now: the reactor's time, which does not follow the time of day.
        @param newest: the newest revision at this moment.
        """
        samples = self._samples
        samples.append((now, newest))
        aged = 0
        while samples and samples[0][0] <= now - self._seconds:
            aged = samples.popleft()[1]
        if aged:
            samples.appendleft((now - self._seconds, aged))
        return aged
