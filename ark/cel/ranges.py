"""
What something costs, and how large it is, at least and at most.

Follows cel-go's C{checker/cost.go}: nothing is ever more than 64 bits can say.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from ark.cel.syntax import Node
from ark.cel.types import Type

MOST = 2**64 - 1


def capped(value: int) -> int:
    return min(value, MOST)


def _factor(value: int, factor: float) -> int:
    product = float(value) * factor
    return MOST if product >= 2.0**64 else ceil(product)


class CostRange(NamedTuple):
    """
    What something costs at least and at most.
    """

    least: int
    most: int

    def plus(self, other: CostRange) -> CostRange:
        """
        Both of them.
        """
        return CostRange(capped(self.least + other.least), capped(self.most + other.most))

    def __add__(self, other: CostRange) -> CostRange:  # type: ignore[override]
        return self.plus(other)

    def multiplied(self, other: CostRange) -> CostRange:
        """
        One times the other.
        """
        return CostRange(capped(self.least * other.least), capped(self.most * other.most))

    def by(self, factor: float) -> CostRange:
        """
        So much of it, rounded up.
        """
        return CostRange(_factor(self.least, factor), _factor(self.most, factor))


class Size(NamedTuple):
    """
    How large something is at least and at most.
    """

    least: int
    most: int

    def plus(self, other: Size) -> Size:
        """
        Both of them.
        """
        return Size(capped(self.least + other.least), capped(self.most + other.most))

    def times(self, other: Size) -> Size:
        """
        One as often as the other is large.
        """
        return Size(capped(self.least * other.least), capped(self.most * other.most))

    def times_cost(self, cost: CostRange) -> CostRange:
        """
        A cost for each.
        """
        return CostRange(capped(self.least * cost.least), capped(self.most * cost.most))

    def by(self, factor: float) -> CostRange:
        """
        A cost of so much for each.
        """
        return CostRange(_factor(self.least, factor), _factor(self.most, factor))


ZERO, ONE = CostRange(0, 0), CostRange(1, 1)
UNKNOWN = Size(0, MOST)

Sizer = Callable[[tuple[str, ...]], "Size | None"]
Estimate = tuple[CostRange, "Size | None"]


class Operand(NamedTuple):
    """
    A target or an argument.
    """

    node: Node
    path: tuple[str, ...]
    type: Type | None
    size: Size | None


def unite(left: Size, right: Size) -> Size:
    """
    What holds for either of two sizes.
    """
    return Size(min(left.least, right.least), max(left.most, right.most))


# What C{check} costs: an expression can afford two.
CHECK = 350_000
_LIST, _REQUIREMENT = CostRange(10, 10), 50
_PARSED, _REQUIREMENTS = 0.1, 0.5


def selector_cost(length: Size) -> CostRange:
    """
    What it costs to make requirements of the text of a selector.
    """
    requirements = length.by(_REQUIREMENTS).by(_REQUIREMENT)
    return _LIST.plus(length.by(_PARSED)).plus(requirements)
