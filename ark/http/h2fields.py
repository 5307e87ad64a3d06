"""
Judges the header fields of HTTP/2 requests (RFC 9113, 8.2 and 8.3).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ark.http.fields import VALUE_BYTES
from ark.http.h1head import check_fields, content_length, split_target
from ark.http.hpack import Fields
from ark.http.refusal import malformed

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NEEDED = {b":method", b":scheme", b":path"}
_PSEUDO = (_NEEDED | {b":authority"}, _NEEDED)
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
    raw: list[tuple[bytes, bytes]] = []
    values = []
    for name, value, _ in fields:
        values.append(value)
        if name[:1] != b":":
            raw.append((name, value))
        elif raw or name in pseudo:
            raise malformed("a pseudo-header field twice, or behind another field")
        else:
            pseudo[name] = value
    _check_values(values)
    headers = _check_names(raw)
    if len(raw) > limit:
        check_fields(raw, limit)
    if pseudo.keys() not in _PSEUDO:
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
    # A pass or two in C over all values: searching each with a regex costs ten times as much.
    if b"".join(values).translate(None, VALUE_BYTES) or [value.strip() for value in values] != values:
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
