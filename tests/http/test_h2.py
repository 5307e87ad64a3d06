"""
L{ark.http.h2}: what a well-behaved client sees.
"""

from __future__ import annotations

from struct import pack

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.http.h2frames import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    frame,
    settings,
    window_update,
)
from ark.http.limits import Limits
from ark.http.request import Request
from ark.http.streaming import Stream
from tests.http.edge import Edge, disconnect
from tests.http.h2client import FIELDS, Client, Raw


class HTTP2Tests(SynchronousTestCase):
    """
    Requests and responses.
    """

    def setUp(self) -> None:
        self.edge = Edge()
        self.handler = self.edge.handler
        self.client = Client(self.edge)

    def stream(self, number: int = -1) -> Stream:
        """
        The stream of a response that a handler has begun.
        """
        stream = self.handler.requests[number]._stream
        assert stream is not None
        return stream

    def test_answer_has_length_and_date(self) -> None:
        """
        The protocol adds what the handler need not know.
        """
        stream = self.client.get(b"/x")
        headers = self.client.headers[stream]
        self.assertEqual(headers[b":status"], b"200")
        self.assertEqual(headers[b"content-length"], b"2")
        self.assertEqual(headers[b"content-type"], b"text/plain")
        self.assertIn(b"date", headers)
        self.assertEqual(self.client.bodies[stream], b"/x")
        self.assertEqual(self.client.ended, [stream])

    def test_request_shows_what_was_sent(self) -> None:
        """
        As over HTTP/1.1, with the authority for the Host.
        """
        self.client.request(b"/a%2Fb?c=%20", b"GET", True, (b"x-y", b"1"), (b"x-y", b"2"))
        self.client.exchange()
        request = self.handler.requests[0]
        self.assertEqual((request.method, request.path, request.query), ("GET", "/a%2Fb", "c=%20"))
        self.assertEqual(request.header(b"host"), b"a")
        self.assertEqual(request.header(b"x-y"), b"1")
        self.assertEqual(request.header_values(b"x-y"), [b"1", b"2"])
        self.assertEqual(request.connection.protocol, "HTTP/2.0")
        self.assertTrue(request.body_complete)

    def test_requests_of_one_read_are_answered_in_one_write(self) -> None:
        """
        Many frames in, one write out.
        """
        for number in range(20):
            self.client.request(b"/%d" % number)
        before = self.client.transport.writes
        self.client.protocol.dataReceived(self.client.h2.data_to_send())
        self.assertEqual(self.client.transport.writes - before, 1)
        self.client.exchange()
        self.assertEqual(len(self.client.ended), 20)

    def test_answers_need_not_come_in_order(self) -> None:
        """
        A slow request holds up no other.
        """
        gate: Deferred[None] = Deferred()

        async def slow(request: Request) -> None:
            if request.path == "/slow":
                await gate
            await self.handler.path(request)

        self.handler.answer = slow
        first = self.client.get(b"/slow")
        second = self.client.get(b"/fast")
        self.assertEqual(self.client.ended, [second])
        gate.callback(None)
        self.client.exchange()
        self.assertEqual(self.client.ended, [second, first])

    def test_body(self) -> None:
        """
        In pieces, with the handler waiting.
        """
        self.handler.answer = self.handler.echo
        stream = self.client.request(b"/p", b"POST", False, (b"content-length", b"5"))
        self.client.exchange()
        self.client.h2.send_data(stream, b"he", pad_length=10)
        self.client.exchange()
        self.assertTrue(self.handler.requests[0].wants_body)
        self.client.h2.send_data(stream, b"llo", end_stream=True)
        self.client.exchange()
        self.assertEqual(self.client.bodies[stream], b"hello")

    def test_trailers_end_the_body(self) -> None:
        """
        And are dropped.
        """
        self.handler.answer = self.handler.echo
        stream = self.client.request(b"/p", b"POST", False)
        self.client.h2.send_data(stream, b"hello")
        self.client.h2.send_headers(stream, [(b"x-t", b"1")], end_stream=True)
        self.client.exchange()
        self.assertEqual(self.client.bodies[stream], b"hello")

    def test_large_body_is_granted_as_it_is_read(self) -> None:
        """
        A body of 3 MiB passes through windows that are smaller.
        """

        async def measure(request: Request) -> None:
            request.respond(200, [], b"%d" % len(await request.read_body()))

        self.handler.answer = measure
        stream = self.client.request(b"/p", b"POST", False)
        left = 3 * 1024 * 1024
        self.client.exchange()
        while left:
            size = min(left, 16384, self.client.h2.local_flow_control_window(stream))
            self.assertTrue(size)
            left -= size
            self.client.h2.send_data(stream, b"x" * size, end_stream=not left)
            self.client.exchange()
        self.assertEqual(self.client.bodies[stream], b"3145728")

    def test_body_that_nobody_reads_is_limited_by_the_window(self) -> None:
        """
        What the handler has not asked for does not grow beyond the window.
        """
        gate: Deferred[None] = Deferred()

        async def later(request: Request) -> None:
            await gate
            await self.handler.echo(request)

        self.handler.answer = later
        stream = self.client.request(b"/p", b"POST", False)
        self.client.exchange()
        sent = 0
        while size := min(16384, self.client.h2.local_flow_control_window(stream)):
            self.client.h2.send_data(stream, b"x" * size)
            sent += size
            self.client.exchange()
        self.assertEqual(sent, 256 * 1024)
        gate.callback(None)
        self.client.exchange()
        self.assertEqual(self.client.h2.local_flow_control_window(stream), 256 * 1024)

    def test_body_above_the_limit_is_heard_out_before_it_is_refused(self) -> None:
        """
        As over HTTP/1.1: the windows let all of it through, and nothing is reset.
        """
        self.handler.answer = self.handler.echo
        left = 5 << 20
        stream = self.client.request(b"/p", b"POST", False, (b"content-length", b"%d" % left))
        self.client.exchange()
        while left:
            self.assertEqual(self.client.headers, {})
            size = min(left, 16384, self.client.h2.local_flow_control_window(stream))
            self.assertTrue(size)
            left -= size
            self.client.h2.send_data(stream, b"x" * size, end_stream=not left)
            self.client.exchange()
        self.assertEqual(self.client.headers[stream][b":status"], b"413")
        self.edge.clock.pump([1.0] * 3)
        self.client.exchange()
        self.assertEqual((self.client.ended, self.client.reset), ([stream], {}))

    def test_body_far_above_the_limit_is_refused(self) -> None:
        """
        413 by the length alone, and the client may send on for a while.
        """
        self.handler.answer = self.handler.echo
        stream = self.client.request(b"/p", b"POST", False, (b"content-length", b"12000000"))
        self.client.exchange()
        self.assertEqual(self.client.headers[stream][b":status"], b"413")
        self.client.h2.send_data(stream, b"x" * 16384)
        self.client.exchange()
        self.assertEqual(self.client.reset, {})
        self.edge.clock.pump([1.0] * 3)
        self.client.exchange()
        self.assertEqual(self.client.reset, {stream: 0})

    def test_dribbling_body_is_cut_at_the_deadline(self) -> None:
        """
        408 after 60 seconds.
        """
        self.handler.answer = self.handler.echo
        stream = self.client.request(b"/p", b"POST", False)
        for _ in range(62):
            self.client.exchange()
            self.edge.clock.advance(1.0)
        self.client.exchange()
        self.assertEqual(self.client.headers[stream][b":status"], b"408")

    def test_head_has_no_body(self) -> None:
        """
        Contract 1.17.
        """
        stream = self.client.request(b"/x", b"HEAD")
        self.client.exchange()
        self.assertEqual(self.client.headers[stream][b"content-length"], b"2")
        self.assertNotIn(stream, self.client.bodies)
        self.assertEqual(self.client.ended, [stream])

    def test_stream_writes_leave_together(self) -> None:
        """
        Many watches on one connection: one write a turn.
        """
        self.handler.answer = self.handler.stream
        opened = [self.client.get(b"/w") for _ in range(5)]
        before = self.client.transport.writes
        for number in range(5):
            self.stream(number).write(b"one")
            self.stream(number).write(b"two")
        self.edge.clock.advance(0)
        self.assertEqual(self.client.transport.writes - before, 1)
        self.stream(0).finish()
        self.client.exchange()
        self.assertEqual([self.client.bodies[stream] for stream in opened], [b"onetwo"] * 5)
        self.assertEqual(self.client.ended, opened[:1])

    def test_slow_client_pauses_its_stream_only(self) -> None:
        """
        A full window of one stream leaves the others alone, and nothing is lost.
        """
        self.handler.answer = self.handler.stream
        self.client.acknowledge = False
        first, second = self.client.get(b"/1"), self.client.get(b"/2")
        drained: list[int] = []
        self.stream(0).on_drain(lambda: drained.append(1))
        self.client.h2.increment_flow_control_window(1000000)
        self.client.exchange()
        self.stream(0).write(b"x" * 70000)
        self.stream(1).write(b"y")
        self.client.exchange()
        self.assertEqual(len(self.client.bodies[first]), 65535)
        self.assertTrue(self.stream(0).paused)
        self.assertFalse(self.stream(1).paused)
        self.assertEqual(self.client.bodies[second], b"y")
        self.client.h2.increment_flow_control_window(10000, first)
        self.client.exchange()
        self.assertEqual(len(self.client.bodies[first]), 70000)
        self.assertEqual(drained, [1])

    def test_streams_share_a_small_window_fairly(self) -> None:
        """
        Two large answers advance frame by frame in turn.
        """

        async def large(request: Request) -> None:
            request.respond(200, [], b"x" * 200000)

        self.handler.answer = large
        self.client.acknowledge = False
        self.client.h2.update_settings({INITIAL_WINDOW_SIZE: 1000000})
        first, second = self.client.request(b"/1"), self.client.request(b"/2")
        self.client.exchange()
        got = [len(self.client.bodies.get(stream, b"")) for stream in (first, second)]
        self.assertEqual(sum(got), 65535)
        self.client.h2.increment_flow_control_window(100000)
        self.client.exchange()
        more = [len(self.client.bodies.get(stream, b"")) for stream in (first, second)]
        gained = [after - before for after, before in zip(more, got)]
        self.assertEqual(sum(gained), 100000)
        self.assertTrue(abs(gained[0] - gained[1]) <= 16384, gained)
        self.client.h2.increment_flow_control_window(1000000)
        self.client.exchange()
        self.assertEqual(sorted(self.client.ended), [first, second])

    def test_large_answer_waits_for_the_transport(self) -> None:
        """
        With open windows it is TCP that pauses a producer.
        """
        self.handler.answer = self.handler.stream
        self.client.h2.update_settings({INITIAL_WINDOW_SIZE: 2**30})
        self.client.h2.increment_flow_control_window(2**30)
        self.client.get(b"/l")
        events: list[str] = []

        class Producer:
            def pauseProducing(self) -> None:
                events.append("pause")

            def resumeProducing(self) -> None:
                events.append("resume")

            def stopProducing(self) -> None:
                events.append("stop")

        self.stream().register_producer(Producer())
        self.client.transport.room = 1000
        self.stream().write(b"x" * 100000)
        self.assertEqual(events, ["pause"])
        self.client.transport.make_room()
        self.assertEqual(events, ["pause", "resume"])
        disconnect(self.client.protocol)
        self.assertEqual(events, ["pause", "resume", "stop"])

    def test_pull_producer_is_asked_while_there_is_room(self) -> None:
        """
        And not once more.
        """
        self.handler.answer = self.handler.stream
        self.client.acknowledge = False
        opened = self.client.get(b"/l")
        stream = self.stream()

        class Puller:
            asked = 0

            def resumeProducing(self) -> None:
                self.asked += 1
                stream.write(b"x" * 10000)

            def stopProducing(self) -> None:
                pass

        puller = Puller()
        stream.register_producer(puller, streaming=False)
        self.client.exchange()
        self.assertEqual(puller.asked, 7)
        self.assertEqual(len(self.client.bodies[opened]), 65535)

    def test_reset_cancels_the_handler(self) -> None:
        """
        RST_STREAM is the client's cancellation.
        """
        happened: list[str] = []

        async def wait(request: Request) -> None:
            request.on_disconnect(lambda: happened.append("told"))
            try:
                await Deferred()
            except CancelledError:
                happened.append("cancelled")
                raise

        self.handler.answer = wait
        stream = self.client.get(b"/w")
        self.client.h2.reset_stream(stream, 8)
        self.client.exchange()
        self.assertEqual(happened, ["cancelled", "told"])

    def test_reset_in_the_same_read_never_starts_the_handler(self) -> None:
        """
        The cheapest way to bear a rapid reset.
        """
        stream = self.client.request(b"/w")
        self.client.h2.reset_stream(stream, 8)
        self.client.exchange()
        self.assertEqual(self.handler.requests, [])

    def test_lost_connection_ends_all_streams(self) -> None:
        """
        Watches are told through their stream.
        """
        self.handler.answer = self.handler.stream
        self.client.get(b"/1")
        closed: list[int] = []
        self.stream().on_close(lambda: closed.append(1))
        disconnect(self.client.protocol)
        self.assertEqual(closed, [1])
        self.stream().write(b"late")

    def test_failing_handler_answers_500(self) -> None:
        """
        The log says why, the answer does not.
        """

        async def fail(request: Request) -> None:
            raise ZeroDivisionError("secret")

        self.handler.answer = fail
        stream = self.client.get(b"/f")
        self.assertEqual(self.client.headers[stream][b":status"], b"500")
        self.assertNotIn(b"secret", self.client.bodies[stream])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_handler_that_does_not_answer_is_answered_for(self) -> None:
        """
        No client waits for ever.
        """
        self.handler.answer = self.handler.nothing
        stream = self.client.get(b"/n")
        self.assertEqual(self.client.headers[stream][b":status"], b"500")

    def test_broken_off_stream_is_reset(self) -> None:
        """
        The client sees that the body is not complete.
        """

        async def fail(request: Request) -> None:
            request.start_stream(200, []).write(b"half")
            raise ZeroDivisionError

        self.handler.answer = fail
        stream = self.client.get(b"/f")
        self.assertEqual(self.client.reset, {stream: 2})
        self.flushLoggedErrors(ZeroDivisionError)

    def test_long_header_list_is_answered(self) -> None:
        """
        431, and the connection goes on.
        """
        edge = Edge(Limits(header_bytes=5000))
        client = Client(edge)
        fields = [(b"x-%d" % number, b"v" * 100) for number in range(60)]
        client.h2.remote_settings.max_header_list_size = 10**9
        stream = client.request(b"/x", b"GET", True, *fields)
        client.exchange()
        self.assertEqual(client.headers[stream][b":status"], b"431")
        self.assertEqual(edge.handler.requests, [])
        again = client.get(b"/x")
        self.assertEqual(client.headers[again][b":status"], b"200")

    def test_many_groups_pass(self) -> None:
        """
        Long header blocks come in CONTINUATION frames.
        """
        groups = [(b"x-remote-group", b"team-%d" % number) for number in range(2000)]
        stream = self.client.request(b"/x", b"GET", True, *groups)
        self.client.exchange()
        self.assertEqual(self.client.headers[stream][b":status"], b"200")
        self.assertEqual(len(self.handler.requests[0].header_values(b"x-remote-group")), 2000)

    def test_long_response_header_is_continued(self) -> None:
        """
        Many warnings fill more than a frame.
        """

        async def warn(request: Request) -> None:
            request.respond(200, [(b"warning", b"w" * 4000)] * 6, b"")

        self.handler.answer = warn
        stream = self.client.request(b"/x")
        self.client.exchange()
        self.assertEqual(self.client.headers[stream][b":status"], b"200")
        self.assertEqual(self.client.ended, [stream])

    def test_ping_is_answered(self) -> None:
        """
        With its own payload.
        """
        self.client.protocol.dataReceived(frame(6, 0, 0, b"abcdefgh"))
        self.assertEqual(self.client.transport.take(), frame(6, 1, 0, b"abcdefgh"))

    def test_idle_connection_is_left_politely(self) -> None:
        """
        GOAWAY, then close.
        """
        self.client.get()
        self.edge.clock.pump([1.0] * 182)
        self.assertTrue(self.client.transport.closed)
        self.client.exchange()
        self.assertEqual(self.client.goaway, [(0, 1)])

    def test_connection_of_nobody_takes_no_more_streams(self) -> None:
        """
        What was asked is answered; what comes after is for another connection.
        """
        waiting: list[Deferred[None]] = []

        async def answer(request: Request) -> None:
            request.connection.is_last = True
            waiting.append(Deferred())
            await waiting[-1]
            request.respond(200, [], b"")

        self.handler.answer = answer
        raw = Raw(self.edge)
        raw.send(raw.head(FIELDS, 1) + raw.head(FIELDS, 3))
        self.assertEqual([data for kind, _, _, data in raw.frames() if kind == GOAWAY], [pack("!LL", 3, 0)])
        raw.send(raw.head(FIELDS, 5, end=False) + frame(DATA, END_STREAM, 5, b"late"))
        self.assertEqual([(kind, stream) for kind, _, stream, _ in raw.frames()], [(RST_STREAM, 5)])
        self.edge.clock.pump([1.0] * 3)
        self.assertFalse(raw.transport.closed)
        for one in waiting:
            one.callback(None)
        self.edge.clock.pump([1.0] * 2)
        self.assertEqual([stream for kind, _, stream, _ in raw.frames() if kind == HEADERS], [1, 3])
        self.assertTrue(raw.transport.closed)


