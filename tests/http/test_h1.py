"""
L{ark.http.h1}
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.http.limits import Limits
from ark.http.request import Request
from tests.http.edge import Edge, disconnect


def _get(path: bytes, fields: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"


def _post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /p HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body


class HTTP1Tests(SynchronousTestCase):
    """
    One connection in HTTP/1.1.
    """

    def setUp(self) -> None:
        self.edge = Edge()
        self.handler = self.edge.handler
        self.protocol, self.transport = self.edge.connect()

    def test_answer_has_length_and_date(self) -> None:
        """
        The protocol adds what the handler need not know.
        """
        self.protocol.dataReceived(_get(b"/x"))
        head, _, body = self.transport.written.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\nDate: "))
        self.assertIn(b"\r\nContent-Type: text/plain\r\n", head)
        self.assertIn(b"\r\nContent-Length: 2", head)
        self.assertNotIn(b"Connection", head)
        self.assertEqual(body, b"/x")

    def test_request_shows_what_was_sent(self) -> None:
        """
        Path and query stay undecoded; a repeated field keeps all values.
        """
        self.protocol.dataReceived(_get(b"/a%2Fb?c=%20&d", b"X-Y: 1\r\nx-y: 2\r\n"))
        request = self.handler.requests[0]
        self.assertEqual((request.method, request.path, request.query), ("GET", "/a%2Fb", "c=%20&d"))
        self.assertEqual(request.header(b"x-y"), b"1")
        self.assertEqual(request.header_values(b"x-y"), [b"1", b"2"])
        self.assertEqual(request.header_values(b"none"), [])
        self.assertEqual(request.client_address, "192.0.2.1")
        self.assertEqual(request.connection.protocol, "HTTP/1.1")

    def test_pipelined_requests_are_answered_in_order_in_one_write(self) -> None:
        """
        However many come in one read.
        """
        self.protocol.dataReceived(b"".join(_get(b"/%d" % number) for number in range(5)))
        bodies = [part.rsplit(b"\r\n\r\n", 1)[-1] for part in self.transport.written.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(bodies, [b"/0", b"/1", b"/2", b"/3", b"/4"])
        self.assertEqual(self.transport.writes, 1)

    def test_next_request_waits_for_the_answer_of_the_one_before(self) -> None:
        """
        A fast second must not overtake a slow first.
        """
        gate: Deferred[None] = Deferred()

        async def slow(request: Request) -> None:
            if request.path == "/0":
                await gate
            await self.handler.path(request)

        self.handler.answer = slow
        self.protocol.dataReceived(_get(b"/0") + _get(b"/1"))
        self.assertEqual(len(self.handler.requests), 1)
        gate.callback(None)
        self.edge.clock.advance(0)
        bodies = self.transport.written
        self.assertLess(bodies.index(b"\r\n\r\n/0"), bodies.index(b"\r\n\r\n/1"))

    def test_too_many_pipelined_bytes_stop_the_reading(self) -> None:
        """
        A client cannot fill the memory while its first request runs.
        """
        gate: Deferred[None] = Deferred()

        async def slow(request: Request) -> None:
            await gate
            await self.handler.path(request)

        self.handler.answer = slow
        self.protocol.dataReceived(_get(b"/0"))
        self.protocol.dataReceived(_get(b"/1", b"X: " + b"y" * 70000 + b"\r\n"))
        self.assertFalse(self.transport.reading)
        gate.callback(None)
        self.assertTrue(self.transport.reading)

    def test_head_has_the_fields_but_no_body(self) -> None:
        """
        Contract 1.17.
        """
        self.protocol.dataReceived(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + _get(b"/y"))
        first, second = self.transport.written.split(b"HTTP/1.1 ")[1:]
        self.assertIn(b"Content-Length: 2\r\n", first)
        self.assertTrue(first.endswith(b"\r\n\r\n"))
        self.assertTrue(second.endswith(b"/y"))

    def test_not_modified_has_no_length(self) -> None:
        """
        304 and 204 are bare.
        """

        async def bare(request: Request) -> None:
            request.respond(304, [(b"etag", b'"x"')], b"")

        self.handler.answer = bare
        self.protocol.dataReceived(_get(b"/"))
        self.assertNotIn(b"Content-Length", self.transport.written)

    def test_body_with_length(self) -> None:
        """
        In one piece with the head the handler does not wait; in pieces it does.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 5\r\n", b"hello"))
        self.assertTrue(self.transport.take().endswith(b"\r\n\r\nhello"))
        for piece in (
            _post(b"Content-Length: 5\r\n", b"he"),
            b"l",
            b"lo" + _get(b"/next")[:3],
            _get(b"/next")[3:],
        ):
            self.protocol.dataReceived(piece)
        self.assertIn(b"\r\n\r\nhello", self.transport.take())
        self.assertEqual(self.handler.requests[-1].path, "/next")

    def test_chunked_body_in_any_pieces(self) -> None:
        """
        Extensions and trailers are read and dropped, wherever the pieces end.
        """
        self.handler.answer = self.handler.echo
        data = _post(b"Transfer-Encoding: chunked\r\n", b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-T: 1\r\n\r\n")
        for size in range(1, len(data) + 1):
            for start in range(0, len(data), size):
                self.protocol.dataReceived(data[start : start + size])
            self.assertTrue(self.transport.take().endswith(b"\r\n\r\nhello"), size)
        self.assertFalse(self.transport.closed)

    def test_continue_is_sent_when_the_body_is_wanted(self) -> None:
        """
        And not before: whoever may not write need not send.
        """
        gate: Deferred[None] = Deferred()

        async def later(request: Request) -> None:
            await gate
            await self.handler.echo(request)

        self.handler.answer = later
        self.protocol.dataReceived(_post(b"Content-Length: 2\r\nExpect: 100-continue\r\n"))
        self.assertEqual(self.transport.written, b"")
        gate.callback(None)
        self.edge.clock.advance(0)
        self.assertEqual(self.transport.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.protocol.dataReceived(b"ok")
        self.assertTrue(self.transport.take().endswith(b"\r\n\r\nok"))

    def test_answer_without_reading_the_body_ends_the_connection(self) -> None:
        """
        The client is heard out for a while, so that the answer is not lost to a reset.
        """
        self.protocol.dataReceived(_post(b"Content-Length: 1000000\r\n", b"x" * 1000))
        self.assertIn(b"Connection: close\r\n", self.transport.written)
        self.assertTrue(self.transport.half_closed)
        self.assertFalse(self.transport.closed)
        self.protocol.dataReceived(b"x" * 100000)
        self.edge.clock.pump([1.0] * 3)
        self.assertTrue(self.transport.closed)
        self.assertEqual(len(self.handler.requests), 1)

    def test_body_above_the_limit_is_heard_out_before_it_is_refused(self) -> None:
        """
        With 413 (contract 1.13); the connection goes on, and nothing of the body is kept.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 3145729\r\n", b"x"))
        self.protocol.dataReceived(b"x" * 3145727)
        self.assertEqual(self.transport.written, b"")
        self.protocol.dataReceived(b"x" + _get(b"/next"))
        self.edge.clock.advance(0)
        refused, answered = self.transport.written.split(b"HTTP/1.1 ")[1:]
        self.assertTrue(refused.startswith(b"413"))
        self.assertIn(b"Request entity too large: limit is 3145728", refused)
        self.assertTrue(answered.startswith(b"200"))
        self.assertEqual(self.handler.requests[0].body, b"")

    def test_body_far_above_the_limit_is_refused_unread(self) -> None:
        """
        413 by the length alone.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 12000000\r\n"))
        self.assertEqual(self.transport.written[9:12], b"413")
        self.assertIn(b"Connection: close\r\n", self.transport.written)
        self.assertTrue(self.transport.half_closed)

    def test_body_above_the_limit_is_not_asked_for(self) -> None:
        """
        A client that waits for 100 is told 413 instead.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 3145729\r\nExpect: 100-continue\r\n"))
        self.assertEqual(self.transport.written[9:12], b"413")

    def test_chunks_above_the_limit_are_heard_out_for_a_while(self) -> None:
        """
        413 when they end, or after 8 MiB more.
        """
        for rest in (b"0\r\n\r\n", b"%x\r\n" % (8 << 20) + b"x" * (8 << 20)):
            edge = Edge(Limits(body_bytes=10))
            edge.handler.answer = edge.handler.echo
            protocol, transport = edge.connect()
            protocol.dataReceived(_post(b"Transfer-Encoding: chunked\r\n", b"b\r\n0123456789x\r\n"))
            self.assertEqual((transport.written, edge.handler.requests[0].body), (b"", b""))
            protocol.dataReceived(rest)
            edge.clock.advance(0)
            self.assertEqual(transport.written[9:12], b"413")
            self.assertIn(b"limit is 10", transport.written)

    def test_body_above_the_limit_that_dribbles_is_refused_at_the_deadline(self) -> None:
        """
        With 413: more time would not help.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 3145729\r\n"))
        for _ in range(62):
            self.edge.clock.advance(1.0)
        self.assertEqual(self.transport.written[9:12], b"413")

    def test_body_that_nobody_asks_for_stops_the_reading(self) -> None:
        """
        Before the handler wants the body, no more than 64 KiB of it are kept.
        """
        gate: Deferred[None] = Deferred()

        async def later(request: Request) -> None:
            await gate
            await self.handler.echo(request)

        self.handler.answer = later
        self.protocol.dataReceived(_post(b"Content-Length: 100000\r\n", b"x" * 70000))
        self.assertFalse(self.transport.reading)
        gate.callback(None)
        self.assertTrue(self.transport.reading)
        self.protocol.dataReceived(b"x" * 30000)
        self.edge.clock.advance(0)
        self.assertTrue(self.transport.written.endswith(b"x" * 100000))

    def test_dribbling_body_is_cut_at_the_deadline(self) -> None:
        """
        However steadily the bytes come, 60 seconds are enough.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 1000\r\n"))
        for _ in range(62):
            self.edge.clock.advance(1.0)
            if not self.transport.written:
                self.protocol.dataReceived(b"x")
        self.assertEqual(self.transport.written[9:12], b"408")

    def test_dribbling_head_is_cut_at_the_deadline(self) -> None:
        """
        A byte a second does not keep a connection open.
        """
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\n")
        for _ in range(12):
            self.edge.clock.advance(1.0)
            if not self.transport.written:
                self.protocol.dataReceived(b"X")
        self.assertEqual(self.transport.written[9:12], b"408")
        self.edge.clock.pump([1.0] * 3)
        self.assertTrue(self.transport.closed)

    def test_head_above_the_limit_is_answered(self) -> None:
        """
        431, with the limit at a mebibyte: users with many groups pass.
        """
        self.protocol.dataReceived(_get(b"/", b"X: " + b"y" * 1000000 + b"\r\n"))
        self.assertEqual(self.transport.take()[9:12], b"200")
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1100000)
        self.assertEqual(self.transport.take()[9:12], b"431")

    def test_other_expectations_fail(self) -> None:
        """
        417 for what we cannot promise.
        """
        self.protocol.dataReceived(_get(b"/", b"Expect: tea\r\n"))
        self.assertEqual(self.transport.written[9:12], b"417")

    def test_idle_connection_closes(self) -> None:
        """
        After the idle timeout, not before, and not while a request runs.
        """
        self.protocol.dataReceived(_get(b"/"))
        self.edge.clock.pump([1.0] * 179)
        self.assertFalse(self.transport.closed)
        self.edge.clock.pump([1.0] * 3)
        self.assertTrue(self.transport.closed)

    def test_connection_close_is_obeyed(self) -> None:
        """
        Also C{HTTP/1.0}, which we never keep.
        """
        self.protocol.dataReceived(_get(b"/", b"Connection: Close\r\n"))
        self.assertIn(b"Connection: close\r\n", self.transport.written)
        self.assertTrue(self.transport.closed)
        protocol, transport = self.edge.connect()
        protocol.dataReceived(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(transport.closed)

    def test_stream_is_chunked_and_writes_of_a_turn_leave_together(self) -> None:
        """
        One write a turn, however many events.
        """
        self.handler.answer = self.handler.stream
        self.protocol.dataReceived(_get(b"/w"))
        self.assertIn(b"Transfer-Encoding: chunked\r\n", self.transport.take())
        stream = self.handler.requests[0]._stream
        assert stream is not None
        before = self.transport.writes
        stream.write(b"one")
        stream.write(b"twotwo")
        self.assertEqual(self.transport.written, b"")
        self.edge.clock.advance(0)
        self.assertEqual(self.transport.take(), b"3\r\none\r\n6\r\ntwotwo\r\n")
        self.assertEqual(self.transport.writes - before, 1)
        stream.finish()
        stream.write(b"late")
        self.edge.clock.advance(0)
        self.assertEqual(self.transport.take(), b"0\r\n\r\n")
        self.protocol.dataReceived(_get(b"/next"))
        self.assertEqual(len(self.handler.requests), 2)

    def test_stream_of_the_old_protocol_ends_with_the_connection(self) -> None:
        """
        HTTP/1.0 has no chunks.
        """
        self.handler.answer = self.handler.stream
        self.protocol.dataReceived(b"GET /w HTTP/1.0\r\n\r\n")
        stream = self.handler.requests[0]._stream
        assert stream is not None
        stream.write(b"one")
        stream.finish()
        self.assertTrue(self.transport.written.endswith(b"\r\n\r\none"))
        self.assertNotIn(b"chunked", self.transport.written)
        self.assertTrue(self.transport.closed)

    def test_aborted_stream_is_not_mistaken_for_a_complete_one(self) -> None:
        """
        The connection is cut before the last chunk.
        """
        self.handler.answer = self.handler.stream
        self.protocol.dataReceived(_get(b"/w"))
        self.handler.requests[0].break_off()
        self.assertTrue(self.transport.aborted)

    def test_slow_client_pauses_the_stream(self) -> None:
        """
        C{paused} follows the transport; the drain callback comes with the room.
        """
        self.handler.answer = self.handler.stream
        self.protocol.dataReceived(_get(b"/w"))
        stream = self.handler.requests[0]._stream
        assert stream is not None
        drained: list[bool] = []
        stream.on_drain(lambda: drained.append(stream.paused))
        self.transport.room = 1000
        stream.write(b"x" * 100000)
        self.assertTrue(stream.paused)
        self.transport.make_room()
        self.assertEqual(drained, [False])

    def test_large_answer_waits_for_a_slow_client(self) -> None:
        """
        No more than a piece of it is handed to a transport that is full.
        """

        async def large(request: Request) -> None:
            request.respond(200, [], b"x" * 1000000)

        self.handler.answer = large
        self.transport.room = 1000
        self.protocol.dataReceived(_get(b"/l"))
        self.assertTrue(len(self.transport.written) < 200000)
        while len(self.transport.written) < 1000000:
            self.transport.make_room(1000)
        self.assertEqual(self.transport.written.count(b"x"), 1000000)
        self.transport.make_room()
        self.handler.answer = self.handler.path
        self.transport.take()
        self.protocol.dataReceived(_get(b"/after"))
        self.assertIn(b"/after", self.transport.take())

    def test_client_that_takes_nothing_is_cut_off(self) -> None:
        """
        After the stall timeout.
        """
        self.handler.answer = self.handler.stream
        self.protocol.dataReceived(_get(b"/w"))
        self.transport.room = 10
        stream = self.handler.requests[0]._stream
        assert stream is not None
        stream.write(b"x" * 100)
        self.edge.clock.pump([1.0] * 183)
        self.assertTrue(self.transport.aborted)

    def test_handler_is_cancelled_when_the_client_goes(self) -> None:
        """
        What it waits for is cancelled, and nothing is logged.
        """
        cancelled: list[str] = []

        async def wait(request: Request) -> None:
            request.on_disconnect(lambda: cancelled.append("told"))
            try:
                await Deferred()
            except CancelledError:
                cancelled.append("cancelled")
                raise

        self.handler.answer = wait
        self.protocol.dataReceived(_get(b"/w"))
        disconnect(self.protocol)
        self.assertEqual(cancelled, ["cancelled", "told"])
        self.assertTrue(self.handler.requests[0].gone)
        self.assertEqual(self.edge.site.connections, set())

    def test_reader_of_a_body_is_cancelled_when_the_client_goes(self) -> None:
        """
        Half a body is never handed on.
        """
        self.handler.answer = self.handler.echo
        self.protocol.dataReceived(_post(b"Content-Length: 10\r\n", b"half"))
        disconnect(self.protocol)
        self.assertEqual(self.handler.requests[0].code, 0)

    def test_fields_that_would_split_the_answer_are_an_error(self) -> None:
        """
        A value with a line end becomes 500, never a second field.
        """

        async def split(request: Request) -> None:
            request.respond(200, [(b"warning", b"a\r\nset-cookie: b")], b"")

        self.handler.answer = split
        self.protocol.dataReceived(_get(b"/"))
        self.assertEqual(self.transport.written[9:12], b"500")
        self.assertNotIn(b"set-cookie", self.transport.written.lower())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
