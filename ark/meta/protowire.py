"""
The wire format of protocol buffers, for reading.

What Kubernetes' generated code refuses is refused with its texts; so is what no encoder
writes: groups that do not close and messages of more fields than any object has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.meta.decoded import DecodeError

VARINT, FIXED64, LENGTH_DELIMITED, START_GROUP, END_GROUP, FIXED32 = range(6)

MAX_DEPTH = 100
"""
How deep messages and groups may nest, as in the libraries of protocol buffers.
"""

MAX_FIELDS = 100_000
"""
How many fields one body may have, with those of the messages in it.  A field of two bytes
can become an object of many members; an object as large as Kubernetes allows stays below.
"""

_HIGHEST_NUMBER = (1 << 29) - 1
_UINT64 = (1 << 64) - 1
_SIZES = {FIXED64: 8, FIXED32: 4}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        byte = data[position]
        if byte < 0x80:
            return byte, position + 1
        while shift < 64:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & _UINT64, position
            shift += 7
    except IndexError:
        raise DecodeError("unexpected EOF") from None
    raise DecodeError("proto: integer overflow")


def _tag(data: bytes, position: int) -> tuple[int, int, int]:
    tag, position = _varint(data, position)
    number = tag >> 3
    if not 0 < number <= _HIGHEST_NUMBER:
        raise DecodeError(f"proto: illegal tag {number} (wire type {tag})")
    return number, tag & 7, position


def _value(data: bytes, position: int, wire_type: int) -> tuple[Any, int]:
    if wire_type == LENGTH_DELIMITED:
        size, position = _varint(data, position)
    elif wire_type == VARINT:
        return _varint(data, position)
    elif wire_type == END_GROUP:
        raise DecodeError("proto: unexpected end of group")
    elif wire_type in _SIZES:
        size = _SIZES[wire_type]
    else:
        raise DecodeError(f"proto: illegal wireType {wire_type}")
    end = position + size
    if end > len(data):
        raise DecodeError("unexpected EOF")
    return data[position:end], end


class WireReader:
    """
    Splits the messages of one body into fields, and counts what they may take.
    """

    def __init__(self, most_fields: int = MAX_FIELDS) -> None:
        self._left = most_fields
        self._depth = 0

    def enter(self) -> None:
        """
        A message inside the present one is to be read.

        @raise DecodeError: it is too deep.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DecodeError("exceeded max depth")

    def leave(self) -> None:
        """
        It has been read.
        """
        self._depth -= 1

    def fields(self, data: bytes) -> Iterator[tuple[int, int, Any]]:
        """
        The number, the wire type and the value of each field, in their order: an unsigned
        integer of a varint, else bytes.  Groups, which Kubernetes has none of, are left out.

        @raise DecodeError: C{data} is no message.
        """
        position, end = 0, len(data)
        while position < end:
            self._left -= 1
            if self._left < 0:
                raise DecodeError("proto: too many fields")
            byte = data[position]
            if 0x08 <= byte < 0x80:
                number, wire_type, position = byte >> 3, byte & 7, position + 1
            else:
                number, wire_type, position = _tag(data, position)
            if wire_type == START_GROUP:
                position = self._after_group(data, position, number)
                continue
            value, position = _value(data, position, wire_type)
            yield number, wire_type, value

    def last(self, data: bytes, *wire_types: int) -> list[Any]:
        """
        The last values of the fields 1, 2 and so on of a message, each of the wire type
        given for it; L{None} for those that it lacks.

        @raise DecodeError: C{data} is no such message.
        """
        values: list[Any] = [None] * len(wire_types)
        for number, wire_type, value in self.fields(data):
            if number <= len(wire_types):
                if wire_type != wire_types[number - 1]:
                    raise wrong_wire_type(wire_type, str(number))
                values[number - 1] = value
        return values

    def _after_group(self, data: bytes, position: int, number: int) -> int:
        opened = [number]
        while opened:
            self._left -= 1
            if self._left < 0:
                raise DecodeError("proto: too many fields")
            number, wire_type, position = _tag(data, position)
            if wire_type == START_GROUP:
                opened.append(number)
                if len(opened) > MAX_DEPTH:
                    raise DecodeError("exceeded max depth")
            elif wire_type == END_GROUP and number == opened[-1]:
                opened.pop()
            else:
                _, position = _value(data, position, wire_type)
        return position


def wrong_wire_type(wire_type: int, field: str) -> DecodeError:
    """
    What is wrong with a field that has another type on the wire than its message says.
    """
    return DecodeError(f"proto: wrong wireType = {wire_type} for field {field}")


def int64(value: int) -> int:
    """
    The signed number of a varint.
    """
    return value - (1 << 64) if value >> 63 else value


def int32(value: int) -> int:
    """
    The signed number of the lower half of a varint, which is all that Go keeps of it.
    """
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
