"""
What both protocols share: one write a turn, back-pressure, and closing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ark.http.handling import Dispatch
from ark.http.limits import Limits
from ark.http.prompt import prompt_write
from ark.http.request import ClientConnection

# Above this much unsent output of one turn the transport is asked what it thinks.
WRITE_AT_ONCE = 65536


# A client that vanished without a word is noticed after two minutes, although a watch of
# it may have nothing to send for hours.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


def tune(transport: Any) -> None:
    """
    Set the options of a TCP connection; other transports are left alone.
    """
    if not hasattr(transport, "setTcpNoDelay"):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    handle = transport.getHandle()
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Served(Protocol):
    """
    What a L{ark.http.site.Site} has accepted: a connection, or TLS around one.
    """

    client: ClientConnection

    def check(self, now: float) -> None:
        """Called about once a second: enforce the deadlines."""

    def drain(self) -> None:
        """
        The server shuts down: take no new requests, close after the running ones.  Called again
        a moment later, when no request may be on its way any more.
        """

    def abort(self) -> None:
        """Close at once."""


class Surroundings(Protocol):
    """
    What a connection needs of its L{ark.http.site.Site}.
    """

    dispatch: Dispatch
    limits: Limits
    leaving: bool

    def seconds(self) -> float:
        """The reactor's clock."""

    def flush_later(self, connection: HTTPConnection) -> None:
        """Call C{connection.flush()} at the end of this turn of the reactor."""

    def closed(self, connection: Served) -> None:
        """It has gone."""


@implementer(IPushProducer)
class HTTPConnection:
    """
    A server connection over a transport that takes bytes: TCP, or our TLS over it.

    The subclass gives C{received}, C{resumed}, C{lost}, C{check} and C{drain}.

    @ivar client: the other end.
    @ivar write_paused: the transport takes no more for now.
    @ivar closing: nothing is read any more.
    """

    transport: Any
    _write: Callable[[bytes], None]

    def __init__(self, site: Surroundings, client: ClientConnection) -> None:
        self.site = site
        self.client = client
        self.write_paused = False
        self.closing = False
        self._out: list[bytes] = []
        self._out_size = 0
        self._held = False
        self._stalled_since: float | None = None
        self.active_at = site.seconds()

    # The transport's side

    def makeConnection(self, transport: Any) -> None:
        """
        Begin to serve; with TLS once the handshake is done.
        """
        self.transport = transport
        self._write = prompt_write(transport)
        host = transport.getHost()
        self.client.server_address = (getattr(host, "host", None) or "", getattr(host, "port", None) or 0)
        if not self.client.secure:
            tune(transport)
        transport.registerProducer(self, True)
        self.started()
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        """
        Take what was read at once; all answers to it leave in one write.
        """
        if self.closing:
            return
        self._held = True
        try:
            self.received(data)
        finally:
            self._held = False
            self.flush()

    def connectionLost(self, reason: Any) -> None:
        """
        The other end has gone, or we have closed.
        """
        self.closing = True
        self._out.clear()
        self.site.closed(self)
        self.lost()

    def pauseProducing(self) -> None:
        """
        The transport has enough.
        """
        if not self.write_paused:
            self.write_paused = True
            self._stalled_since = self.site.seconds()

    def resumeProducing(self) -> None:
        """
        The transport has sent what it had.
        """
        if self.write_paused:
            self.write_paused = False
            self._stalled_since = None
            self._held = True
            try:
                self.resumed()
            finally:
                self._held = False
                self.flush()

    def stopProducing(self) -> None:
        """
        The transport has gone; L{connectionLost} follows.
        """

    # The protocol's side

    def write(self, data: bytes) -> None:
        """
        Send with everything else of this turn.
        """
        if self.closing:
            return
        if not self._out and not self._held:
            self.site.flush_later(self)
        self._out.append(data)
        self._out_size += len(data)

    def full(self) -> bool:
        """
        Whether to stop making output; hands much output to the transport to find out.
        """
        if self._out_size >= WRITE_AT_ONCE and not self.write_paused:
            self.flush()
        return self.write_paused

    def flush(self) -> None:
        """
        Hand all output to the transport.
        """
        out = self._out
        if out:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self._out_size = 0
            self._write(data)

    def close(self) -> None:
        """
        Close once everything written has been sent.
        """
        if not self.closing:
            self.closing = True
            self.flush()
            # A transport with a producer does not close.
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def finish_writing(self) -> None:
        """
        Send what was written, then tell the other end that nothing more will come.
        """
        self.flush()
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()

    def abort(self) -> None:
        """
        Close at once.
        """
        self.closing = True
        self._out.clear()
        self.transport.abortConnection()

    def stalled(self, now: float) -> bool:
        """
        Whether the client has taken nothing for too long.
        """
        since = self._stalled_since
        return since is not None and now - since > self.site.limits.stall_timeout

    # For the subclass

    def started(self) -> None:
        """
        The connection is up.
        """

    def received(self, data: bytes) -> None:
        """
        Bytes came.
        """
        raise NotImplementedError

    def resumed(self) -> None:
        """
        There is room for output again.
        """
        raise NotImplementedError

    def lost(self) -> None:
        """
        Tell all requests that the client has gone.
        """
        raise NotImplementedError

    def check(self, now: float) -> None:
        """
        Called about once a second: enforce the deadlines.
        """
        raise NotImplementedError

    def drain(self) -> None:
        """
        The server shuts down: take no new requests, close after the running ones.
        """
        raise NotImplementedError
