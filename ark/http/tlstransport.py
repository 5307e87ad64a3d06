"""
The server side of TLS over a Twisted TCP transport, by the standard library's C{ssl}.

docs/decisions/0002-tls-by-sslobject.md says why this is not C{twisted.protocols.tls}.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Protocol

from ark.http.connection import HTTPConnection, Served, tune
from ark.http.prompt import prompt_write
from ark.http.request import ClientConnection
from ark.http.tls import TLSContext, verified_chain

_READ_SIZE = 262144
_WRITE_SIZE = 131072
# What net/http of Go answers, and so kube-apiserver.
_WRONG_SCHEME = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Speaker(Protocol):
    """
    What TLS needs of the L{ark.http.site.Site}.
    """

    @property
    def header_deadline(self) -> float:
        """Seconds for the handshake."""

    def seconds(self) -> float:
        """The reactor's clock."""

    def speak(self, protocol: str | None, client: ClientConnection) -> HTTPConnection:
        """The connection for what ALPN chose."""

    def closed(self, connection: Served) -> None:
        """The connection has gone."""

    def refused(self, client: ClientConnection, why: str) -> None:
        """The client's certificate was refused."""


class TLSTransport:
    """
    A protocol to the TCP transport, and the transport of an L{HTTPConnection}.

    @ivar client: the other end.
    """

    transport: Any
    _write: Callable[[bytes], None]

    def __init__(self, context: TLSContext, site: Speaker, client: ClientConnection) -> None:
        self.client = client
        client.secure = True
        self._site = site
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap(self._incoming, self._outgoing)
        self._http: HTTPConnection | None = None
        self._since = site.seconds()
        self._closing = False

    # The protocol's side

    def makeConnection(self, transport: Any) -> None:
        """
        The TCP connection is up; the client speaks first.
        """
        self.transport = transport
        self._write = prompt_write(transport)
        tune(transport)

    def dataReceived(self, data: bytes) -> None:
        """
        Decrypt all that came, and hand it on in one piece.
        """
        self._incoming.write(data)
        if self._http is None and not self._handshake():
            return
        plain = self._read()
        if plain and self._http is not None:
            self._http.dataReceived(plain)

    def _handshake(self) -> bool:
        if self._closing:
            return False
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return False
        except (ssl.SSLError, ValueError) as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._site.refused(self.client, error.verify_message)
            self._refuse(getattr(error, "reason", None) == "HTTP_REQUEST")
            return False
        self._send()
        chain = verified_chain(self._tls)
        self.client.peer_chain_der = chain
        self.client.peer_certificate_der = chain[0] if chain else None
        self._http = self._site.speak(self._tls.selected_alpn_protocol(), self.client)
        self._http.makeConnection(self)
        return True

    def _refuse(self, http: bool) -> None:
        """
        The alert says why; who speaks HTTP instead of TLS could not read it.
        """
        self._closing = True
        if http:
            self._outgoing.read()
            self._write(_WRONG_SCHEME)
        self._send()
        self.transport.loseConnection()

    def _read(self) -> bytes:
        read = self._tls.read
        pieces = []
        ended = False
        try:
            while True:
                piece = read(_READ_SIZE)
                if not piece:
                    ended = True
                    break
                pieces.append(piece)
                # Asking once more would only raise, at more cost than asking this.
                if not self._incoming.pending and not self._tls.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ValueError):
            ended = True
        if self._outgoing.pending:
            self._send()
        if ended:
            self._peer_closed(b"".join(pieces))
            return b""
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _peer_closed(self, last: bytes) -> None:
        if last and self._http is not None:
            self._http.dataReceived(last)
        self.loseConnection()

    def connectionLost(self, reason: Any) -> None:
        """
        The TCP connection has gone.
        """
        self._closing = True
        self._site.closed(self)
        if self._http is not None:
            self._http.connectionLost(reason)

    # The site's side

    def check(self, now: float) -> None:
        """
        Enforce the deadline of the handshake, and those of what it protects.
        """
        if self._http is not None:
            self._http.check(now)
        elif now - self._since > self._site.header_deadline:
            self.abort()

    def drain(self) -> None:
        """
        Take no new requests.
        """
        if self._http is not None:
            self._http.drain()
        else:
            self.abort()

    def abort(self) -> None:
        """
        Close at once.
        """
        if self._http is not None:
            self._http.abort()
        else:
            self.transport.abortConnection()

    # The transport's side

    def write(self, data: bytes) -> None:
        """
        Encrypt and send.
        """
        if self._closing:
            return
        write = self._tls.write
        if len(data) <= 16384:
            write(data)
        else:
            rest = memoryview(data)
            while len(rest):
                rest = rest[write(rest) :]
                if self._outgoing.pending > _WRITE_SIZE:
                    self._send()
        self._send()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._write(self._outgoing.read())

    def loseConnection(self) -> None:
        """
        Say goodbye as TLS does, then close when everything has been sent.
        """
        self._say_goodbye()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """
        Say goodbye as TLS does, and send nothing more.
        """
        self._say_goodbye()
        self.transport.loseWriteConnection()

    def _say_goodbye(self) -> None:
        if self._closing:
            return
        self._closing = True
        try:
            self._tls.unwrap()
        except (ssl.SSLError, ValueError):
            pass
        self._send()

    def abortConnection(self) -> None:
        """
        Close at once.
        """
        self._closing = True
        self.transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Let TCP pause and resume the HTTP connection.
        """
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Nothing more to pause.
        """
        self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        Read nothing for now.
        """
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        self.transport.resumeProducing()

    def getHost(self) -> Any:
        """
        Our address.
        """
        return self.transport.getHost()

    def getPeer(self) -> Any:
        """
        The client's address.
        """
        return self.transport.getPeer()
