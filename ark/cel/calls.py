"""
Calls of functions.

Follows cel-go's C{common/decls/decls.go} in how an overload is found when the checker could
not tell which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ark.cel.code import Code, Frame, Run, constant
from ark.cel.costs import Cost, call_cost
from ark.cel.errors import EvaluationError, ProgramError, no_overload
from ark.cel.functions import Function, Overload
from ark.cel.operators import DYNAMIC, UNARY
from ark.cel.standard import compile_regex
from ark.cel.syntax import Call
from ark.cel.types import Type, is_dyn
from ark.cel.values import is_list, size, type_of

_CONVERSIONS = frozenset(
    ["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"]
)
_PATTERNS = frozenset(("matches", "find", "findAll"))
_LOOSE = ("dyn", "any", "param")


class Caller:
    """
    Makes the code of calls.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions

    def call(self, node: Call, codes: list[Code]) -> Code:
        """
        The code of a call with the code of its arguments.

        @raise ProgramError: when it has only constants and fails.
        """
        called = self._functions[node.function]
        overload = node.overloads[0] if len(node.overloads) == 1 else ""
        args = [each.type for each in node.operands if each.type is not None]
        run = _implementation(called, overload, args)
        cost = call_cost(node.function, overload, args)
        if node.function in _CONVERSIONS and len(codes) == 1 and codes[0].is_constant:
            return _folded(run, codes[0].constant)
        runs = [each.as_value() for each in codes]
        if node.function in _PATTERNS and codes[1].is_constant:
            regex = _pattern(codes[1].constant)
            if node.function == "matches":
                run = _matching(regex.search)
            return Code(_called_many(run, runs, cost))
        if node.function == "format":
            return Code(_called_many(run, runs, cost))
        return Code(_called(run, runs, cost))


def _folded(run: Callable[..., Any], value: Any) -> Code:
    try:
        return constant(run(value))
    except EvaluationError as error:
        raise ProgramError(str(error)) from None


def _pattern(pattern: Any) -> Any:
    try:
        return compile_regex(pattern)
    except EvaluationError as error:
        raise ProgramError(str(error)) from None


def _matching(search: Callable[[str], Any]) -> Callable[..., bool]:
    """
    A test for a pattern that is always the same.
    """

    def run(text: Any, _pattern: str) -> bool:
        if type(text) is not str:
            raise no_overload()
        return search(text) is not None

    return run


def _implementation(called: Function, overload: str, args: list[Type]) -> Callable[..., Any]:
    """
    What computes a call: the one overload if it is known, or else whichever fits.
    """
    loose = any(each.kind in _LOOSE for each in args)
    for each in called.overloads:
        if each.id == overload and each.run is not None and not (loose and each.args):
            return each.run
    if called.name in DYNAMIC and len(args) == 2:
        return DYNAMIC[called.name]
    if called.name in UNARY:
        return UNARY[called.name]
    if called.name == "size":
        return _sized
    candidates = [each for each in called.overloads if len(each.args) == len(args)]
    if overload:
        candidates = [each for each in candidates if each.id == overload]
    return _dispatched(called, candidates)


def _sized(value: Any) -> int:
    if type(value) in (str, bytes) or is_list(value) or type_of(value).kind == "map":
        return size(value)
    raise EvaluationError("no such overload: size")


def _dispatched(called: Function, candidates: list[Overload]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        for each in candidates:
            if each.run is not None and all(map(_suits, each.args, args)):
                return each.run(*args)
        if not called.guarded:
            raise EvaluationError("no such overload")
        names = ", ".join(type_of(arg).name for arg in args)
        raise EvaluationError(f"no such overload: {called.name}({names})")

    return run


def _suits(wanted: Type, value: Any) -> bool:
    """
    Whether a value is of a type, as far as its first item tells.
    """
    if is_dyn(wanted) or wanted.kind == "param":
        return True
    given = type_of(value)
    if given.name != wanted.name:
        return False
    if wanted.kind == "list" and len(value):
        return _suits(wanted.params[0], next(iter(value)))
    if wanted.kind == "map" and len(value):
        key = next(iter(value.every_key()))
        return _suits(wanted.params[0], key) and _suits(wanted.params[1], value.find(key)[1])
    return True


def _called(run: Callable[..., Any], args: list[Run], cost: Cost | None) -> Run:
    if len(args) == 1:
        return _called_one(run, args[0], cost)
    if len(args) == 2:
        return _called_two(run, args[0], args[1], cost)
    return _called_many(run, args, cost)


def _called_many(run: Callable[..., Any], args: list[Run], cost: Cost | None) -> Run:
    """
    A call that ends with the first argument that fails, and costs nothing itself then unless
    it is the last one.
    """
    *first, last = args if args else (None,)

    def many(frame: Frame) -> Any:
        if last is None:
            frame[0] += 1
            return run()
        values = [each(frame) for each in first]
        try:
            values.append(last(frame))
        except EvaluationError:
            frame[0] += _cost_of_failure(cost, (*values, None))
            raise
        if cost is None:
            frame[0] += 1
            return run(*values)
        return _counted(frame, run, values, cost)

    return many


def _counted(frame: Frame, run: Callable[..., Any], values: Sequence[Any], cost: Cost) -> Any:
    """
    Call, and count what it cost whether or not there is a result.
    """
    try:
        result = run(*values)
    except EvaluationError:
        frame[0] += _cost_of_failure(cost, values)
        raise
    frame[0] += cost(values, result)
    return result


def _cost_of_failure(cost: Cost | None, values: Sequence[Any]) -> int:
    """
    What a call costs that has no result; an argument that failed is as small as can be.
    """
    if cost is None:
        return 1
    try:
        return cost(values, None)
    except (AttributeError, TypeError):
        return 1


def _called_one(run: Callable[..., Any], arg: Run, cost: Cost | None) -> Run:
    def one(frame: Frame) -> Any:
        try:
            value = arg(frame)
        except EvaluationError:
            frame[0] += _cost_of_failure(cost, (None,))
            raise
        if cost is None:
            frame[0] += 1
            return run(value)
        return _counted(frame, run, (value,), cost)

    return one


def _called_two(run: Callable[..., Any], left: Run, right: Run, cost: Cost | None) -> Run:
    def two(frame: Frame) -> Any:
        try:
            first = left(frame)
        except EvaluationError:
            beside = _attempted(right, frame)
            frame[0] += _cost_of_failure(cost, (None, beside))
            raise
        try:
            second = right(frame)
        except EvaluationError:
            frame[0] += _cost_of_failure(cost, (first, None))
            raise
        if cost is None:
            frame[0] += 1
            return run(first, second)
        return _counted(frame, run, (first, second), cost)

    return two


def _attempted(run: Run, frame: Frame) -> Any:
    """
    The value of an argument beside one that failed, for the sake of what it costs.
    """
    try:
        return run(frame)
    except EvaluationError:
        return None
