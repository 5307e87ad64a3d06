"""
A way to a server that the tests have in their hands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.protocols.portforward import ProxyClient, ProxyClientFactory, ProxyFactory, ProxyServer
from twisted.python.failure import Failure


async def until(condition: Callable[[], Any], what: str) -> None:
    """
    Wait for something that another program brings about; a test that waits in vain fails by
    its own time limit.
    """
    while not condition():
        await deferLater(default_reactor, 0.02, lambda: None)  # type: ignore[arg-type]  # a module


class _Relay(ProxyClient):  # type: ignore[misc]
    _rest = b""
    _framed = False

    def dataReceived(self, data: bytes) -> None:
        way = self.factory.way
        if way.frames:
            data = self._heard(way, data)
        if way.swallows(data):
            self.transport.abortConnection()
        elif data and not way.silent:
            super().dataReceived(data)

    def _heard(self, way: Way, data: bytes) -> bytes:
        """
        Whole messages of PostgreSQL, without notifications while nobody is to hear them.
        """
        if not self._framed and data in (b"N", b"S"):
            return data
        self._framed = True
        data, place, parts = self._rest + data, 0, []
        while len(data) - place >= 5:
            end = place + 1 + int.from_bytes(data[place + 1 : place + 5], "big")
            if end > len(data):
                break
            way.answers += data[place : place + 1] == b"Z"
            if not (way.deaf and data[place : place + 1] == b"A"):
                parts.append(data[place:end])
            place = end
        self._rest = data[place:]
        return b"".join(parts)


class _RelayFactory(ProxyClientFactory):  # type: ignore[misc]
    protocol = _Relay
    noisy = False
    way: Way


class _Door(ProxyServer):  # type: ignore[misc]
    def connectionMade(self) -> None:
        self.factory.way.doors.append(self)
        super().connectionMade()
        if self.factory.way.shut:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        if not self.factory.way.silent:
            super().dataReceived(data)

    def clientProtocolFactory(self) -> Any:
        factory = _RelayFactory()
        factory.way = self.factory.way
        return factory

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.way.doors.remove(self)
        super().connectionLost(reason)


class Way:
    """
    A way to the server that can lose an answer or a message of PostgreSQL, be cut, or swallow everything.
    It knows what goes by; what L{tests.cluster.network} does not have to know is done there.

    @ivar lose: an answer that holds this text does not arrive, and the connection ends.
    @ivar later: which ones after that, one after another.
    @ivar closes: whether nobody comes through after that.
    @ivar shut: whether whoever comes is sent away.
    @ivar silent: whether nothing arrives, and nobody is told so.
    @ivar answers: how many times the server was ready for another query, which C{frames} counts.
    @ivar deaf: whether notifications do not arrive, which C{frames} makes possible.
    """

    def __init__(self, port: int, reactor: Any = default_reactor, frames: bool = False) -> None:
        """
        @param frames: whether to look at single messages of PostgreSQL, which costs some time.
        """
        factory: Any = ProxyFactory("127.0.0.1", port)
        factory.protocol = _Door
        factory.noisy = False
        factory.way = self
        self.doors: list[Protocol] = []
        self.lose = b""
        self.later: list[bytes] = []
        self.lost = self.answers = 0
        self.frames = frames
        self.closes = self.shut = self.silent = self.deaf = False
        self.listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.port = self.listening.getHost().port

    def lead_to(self, port: int) -> None:
        """
        Lead to another server from now on.
        """
        self.listening.factory.port = port

    def swallows(self, data: bytes) -> bool:
        """
        Whether an answer does not arrive.
        """
        if self.lose and self.lose in data:
            self.lose = self.later.pop(0) if self.later else b""
            self.lost += 1
            self.shut = self.closes
            return True
        return False

    def cut(self) -> None:
        """
        End all connections by a reset.
        """
        for door in list(self.doors):
            if door.transport is not None:
                door.transport.abortConnection()

    async def close(self) -> None:
        """
        Nobody comes through any more.
        """
        await self.listening.stopListening()
        self.cut()
        await until(lambda: not self.doors, "the doors to close")
