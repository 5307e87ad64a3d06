"""
Work that goes on when nobody waits for it any more.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


def shielded(work: Deferred[Any]) -> Deferred[Any]:
    """
    The result of C{work}, which goes on when whoever waits for it is cancelled: a query on
    its way cannot be called back.
    """
    waiting: Deferred[Any] = Deferred(lambda _: None)

    def end(result: Any) -> None:
        if not waiting.called:
            waiting.callback(result)

    work.addBoth(end)
    return waiting
