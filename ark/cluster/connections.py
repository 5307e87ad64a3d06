"""
Connections to the cluster over TLS, which stay open and are used again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ark.cluster.credentials import Credentials
from ark.cluster.exchange import Answer, Connection
from ark.cluster.tlsoptions import tune

IDLE_SECONDS = 60
"""
For how long an unused connection is kept.
"""


@implementer(IAgentEndpointFactory)
class Connections:
    """
    The connections of one client, none of them used that is older than the client's certificate.

    @ivar agent: for what comes piece by piece; it does not keep its connections.
    """

    def __init__(
        self,
        server: str,
        reactor: Any,
        credentials: Credentials,
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        """
        @param endpoint: leads to the server; by default over TLS, with the credentials of the moment.
        """
        self._reactor = reactor
        self._credentials = credentials
        self._endpoint = endpoint or _Endpoint(urlsplit(server), reactor, credentials)
        self._idle: list[Connection] = []
        self._sweep: Any = None
        self._closed = False
        pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]  # Twisted's
        self.agent: Any = Agent.usingEndpointFactory(reactor, self, pool)  # type: ignore[no-untyped-call]

    def endpointForURI(self, uri: Any) -> Any:
        """
        See L{IAgentEndpointFactory.endpointForURI}.
        """
        return self._endpoint

    async def exchange(self, request: bytes) -> Answer:
        """
        Make a request, over a connection that is there if there is one.

        @raise twisted.internet.error.ConnectionClosed: it was closed before anything was said.
        """
        return await (self._rested() or await self._opened()).ask(request)

    def _rested(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.generation == self._credentials.generation:
                return connection
            connection.close()
        return None

    async def _opened(self) -> Connection:
        factory = _Connecting(self._rest, self._credentials.generation)
        connection: Any = await self._endpoint.connect(factory)
        return cast(Connection, connection)

    def _rest(self, connection: Connection) -> None:
        if self._closed or connection.generation != self._credentials.generation:
            connection.close()
            return
        connection.idle_since = self._reactor.seconds()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self._reactor.callLater(IDLE_SECONDS, self._close_old)

    def _close_old(self) -> None:
        """
        Close what was not used for long.
        """
        before = self._reactor.seconds() - IDLE_SECONDS
        kept = [one for one in self._idle if one.usable and one.idle_since > before]
        for connection in self._idle:
            if connection.usable and connection.idle_since <= before:
                connection.close()
        self._idle = kept
        self._sweep = self._reactor.callLater(IDLE_SECONDS / 2, self._close_old) if kept else None

    def close(self) -> None:
        """
        Close those that are not in use, and the others when they are no longer.
        """
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        idle, self._idle = self._idle, []
        for connection in idle:
            if connection.usable:
                connection.close()


class _Connecting(Factory):
    """
    Makes connections.
    """

    noisy = False

    def __init__(self, resting: Callable[[Connection], None], generation: int) -> None:
        self._resting = resting
        self._generation = generation

    def buildProtocol(self, addr: Any) -> Connection:
        return Connection(self._resting, self._generation)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """
    Connects with the credentials of the moment.
    """

    def __init__(self, server: SplitResult, reactor: Any, credentials: Credentials) -> None:
        self._server = server
        self._reactor = reactor
        self._credentials = credentials

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        host = HostnameEndpoint(self._reactor, self._server.hostname or "", self._server.port or 443)
        tls = wrapClientTLS(self._credentials.options(), _Tuned(host))
        connecting: Deferred[Any] = tls.connect(protocolFactory)
        return connecting


@implementer(IStreamClientEndpoint)
class _Tuned:
    """
    Leads where another endpoint does; the kernel looks whether the other end is still there.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        protocol: Any = await self._endpoint.connect(factory)
        tune(protocol.transport)
        return protocol
