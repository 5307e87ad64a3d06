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
    return _decided(left, right, False)


def disjunction(left: Run, right: Run) -> Code:
    """
    Whether one holds; one that does decides even if the other one fails.
    """
    return _decided(left, right, True)


def _decided(left: Run, right: Run, decisive: bool) -> Code:
    """
    C{decisive} if either side is that, whatever the other one is.
    """
    otherwise = not decisive

    def run(frame: Frame) -> Any:
        try:
            first = left(frame)
            failed = None if type(first) is bool else no_overload()
        except EvaluationError as error:
            first, failed = None, error
        if first is decisive:
            return decisive
        second = right(frame) if failed is None else _absorbed(right, frame)
        if second is decisive:
            return decisive
        if failed is not None:
            raise failed
        if second is not otherwise:
            raise no_overload()
        return otherwise

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
