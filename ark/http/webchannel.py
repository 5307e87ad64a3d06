"""
What a request of L{twisted.web} takes for the connection that it writes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from ark.http.request import Request
from ark.http.streaming import Stream
from ark.meta.status import bad_request

# How a response is framed, and that it is ours, is said by the protocol.
_PROTOCOL_FIELDS = frozenset(
    (
        b"connection",
        b"content-length",
        b"date",
        b"keep-alive",
        b"proxy-connection",
        b"server",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)


class ResponseChannel:
    """
    Carries what a resource writes over to a request of ours.

    A response that is finished in the turn of the reactor in which it began is sent as a
    whole; any other becomes a stream at the end of that turn.

    @ivar site: finds the resource of a request; Twisted asks its channel for it.
    @ivar lost: told with a L{Failure} when the response cannot be completed.
    @ivar answered: fires when the response is complete, and fails with what kept it from
        being that.  Cancel it when nobody waits for the response any more.
    """

    # Twisted reads it off every channel; its own HTTP/2 streams have none either.
    transport = None

    def __init__(self, request: Request, site: Any, reactor: Any) -> None:
        """
        @param reactor: C{IReactorTime}.
        """
        self.site = site
        self.lost: Callable[[Failure], None] = _ignore
        self.answered: Deferred[None] = Deferred(self._cancelled)
        self._request = request
        self._reactor = reactor
        self._over = False
        self._reason: Failure | None = None
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._length: bytes | None = None
        self._written: list[bytes] = []
        self._stream: Stream | None = None
        self._producer: GuardedProducer | None = None
        self._pulls = False
        self._turn: Any = None

    # Who talks to whom

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        The client.
        """
        connection = self._request.connection
        return _address(connection.client_address, connection.client_port)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        The address that the client connected to.
        """
        return _address(*self._request.connection.server_address)

    def isSecure(self) -> bool:
        """
        Whether the connection is TLS.
        """
        return self._request.connection.secure

    # What the request of Twisted does with its channel

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        """
        Take the head of the response.
        """
        fields = [(name.lower(), value) for name, values in headers.getAllRawHeaders() for value in values]
        self._length = next((value for name, value in fields if name == b"content-length"), None)
        fields = [field for field in fields if field[0] not in _PROTOCOL_FIELDS]
        fields.append((b"audit-id", self._request.audit_id.encode()))
        fields.extend(self._request.flow_headers)
        if not headers.hasHeader(b"cache-control"):
            fields.append((b"cache-control", b"no-cache, private"))
        self._head = int(code), fields
        self._go_on_later()

    def write(self, data: bytes) -> None:
        """
        Take a piece of the body.

        @raise TypeError: it is not bytes.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a body is made of bytes, not of {type(data).__name__}")
        if self._stream is not None:
            self._stream.write(bytes(data))
        elif not self._over:
            self._written.append(bytes(data))

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """
        Take several pieces of the body.
        """
        for piece in pieces:
            self.write(piece)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Let C{producer} be paused and resumed, or asked, as the client keeps up.
        """
        guarded = GuardedProducer(producer, self)
        if self._over:
            guarded.stopProducing()
        elif self._stream is not None:
            self._stream.register_producer(guarded, bool(streaming))
        else:
            self._producer, self._pulls = guarded, not streaming
            self._go_on_later()

    def unregisterProducer(self) -> None:
        """
        The producer has no more to write.
        """
        self._producer = None
        if self._stream is not None:
            self._stream.unregister_producer()

    def requestDone(self, _request: Any) -> None:
        """
        The response is complete.
        """
        if self._over:
            return
        self._end()
        reason = self._reason
        if reason is None:
            try:
                self._complete()
            except Exception:
                reason = _failure()
        if reason is None:
            self.answered.callback(None)
        else:
            self.answered.errback(reason)

    def loseConnection(self) -> None:
        """
        The resource gives the response up.
        """
        self.fail(_failure(ConnectionAborted()))

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Called when a form of several parts cannot be read.
        reason = bad_request("the form in the body of the request cannot be read")
        self.fail(_failure(reason))

    # How a response fails

    def refuse(self, reason: Failure) -> None:
        """
        Let nothing more reach the client: L{answered} fails when the request is done.
        """
        self._reason = reason

    def fail(self, reason: Failure) -> None:
        """
        Give the response up at once.
        """
        if self._over:
            return
        self._end()
        self.lost(reason)
        self.answered.errback(reason)

    def _cancelled(self, _answered: object) -> None:
        self._end()
        self.lost(_failure(ConnectionLost()))

    # How it goes on

    def _end(self) -> None:
        self._over = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _go_on_later(self) -> None:
        if self._turn is None and self._stream is None and not self._over:
            self._turn = self._reactor.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._turn = None
        try:
            if self._head is not None:
                self._begin_stream()
            elif self._producer is not None and self._pulls:
                # It says what the head is when it first writes.
                self._producer.resumeProducing()
                self._go_on_later()
        except Exception:
            self.fail(_failure())

    def _begin_stream(self) -> None:
        self._stream = stream = self._start()
        if self._written:
            stream.write(b"".join(self._written))
            self._written.clear()
        if self._producer is not None:
            stream.register_producer(self._producer, not self._pulls)

    def _start(self) -> Stream:
        if self._head is None:
            raise RuntimeError("a response without a head")
        code, fields = self._head
        length = self._length
        if self._silent and length is not None and length.isdigit():
            fields.append((b"content-length", length))
        return self._request.start_stream(code, fields)

    def _complete(self) -> None:
        if self._stream is not None:
            self._stream.finish()
        elif self._silent:
            if self._length is None and self._written:
                self._length = b"%d" % sum(map(len, self._written))
            self._start().finish()
        elif self._head is not None:
            self._request.respond(*self._head, b"".join(self._written))

    @property
    def _silent(self) -> bool:
        return self._request.method == "HEAD"


@implementer(IPushProducer)
class GuardedProducer:
    """
    A producer whose failures end its own response only, and not the connection, which
    may carry others.
    """

    def __init__(self, producer: Any, channel: ResponseChannel) -> None:
        self._producer = producer
        self._channel = channel

    def pauseProducing(self) -> None:
        """
        The client does not keep up.
        """
        self._guard(self._producer.pauseProducing)

    def resumeProducing(self) -> None:
        """
        There is room.
        """
        self._guard(self._producer.resumeProducing)

    def stopProducing(self) -> None:
        """
        Nothing that it writes will be read any more.
        """
        self._guard(self._producer.stopProducing)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            self._channel.unregisterProducer()
            self._channel.fail(_failure())


def _ignore(_reason: Failure) -> None:
    """
    Nobody is to be told yet.
    """


def _failure(error: Exception | None = None) -> Failure:
    """
    Why something failed; without C{error} the exception that is being handled.
    """
    return Failure(error)  # type: ignore[no-untyped-call]  # Twisted's, without types


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)
