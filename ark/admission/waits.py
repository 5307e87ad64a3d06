"""
How long a request has waited for webhooks.

Follows C{LatencyTrackers} in C{k8s.io/apiserver/pkg/endpoints/request/webhook_duration.go}.
"""

from __future__ import annotations


class Waits:
    """
    The seconds that webhooks took which change an object, one after the other, and those that judge
    it, at the same time.

    @ivar seconds: all that the request has waited.
    """

    seconds = 0.0
    _mutating = 0.0
    _judging = 0.0

    def add(self, mutates: bool, seconds: float) -> None:
        """
        A webhook has answered, or has not.
        """
        if mutates:
            self._mutating += seconds
        else:
            self._judging = max(self._judging, seconds)
        self.seconds = self._mutating + self._judging
