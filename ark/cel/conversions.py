"""
Decoded JSON to values of the types that schemas declare.

Follows C{k8s.io/apiserver/pkg/cel/common/valuesunstructured.go}.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from ark.cel.errors import EvaluationError
from ark.cel.times import read_date, read_loose_duration, read_timestamp
from ark.cel.values import Duration, Timestamp

_GO_TYPES = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    dict: "map[string]interface {}",
    list: "[]interface {}",
}


def _refused(wanted: str, raw: Any) -> EvaluationError:
    """
    Objects that were stored under another schema may hold anything.
    """
    return EvaluationError(f"invalid data, expected {wanted}, got {_GO_TYPES.get(type(raw), '<nil>')}")


def integer_or_text(raw: Any) -> Any:
    """
    A whole number or a text.
    """
    if type(raw) is str or type(raw) is int:
        return raw
    raise EvaluationError("invalid data, expected XIntOrString value to be either a string or integer")


def _duration(raw: str) -> Duration:
    value = read_loose_duration(raw)
    if value is None:
        raise EvaluationError(f"Invalid duration {raw}: unable to parse {raw} as duration")
    return Duration(value)


def _date(raw: str) -> Timestamp:
    value = read_date(raw)
    if value is None:
        raise EvaluationError(f"Invalid date formatted string {raw}")
    return value


def _date_time(raw: str) -> Timestamp:
    if not raw:
        return Timestamp(0)
    value = read_timestamp(raw, zoned=False)
    if value is None:
        raise EvaluationError(f"Invalid date-time formatted string {raw}")
    return value


def _octets(raw: str) -> bytes:
    try:
        return base64.b64decode(raw.replace("\n", "").replace("\r", "").encode(), validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError(f"Invalid byte formatted string {raw}") from None


def text(raw: Any) -> str:
    """
    A text.
    """
    if type(raw) is str:
        return raw
    raise _refused("string", raw)


def _of_text(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda raw: read(text(raw))


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "duration": _of_text(_duration),
    "date": _of_text(_date),
    "date-time": _of_text(_date_time),
    "byte": _of_text(_octets),
}


def boolean(raw: Any) -> bool:
    """
    True or false.
    """
    if type(raw) is bool:
        return raw
    raise _refused("bool", raw)


def double(raw: Any) -> float:
    """
    A number.
    """
    if type(raw) is float or type(raw) is int:
        return float(raw)
    raise _refused("float", raw)


def integer(raw: Any) -> int:
    """
    A whole number.
    """
    if type(raw) is int:
        return raw
    raise _refused("int", raw)
