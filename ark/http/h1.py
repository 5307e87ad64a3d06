"""
The server side of HTTP/1.1 (RFC 9112).

Requests that are pipelined are answered one after another, in order.  Whatever cannot be
framed for certain is refused and ends the connection.  C{Upgrade} is accepted of watches alone,
and only to WebSocket.
"""

from __future__ import annotations

from http.client import responses

from ark.http.connection import HTTPConnection, Surroundings
from ark.http.fields import DateField, FieldCache
from ark.http.h1body import BrokenBody, ChunkedBody, FixedBody
from ark.http.h1head import CHUNKED, Head, HeadBuffer, parse_head
from ark.http.handling import handle
from ark.http.refusal import Refused, status_response, too_slow
from ark.http.request import ClientConnection, HeaderList, Request
from ark.http.streaming import Stream
from ark.http.websocket import WebSocket
from ark.meta.status import APIStatus

# So much of what follows the running request, or of a body that nobody asked for, is kept.
_READ_AHEAD = 65536
# So long a client is heard out that still sends when its answer has gone.
_LINGER = 2.0

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {
    code: b"HTTP/1.1 %d %s\r\n" % (code, phrase.encode("ascii")) for code, phrase in responses.items()
}


class _Fields(FieldCache):
    def encode_name(self, name: bytes) -> bytes:
        return name.title() + b": "

    def encode(self, name: bytes, value: bytes) -> bytes:
        return self.names[name] + value + b"\r\n"


_fields = _Fields()
_date = DateField(_fields)


