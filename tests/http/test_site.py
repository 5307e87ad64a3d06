"""
L{ark.http.site} and L{ark.http.limits}
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.http.h2frames import ACK, GOAWAY, PING, frame
from ark.http.limits import Allowance, Limits
from ark.http.request import Request
from tests.http.edge import Edge, disconnect
from tests.http.h2client import FIELDS, Client, Raw

_GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class ConnectionLimitTests(SynchronousTestCase):
    """
    How many may come.
    """

    def _accept(self, edge: Edge, address: str) -> object:
        return edge.site.buildProtocol(IPv4Address("TCP", address, 1))

    def test_is_a_factory(self) -> None:
        """
        Any endpoint can listen with it.
        """
        self.assertTrue(verifyObject(IProtocolFactory, Edge().site))

    def test_connections_are_limited_in_all(self) -> None:
        """
        And one that goes makes room.
        """
        edge = Edge(Limits(connections=2))
        first, _ = edge.connect("192.0.2.1")
        edge.connect("192.0.2.2")
        self.assertIsNone(self._accept(edge, "192.0.2.3"))
        disconnect(first)
        self.assertIsNotNone(self._accept(edge, "192.0.2.3"))

    def test_connections_are_limited_by_address(self) -> None:
        """
        One client does not take the place of all others.
        """
        edge = Edge(Limits(connections_per_address=1))
        first, _ = edge.connect("192.0.2.1")
        self.assertIsNone(self._accept(edge, "192.0.2.1"))
        self.assertIsNotNone(self._accept(edge, "192.0.2.2"))
        disconnect(first)
        self.assertIsNotNone(self._accept(edge, "192.0.2.1"))

    def test_who_is_not_let_in_is_told_of(self) -> None:
        """
        The log says which bound was reached: the client only sees its connection close.
        """
        edge = Edge(Limits(connections=2, connections_per_address=1))
        edge.connect("192.0.2.1")
        with capturedLogs() as logs:
            self._accept(edge, "192.0.2.1")
            edge.connect("192.0.2.2")
            self._accept(edge, "192.0.2.3")
        self.assertEqual(
            [formatEvent(event) for event in logs],
            [
                "Connections of 192.0.2.1 are refused: it has 1",
                "Connections are refused, as that of 192.0.2.3: 2 are open",
            ],
        )

    def test_no_timer_is_left(self) -> None:
        """
        When the last connection has gone.
        """
        edge = Edge()
        protocol, _ = edge.connect()
        protocol.dataReceived(_GET)
        disconnect(protocol)
        edge.clock.pump([1.0, 1.0])
        self.assertEqual(edge.clock.getDelayedCalls(), [])


class ShutdownTests(SynchronousTestCase):
    """
    Contract 1.16 and 18.4.
    """

    def test_nothing_to_wait_for(self) -> None:
        """
        Done at once, and nobody is let in any more.
        """
        edge = Edge()
        self.assertIsNone(self.successResultOf(edge.site.stop(60)))
        self.assertIsNone(edge.site.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)))

    def test_idle_connections_close_soon(self) -> None:
        """
        As soon as nothing can be on its way on them.
        """
        edge = Edge()
        protocol, transport = edge.connect()
        protocol.dataReceived(_GET)
        stopped = edge.site.stop(60)
        self.assertFalse(transport.closed)
        edge.clock.advance(0.25)
        self.assertTrue(transport.closed)
        self.assertNoResult(stopped)
        disconnect(protocol)
        self.successResultOf(stopped)
        edge.clock.advance(1)
        self.assertEqual(edge.clock.getDelayedCalls(), [])

    def test_what_was_on_its_way_is_answered(self) -> None:
        """
        HTTP/1.1: a request that comes just after we have decided to leave is the last of its connection.
        """
        edge = Edge()
        protocol, transport = edge.connect()
        protocol.dataReceived(_GET)
        edge.clock.advance(0)
        transport.take()
        edge.site.stop(60)
        protocol.dataReceived(_GET)
        edge.clock.advance(0)
        self.assertIn(b"HTTP/1.1 200 ", transport.written)
        self.assertIn(b"Connection: close\r\n", transport.written)
        self.assertTrue(transport.closed)

    def test_running_requests_finish(self) -> None:
        """
        HTTP/1.1: with C{Connection: close}.
        """
        edge = Edge()
        gate: Deferred[None] = Deferred()

        async def wait(request: Request) -> None:
            await gate
            await edge.handler.path(request)

        edge.handler.answer = wait
        protocol, transport = edge.connect()
        protocol.dataReceived(_GET)
        edge.site.stop(60)
        self.assertFalse(transport.closed)
        gate.callback(None)
        edge.clock.advance(0)
        self.assertIn(b"Connection: close\r\n", transport.written)
        self.assertTrue(transport.closed)

    def test_goaway_is_said_before_streams_are_turned_away(self) -> None:
        """
        HTTP/2: requests that crossed the first GOAWAY are still answered (RFC 9113, 6.8).
        """
        edge = Edge()
        gate: Deferred[None] = Deferred()

        async def wait(request: Request) -> None:
            await gate
            await edge.handler.path(request)

        edge.handler.answer = wait
        raw = Raw(edge)
        raw.send(raw.head(FIELDS, 1))
        edge.site.stop(60)
        edge.clock.advance(0)
        first, ping = raw.frames()
        self.assertEqual((first[0], first[3]), (GOAWAY, b"\x7f\xff\xff\xff" + bytes(4)))
        raw.send(raw.head(FIELDS, 3))
        raw.send(frame(PING, ACK, 0, ping[3]))
        self.assertEqual([found[3] for found in raw.frames()], [b"\0\0\0\3" + bytes(4)])
        raw.send(raw.head(FIELDS, 5))
        self.assertEqual(len(edge.handler.requests), 2)
        gate.callback(None)
        edge.clock.advance(0)
        self.assertEqual([(found[0], found[2]) for found in raw.frames()], [(1, 1), (0, 1), (1, 3), (0, 3)])
        self.assertTrue(raw.transport.closed)

    def test_idle_http2_connection_closes_after_notice(self) -> None:
        """
        Also when the client does not answer the PING.
        """
        edge = Edge()
        client = Client(edge)
        edge.site.stop(60)
        self.assertFalse(client.transport.closed)
        edge.clock.pump([1.0, 1.0])
        self.assertTrue(client.transport.closed)

    def test_what_is_left_is_cut_off(self) -> None:
        """
        After the grace.
        """
        edge = Edge()
        edge.handler.answer = edge.handler.stream
        protocol, transport = edge.connect()
        protocol.dataReceived(_GET)
        edge.site.stop(5)
        edge.clock.pump([1.0] * 4)
        self.assertFalse(transport.aborted)
        edge.clock.pump([1.0] * 2)
        self.assertTrue(transport.aborted)


class AllowanceTests(SynchronousTestCase):
    """
    Buckets of tokens.
    """

    def test_burst_then_rate(self) -> None:
        """
        C{burst} at once, then C{rate} a second, and never more than C{burst} saved up.
        """
        clock = Clock()
        allowance = Allowance(3, 2.0, clock.seconds)
        self.assertEqual([allowance.spend() for _ in range(4)], [True, True, True, False])
        clock.advance(1)
        self.assertEqual([allowance.spend() for _ in range(3)], [True, True, False])
        clock.advance(1000)
        self.assertEqual([allowance.spend() for _ in range(4)], [True, True, True, False])
