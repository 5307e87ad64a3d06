"""
The framing of HTTP/2: preface, frames, header blocks, and limits on frames that are work
without being requests.

All frames of one read are taken in before a request is started or a byte is sent.
"""

from __future__ import annotations

from ark.http.connection import HTTPConnection, Surroundings
from ark.http.h2frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SMALLEST_FRAME_LIMIT,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    ConnectionFault,
    StreamFault,
    frame,
    goaway,
    read_header,
    read_word,
    unpadded,
)
from ark.http.hpack import HeaderDecoder
from ark.http.limits import Allowance
from ark.http.request import ClientConnection

_LINGER = 2.0
# A list above the limit is still read, so that the request can be answered with 431.
_READABLE = 4
_ALLOWED_BLOCK_OVERHEAD = 16384

_STREAM_ID = 0x7FFFFFFF


class FramedConnection(HTTPConnection):
    """
    Takes frames apart; L{ark.http.h2.HTTP2Connection} gives them a meaning.

    @ivar highest: the last stream that the client opened.
    """

    def __init__(self, site: Surroundings, client: ClientConnection) -> None:
        super().__init__(site, client)
        limits = site.limits
        self.highest = 0
        self._buffer = b""
        self._buffer_since: float | None = site.seconds()
        self._prefaced = False
        self._settled = False
        self._discarding: float | None = None
        self._decoder = HeaderDecoder(limits.header_bytes * _READABLE)
        self._control = Allowance(limits.control_frames, limits.control_rate, site.seconds)
        self._block: list[bytes] | None = None
        self._block_size = 0
        self._block_stream = 0
        self._block_ends_stream = False
        self._block_since = 0.0
        self._block_fault = False
        self._on_frame = {
            DATA: self.on_data,
            HEADERS: self._on_headers,
            PRIORITY: self._on_priority,
            RST_STREAM: self._on_rst_stream,
            SETTINGS: self._on_settings,
            PUSH_PROMISE: self._on_push_promise,
            PING: self._on_ping,
            GOAWAY: self._on_goaway,
            WINDOW_UPDATE: self._on_window_update,
            CONTINUATION: self._on_continuation,
        }

    # Input

    def received(self, data: bytes) -> None:
        if self._discarding is not None:
            return
        if self._buffer:
            data = self._buffer + data
        try:
            self._take_in(data)
        except ConnectionFault as fault:
            self.fail(fault)

    def _take_in(self, data: bytes) -> None:
        position = 0
        if not self._prefaced:
            position = self._take_preface(data)
            if not position:
                return
        size = len(data)
        frames = self._on_frame
        while size - position >= 9:
            head, flags, stream_id = read_header(data, position)
            length = head >> 8
            if length > SMALLEST_FRAME_LIMIT:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a frame above the limit")
            end = position + 9 + length
            if end > size:
                break
            kind = head & 0xFF
            if self._block is not None and kind != CONTINUATION:
                raise ConnectionFault(PROTOCOL_ERROR, "a header block that was broken off")
            if not self._settled and kind != SETTINGS:
                raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS")
            handler = frames.get(kind)
            if handler is None:
                self.spend_control()
            else:
                try:
                    handler(flags, stream_id & _STREAM_ID, data[position + 9 : end])
                except StreamFault as fault:
                    self.fail_stream(fault)
            position = end
        self._keep(data, position)
        self.taken_in()

    def _keep(self, data: bytes, position: int) -> None:
        self._buffer = data[position:] if position else data
        if not self._buffer:
            self._buffer_since = None
        elif position or self._buffer_since is None:
            self._buffer_since = self.site.seconds()

    def _take_preface(self, data: bytes) -> int:
        if data[: len(PREFACE)] != PREFACE[: len(data)]:
            raise ConnectionFault(PROTOCOL_ERROR, "the connection preface")
        if len(data) < len(PREFACE):
            self._buffer = data
            return 0
        self._prefaced = True
        return len(PREFACE)

    def spend_control(self) -> None:
        """
        Count a frame that is no request.

        @raise ConnectionFault: there were too many.
        """
        if not self._control.spend():
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many control frames")

    # Header blocks

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & ~END_STREAM == END_HEADERS and stream_id & 1:
            # As nearly all are.
            self.on_block(stream_id, payload, self._decoder.decode(payload), flags & END_STREAM != 0)
            return
        if not stream_id & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "HEADERS on a stream that is not the client's")
        if flags & ~0x5:
            payload = unpadded(flags, payload)
            if flags & WITH_PRIORITY:
                if len(payload) < 5:
                    raise ConnectionFault(FRAME_SIZE_ERROR, "HEADERS")
                self._block_fault = read_word(payload)[0] & _STREAM_ID == stream_id
                payload = payload[5:]
        if flags & END_HEADERS:
            self._finish_block(stream_id, payload, bool(flags & END_STREAM))
            return
        self._block = [payload]
        self._block_size = len(payload)
        self._block_stream = stream_id
        self._block_ends_stream = bool(flags & END_STREAM)
        self._block_since = self.site.seconds()

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is None or stream_id != self._block_stream:
            raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION of nothing")
        self.spend_control()
        self._block.append(payload)
        self._block_size += len(payload)
        if self._block_size > self.site.limits.header_bytes + _ALLOWED_BLOCK_OVERHEAD:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "header block")
        if flags & END_HEADERS:
            block, self._block = b"".join(self._block), None
            self._finish_block(stream_id, block, self._block_ends_stream)

    def _finish_block(self, stream_id: int, block: bytes, ends_stream: bool) -> None:
        fields = self._decoder.decode(block)
        if self._block_fault:
            self._block_fault = False
            self.highest = max(self.highest, stream_id)
            raise StreamFault(stream_id, PROTOCOL_ERROR, "a stream that depends on itself")
        self.on_block(stream_id, block, fields, ends_stream)

    # Control frames

    def _on_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        self.spend_control()
        if not stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(payload) != 5:
            raise StreamFault(stream_id, FRAME_SIZE_ERROR, "PRIORITY")
        if read_word(payload)[0] & _STREAM_ID == stream_id:
            raise StreamFault(stream_id, PROTOCOL_ERROR, "a stream that depends on itself")

    def _on_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "RST_STREAM")
        if not stream_id or stream_id > self.highest:
            raise ConnectionFault(PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        self.on_reset(stream_id)

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS on a stream")
        if len(payload) % 6 or (flags & ACK and payload):
            raise ConnectionFault(FRAME_SIZE_ERROR, "SETTINGS")
        self.spend_control()
        if not self._settled:
            if flags & ACK:
                raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self._settled = True
        if not flags & ACK:
            self.on_settings(payload)
            self.write(frame(SETTINGS, ACK, 0, b""))

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionFault(PROTOCOL_ERROR, "PUSH_PROMISE of a client")

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PING")
        self.spend_control()
        if flags & ACK:
            self.on_ping_ack(payload)
        else:
            self.write(frame(PING, ACK, 0, payload))

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(payload) < 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "GOAWAY")
        self.spend_control()

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "WINDOW_UPDATE")
        increment = read_word(payload)[0] & _STREAM_ID
        if not increment:
            if stream_id:
                raise StreamFault(stream_id, PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            raise ConnectionFault(PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        if stream_id > self.highest:
            raise ConnectionFault(PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        self.on_window(stream_id, increment)

    # Ends

    def fail(self, fault: ConnectionFault) -> None:
        """
        Say what is wrong, and close.
        """
        self.write(goaway(self.highest, fault.code, str(fault)))
        self.stop_reading()
        self.finish_writing()

    def stop_reading(self) -> None:
        """
        Drop what still comes, and close soon: closing with unread input would destroy
        what was just sent.
        """
        self._discarding = self.site.seconds() + _LINGER
        self._buffer = b""
        self.lost()

    def leave(self) -> None:
        """
        Close a connection on which nothing is under way.
        """
        self.write(goaway(self.highest, NO_ERROR))
        self.close()

    def check_input(self, now: float) -> bool:
        """
        Enforce the deadlines of what is half received.

        @return: whether the connection goes on.
        """
        if self._discarding is not None:
            if now >= self._discarding:
                self.close()
            return False
        deadline = self.site.limits.header_deadline
        if self._buffer[3:4] == b"\0" and self._prefaced:
            deadline = self.site.limits.body_deadline
        since = self._buffer_since
        late = since is not None and now - since > deadline
        if self._block is not None and now - self._block_since > self.site.limits.header_deadline:
            late = True
        if late or self.stalled(now):
            self.abort()
            return False
        return True

    # Given by the subclass

    def on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        """
        A DATA frame.
        """
        raise NotImplementedError

    def on_block(
        self, stream_id: int, block: bytes, fields: list[tuple[bytes, bytes, bool]], ends: bool
    ) -> None:
        """
        A header block: a request, or trailers.
        """
        raise NotImplementedError

    def on_reset(self, stream_id: int) -> None:
        """
        The client gives up a stream.
        """
        raise NotImplementedError

    def on_settings(self, payload: bytes) -> None:
        """
        The client's settings.
        """
        raise NotImplementedError

    def on_window(self, stream_id: int, increment: int) -> None:
        """
        The client lets us send more.
        """
        raise NotImplementedError

    def on_ping_ack(self, payload: bytes) -> None:
        """
        The client answers a PING of ours.
        """

    def taken_in(self) -> None:
        """
        All frames of a read have been taken in.
        """
        raise NotImplementedError

    def fail_stream(self, fault: StreamFault) -> None:
        """
        One stream cannot go on.
        """
        raise NotImplementedError
