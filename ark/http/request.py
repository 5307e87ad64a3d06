"""
The one request object that both protocols make and every handler gets.

Its attributes are set by the protocol before the handler starts.  The body may still be
on its way then: who asks is judged from the header, before a byte of the body is read.
A Klein endpoint gets the same object: none needs more of an C{IRequest} than this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ark.admission.waits import Waits
from ark.http.streaming import Stream
from ark.http.websocket import handshake, is_wanted
from ark.meta.status import APIStatus, bad_request, too_large

HeaderList = Sequence[tuple[bytes, bytes]]

# So much beyond the limit is heard before a body is refused: of an answer that comes earlier, a proxy tells a
# client that is still sending by ending its connection, and the client may never read it.
_HEARD_OUT = 8 * 1024 * 1024


class ClientConnection:
    """
    What is known of the other end, shared by all requests of one connection.

    @ivar client_address: the client's IP address; empty for other transports.
    @ivar client_port: its port.
    @ivar server_address: address and port that the client connected to.
    @ivar secure: whether it is TLS.
    @ivar protocol: C{HTTP/1.1} or C{HTTP/2.0}.
    @ivar peer_certificate_der: the client's certificate, only when it was verified
        against the configured authorities.
    @ivar peer_chain_der: the verified chain, the client's certificate first and the
        authority that vouches for it last.
    @ivar state: for layers above, such as an identity that holds for the connection.
    @ivar is_last: set by layers above when the client is to make another connection for what it asks next,
        where it could ask for much at once (HTTP/2).
    """

    __slots__ = (
        "client_address",
        "client_port",
        "is_last",
        "peer_certificate_der",
        "peer_chain_der",
        "protocol",
        "secure",
        "server_address",
        "state",
    )

    def __init__(self, client_address: str = "", client_port: int = 0) -> None:
        self.client_address = client_address
        self.client_port = client_port
        self.server_address: tuple[str, int] = ("", 0)
        self.secure = False
        self.protocol = "HTTP/1.1"
        self.peer_certificate_der: bytes | None = None
        self.peer_chain_der: tuple[bytes, ...] = ()
        self.state: dict[str, Any] = {}
        self.is_last = False


class Exchange(Protocol):
    """
    The half of a request that knows its protocol.
    """

    def respond(self, request: Request, code: int, headers: HeaderList, body: bytes) -> None:
        """Send a whole response."""

    def start_stream(self, request: Request, code: int, headers: HeaderList) -> Stream:
        """
        Send the header of a response and return where its body goes; after 101 that is a WebSocket.
        """

    def want_body(self, request: Request) -> None:
        """Let the client send the rest of the body."""

    def reset(self, request: Request) -> None:
        """Break off the response."""


class Cancellable(Protocol):
    """
    A handler that waits.
    """

    def cancel(self) -> None:
        """Raise C{CancelledError} in it."""


class Request:
    """
    One request.

    @ivar method: as sent, in upper case for every method of Kubernetes.
    @ivar path: the path as sent, percent-encoding included; ASCII, begins with C{/}.
    @ivar query: what follows the C{?}, as sent.
    @ivar headers: by name; of a repeated field the first value.
    @ivar received_at: the reactor's clock when the header was complete.
    @ivar user: who asks, once authentication has said so.
    @ivar info: what is asked, once the path has been understood.
    @ivar route: where requests go that ask for the same of another object, if that is known.
    @ivar warnings: told to the client in C{Warning} header fields.
    @ivar audit: what is told of the request to the audit log; L{None} where nothing is.
    @ivar annotations: what the audit log is told of the request beside that.
    @ivar request_annotations: what it is told only where it is told of the body too.
    @ivar waits: knows how long webhooks of admission took, if the request may have met some.
    @ivar flow_headers: what tells the client to which flow the request belongs.
    @ivar begun: to be called when a watch has nothing more to send than what changes from then on.
    @ivar audit_id: names this request in the audit log and the C{Audit-Id} header.
    @ivar code: the status code of the response, C{0} before there is one.
    @ivar sent: the size of the body of the response; C{0} for one that is written piece by piece.
    @ivar gone: whether the client went away or reset the stream.
    @ivar expected: the length of the body where the client said it.
    @ivar body_kept: how much of the body has come, and is kept up to the limit.
    @ivar wants_body: whether the handler waits for the body now.
    """

    user: Any = None
    info: Any = None
    route: Any = None
    received_at: float = 0.0
    audit_id: str = ""
    flow_headers: HeaderList = ()
    begun: Callable[[], None] | None = None
    audit: Any = None
    warnings: Sequence[str] = ()
    annotations: Mapping[str, str] = MappingProxyType({})
    request_annotations: Mapping[str, str] = MappingProxyType({})
    waits: Waits | None = None
    code: int = 0
    sent: int = 0
    gone: bool = False
    expected: int | None = None
    body_limit: int = 3 * 1024 * 1024
    body_complete: bool = False
    body_kept: int = 0
    wants_body: bool = False
    _whole: bytes | bytearray = b""
    _waiter: Deferred[None] | None = None
    _refusal: APIStatus | None = None
    _handling: Cancellable | None = None
    _stream: Stream | None = None
    _on_disconnect: list[Callable[[], None]] | None = None
    _state: dict[str, Any] | None = None

    def __init__(
        self,
        exchange: Exchange,
        connection: ClientConnection,
        line: tuple[str, str, str],
        raw_headers: Iterable[tuple[bytes, bytes]],
        headers: dict[bytes, bytes],
    ) -> None:
        """
        @param line: method, path and query.
        @param raw_headers: gone through when somebody asks for them, once.
        """
        self._exchange = exchange
        self.connection = connection
        self.method, self.path, self.query = line
        self._raw_headers = raw_headers
        self.headers = headers

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} from {self.client_address}>"

    @property
    def client_address(self) -> str:
        """
        The IP address of the other end of the connection.
        """
        return self.connection.client_address

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """
        All header fields in order, names in lower case.
        """
        raw = self._raw_headers
        if not isinstance(raw, list):
            raw = self._raw_headers = list(raw)
        return raw

    @raw_headers.setter
    def raw_headers(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw_headers = raw

    @property
    def state(self) -> dict[str, Any]:
        """
        A place for what upper layers want to remember with the request.
        """
        if self._state is None:
            self._state = {}
        return self._state

    def header(self, name: bytes) -> bytes | None:
        """
        The first value of a header field.

        @param name: in lower case.
        """
        return self.headers.get(name)

    def header_values(self, name: bytes) -> list[bytes]:
        """
        All values of a header field in the order sent.

        @param name: in lower case.
        """
        if name not in self.headers:
            return []
        return [value for field, value in self.raw_headers if field == name]

    @property
    def body(self) -> bytes:
        """
        What has come of the body.
        """
        return bytes(self._whole)

    async def read_body(self) -> bytes:
        """
        The whole body.  Does not wait when it has arrived, and may be called again.

        A body above the limit is read to its end and dropped, unless it is far above, or the
        client waits to be told to send it (RFC 9110, 10.1.1).

        @raise APIStatus: 413 above the limit (contract 1.13), 408 when it does not
            arrive in time, 400 when it breaks off or its framing is wrong.
        """
        if not self.body_complete and self._refusal is None:
            expected = self.expected or 0
            if expected > self.body_limit and (
                expected > self.body_limit + _HEARD_OUT or b"expect" in self.headers
            ):
                self._refusal = too_large(self.body_limit)
            else:
                await self._wait_for_body()
        if self._refusal is not None:
            raise self._refusal
        whole = self._whole
        if isinstance(whole, bytearray):
            whole = self._whole = bytes(whole)
        return whole

    async def _wait_for_body(self) -> None:
        self._waiter = Deferred()
        self.wants_body = True
        try:
            self._exchange.want_body(self)
            await self._waiter
        finally:
            self._waiter = None
            self.wants_body = False

    def respond(self, code: int, headers: HeaderList, body: bytes) -> None:
        """
        Answer at once with a whole body; nothing is sent of it when the method is C{HEAD}.

        The protocol adds C{Date} and C{Content-Length}.  Does nothing when the client
        has gone.

        @param headers: names in lower case; values without line ends.
        @raise ValueError: a value cannot be sent.
        @raise RuntimeError: there was a response already.
        """
        if self.code:
            raise RuntimeError(f"{self!r} was answered already")
        if not self.gone:
            self._exchange.respond(self, code, headers, body)
            self.sent = len(body)
        self.code = code

    def start_stream(self, code: int, headers: HeaderList) -> Stream:
        """
        Begin a response whose body is written piece by piece.

        @param headers: as in L{respond}.
        @return: the body's stream, closed already when the client has gone.
        @raise RuntimeError: there was a response already.
        """
        if self.code:
            raise RuntimeError(f"{self!r} was answered already")
        if self.gone:
            self._stream = Stream()
            self._stream.closed = True
        else:
            self._stream = self._exchange.start_stream(self, code, headers)
        self.code = code
        return self._stream

    @property
    def wants_websocket(self) -> bool:
        """
        Whether the client asks to go on with a WebSocket; the handler need not mind.
        """
        return b"upgrade" in self.headers and is_wanted(self.headers)

    def start_websocket(self) -> Stream:
        """
        As L{start_stream}, with a message for each line of the body.

        @raise APIStatus: 400 or 403, when it cannot be had.
        """
        return self.start_stream(101, handshake(self.headers))

    def cancel_handling(self) -> None:
        """
        Raise C{CancelledError} in the handler where it waits, so that it can still answer.
        """
        if self._handling is not None:
            self._handling.cancel()

    def break_off(self) -> None:
        """
        End a response that has begun so that the client sees that it is not complete.
        """
        if self._stream is not None:
            self._stream.abort()
        elif not self.gone:
            self._exchange.reset(self)

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """
        Call C{callback} once when the client goes away before the response is complete.

        The handler needs it only for what outlives its coroutine; the coroutine itself
        is cancelled.
        """
        if self.gone:
            callback()
        elif self._on_disconnect is None:
            self._on_disconnect = [callback]
        else:
            self._on_disconnect.append(callback)

    # What follows is called by the protocol.

    def body_received(self, data: bytes) -> None:
        """
        Take a piece of the body.
        """
        kept = self.body_kept = self.body_kept + len(data)
        if kept > self.body_limit:
            self._whole = b""
            if kept > self.body_limit + _HEARD_OUT:
                self.body_failed(too_large(self.body_limit))
        elif not self._whole:
            self._whole = data
        elif self._refusal is None:
            # Many small pieces would cost more as objects than as bytes.
            if not isinstance(self._whole, bytearray):
                self._whole = bytearray(self._whole)
            self._whole += data

    def body_finished(self) -> None:
        """
        The body is complete.
        """
        self.body_complete = True
        if self.body_kept > self.body_limit:
            self.body_failed(too_large(self.body_limit))
        elif self._waiter is not None:
            self._waiter.callback(None)

    def body_failed(self, refusal: APIStatus) -> None:
        """
        The body will not be complete: L{read_body} raises C{refusal}, or 413 if it is too large anyway.
        """
        if self._refusal is None:
            excessive = max(self.expected or 0, self.body_kept) > self.body_limit
            self._refusal = too_large(self.body_limit) if excessive else refusal
            if self._waiter is not None:
                self._waiter.callback(None)

    def handling_started(self, handling: Cancellable | None) -> None:
        """
        The handler waits for something, or L{None}: it has returned.
        """
        self._handling = handling

    def disconnected(self) -> None:
        """
        The client does not want the response any more: stop all work for it.
        """
        if self.gone:
            return
        self.gone = True
        if not self.body_complete and self._refusal is None:
            self._refusal = bad_request("the body of the request is not complete")
        if self._stream is not None:
            self._stream.connection_lost()
        if self._handling is not None:
            self._handling.cancel()
        callbacks, self._on_disconnect = self._on_disconnect, None
        for callback in callbacks or ():
            callback()
