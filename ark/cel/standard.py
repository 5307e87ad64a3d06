"""
The functions that CEL itself has: sizes, conversions, tests on strings, parts of times.

Follows cel-go's C{common/stdlib/standard.go} and the conversions in C{common/types}.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.functions import A, B, Function, Overload, function, member, plain
from ark.cel.numbers import general, integer_of, read_double, read_integer, unsigned_of
from ark.cel.times import (
    SECOND,
    Calendar,
    checked_duration,
    checked_timestamp,
    duration_text,
    in_zone,
    read_duration,
    read_timestamp,
    timestamp_text,
)
from ark.cel.types import Type, list_of, map_of, type_of
from ark.cel.values import UINT_MAX, Duration, Timestamp, Uint, size
from ark.cel.values import type_of as type_of_value

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


# What RE2 says, and what Go says of the same.
_REGEX_FAULTS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}


def _mismatch(value: Any, wanted: Type) -> EvaluationError:
    source, target = (_shown(each) for each in (type_of_value(value), wanted))
    return EvaluationError(f"type conversion error from '{source}' to '{target}'")


def _shown(declared: Type) -> str:
    return declared.name


def _string_to_bool(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _mismatch(text, types.BOOL)


def _string_to_double(text: str) -> float:
    value = read_double(text)
    if value is None:
        raise _mismatch(text, types.DOUBLE)
    return value


def _string_to_int(text: str) -> int:
    value = read_integer(text)
    if value is None:
        raise _mismatch(text, types.INT)
    return value


def _string_to_uint(text: str) -> Uint:
    value = read_integer(text, 0, UINT_MAX)
    if value is None:
        raise _mismatch(text, types.UINT)
    return Uint(value)


def _string_to_duration(text: str) -> Duration:
    value = read_duration(text)
    if value is None:
        raise _mismatch(text, types.DURATION)
    return checked_duration(value)


def _string_to_timestamp(text: str) -> Timestamp:
    value = read_timestamp(text)
    if value is None:
        raise _mismatch(text, types.TIMESTAMP)
    return checked_timestamp(value.nanoseconds, value.offset)


def _int_to_uint(value: int) -> Uint:
    if value < 0:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def _uint_to_int(value: Uint) -> int:
    if value >= 2**63:
        raise EvaluationError("integer overflow")
    return int(value)


def _bytes_to_string(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def _int_to_duration(value: int) -> Duration:
    raise _mismatch(value, types.DURATION)


def _same(value: Any) -> Any:
    return value


def _conversion(name: str, target: Type, *sources: tuple[str, Type, Callable[[Any], Any]]) -> Function:
    return function(name, *(plain(each, (source,), target, run) for each, source, run in sources))


_CONVERSIONS = (
    _conversion(
        "bool",
        types.BOOL,
        ("bool_to_bool", types.BOOL, _same),
        ("string_to_bool", types.STRING, _string_to_bool),
    ),
    _conversion(
        "bytes",
        types.BYTES,
        ("bytes_to_bytes", types.BYTES, _same),
        ("string_to_bytes", types.STRING, str.encode),
    ),
    _conversion(
        "double",
        types.DOUBLE,
        ("double_to_double", types.DOUBLE, _same),
        ("int64_to_double", types.INT, float),
        ("string_to_double", types.STRING, _string_to_double),
        ("uint64_to_double", types.UINT, float),
    ),
    _conversion(
        "duration",
        types.DURATION,
        ("duration_to_duration", types.DURATION, _same),
        ("int64_to_duration", types.INT, _int_to_duration),
        ("string_to_duration", types.STRING, _string_to_duration),
    ),
    function("dyn", plain("to_dyn", (A,), types.DYN, _same)),
    _conversion(
        "int",
        types.INT,
        ("int64_to_int64", types.INT, _same),
        ("double_to_int64", types.DOUBLE, integer_of),
        ("duration_to_int64", types.DURATION, lambda value: value.nanoseconds),
        ("string_to_int64", types.STRING, _string_to_int),
        ("timestamp_to_int64", types.TIMESTAMP, lambda value: value.nanoseconds // SECOND),
        ("uint64_to_int64", types.UINT, _uint_to_int),
    ),
    _conversion(
        "string",
        types.STRING,
        ("string_to_string", types.STRING, _same),
        ("bool_to_string", types.BOOL, lambda value: "true" if value else "false"),
        ("bytes_to_string", types.BYTES, _bytes_to_string),
        ("double_to_string", types.DOUBLE, general),
        ("duration_to_string", types.DURATION, duration_text),
        ("int64_to_string", types.INT, str),
        ("timestamp_to_string", types.TIMESTAMP, timestamp_text),
        ("uint64_to_string", types.UINT, lambda value: str(int(value))),
    ),
    _conversion(
        "timestamp",
        types.TIMESTAMP,
        ("timestamp_to_timestamp", types.TIMESTAMP, _same),
        ("int64_to_timestamp", types.INT, lambda value: checked_timestamp(value * SECOND)),
        ("string_to_timestamp", types.STRING, _string_to_timestamp),
    ),
    _conversion(
        "uint",
        types.UINT,
        ("uint64_to_uint64", types.UINT, _same),
        ("double_to_uint64", types.DOUBLE, unsigned_of),
        ("int64_to_uint64", types.INT, _int_to_uint),
        ("string_to_uint64", types.STRING, _string_to_uint),
    ),
    function("type", plain("type", (A,), type_of(A), type_of_value)),
)


def string_of(value: Any) -> str | None:
    """
    What C{string(value)} is; L{None} for values that have no text.
    """
    if value is None:
        return "null"
    if type(value) is Type:
        return value.name
    wanted = type_of_value(value)
    for overload in _CONVERSIONS[6].overloads:
        if overload.args[0] == wanted and overload.run is not None:
            text: str = overload.run(value)
            return text
    return None


# A pattern that was searched with takes up to 3 MiB, and objects can bring their own.  A rule keeps those
# that are always the same.
@lru_cache(maxsize=64)
def compile_regex(pattern: str) -> Any:
    """
    A pattern in Go's syntax.

    @raise EvaluationError: with what Go says of one that is wrong.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise EvaluationError(f"error parsing regexp: {_go_regex_error(error)}") from None


