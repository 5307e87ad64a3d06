"""
The server side of HTTP/2 (RFC 9113): streams, flow control both ways, and shutdown.
"""

from __future__ import annotations

from ark.http.connection import Surroundings
from ark.http.h2fields import FieldReader, check_trailers
from ark.http.h2frames import (
    CANCEL,
    DEFAULT_WINDOW,
    ENABLE_PUSH,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    INITIAL_WINDOW_SIZE,
    LARGEST_FRAME_LIMIT,
    LARGEST_STREAM,
    LARGEST_WINDOW,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    PADDED,
    PING,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SMALLEST_FRAME_LIMIT,
    STREAM_CLOSED,
    ConnectionFault,
    StreamFault,
    frame,
    goaway,
    read_setting,
    rst_stream,
    settings,
    unpadded,
    window_update,
)
from ark.http.h2framing import FramedConnection
from ark.http.h2stream import HTTP2Stream
from ark.http.handling import handle
from ark.http.hpack import NO_TABLE, Fields, harmless_size, list_size
from ark.http.limits import Allowance
from ark.http.refusal import Refused, header_too_large, status_response, too_slow
from ark.http.request import ClientConnection, Request

_LEAVING = b"shutdown"
# So long a client may go on sending a body whose request has been answered.
_LINGER = 2.0
# So long the client has to hear of the shutdown before new streams are turned away.
_NOTICE = 1.0
_REMEMBERED_RESETS = 1000
# So many bytes of settings in a frame are more than there are settings; net/http2 of Go takes no more.
_MOST_SETTINGS = 600


