"""
Reads the head of an HTTP/1.1 request, strictly (RFC 9112).

Whatever two readers could understand in two ways is refused: line folding, a space before
the colon, two lengths, a length beside chunks, bare line ends.  Behind another proxy each
of them is a way to smuggle a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ark.http.refusal import Refused, header_too_large, malformed
from ark.meta.status import APIStatus

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/(\d)\.(\d)")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_TARGET_BYTES = bytes((0x21, 0x22, *range(0x24, 0x7F)))
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/?.*)", re.IGNORECASE)
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
_LENGTH_DIGITS = 18
# As many parameters as net/url of Go takes.
_MOST_PARTS = 10_000

CHUNKED = -1


class Head(NamedTuple):
    """
    The head of a request.

    @ivar line: method, path, query.
    @ivar length: of the body; L{CHUNKED} when it is chunked.
    @ivar persistent: whether the connection may be kept.
    @ivar expects: whether the client waits for C{100 Continue}.
    @ivar old: HTTP/1.0.
    """

    line: tuple[str, str, str]
    raw_headers: list[tuple[bytes, bytes]]
    headers: dict[bytes, bytes]
    length: int
    persistent: bool
    expects: bool
    old: bool


class HeadBuffer:
    """
    Collects a head that comes in pieces, looking at each byte once.
    """

    __slots__ = ("_data", "_limit")

    def __init__(self, limit: int) -> None:
        self._data = bytearray()
        self._limit = limit

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        @return: the head without the empty line that ends it, and what follows; L{None}
            while it is not complete.
        @raise Refused: the head is too long, or cannot become one.
        """
        kept = self._data
        start = max(0, len(kept) - 3)
        if kept:
            kept += data
            data = bytes(kept) if kept.find(b"\r\n\r\n", start) >= 0 else b""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if not kept:
                kept += data
            if len(kept) > self._limit:
                raise header_too_large()
            _check_line_ends(kept, start)
            return None
        if end > self._limit:
            raise header_too_large()
        kept.clear()
        return data[:end], data[end + 4 :]


def _check_line_ends(data: bytearray, start: int) -> None:
    # Waiting for the end of a head with bare line ends would mean waiting for the deadline.
    position = data.find(b"\n", start)
    while position >= 0:
        if position == 0 or data[position - 1] != 0x0D:
            raise malformed("a line does not end with CR and LF")
        position = data.find(b"\n", position + 1)


def parse_head(data: bytes, fields_limit: int) -> Head:
    """
    Read the request line and the fields.

    @param data: up to, and without, the empty line.
    @raise Refused: 400, 431, 505, 417 or 501.
    """
    line, _, rest = data.partition(b"\r\n")
    method, target, version = _request_line(line)
    raw = _fields(rest + b"\r\n" if rest else b"", fields_limit)
    headers: dict[bytes, bytes] = {}
    for name, value in raw:
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE:
            raise malformed(f"two fields {name.decode()}")
    old = version == b"0"
    path, query = _target(method, target, headers, old)
    length = _body_length(headers, old)
    connection = headers.get(b"connection", b"").lower()
    return Head(
        (method.decode("ascii"), path, query),
        raw,
        headers,
        length,
        not old and (not connection or b"close" not in [word.strip() for word in connection.split(b",")]),
        _expects(headers, old),
        old,
    )


_SINGLE = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization"))


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise malformed("the request line")
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in (b"0", b"1"):
        raise Refused(APIStatus(505, "BadRequest", "only HTTP/1.1, HTTP/1.0 and HTTP/2 are spoken here"))
    return method, target, minor


def _fields(data: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    pairs = []
    position = 0
    size = len(data)
    match_at = _FIELD.match
    while position < size:
        match = match_at(data, position)
        if match is None:
            raise malformed("a header field")
        name, value = match.groups()
        pairs.append((name.lower(), value.strip(b" \t")))
        position = match.end()
    if len(pairs) > limit:
        check_count([name for name, _ in pairs], limit)
    return pairs


def check_count(names: Iterable[bytes], limit: int) -> None:
    """
    Count the fields; those that a front proxy repeats for every group do not count.

    @raise Refused: 431.
    """
    if sum(not name.startswith(b"x-remote-") for name in names) > limit:
        raise header_too_large()


def split_target(target: bytes) -> tuple[str, str]:
    """
    Path and query of a target in origin form.

    @raise Refused: it is not one.
    """
    # A third of what a regular expression costs.
    if target[:1] != b"/" or target.translate(None, _TARGET_BYTES):
        raise malformed("the request target")
    if len(target) > _MOST_PARTS and target.count(b"&") + target.count(b"/") > _MOST_PARTS:
        # Each is decoded apart, more than once.
        raise malformed("too many parts of the request target")
    path, _, query = target.decode().partition("?")
    return path, query


def _target(method: bytes, target: bytes, headers: dict[bytes, bytes], old: bool) -> tuple[str, str]:
    host = headers.get(b"host")
    if host is None:
        if not old:
            raise malformed("no Host")
    elif _HOST.fullmatch(host) is None:
        raise malformed("the Host")
    if target[:1] != b"/":
        match = _ABSOLUTE.fullmatch(target)
        # A target and a Host that disagree are two answers to one question.
        if match is None or method == b"CONNECT" or match[1].lower() != (host or match[1]).lower():
            raise malformed("the request target")
        target = match[2] if match[2][:1] == b"/" else b"/" + match[2]
    return split_target(target)


def _body_length(headers: dict[bytes, bytes], old: bool) -> int:
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is not None:
        if old or length is not None:
            raise malformed("Transfer-Encoding where it must not be")
        if coding.lower() != b"chunked":
            raise malformed("a Transfer-Encoding other than chunked")
        return CHUNKED
    if length is None:
        return 0
    return content_length(length)


def content_length(value: bytes) -> int:
    """
    @raise Refused: not a plain decimal number.
    """
    if not value.isdigit() or len(value) > _LENGTH_DIGITS:
        raise malformed("the Content-Length")
    return int(value)


def _expects(headers: dict[bytes, bytes], old: bool) -> bool:
    expectation = headers.get(b"expect")
    if expectation is None or old:
        return False
    if expectation.lower() != b"100-continue":
        raise Refused(APIStatus(417, "BadRequest", "an Expect other than 100-continue"))
    return True
