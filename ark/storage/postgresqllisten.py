"""
Being told by PostgreSQL that something was committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ark.storage.errors import StorageError
from ark.storage.postgresqlconnection import QueriedConnection
from ark.storage.postgresqlerrors import DATABASE_ERRORS
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlsession import Session

CHANNEL = "ark_resources"
POLL_SECONDS = 1.0
_PROBE_SECONDS = 10.0
_PROCESS = "SELECT pg_backend_pid()"
_LOOKS = 3


class Listener:
    """
    Keeps a connection that listens.  While it has none, or one through which nothing comes,
    it tells C{wake} every second: whoever is woken looks for himself.

    A pooler that gives a connection to somebody else between transactions lets C{LISTEN}
    succeed and delivers nothing but what happens in the meantime.  So each connection has to
    prove itself by a notification that another one sends while nothing is asked of it, and
    again from time to time.

    @param query: runs a statement over another connection.
    @ivar hears: whether notifications come.
    @ivar beginnings: how often it was sure that they do; whoever reads the log after that
        misses nothing.
    @ivar newest: the newest revision among them.
    """

    _log = Logger()

    def __init__(
        self,
        hosts: Hosts,
        reactor: Any,
        timeout: float,
        wake: Callable[[], None],
        query: Callable[[str, Sequence[str]], Awaitable[Any]],
    ) -> None:
        self._hosts = hosts
        self._query = query
        self._token = uuid4().hex
        self._reactor = reactor
        self._timeout = timeout
        self._wake = wake
        self._session: Session | None = None
        self._opening: Deferred[None] | None = None
        self._next_probe = 0.0
        self._probed_at: float | None = None
        self._shared = False
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self.hears = False
        self.beginnings = 0
        self.newest = 0

    @property
    def open(self) -> int:
        """
        How many connections there are.
        """
        return int(self._session is not None and not self._session.closed)

    def start(self) -> None:
        """
        Begin.
        """
        self._loop.start(POLL_SECONDS)

    async def stop(self) -> None:
        """
        End.
        """
        if self._loop.running:
            self._loop.stop()
        self.hears = False
        if self._session is not None:
            self._session.close()
        if self._opening is not None:
            ended: Deferred[None] = Deferred()
            self._opening.addBoth(lambda _: ended.callback(None))
            await ended

    def _look(self) -> None:
        if self._session is not None and self._session.closed:
            self._lost("the connection was lost")
        now = self._reactor.seconds()
        if self._probed_at is not None and now - self._probed_at > POLL_SECONDS:
            self._lost("a notification of its own did not come")
        if self._opening is None and (self._session is None or now >= self._next_probe):
            self._opening = Deferred.fromCoroutine(self._prove())
            self._opening.addBoth(self._proved)
        if not self.hears:
            self._wake()

    def _lost(self, why: str) -> None:
        if self.hears:
            self._log.warn("Notifications of PostgreSQL do not come ({why}): polling", why=why)
        self.hears = False
        self._probed_at = None

    async def _prove(self) -> None:
        session = self._session
        if session is None or session.closed:
            if session is not None:
                session.close()
            self._session = session = Session(self._reactor, QueriedConnection)
            session.connection.addNotifyObserver(self._heard)
            await session.open(self._hosts, self._timeout)
        if await self._is_shared(session):
            if not self._shared:
                self._log.warn("A pooler gives connections to PostgreSQL away between transactions: polling")
            self._shared = True
            return
        await session.query(f"LISTEN {CHANNEL}", None, self._timeout)
        self._probed_at = self._reactor.seconds()
        await self._query("SELECT pg_notify(%s, %s)", (CHANNEL, self._token))

    async def _is_shared(self, session: Session) -> bool:
        """
        Whether a pooler leads others to the same process of the server, or the session to another one.  It would have to throw
        away what comes for nobody, and complains of each notification.
        """
        pid = session.connection.pollable().get_backend_pid()
        ((own,),) = await session.query(_PROCESS, (), self._timeout)
        if own == pid:
            return False
        for _ in range(_LOOKS):
            ((other,),) = await self._query(_PROCESS, ())
            ((again,),) = await session.query(_PROCESS, (), self._timeout)
            if other == own or again != own:
                return True
        return False

    def _proved(self, result: Any) -> None:
        self._opening = None
        self._next_probe = self._reactor.seconds() + _PROBE_SECONDS
        failure = getattr(result, "value", None)
        if failure is None:
            return
        self._next_probe = 0.0
        if self._session is not None and self._session.closed:
            self._session.close()
            self._session = None
        if isinstance(failure, CancelledError):
            return
        if not isinstance(failure, (StorageError, *DATABASE_ERRORS)):
            self._log.failure("Listening to PostgreSQL failed", result)
        self._probed_at = None
        self._lost(str(failure).strip().partition("\n")[0])

    def _heard(self, notification: Any) -> None:
        if notification.payload == self._token:
            self._probed_at = None
            self.beginnings += 1
            if not self.hears:
                self.hears = True
                self._log.info("Notifications of PostgreSQL come")
        elif notification.payload.isdigit():
            self.newest = max(self.newest, int(notification.payload))
        self._wake()
