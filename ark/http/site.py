"""
The factory of all HTTP connections of a server.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from ark.http.connection import HTTPConnection, Served
from ark.http.h1 import HTTP1Connection
from ark.http.h2 import HTTP2Connection
from ark.http.handling import Dispatch
from ark.http.limits import Allowance, Limits
from ark.http.request import ClientConnection
from ark.http.tls import TLSContext
from ark.http.tlstransport import TLSTransport

_log = Logger()

_SWEEP_EVERY = 1.0
_WARNINGS = 10
"""How many lines a minute may be about clients that are not let in."""
_LINGER = 0.25
"""How long a request may have been on its way when its client could know that we leave."""


@implementer(IProtocolFactory)
class Site(Factory):
    """
    Makes the server side of connections, and ends them in good order.

    Listen with it on a TCP endpoint.  With a L{TLSContext} it does TLS itself and lets
    ALPN choose between HTTP/2 and HTTP/1.1; without one it speaks HTTP/1.1 in the clear.

    @ivar draining: the server shuts down.
    @ivar leaving: connections of HTTP/1.1 end with the next answer.
    @ivar connections: what was accepted and has not gone.
    """

    noisy = False

    def __init__(
        self,
        dispatch: Dispatch,
        limits: Limits,
        reactor: Any,
        tls: TLSContext | None = None,
    ) -> None:
        """
        @param dispatch: called with each L{ark.http.request.Request} as soon as its
            header is complete.
        @param reactor: gives the time, C{IReactorTime}.
        """
        self.dispatch = dispatch
        self.limits = limits
        self.draining = False
        self.leaving = False
        self.connections: set[Served] = set()
        self._reactor = reactor
        self._tls = tls
        self._by_address: dict[str, int] = {}
        self._unflushed: list[HTTPConnection] = []
        self._sweeping: Any = None
        self._drained: Deferred[None] | None = None
        self._warnings = Allowance(_WARNINGS, _WARNINGS / 60, self.seconds)

    @property
    def header_deadline(self) -> float:
        """
        Seconds for a TLS handshake.
        """
        return self.limits.header_deadline

    def seconds(self) -> float:
        """
        The reactor's clock.
        """
        return float(self._reactor.seconds())

    def buildProtocol(self, addr: Any) -> Any:
        """
        The protocol of a new connection, or L{None} to close it at once because there
        are too many, or the server shuts down.
        """
        address = getattr(addr, "host", None) or ""
        of_address = self._by_address.get(address, 0)
        if self.draining:
            return None
        if len(self.connections) >= self.limits.connections:
            self._warn(
                "Connections are refused, as that of {address}: {why} are open",
                address,
                len(self.connections),
            )
            return None
        if of_address >= self.limits.connections_per_address:
            self._warn("Connections of {address} are refused: it has {why}", address, of_address)
            return None
        client = ClientConnection(address, getattr(addr, "port", None) or 0)
        protocol: Served
        if self._tls is None:
            protocol = HTTP1Connection(self, client)
        else:
            protocol = TLSTransport(self._tls, self, client)
        self.accepted(protocol)
        return protocol

    def refused(self, client: ClientConnection, why: str) -> None:
        """
        Tell of a client whose certificate was refused: nobody else hears of it, since it never came to a request.
        """
        self._warn("The certificate of a client at {address} was refused: {why}", client.client_address, why)

    def _warn(self, text: str, address: str, why: object) -> None:
        """
        Say something in the log, but not as often as whoever comes again and again would have it.
        """
        if self._warnings.spend():
            _log.warn(text, address=address, why=why)

    def accepted(self, connection: Served) -> None:
        """
        Watch over the deadlines of a connection until it is L{closed}.
        """
        address = connection.client.client_address
        self.connections.add(connection)
        self._by_address[address] = self._by_address.get(address, 0) + 1
        if self._sweeping is None:
            self._sweeping = self._reactor.callLater(_SWEEP_EVERY, self._sweep)

    def speak(self, protocol: str | None, client: ClientConnection) -> HTTPConnection:
        """
        The connection for what ALPN chose; HTTP/1.1 for clients without ALPN.
        """
        if protocol == "h2":
            return HTTP2Connection(self, client)
        return HTTP1Connection(self, client)

    def closed(self, connection: Served) -> None:
        """
        Forget a connection that has gone.
        """
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        address = connection.client.client_address
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]
        if not self.connections and self._drained is not None:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def flush_later(self, connection: HTTPConnection) -> None:
        """
        Flush C{connection} when the reactor has run what is due now.  One timer serves
        all connections, because a watch event may reach thousands of them.
        """
        if not self._unflushed:
            self._reactor.callLater(0, self._flush)
        self._unflushed.append(connection)

    def _flush(self) -> None:
        unflushed, self._unflushed = self._unflushed, []
        for connection in unflushed:
            connection.flush()

    def _sweep(self) -> None:
        self._sweeping = None
        now = self.seconds()
        for connection in tuple(self.connections):
            try:
                connection.check(now)
            except Exception:
                _log.failure("checking a connection failed")
                connection.abort()
        if self.connections:
            self._sweeping = self._reactor.callLater(_SWEEP_EVERY, self._sweep)

    def stop(self, grace: float) -> Deferred[None]:
        """
        Take no new connections and requests, let those under way finish, and close
        (contract 1.16, 18.4).  The port must be closed apart.

        @param grace: after so many seconds what is left is cut off.
        @return: fires when no connection is left.
        """
        self.draining = self.leaving = True
        done: Deferred[None] = Deferred()
        if not self.connections:
            done.callback(None)
            return done
        self._drained = done
        self._drain()
        calls = (
            self._reactor.callLater(_LINGER, self._drain),
            self._reactor.callLater(grace, self._cut),
        )

        def cancel(result: None) -> None:
            for call in calls:
                if call.active():
                    call.cancel()

        return done.addCallback(cancel)

    def _drain(self) -> None:
        for connection in tuple(self.connections):
            connection.drain()

    def _cut(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()
