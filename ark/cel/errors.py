"""
What can go wrong with an expression, and how it is told.
"""

from __future__ import annotations

from typing import NamedTuple

_MOST_FAULTS = 100
_LONGEST_SNIPPET = 16384

NOWHERE = -1


class Fault(NamedTuple):
    """
    One thing wrong with a source text.

    @ivar offset: where, in characters; L{NOWHERE} when no place is to blame.
    """

    offset: int
    message: str


class CompileError(Exception):
    """
    An expression that cannot be used.

    The text is what cel-go's C{Issues.String()} gives: every fault with its place, the line
    and a caret under it.
    """

    def __init__(self, text: str, faults: list[Fault]) -> None:
        super().__init__(display(text, faults))
        self.faults = faults


class ProgramError(Exception):
    """
    An expression that fits its types but cannot be made into a program, such as one that
    converts a constant to what it cannot be.
    """


class EvaluationError(Exception):
    """
    An evaluation that ended without a value.  CEL's C{&&} and C{||} absorb it.
    """


class CostExceeded(Exception):
    """
    An evaluation that was given up because it cost too much.  Nothing absorbs it.
    """

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def no_overload() -> EvaluationError:
    """
    What most operators say of operands that they do not know.
    """
    return EvaluationError("no such overload")


def display(text: str, faults: list[Fault]) -> str:
    """
    The faults in the order of their places, as cel-go prints them.
    """
    shown = [_fault_text(text, fault) for fault in sorted(faults[:_MOST_FAULTS], key=_place(text))]
    if len(faults) > _MOST_FAULTS:
        shown.append(f"{len(faults) - _MOST_FAULTS} more errors were truncated")
    return "\n".join(shown)


def _place(text: str):  # type: ignore[no-untyped-def]
    return lambda fault: location(text, fault.offset)


def location(text: str, offset: int) -> tuple[int, int]:
    """
    Line from 1 and column from 0 of a place.
    """
    if offset < 0:
        return -1, -1
    if not text:
        return 1, -1
    line = text.count("\n", 0, offset)
    return line + 1, offset - (text.rfind("\n", 0, offset) + 1)


def _fault_text(text: str, fault: Fault) -> str:
    line, column = location(text, fault.offset)
    head = f"ERROR: <input>:{line}:{column + 1}: {fault.message}"
    if line < 1 or not text:
        return head
    snippet = text.split("\n")[line - 1].replace("\t", " ")
    if len(snippet) > _LONGEST_SNIPPET:
        return head
    dots = "".join("." if ord(letter) < 128 else "\uff0e" for letter in snippet[:column])
    caret = "\uff3e" if column < len(snippet) and ord(snippet[column]) >= 128 else "^"
    return f"{head}\n | {snippet}\n | {dots}{caret}"
