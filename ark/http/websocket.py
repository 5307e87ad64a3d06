"""
Watches over WebSocket (RFC 6455; contract 12.19): one text message an event.

fabric8's client for Java follows everything this way, and waits for ever when a watch that it asked
for with C{Upgrade} is answered with a plain stream.  The client has nothing to say: what it sends is
dropped, but for pings and its goodbye.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha1
from typing import TYPE_CHECKING, Protocol

from ark.http.streaming import Stream
from ark.meta.status import APIStatus, bad_request

if TYPE_CHECKING:
    from ark.http.request import HeaderList

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_NORMAL, _PROTOCOL_ERROR = (1000).to_bytes(2, "big"), (1002).to_bytes(2, "big")
_CONTROL_LIMIT = 125


class Connection(Protocol):
    """
    What a WebSocket needs of the connection that it has taken over.
    """

    def write(self, data: bytes) -> None:
        """Send with everything else of this turn."""

    def full(self) -> bool:
        """Whether to stop making output."""

    def close(self) -> None:
        """Close once everything written has been sent."""

    def abort(self) -> None:
        """Close at once."""


def is_wanted(headers: Mapping[bytes, bytes]) -> bool:
    """
    Whether a request asks for a WebSocket, as C{k8s.io/streaming/pkg/httpstream/wsstream} tells.
    """
    if headers.get(b"upgrade", b"").strip().lower() != b"websocket":
        return False
    options = headers.get(b"connection", b"").lower().split(b",")
    return b"upgrade" in (option.strip() for option in options)


def handshake(headers: Mapping[bytes, bytes]) -> HeaderList:
    """
    The header fields of the answer that switches over (RFC 6455, 4.2.2).

    @raise APIStatus: 400 when the request is not one of RFC 6455; 403 when it does not say where it
        comes from.
    """
    key = headers.get(b"sec-websocket-key", b"").strip()
    try:
        whole = len(b64decode(key, validate=True)) == 16
    except ValueError:
        whole = False
    if not whole:
        raise bad_request("missing or bad Sec-WebSocket-Key")
    if headers.get(b"sec-websocket-version", b"").strip() != b"13":
        raise bad_request("missing or bad WebSocket Version")
    if not headers.get(b"origin"):
        raise APIStatus(403, "Forbidden", "null origin")
    # The digest proves that the key was understood; it protects nothing.
    digest = sha1(key + _GUID, usedforsecurity=False).digest()
    answer = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", b64encode(digest)),
    ]
    protocols = [name.strip() for name in headers.get(b"sec-websocket-protocol", b"").split(b",")]
    if len(protocols) > 1:
        raise bad_request("bad protocol")
    if protocols[0]:
        answer.append((b"sec-websocket-protocol", protocols[0]))
    return answer


def frame(kind: int, payload: bytes) -> bytes:
    """
    A whole message, or a control frame, as servers send it: not masked.
    """
    size = len(payload)
    if size <= _CONTROL_LIMIT:
        head = bytes((0x80 | kind, size))
    elif size < 1 << 16:
        head = bytes((0x80 | kind, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 127)) + size.to_bytes(8, "big")
    return head + payload


class BrokenFrame(ValueError):
    """
    The client does not send frames of RFC 6455.
    """


class FrameReader:
    """
    Finds the control frames in what a client sends.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """
        Kind and payload of each control frame; messages are passed over, however long they are.

        @raise BrokenFrame: a frame is not masked, or a control frame is too long or in pieces.
        """
        self._buffer += data
        while True:
            if self._skip:
                passed = min(self._skip, len(self._buffer))
                self._buffer = self._buffer[passed:]
                self._skip -= passed
            found = self._next()
            if found is None:
                return
            if found[0] >= _CLOSE:
                yield found

    def _next(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if self._skip or len(data) < 2:
            return None
        kind, size = data[0] & 0x0F, data[1] & 0x7F
        if not data[1] & 0x80 or data[0] & 0x70:
            raise BrokenFrame("not masked, or of an extension")
        if kind >= _CLOSE and (size > _CONTROL_LIMIT or not data[0] & 0x80):
            raise BrokenFrame("a control frame that is too long or in pieces")
        start = 2 + {126: 2, 127: 8}.get(size, 0)
        if len(data) < start + 4:
            return None
        if size > _CONTROL_LIMIT:
            size = int.from_bytes(data[2:start], "big")
        mask, start = data[start : start + 4], start + 4
        if kind < _CLOSE:
            self._buffer, self._skip = data[start:], size
            return kind, b""
        if len(data) < start + size:
            return None
        self._buffer = data[start + size :]
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data[start : start + size]))
        return kind, payload


class WebSocket(Stream):
    """
    A body whose lines are messages.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = FrameReader()
        self._rest = b""

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        self._connection.write(b"".join(frame(_TEXT, line + b"\n") for line in lines))
        self._connection.full()

    def finish(self) -> None:
        self._end(_NORMAL)

    def abort(self) -> None:
        if not self.closed:
            self._connection.abort()

    def received(self, data: bytes) -> None:
        """
        The client has sent something.
        """
        try:
            for kind, payload in self._reader.feed(data):
                if self.closed:
                    return
                if kind == _PING:
                    self._connection.write(frame(_PONG, payload))
                elif kind == _CLOSE:
                    self._end(payload[:2] or _NORMAL)
        except BrokenFrame:
            self._end(_PROTOCOL_ERROR)

    def _end(self, reason: bytes) -> None:
        if not self.closed:
            self.closed = True
            self._connection.write(frame(_CLOSE, reason))
            # What goes with the connection is told to the watch when it is closed.
            self._connection.close()
