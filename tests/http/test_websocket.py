"""
L{ark.http.websocket}
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.http.request import Request
from ark.http.websocket import BrokenFrame, FrameReader, frame, handshake, is_wanted
from ark.meta.status import APIStatus
from tests.http.edge import Edge, disconnect

# The example of RFC 6455, 1.3.
ASKED = {
    b"upgrade": b"websocket",
    b"connection": b"keep-alive, Upgrade",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
    b"origin": b"https://example.com",
}
_HEAD = (
    b"GET /watch HTTP/1.1\r\nHost: a\r\n" + b"".join(b"%s: %s\r\n" % one for one in ASKED.items()) + b"\r\n"
)


def sent(kind: int, payload: bytes, final: int = 0x80) -> bytes:
    """
    A frame as clients send it.
    """
    mask = b"\x01\x02\x03\x04"
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    plain = frame(kind, payload)
    head = plain[: len(plain) - len(payload)]
    return bytes((kind | final, head[1] | 0x80)) + head[2:] + mask + masked


class HandshakeTests(SynchronousTestCase):
    """
    RFC 6455, 4.2; contract 12.19.
    """

    def test_a_request_asks_by_two_fields(self) -> None:
        """
        In any case, among others.
        """
        self.assertTrue(is_wanted(ASKED))
        self.assertTrue(is_wanted({b"upgrade": b"WebSocket", b"connection": b"upgrade"}))
        self.assertFalse(is_wanted({b"upgrade": b"h2c", b"connection": b"upgrade"}))
        self.assertFalse(is_wanted({b"upgrade": b"websocket"}))

    def test_the_key_is_answered(self) -> None:
        """
        As in the RFC's example; one protocol is taken.
        """
        fields = dict(handshake({**ASKED, b"sec-websocket-protocol": b"chat"}))
        self.assertEqual(fields[b"sec-websocket-accept"], b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual(fields[b"sec-websocket-protocol"], b"chat")

    def test_what_is_no_handshake_is_refused(self) -> None:
        """
        Without a key of 16 bytes, version 13 and an origin, and with several protocols.
        """
        for name, value, code in (
            (b"sec-websocket-key", b"short", 400),
            (b"sec-websocket-version", b"8", 400),
            (b"sec-websocket-protocol", b"a, b", 400),
            (b"origin", b"", 403),
        ):
            error = self.assertRaises(APIStatus, handshake, {**ASKED, name: value})
            self.assertEqual(error.code, code)


class FrameTests(SynchronousTestCase):
    """
    RFC 6455, 5.
    """

    def test_frames_have_three_lengths(self) -> None:
        """
        Up to 125, 65535, and more.
        """
        self.assertEqual(frame(1, b"a"), b"\x81\x01a")
        self.assertEqual(frame(1, b"a" * 126)[:4], b"\x81\x7e\x00\x7e")
        self.assertEqual(frame(1, b"a" * 65536)[:10], b"\x81\x7f" + (65536).to_bytes(8, "big"))

    def test_control_frames_are_found_between_messages(self) -> None:
        """
        However the input is cut.
        """
        data = (
            sent(2, b"x" * 70000)
            + sent(9, b"hi")
            + sent(1, b"part", 0)
            + sent(10, b"")
            + sent(0, b"end")
            + sent(8, b"")
        )
        for step in (1, 7, 1000, len(data)):
            reader, found = FrameReader(), []
            for start in range(0, len(data), step):
                found += reader.feed(data[start : start + step])
            self.assertEqual(found, [(9, b"hi"), (10, b""), (8, b"")])

    def test_broken_frames_are_refused(self) -> None:
        """
        Not masked, of an extension, and control frames that are long or in pieces.
        """
        for data in (frame(9, b"hi"), b"\xc1\x80", sent(9, b"a" * 126), sent(8, b"", 0)):
            self.assertRaises(BrokenFrame, list, FrameReader().feed(data))


class ConnectionTests(SynchronousTestCase):
    """
    A connection that switches over.
    """

    def setUp(self) -> None:
        """
        A handler that accepts.
        """
        self.edge = Edge()
        self.stream: Any = None
        self.edge.handler.answer = self.accept
        self.protocol, self.transport = self.edge.connect()
        self.protocol.dataReceived(_HEAD)

    async def accept(self, request: Request) -> None:
        """
        As a watch does.
        """
        self.assertTrue(request.wants_websocket)
        self.stream = request.start_websocket()

    def turn(self) -> bytes:
        """
        What is written in this turn.
        """
        self.edge.clock.advance(0)
        return self.transport.take()

    def test_every_line_is_a_message(self) -> None:
        """
        Also those of one write, and one that comes in pieces.
        """
        self.assertTrue(self.turn().startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"))
        self.stream.write(b"one\ntwo\nth")
        self.stream.write(b"ree\n")
        self.assertEqual(self.turn(), frame(1, b"one\n") + frame(1, b"two\n") + frame(1, b"three\n"))

    def test_pings_are_answered(self) -> None:
        """
        With what they carry.
        """
        self.turn()
        self.protocol.dataReceived(sent(1, b"ignored") + sent(9, b"hello"))
        self.assertEqual(self.turn(), frame(10, b"hello"))

    def test_the_server_says_goodbye(self) -> None:
        """
        When the stream is finished.
        """
        self.turn()
        self.stream.finish()
        self.assertEqual(self.turn(), frame(8, b"\x03\xe8"))
        self.assertTrue(self.transport.closed)

    def test_the_clients_goodbye_ends_the_watch(self) -> None:
        """
        It is returned, and the connection closes.
        """
        self.turn()
        self.protocol.dataReceived(sent(8, b"\x03\xe9bye"))
        self.assertEqual(self.turn(), frame(8, b"\x03\xe9"))
        self.assertTrue(self.transport.closed)
        disconnect(self.protocol)
        self.assertTrue(self.edge.handler.requests[0].gone)

    def test_a_client_that_breaks_the_rules_is_left(self) -> None:
        """
        With 1002.
        """
        self.turn()
        self.protocol.dataReceived(frame(1, b"not masked"))
        self.assertEqual(self.turn(), frame(8, b"\x03\xea"))
        self.assertTrue(self.transport.closed)

    def test_a_stream_waits_for_a_slow_client(self) -> None:
        """
        As any other does.
        """
        self.turn()
        self.transport.room = 10
        self.stream.write(b"a" * 100 + b"\n")
        self.turn()
        self.assertTrue(self.stream.paused)
        self.transport.make_room()
        self.assertFalse(self.stream.paused)
