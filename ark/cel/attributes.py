"""
Variables and what is reached from them.

Follows cel-go's C{interpreter/attributes.go}: a variable and all selections and indexes on it
are one attribute.  It costs one, and every step one more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ark.cel.code import UNSET, Code, Frame, Run, Variable
from ark.cel.constructed import Struct
from ark.cel.errors import EvaluationError
from ark.cel.identifiers import unescape
from ark.cel.jsonpaths import json_code, json_test
from ark.cel.lookups import element, look_up
from ark.cel.schemas import Declaration
from ark.cel.values import NONE, Mapping, Optional, is_list, shown


class Step(NamedTuple):
    """
    One selection or index.

    @ivar key: what is looked for, unless C{run} computes it.
    """

    key: Any
    run: Run | None
    optional: bool


class Attribute(NamedTuple):
    """
    A base, which is a variable or computed, and the steps from there.

    @ivar conditional: whether the base chooses between attributes, which costs nothing itself.
    """

    variable: Variable | None
    base: Code | None
    steps: list[Step]
    conditional: bool


def attribute_code(attribute: Attribute, cost: int) -> Code:
    """
    The code of an attribute.

    @param cost: what it costs beside its steps.
    """
    if attribute.conditional:
        cost = 0
    keys = _raw_keys(attribute)
    if keys is not None and attribute.variable is not None:
        return _raw_code(attribute.variable.slot, keys, cost)
    names = _json_names(attribute)
    if names is not None and attribute.variable is not None:
        return json_code(attribute.variable, names, cost)
    base = base_run(attribute)
    steps = attribute.steps
    if not steps:
        return Code(_plain(base, cost))
    if len(steps) == 1 and not steps[0].optional and attribute.conditional is False:
        return Code(_one_step(base, steps[0], cost))
    return Code(_stepped(base, steps, cost))


def base_run(attribute: Attribute) -> Run:
    """
    A closure that gives the value of the base.
    """
    variable = attribute.variable
    if variable is None:
        assert attribute.base is not None
        return attribute.base.as_value()
    slot, start = variable.slot, variable.start
    if start is not None:
        return _lazy(slot, start)
    return Code(lambda frame: frame[slot], variable.declared).as_value()


def _lazy(slot: int, start: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = frame[slot]
        if value is UNSET:
            value = frame[slot] = start(frame)
        return value

    return run


def _json_names(attribute: Attribute) -> list[str] | None:
    """
    The steps as members of decoded JSON that no schema describes; L{None} if they are none.
    """
    variable = attribute.variable
    if variable is None or variable.declared is None or variable.declared.kind != "json":
        return None
    if any(step.optional or type(step.key) is not str for step in attribute.steps):
        return None
    return [step.key for step in attribute.steps]


class _Keys(NamedTuple):
    """
    A way through decoded JSON: members and indexes, what they are called, and where it ends.
    """

    raw: list[Any]
    named: list[Any]
    closed: list[bool]
    end: Declaration


def _raw_keys(attribute: Attribute) -> _Keys | None:
    """
    The steps as members of decoded JSON; L{None} if the schema does not tell them all.
    """
    variable = attribute.variable
    if variable is None or variable.declared is None or variable.start is not None:
        return None
    declared = variable.declared
    keys = _Keys([], [], [], declared)
    for step in attribute.steps:
        found = None if step.run is not None or step.optional else _raw_step(declared, step.key)
        if found is None:
            return None
        key, declared = found
        keys.raw.append(key)
        keys.named.append(step.key)
        keys.closed.append(type(key) is str and keys.end.kind == "object")
        keys = keys._replace(end=declared)
    return keys


def _raw_step(declared: Declaration, key: Any) -> tuple[Any, Declaration] | None:
    if declared.kind == "object" and type(key) is str:
        part, name = declared.field(key), unescape(key)
        return None if part is None or name is None else (name, part)
    if declared.kind == "map" and type(key) is str:
        return key, declared.element
    if declared.kind == "list" and type(key) is int and key >= 0:
        return key, declared.element
    return None


def _raw_code(slot: int, keys: _Keys, cost: int) -> Code:
    count = len(keys.raw) + cost
    closed = bool(keys.closed) and keys.closed[-1]
    make = _RAW.get(len(keys.raw), _raw_many)
    return Code(make(slot, keys, cost, count, closed), keys.end)


def _raw_none(slot: int, keys: _Keys, cost: int, count: int, closed: bool) -> Run:
    def run(frame: Frame) -> Any:
        frame[0] += cost
        return frame[slot]

    return run


def _raw_one(slot: int, keys: _Keys, cost: int, count: int, closed: bool) -> Run:
    first = keys.raw[0]

    def run(frame: Frame) -> Any:
        frame[0] += count
        try:
            value = frame[slot][first]
        except (KeyError, IndexError, TypeError):
            raise _missing(frame, slot, keys) from None
        if value is None and closed:
            raise _missing(frame, slot, keys)
        return value

    return run


def _raw_two(slot: int, keys: _Keys, cost: int, count: int, closed: bool) -> Run:
    first, second = keys.raw

    def run(frame: Frame) -> Any:
        frame[0] += count
        try:
            value = frame[slot][first][second]
        except (KeyError, IndexError, TypeError):
            raise _missing(frame, slot, keys) from None
        if value is None and closed:
            raise _missing(frame, slot, keys)
        return value

    return run


def _raw_many(slot: int, keys: _Keys, cost: int, count: int, closed: bool) -> Run:
    raw = keys.raw

    def run(frame: Frame) -> Any:
        frame[0] += count
        value = frame[slot]
        try:
            for key in raw:
                value = value[key]
        except (KeyError, IndexError, TypeError):
            raise _missing(frame, slot, keys) from None
        if value is None and closed:
            raise _missing(frame, slot, keys)
        return value

    return run


_RAW = {0: _raw_none, 1: _raw_one, 2: _raw_two}


def _missing(frame: Frame, slot: int, keys: _Keys) -> EvaluationError:
    """
    What is said of the first step that leads nowhere; what was counted for the steps behind
    it is taken back.
    """
    value = frame[slot]
    left, named = len(keys.raw), None
    for key, wanted, closed in zip(keys.raw, keys.named, keys.closed):
        left -= 1
        named = wanted
        found = value is not None and (key in value if type(value) is dict else 0 <= key < len(value))
        value = value[key] if found else None
        if not found or (value is None and closed):
            break
    frame[0] -= left
    what = "no such key" if type(named) is str else "index out of bounds"
    return EvaluationError(f"{what}: {shown(named)}")


def _plain(base: Run, cost: int) -> Run:
    if not cost:
        return base

    def run(frame: Frame) -> Any:
        frame[0] += cost
        return base(frame)

    return run


def _one_step(base: Run, step: Step, cost: int) -> Run:
    constant, compute = step.key, step.run

    def run(frame: Frame) -> Any:
        frame[0] += cost
        value = base(frame)
        if type(value) is Optional:
            return _maybe(frame, value, step)
        frame[0] += 1
        return element(value, constant if compute is None else compute(frame))

    return run


def _maybe(frame: Frame, value: Optional, step: Step) -> Optional:
    if not value.present:
        return value
    found, inner = _present(frame, value.value, step)
    return Optional(True, inner) if found else NONE


def _present(frame: Frame, value: Any, step: Step) -> tuple[bool, Any]:
    key = step.key if step.run is None else step.run(frame)
    found, inner = look_up(value, key)
    if found:
        frame[0] += 1
    return found, inner


def _stepped(base: Run, steps: list[Step], cost: int) -> Run:
    def run(frame: Frame) -> Any:
        frame[0] += cost
        value = base(frame)
        maybe = type(value) is Optional
        if maybe:
            if not value.present:
                return value
            value = value.value
        for step in steps:
            maybe = maybe or step.optional
            if maybe:
                found, value = _present(frame, value, step)
                if not found:
                    return NONE
            else:
                frame[0] += 1
                value = element(value, step.key if step.run is None else step.run(frame))
        return Optional(True, value) if maybe else value

    return run


def test_code(attribute: Attribute, field: str) -> Code:
    """
    The code of C{has}.
    """
    cost = -1 if attribute.conditional else 0
    keys = _raw_keys(attribute)
    if keys is not None and attribute.variable is not None and keys.end.kind == "object":
        name = unescape(field)
        if keys.end.field(field) is not None and name is not None:
            return Code(_raw_test(_raw_code(attribute.variable.slot, keys, 0).run, name))
    names = _json_names(attribute)
    if names is not None and attribute.variable is not None:
        return json_test(attribute.variable, names, field)
    return Code(_value_test(base_run(attribute), attribute.steps, field, cost))


def _raw_test(holder: Run, name: str) -> Run:
    def run(frame: Frame) -> bool:
        value = holder(frame)
        frame[0] += 1
        return type(value) is dict and value.get(name) is not None

    return run


def _value_test(base: Run, steps: list[Step], field: str, cost: int) -> Run:
    walk = _stepped(base, steps, cost) if steps else _plain(base, cost)

    def run(frame: Frame) -> bool:
        value = walk(frame)
        maybe = type(value) is Optional
        if maybe:
            if not value.present:
                return False
            value = value.value
        if not isinstance(value, (Mapping, Struct)) and not is_list(value):
            frame[0] += not maybe
            return False
        try:
            found = look_up(value, field)[0]
        except EvaluationError:
            frame[0] += not maybe
            raise
        frame[0] += found or not maybe
        return found

    return run
