"""
Objects of Kubernetes in protocol buffers, read as the JSON of the same objects, and written.

A body is the four bytes C{k8s\\0} and a C{runtime.Unknown}, which names the type and holds
the object's own message (C{k8s.io/apimachinery/pkg/runtime/serializer/protobuf}).  What a
message holds is data: tables of fields, which L{compile_messages} makes L{Message}s of.

The result is what Go's C{encoding/json} makes of the decoded object.  That decides which
zero values are seen, as Kubernetes' encoder writes nearly all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ark.meta.decoded import DecodeError
from ark.meta.protoencoding import ENCODERS, Encode, Write, delimited, mapping, repeating, writer
from ark.meta.protovalues import SCALARS, WELL_KNOWN, Convert, Scalar, text
from ark.meta.protowire import LENGTH_DELIMITED, WireReader, wrong_wire_type
from ark.meta.serializer import encode_json

__all__ = [
    "ALWAYS",
    "EXPLICIT",
    "IMPLICIT",
    "DecodeError",
    "Envelope",
    "Message",
    "close_envelope",
    "compile_messages",
    "open_envelope",
]

Table = Mapping[str, Mapping[str, Any]]
"""
The fields of a message by their JSON names: C{number}, C{type}, and where they apply
C{repeated}, C{map} (then C{type} is that of the values; keys are strings) and C{presence},
one of L{IMPLICIT}, L{EXPLICIT} and L{ALWAYS}.
"""

IMPLICIT = "implicit"
"""
A zero value is left out: C{omitempty}, or C{omitzero} for times.
"""

EXPLICIT = "explicit"
"""
What was sent is there, zero or not: a pointer in Go.
"""

ALWAYS = "always"
"""
There even if it was not sent: no C{omitempty}, or one that has no effect on a struct.
"""

_MAGIC = b"k8s\0"
_PRESENCES = (IMPLICIT, EXPLICIT, ALWAYS)
_MEMBERS = frozenset(("number", "type", "repeated", "map", "presence"))

_Put = Callable[[WireReader, dict[str, Any], Any], None]


class Envelope(NamedTuple):
    """
    What C{runtime.Unknown} says; members that were not sent are empty.
    """

    api_version: str
    kind: str
    raw: bytes


def open_envelope(data: bytes) -> Envelope:
    """
    The type and the message of a body.  Its content type and encoding are not looked at,
    as Kubernetes does not.

    @raise DecodeError: it has none.
    """
    if not data:
        raise DecodeError("empty data")
    if not data.startswith(_MAGIC):
        shown = " ".join(map(str, _MAGIC))
        raise DecodeError(
            f"provided data does not appear to be a protobuf message, expected prefix [{shown}]"
        )
    if data == _MAGIC:
        raise DecodeError("empty body")
    wire = WireReader()
    type_meta, raw = wire.last(data[len(_MAGIC) :], LENGTH_DELIMITED, LENGTH_DELIMITED)
    api_version, kind = wire.last(type_meta or b"", LENGTH_DELIMITED, LENGTH_DELIMITED)
    return Envelope(text(wire, api_version or b""), text(wire, kind or b""), raw or b"")


def close_envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """
    A body of a message.
    """
    types = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    return b"%b%b%b\x1a\0\x22\0" % (_MAGIC, delimited(1, types), delimited(2, raw))


class _Field(NamedTuple):
    """
    How a field's value gets into the object.
    """

    name: str
    wire_type: int
    put: _Put


class Message:
    """
    A type of messages.  L{compile_messages} makes them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._fields: dict[int, _Field] = {}
        self._writers: dict[str, Write] = {}
        # What must be there, and what is read once all pieces of it have been seen.
        self._zeros: dict[str, Any] = {}
        self._inner: list[tuple[str, Convert, str]] = []

    def decode(self, raw: bytes) -> dict[str, Any]:
        """
        The JSON value of a message.

        @raise DecodeError: it is malformed, or goes beyond the limits on size and depth.
        """
        value = self.read(WireReader(), raw)
        try:
            encode_json(value)
        except TypeError:
            raise DecodeError("exceeded max depth") from None
        return value

    def read(self, wire: WireReader, raw: bytes) -> dict[str, Any]:
        """
        The JSON value of a message that is part of what C{wire} reads.

        @raise DecodeError: likewise.
        """
        wire.enter()
        obj = dict(self._zeros)
        fields = self._fields
        for number, wire_type, value in wire.fields(raw):
            field = fields.get(number)
            if field is None:
                continue
            if wire_type != field.wire_type:
                raise wrong_wire_type(wire_type, field.name)
            field.put(wire, obj, value)
        for name, convert, presence in self._inner:
            pieces = obj.get(name)
            if pieces is None and presence != ALWAYS:
                continue
            # A message that is sent in pieces is merged, which joining their bytes does.
            value = obj[name] = convert(wire, b"".join(pieces or ()))
            if value is None and presence == IMPLICIT:
                del obj[name]
        wire.leave()
        return obj

    def encode(self, obj: Mapping[str, Any]) -> bytes:
        """
        The message of a JSON value.  Members that no field is for, or that are C{null}, are
        left out, and so are zero values that are not there.
        """
        pieces: list[bytes] = []
        writers = self._writers
        for name, value in obj.items():
            if value is not None:
                write = writers.get(name)
                if write is not None:
                    write(pieces, value)
        return b"".join(pieces)

    def fill(self, table: Table, messages: Mapping[str, Message]) -> None:
        """
        Learn the fields; C{messages} are the types that they may name.

        @raise ValueError: the table is wrong; the message says where.
        """
        for name, entry in table.items():
            try:
                self._add(name, entry, messages)
            except ValueError as error:
                raise ValueError(f"{self.name}.{name}: {error}") from error

    def _add(self, name: str, entry: Mapping[str, Any], messages: Mapping[str, Message]) -> None:
        number, presence = entry.get("number"), entry.get("presence", IMPLICIT)
        if not entry.keys() <= _MEMBERS or presence not in _PRESENCES or not isinstance(number, int):
            raise ValueError("is not an entry of a table")
        if number in self._fields:
            raise ValueError(f"number {number} is taken")
        value = _value(entry.get("type", ""), messages)
        wire_type = value.wire_type
        self._writers[name] = _writer(number, wire_type, _encoder(entry["type"], messages), entry)
        if entry.get("map"):
            wire_type, put = LENGTH_DELIMITED, _put_entry(name, value)
        elif entry.get("repeated"):
            if wire_type != LENGTH_DELIMITED:
                raise ValueError("numbers cannot be repeated")
            put = _put_item(name, value.convert)
        elif entry["type"] not in SCALARS:
            put = _put_piece(name)
            self._inner.append((name, value.convert, presence))
        else:
            put = (_put_unless_zero if presence == IMPLICIT else _put_scalar)(name, value.convert)
            if presence == ALWAYS:
                self._zeros[name] = value.zero
        self._fields[number] = _Field(name, wire_type, put)


