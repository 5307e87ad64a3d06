"""
Tests for L{ark.cluster.exchange} and L{ark.cluster.connections}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from ark.cluster.access import Access
from ark.cluster.connections import IDLE_SECONDS, Connections
from ark.cluster.credentials import Credentials
from ark.cluster.errors import Unreachable
from ark.cluster.exchange import LONGEST_HEAD, Answer, Connection
from tests.cluster_client.wire import Link, Wire

GET = b"GET / HTTP/1.1\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After:  7 \r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\n{\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
)


class ConnectionTests(TestCase):
    """
    An answer is the same however it comes, and what is none is not taken for one.
    """

    def setUp(self) -> None:
        self.rested: list[Connection] = []
        self.connection = Connection(self.rested.append, 0)
        self.link = Link(Wire())
        self.link.protocol = self.connection
        self.connection.makeConnection(self.link)

    def answered(self, data: bytes, size: int = 0) -> Answer:
        """
        What an answer is read as that comes in pieces of C{size} bytes.
        """
        asking = self.connection.ask(GET)
        size = size or len(data)
        for start in range(0, len(data), size):
            self.connection.dataReceived(data[start : start + size])
        return self.successResultOf(asking)

    def refusal(self, data: bytes) -> str:
        """
        Why something is no answer; the connection is not used again.
        """
        self.setUp()
        asking = self.connection.ask(GET)
        self.connection.dataReceived(data)
        said = str(self.failureResultOf(asking, Unreachable).value)
        self.assertTrue(self.link.disconnecting)
        self.assertFalse(self.connection.usable)
        self.assertEqual(self.rested, [])
        return said

    def test_pieces_of_all_sizes(self) -> None:
        """
        With a length or in chunks; names of fields are in lower case.
        """
        for size in (1, 2, 3, 7, 0):
            answer = self.answered(WHOLE, size)
            self.assertEqual((answer.code, answer.body), (200, b"{}"))
            self.assertEqual(answer.headers[b"retry-after"], b"7")
            self.assertEqual(self.answered(CHUNKED, size).body, b"{\r\n0123456789")
        self.assertEqual(len(self.rested), 10)

    def test_no_body(self) -> None:
        """
        Some answers have none.
        """
        self.assertEqual(self.answered(b"HTTP/1.1 204 No Content\r\n\r\n").body, b"")
        self.assertEqual(self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").body, b"")

    def test_what_is_said_in_advance(self) -> None:
        """
        An answer may be preceded by others that are none yet.
        """
        early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        for size in (1, 0):
            self.assertEqual(self.answered(early + early + WHOLE, size).body, b"{}")

    def test_closing(self) -> None:
        """
        A server that closes, or speaks HTTP/1.0, is not asked again over that connection.
        """
        for data in (
            WHOLE.replace(b"Retry-After:  7 ", b"Connection: close"),
            WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
            WHOLE + b"more",
        ):
            self.setUp()
            self.assertEqual(self.answered(data).body, b"{}")
            self.assertEqual(self.rested, [])
            self.assertTrue(self.link.disconnecting)

    def test_until_the_end(self) -> None:
        """
        Without a length the body ends with the connection, if that ends well.
        """
        asking = self.connection.ask(GET)
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\n{")
        self.connection.dataReceived(b"}")
        self.assertNoResult(asking)
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.successResultOf(asking).body, b"{}")

    def test_no_answers(self) -> None:
        """
        What cannot be read is said to be that.
        """
        start = b"HTTP/1.1 200 OK\r\n"
        for words, data in (
            ("not HTTP", b"SSH-2.0\r\n\r\n"),
            ("not HTTP", b"HTTP/2 200\r\n\r\n"),
            ("too long", b"x" * (LONGEST_HEAD + 1)),
            ("no number", start + b"Content-Length: -1\r\n\r\n"),
            ("encoding", start + b"Transfer-Encoding: gzip\r\n\r\n"),
            ("cannot be read", start + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
            ("fit together", start + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
        ):
            self.assertIn(words, self.refusal(data))

    def test_broken_off(self) -> None:
        """
        Closed with nothing said is one thing, closed amid an answer another.
        """
        asking = self.connection.ask(GET)
        self.connection.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(asking, ConnectionLost)
        for piece in (WHOLE[:5], WHOLE[:-1], CHUNKED[:-2]):
            self.setUp()
            asking = self.connection.ask(GET)
            self.connection.dataReceived(piece)
            self.connection.connectionLost(Failure(ConnectionLost()))
            self.assertIn("broke off", str(self.failureResultOf(asking, Unreachable).value))

    def test_nothing_was_asked(self) -> None:
        """
        A server that speaks unasked is not listened to; nor is one whose answer nobody waits for.
        """
        self.connection.dataReceived(WHOLE)
        self.assertTrue(self.link.disconnecting)
        self.setUp()
        asking = self.connection.ask(GET)
        asking.addErrback(lambda failure: None)
        asking.cancel()
        self.assertTrue(self.link.disconnecting)
        self.connection.dataReceived(WHOLE)
        self.assertEqual(self.rested, [])


class ConnectionsTests(TestCase):
    """
    Connections are used again, while they are good.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.credentials = Credentials(Access("https://kube"), self.clock, self.clock.seconds, {})
        self.connections = Connections("https://kube", self.clock, self.credentials, self.wire)

    def ask(self) -> Deferred[Any]:
        """
        Make a request.
        """
        return Deferred.fromCoroutine(self.connections.exchange(GET))

    def exchange(self) -> None:
        """
        Make one, and answer it.
        """
        asking = self.ask()
        self.wire.last.answer({})
        self.successResultOf(asking)

    def test_one_after_the_other(self) -> None:
        """
        One connection does for requests that follow each other; as many as are needed for others.
        """
        for _ in range(5):
            self.exchange()
        self.assertEqual(len(self.wire.links), 1)
        asking = [self.ask() for _ in range(3)]
        self.assertEqual(len(self.wire.links), 3)
        for exchange in self.wire.exchanges[-3:]:
            exchange.answer({})
        for one in asking:
            self.successResultOf(one)
        self.exchange()
        self.assertEqual(len(self.wire.links), 3)

    def test_closed_ones(self) -> None:
        """
        One that the server has closed is not used.
        """
        self.exchange()
        self.wire.close_all()
        self.exchange()
        self.assertEqual(len(self.wire.links), 2)

    def test_idle_ones(self) -> None:
        """
        One that was not used for a minute is closed, and after that nothing is left to do.
        """
        self.exchange()
        self.clock.advance(IDLE_SECONDS / 2)
        self.exchange()
        self.clock.advance(IDLE_SECONDS / 2)
        self.assertFalse(self.wire.links[0].disconnecting)
        self.clock.advance(IDLE_SECONDS / 2)
        self.assertTrue(self.wire.links[0].disconnecting)
        self.clock.advance(IDLE_SECONDS)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_older_credentials(self) -> None:
        """
        One that was made with another certificate is not used, whether it was idle or not.
        """
        self.exchange()
        asking = self.ask()
        self.credentials.generation += 1
        self.wire.last.answer({})
        self.successResultOf(asking)
        self.assertTrue(self.wire.links[0].disconnecting)
        self.exchange()
        self.assertEqual(len(self.wire.links), 2)

    def test_closing(self) -> None:
        """
        Those in use are closed when they are no longer.
        """
        self.exchange()
        asking = [self.ask(), self.ask()]
        self.wire.exchanges[-1].answer({})
        self.connections.close()
        self.wire.exchanges[-2].answer({})
        for one in asking:
            self.successResultOf(one)
        self.assertTrue(all(link.disconnecting for link in self.wire.links))
        self.assertEqual(self.clock.getDelayedCalls(), [])
