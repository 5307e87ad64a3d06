"""
Telling the rest of the process that something was committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger


class ChangeFeed:
    """
    The subscribers of one backend in this process.

    Any number of L{notify} calls of one reactor turn make one call of each subscriber,
    in the next turn: after whoever awaited the commit has gone on, so that a reader who
    follows its own commits finds nothing left to read.

    @param reactor: its C{callLater} defers the calls; without it they happen at once.
    """

    _log = Logger()

    def __init__(self, reactor: Any = None) -> None:
        self._reactor = reactor
        self._subscribers: dict[object, Callable[[], None]] = {}
        self._scheduled = False

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        See L{ark.interfaces.IChangeFeed.subscribe}.
        """
        token = object()
        self._subscribers[token] = wake

        def unsubscribe() -> None:
            self._subscribers.pop(token, None)

        return unsubscribe

    def notify(self) -> None:
        """
        Something was committed, here or elsewhere.
        """
        if self._reactor is None:
            self._wake()
        elif not self._scheduled and self._subscribers:
            self._scheduled = True
            self._reactor.callLater(0, self._wake)

    def _wake(self) -> None:
        self._scheduled = False
        for wake in tuple(self._subscribers.values()):
            try:
                wake()
            except CancelledError:
                raise
            except Exception:
                self._log.failure("A subscriber of the change feed failed")
