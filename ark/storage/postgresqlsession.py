"""
A bounded number of connections to PostgreSQL, and one query at a time on each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg2
import psycopg2.extensions
from twisted.internet.defer import Deferred, DeferredList
from txpostgres.txpostgres import Connection

from ark.storage.errors import Unavailable
from ark.storage.postgresqldescriptor import ConnectionDescriptor
from ark.storage.postgresqlerrors import DATABASE_ERRORS, translate
from ark.storage.shielding import shielded

Row = tuple[Any, ...]

_WAITING = 10_000
# What the server does must end when nobody waits for it any more, and what it acknowledges
# must last, whatever its own defaults are.
_SETUP = (
    "SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' "
    "THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
    "set_config('statement_timeout', '15s', false), set_config('tcp_keepalives_idle', '5', false), "
    "set_config('tcp_keepalives_interval', '3', false), set_config('tcp_keepalives_count', '3', false)"
)


class _QuietConnection(Connection):  # type: ignore[misc]  # txpostgres has no annotations
    """
    Ends when it is lost while nothing is asked of it, instead of telling the reactor.
    """

    def doRead(self) -> None:
        try:
            super().doRead()
        except psycopg2.Error:
            self.close()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.reactor.release()


class Session:
    """
    One connection.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.connection = _QuietConnection(reactor=ConnectionDescriptor(reactor))

    async def open(self, settings: Mapping[str, str], timeout: float) -> None:
        """
        Connect.

        @raise Unavailable: it did not succeed in time.
        """
        await self._within(timeout, self.connection.connect, **await self._resolved(settings))
        raw = self.connection.pollable()
        psycopg2.extensions.register_type(psycopg2.extensions.BYTES, raw)
        await self.query(_SETUP, (), timeout)

    async def _resolved(self, settings: Mapping[str, str]) -> dict[str, str]:
        """
        The settings with the host's address beside its name: libpq would wait for it.
        """
        host = settings.get("host", "")
        if not host or host.startswith("/") or "," in host or "hostaddr" in settings:
            return dict(settings)
        try:
            address = await self._reactor.resolve(host, (1, 2, 3))
        except OSError as error:
            raise Unavailable(f"PostgreSQL: the host {host} is not known") from error
        except Exception as error:
            raise Unavailable(f"PostgreSQL: the host {host} cannot be found: {error}") from error
        return {**settings, "hostaddr": address}

    async def query(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any], timeout: float
    ) -> list[Row]:
        """
        The rows that a statement gives; texts as bytes.

        @raise psycopg2.Error: of the database.
        @raise twisted.internet.error.ConnectionClosed: there was no answer in time, or the
            connection was lost.
        """
        rows: list[Row] = await self._within(timeout, self.connection.runQuery, text, parameters)
        return rows

    async def run(self, text: str, timeout: float) -> None:
        """
        Run statements that give nothing, as they are written.

        @raise psycopg2.Error: of the database.
        """
        await self._within(timeout, self.connection.runOperation, text)

    async def _within(
        self, seconds: float, start: Callable[..., Deferred[Any]], *given: Any, **named: Any
    ) -> Any:
        timer = self._reactor.callLater(seconds, self.close)
        try:
            return await start(*given, **named)
        finally:
            if timer.active():
                timer.cancel()

    @property
    def closed(self) -> bool:
        """
        Whether it cannot be used any more.
        """
        raw = self.connection.pollable()
        return raw is None or bool(raw.closed)

    def close(self) -> None:
        """
        End it; a query on its way fails.
        """
        if self.connection.pollable() is not None:
            self.connection.close()


class Sessions:
    """
    Connections that are opened when they are needed.

    @param most: how many there may be; further queries wait for their turn.
    """

    def __init__(self, settings: Mapping[str, str], reactor: Any, most: int, timeout: float) -> None:
        self._settings = settings
        self._reactor = reactor
        self._most = most
        self._timeout = timeout
        self._free: list[Session] = []
        self._all: set[Session] = set()
        self._opening = 0
        self._waiting: deque[Deferred[None]] = deque()
        self._closed = False
        self._idle: list[Deferred[None]] = []

    @property
    def open(self) -> int:
        """
        How many there are.
        """
        return len(self._all)

    async def query(self, text: str, parameters: Any = (), committing: bool = False) -> list[Row]:
        """
        The rows that a statement gives.

        @raise ark.storage.errors.StorageError: it failed.
        """
        rows: list[Row] = await shielded(Deferred.fromCoroutine(self._query(text, parameters, committing)))
        return rows

    async def _query(self, text: str, parameters: Any, committing: bool) -> list[Row]:
        session = await self._take()
        try:
            return await session.query(text, parameters, self._timeout)
        except DATABASE_ERRORS as error:
            raise translate(error, committing) from error
        finally:
            self._give_back(session)

    async def _take(self) -> Session:
        while True:
            if self._closed:
                raise Unavailable("the store is closed")
            while self._free:
                session = self._free.pop()
                if not session.closed:
                    return session
                session.close()
                self._all.discard(session)
            if len(self._all) + self._opening < self._most:
                return await self._open()
            if len(self._waiting) >= _WAITING:
                raise Unavailable("too many queries wait for PostgreSQL")
            turn: Deferred[None] = Deferred()
            self._waiting.append(turn)
            await turn

    async def _open(self) -> Session:
        session = Session(self._reactor)
        self._opening += 1
        try:
            await session.open(self._settings, self._timeout)
        except DATABASE_ERRORS as error:
            session.close()
            self._next()
            raise translate(error) from error
        except BaseException:
            self._next()
            raise
        finally:
            self._opening -= 1
        self._all.add(session)
        return session

    def _give_back(self, session: Session) -> None:
        if session.closed or self._closed:
            session.close()
            self._all.discard(session)
        else:
            self._free.append(session)
        self._next()
        if not self._all:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)

    def _next(self) -> None:
        if self._waiting:
            self._waiting.popleft().callback(None)

    async def close(self) -> None:
        """
        Let what is under way finish, then end all connections.
        """
        self._closed = True
        while self._waiting:
            self._next()
        while self._free:
            session = self._free.pop()
            session.close()
            self._all.discard(session)
        if self._all:
            waiting: Deferred[None] = Deferred()
            self._idle.append(waiting)
            await DeferredList([waiting])
