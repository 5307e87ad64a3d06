"""
Frames and error codes of HTTP/2 (RFC 9113, sections 4, 6 and 7).
"""

from __future__ import annotations

import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
FLOW_CONTROL_ERROR = 0x3
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
INTERNAL_ERROR = 0x2
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB

(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEFAULT_WINDOW = 65535
LARGEST_WINDOW = 2**31 - 1
SMALLEST_FRAME_LIMIT = 16384
LARGEST_FRAME_LIMIT = 2**24 - 1
LARGEST_STREAM = 2**31 - 1

# Length (24 bits) and type share the first word.
frame_header = struct.Struct(">IBI").pack
read_header = struct.Struct(">IBI").unpack_from
read_word = struct.Struct(">I").unpack_from
read_setting = struct.Struct(">HI").iter_unpack
_setting = struct.Struct(">HI").pack
_word = struct.Struct(">I").pack


class ConnectionFault(Exception):
    """
    The connection cannot go on.

    @ivar code: what the C{GOAWAY} says.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class StreamFault(Exception):
    """
    One stream cannot go on.

    @ivar code: what the C{RST_STREAM} says.
    """

    def __init__(self, stream_id: int, code: int, why: str) -> None:
        super().__init__(why)
        self.stream_id = stream_id
        self.code = code


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """
    A whole frame.
    """
    return frame_header(len(payload) << 8 | kind, flags, stream_id) + payload


def settings(values: dict[int, int]) -> bytes:
    """
    A C{SETTINGS} frame.
    """
    return frame(SETTINGS, 0, 0, b"".join([_setting(name, value) for name, value in values.items()]))


def window_update(stream_id: int, increment: int) -> bytes:
    """
    A C{WINDOW_UPDATE} frame.
    """
    return frame(WINDOW_UPDATE, 0, stream_id, _word(increment))


def rst_stream(stream_id: int, code: int) -> bytes:
    """
    A C{RST_STREAM} frame.
    """
    return frame(RST_STREAM, 0, stream_id, _word(code))


def goaway(last_stream: int, code: int, why: str = "") -> bytes:
    """
    A C{GOAWAY} frame.
    """
    return frame(GOAWAY, 0, 0, _word(last_stream) + _word(code) + why.encode("ascii", "replace"))


def header_frames(stream_id: int, block: bytes, flags: int, limit: int) -> bytes:
    """
    A header block as C{HEADERS}, and C{CONTINUATION} where it is longer than a frame.

    @param flags: C{END_STREAM} if nothing follows.
    """
    if len(block) <= limit:
        return frame_header(len(block) << 8 | HEADERS, flags | END_HEADERS, stream_id) + block
    pieces = [block[start : start + limit] for start in range(0, len(block), limit)]
    frames = [frame(HEADERS, flags, stream_id, pieces[0])]
    frames += [frame(CONTINUATION, 0, stream_id, piece) for piece in pieces[1:-1]]
    frames.append(frame(CONTINUATION, END_HEADERS, stream_id, pieces[-1]))
    return b"".join(frames)


def unpadded(flags: int, payload: bytes) -> bytes:
    """
    A payload without its padding.

    @raise ConnectionFault: there is more padding than payload.
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(PROTOCOL_ERROR, "padding")
    return payload[1 : len(payload) - payload[0]]
