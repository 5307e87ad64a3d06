"""
Ways through decoded JSON that no schema describes.

What an expression says of C{object.spec.size} needs no values for what is passed on the way.
"""

from __future__ import annotations

from typing import Any

from ark.cel.code import Code, Frame, Run, Variable
from ark.cel.lookups import element, look_up
from ark.cel.objects import decoded


def json_code(variable: Variable, names: list[str], cost: int) -> Code:
    """
    The code of a variable that holds decoded JSON, and of members from there.
    """
    walk = _walk(variable.slot, names, cost)
    return Code(lambda frame: decoded(walk(frame)))


def json_test(variable: Variable, names: list[str], field: str) -> Code:
    """
    The code of C{has} for a member.
    """
    walk = _walk(variable.slot, names, 0)

    def run(frame: Frame) -> bool:
        value = walk(frame)
        frame[0] += 1
        if type(value) is dict:
            return field in value
        return type(value) is list and look_up(decoded(value), field)[0]

    return Code(run)


def _walk(slot: int, names: list[str], cost: int) -> Run:
    if len(names) == 2:
        return _walk_two(slot, names[0], names[1], cost)

    def walk(frame: Frame) -> Any:
        frame[0] += cost
        value = frame[slot]
        for name in names:
            frame[0] += 1
            value = value[name] if type(value) is dict and name in value else _failed(value, name)
        return value

    return walk


def _walk_two(slot: int, first: str, second: str, cost: int) -> Run:
    both = cost + 2

    def walk(frame: Frame) -> Any:
        frame[0] += both
        value = frame[slot]
        if type(value) is dict and first in value:
            value = value[first]
            if type(value) is dict and second in value:
                return value[second]
            return _failed(value, second)
        frame[0] -= 1
        return _failed(value, first)

    return walk


def _failed(value: Any, name: str) -> Any:
    """
    The error of a step that leads nowhere.
    """
    return element(decoded(value), name)