def _value(of: str, messages: Mapping[str, Message]) -> Scalar:
    """
    How a value of a type is read; those that are no scalars have no zero.
    """
    if of in SCALARS:
        return SCALARS[of]
    if of in WELL_KNOWN:
        return Scalar(LENGTH_DELIMITED, WELL_KNOWN[of], None)
    if of in messages:
        return Scalar(LENGTH_DELIMITED, messages[of].read, None)
    raise ValueError(f"there is no type {of}")


def _encoder(of: str, messages: Mapping[str, Message]) -> Encode:
    return ENCODERS[of] if of in ENCODERS else messages[of].encode


def _writer(number: int, wire_type: int, encode: Encode, entry: Mapping[str, Any]) -> Write:
    if entry.get("map"):
        return mapping(number, wire_type, encode)
    write = writer(number, wire_type, encode)
    return repeating(write) if entry.get("repeated") else write


def _put_scalar(name: str, convert: Convert) -> _Put:
    def put(wire: WireReader, obj: dict[str, Any], value: Any) -> None:
        obj[name] = convert(wire, value)

    return put


def _put_unless_zero(name: str, convert: Convert) -> _Put:
    def put(wire: WireReader, obj: dict[str, Any], value: Any) -> None:
        if value:
            obj[name] = convert(wire, value)
        else:
            obj.pop(name, None)

    return put


def _put_piece(name: str) -> _Put:
    def put(wire: WireReader, obj: dict[str, Any], value: Any) -> None:
        obj.setdefault(name, []).append(value)

    return put


def _put_item(name: str, convert: Convert) -> _Put:
    def put(wire: WireReader, obj: dict[str, Any], value: Any) -> None:
        obj.setdefault(name, []).append(convert(wire, value))

    return put


def _put_entry(name: str, of: Scalar) -> _Put:
    wire_type, convert, zero = of

    def put(wire: WireReader, obj: dict[str, Any], value: Any) -> None:
        key, sent = wire.last(value, LENGTH_DELIMITED, wire_type)
        if sent is None and zero is None:
            sent = b""
        entries = obj.setdefault(name, {})
        entries[text(wire, key or b"")] = zero if sent is None else convert(wire, sent)

    return put


def compile_messages(tables: Mapping[str, Table]) -> dict[str, Message]:
    """
    The messages of tables, which may name each other as types.

    @raise ValueError: a table is wrong.
    """
    messages = {name: Message(name) for name in tables}
    for name, table in tables.items():
        messages[name].fill(table, messages)
    return messages
