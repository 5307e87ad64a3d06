"""
How far something has come: a bar on a terminal, a line now and then elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

_BAR = 30
_BAR_EVERY = 0.1
_LINE_EVERY = 5.0


class ProgressLine:
    """
    Shows one thing at a time.

    @param now: a clock that only goes on.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float]) -> None:
        self._stream = stream
        self._now = now
        self._terminal = stream.isatty()
        self._what = ""
        self._total = self._done = 0
        self._began = self._shown = 0.0

    def begin(self, what: str, total: int) -> None:
        """
        Something begins that has C{total} steps.
        """
        self.end()
        self._what, self._total, self._done = what, total, 0
        self._began = self._shown = self._now()
        if not self._terminal:
            self._write(f"{what}: {total:,}\n")

    def advance(self, steps: int) -> None:
        """
        Some of them are done.
        """
        self._done += steps
        if self._what and self._now() - self._shown >= (_BAR_EVERY if self._terminal else _LINE_EVERY):
            self._shown = self._now()
            self._write(f"\r{self._bar()}\x1b[K" if self._terminal else f"{self._line()}\n")

    def end(self) -> None:
        """
        It is over.
        """
        if self._what and self._terminal:
            self._write(f"\r{self._bar()}\x1b[K\n")
        elif self._what and self._shown > self._began:
            self._write(f"{self._line()}\n")
        self._what = ""

    def say(self, text: str) -> None:
        """
        Something happened.
        """
        self.end()
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _share(self) -> float:
        # What is counted may have grown since.
        return min(1.0, self._done / self._total) if self._total else 1.0

    def _line(self) -> str:
        seconds = max(self._now() - self._began, 0.001)
        left = seconds * (1 / self._share() - 1) if self._share() else 0
        tail = f", {left:.0f} s left" if left >= 1 else ""
        return (
            f"{self._what}: {self._done:,} of {max(self._total, self._done):,} "
            f"({self._share():.0%}), {self._done / seconds:,.0f} a second{tail}"
        )

    def _bar(self) -> str:
        filled = int(self._share() * _BAR)
        return f"[{'#' * filled}{'.' * (_BAR - filled)}] {self._line()}"
