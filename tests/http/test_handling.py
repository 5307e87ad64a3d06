"""
L{ark.http.handling}
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from ark.http.handling import handle
from ark.http.request import ClientConnection, HeaderList, Request
from ark.http.streaming import Stream
from ark.meta.status import bad_request, too_many_requests


class _Exchange:
    """
    Remembers the response.
    """

    def __init__(self) -> None:
        self.code = 0
        self.headers: HeaderList = ()
        self.body = b""
        self.was_reset = False

    def respond(self, request: Request, code: int, headers: HeaderList, body: bytes) -> None:
        """The response."""
        self.code, self.headers, self.body = code, headers, body

    def start_stream(self, request: Request, code: int, headers: HeaderList) -> Stream:
        """Its beginning."""
        return Stream()

    def want_body(self, request: Request) -> None:
        """Nothing to do."""

    def reset(self, request: Request) -> None:
        """Remember it."""
        self.was_reset = True


class HandleTests(SynchronousTestCase):
    """
    How a coroutine becomes an answer.
    """

    def setUp(self) -> None:
        self.exchange = _Exchange()
        self.request = Request(self.exchange, ClientConnection(), ("GET", "/", ""), [], {})

    def test_handler_that_does_not_wait(self) -> None:
        """
        Is done when C{handle} returns, also across Deferreds that have fired.
        """

        async def dispatch(request: Request) -> None:
            self.assertEqual(await succeed(1), 1)
            try:
                await fail(ZeroDivisionError())
            except ZeroDivisionError:
                request.respond(200, [], b"done")

        handle(self.request, dispatch)
        self.assertEqual(self.exchange.body, b"done")

    def test_handler_that_waits_many_times(self) -> None:
        """
        For results and for failures.
        """
        gates: list[Deferred[Any]] = [Deferred() for _ in range(3)]

        async def dispatch(request: Request) -> None:
            first = await gates[0]
            try:
                await gates[1]
            except ZeroDivisionError:
                request.respond(200, [], first + await gates[2])

        handle(self.request, dispatch)
        gates[0].callback(b"a")
        gates[1].errback(ZeroDivisionError())
        self.assertEqual(self.exchange.code, 0)
        gates[2].callback(b"b")
        self.assertEqual(self.exchange.body, b"ab")

    def test_status_is_the_answer(self) -> None:
        """
        Raised at once or after waiting, with Retry-After where it has one.
        """

        async def dispatch(request: Request) -> None:
            await gate
            raise too_many_requests("later", 7)

        for gate in (succeed(None), Deferred()):
            handle(self.request, dispatch)
            if not gate.called:
                gate.callback(None)
            self.assertEqual(self.exchange.code, 429)
            self.assertIn((b"retry-after", b"7"), self.exchange.headers)
            self.setUp()

    def test_status_behind_the_answer_breaks_it_off(self) -> None:
        """
        It cannot be told any more.
        """

        async def dispatch(request: Request) -> None:
            request.respond(200, [], b"")
            raise bad_request("late")

        handle(self.request, dispatch)
        self.assertTrue(self.exchange.was_reset)

    def test_cancelled_handler_may_still_answer(self) -> None:
        """
        A deadline cancels it, and it says so itself (contract 1.14).
        """

        async def dispatch(request: Request) -> None:
            try:
                await Deferred()
            except CancelledError:
                request.respond(504, [], b"")

        handle(self.request, dispatch)
        self.request.cancel_handling()
        self.assertEqual(self.exchange.code, 504)

    def test_gone_client_gets_nothing(self) -> None:
        """
        Responses, streams and bodies do no harm then.
        """
        seen: list[object] = []

        async def dispatch(request: Request) -> None:
            try:
                await Deferred()
            except CancelledError:
                request.respond(200, [], b"")
                seen.append(request.code)

        handle(self.request, dispatch)
        self.request.disconnected()
        self.request.disconnected()
        self.assertEqual(seen, [200])
        self.assertEqual(self.exchange.code, 0)

    def test_stream_of_a_gone_client_is_closed(self) -> None:
        """
        And its producer is stopped at once.
        """
        self.request.disconnected()
        stream = self.request.start_stream(200, [])
        stopped: list[int] = []

        class Producer:
            def stopProducing(self) -> None:
                stopped.append(1)

        stream.register_producer(Producer())
        stream.on_close(lambda: stopped.append(2))
        self.request.on_disconnect(lambda: stopped.append(3))
        self.assertTrue(stream.closed)
        self.assertEqual(stopped, [1, 2, 3])

    def test_second_answer_is_refused(self) -> None:
        """
        It is a mistake of the handler.
        """
        self.request.respond(200, [], b"")
        self.assertRaises(RuntimeError, self.request.respond, 200, [], b"")
        self.assertRaises(RuntimeError, self.request.start_stream, 200, [])

    def test_context_variables_stay_with_the_request(self) -> None:
        """
        As with C{Deferred.fromCoroutine}: set before waiting, seen after, and nowhere else.
        """
        variable: ContextVar[int] = ContextVar("variable", default=0)
        gate: Deferred[None] = Deferred()

        async def dispatch(request: Request) -> None:
            variable.set(1)
            await gate
            request.respond(200, [], b"%d" % variable.get())

        handle(self.request, dispatch)
        self.assertEqual(variable.get(), 0)
        gate.callback(None)
        self.assertEqual(self.exchange.body, b"1")

    def test_body_may_be_read_twice(self) -> None:
        """
        By the handler and by whoever audits.
        """
        self.request.body_received(b"a")
        self.request.body_received(b"b")
        self.request.body_received(b"c")
        self.request.body_finished()

        async def dispatch(request: Request) -> None:
            self.assertEqual(await request.read_body(), b"abc")
            request.respond(200, [], await request.read_body())

        handle(self.request, dispatch)
        self.assertEqual(self.exchange.body, b"abc")

    def test_state_belongs_to_one_request(self) -> None:
        """
        Made when first asked for.
        """
        other = Request(self.exchange, ClientConnection(), ("GET", "/", ""), [], {})
        self.request.state["a"] = 1
        self.assertEqual((self.request.state, other.state), ({"a": 1}, {}))
