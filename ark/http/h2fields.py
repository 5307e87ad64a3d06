"""
Judges the header fields of HTTP/2 requests (RFC 9113, 8.2 and 8.3).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ark.http.h1head import check_fields, content_length, split_target
from ark.http.hpack import Fields
from ark.http.refusal import malformed

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_PSEUDO = frozenset((b":method", b":scheme", b":authority", b":path"))
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_OF_CONNECTION = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)
_SINGLE = frozenset((b"host", b"content-length", b"content-type", b"authorization"))
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_KNOWN_NAMES = 4096

_known_names: set[bytes] = {b"accept", b"user-agent", b"accept-encoding", b"content-length", b"content-type"}


class RequestFields(NamedTuple):
    """
    The fields of a request.

    @ivar line: method, path, query.
    @ivar length: what C{content-length} says.
    """

    line: tuple[str, str, str]
    raw_headers: list[tuple[bytes, bytes]]
    headers: dict[bytes, bytes]
    length: int | None


def read_fields(fields: Fields, limit: int) -> RequestFields:
    """
    Split pseudo-header fields from the others, and check them.

    @param limit: how many fields there may be.
    @raise Refused: the request is malformed, or has too many fields.
    """
    pseudo: dict[bytes, bytes] = {}
    for name, value, _ in fields:
        if name[:1] != b":":
            break
        if name in pseudo:
            raise malformed("a pseudo-header field twice")
        pseudo[name] = value
    raw = [(name, value) for name, value, _ in fields[len(pseudo) :]]
    _check_values([value for _, value, _ in fields])
    headers = _check_names(raw)
    if len(raw) > limit:
        check_fields(raw, limit)
    keys = pseudo.keys()
    if not keys <= _PSEUDO or not keys >= _NEEDED:
        raise malformed("the pseudo-header fields")
    authority = pseudo.get(b":authority")
    if authority is not None and headers.setdefault(b"host", authority) != authority:
        raise malformed("a Host that is not the authority")
    sent = pseudo[b":method"]
    path, query = split_target(pseudo[b":path"])
    length = headers.get(b"content-length")
    return RequestFields(
        (_METHODS.get(sent) or _method(sent), path, query),
        raw,
        headers,
        None if length is None else content_length(length),
    )


def check_trailers(fields: Fields) -> None:
    """
    @raise Refused: trailers with pseudo-header fields, or otherwise malformed.
    """
    _check_values([value for _, value, _ in fields])
    _check_names([(name, value) for name, value, _ in fields])


def _check_values(values: list[bytes]) -> None:
    values.append(b"")
    joined = b"\n".join(values)
    # One pass in C over all values: what is left are the line ends between them.
    if len(joined.translate(None, _VALUE_BYTES)) != len(values) - 1:
        raise malformed("a header field")
    if b" \n" in joined or b"\n " in joined or b"\t\n" in joined or b"\n\t" in joined:
        raise malformed("a header field")


def _check_names(raw: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers = dict(raw[::-1])
    if not headers.keys() <= _known_names:
        for name in headers.keys() - _known_names:
            _check_name(name, headers[name])
    if len(headers) != len(raw):
        names = [name for name, _ in raw]
        for name in _SINGLE:
            if names.count(name) > 1:
                raise malformed(f"two fields {name.decode()}")
    return headers


def _check_name(name: bytes, value: bytes) -> None:
    if _NAME.fullmatch(name) is None or name in _OF_CONNECTION:
        raise malformed("a header field")
    if name == b"te":
        if value != b"trailers":
            raise malformed("TE")
    elif len(_known_names) < _KNOWN_NAMES and len(name) < 64:
        _known_names.add(name)


def _method(sent: bytes) -> str:
    # A tunnel has no path, and nothing here to go to.
    if _METHOD.fullmatch(sent) is None or sent == b"CONNECT":
        raise malformed("the method")
    return sent.decode("ascii")
