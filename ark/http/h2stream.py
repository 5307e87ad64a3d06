"""
One stream of an HTTP/2 connection: a request and its response.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ark.http.h2frames import (
    DATA,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    INTERNAL_ERROR,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    StreamFault,
    frame_header,
    header_frames,
    window_update,
)
from ark.http.hpack import response_block
from ark.http.request import HeaderList, Request
from ark.http.streaming import Stream

if TYPE_CHECKING:
    from ark.http.h2 import HTTP2Connection


class HTTP2Stream(Stream):
    """
    @ivar send_window: how much the client lets us send.
    @ivar request: what it asks.
    @ivar unread: bytes of the body that count against the connection's window still.
    """

    _silent = False
    _ending = False
    _pending: deque[bytes | memoryview] | None = None
    unread = 0
    _ungranted = 0
    _moved = False
    _stuck_since: float | None = None

    def __init__(self, connection: HTTP2Connection, stream_id: int, send_window: int) -> None:
        self._connection = connection
        self.stream_id = stream_id
        self.send_window = send_window
        self.request: Request | None = None

    def discard(self, size: int) -> bool:
        """
        Drop a DATA frame of a request that has been answered.

        @return: whether the client may send more.
        """
        self._ungranted += size
        return self._ungranted < self._connection.receive_window_size

    # The request's body

    def data_received(self, data: bytes, size: int, ends: bool) -> None:
        """
        Take a DATA frame.

        @param size: what it counts, padding included.
        @param ends: the body is complete with it.
        @raise StreamFault: more than the window allows, not what the length says, or behind the end.
        """
        request = self.request
        if request is None or request.body_complete:
            self._connection.consumed(size)
            raise StreamFault(self.stream_id, STREAM_CLOSED, "DATA behind the end")
        self.unread += size
        self._ungranted += size
        if self._ungranted > self._connection.receive_window_size:
            raise StreamFault(self.stream_id, FLOW_CONTROL_ERROR, "more than the window")
        expected = request.expected
        if expected is not None:
            kept = request.body_kept + len(data)
            if kept > expected or (ends and kept < expected):
                raise StreamFault(self.stream_id, PROTOCOL_ERROR, "not the content-length")
        if data:
            request.body_received(data)
        if request.wants_body:
            self._grant()
        if ends:
            request.body_finished()

    def body_finished(self) -> None:
        """
        The client has sent all of the body.

        @raise StreamFault: it is not as long as it said.
        """
        request = self.request
        if request is None:
            return
        if request.expected is not None and request.body_kept != request.expected:
            raise StreamFault(self.stream_id, PROTOCOL_ERROR, "less than the content-length")
        request.body_finished()

    def want_body(self, request: Request) -> None:
        """
        The handler waits for the body: what was kept of it counts no more.
        """
        self._grant()

    def _grant(self) -> None:
        connection = self._connection
        connection.consumed(self.unread)
        self.unread = 0
        if self._ungranted * 2 >= connection.receive_window_size:
            connection.write(window_update(self.stream_id, self._ungranted))
            self._ungranted = 0

    # The response

    def respond(self, request: Request, code: int, headers: HeaderList, body: bytes) -> None:
        """
        Send a whole response.
        """
        connection = self._connection
        stream_id = self.stream_id
        bare = code in (204, 304)
        size = len(body)
        block = connection.opening + response_block(code, headers, None if bare else size)
        connection.opening = b""
        if bare or not size or request.method == "HEAD":
            connection.write(header_frames(stream_id, block, END_STREAM, connection.frame_limit))
            connection.stream_done(self)
            return
        head = header_frames(stream_id, block, 0, connection.frame_limit)
        if connection.take_room(self, size):
            connection.write(head + frame_header(size << 8 | DATA, END_STREAM, stream_id) + body)
            connection.stream_done(self)
            return
        connection.write(head)
        self._ending = True
        self._queue(memoryview(body))

    def start_stream(self, request: Request, code: int, headers: HeaderList) -> Stream:
        """
        Send the header of a response whose length is not known.
        """
        connection = self._connection
        block = connection.opening + response_block(code, headers, None)
        connection.opening = b""
        self._silent = request.method == "HEAD" or code in (204, 304)
        connection.write(header_frames(self.stream_id, block, 0, connection.frame_limit))
        self.paused = connection.write_paused
        connection.streaming.add(self)
        return self

    def reset(self, request: Request) -> None:
        """
        Break off the response.
        """
        self._connection.reset_stream(self, INTERNAL_ERROR)

    def write(self, data: bytes) -> None:
        if self.closed or self._silent or not data or self._ending:
            return
        size = len(data)
        connection = self._connection
        if self._pending is None and connection.take_room(self, size):
            connection.write(frame_header(size << 8 | DATA, 0, self.stream_id) + data)
            connection.full()
        else:
            self._queue(data)

    def finish(self) -> None:
        if self.closed or self._ending:
            return
        self._ending = True
        if self._pending is None:
            self._connection.write(frame_header(DATA, END_STREAM, self.stream_id))
            self._connection.stream_done(self)

    def abort(self) -> None:
        if not self.closed:
            self._connection.reset_stream(self, INTERNAL_ERROR)

    def _queue(self, data: bytes | memoryview) -> None:
        if self._pending is None:
            self._pending = deque()
        self._pending.append(data)
        self._connection.wait_for_room(self)
        if self._pending is not None:
            self.set_paused(True)

    def send_some(self) -> bool:
        """
        Send one frame of what waits.

        @return: whether there is more that the client lets us send.
        """
        connection, pending = self._connection, self._pending
        if not pending:
            return False
        room = min(self.send_window, connection.send_window, connection.frame_limit)
        if room <= 0:
            return False
        data = pending.popleft()
        if len(data) > room:
            rest = memoryview(data)
            data = rest[:room]
            pending.appendleft(rest[room:])
        size = len(data)
        self.send_window -= size
        connection.send_window -= size
        self._moved = True
        last = self._ending and not pending
        connection.write(
            frame_header(size << 8 | DATA, END_STREAM if last else 0, self.stream_id) + bytes(data)
        )
        if pending:
            return self.send_window > 0
        self._pending = None
        if last:
            connection.stream_done(self)
        return False

    def has_pending(self) -> bool:
        """
        Whether something waits for room.
        """
        return self._pending is not None

    def is_stuck(self, now: float, limit: float) -> bool:
        """
        Whether the client has let us send nothing of what waits for longer than C{limit}.  To be
        asked about once a second.
        """
        if self._pending is None:
            self._stuck_since = None
            return False
        since = self._stuck_since
        if since is None or self._moved:
            self._moved = False
            self._stuck_since = now
            return False
        return now - since > limit
