"""
A bounded number of connections to MySQL, each with a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred

from ark.storage.errors import Unavailable
from ark.storage.mysqlerrors import DATABASE_ERRORS, translate
from ark.storage.mysqlsession import Session
from ark.storage.mysqlsettings import Settings
from ark.storage.shielding import shielded

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Sessions:
    """
    Runs functions of a L{Session} in threads.

    @param most: how many there may be; what is asked beyond that waits for its turn.
    """

    def __init__(self, settings: Settings, reactor: Any, most: int) -> None:
        self._pool: Any = ConnectionPool(  # type: ignore[no-untyped-call]  # adbapi has no annotations
            "ark.storage.mysqlsession", settings, cp_reactor=reactor, cp_min=1, cp_max=most, cp_noisy=False
        )
        self._active = 0
        self._idle: list[Deferred[None]] = []
        self._closed = False

    @property
    def open(self) -> int:
        """
        How many there are.
        """
        return len(self._pool.connections)

    async def run(
        self,
        work: Callable[Concatenate[Session, _P], _T],
        *given: _P.args,
        **named: _P.kwargs,
    ) -> _T:
        """
        What C{work} returns.  It goes on when whoever waits for it is cancelled.

        @raise ark.storage.errors.StorageError: it failed.
        """
        return await self._run(False, work, given, named)

    async def write(
        self,
        work: Callable[Concatenate[Session, _P], _T],
        *given: _P.args,
        **named: _P.kwargs,
    ) -> _T:
        """
        The same, where C{work} commits.

        @raise ark.storage.errors.OutcomeUnknown: it may have, although it failed.
        """
        return await self._run(True, work, given, named)

    async def _run(self, committing: bool, work: Callable[..., _T], given: Any, named: Any) -> _T:
        if self._closed:
            raise Unavailable("the store is closed")
        self._active += 1
        done = self._pool.runWithConnection(work, *given, **named)
        try:
            result: _T = await shielded(done.addBoth(self._finished))
            return result
        except DATABASE_ERRORS as error:
            raise translate(error, committing) from error

    def _finished(self, result: Any) -> Any:
        self._active -= 1
        if self._closed and not self._active:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)
        return result

    async def close(self) -> None:
        """
        Let what is under way finish, then end all connections.
        """
        if self._closed:
            return
        self._closed = True
        if self._active:
            waiting: Deferred[None] = Deferred()
            self._idle.append(waiting)
            await waiting
        self._pool.close()
