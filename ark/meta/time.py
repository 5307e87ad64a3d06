"""
Times and durations as the API writes and reads them.

RFC 3339 with whole seconds in UTC is C{metav1.Time}; ages follow
C{k8s.io/apimachinery/pkg/util/duration}; durations in requests follow Go's
C{time.ParseDuration}.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from time import gmtime, strftime

_EPOCH = datetime(1970, 1, 1)
_CANONICAL = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[0-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    re.ASCII,
)
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_FOUR = re.compile(r"[0-9]{4}", re.ASCII)
_TWO = re.compile(r"[0-9]{2}", re.ASCII)
_ONE_OR_TWO = re.compile(r"[0-9]{1,2}", re.ASCII)
_DASH, _COLON, _T = re.compile("-"), re.compile(":"), re.compile("T")
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_MICROS = re.compile(r"[.,][0-9]{6}", re.ASCII)
_FRACTION = re.compile(r"[.,]([0-9]+)", re.ASCII)
_ZONE = re.compile(r"Z|[+-][0-9]{2}:[0-9]{2}", re.ASCII)

UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""
The nanoseconds of the units of Go's C{time.ParseDuration}.
"""

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
    if _CANONICAL.fullmatch(text):
        try:
            return (datetime.fromisoformat(text[:-1]) - _EPOCH).total_seconds()
        except ValueError:
            raise ValueError(f"parsing time {_quote(text)}: day out of range") from None
    return _Parsing(text).parse()


def parse_rfc3339_micro(text: str) -> float:
    """
    Read a C{metav1.MicroTime}, which has exactly six digits of a second.

    @raise ValueError: with the text of Go's C{time.Parse}.
    """
    return _Parsing(text, _MICRO_LAYOUT).parse()


class _Parsing:
    """
    Reads a time element by element, as Go does, to fail where Go fails.
    """

    def __init__(self, text: str, layout: str = _LAYOUT) -> None:
        self._text = text
        self._rest = text
        self._layout = layout

    def _take(self, element: str, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._rest)
        if match is None:
            rest = _quote(self._rest)
            whole = f"parsing time {_quote(self._text)} as {_quote(self._layout)}"
            raise ValueError(f"{whole}: cannot parse {rest} as {_quote(element)}")
        self._rest = self._rest[match.end() :]
        return match[0]

    def _out_of_range(self, what: str) -> ValueError:
        return ValueError(f"parsing time {_quote(self._text)}: {what} out of range")

    def _number(self, element: str, pattern: re.Pattern[str], name: str, highest: int) -> int:
        value = int(self._take(element, pattern))
        if value > highest or (name == "month" and not value):
            raise self._out_of_range(name)
        return value

    def parse(self) -> float:
        """
        Seconds since the epoch.
        """
        year = int(self._take("2006", _FOUR))
        self._take("-", _DASH)
        month = self._number("01", _TWO, "month", 12)
        self._take("-", _DASH)
        day = int(self._take("02", _TWO))
        self._take("T", _T)
        hour = self._number("15", _ONE_OR_TWO, "hour", 23)
        self._take(":", _COLON)
        minute = self._number("04", _TWO, "minute", 59)
        self._take(":", _COLON)
        second = self._number("05", _TWO, "second", 59)
        fraction = self._fraction()
        offset = self._offset()
        if self._rest:
            raise ValueError(f"parsing time {_quote(self._text)}: extra text: {_quote(self._rest)}")
        try:
            whole = (datetime(year or 4, month, day, hour, minute, second) - _EPOCH).total_seconds()
        except ValueError:
            raise self._out_of_range("day") from None
        if not year:
            # Python has no year 0; four of them are as many days as years 0 to 3.
            whole -= 1461 * 86400
        return whole - offset + fraction

    def _fraction(self) -> float:
        if self._layout == _MICRO_LAYOUT:
            return float(f"0.{self._take('.000000', _MICROS)[1:]}")
        fraction = _FRACTION.match(self._rest)
        if fraction is None:
            return 0.0
        self._rest = self._rest[fraction.end() :]
        return float(f"0.{fraction[1]}")

    def _offset(self) -> int:
        zone = self._take("Z07:00", _ZONE)
        if zone == "Z":
            return 0
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 24:
            raise self._out_of_range("time zone offset hour")
        if minutes > 60:
            raise self._out_of_range("time zone offset minute")
        return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def _quote(text: str) -> str:
    """
    A text as Go's package C{time} quotes it, which knows no letters but those of ASCII.
    """
    if text.isascii() and text.isprintable():
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    pieces = []
    for character in text:
        if character in '"\\':
            pieces.append(f"\\{character}")
        elif " " <= character <= "\x7f":
            pieces.append(character)
        else:
            pieces.extend(f"\\x{byte:02x}" for byte in character.encode("utf-8", "replace"))
    return f'"{"".join(pieces)}"'


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
    wrong = f"time: invalid duration {_quote(text)}"
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
        raise ValueError(f"time: missing unit in duration {_quote(text)}")
    unit = UNITS.get(match[3])
    if unit is None:
        raise ValueError(f"time: unknown unit {_quote(match[3])} in duration {_quote(text)}")
    # Digits that no int64 holds are cut before Python spends time on them.
    whole = int(match[1][:40] or "0")
    return whole * unit + int(float(f"0.{(match[2] or '0')[:30]}") * unit)
