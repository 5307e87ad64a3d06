"""
Many rough timers for the price of one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import ceil
from typing import Any, Protocol

GRANULARITY = 0.25


class Timed(Protocol):
    """
    What a L{TimerWheel} calls.
    """

    slot: int
    """Kept by the wheel: where it waits, C{0} for nowhere."""

    def on_time(self, now: float) -> None:
        """
        Its time has come.
        """


class TimerWheel:
    """
    Calls back those whose time has come, never early and at most L{GRANULARITY} late.

    Those of the same quarter of a second share a slot, and the reactor has one delayed
    call for the earliest slot: nothing ticks while nobody waits.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._slots: dict[int, dict[Timed, None]] = {}
        self._order: list[int] = []
        self._call: Any = None

    def schedule(self, timed: Timed, when: float) -> None:
        """
        Call C{timed.on_time} at C{when}, and at no other time it may have been waiting for.
        """
        self.cancel(timed)
        number = max(1, ceil(when / GRANULARITY))
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            heappush(self._order, number)
            if self._order[0] == number:
                self._arm()
        slot[timed] = None
        timed.slot = number

    def cancel(self, timed: Timed) -> None:
        """
        Do not call C{timed}.
        """
        slot = self._slots.get(timed.slot)
        if slot is not None:
            slot.pop(timed, None)
        timed.slot = 0

    def stop(self) -> None:
        """
        Call nobody any more.
        """
        self._slots.clear()
        self._order.clear()
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _arm(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        delay = max(0.0, self._order[0] * GRANULARITY - self._reactor.seconds())
        self._call = self._reactor.callLater(delay, self._turn)

    def _turn(self) -> None:
        now = self._reactor.seconds()
        while self._order and self._order[0] * GRANULARITY <= now:
            number = heappop(self._order)
            for timed in tuple(self._slots.pop(number)):
                if timed.slot == number:  # or else one called before it cancelled or moved it
                    timed.slot = 0
                    timed.on_time(now)
        if self._order:
            self._arm()
