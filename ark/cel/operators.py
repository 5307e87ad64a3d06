"""
The operators.

Follows cel-go's C{common/stdlib/standard.go}.  When the checker knows the types, the
implementation of the one overload runs; otherwise the operator looks at its operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import A, B, Function, Overload, function, plain
from ark.cel.lookups import contains, element
from ark.cel.numbers import (
    checked,
    checked_uint,
    divided,
    product,
    quotient,
    remainder,
)
from ark.cel.times import checked_duration, checked_timestamp
from ark.cel.types import Type, list_of, map_of
from ark.cel.values import INT_MAX, INT_MIN, Duration, Sequence, Timestamp, Uint, compare, equal, is_list

Binary = Callable[[Any, Any], Any]

_NUMERIC = (types.INT, types.UINT, types.DOUBLE)


def _add_int(left: int, right: int) -> int:
    value = left + right
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def _subtract_int(left: int, right: int) -> int:
    value = left - right
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def add_lists(left: Any, right: Any) -> Any:
    """
    One list behind the other.
    """
    return left.added(right) if isinstance(left, Sequence) else [*left, *right]


_ADD: dict[tuple[type, type], Binary] = {
    (int, int): _add_int,
    (Uint, Uint): lambda left, right: checked_uint(int(left) + int(right)),
    (float, float): lambda left, right: left + right,
    (str, str): lambda left, right: left + right,
    (bytes, bytes): lambda left, right: left + right,
    (Duration, Duration): lambda left, right: checked_duration(left.nanoseconds + right.nanoseconds),
    (Duration, Timestamp): lambda left, right: checked_timestamp(
        left.nanoseconds + right.nanoseconds, right.offset
    ),
    (Timestamp, Duration): lambda left, right: checked_timestamp(
        left.nanoseconds + right.nanoseconds, left.offset
    ),
}
_SUBTRACT: dict[tuple[type, type], Binary] = {
    (int, int): _subtract_int,
    (Uint, Uint): lambda left, right: checked_uint(int(left) - int(right)),
    (float, float): lambda left, right: left - right,
    (Duration, Duration): lambda left, right: checked_duration(left.nanoseconds - right.nanoseconds),
    (Timestamp, Duration): lambda left, right: checked_timestamp(
        left.nanoseconds - right.nanoseconds, left.offset
    ),
    (Timestamp, Timestamp): lambda left, right: checked_duration(left.nanoseconds - right.nanoseconds),
}
_MULTIPLY: dict[tuple[type, type], Binary] = {
    (int, int): lambda left, right: checked(left * right),
    (Uint, Uint): lambda left, right: checked_uint(int(left) * int(right)),
    (float, float): product,
}


def _divide_uint(left: Uint, right: Uint) -> Uint:
    return Uint(divided_unsigned(int(left), int(right)))


def divided_unsigned(left: int, right: int) -> int:
    """
    Left by right, neither of which is negative.
    """
    if right == 0:
        raise EvaluationError("division by zero")
    return left // right


def _remainder_uint(left: Uint, right: Uint) -> Uint:
    if right == 0:
        raise EvaluationError("modulus by zero")
    return Uint(int(left) % int(right))


_DIVIDE: dict[tuple[type, type], Binary] = {
    (int, int): divided,
    (Uint, Uint): _divide_uint,
    (float, float): quotient,
}
_MODULO: dict[tuple[type, type], Binary] = {(int, int): remainder, (Uint, Uint): _remainder_uint}


def _dispatched(name: str, table: dict[tuple[type, type], Binary]) -> Binary:
    """
    An operator on operands whose types are only known now.
    """
    known = frozenset(left for left, _ in table)

    def run(left: Any, right: Any) -> Any:
        found = table.get((type(left), type(right)))
        if found is not None:
            return found(left, right)
        if name == "_+_" and is_list(left):
            if is_list(right):
                return add_lists(left, right)
            raise no_overload()
        raise no_overload() if type(left) in known else EvaluationError(f"no such overload: {name}")

    return run


def negated(value: Any) -> Any:
    """
    A number with the other sign.
    """
    if type(value) is int:
        return checked(-value)
    if type(value) is float:
        return -value
    if type(value) is Duration:
        return checked_duration(-value.nanoseconds)
    raise EvaluationError("no such overload: -_") if type(value) is not bool else no_overload()


def inverted(value: Any) -> Any:
    """
    Not.
    """
    if type(value) is bool:
        return not value
    raise no_overload()


def _ordered(name: str, test: Callable[[int], bool]) -> Binary:
    def run(left: Any, right: Any) -> bool:
        return test(compare(left, right))

    return run


def unequal(left: Any, right: Any) -> bool:
    """
    C{!=}, which also holds for what cannot be compared.
    """
    try:
        return not equal(left, right)
    except EvaluationError:
        return True


DYNAMIC: dict[str, Binary] = {
    "_+_": _dispatched("_+_", _ADD),
    "_-_": _dispatched("_-_", _SUBTRACT),
    "_*_": _dispatched("_*_", _MULTIPLY),
    "_/_": _dispatched("_/_", _DIVIDE),
    "_%_": _dispatched("_%_", _MODULO),
    "_<_": _ordered("_<_", lambda order: order < 0),
    "_<=_": _ordered("_<=_", lambda order: order <= 0),
    "_>_": _ordered("_>_", lambda order: order > 0),
    "_>=_": _ordered("_>=_", lambda order: order >= 0),
    "@in": contains,
    "_==_": equal,
    "_!=_": unequal,
    "_[_]": element,
}
UNARY: dict[str, Callable[[Any], Any]] = {"-_": negated, "!_": inverted}

# Orders that Python itself has for values of one type.
_DIRECT: dict[str, Binary] = {
    "_<_": lambda left, right: left < right,
    "_<=_": lambda left, right: left <= right,
    "_>_": lambda left, right: left > right,
    "_>=_": lambda left, right: left >= right,
}
_ORDERS = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}


def _order(name: str, word: str) -> Function:
    overloads: list[Overload] = []
    for left in (types.BOOL, types.INT, types.UINT, types.DOUBLE):
        rights = _NUMERIC if left in _NUMERIC else (types.BOOL,)
        for right in (left, *(other for other in rights if other is not left)):
            suffix = _suffix(left) if left is right else f"{_suffix(left)}_{_suffix(right)}"
            direct = left is right and left is not types.DOUBLE
            run = _DIRECT[name] if direct else DYNAMIC[name]
            overloads.append(plain(f"{word}_{suffix}", (left, right), types.BOOL, run))
    texts, timed = (types.STRING, types.BYTES), (types.TIMESTAMP, types.DURATION)
    overloads += [plain(f"{word}_{each.name}", (each, each), types.BOOL, _DIRECT[name]) for each in texts]
    overloads += [plain(f"{word}_{each.kind}", (each, each), types.BOOL, DYNAMIC[name]) for each in timed]
    return function(name, *overloads)


def _suffix(declared: Type) -> str:
    return {"int": "int64", "uint": "uint64"}.get(declared.name, declared.name)


def _same(word: str, declared: Type, run: Binary | None) -> Overload:
    return plain(
        f"{word}_{_suffix(declared) if declared.kind != 'duration' else 'duration'}",
        (declared,) * 2,
        declared,
        run,
    )


def _arithmetic(name: str, word: str, table: dict[tuple[type, type], Binary], *kinds: Type) -> Function:
    python = {"int": int, "uint": Uint, "double": float}
    overloads = [_same(word, kind, table[(python[kind.name],) * 2]) for kind in kinds]
    return function(name, *overloads)


def _sums() -> Function:
    timed = DYNAMIC["_+_"]
    return function(
        "_+_",
        plain("add_bytes", (types.BYTES, types.BYTES), types.BYTES, _ADD[(bytes, bytes)]),
        plain("add_double", (types.DOUBLE, types.DOUBLE), types.DOUBLE, _ADD[(float, float)]),
        plain("add_duration_duration", (types.DURATION, types.DURATION), types.DURATION, timed),
        plain("add_duration_timestamp", (types.DURATION, types.TIMESTAMP), types.TIMESTAMP, timed),
        plain("add_timestamp_duration", (types.TIMESTAMP, types.DURATION), types.TIMESTAMP, timed),
        plain("add_int64", (types.INT, types.INT), types.INT, _add_int),
        plain("add_list", (list_of(A), list_of(A)), list_of(A), add_lists),
        plain("add_string", (types.STRING, types.STRING), types.STRING, _ADD[(str, str)]),
        plain("add_uint64", (types.UINT, types.UINT), types.UINT, _ADD[(Uint, Uint)]),
    )


def _differences() -> Function:
    timed = DYNAMIC["_-_"]
    return function(
        "_-_",
        plain("subtract_double", (types.DOUBLE, types.DOUBLE), types.DOUBLE, _SUBTRACT[(float, float)]),
        plain("subtract_duration_duration", (types.DURATION, types.DURATION), types.DURATION, timed),
        plain("subtract_int64", (types.INT, types.INT), types.INT, _subtract_int),
        plain("subtract_timestamp_duration", (types.TIMESTAMP, types.DURATION), types.TIMESTAMP, timed),
        plain("subtract_timestamp_timestamp", (types.TIMESTAMP, types.TIMESTAMP), types.DURATION, timed),
        plain("subtract_uint64", (types.UINT, types.UINT), types.UINT, _SUBTRACT[(Uint, Uint)]),
    )


FUNCTIONS: tuple[Function, ...] = (
    function("_?_:_", plain("conditional", (types.BOOL, A, A), A, None)),
    function("_&&_", plain("logical_and", (types.BOOL, types.BOOL), types.BOOL, None)),
    function("_||_", plain("logical_or", (types.BOOL, types.BOOL), types.BOOL, None)),
    function("!_", plain("logical_not", (types.BOOL,), types.BOOL, inverted)),
    function("@not_strictly_false", plain("not_strictly_false", (types.BOOL,), types.BOOL, None)),
    function("_==_", plain("equals", (A, A), types.BOOL, equal)),
    function("_!=_", plain("not_equals", (A, A), types.BOOL, DYNAMIC["_!=_"])),
    _sums(),
    _differences(),
    _arithmetic("_*_", "multiply", _MULTIPLY, types.DOUBLE, types.INT, types.UINT),
    _arithmetic("_/_", "divide", _DIVIDE, types.DOUBLE, types.INT, types.UINT),
    _arithmetic("_%_", "modulo", _MODULO, types.INT, types.UINT),
    function(
        "-_",
        plain("negate_double", (types.DOUBLE,), types.DOUBLE, negated),
        plain("negate_int64", (types.INT,), types.INT, negated),
    ),
    *(_order(name, word) for name, word in _ORDERS.items()),
    function(
        "_[_]",
        plain("index_list", (list_of(A), types.INT), A, None),
        plain("index_map", (map_of(A, B), A), B, None),
    ),
    function(
        "@in",
        plain("in_list", (A, list_of(A)), types.BOOL, contains),
        plain("in_map", (A, map_of(A, B)), types.BOOL, contains),
    ),
)
