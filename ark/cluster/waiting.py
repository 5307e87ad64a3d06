"""
Several who wait for the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

Result = TypeVar("Result")


def _nothing() -> None:
    pass


class Waiting(Generic[Result]):
    """
    Who waits may be cancelled at any time, also by what another does who is told at that moment.

    @param left: called when somebody was cancelled and nobody else waits.
    """

    def __init__(self, left: Callable[[], object] = _nothing) -> None:
        self._waiting: list[Deferred[Result]] = []
        self._left = left

    def wait(self) -> Deferred[Result]:
        """
        Fires at the next L{tell}.
        """
        waiter: Deferred[Result] = Deferred(self._leave)
        self._waiting.append(waiter)
        return waiter

    def tell(self, outcome: Result | Failure) -> None:
        """
        Tell all who wait now.
        """
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if waiter.called:
                continue
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)

    def _leave(self, waiter: Deferred[Result]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            if not self._waiting:
                self._left()
