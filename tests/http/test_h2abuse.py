"""
L{ark.http.h2framing} and L{ark.http.h2}: what other clients get.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.http.h2frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    frame,
    rst_stream,
    settings,
    window_update,
)
from ark.http.limits import Limits
from ark.http.request import Request
from tests.http.edge import Edge
from tests.http.h2client import FIELDS, Client, Raw

_PING = frame(6, 0, 0, b"12345678")


def _with(*fields: tuple[bytes, bytes], without: bytes = b"") -> list[tuple[bytes, bytes]]:
    return [field for field in FIELDS if field[0] != without] + list(fields)


MALFORMED = {
    "connection field": _with((b"connection", b"close")),
    "proxy-connection": _with((b"proxy-connection", b"close")),
    "keep-alive": _with((b"keep-alive", b"1")),
    "transfer-encoding": _with((b"transfer-encoding", b"chunked")),
    "upgrade": _with((b"upgrade", b"h2c")),
    "te other than trailers": _with((b"te", b"gzip")),
    "upper-case name": _with((b"X-A", b"1")),
    "space in name": _with((b"x a", b"1")),
    "colon in name": _with((b"x:a", b"1")),
    "empty name": _with((b"", b"1")),
    "LF in value": _with((b"x-a", b"1\n2")),
    "CR in value": _with((b"x-a", b"1\r2")),
    "NUL in value": _with((b"x-a", b"1\x002")),
    "space before value": _with((b"x-a", b" 1")),
    "tab behind value": _with((b"x-a", b"1\t")),
    "unknown pseudo-header": _with((b":x", b"1")),
    "pseudo-header of responses": [*FIELDS[:3], (b":status", b"200")],
    "pseudo-header behind a field": [(b"x-a", b"1"), *FIELDS],
    "method twice": [FIELDS[0], *FIELDS],
    "no method": _with(without=b":method"),
    "no scheme": _with(without=b":scheme"),
    "no path": _with(without=b":path"),
    "empty path": _with((b":path", b""), without=b":path"),
    "path without slash": _with((b":path", b"x"), without=b":path"),
    "space in path": _with((b":path", b"/a b"), without=b":path"),
    "fragment": _with((b":path", b"/a#b"), without=b":path"),
    "bytes in path": _with((b":path", b"/\xc3\xa4"), without=b":path"),
    "space in method": _with((b":method", b"GET /"), without=b":method"),
    "tunnel": _with((b":method", b"CONNECT"), without=b":method"),
    "Host that differs": _with((b"host", b"b")),
    "two Hosts": _with((b"host", b"a"), (b"host", b"a")),
    "two lengths": _with((b"content-length", b"0"), (b"content-length", b"0")),
    "length that is none": _with((b"content-length", b"+0")),
    "length without body": _with((b"content-length", b"1")),
}

FATAL: dict[str, tuple[bytes, int]] = {
    "frame above the limit": (frame(DATA, 0, 1, b"x" * 16385), 6),
    "PING of seven bytes": (frame(6, 0, 0, b"1234567"), 6),
    "PING on a stream": (frame(6, 0, 1, b"12345678"), 1),
    "SETTINGS of five bytes": (frame(4, 0, 0, b"12345"), 6),
    "SETTINGS on a stream": (frame(4, 0, 1, b""), 1),
    "acknowledgement with payload": (frame(4, 1, 0, b"123456"), 6),
    "push enabled with 2": (settings({2: 2}), 1),
    "window of 2 GiB": (settings({4: 2**31}), 3),
    "frame limit below 16 KiB": (settings({5: 16383}), 1),
    "PUSH_PROMISE": (frame(5, 4, 1, b"1234"), 1),
    "RST_STREAM on an idle stream": (rst_stream(1, 8), 1),
    "RST_STREAM of three bytes": (frame(3, 0, 1, b"123"), 6),
    "WINDOW_UPDATE of nothing": (window_update(0, 0), 1),
    "WINDOW_UPDATE on an idle stream": (window_update(1, 1), 1),
    "window above the limit": (window_update(0, 2**31 - 1), 3),
    "DATA on an idle stream": (frame(DATA, 0, 1, b"x"), 1),
    "DATA on stream 0": (frame(DATA, 0, 0, b"x"), 1),
    "HEADERS on stream 0": (frame(HEADERS, 5, 0, b"\x82"), 1),
    "HEADERS on an even stream": (frame(HEADERS, 5, 2, b"\x82"), 1),
    "padding above the payload": (frame(HEADERS, 5 | 8, 1, b"\x09\x82"), 1),
    "CONTINUATION of nothing": (frame(CONTINUATION, 4, 1, b"\x82"), 1),
    "block that is broken off": (frame(HEADERS, 1, 1, b"\x82") + _PING, 1),
    "block of another stream": (frame(HEADERS, 1, 1, b"\x82") + frame(CONTINUATION, 4, 3, b"\x84"), 1),
    "block that ends too early": (frame(HEADERS, 5, 1, b"\x40\x05abc"), 9),
    "index beyond the table": (frame(HEADERS, 5, 1, b"\xfe"), 9),
    "priority cut short": (frame(HEADERS, 5 | 0x20, 1, b"\x00"), 6),
    "GOAWAY cut short": (frame(7, 0, 0, b"1234"), 6),
}


class MalformedRequestTests(SynchronousTestCase):
    """
    RFC 9113, section 8.
    """

    def test_malformed_requests_are_stream_errors(self) -> None:
        """
        PROTOCOL_ERROR, no handler, and the connection goes on.
        """
        for name, fields in MALFORMED.items():
            edge = Edge()
            raw = Raw(edge)
            raw.send(raw.head(fields))
            self.assertEqual(raw.codes(3), [(1, 1)], name)
            self.assertEqual(edge.handler.requests, [], name)
            raw.send(raw.head(FIELDS, 3))
            self.assertEqual(len(edge.handler.requests), 1, name)

    def test_trailers_te_is_accepted(self) -> None:
        """
        The one value that TE may have.
        """
        edge = Edge()
        raw = Raw(edge)
        raw.send(raw.head(_with((b"te", b"trailers"))))
        self.assertEqual(len(edge.handler.requests), 1)

    def test_body_must_be_as_long_as_it_says(self) -> None:
        """
        Longer, shorter, or ended by trailers: the stream is reset, the handler cancelled.
        """
        trailers = [(b"x-t", b"1")]
        for pieces in ([b"1234"], [b"12"], [b"12", b"34"], []):
            edge = Edge()
            edge.handler.answer = edge.handler.echo
            raw = Raw(edge)
            raw.send(raw.head(_with((b"content-length", b"3")), end=False))
            for piece in pieces:
                raw.send(frame(DATA, 0, 1, piece))
            raw.send(raw.head(trailers))
            self.assertEqual(raw.codes(3)[:1], [(1, 1)], pieces)
            self.assertEqual(edge.handler.requests[0].code, 0)
            self.assertTrue(edge.handler.requests[0].gone)

    def test_trailers_must_end_the_stream_and_have_no_pseudo_headers(self) -> None:
        """
        Otherwise they are a second request on the stream.
        """
        for fields, end in (([(b"x-t", b"1")], False), (FIELDS, True)):
            edge = Edge()
            edge.handler.answer = edge.handler.echo
            raw = Raw(edge)
            raw.send(raw.head(FIELDS, end=False) + raw.head(list(fields), end=end))
            self.assertEqual(raw.codes(3), [(1, 1)])


class ConnectionErrorTests(SynchronousTestCase):
    """
    RFC 9113, 5.4.1: GOAWAY, and close.
    """

    def test_connection_errors_end_the_connection(self) -> None:
        """
        With the right code, and nothing is taken in after it.
        """
        for name, (data, code) in FATAL.items():
            edge = Edge()
            raw = Raw(edge)
            raw.send(data)
            self.assertEqual(raw.codes(7), [(0, code)], name)
            self.assertTrue(raw.transport.half_closed, name)
            raw.send(raw.head(FIELDS))
            self.assertEqual(edge.handler.requests, [], name)
            edge.clock.pump([1.0] * 3)
            self.assertTrue(raw.transport.closed, name)

    def test_running_handlers_are_cancelled(self) -> None:
        """
        Their answers could not be sent.
        """
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        raw.send(raw.head(FIELDS))
        raw.send(frame(6, 0, 0, b"short"))
        self.assertTrue(edge.handler.requests[0].gone)

    def test_preface_and_settings_come_first(self) -> None:
        """
        Anything else is not HTTP/2.
        """
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nXX",
            PREFACE + _PING,
            PREFACE + frame(4, 1, 0, b""),
        ):
            raw = Raw(Edge(), greet=False)
            raw.send(data)
            self.assertEqual(raw.codes(7), [(0, 1)], data)

    def test_preface_in_pieces(self) -> None:
        """
        TCP cuts where it likes.
        """
        edge = Edge()
        raw = Raw(edge, greet=False)
        for byte in PREFACE + settings({}) + raw.head(FIELDS):
            raw.send(bytes((byte,)))
        self.assertEqual(len(edge.handler.requests), 1)

    def test_unknown_frames_are_ignored(self) -> None:
        """
        RFC 9113, 5.5.
        """
        edge = Edge()
        raw = Raw(edge)
        raw.send(frame(0x42, 0xFF, 7, b"what") + raw.head(FIELDS))
        self.assertEqual(len(edge.handler.requests), 1)

    def test_late_frames_of_reset_streams_are_forgiven(self) -> None:
        """
        The client could not know yet.
        """
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        raw.send(raw.head(FIELDS, end=False))
        edge.handler.requests[0].break_off()
        raw.send(frame(DATA, 0, 1, b"late") + raw.head([(b"x-t", b"1")]) + window_update(1, 5))
        self.assertEqual([kind for kind, *_ in raw.frames()], [3])


class FloodTests(SynchronousTestCase):
    """
    Work without requests, and requests without end.
    """

    def _flood(self, data: bytes, count: int = 2000) -> list[tuple[int, int]]:
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        raw.send(raw.head(FIELDS, end=False))
        for _ in range(count // 100):
            raw.send(data * 100)
        return raw.codes(7)

    def test_control_frames_are_limited(self) -> None:
        """
        ENHANCE_YOUR_CALM for PING, SETTINGS, PRIORITY, empty DATA and unknown frames.
        """
        for data in (
            _PING,
            settings({}),
            frame(2, 0, 1, b"\x00\x00\x00\x03\x01"),
            frame(DATA, 0, 1, b""),
            frame(0x42, 0, 0, b""),
            frame(7, 0, 0, b"12345678"),
            window_update(1, 0),
        ):
            self.assertEqual([code for _, code in self._flood(data)], [0xB], data)

    def test_forgiven_in_time(self) -> None:
        """
        A PING every second is no flood.
        """
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        raw.send(raw.head(FIELDS))
        for _ in range(3000):
            raw.send(_PING)
            edge.clock.advance(1.0)
        self.assertEqual(raw.codes(7), [])

    def test_settings_are_limited(self) -> None:
        """
        A frame of settings may move the windows of all streams: it does so once.
        """
        many = b"".join(settings({4: 1000 + number})[9:] for number in range(101))
        self.assertEqual(self._flood(frame(4, 0, 0, many), 100), [(0, 0xB)])
        edge = Edge()
        raw = Raw(edge)
        raw.send(raw.head(FIELDS) + frame(4, 0, 0, many[:600]))
        self.assertEqual([kind for kind, *_ in raw.frames()].count(4), 1)
        self.assertEqual(raw.codes(7), [])

    def test_empty_continuations_are_limited(self) -> None:
        """
        CVE-2024-27316: a block that never ends.
        """
        raw = Raw(Edge())
        raw.send(frame(HEADERS, END_STREAM, 1, b"\x82"))
        raw.send(frame(CONTINUATION, 0, 1, b"") * 2000)
        self.assertEqual(raw.codes(7), [(0, 0xB)])

    def test_endless_block_is_limited_in_bytes(self) -> None:
        """
        Before it is read at all.
        """
        raw = Raw(Edge())
        raw.send(frame(HEADERS, END_STREAM, 1, b"\x82"))
        for _ in range(66):
            raw.send(frame(CONTINUATION, 0, 1, b"\x00" * 16384))
        self.assertEqual(raw.codes(7), [(0, 0xB)])

    def test_block_that_expands_is_limited(self) -> None:
        """
        A kilobyte of indices can stand for megabytes of fields.
        """
        edge = Edge()
        raw = Raw(edge)
        raw.send(raw.head([*FIELDS, (b"x-a", b"v" * 4000)]))
        raw.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x87\x84" + b"\xbe" * 300))
        self.assertEqual(len(edge.handler.requests), 1)
        self.assertEqual([kind for kind, *_ in raw.frames()][-2:], [HEADERS, DATA])
        raw.send(frame(HEADERS, END_HEADERS | END_STREAM, 5, b"\x82\x87\x84" + b"\xbe" * 16000))
        self.assertEqual(raw.codes(7), [(0, 0xB)])

    def test_rapid_reset_is_limited(self) -> None:
        """
        CVE-2023-44487.
        """
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        stream = 1
        for _ in range(1100):
            raw.send(raw.head(FIELDS, stream))
            raw.send(rst_stream(stream, 8))
            stream += 2
        self.assertEqual(raw.codes(7), [(0, 0xB)])

    def test_watches_that_are_closed_by_and_by_are_no_flood(self) -> None:
        """
        Clients end watches by resetting them.
        """
        edge = Edge()
        edge.handler.answer = edge.handler.stream
        raw = Raw(edge)
        stream = 1
        for _ in range(2000):
            raw.send(raw.head(FIELDS, stream) + b"")
            raw.send(rst_stream(stream, 8))
            edge.clock.advance(0.02)
            stream += 2
        self.assertEqual(raw.codes(7), [])

    def test_streams_are_limited(self) -> None:
        """
        REFUSED_STREAM tells the client that nothing was done, so that it can retry.
        """
        edge = Edge(Limits(streams=5))
        edge.handler.answer = _forever
        raw = Raw(edge)
        for number in range(7):
            raw.send(raw.head(FIELDS, 1 + 2 * number))
        self.assertEqual(raw.codes(3), [(11, 7), (13, 7)])
        self.assertEqual(len(edge.handler.requests), 5)

    def test_silent_client_is_cut_off(self) -> None:
        """
        No preface, half a frame, or half a header block: ten seconds.
        """
        for data in (
            b"",
            PREFACE[:10],
            PREFACE + settings({})[:5],
            PREFACE + settings({}) + frame(HEADERS, 1, 1, b"\x82"),
        ):
            edge = Edge()
            raw = Raw(edge, greet=False)
            raw.send(data)
            edge.clock.pump([1.0] * 12)
            self.assertTrue(raw.transport.closed, data)

    def test_client_that_takes_nothing_is_cut_off(self) -> None:
        """
        After the stall timeout, with all its streams.
        """
        edge = Edge()
        edge.handler.answer = edge.handler.stream
        client = Client(edge)
        client.get()
        client.transport.room = 10
        stream = edge.handler.requests[0]._stream
        assert stream is not None
        stream.write(b"x" * 100)
        edge.clock.pump([1.0] * 183)
        self.assertTrue(client.transport.aborted)

    def test_client_that_opens_no_window_is_cut_off(self) -> None:
        """
        Each stream apart: one of which something is taken goes on.
        """
        edge = Edge()
        edge.handler.answer = edge.handler.stream
        raw = Raw(edge, greet=False)
        raw.send(PREFACE + settings({4: 0}) + raw.head(FIELDS) + raw.head(FIELDS, 3) + raw.head(FIELDS, 5))
        for request in edge.handler.requests[:2]:
            assert request._stream is not None
            request._stream.write(b"x" * 1000)
        for _ in range(200):
            edge.clock.advance(1.0)
            raw.send(window_update(3, 1))
        self.assertEqual(raw.codes(3), [(1, 8)])
        self.assertEqual([request.gone for request in edge.handler.requests], [True, False, False])


async def _forever(request: Request) -> None:
    await Deferred()
