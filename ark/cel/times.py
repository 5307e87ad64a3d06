"""
Times and durations to the nanosecond.

Follows Go's package C{time}, C{k8s.io/kube-openapi/pkg/validation/strfmt} for values of
objects, and cel-go's C{common/types/timestamp.go}.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ark.cel.errors import EvaluationError
from ark.cel.numbers import plain
from ark.cel.values import INT_MAX, INT_MIN, Duration, Timestamp
from ark.meta.time import UNITS

SECOND = 1_000_000_000
_FIRST, _LAST = -62135596800, 253402300799
_EPOCH = date(1970, 1, 1).toordinal()

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)", re.ASCII)
_LOOSE_PART = re.compile(r"([0-9]+)\s*([A-Za-z\u00b5]+)", re.ASCII)
_LOOSE_UNITS = (
    (("ns", "nano"), 1),
    (("us", "\u00b5s", "micro"), 1_000),
    (("ms", "milli"), 1_000_000),
    (("s", "sec"), SECOND),
    (("m", "min"), 60 * SECOND),
    (("h", "hr", "hour"), 3600 * SECOND),
    (("d", "day"), 86400 * SECOND),
    (("w", "wk", "week"), 7 * 86400 * SECOND),
)


def read_timestamp(text: str, zoned: bool = True) -> Timestamp | None:
    """
    A time in RFC 3339; L{None} for anything else.

    @param zoned: whether it must tell its zone; without one it is UTC.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zulu, sign = found[8], found[9]
    if zulu is None and sign is None and zoned:
        return None
    seconds = _seconds(year, month, day)
    if seconds is None or hour > 23 or minute > 59 or second > 59:
        return None
    offset = 0
    if sign is not None:
        if int(found[10]) > 24 or int(found[11]) > 60:
            return None
        offset = (int(found[10]) * 3600 + int(found[11]) * 60) * (-1 if sign == "-" else 1)
    fraction = int((found[7] or "0")[:9].ljust(9, "0"))
    seconds += hour * 3600 + minute * 60 + second - offset
    return Timestamp(seconds * SECOND + fraction, offset)


def _seconds(year: int, month: int, day: int) -> int | None:
    try:
        if year == 0:
            return (date(4, month, day).toordinal() - 1461 - _EPOCH) * 86400
        return (date(year, month, day).toordinal() - _EPOCH) * 86400
    except ValueError:
        return None


def read_date(text: str) -> Timestamp | None:
    """
    The start of a day in UTC.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    seconds = _seconds(int(found[1]), int(found[2]), int(found[3]))
    return None if seconds is None else Timestamp(seconds * SECOND)


def checked_timestamp(nanoseconds: int, offset: int = 0) -> Timestamp:
    """
    A time between the years 1 and 9999.
    """
    if not _FIRST <= nanoseconds // SECOND <= _LAST:
        raise EvaluationError("timestamp overflow")
    return Timestamp(nanoseconds, offset)


def checked_duration(nanoseconds: int) -> Duration:
    """
    A span that fits in 64 bits of nanoseconds.
    """
    if not INT_MIN <= nanoseconds <= INT_MAX:
        raise EvaluationError("integer overflow")
    return Duration(nanoseconds)


def timestamp_text(value: Timestamp) -> str:
    """
    A time as Go's layout RFC3339Nano writes it.
    """
    seconds, fraction = divmod(value.nanoseconds + value.offset * SECOND, SECOND)
    days, rest = divmod(seconds, 86400)
    ordinal = days + _EPOCH
    day = date.fromordinal(ordinal) if ordinal > 0 else date.fromordinal(ordinal + 1461)
    year = day.year if ordinal > 0 else day.year - 4
    text = (
        f"{year:04d}-{day.month:02d}-{day.day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    )
    if fraction:
        text += "." + f"{fraction:09d}".rstrip("0")
    if not value.offset:
        return text + "Z"
    minutes = abs(value.offset) // 60
    return f"{text}{'-' if value.offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def read_duration(text: str) -> int | None:
    """
    Nanoseconds as Go's C{time.ParseDuration} reads them; L{None} if it refuses.
    """
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None or not (part[1] or part[2]) or part[3] not in UNITS:
            return None
        unit = UNITS[part[3]]
        digits = part[2] or ""
        total += int(part[1] or 0) * unit + (int(digits or 0) * unit // 10 ** len(digits) if digits else 0)
        position = part.end()
        if total > INT_MAX + (sign < 0):
            return None
    return sign * total if rest else None


def read_loose_duration(text: str) -> int | None:
    """
    Nanoseconds as the format C{duration} of a schema reads them: Go's way, or else numbers
    with units up to weeks.
    """
    strict = read_duration(text)
    if strict is not None:
        return strict
    total, found = 0, False
    for part in _LOOSE_PART.finditer(text):
        unit = part[2].lower()
        for names, multiplier in _LOOSE_UNITS:
            for name in names:
                if unit == name or (name == names[-1] and unit.startswith(name)):
                    total, found = total + int(part[1]) * multiplier, True
    return (total + 2**63) % 2**64 - 2**63 if found else None


def duration_text(value: Duration) -> str:
    """
    A span in seconds.
    """
    whole, rest = divmod(abs(value.nanoseconds), SECOND)
    seconds = float(whole) + float(rest) / 1e9
    return plain(-seconds if value.nanoseconds < 0 else seconds) + "s"


class Calendar(NamedTuple):
    """
    The parts of a time; months and days from 1, weekdays from Sunday.
    """

    year: int
    month: int
    day: int
    day_of_year: int
    weekday: int
    hour: int
    minute: int
    second: int
    millisecond: int


def in_zone(value: Timestamp, zone: str = "UTC") -> Calendar:
    """
    The calendar of a time in a zone of that name, or C{+hh:mm} east of UTC.
    """
    seconds, fraction = divmod(value.nanoseconds, SECOND)
    # Beyond the first and last day that Python knows zones lead to years that it does not.
    shift = 400 if seconds < _FIRST + 86400 else -400 if seconds > _LAST - 86400 else 0
    start = datetime(1970 + shift, 1, 1, tzinfo=timezone.utc)
    time = (start + timedelta(seconds=seconds)).astimezone(_zone(zone))
    return Calendar(
        time.year - shift,
        time.month,
        time.day,
        time.timetuple().tm_yday,
        time.isoweekday() % 7,
        time.hour,
        time.minute,
        time.second,
        fraction // 1_000_000,
    )


def _zone(name: str) -> tzinfo:
    head, colon, tail = name.partition(":")
    if not colon:
        if name in ("", "UTC"):
            return timezone.utc
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            raise EvaluationError(f"unknown time zone {name}") from None
    hours, minutes = _offset_part(head), _offset_part(tail)
    total = hours * 60 - minutes if name[0] == "-" else hours * 60 + minutes
    return timezone(timedelta(minutes=total))


def _offset_part(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        raise EvaluationError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
