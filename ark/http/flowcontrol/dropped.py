"""
When to come again, told to those who are refused.
"""

from __future__ import annotations

from collections import deque

MOST = 32
_MANY = 3


class RetryAfter:
    """
    Grows while many are refused, and shrinks when few are.

    Doubled when three or more were refused for each of as many seconds as it says, at most that
    often; a second less when it was fewer than one for each.  As
    C{k8s.io/apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go}.

    @ivar seconds: what to say now.
    """

    def __init__(self) -> None:
        self.seconds = 1
        self._history: deque[tuple[int, int]] = deque()
        self._second = 0
        self._count = 0
        self._grown_at = 0

    def refused(self, now: float) -> int:
        """
        Somebody is refused.

        @return: L{seconds}.
        """
        second = int(now)
        if second != self._second:
            self._history.append((self._second, self._count))
            while second - self._history[0][0] > min(2 * self.seconds, MOST):
                self._history.popleft()
                if not self._history:
                    break
            self._second, self._count = second, 0
            self._adjust(second)
        self._count += 1
        return self.seconds

    def _adjust(self, second: int) -> None:
        count = sum(number for moment, number in self._history if second - moment <= self.seconds)
        if second - self._grown_at >= self.seconds and count >= _MANY * self.seconds:
            self.seconds = min(self.seconds * 2, MOST)
            self._grown_at = second
        elif count < self.seconds and self.seconds > 1:
            self.seconds -= 1
