"""
A connection in memory, and a handler that does what the test says.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ark.http.limits import Limits
from ark.http.request import ClientConnection, Request
from ark.http.site import Site
from ark.http.tls import TLSContext


class MemoryTransport:
    """
    A TCP transport whose other end takes as much as it is told to.

    @ivar room: bytes that are taken before the producer is paused; L{None} for all.
    """

    def __init__(self) -> None:
        self.written = b""
        self.writes = 0
        self.room: int | None = None
        self.producer: Any = None
        self.reading = True
        self.closed = False
        self.aborted = False
        self.half_closed = False

    def write(self, data: bytes) -> None:
        self.written += data
        self.writes += 1
        if self.room is not None:
            self.room -= len(data)
            if self.room <= 0 and self.producer is not None:
                self.producer.pauseProducing()

    def make_room(self, room: int | None = None) -> None:
        """
        The other end reads on.
        """
        self.room = room
        if self.producer is not None:
            self.producer.resumeProducing()

    def take(self) -> bytes:
        """
        What was written since the last call.
        """
        data, self.written = self.written, b""
        return data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming and self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def loseConnection(self) -> None:
        # As TCP does: a transport with a producer waits for it.
        assert self.producer is None
        self.closed = True

    def loseWriteConnection(self) -> None:
        assert self.producer is None
        self.half_closed = True

    def abortConnection(self) -> None:
        self.closed = self.aborted = True

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 6443)

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 40000)


class Handler:
    """
    Remembers requests, and answers them by C{answer}, a coroutine function.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Any = self.path

    async def path(self, request: Request) -> None:
        """
        Answer with the path.
        """
        request.respond(200, [(b"content-type", b"text/plain")], request.path.encode())

    async def echo(self, request: Request) -> None:
        """
        Answer with the body.
        """
        request.respond(200, [], await request.read_body())

    async def stream(self, request: Request) -> None:
        """
        Begin a response and leave it to the test.
        """
        request.start_stream(200, [])

    async def nothing(self, request: Request) -> None:
        """
        Do not answer.
        """

    def __call__(self, request: Request) -> Coroutine[Any, Any, None]:
        self.requests.append(request)
        coroutine: Coroutine[Any, Any, None] = self.answer(request)
        return coroutine


class Edge:
    """
    A site with its clock and handler.
    """

    def __init__(self, limits: Limits | None = None, tls: TLSContext | None = None) -> None:
        self.clock = Clock()
        self.handler = Handler()
        self.site = Site(self.handler, limits or Limits(), self.clock, tls)

    def connect(self, address: str = "192.0.2.1") -> tuple[Any, MemoryTransport]:
        """
        Accept a connection.
        """
        protocol = self.site.buildProtocol(IPv4Address("TCP", address, 40000))
        transport = MemoryTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def speak(self, protocol: str) -> tuple[Any, MemoryTransport]:
        """
        A connection whose protocol was chosen already.
        """
        connection = self.site.speak(protocol, ClientConnection("192.0.2.1", 40000))
        self.site.accepted(connection)
        transport = MemoryTransport()
        connection.makeConnection(transport)
        return connection, transport


def disconnect(protocol: Any) -> None:
    """
    The client goes away.
    """
    protocol.connectionLost(Failure(ConnectionDone()))
