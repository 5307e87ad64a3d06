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


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "duration": _duration,
    "date": _date,
    "date-time": _date_time,
    "byte": _octets,
}


def double(raw: Any) -> float:
    """
    A number.
    """
    return float(raw)


def integer(raw: Any) -> int:
    """
    A whole number.
    """
    if type(raw) is int:
        return raw
    raise EvaluationError("invalid data, expected int, got float64")
