"""
Macros over lists and maps, once they are folds.

Follows cel-go's C{interpreter/interpretable.go} (C{evalFold}).  The shapes that the macros
make are recognized and run as plain loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ark.cel.code import UNSET, Code, Frame, Run
from ark.cel.costs import LIST
from ark.cel.errors import CostExceeded, EvaluationError
from ark.cel.foldbodies import Body, Collecting, Inserting, One, Quantifier
from ark.cel.schemas import Declaration
from ark.cel.syntax import Call, Fold, Literal, MakeList, MakeMap, Node
from ark.cel.values import Duration, Mapping, Timestamp, Uint, is_list

if TYPE_CHECKING:
    from ark.cel.compiler import Compiler

LIMIT = 1_000_000

_GO_NAMES: dict[type, str] = {
    str: "types.String",
    int: "types.Int",
    Uint: "types.Uint",
    float: "types.Double",
    bool: "types.Bool",
    bytes: "types.Bytes",
    type(None): "types.Null",
    Timestamp: "types.Timestamp",
    Duration: "types.Duration",
}

Pairs = Callable[[Frame], Iterable[tuple[Any, Any]]]


def fold_code(compiler: Compiler, node: Fold) -> Code:
    """
    The code of a fold.
    """
    if isinstance(node.condition, Literal) and node.condition.value is False:
        return _bound(compiler, node)
    source = compiler.code(node.range_)
    first, second, declared = _items(node, source)
    scope = compiler.scope
    one = scope.push(node.variable, first)
    two = scope.push(node.variable2, second) if node.variable2 else None
    try:
        body = _body(compiler, node)
    finally:
        scope.pop(node.variable)
        if two is not None:
            scope.pop(node.variable2)
    pairs = _walk(source if declared is not None else Code(source.as_value()), declared, two is not None)
    if two is None:
        return Code(_single(pairs, one.slot, body))
    return Code(_double(pairs, one.slot, two.slot, body))


def _bound(compiler: Compiler, node: Fold) -> Code:
    """
    A name for a value, which is computed when it is first asked for.
    """
    start = compiler.code(node.start)
    scope = compiler.scope
    variable = scope.push(node.accumulator, None, start.as_value())
    slot = variable.slot
    result = compiler.value(node.result)
    scope.pop(node.accumulator)

    def run(frame: Frame) -> Any:
        frame[slot] = UNSET
        return result(frame)

    return Code(run)


def _items(node: Fold, source: Code) -> tuple[Declaration | None, Declaration | None, Declaration | None]:
    """
    What the schema says of the variables, and of the range if it may stay as it was decoded.
    """
    declared = source.declared
    if declared is None or declared.kind not in ("list", "map"):
        return None, None, None
    if declared.kind == "list":
        return (None, declared.element, declared) if node.variable2 else (declared.element, None, declared)
    return None, declared.element, declared


def _walk(source: Code, declared: Declaration | None, both: bool) -> Pairs:
    """
    What goes through a range and gives both variables.
    """
    if declared is None:
        return lambda frame: _value_pairs(source.run(frame), both)
    value, run = declared.value, source.run
    if declared.kind == "list":
        return lambda frame: _raw_list(run(frame), value, both)
    return lambda frame: _raw_map(run(frame), value)


def _raw_list(raw: Any, value: Callable[[Any], Any], both: bool) -> Iterable[tuple[Any, Any]]:
    if type(raw) is not list:
        return _value_pairs(value(raw), both)
    return enumerate(raw) if both else ((item, None) for item in raw)


def _raw_map(raw: Any, value: Callable[[Any], Any]) -> Iterable[tuple[Any, Any]]:
    if type(raw) is not dict:
        return _value_pairs(value(raw), True)
    return list(raw.items())


def _value_pairs(value: Any, both: bool) -> Iterable[tuple[Any, Any]]:
    if is_list(value):
        return enumerate(value) if both else ((item, None) for item in value)
    if isinstance(value, Mapping):
        return _entries(value)
    name = _GO_NAMES.get(type(value), f"types.{type(value).__name__}")
    if both:
        raise EvaluationError(f"unsupported comprehension range type: {name}")
    raise EvaluationError(f"got '{name}', expected iterable type")


def _entries(value: Mapping) -> Iterator[tuple[Any, Any]]:
    for key in value.every_key():
        yield key, value.find(key)[1]


def _single(pairs: Pairs, slot: int, body: Body) -> Run:
    step, begin, end = body.step, body.begin, body.end

    def run(frame: Frame) -> Any:
        items = pairs(frame)
        state = begin()
        for item, _ in items:
            frame[slot] = item
            if not step(frame, state):
                break
            if frame[0] > LIMIT:
                raise CostExceeded
        return end(frame, state)

    return run


def _double(pairs: Pairs, first: int, second: int, body: Body) -> Run:
    step, begin, end = body.step, body.begin, body.end

    def run(frame: Frame) -> Any:
        items = pairs(frame)
        state = begin()
        for key, value in items:
            frame[first], frame[second] = key, value
            if not step(frame, state):
                break
            if frame[0] > LIMIT:
                raise CostExceeded
        return end(frame, state)

    return run


def _body(compiler: Compiler, node: Fold) -> Body:
    step, start = node.step, node.start
    assert isinstance(step, Call)
    if isinstance(start, Literal):
        if step.function == "_&&_":
            return Quantifier(compiler.value(step.args[1]), True, 2)
        if step.function == "_||_":
            return Quantifier(compiler.value(step.args[1]), False, 3)
        return One(compiler.value(step.args[0]))
    only: Run | None = None
    if step.function == "_?_:_":
        only = compiler.value(step.args[0])
        step = step.args[1]
        assert isinstance(step, Call)
    if isinstance(start, MakeMap):
        return Inserting(only, [compiler.value(each) for each in step.args[1:]])
    made = step.args[1]
    assert isinstance(start, MakeList) and isinstance(made, MakeList)
    return _collecting(compiler, only, made.elements[0])


def _collecting(compiler: Compiler, only: Run | None, item: Node) -> Body:
    code = compiler.code(item)
    return Collecting(only, code.as_value(), 2 if code.is_constant else 2 + LIST)
