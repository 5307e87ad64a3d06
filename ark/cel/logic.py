"""
Operators that do not always look at all of their operands.

Follows cel-go's C{interpreter/interpretable.go} (C{evalAnd}, C{evalOr}) and C{cel/library.go}.
"""

from __future__ import annotations

from typing import Any

from ark.cel.code import Code, Frame, Run
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.values import Optional


def choice(test: Run, first: Code, second: Code) -> Code:
    """
    One of two values.
    """
    same = first.declared if first.declared is second.declared else None
    then, other = (first.run, second.run) if same else (first.as_value(), second.as_value())

    def run(frame: Frame) -> Any:
        chosen = test(frame)
        if chosen is True:
            return then(frame)
        if chosen is False:
            return other(frame)
        raise no_overload()

    return Code(run, same)


def conjunction(left: Run, right: Run) -> Code:
    """
    Whether both hold; one that does not decides even if the other one fails.
    """

    def run(frame: Frame) -> bool:
        try:
            first = left(frame)
            failed = None if type(first) is bool else no_overload()
        except EvaluationError as error:
            first, failed = None, error
        if first is False:
            return False
        second = right(frame) if failed is None else _absorbed(right, frame)
        if second is False:
            return False
        if failed is not None:
            raise failed
        if second is not True:
            raise no_overload()
        return True

    return Code(run)


def disjunction(left: Run, right: Run) -> Code:
    """
    Whether one holds; one that does decides even if the other one fails.
    """

    def run(frame: Frame) -> bool:
        try:
            first = left(frame)
            failed = None if type(first) is bool else no_overload()
        except EvaluationError as error:
            first, failed = None, error
        if first is True:
            return True
        second = right(frame) if failed is None else _absorbed(right, frame)
        if second is True:
            return True
        if failed is not None:
            raise failed
        if second is not False:
            raise no_overload()
        return False

    return Code(run)


def other_optional(maybe: Run, other: Run) -> Code:
    """
    An optional, or another one if it has no value.
    """

    def run(frame: Frame) -> Any:
        found = maybe(frame)
        if type(found) is not Optional or found.present:
            return found
        return other(frame)

    return Code(run)


def other_value(maybe: Run, other: Run) -> Code:
    """
    The value of an optional, or another one if it has none.
    """

    def run(frame: Frame) -> Any:
        found = maybe(frame)
        if type(found) is not Optional:
            return found
        return found.value if found.present else other(frame)

    return Code(run)


def _absorbed(run: Run, frame: Frame) -> Any:
    """
    The value of the other side, which matters only if it decides.
    """
    try:
        return run(frame)
    except EvaluationError:
        return None
