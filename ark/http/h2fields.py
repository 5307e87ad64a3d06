"""
Judges the header fields of HTTP/2 requests (RFC 9113, 8.2 and 8.3).

A client sends the same names in the same order again and again.  What the names alone say is
worked out once, and remembered as a L{Shape}; only the values are new with every request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Union

from ark.http.fields import VALUE_BYTES
from ark.http.h1head import check_count, content_length, split_target
from ark.http.hpack import Fields
from ark.http.refusal import malformed
from ark.meta.known import Known

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_PSEUDO = (_NEEDED | {b":authority"}, _NEEDED)
_OF_CONNECTION = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)
_SINGLE = (b"host", b"content-length", b"content-type", b"authorization")
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}

# Whoever connects may send any names: so many shapes are kept, of so few names, of such length in all.
_KNOWN_SHAPES = 256
_KNOWN_FIELDS = 40
_KNOWN_LENGTH = 1024

# So many kinds of requests are remembered of a connection, of about so many bytes each.
_KNOWN_KINDS = 8
_KNOWN_SIZE = 4096
_FIELD_SIZE = 64

# The line, all fields in order, the first of each name, and what content-length says.
RequestFields = tuple[
    tuple[str, str, str], Iterable[tuple[bytes, bytes]], dict[bytes, bytes], Union[int, None]
]

_strip = bytes.strip


class Shape:
    """
    What the names of the fields of a request say, in their order.

    @ivar sent: all names.
    @ivar path: where its value is.
    @ivar length: where C{content-length} is.
    @ivar steady: takes the values out of all that a client repeats: all but these two.
    @ivar names: of the fields behind the pseudo-header fields, the first of which is at C{first}.
    """

    __slots__ = ("_agree", "_keys", "_method", "_pick", "first", "length", "names", "path", "sent", "steady")

    def __init__(self, names: tuple[bytes, ...], first: int) -> None:
        self.sent = names
        self.first = first
        self.names = names[first:]
        places: dict[bytes, int] = {}
        for place, name in enumerate(self.names, first):
            places.setdefault(name, place)
        self._agree: tuple[int, int] | None = None
        if b":authority" in names:
            authority = names.index(b":authority")
            self._agree = (authority, places.setdefault(b"host", authority))
        self._method = names.index(b":method")
        self.path = names.index(b":path")
        self.length = places.pop(b"content-length", None)
        self._keys = tuple(places)
        self._pick = _picker(list(places.values()))
        self.steady = _picker([place for place in range(len(names)) if place not in (self.path, self.length)])

    def judge(self, values: Sequence[bytes], limit: int) -> tuple[str, dict[bytes, bytes]]:
        """
        Look at the values that are not free, or depend on each other.

        @return: the method, and the fields that are L{steady} by name.
        @raise Refused: one of them must not be, or there are too many.
        """
        if len(self.names) > limit:
            check_count(self.names, limit)
        if self._agree is not None and values[self._agree[0]] != values[self._agree[1]]:
            raise malformed("a Host that is not the authority")
        sent = values[self._method]
        return _METHODS.get(sent) or _method(sent), dict(zip(self._keys, self._pick(values)))


_shapes: Known[tuple[bytes, ...], Shape] = Known(_KNOWN_SHAPES)

# A shape, the values that are steady, and what they were found to say.
_Said = tuple[Shape, Sequence[bytes], str, dict[bytes, bytes]]


class FieldReader:
    """
    Reads the fields of the requests of one connection.

    Nearly all that a client says it has said before.  What was found well-formed is not looked at
    again while it comes with the same names and the same values.
    """

    __slots__ = ("_known", "_latest", "_limit")

    def __init__(self, limit: int) -> None:
        """
        @param limit: how many fields there may be.
        """
        self._limit = limit
        self._known: Known[tuple[bytes, ...], _Said] = Known(_KNOWN_KINDS)
        self._latest: _Said | None = None

    def read(self, fields: Fields) -> RequestFields:
        """
        Split pseudo-header fields from the others, and check them.

        @raise Refused: the request is malformed, or has too many fields.
        """
        if not fields:
            raise malformed("the pseudo-header fields")
        names, values, _ = zip(*fields)
        known = self._latest
        # To compare costs less than to look up names that have no hash yet.
        if known is None or known[0].sent != names:
            known = self._latest = self._known.get(names)
        if known is None or known[0].steady(values) != known[1]:
            known = self._judge(names, values)
        shape, _, method, steady = known
        # Who takes a field out of a request must not take it out of the next one.
        headers = steady.copy()
        path, query = split_target(values[shape.path])
        length = None
        if shape.length is not None:
            digits = headers[b"content-length"] = values[shape.length]
            length = content_length(digits)
        return (method, path, query), zip(shape.names, values[shape.first :]), headers, length

    def _judge(self, names: tuple[bytes, ...], values: tuple[bytes, ...]) -> _Said:
        _check_values(names, values)
        shape = _shapes.get(names) or _shape(names, self._limit)
        known = (shape, shape.steady(values), *shape.judge(values, self._limit))
        if names in _shapes and sum(map(len, values)) + _FIELD_SIZE * len(values) <= _KNOWN_SIZE:
            # All connections share the names.
            self._latest = self._known.keep(shape.sent, known)
        return known


def check_trailers(fields: Fields) -> None:
    """
    @raise Refused: trailers with pseudo-header fields, or otherwise malformed.
    """
    names = [name for name, _, _ in fields]
    values = tuple([value for _, value, _ in fields])
    _check_values(names, values)
    _check_names(names)


def _check_values(names: Sequence[bytes], values: tuple[bytes, ...]) -> None:
    # A pass or two in C over all values: searching each with a regex costs ten times as much.
    if b"".join(values).translate(None, VALUE_BYTES) or tuple(map(_strip, values)) != values:
        raise malformed("a header field")
    if b"te" in names and values[names.index(b"te")] != b"trailers":
        raise malformed("TE")


def _shape(names: tuple[bytes, ...], limit: int) -> Shape:
    first = next((index for index, name in enumerate(names) if name[:1] != b":"), len(names))
    pseudo = names[:first]
    # A pseudo-header field behind another field has no name that the others may have.
    _check_names(names[first:])
    if len(set(pseudo)) != first:
        raise malformed("a pseudo-header field twice")
    if len(names) - first > limit:
        check_count(names[first:], limit)
    if frozenset(pseudo) not in _PSEUDO:
        raise malformed("the pseudo-header fields")
    shape = Shape(names, first)
    if len(names) <= _KNOWN_FIELDS and sum(map(len, names)) <= _KNOWN_LENGTH:
        _shapes.keep(names, shape)
    return shape


def _check_names(names: Collection[bytes]) -> None:
    distinct = set(names)
    for name in distinct:
        if _NAME.fullmatch(name) is None or name in _OF_CONNECTION:
            raise malformed("a header field")
    if len(distinct) != len(names):
        for name in _SINGLE:
            if list(names).count(name) > 1:
                raise malformed(f"two fields {name.decode()}")


def _picker(places: Sequence[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    if len(places) > 1:
        return itemgetter(*places)
    # Of one place itemgetter does not make a tuple.
    return lambda values: tuple(values[place] for place in places)


def _method(sent: bytes) -> str:
    # A tunnel has no path, and nothing here to go to.
    if _METHOD.fullmatch(sent) is None or sent == b"CONNECT":
        raise malformed("the method")
    return sent.decode("ascii")
