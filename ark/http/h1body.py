"""
Reads the body of an HTTP/1.1 request: so many bytes, or chunks (RFC 9112, 7.1).
"""

from __future__ import annotations

import re

from ark.http.refusal import malformed

# A chunk's extension is allowed and ignored, but is short and visible.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e]*)?")
_LONGEST_SIZE_LINE = 256
_LONGEST_TRAILER = 8192
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")


class FixedBody:
    """
    A body of known length.
    """

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """
        @return: a piece of the body, what follows in the input, and whether it is complete.
        """
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data, b"", False
        self._left = 0
        return data[:left], data[left:], True


class BrokenBody:
    """
    What follows when the framing was wrong: nobody can say where it ends.
    """

    __slots__ = ()

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """
        Drop C{data}.
        """
        return b"", b"", False


class ChunkedBody:
    """
    A body in chunks; trailers are read and dropped.
    """

    __slots__ = ("_left", "_trailers")

    def __init__(self) -> None:
        self._left = 0
        self._trailers = -1

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """
        @return: as L{FixedBody.feed}; what follows belongs to the next call's input
            when the body is not complete.
        @raise Refused: the framing is wrong.
        """
        pieces: list[bytes] = []
        position = 0
        while True:
            if self._trailers >= 0:
                position, complete = self._feed_trailers(data, position)
                return b"".join(pieces), data[position:], complete
            if self._left:
                position = self._feed_chunk(data, position, pieces)
                if self._left:
                    return b"".join(pieces), data[position:], False
            start = position
            position = self._feed_size(data, position)
            if position == start:
                return b"".join(pieces), data[position:], False

    def _feed_chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        # _left counts the line end after the chunk too.
        piece = data[position : position + self._left - 2] if self._left > 2 else b""
        if piece:
            pieces.append(piece)
            self._left -= len(piece)
            position += len(piece)
        if self._left <= 2 and len(data) - position >= self._left:
            if data[position : position + 2] != b"\r\n":
                raise malformed("a chunk does not end where it says")
            position += 2
            self._left = 0
        return position

    def _feed_size(self, data: bytes, position: int) -> int:
        end = data.find(b"\r\n", position, position + _LONGEST_SIZE_LINE)
        if end < 0:
            rest = data[position : position + _LONGEST_SIZE_LINE]
            if len(rest) == _LONGEST_SIZE_LINE or b"\n" in rest:
                raise malformed("the size of a chunk")
            return position
        match = _SIZE.fullmatch(data, position, end)
        if match is None:
            raise malformed("the size of a chunk")
        size = int(match[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0
        return end + 2

    def _feed_trailers(self, data: bytes, position: int) -> tuple[int, bool]:
        while True:
            end = data.find(b"\r\n", position)
            if end < 0:
                if self._trailers + len(data) - position > _LONGEST_TRAILER:
                    raise malformed("the trailers")
                return position, False
            if end == position:
                return end + 2, True
            self._trailers += end - position
            if self._trailers > _LONGEST_TRAILER or _TRAILER.fullmatch(data, position, end) is None:
                raise malformed("the trailers")
            position = end + 2
