"""
Values as Go's standard library prints and reads them.

Kubernetes' messages carry text made by C{strconv}, C{fmt} and C{encoding/json}; these
functions make the same text.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
"""
How Go writes these letters in a quoted string.
"""

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_UNSIGNED = re.compile(r"[0-9]+", re.ASCII)

# Strings are matched first so that digits inside them are left alone.
_JSON_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?')
_HTML = (
    (b"&", b"\\u0026"),
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def quote(text: str) -> str:
    """
    A string as C{strconv.Quote} and the verb C{%q} write it.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _digits(value: float) -> tuple[str, str, int]:
    """
    The sign, the shortest digits that mean C{value}, and where the point stands in them.
    """
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return sign, digits.rstrip("0") or "0", point if digits.strip("0") else 1


def _positional(sign: str, digits: str, point: int) -> str:
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _exponential(sign: str, digits: str, point: int, width: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    exponent = point - 1
    return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):0{width}d}"


def format_float(value: float) -> str:
    """
    A float as the verb C{%v} writes it: the shortest text that reads back the same.
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, point = _digits(value)
    if -4 <= point - 1 < 6:
        return _positional(sign, digits, point)
    return _exponential(sign, digits, point, 2)


def json_float(value: float) -> str:
    """
    A float as C{encoding/json} writes it.
    """
    sign, digits, point = _digits(value)
    if value and not 1e-6 <= abs(value) < 1e21:
        return _exponential(sign, digits, point, 1 if value and abs(value) < 1 else 2)
    return _positional(sign, digits, point)


def _go_number(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text.startswith(b'"') or not (b"." in text or b"e" in text):
        return text
    return json_float(float(text)).encode()


def json_marshal(value: Any, ordered: bool = False) -> str:
    """
    A JSON value as C{json.Marshal} writes it: members sorted, C{&}, C{<} and C{>} escaped.

    @param ordered: keep the members as they are, as Go does for structs.
    """
    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | (0 if ordered else orjson.OPT_SORT_KEYS))
    for plain, escaped in _HTML:
        text = text.replace(plain, escaped)
    return _JSON_NUMBERS.sub(_go_number, text).decode()


def parse_int(text: str) -> int:
    """
    Read a decimal C{int64} as C{strconv.ParseInt(text, 10, 64)} does.

    @raise ValueError: with the text of Go's error.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    # Refused by length first: Python's own limit on digits is no answer for a client.
    value = int(text) if len(text) < 100 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return value


def parse_uint(text: str) -> int:
    """
    Read a decimal C{uint64} as C{strconv.ParseUint(text, 10, 64)} does.

    @raise ValueError: with the text of Go's error.
    """
    if not _UNSIGNED.fullmatch(text):
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    value = int(text) if len(text) < 100 else 1 << 64
    if value >= 1 << 64:
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return value


def json_type(value: Any) -> str:
    """
    What Go's JSON decoder calls a value of this type.
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "null"
