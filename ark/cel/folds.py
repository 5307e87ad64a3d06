"""
Macros over lists and maps, once they are folds.

Follows cel-go's C{interpreter/interpretable.go} (C{evalFold}).  The shapes that the macros
make are recognized and run as plain loops; the numbers in them are what the steps would cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ark.cel.code import UNSET, Code, Frame, Run
from ark.cel.costs import LIST
from ark.cel.errors import CostExceeded, EvaluationError, no_overload
from ark.cel.schemas import Declaration
from ark.cel.syntax import Call, Fold, Literal, MakeList, MakeMap, Node
from ark.cel.values import Duration, Mapping, MapValue, Timestamp, Uint, is_list

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
    accumulator = scope.push(node.accumulator)
    one = scope.push(node.variable, first)
    two = scope.push(node.variable2, second) if node.variable2 else None
    try:
        body = _body(compiler, node)
    finally:
        scope.pop(node.variable)
        if two is not None:
            scope.pop(node.variable2)
        scope.pop(node.accumulator)
    del accumulator
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


class _Body:
    """
    What a fold does: C{begin} makes its state, C{step} does one item and says whether to go on,
    and C{end} gives the result.
    """

    __slots__ = ()

    def begin(self) -> Any:
        """
        The state before the first item.
        """
        return []

    def step(self, frame: Frame, state: Any) -> bool:
        """
        Do an item, whose variables are in the frame.
        """
        raise NotImplementedError

    def end(self, frame: Frame, state: Any) -> Any:
        """
        The result.
        """
        raise NotImplementedError


def _single(pairs: Pairs, slot: int, body: _Body) -> Run:
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


def _double(pairs: Pairs, first: int, second: int, body: _Body) -> Run:
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


def _body(compiler: Compiler, node: Fold) -> _Body:
    step, start = node.step, node.start
    assert isinstance(step, Call)
    if isinstance(start, Literal):
        if step.function == "_&&_":
            return _Quantifier(compiler.value(step.args[1]), True, 2)
        if step.function == "_||_":
            return _Quantifier(compiler.value(step.args[1]), False, 3)
        return _One(compiler.value(step.args[0]))
    only: Run | None = None
    if step.function == "_?_:_":
        only = compiler.value(step.args[0])
        step = step.args[1]
        assert isinstance(step, Call)
    if isinstance(start, MakeMap):
        return _Inserting(only, [compiler.value(each) for each in step.args[1:]])
    made = step.args[1]
    assert isinstance(start, MakeList) and isinstance(made, MakeList)
    return _collecting(compiler, only, made.elements[0])


def _collecting(compiler: Compiler, only: Run | None, item: Node) -> _Body:
    code = compiler.code(item)
    return _Collecting(only, code.as_value(), 2 if code.is_constant else 2 + LIST)


class _Quantifier(_Body):
    """
    C{all} and C{exists}.  The state is what was found and what failed first.
    """

    __slots__ = ("_check", "_neutral", "_test")

    def __init__(self, test: Run, neutral: bool, check: int) -> None:
        self._test = test
        self._neutral = neutral
        self._check = check

    def begin(self) -> Any:
        return [self._neutral, None]

    def step(self, frame: Frame, state: Any) -> bool:
        neutral = self._neutral
        frame[0] += self._check
        if state[0] is not neutral:
            return False
        frame[0] += 1
        try:
            value = self._test(frame)
        except EvaluationError as error:
            state[1] = state[1] or error
            return True
        if value is (not neutral):
            state[0] = value
        elif value is not neutral:
            state[1] = state[1] or no_overload()
        return True

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 1
        if state[0] is self._neutral and state[1] is not None:
            raise state[1]
        return state[0]


class _One(_Body):
    """
    C{exists_one}.  The state is how many there are and what failed last.
    """

    __slots__ = ("_test",)

    def __init__(self, test: Run) -> None:
        self._test = test

    def begin(self) -> Any:
        return [0, None]

    def step(self, frame: Frame, state: Any) -> bool:
        try:
            value = self._test(frame)
        except EvaluationError as error:
            state[1] = error
            return True
        if value is True:
            frame[0] += 2
            state[0] += 1
        elif value is not False:
            state[1] = no_overload()
        return True

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 2
        if state[1] is not None:
            raise state[1]
        return bool(state[0] == 1)


class _Filtered(_Body):
    """
    A fold that may leave items out.  The state is what was collected and what failed.
    """

    __slots__ = ("_only",)

    def __init__(self, only: Run | None) -> None:
        self._only = only

    def step(self, frame: Frame, state: Any) -> bool:
        only = self._only
        if only is not None:
            try:
                value = only(frame)
            except EvaluationError as error:
                state[1] = error
                return True
            if value is False:
                return True
            if value is not True:
                state[1] = no_overload()
                return True
        try:
            self.collect(frame, state)
        except EvaluationError as error:
            state[1] = state[1] or error
        return True

    def collect(self, frame: Frame, state: Any) -> None:
        """
        Take the item.
        """
        raise NotImplementedError

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 1
        if state[1] is not None:
            raise state[1]
        return state[0]


class _Collecting(_Filtered):
    """
    C{map}, C{filter} and C{transformList}.
    """

    __slots__ = ("_cost", "_item")

    def __init__(self, only: Run | None, item: Run, cost: int) -> None:
        super().__init__(only)
        self._item = item
        self._cost = cost

    def begin(self) -> Any:
        return [[], None]

    def collect(self, frame: Frame, state: Any) -> None:
        frame[0] += self._cost
        state[0].append(self._item(frame))


class _Inserting(_Filtered):
    """
    C{transformMap} and C{transformMapEntry}.
    """

    __slots__ = ("_parts",)

    def __init__(self, only: Run | None, parts: list[Run]) -> None:
        super().__init__(only)
        self._parts = parts

    def begin(self) -> Any:
        return [MapValue({}), None]

    def collect(self, frame: Frame, state: Any) -> None:
        if state[1] is not None:
            frame[0] += 1
            return
        frame[0] += 2
        given = [part(frame) for part in self._parts]
        target: MapValue = state[0]
        if len(given) == 2:
            pairs = [(given[0], given[1])]
        else:
            pairs = [(key, given[0].find(key)[1]) for key in given[0].every_key()]
        for key, value in pairs:
            target.insert(key, value)
