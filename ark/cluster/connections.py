"""
Connections to the cluster over TLS, which stay open and are used again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ark.cluster.credentials import Credentials
from ark.cluster.tlsoptions import tune

IDLE_SECONDS = 60
"""
For how long an unused connection is kept.
"""


@implementer(IAgentEndpointFactory)
class Connections:
    """
    The connections of one client to C{server}, none of them older than the client's certificate.
    """

    def __init__(
        self, server: str, reactor: Any, credentials: Credentials, most: int, agent: Any = None
    ) -> None:
        """
        @param most: how many are kept that nobody uses.
        @param agent: is used instead of one that opens connections.
        """
        self._reactor = reactor
        self._most = most
        self._credentials = credentials
        # One for all requests: Twisted asks for it at each, and most of them have a connection already.
        self._endpoint = _Endpoint(urlsplit(server), reactor, credentials)
        self._given = agent
        self._generation = credentials.generation
        self._open()

    def _open(self) -> None:
        self._pool: Any = HTTPConnectionPool(self._reactor)  # type: ignore[no-untyped-call]  # Twisted's
        self._pool.maxPersistentPerHost = self._most
        self._pool.cachedConnectionTimeout = IDLE_SECONDS
        self._pool.retryAutomatically = False
        self._agent: Any = self._given or Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
            self._reactor, self, self._pool
        )

    def agent(self) -> Any:
        """
        What makes requests with the credentials of now.
        """
        if self._generation != self._credentials.generation:
            self._generation = self._credentials.generation
            self._pool.closeCachedConnections()
            self._open()
        return self._agent

    async def close(self) -> None:
        """
        Close those that are not in use.
        """
        await self._pool.closeCachedConnections()

    def endpointForURI(self, uri: Any) -> Any:
        """
        See L{IAgentEndpointFactory.endpointForURI}.
        """
        return self._endpoint


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
