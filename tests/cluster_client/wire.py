"""
The network between a client and its cluster, in the hands of a test.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


class Link(StringTransport):
    """
    The server's end of one connection, which takes requests apart.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.protocol: Any = None
        self._received = b""

    def write(self, data: bytes) -> None:
        """
        See C{ITransport.write}.
        """
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        start, *lines = head.decode().split("\r\n")
        fields = [tuple(line.split(": ", 1)) for line in lines]
        length = int({name.lower(): value for name, value in fields}.get("content-length", "0"))
        if len(body) < length:
            return
        self._received = b""
        self.wire.exchanges.append(Exchange(self, start, fields, body))

    def writeSequence(self, data: Any) -> None:
        """
        See C{ITransport.writeSequence}.
        """
        self.write(b"".join(data))

    def abortConnection(self) -> None:
        """
        See C{ITCPTransport.abortConnection}.
        """
        self.disconnecting = True

    def lose(self, reason: Exception) -> None:
        """
        The connection goes.
        """
        self.protocol.connectionLost(Failure(reason))


class Response:
    """
    An answer whose body comes when the test says so.
    """

    def __init__(self, link: Link) -> None:
        self.transport = link

    def send(self, data: bytes) -> None:
        """
        A piece of the body.
        """
        self.transport.protocol.dataReceived(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, reason: Exception | None = None) -> None:
        """
        The body is complete, or has broken off.
        """
        if reason is not None:
            self.transport.lose(reason)
            return
        self.transport.protocol.dataReceived(b"0\r\n\r\n")


class Exchange:
    """
    A request that waits for its answer.
    """

    def __init__(self, link: Link, start: str, fields: list[Any], body: bytes) -> None:
        self.link = link
        self.method, self.target, self.version = start.split(" ")
        self.fields = [(name.lower(), value) for name, value in fields]
        self.body = body

    def field(self, name: str) -> list[str]:
        """
        The values of a header field.
        """
        return [value for found, value in self.fields if found == name]

    @property
    def cancelled(self) -> bool:
        """
        Whether the client has let it go.
        """
        return self.link.disconnecting

    def answer(self, value: Any, code: int = 200, **headers: str) -> None:
        """
        Answer with JSON, or with bytes as they are.
        """
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._head(code, {"Content-Length": str(len(body)), **headers}, body)

    def begin(self, code: int = 200, **headers: str) -> Response:
        """
        Answer with a body that is to come.
        """
        self._head(code, {"Transfer-Encoding": "chunked", **headers}, b"")
        return Response(self.link)

    def _head(self, code: int, headers: dict[str, str], body: bytes) -> None:
        lines = [f"HTTP/1.1 {code} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        self.link.protocol.dataReceived("\r\n".join([*lines, "", ""]).replace("_", "-").encode() + body)

    def fail(self, error: Exception) -> None:
        """
        There is no answer.
        """
        self.link.lose(error)


@implementer(IStreamClientEndpoint)
class Wire:
    """
    Hands the test every request.

    @ivar refused: why no connection can be made.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.links: list[Link] = []
        self.refused: Exception | None = None

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        See C{IStreamClientEndpoint.connect}.
        """
        if self.refused is not None:
            return fail(self.refused)
        link = Link(self)
        self.links.append(link)
        link.protocol = protocolFactory.buildProtocol(None)
        link.protocol.makeConnection(link)
        return succeed(link.protocol)

    @property
    def last(self) -> Exchange:
        """
        The newest request.
        """
        return self.exchanges[-1]

    def close_all(self) -> None:
        """
        The server closes all connections.
        """
        for link in self.links:
            link.lose(ConnectionDone())
