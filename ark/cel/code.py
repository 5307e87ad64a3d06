"""
What compiled parts of an expression are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ark.cel.errors import EvaluationError
from ark.cel.schemas import Declaration

Frame = list[Any]
Run = Callable[[Frame], Any]

UNSET: Any = object()


class Variable(NamedTuple):
    """
    A variable.

    @ivar slot: where it is in a frame.
    @ivar declared: what it is declared as, if the frame has it as it was decoded.
    @ivar start: what computes it when it is first asked for.
    """

    slot: int
    declared: Declaration | None = None
    start: Run | None = None


def absent(name: str) -> Run:
    """
    What a variable comes to for which a frame has L{UNSET}.
    """

    def run(frame: Frame) -> Any:
        raise EvaluationError(f"no such attribute(s): {name}")

    return run


class Scope:
    """
    The variables that are known at a place.
    """

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._known: dict[str, list[Variable]] = {name: [variable] for name, variable in variables.items()}
        self._first = self._next = 1 + len(variables)

    @property
    def room(self) -> int:
        """
        How many places a frame needs beside those of the first variables.
        """
        return self._next - self._first

    def find(self, name: str) -> Variable | None:
        """
        The variable of that name.
        """
        found = self._known.get(name.lstrip("."))
        return found[-1] if found else None

    def push(self, name: str, declared: Declaration | None = None, start: Run | None = None) -> Variable:
        """
        Another variable, which hides others of its name.
        """
        made = Variable(self._next, declared, start)
        self._next += 1
        self._known.setdefault(name, []).append(made)
        return made

    def pop(self, name: str) -> None:
        """
        Forget the last variable of that name.
        """
        self._known[name].pop()


class Code:
    """
    A closure, and what is known of its results.

    @ivar declared: what the schema says of them if they are as they were decoded.
    @ivar constant: the value, if it is always the same.
    """

    __slots__ = ("constant", "declared", "run")

    def __init__(self, run: Run, declared: Declaration | None = None, constant: Any = UNSET) -> None:
        self.run = run
        self.declared = declared
        self.constant = constant

    @property
    def is_constant(self) -> bool:
        """
        Whether the value is always the same.
        """
        return self.constant is not UNSET

    def as_value(self) -> Run:
        """
        A closure that gives values.
        """
        declared, run = self.declared, self.run
        if declared is None:
            return run
        if declared.direct is not None:
            return _checked(run, declared, declared.direct)
        value = declared.value
        return lambda frame: value(run(frame))


def _checked(run: Run, declared: Declaration, direct: type) -> Run:
    def checked(frame: Frame) -> Any:
        raw = run(frame)
        return raw if type(raw) is direct else declared.value(raw)

    return checked


def constant(value: Any) -> Code:
    """
    Code that always gives the same.
    """
    return Code(lambda frame: value, None, value)
