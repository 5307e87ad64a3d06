"""
C{format} of strings.

Follows cel-go's C{ext/formatting.go} with the locale en_US.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.standard import string_of
from ark.cel.values import Duration, Mapping, Timestamp, Uint, is_list, type_of
from ark.meta.gotext import quote

_SUPERSCRIPT = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
# What fmt of Go takes at most.
_MOST_PRECISE = 1_000_000
_CLAUSE = re.compile(r"(?:\.([0-9]*))?")
STRING_FAULT = (
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations,"
    " and timestamps, was given "
)
_FAULTS = {
    "s": STRING_FAULT,
    "d": "decimal clause can only be used on integers, was given ",
    "f": "fixed-point clause can only be used on doubles, was given ",
    "e": "scientific clause can only be used on doubles, was given ",
    "b": "only integers and bools can be formatted as binary, was given ",
    "x": "only integers, byte buffers, and strings can be formatted as hex, was given ",
    "o": "octal clause can only be used on integers, was given ",
}


class FormatFault(Exception):
    """
    A text that cannot be formatted, and whether an argument is to blame.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


def parse_format(text: str, count: int, take: Callable[[int, str, int | None], str]) -> tuple[str, int]:
    """
    A format with its clauses replaced by what C{take} gives for the number of an argument,
    a letter and a precision; and how many there were.

    @raise FormatFault: with what cel-go says of formats that it cannot read.
    """
    parts: list[str] = []
    position = used = 0
    while position < len(text):
        start = text.find("%", position)
        if start < 0:
            parts.append(text[position:])
            break
        parts.append(text[position:start])
        if text[start + 1 : start + 2] == "%":
            parts.append("%")
            position = start + 2
            continue
        if used >= count and count >= 0:
            raise FormatFault(f"index {used} out of range")
        if start + 1 >= len(text):
            raise FormatFault("unexpected end of string")
        letter, precision, position = _clause(text, start + 1)
        parts.append(take(used, letter, precision))
        used += 1
    return "".join(parts), used


def _clause(text: str, position: int) -> tuple[str, int | None, int]:
    found = _CLAUSE.match(text, position)
    precision = None
    if found is not None and found[1] is not None:
        head = "could not parse formatting clause: error while parsing precision: "
        if found.end() >= len(text):
            raise FormatFault(head + "could not find end of precision specifier")
        if not found[1]:
            message = 'error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax'
            raise FormatFault(head + message)
        digits = found[1].lstrip("0")
        precision = int(digits or "0") if len(digits) <= len(str(_MOST_PRECISE)) else _MOST_PRECISE + 1
        if precision > _MOST_PRECISE:
            # As if Atoi had no more room: the text would be that long, at no cost.
            message = f'strconv.Atoi: parsing "{found[1]}": value out of range'
            raise FormatFault(f"{head}error while converting precision to integer: {message}")
        position = found.end()
    letter = text[position]
    if letter not in "sdfebxXo":
        raise FormatFault(f'could not parse formatting clause: unrecognized formatting clause "{letter}"')
    return letter, precision, position + 1


def fault_of(letter: str, type_name: str) -> str:
    """
    What is said of an argument that does not suit a clause.
    """
    return f"error during formatting: {_FAULTS[letter.lower()]}{type_name}"


def format_string(text: str, args: Any) -> str:
    """
    C{text.format(args)}.
    """
    items = list(args)

    def take(index: int, letter: str, precision: int | None) -> str:
        value = items[index]
        made = _CLAUSES[letter](value, 6 if precision is None else precision)
        if made is None:
            raise FormatFault(fault_of(letter, type_of(value).name))
        return made

    try:
        return parse_format(text, len(items), take)[0]
    except FormatFault as fault:
        raise EvaluationError(str(fault)) from None


def _string(value: Any, _precision: int = 0) -> str | None:
    if is_list(value):
        return _list(value)
    if isinstance(value, Mapping):
        return _map(value)
    if type_of(value).name == "optional_type":
        return None
    return string_of(value)


def _list(value: Any) -> str:
    return "[" + ", ".join(map(_nested, value)) + "]"


def _map(value: Mapping) -> str:
    pairs = []
    for key in value.every_key():
        if type(key) not in (str, bool, int, Uint):
            raise FormatFault(
                f"error during formatting: no formatting function for map key of type {type_of(key).name}"
            )
        pairs.append((_nested(key), _nested(value.find(key)[1])))
    return "{" + ", ".join(f"{key}:{each}" for key, each in sorted(pairs, key=lambda pair: pair[0])) + "}"


def _nested(value: Any) -> str:
    """
    A value within a list or map.
    """
    kind = type(value)
    if kind is float:
        return _infinite(value) or f"{value:.6f}"
    text = _string(value)
    if text is None:
        raise FormatFault(f"error during formatting: no formatting function for {type_of(value).name}")
    if kind is str:
        return quote(text)
    if kind is bytes:
        return f"b{quote(text)}"
    if kind is Timestamp or kind is Duration:
        return f"{type_of(value).kind}({quote(text)})"
    return text


def _infinite(value: float) -> str:
    if value != value:
        return '"NaN"'
    return {float("inf"): '"+Inf"', float("-inf"): '"-Inf"'}.get(value, "")


def _decimal(value: Any, _precision: int) -> str | None:
    return str(int(value)) if type(value) in (int, Uint) else None


def _number(value: Any) -> float | None:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return value if type(value) is float else None


def _special(value: float) -> str:
    if value != value:
        return "NaN"
    return {float("inf"): "\u221e", float("-inf"): "-\u221e"}.get(value, "")


def _fixed(value: Any, precision: int) -> str | None:
    number = _number(value)
    return None if number is None else _special(number) or f"{number:,.{precision}f}"


def _scientific(value: Any, precision: int) -> str | None:
    number = _number(value)
    if number is None:
        return None
    special = _special(number)
    if special:
        return special
    mantissa, _, exponent = f"{number:.6e}".partition("e")
    sign = "-" if exponent[0] == "-" else ""
    power = (sign + exponent[1:].rjust(2, "0")).translate(_SUPERSCRIPT)
    # Kubernetes takes the precision for a width.
    return f"{mantissa}\u00d710{power}".rjust(precision)


def _binary(value: Any, _precision: int) -> str | None:
    if type(value) is bool:
        return "1" if value else "0"
    return f"{int(value):b}" if type(value) in (int, Uint) else None


def _hexadecimal(value: Any, _precision: int) -> str | None:
    if type(value) is str:
        return value.encode().hex()
    if type(value) is bytes:
        return value.hex()
    return f"{int(value):x}" if type(value) in (int, Uint) else None


def _upper_hexadecimal(value: Any, precision: int) -> str | None:
    text = _hexadecimal(value, precision)
    return None if text is None else text.upper()


def _octal(value: Any, _precision: int) -> str | None:
    return f"{int(value):o}" if type(value) in (int, Uint) else None


_CLAUSES: dict[str, Callable[[Any, int], str | None]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "x": _hexadecimal,
    "X": _upper_hexadecimal,
    "o": _octal,
}

ACCEPTED: dict[str, tuple[types.Type, ...]] = {
    "d": (types.INT, types.UINT),
    "f": (types.DOUBLE, types.STRING),
    "e": (types.DOUBLE, types.STRING),
    "b": (types.INT, types.UINT, types.BOOL),
    "x": (types.INT, types.UINT, types.STRING, types.BYTES),
    "X": (types.INT, types.UINT, types.STRING, types.BYTES),
    "o": (types.INT, types.UINT),
}
