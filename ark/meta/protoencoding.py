"""
Values of JSON as protocol buffers hold them: what L{ark.meta.protovalues} reads, written.

Follows the C{Marshal} methods of C{k8s.io/apimachinery}.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from ark.meta.protowire import LENGTH_DELIMITED, VARINT
from ark.meta.serializer import encode_json
from ark.meta.time import parse_rfc3339

Encode = Callable[[Any], bytes]
"""
The bytes of a value without its tag, and without its length where it has one.
"""

_UINT64 = (1 << 64) - 1
_EPOCH = datetime(1970, 1, 1)
_SMALL = [bytes((number,)) for number in range(0x80)]


def varint(value: int) -> bytes:
    """
    An integer in as many bytes as it needs; ten if it is negative.
    """
    if 0 <= value < 0x80:
        return _SMALL[value]
    value &= _UINT64
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def tag(number: int, wire_type: int) -> bytes:
    """
    What stands before a field's value.
    """
    return varint(number << 3 | wire_type)


def delimited(number: int, data: bytes) -> bytes:
    """
    A field that holds bytes.
    """
    return b"%b%b%b" % (tag(number, LENGTH_DELIMITED), varint(len(data)), data)


def _text(value: Any) -> bytes:
    encoded: bytes = value.encode()
    return encoded


def _blob(value: Any) -> bytes:
    return b64decode(value)


def _flag(value: Any) -> bytes:
    return b"\1" if value else b"\0"


def _number(value: Any) -> bytes:
    return varint(int(value))


@lru_cache(maxsize=256)
def _time(value: Any) -> bytes:
    if len(value) == 20:
        seconds = int((datetime.fromisoformat(value[:-1]) - _EPOCH).total_seconds())
    else:
        seconds = int(parse_rfc3339(value) // 1)
    return tag(1, VARINT) + varint(seconds) + b"\x10\0"


def _micro_time(value: Any) -> bytes:
    seconds, micros = divmod(round(parse_rfc3339(value) * 1_000_000), 1_000_000)
    return tag(1, VARINT) + varint(seconds) + tag(2, VARINT) + varint(micros * 1000)


def _int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\0" + delimited(3, value.encode())
    return b"\x08\0" + tag(2, VARINT) + varint(int(value)) + b"\x1a\0"


def _quantity(value: Any) -> bytes:
    return delimited(1, str(value).encode())


def _fields_v1(value: Any) -> bytes:
    return delimited(1, encode_json(value))


def _extra_value(value: Any) -> bytes:
    return b"".join(delimited(1, item.encode()) for item in value)


ENCODERS: dict[str, Encode] = {
    "string": _text,
    "bytes": _blob,
    "bool": _flag,
    "int32": _number,
    "int64": _number,
    "Time": _time,
    "MicroTime": _micro_time,
    "IntOrString": _int_or_string,
    "Quantity": _quantity,
    "FieldsV1": _fields_v1,
    "ExtraValue": _extra_value,
}
"""
By the name of the type, scalars and well-known messages.
"""

Write = Callable[[list[bytes], Any], None]
"""
Adds the pieces of a field to those of its message.
"""


def writer(number: int, wire_type: int, encode: Encode) -> Write:
    """
    What writes a field of one value.
    """
    start = tag(number, wire_type)
    if wire_type == VARINT:
        return lambda pieces, value: pieces.extend((start, encode(value)))

    def write(pieces: list[bytes], value: Any) -> None:
        data = encode(value)
        size = len(data)
        pieces += (start, _SMALL[size] if size < 0x80 else varint(size), data)

    return write


def repeating(write: Write) -> Write:
    """
    What writes a field that holds a list.
    """

    def write_all(pieces: list[bytes], values: Any) -> None:
        for value in values:
            write(pieces, value)

    return write_all


def mapping(number: int, wire_type: int, encode: Encode) -> Write:
    """
    What writes a field that holds an object of values.
    """
    write_key = writer(1, LENGTH_DELIMITED, _text)
    write_value = writer(2, wire_type, encode)

    def entry(item: Any) -> bytes:
        pieces: list[bytes] = []
        write_key(pieces, item[0])
        if item[1] is not None:
            write_value(pieces, item[1])
        return b"".join(pieces)

    write_entry = writer(number, LENGTH_DELIMITED, entry)

    def write_all(pieces: list[bytes], values: Any) -> None:
        for item in values.items():
            write_entry(pieces, item)

    return write_all
