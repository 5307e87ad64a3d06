"""
Times and durations as the API writes and reads them.

RFC 3339 with whole seconds in UTC is C{metav1.Time}; ages follow
C{k8s.io/apimachinery/pkg/util/duration}; durations in requests follow Go's
C{time.ParseDuration}.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from time import gmtime, strftime

from ark.meta.gotext import quote

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)", re.ASCII)
_LONGEST = (1 << 63) - 1


@lru_cache(maxsize=8)
def _formatted(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(second))


def rfc3339(seconds: float) -> str:
    """
    A time since the epoch as C{metav1.Time} is written: whole seconds, cut, with C{Z}.
    """
    return _formatted(int(seconds))


def rfc3339_micro(seconds: float) -> str:
    """
    A time since the epoch as C{metav1.MicroTime} is written: six digits of a second.
    """
    micros = round(seconds * 1_000_000)
    return f"{_formatted(micros // 1_000_000)[:-1]}.{micros % 1_000_000:06d}Z"


def parse_rfc3339(text: str) -> float:
    """
    Read an RFC 3339 time; the result is seconds since the epoch.

    @raise ValueError: with the text of Go's C{time.Parse}.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(_time_error(text))
    fraction = match[7] or ""
    offset = timedelta()
    if match[8] != "Z":
        hours, minutes = int(match[8][1:3]), int(match[8][4:6])
        if hours > 24 or minutes > 59:
            raise ValueError(f"parsing time {quote(text)}: time zone offset hour out of range")
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if match[8][0] == "-" else 1)
    try:
        moment = datetime(*map(int, match.groups()[:6]), tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise ValueError(f"parsing time {quote(text)}: {_out_of_range(error)} out of range") from None
    return (moment - offset - _EPOCH) / timedelta(seconds=1) + (float(f"0.{fraction}") if fraction else 0.0)


def _out_of_range(error: ValueError) -> str:
    words = str(error)
    for name in ("month", "hour", "minute", "second"):
        if words.startswith(name):
            return name
    return "day"


_LAYOUT = "2006-01-02T15:04:05Z07:00"
_STEPS = (
    ("2006", r"[0-9]{4}"),
    ("-", "-"),
    ("01", r"[0-9]{2}"),
    ("-", "-"),
    ("02", r"[0-9]{2}"),
    ("T", "T"),
    ("15", r"[0-9]{2}"),
    (":", ":"),
    ("04", r"[0-9]{2}"),
    (":", ":"),
    ("05", r"[0-9]{2}(?:[.,][0-9]+)?"),
    ("Z07:00", r"Z|[+-][0-9]{2}:[0-9]{2}"),
)


def _time_error(text: str) -> str:
    rest = text
    for element, pattern in _STEPS:
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            return f"parsing time {quote(text)} as {quote(_LAYOUT)}: cannot parse {quote(rest)} as {quote(element)}"
        rest = rest[match.end() :]
    return f"parsing time {quote(text)}: extra text: {quote(rest)}"


def human_duration(seconds: float) -> str:
    """
    An age in two or three figures: C{5s}, C{3m12s}, C{4d} (contract 14.3).

    Up to two seconds in the future count as now, more than that is C{<invalid>}.
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes = whole // 60
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = whole // 3600
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def parse_go_duration(text: str) -> float:
    """
    Read a duration such as C{1h2m} or C{1.5s}; the result is in seconds.

    @raise ValueError: with the text of Go's C{time.ParseDuration}.
    """
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    wrong = f"time: invalid duration {quote(text)}"
    total = 0 if rest else -1
    while rest:
        match = _PART.match(rest)
        if match is None or not (match[1] or match[2]):
            raise ValueError(wrong)
        total += _part(match, text)
        rest = rest[match.end() :]
    if not 0 <= total <= _LONGEST + (sign < 0):
        raise ValueError(wrong)
    return sign * total / 1_000_000_000


def _part(match: re.Match[str], text: str) -> int:
    if not match[3]:
        raise ValueError(f"time: missing unit in duration {quote(text)}")
    unit = _UNITS.get(match[3])
    if unit is None:
        raise ValueError(f"time: unknown unit {quote(match[3])} in duration {quote(text)}")
    # Digits that no int64 holds are cut before Python spends time on them.
    whole = int(match[1][:40] or "0")
    return whole * unit + int(float(f"0.{(match[2] or '0')[:30]}") * unit)