def _go_regex_error(error: Exception) -> str:
    text = error.args[0]
    what, _, where = (text.decode() if isinstance(text, bytes) else str(text)).partition(": ")
    what = _REGEX_FAULTS.get(what, what)
    return f"{what}: `{where}`" if where else what


def _matches(text: str, pattern: str) -> bool:
    return compile_regex(pattern).search(text) is not None


def _sized(value: Any) -> int:
    return size(value)


def _sizes() -> Function:
    overloads: list[Overload] = []
    for word, declared in (
        ("bytes", types.BYTES),
        ("list", list_of(A)),
        ("map", map_of(A, B)),
        ("string", types.STRING),
    ):
        overloads.append(plain(f"size_{word}", (declared,), types.INT, _sized))
        overloads.append(member(f"{word}_size", (declared,), types.INT, _sized))
    return function("size", *overloads)


def _part(
    take: Callable[[Calendar], int],
) -> tuple[Callable[[Timestamp], int], Callable[[Timestamp, str], int]]:
    return lambda value: take(in_zone(value)), lambda value, zone: take(in_zone(value, zone))


def _toward_zero(value: Duration, unit: int) -> int:
    whole = abs(value.nanoseconds) // unit
    return -whole if value.nanoseconds < 0 else whole


def _timed(name: str, word: str, take: Callable[[Calendar], int], unit: int = 0) -> Function:
    here, there = _part(take)
    overloads = [
        member(f"timestamp_to_{word}", (types.TIMESTAMP,), types.INT, here),
        member(f"timestamp_to_{word}_with_tz", (types.TIMESTAMP, types.STRING), types.INT, there),
    ]
    if unit:
        span = word.rstrip("_tz")
        run = lambda value: _toward_zero(value, unit)  # noqa: E731
        overloads.append(member(f"duration_to_{span}", (types.DURATION,), types.INT, run))
    return function(name, *overloads)


def _tests() -> tuple[Function, ...]:
    text = (types.STRING, types.STRING)
    return (
        function(
            "contains",
            member("contains_string", text, types.BOOL, lambda value, part: part in value),
            guarded=False,
        ),
        function("endsWith", member("ends_with_string", text, types.BOOL, str.endswith), guarded=False),
        function("startsWith", member("starts_with_string", text, types.BOOL, str.startswith), guarded=False),
        function(
            "matches",
            plain("matches", text, types.BOOL, _matches),
            member("matches_string", text, types.BOOL, _matches),
        ),
    )


FUNCTIONS: tuple[Function, ...] = (
    _sizes(),
    *_CONVERSIONS,
    *_tests(),
    _timed("getFullYear", "year", lambda time: time.year),
    _timed("getMonth", "month", lambda time: time.month - 1),
    _timed("getDayOfYear", "day_of_year", lambda time: time.day_of_year - 1),
    _timed("getDayOfMonth", "day_of_month", lambda time: time.day - 1),
    _timed("getDate", "day_of_month_1_based", lambda time: time.day),
    _timed("getDayOfWeek", "day_of_week", lambda time: time.weekday),
    _timed("getHours", "hours", lambda time: time.hour, 3600 * SECOND),
    _timed("getMinutes", "minutes", lambda time: time.minute, 60 * SECOND),
    _timed("getSeconds", "seconds", lambda time: time.second, SECOND),
    _timed("getMilliseconds", "milliseconds", lambda time: time.millisecond, SECOND // 1000),
)
