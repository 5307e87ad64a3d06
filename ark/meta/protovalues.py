"""
Values of protocol buffers as JSON: scalars, and the messages that JSON has a text, a number
or a tree for instead of an object.

Follows the C{MarshalJSON} and C{Unmarshal} methods of C{k8s.io/apimachinery}: what their
pair makes of the bytes is what is made here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ark.meta.decoded import DecodeError
from ark.meta.protowire import LENGTH_DELIMITED, VARINT, WireReader, int32, int64
from ark.meta.serializer import decode_json

Convert = Callable[[WireReader, Any], Any]

_EPOCH = datetime(1970, 1, 1)
_ZERO = datetime(1, 1, 1)


class Scalar(NamedTuple):
    """
    How a scalar is read, and what it is when it was not sent.
    """

    wire_type: int
    convert: Convert
    zero: Any


def text(wire: WireReader, value: bytes) -> str:
    """
    A string.  What JSON bodies may not hold is refused here too.

    @raise DecodeError: it is not Unicode, or holds U+0000.
    """
    try:
        decoded = value.decode()
    except UnicodeDecodeError:
        raise DecodeError("string field contains invalid UTF-8") from None
    if "\0" in decoded:
        raise DecodeError("invalid character '\\x00' in string literal")
    return decoded


def _base64(wire: WireReader, value: bytes) -> str:
    return b64encode(value).decode()


def _bool(wire: WireReader, value: int) -> bool:
    return value != 0


def _int32(wire: WireReader, value: int) -> int:
    return int32(value)


def _int64(wire: WireReader, value: int) -> int:
    return int64(value)


SCALARS = {
    "string": Scalar(LENGTH_DELIMITED, text, ""),
    "bytes": Scalar(LENGTH_DELIMITED, _base64, ""),
    "bool": Scalar(VARINT, _bool, False),
    "int32": Scalar(VARINT, _int32, 0),
    "int64": Scalar(VARINT, _int64, 0),
}


def _moment(wire: WireReader, value: bytes) -> tuple[datetime, int] | None:
    """
    A time in whole seconds, and the nanoseconds that it has more.
    """
    if not value:
        return None
    seconds, nanos = wire.last(value, VARINT, VARINT)
    try:
        return _EPOCH + timedelta(seconds=int64(seconds or 0)), int32(nanos or 0)
    except OverflowError:
        raise DecodeError("Time.MarshalJSON: year outside of range [0,9999]") from None


def _time(wire: WireReader, value: bytes) -> str | None:
    moment = _moment(wire, value)
    if moment is None or moment[0] == _ZERO:
        return None
    return f"{moment[0].isoformat()}Z"


def _micro_time(wire: WireReader, value: bytes) -> str | None:
    moment = _moment(wire, value)
    if moment is None:
        return None
    try:
        # Towards zero, as Go cuts a duration; it may be negative.
        exact = moment[0] + timedelta(microseconds=int(moment[1] / 1000))
    except OverflowError:
        raise DecodeError("Time.MarshalJSON: year outside of range [0,9999]") from None
    return None if exact == _ZERO else f"{exact.isoformat(timespec='microseconds')}Z"


def _int_or_string(wire: WireReader, value: bytes) -> int | str:
    chosen, number, string = wire.last(value, VARINT, VARINT, LENGTH_DELIMITED)
    if chosen not in (None, 0, 1):
        raise DecodeError("impossible IntOrString.Type")
    return text(wire, string or b"") if chosen else int32(number or 0)


def _quantity(wire: WireReader, value: bytes) -> str:
    (string,) = wire.last(value, LENGTH_DELIMITED)
    return text(wire, string or b"0")


def _fields_v1(wire: WireReader, value: bytes) -> Any:
    (raw,) = wire.last(value, LENGTH_DELIMITED)
    return decode_json(raw).value if raw else None


def _extra_value(wire: WireReader, value: bytes) -> list[str]:
    return [
        text(wire, item)
        for number, wire_type, item in wire.fields(value)
        if number == 1 and wire_type == LENGTH_DELIMITED
    ]


WELL_KNOWN: dict[str, Convert] = {
    "Time": _time,
    "MicroTime": _micro_time,
    "IntOrString": _int_or_string,
    "Quantity": _quantity,
    "FieldsV1": _fields_v1,
    "ExtraValue": _extra_value,
}
