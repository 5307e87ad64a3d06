"""
Numbers as Go calculates, reads and writes them.

Follows cel-go's C{common/types/overflow.go} and Go's C{strconv} and C{fmt}.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from ark.cel.errors import EvaluationError
from ark.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint
from ark.meta.gotext import format_float as general

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_HEXADECIMAL = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+\Z")
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity)\Z|nan\Z", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_SEPARATOR = re.compile(r"(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F])")
_NATURAL = re.compile(r"[0-9]+\Z")


def checked(value: int) -> int:
    """
    An int that fits in 64 bits.
    """
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def checked_uint(value: int) -> Uint:
    """
    A uint that fits in 64 bits.
    """
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")


def divided(left: int, right: int) -> int:
    """
    Left by right, towards zero.
    """
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    return checked(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int) -> int:
    """
    What is left over, with the sign of the left one.
    """
    if right == 0:
        raise EvaluationError("modulus by zero")
    if left == INT_MIN and right == -1:
        raise EvaluationError("integer overflow")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def quotient(left: float, right: float) -> float:
    """
    Left by right, as processors divide.
    """
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or left != left:
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)


def product(left: float, right: float) -> float:
    """
    Left times right; too much is infinite.
    """
    return left * right


def integer_of(value: float) -> int:
    """
    A double cut to an int.
    """
    if not math.isfinite(value) or value <= -(2.0**63) or value >= 2.0**63:
        raise EvaluationError("integer overflow")
    return int(value)


def unsigned_of(value: float) -> Uint:
    """
    A double cut to a uint.
    """
    if not math.isfinite(value) or value < 0 or value >= 2.0**64:
        raise EvaluationError("unsigned integer overflow")
    return Uint(int(value))


def read_integer(text: str, least: int = INT_MIN, most: int = INT_MAX) -> int | None:
    """
    Digits with a sign; L{None} for anything else or beyond the limits.
    """
    pattern = _INTEGER if least < 0 else _NATURAL
    if pattern.match(text) is None:
        return None
    value = int(text)
    return value if least <= value <= most else None


def read_double(text: str) -> float | None:
    """
    What Go's C{ParseFloat} makes of a text; L{None} if it refuses.
    """
    if _SPECIAL.match(text):
        return float(text)
    if "_" in text:
        text = _SEPARATOR.sub("", text)
    if _HEXADECIMAL.match(text):
        return float.fromhex(text)
    if _DECIMAL.match(text) is None:
        return None
    value = float(text)
    return None if math.isinf(value) else value


def plain(value: float) -> str:
    """
    A double without an exponent, in the shortest digits that read back the same.
    """
    if not math.isfinite(value):
        return general(value)
    text = format(Decimal(repr(value)), "f")
    return text[:-2] if text.endswith(".0") else text


__all__ = [
    "checked",
    "checked_uint",
    "divided",
    "general",
    "integer_of",
    "plain",
    "product",
    "quotient",
    "read_double",
    "read_integer",
    "remainder",
    "unsigned_of",
]
