"""
A reporter of Trial that takes down how long each test ran.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.trial.reporter import Reporter


class TimingReporter(Reporter):
    """
    What Trial's plain one tells, and besides the seconds of each test.

    @ivar durations: seconds and names, in the order in which the tests ended.  What a first test starts for
        those after it counts as its time.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.durations: list[tuple[float, str]] = []
        self._began = 0.0

    def startTest(self, method: Any) -> None:
        """
        A test begins.
        """
        self._began = time.monotonic()
        super().startTest(method)

    def stopTest(self, method: Any) -> None:
        """
        A test has ended, and all that it has to clean up with it.
        """
        super().stopTest(method)
        self.durations.append((time.monotonic() - self._began, method.id()))
