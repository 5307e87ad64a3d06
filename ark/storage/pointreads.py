"""
Many point reads in one hop to a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ark.meta.records import Key, Version
from ark.storage.sqliteread import read_points, read_revision_alone


class PointReads:
    """
    Gathers what is asked for in one reactor turn into one read.
    """

    def __init__(self, reactor: Any, read: Callable[..., Deferred[Any]]) -> None:
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

        read = read_points if waiting else read_revision_alone
        self._read(read, tuple(waiting)).addCallbacks(answer, fail)