class FlowControlTests(SynchronousTestCase):
    """
    Windows at the level of frames.
    """

    def test_data_follows_the_acknowledgement_that_allows_it(self) -> None:
        """
        Also with a window of one byte, and across a negative window.
        """
        raw = Raw(Edge())
        raw.send(settings({INITIAL_WINDOW_SIZE: 0}) + raw.head(FIELDS))
        self.assertEqual([kind for kind, *_ in raw.frames()], [4, HEADERS])
        raw.send(settings({INITIAL_WINDOW_SIZE: 1}))
        self.assertEqual([(kind, data) for kind, _, _, data in raw.frames()], [(4, b""), (DATA, b"/")])
        raw.send(settings({INITIAL_WINDOW_SIZE: 0}))
        raw.send(window_update(1, 1))
        self.assertNotIn(DATA, [kind for kind, *_ in raw.frames()])
        raw.send(window_update(1, 1))
        self.assertEqual(raw.frames(), [(DATA, END_STREAM, 1, b"x")])

    def test_more_than_the_stream_window_is_an_error(self) -> None:
        """
        FLOW_CONTROL_ERROR on the stream.
        """
        edge = Edge()
        edge.handler.answer = _forever
        raw = Raw(edge)
        raw.send(raw.head(FIELDS, end=False))
        for _ in range(17):
            raw.send(frame(DATA, 0, 1, b"x" * 16384))
        self.assertEqual(raw.codes(3), [(1, 3)])

    def test_more_than_the_connection_window_is_an_error(self) -> None:
        """
        FLOW_CONTROL_ERROR, and GOAWAY.
        """
        edge = Edge(Limits(connection_window=100000, stream_window=100000))
        edge.handler.answer = _forever
        raw = Raw(edge)
        for stream in (1, 3):
            raw.send(raw.head(FIELDS, stream, end=False))
            for _ in range(4):
                raw.send(frame(DATA, 0, stream, b"x" * 16000))
        self.assertEqual(raw.codes(7), [(0, 3)])

    def test_dropped_data_gives_the_connection_window_back(self) -> None:
        """
        Bodies of requests that were answered or reset must not choke the others.
        """
        edge = Edge()
        client = Client(edge)
        for _ in range(20):
            stream = client.request(b"/x", b"POST", False)
            client.exchange()
            for _ in range(15):
                client.h2.send_data(stream, b"x" * 16384)
                client.exchange()
            client.h2.end_stream(stream)
            client.exchange()
        self.assertEqual(client.goaway, [])
        self.assertEqual(len(client.ended), 20)


async def _forever(request: Request) -> None:
    await Deferred()
