"""
Many point reads in one: one hop to a thread, or one round trip to a database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from ark.meta.records import Key, Version


class PointReads:
    """
    Gathers what is asked for in one reactor turn into one read.

    @param read: gives the counter and the live versions of some keys, which may be none.
        The versions are not older than the counter.
    """

    def __init__(
        self, reactor: Any, read: Callable[[Sequence[Key]], Deferred[tuple[int, dict[Key, Version]]]]
    ) -> None:
        self._reactor = reactor
        self._read = read
        self._waiting: dict[Key, list[Deferred[Version | None]]] = {}
        self._revisions: list[Deferred[int]] = []
        self._scheduled = False

    def get(self, key: Key) -> Deferred[Version | None]:
        """
        The live version of C{key}.
        """
        done: Deferred[Version | None] = Deferred()
        self._waiting.setdefault(key, []).append(done)
        self._schedule()
        return done

    def revision(self) -> Deferred[int]:
        """
        The counter.
        """
        done: Deferred[int] = Deferred()
        self._revisions.append(done)
        self._schedule()
        return done

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._reactor.callLater(0, self._leave)

    def _leave(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, {}
        revisions, self._revisions = self._revisions, []

        def answer(result: tuple[int, dict[Key, Version]]) -> None:
            revision, found = result
            for key, waiters in waiting.items():
                version = found.get(key)
                for waiter in waiters:
                    waiter.callback(version)
            for asked in revisions:
                asked.callback(revision)

        def fail(failure: Any) -> None:
            for waiters in waiting.values():
                for waiter in waiters:
                    waiter.errback(failure)
            for asked in revisions:
                asked.errback(failure)

        self._read(tuple(waiting)).addCallbacks(answer, fail)
