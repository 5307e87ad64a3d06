"""
A bounded number of connections to PostgreSQL, and one query at a time on each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as TurnTimeoutError

from ark.storage.errors import OutcomeUnknown, StorageError, TimedOut, Unavailable
from ark.storage.postgresqlerrors import DATABASE_ERRORS, READ_ONLY, translate
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlparameters import ParameterConnection, Row
from ark.storage.shielding import shielded

_WAITING = 10_000
# What the server does must end when nobody waits for it any more, what it acknowledges must last, and
# whoever waits for a lock must be told what is then: whatever the role has been given by default.  Rows
# that a policy would hide are an error, not missing.
_SETUP = (
    "SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' "
    "THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
    "set_config('statement_timeout', '15s', false), set_config('lock_timeout', '0', false), "
    "set_config('default_transaction_isolation', 'read committed', false), "
    "set_config('row_security', 'off', false), set_config('tcp_keepalives_idle', '5', false), "
    "set_config('tcp_keepalives_interval', '3', false), set_config('tcp_keepalives_count', '3', false)"
)


class Session:
    """
    One connection.

    @param connection: makes it, of the reactor.
    @ivar used: whether something was asked of it before.
    """

    def __init__(self, reactor: Any, connection: Callable[[Any], Any] = ParameterConnection) -> None:
        self._reactor = reactor
        self.used = False
        self._ended = False
        self._late = False
        self._deadline: float | None = None
        self._timer: Any = None
        self.connection = connection(reactor)

    async def open(self, hosts: Hosts, timeout: float) -> None:
        """
        Connect to the first of several hosts that takes writes.

        @raise StorageError: none did in time.
        """
        deadline = self._reactor.seconds() + timeout
        left = len(hosts)
        for number in hosts.order():
            share = max(deadline - self._reactor.seconds(), 0) / left
            left -= 1
            try:
                settings = await hosts.settings(number, share)
                if self._ended:
                    raise Unavailable("PostgreSQL: the connection was given up")
                await self._open(settings, share)
            except (StorageError, *DATABASE_ERRORS):
                if not left or self._ended:
                    raise
                self._drop()
                continue
            hosts.was_right(number)
            return

    async def _open(self, settings: Mapping[str, str], timeout: float) -> None:
        await self._within(timeout, self.connection.connect, **settings)
        await self.query(_SETUP, (), timeout)

    async def query(self, text: str, parameters: Sequence[Any] | None, timeout: float) -> list[Row]:
        """
        The rows that a statement gives, none if it gives nothing; texts as bytes.

        @param parameters: L{None} for a text that is to be run as it is.
        @raise psycopg2.Error: of the database, or L{DatabaseFault}, as the connection has it.
        @raise twisted.internet.error.ConnectionClosed: there was no answer in time, or the
            connection was lost.
        """
        rows: list[Row] = await self._within(timeout, self.connection.ask, text, parameters)
        return rows

    async def _within(
        self, seconds: float, start: Callable[..., Deferred[Any]], *given: Any, **named: Any
    ) -> Any:
        self._late = False
        seconds = max(seconds, 0)
        self._deadline = deadline = self._reactor.seconds() + seconds
        if self._timer is None:
            self._timer = self._reactor.callLater(seconds, self._look)
        elif self._timer.getTime() > deadline:
            self._timer.reset(seconds)
        try:
            return await start(*given, **named)
        finally:
            self._deadline = None

    def _look(self) -> None:
        """
        End what is late.  One timer sees to many statements: to set one for each costs more than
        all else that is done here.
        """
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self._reactor.seconds()
        if left > 0:
            self._timer = self._reactor.callLater(left, self._look)
            return
        self._late = True
        self._drop()

    def told(self, error: BaseException, committing: bool = False) -> StorageError:
        """
        What a caller is told of an error of the connection or of the database.
        """
        found = translate(error, committing)
        if not self._late:
            return found
        kind = OutcomeUnknown if isinstance(found, OutcomeUnknown) else TimedOut
        return kind("PostgreSQL: there was no answer in time")

    @property
    def closed(self) -> bool:
        """
        Whether it cannot be used any more.
        """
        return bool(self.connection.closed)

    def close(self) -> None:
        """
        End it; a query on its way fails.
        """
        self._ended = True
        self._drop()

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.connection.close()


class Sessions:
    """
    Connections that are opened when they are needed.

    @param most: how many there may be; further queries wait for their turn.
    """

    def __init__(self, hosts: Hosts, reactor: Any, most: int, timeout: float) -> None:
        self._hosts = hosts
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

        @param committing: whether it must not be run twice.  Others are, when the connection
            turns out to have ended while it was not used.
        @raise ark.storage.errors.StorageError: it failed.
        """
        rows: list[Row] = await shielded(Deferred.fromCoroutine(self._query(text, parameters, committing)))
        return rows

    async def _query(self, text: str, parameters: Any, committing: bool) -> list[Row]:
        while True:
            session = await self._take()
            used, session.used = session.used, True
            try:
                return await session.query(text, parameters, self._timeout)
            except DATABASE_ERRORS as error:
                code = getattr(error, "pgcode", None)
                if code == READ_ONLY:
                    # It became a standby: another one takes writes by now, or will.
                    session.close()
                told = session.told(error, committing)
                if committing or not used or not session.closed or isinstance(told, TimedOut):
                    raise told from error
            finally:
                self._give_back(session)

    async def _take(self) -> Session:
        deadline = self._reactor.seconds() + self._timeout
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
            await self._wait(deadline)

    async def _wait(self, deadline: float) -> None:
        """
        Wait for a turn, which is not to come later than an answer may.
        """
        turn: Deferred[None] = Deferred()
        self._waiting.append(turn)
        turn.addTimeout(max(deadline - self._reactor.seconds(), 0), self._reactor)
        try:
            await turn
        except TurnTimeoutError as error:
            self._waiting.remove(turn)
            raise TimedOut("PostgreSQL: all connections were in use for too long") from error

    async def _open(self) -> Session:
        session = Session(self._reactor)
        self._opening += 1
        try:
            await session.open(self._hosts, self._timeout)
        except BaseException as error:
            session.close()
            self._next()
            if isinstance(error, DATABASE_ERRORS):
                raise session.told(error) from error
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