class HTTP2Connection(FramedConnection):
    """
    One connection with many requests at a time.

    @ivar send_window: how much the client lets us send on all streams together.
    @ivar frame_limit: the longest payload that it takes.
    @ivar receive_window_size: of each stream.
    @ivar opening: what goes before the next header block of ours.
    @ivar streaming: streams whose response is written piece by piece.
    """

    def __init__(self, site: Surroundings, client: ClientConnection) -> None:
        super().__init__(site, client)
        client.protocol = "HTTP/2.0"
        limits = site.limits
        self.send_window = DEFAULT_WINDOW
        self.frame_limit = SMALLEST_FRAME_LIMIT
        self.receive_window_size = max(limits.stream_window, DEFAULT_WINDOW)
        self.streaming: set[HTTP2Stream] = set()
        self._receive_window = self._connection_window = max(limits.connection_window, DEFAULT_WINDOW)
        self._consumed = 0
        self._fields = FieldReader(limits.header_fields)
        self._harmless_size = harmless_size(limits.header_bytes)
        self._initial_window = DEFAULT_WINDOW
        self._streams: dict[int, HTTP2Stream] = {}
        self._ready: list[Request] = []
        self._waiting: dict[HTTP2Stream, None] = {}
        self._reset_by_us: dict[int, None] = {}
        self._resets = Allowance(limits.resets, limits.reset_rate, site.seconds)
        self._answered: dict[HTTP2Stream, float] = {}
        self.opening = NO_TABLE
        self._pumping = False
        self._noticed_at: float | None = None
        self._last_stream = LARGEST_STREAM

    def started(self) -> None:
        limits = self.site.limits
        ours = {
            MAX_CONCURRENT_STREAMS: limits.streams,
            INITIAL_WINDOW_SIZE: self.receive_window_size,
            MAX_HEADER_LIST_SIZE: limits.header_bytes,
        }
        increment = self._connection_window - DEFAULT_WINDOW
        self.write(settings(ours) + (window_update(0, increment) if increment else b""))

    # Requests

    def on_block(self, stream_id: int, block: bytes, fields: Fields, ends: bool) -> None:
        if stream_id <= self.highest:
            self._trailers(stream_id, fields, ends)
            return
        if stream_id > self._last_stream:
            self._refuse_late(stream_id)
            return
        self.highest = stream_id
        limits = self.site.limits
        if len(self._streams) >= limits.streams:
            self.spend_control()
            raise StreamFault(stream_id, REFUSED_STREAM, "too many streams")
        stream = HTTP2Stream(self, stream_id, self._initial_window)
        try:
            if len(block) > self._harmless_size and list_size(fields) > limits.header_bytes:
                raise header_too_large()
            line, raw_headers, headers, length = self._fields.read(fields)
        except Refused as refused:
            self._refuse(stream, refused, ends)
            return
        request = stream.request = Request(stream, self.client, line, raw_headers, headers)
        request.body_limit = limits.body_bytes
        request.expected = length
        if ends:
            if length:
                raise StreamFault(stream_id, PROTOCOL_ERROR, "less than the content-length")
            request.body_complete = True
        self._streams[stream_id] = stream
        self._ready.append(request)

    def _refuse_late(self, stream_id: int) -> None:
        """
        A client that hears of the shutdown asks no more; one that is made to go may have asked before it heard.
        """
        if self.client.is_last:
            self.highest = stream_id
            self.spend_control()
            raise StreamFault(stream_id, REFUSED_STREAM, "no more streams")

    def _refuse(self, stream: HTTP2Stream, refused: Refused, ends: bool) -> None:
        if refused.status.code != 431:
            raise StreamFault(stream.stream_id, PROTOCOL_ERROR, refused.status.message)
        request = Request(stream, self.client, ("GET", "/", ""), [], {})
        request.body_complete = ends
        stream.request = request
        self._streams[stream.stream_id] = stream
        headers, body = status_response(refused.status)
        request.respond(431, headers, body)

    def _trailers(self, stream_id: int, fields: Fields, ends: bool) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or stream.request is None:
            if stream_id in self._reset_by_us:
                return
            raise ConnectionFault(STREAM_CLOSED, "HEADERS on a closed stream")
        if stream.request.body_complete:
            raise StreamFault(stream_id, STREAM_CLOSED, "HEADERS behind the end")
        if not ends:
            raise StreamFault(stream_id, PROTOCOL_ERROR, "trailers that do not end the stream")
        try:
            check_trailers(fields)
        except Refused as refused:
            raise StreamFault(stream_id, PROTOCOL_ERROR, refused.status.message) from None
        if stream.closed:
            self._forget(stream)
        else:
            stream.body_finished()

    def taken_in(self) -> None:
        if self._waiting:
            self._pump()
        if not self._ready:
            return
        ready, self._ready = self._ready, []
        now = self.site.seconds()
        dispatch = self.site.dispatch
        for request in ready:
            if not request.gone:
                request.received_at = now
                handle(request, dispatch)
        if self.client.is_last:
            self._renounce()

    # Bodies of requests

    def on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        if flags & PADDED:
            payload = unpadded(flags, payload)
        stream = self._streams.get(stream_id)
        if stream is None and (not stream_id or stream_id > self.highest):
            raise ConnectionFault(PROTOCOL_ERROR, "DATA on an idle stream")
        self._receive_window -= size
        if self._receive_window < 0:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "more than the window")
        ends = flags & END_STREAM != 0
        if not payload and not ends:
            self.spend_control()
        if stream is None:
            self.consumed(size)
            if stream_id not in self._reset_by_us:
                self.spend_control()
                raise StreamFault(stream_id, STREAM_CLOSED, "DATA on a closed stream")
        elif stream.closed:
            self.consumed(size)
            if ends:
                self._forget(stream)
            elif not stream.discard(size):
                self.reset_stream(stream, NO_ERROR)
        else:
            stream.data_received(payload, size, ends)

    def consumed(self, size: int) -> None:
        """
        So many bytes of bodies are kept no longer.
        """
        self._consumed += size
        if self._consumed * 2 >= self._connection_window:
            self.write(window_update(0, self._consumed))
            self._receive_window += self._consumed
            self._consumed = 0

    # Flow control of responses

    def on_settings(self, payload: bytes) -> None:
        if len(payload) > _MOST_SETTINGS:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many settings")
        window = self._initial_window
        for name, value in read_setting(payload):
            if name == INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW:
                    raise ConnectionFault(FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE")
                window = value
            elif name == MAX_FRAME_SIZE:
                if not SMALLEST_FRAME_LIMIT <= value <= LARGEST_FRAME_LIMIT:
                    raise ConnectionFault(PROTOCOL_ERROR, "MAX_FRAME_SIZE")
                self.frame_limit = min(value, 65536)
            elif name == ENABLE_PUSH and value > 1:
                raise ConnectionFault(PROTOCOL_ERROR, "ENABLE_PUSH")
        if window != self._initial_window:
            self._change_initial_window(window)

    def _change_initial_window(self, value: int) -> None:
        change = value - self._initial_window
        self._initial_window = value
        for stream in self._streams.values():
            stream.send_window += change
            if stream.send_window > LARGEST_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE")
            if stream.has_pending():
                self._waiting[stream] = None

    def on_window(self, stream_id: int, increment: int) -> None:
        if not stream_id:
            self.send_window += increment
            if self.send_window > LARGEST_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "the window")
        else:
            stream = self._streams.get(stream_id)
            if stream is None:
                return
            stream.send_window += increment
            if stream.send_window > LARGEST_WINDOW:
                raise StreamFault(stream_id, FLOW_CONTROL_ERROR, "the window")
            if stream.has_pending():
                self._waiting[stream] = None

    def take_room(self, stream: HTTP2Stream, size: int) -> bool:
        """
        Whether a frame of C{size} may be sent now; the windows count it then.
        """
        if (
            size > stream.send_window
            or size > self.send_window
            or size > self.frame_limit
            or self.write_paused
            or self._waiting
        ):
            return False
        stream.send_window -= size
        self.send_window -= size
        return True

    def wait_for_room(self, stream: HTTP2Stream) -> None:
        """
        Send what waits on C{stream} as the client lets us, a frame of each stream in turn.
        """
        self._waiting[stream] = None
        self._pump()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        relieved: list[HTTP2Stream] = []
        try:
            while self._waiting and self.send_window > 0 and not self.full():
                stream = next(iter(self._waiting))
                del self._waiting[stream]
                if stream.send_some():
                    self._waiting[stream] = None
                elif not stream.has_pending():
                    relieved.append(stream)
        finally:
            self._pumping = False
        if not self.write_paused:
            for stream in relieved:
                stream.set_paused(False)

    def resumed(self) -> None:
        self._pump()
        for stream in tuple(self.streaming):
            if self.write_paused:
                break
            if not stream.has_pending():
                stream.set_paused(False)

    def pauseProducing(self) -> None:
        super().pauseProducing()
        for stream in tuple(self.streaming):
            stream.set_paused(True)

    # Ends of streams

    def stream_done(self, stream: HTTP2Stream) -> None:
        """
        The response is complete.
        """
        stream.closed = True
        request = stream.request
        if request is None or request.body_complete:
            self._forget(stream)
            return
        # A reset now could overtake the answer in the client (curl loses it).
        self._answered[stream] = self.site.seconds()
        self.streaming.discard(stream)

    def reset_stream(self, stream: HTTP2Stream, code: int) -> None:
        """
        Tell the client that a stream ends here.
        """
        if self._streams.get(stream.stream_id) is stream:
            self.write(rst_stream(stream.stream_id, code))
            self._remember_reset(stream.stream_id)
            self._forget(stream)
        self._abandon(stream)

    def _abandon(self, stream: HTTP2Stream) -> None:
        """
        Nothing more will reach the client on a stream.
        """
        request, stream.request = stream.request, None
        if request is not None and not stream.closed:
            request.disconnected()
        stream.connection_lost()

    def _remember_reset(self, stream_id: int) -> None:
        # What the client sent before it heard of the reset is not its fault.
        self._reset_by_us[stream_id] = None
        if len(self._reset_by_us) > _REMEMBERED_RESETS:
            del self._reset_by_us[next(iter(self._reset_by_us))]

    def _forget(self, stream: HTTP2Stream) -> None:
        self._streams.pop(stream.stream_id, None)
        if self._waiting:
            self._waiting.pop(stream, None)
        if self._answered:
            self._answered.pop(stream, None)
        if self.streaming:
            self.streaming.discard(stream)
        if stream.closed:
            # They know each other: the request, its body too, would stay until the collector comes.
            stream.request = None
        if stream.unread:
            self.consumed(stream.unread)
            stream.unread = 0
        if not self._streams:
            self.active_at = self.site.seconds()
            if self._last_stream != LARGEST_STREAM:
                self.close()

    def fail_stream(self, fault: StreamFault) -> None:
        self.spend_control()
        stream = self._streams.get(fault.stream_id)
        if stream is not None:
            self.reset_stream(stream, fault.code)
            return
        self.write(rst_stream(fault.stream_id, fault.code))
        self._remember_reset(fault.stream_id)

    def on_reset(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            self.spend_control()
            return
        if not self._resets.spend():
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many resets")
        self._forget(stream)
        self._abandon(stream)

    def lost(self) -> None:
        streams, self._streams = self._streams, {}
        self._answered.clear()
        self._waiting.clear()
        self.streaming.clear()
        self._ready.clear()
        for stream in streams.values():
            self._abandon(stream)

    # Time

    def check(self, now: float) -> None:
        if not self.check_input(now):
            return
        limits = self.site.limits
        for stream in tuple(self._streams.values()):
            request = stream.request
            if (
                request is not None
                and request.wants_body
                and now - request.received_at > limits.body_deadline
            ):
                request.body_failed(too_slow("body"))
            if stream.is_stuck(now, limits.stall_timeout):
                self.reset_stream(stream, CANCEL)
        for stream, answered_at in tuple(self._answered.items()):
            if now - answered_at >= _LINGER:
                self.reset_stream(stream, NO_ERROR)
        if self.client.is_last:
            self._renounce()
        if self._noticed_at is not None and now - self._noticed_at >= _NOTICE:
            self._turn_away()
        elif not self._streams and now - self.active_at > limits.idle_timeout:
            self.leave()
        self.flush()

    def drain(self) -> None:
        if self._noticed_at is None and self._discarding is None and not self.closing:
            self._noticed_at = self.site.seconds()
            self.write(goaway(LARGEST_STREAM, NO_ERROR) + frame(PING, 0, 0, _LEAVING))

    def _renounce(self) -> None:
        """
        Answer what was asked, and take no more streams.
        """
        if self._noticed_at is None:
            self._noticed_at = self.site.seconds()
            self._last_stream = self.highest
            self.write(goaway(self.highest, NO_ERROR))

    def on_ping_ack(self, payload: bytes) -> None:
        if payload == _LEAVING and self._noticed_at is not None:
            self._turn_away()

    def _turn_away(self) -> None:
        """
        The client has had time to hear that we leave: take no more streams.
        """
        if self._last_stream == LARGEST_STREAM:
            self._last_stream = self.highest
            self.write(goaway(self.highest, NO_ERROR))
        if not self._streams:
            self.close()
