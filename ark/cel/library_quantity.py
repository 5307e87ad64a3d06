"""
Kubernetes' quantities.

Follows C{k8s.io/apiserver/pkg/cel/library/quantity.go} and
C{k8s.io/apimachinery/pkg/api/resource/quantity.go}.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import Function, function, member, plain
from ark.cel.values import INT_MAX, INT_MIN, Opaque

_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_SUFFIX = "unable to parse quantity's suffix"
_TEXT = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)\Z", re.ASCII)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)\Z", re.ASCII)
_DECIMAL = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_FACTORS = 18
_NANO = -9


class Quantity(Opaque):
    """
    An exact number that remembers the power of ten that it was written in.

    @ivar value: the number without its power of ten.
    @ivar scale: the power of ten.
    @ivar wide: whether Kubernetes keeps it as a number of any length.
    @ivar computed: whether it is a sum or a difference.
    """

    __slots__ = ("computed", "scale", "value", "wide")
    type = types.QUANTITY

    def __init__(self, value: int, scale: int, wide: bool = False) -> None:
        self.value = value
        self.scale = scale
        self.wide = wide
        self.computed = False

    @property
    def exact(self) -> Fraction:
        """
        The number.
        """
        return Fraction(self.value) * Fraction(10) ** self.scale

    def same(self, other: Quantity) -> bool:
        if other.computed:
            # Kubernetes computes pointers to quantities, which its own comparison does not know.
            raise no_overload()
        return self.exact == other.exact

    def integer(self) -> int | None:
        """
        The number as an int; L{None} where Kubernetes does not look for one.
        """
        if self.wide or self.scale < 0:
            return None
        value = int(self.value * 10**self.scale)
        return value if INT_MIN <= value <= INT_MAX else None

    def approximate(self) -> float:
        """
        The number as a double.
        """
        if self.scale == 0:
            return float(self.value)
        return float(self.value) * float(f"1e{self.scale}")

    def plus(self, other: Quantity, sign: int = 1) -> Quantity:
        """
        The sum, or the difference.
        """
        scale = min(self.scale, other.scale)
        value = self.value * 10 ** (self.scale - scale) + sign * other.value * 10 ** (other.scale - scale)
        wide = self.wide or other.wide or not INT_MIN <= value <= INT_MAX
        made = Quantity(value, scale, wide)
        if not (self.wide or other.wide) and other.value == 0:
            made = Quantity(self.value, self.scale)
        made.computed = True
        return made


class _Parts(NamedTuple):
    negative: bool
    whole: str
    fraction: str
    binary: bool
    exponent: int


def parse_quantity(text: str) -> Quantity:
    """
    A quantity.

    @raise EvaluationError: with what Kubernetes says of one that is none.
    """
    if text == "0":
        return Quantity(0, 0)
    parts = _split(text)
    if not parts.binary:
        scale, mantissa = parts.exponent, 1
        precision = _FACTORS - len(parts.whole) - len(parts.fraction)
    else:
        scale, mantissa = 0, 1 << parts.exponent
        precision = 15 - len(parts.whole) - int(parts.exponent * 3 / 10) - 1 if not parts.fraction else -1
    scale -= len(parts.fraction)
    if precision >= 0 and scale >= _NANO:
        value = int(parts.whole + parts.fraction) * mantissa
        if value <= INT_MAX:
            return Quantity(-value if parts.negative else value, scale)
    return _wide(parts)


def _split(text: str) -> _Parts:
    found = _TEXT.match(text)
    if found is None or not text:
        raise EvaluationError(_FORMAT)
    suffix = found[4]
    binary, exponent = False, 0
    if suffix in _DECIMAL:
        exponent = _DECIMAL[suffix]
    elif suffix in _BINARY:
        binary, exponent = True, _BINARY[suffix]
    else:
        power = _EXPONENT.match(suffix)
        if power is None:
            raise EvaluationError(_SUFFIX)
        exponent = int(power[1])
    return _Parts(found[1] == "-", found[2] or "0", found[3] or "", binary, exponent)


def _wide(parts: _Parts) -> Quantity:
    value = Fraction(int(parts.whole + parts.fraction)) / 10 ** len(parts.fraction)
    value *= Fraction(2 if parts.binary else 10) ** parts.exponent
    nanos = -(-value.numerator * 10**9 // value.denominator)
    if parts.binary and nanos > INT_MAX * 10**9:
        nanos = INT_MAX * 10**9
    return Quantity(-nanos if parts.negative else nanos, _NANO, True)


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except EvaluationError:
        return False
    return True


def _integer(quantity: Quantity) -> int:
    value = quantity.integer()
    if value is None:
        raise EvaluationError("cannot convert value to integer")
    return value


def _compare(left: Quantity, right: Quantity) -> int:
    return (left.exact > right.exact) - (left.exact < right.exact)


_Q, _S, _I, _B = types.QUANTITY, types.STRING, types.INT, types.BOOL

FUNCTIONS: tuple[Function, ...] = (
    function("quantity", plain("string_to_quantity", (_S,), _Q, parse_quantity)),
    function("isQuantity", plain("is_quantity_string", (_S,), _B, _is_quantity)),
    function("sign", plain("quantity_sign", (_Q,), _I, lambda each: (each.value > 0) - (each.value < 0))),
    function(
        "isGreaterThan",
        member("quantity_is_greater_than", (_Q, _Q), _B, lambda left, right: left.exact > right.exact),
    ),
    function(
        "isLessThan",
        member("quantity_is_less_than", (_Q, _Q), _B, lambda left, right: left.exact < right.exact),
    ),
    function("compareTo", member("quantity_compare_to", (_Q, _Q), _I, _compare)),
    function("asApproximateFloat", member("quantity_get_float", (_Q,), types.DOUBLE, Quantity.approximate)),
    function("asInteger", member("quantity_get_int", (_Q,), _I, _integer)),
    function("isInteger", member("quantity_is_integer", (_Q,), _B, lambda each: each.integer() is not None)),
    function(
        "add",
        member("quantity_add", (_Q, _Q), _Q, lambda left, right: left.plus(right)),
        member("quantity_add_int", (_Q, _I), _Q, lambda left, right: left.plus(Quantity(right, 0))),
    ),
    function(
        "sub",
        member("quantity_sub", (_Q, _Q), _Q, lambda left, right: left.plus(right, -1)),
        member("quantity_sub_int", (_Q, _I), _Q, lambda left, right: left.plus(Quantity(right, 0), -1)),
    ),
)
