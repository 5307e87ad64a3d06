"""
Several things at the same time.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList

Result = TypeVar("Result")


async def together(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """
    Run all of C{work}, and return the results in its order.

    What one of them raises is raised when all are through.  Cancelling cancels all.
    """
    begun = [Deferred.fromCoroutine(one) for one in work]
    ended: list[tuple[bool, Any]] = await DeferredList(begun, consumeErrors=True)
    for succeeded, result in ended:
        if not succeeded:
            result.raiseException()
    return [result for _, result in ended]