class HTTP1Connection(HTTPConnection):
    """
    One connection; it carries out one request at a time.
    """

    def __init__(self, site: Surroundings, client: ClientConnection) -> None:
        super().__init__(site, client)
        client.protocol = "HTTP/1.1"
        self._buffer = b""
        self._partial = HeadBuffer(site.limits.header_bytes)
        self._request: Request | None = None
        self._head: Head | None = None
        self._body: FixedBody | ChunkedBody | BrokenBody | None = None
        self._stream: Stream | None = None
        self._websocket: WebSocket | None = None
        self._head_since: float | None = None
        self._discarding: float | None = None
        self._pending: memoryview | None = None
        self._advancing = False
        self._reading = True
        self._told = False

    # Input

    def received(self, data: bytes) -> None:
        if self._discarding is not None:
            return
        if self._websocket is not None:
            self._websocket.received(data)
            return
        self._buffer = self._buffer + data if self._buffer else data
        self._advance()

    def _advance(self) -> None:
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._step():
                pass
        except Refused as refused:
            self._refuse(refused.status)
        finally:
            self._advancing = False
        self._regulate()

    def _step(self) -> bool:
        """
        @return: whether there may be more to do with what is in the buffer.
        """
        if self.closing or self._discarding is not None:
            return False
        if self._body is not None:
            return self._feed_body()
        if self._request is not None:
            return False
        if not self._buffer:
            return False
        return self._read_head()

    def _read_head(self) -> bool:
        now = self.site.seconds()
        data, self._buffer = self._buffer, b""
        found = self._partial.feed(data)
        if found is None:
            if self._head_since is None:
                self._head_since = now
            return False
        head = parse_head(found[0], self.site.limits.header_fields)
        self._buffer = found[1]
        self._head_since = None
        self._head = head
        request = Request(self, self.client, head.line, head.raw_headers, head.headers)
        request.received_at = now
        request.body_limit = self.site.limits.body_bytes
        self._request = request
        self._begin_body(request, head.length)
        handle(request, self.site.dispatch)
        return True

    def _begin_body(self, request: Request, length: int) -> None:
        if length == 0:
            request.expected = 0
            request.body_finished()
            return
        if length == CHUNKED:
            self._body = ChunkedBody()
        else:
            request.expected = length
            self._body = FixedBody(length)
        if self._buffer:
            try:
                self._feed_body()
            except Refused as refused:
                # The handler is told, so that whoever asks is still judged first.
                self._body_broken(request, refused.status)

    def _feed_body(self) -> bool:
        request, body = self._request, self._body
        if request is None or body is None or not self._buffer:
            return False
        piece, self._buffer, complete = body.feed(self._buffer)
        if piece:
            request.body_received(piece)
        if complete:
            self._body = None
            request.body_finished()
        return complete

    def _body_broken(self, request: Request, status: APIStatus) -> None:
        self._buffer = b""
        self._body = BrokenBody()
        request.body_failed(status)

    def want_body(self, request: Request) -> None:
        """
        The handler waits for the body.
        """
        if self._head is not None and self._head.expects and request is self._request:
            self._head = self._head._replace(expects=False)
            self.write(_CONTINUE)
        self._regulate()

    def _regulate(self) -> None:
        """
        Stop reading when more has come than is wanted now.
        """
        if self.closing:
            return
        request = self._request
        ahead = len(self._buffer)
        if self._body is not None and request is not None and not request.wants_body:
            ahead += request.body_kept
        wanted = self._discarding is not None or request is None or ahead <= _READ_AHEAD
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # Output

    def respond(self, request: Request, code: int, headers: HeaderList, body: bytes) -> None:
        """
        Send a whole response.
        """
        bare = code in (204, 304)
        head = self._response_head(request, code, headers, None if bare else len(body))
        if bare or not body or request.method == "HEAD":
            self.write(head)
        elif len(body) <= _READ_AHEAD:
            self.write(head + body)
        else:
            self.write(head)
            self._pending = memoryview(body)
            if not self._send_pending():
                return
        self._finished()

    def _response_head(self, request: Request, code: int, headers: HeaderList, length: int | None) -> bytes:
        parts = [_STATUS_LINES.get(code) or b"HTTP/1.1 %d Status\r\n" % code, _date.now()]
        parts += map(_fields.__getitem__, headers)
        if length is not None:
            parts.append(b"Content-Length: %d\r\n" % length)
        if not self._persists():
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)

    def _persists(self) -> bool:
        head = self._head
        # A body that nobody read cannot be told from the next request in time.
        return head is not None and head.persistent and self._body is None and not self.site.leaving

    def _send_pending(self) -> bool:
        """
        Send on of a large body.

        @return: whether all of it has been sent.
        """
        while self._pending is not None:
            if self.full():
                return False
            self.write(bytes(self._pending[:_READ_AHEAD]))
            rest = self._pending[_READ_AHEAD:]
            self._pending = rest if len(rest) else None
        return True

    def start_stream(self, request: Request, code: int, headers: HeaderList) -> Stream:
        """
        Send the head of a response whose length is not known.
        """
        if code == 101:
            return self._switch(headers)
        head = self._head
        chunked = head is not None and not head.old
        silent = request.method == "HEAD" or code in (204, 304)
        if not chunked and head is not None:
            self._head = head._replace(persistent=False)
        if chunked and not silent:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        self.write(self._response_head(request, code, headers, None))
        self._stream = HTTP1Stream(self, chunked, silent)
        self._stream.paused = self.write_paused
        return self._stream

    def _switch(self, headers: HeaderList) -> Stream:
        # Nothing but frames follows on this connection.
        fields = b"".join(_fields.encode(*field) for field in headers)
        self.write(b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n")
        self._stream = self._websocket = WebSocket(self)
        self._stream.paused = self.write_paused
        data, self._buffer = self._buffer, b""
        self._websocket.received(data)
        return self._stream

    def reset(self, request: Request) -> None:
        """
        Break off: the client sees that the body is not complete.
        """
        self.abort()

    def stream_finished(self) -> None:
        """
        The streamed body is complete.
        """
        self._stream = None
        self._finished()

    def _finished(self) -> None:
        """
        The response is complete: on to the next request, or close.
        """
        persists = self._persists()
        self._request = None
        self._head = None
        self.active_at = self.site.seconds()
        if self._body is not None:
            self._linger()
        elif not persists:
            self.close()
        else:
            self._advance()

    def _linger(self) -> None:
        """
        Close, but hear the client out for a while: closing with unread input would
        destroy the answer on its way.
        """
        self._body = None
        self._buffer = b""
        self._discarding = self.site.seconds() + _LINGER
        self._regulate()
        self.finish_writing()

    def _refuse(self, status: APIStatus) -> None:
        """
        Answer what is not a request, or end the request whose body is broken.
        """
        request = self._request
        if request is not None:
            self._body_broken(request, status)
            return
        headers, body = status_response(status)
        self._head = None
        refused = Request(self, self.client, ("GET", "/", ""), [], {})
        self.write(self._response_head(refused, status.code, headers, len(body)) + body)
        self._linger()

    # Events

    def resumed(self) -> None:
        if self._pending is not None:
            if self._send_pending():
                self._finished()
            self.flush()
        elif self._stream is not None:
            self._stream.set_paused(False)

    def pauseProducing(self) -> None:
        super().pauseProducing()
        if self._stream is not None:
            self._stream.set_paused(True)

    def lost(self) -> None:
        request, self._request = self._request, None
        self._stream = None
        self._pending = None
        self._body = None
        if request is not None:
            request.disconnected()

    def check(self, now: float) -> None:
        limits = self.site.limits
        if self._discarding is not None:
            if now >= self._discarding:
                self.close()
        elif self.stalled(now):
            self.abort()
        elif self._request is not None:
            if self._request.wants_body and now - self._request.received_at > limits.body_deadline:
                self._request.body_failed(too_slow("body"))
                self.flush()
        elif self._head_since is not None:
            if now - self._head_since > limits.header_deadline:
                self._refuse(too_slow("header"))
                self.flush()
        elif now - self.active_at > limits.idle_timeout:
            self.close()

    def drain(self) -> None:
        told, self._told = self._told, True
        # HTTP/1.1 cannot say that nothing more is taken: what is on its way at first is answered.
        if told and self._request is None and self._discarding is None and self._head_since is None:
            self.close()


class HTTP1Stream(Stream):
    """
    A body in chunks, or for HTTP/1.0 one that ends with the connection.
    """

    def __init__(self, connection: HTTP1Connection, chunked: bool, silent: bool) -> None:
        self._connection = connection
        self._chunked = chunked
        self._silent = silent

    def write(self, data: bytes) -> None:
        if self.closed or self._silent or not data:
            return
        connection = self._connection
        connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        connection.full()

    def finish(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._chunked and not self._silent:
            self._connection.write(b"0\r\n\r\n")
        self._connection.stream_finished()

    def abort(self) -> None:
        if not self.closed:
            self._connection.abort()
