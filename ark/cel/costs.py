"""
What calls cost when they run.

Follows cel-go's C{interpreter/runtimecost.go} and C{ext}, and
C{k8s.io/apiserver/pkg/cel/library/cost.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from ark.cel import types
from ark.cel.ranges import CHECK, Size, selector_cost
from ark.cel.types import Type
from ark.cel.values import Mapping, Opaque, is_list, size

TRAVERSAL = 0.1
REGEX = 0.25
LIST, MAP, STRUCT = 10, 30, 40

Cost = Callable[[Any, Any], int]

ACCESSORS = frozenset(
    [
        "masked",
        "prefixLength",
        "family",
        "isUnspecified",
        "isLoopback",
        "isLinkLocalMulticast",
        "isLinkLocalUnicast",
        "isGlobalUnicast",
        "format.named",
        "sign",
        "asInteger",
        "isInteger",
        "asApproximateFloat",
        "isGreaterThan",
        "isLessThan",
        "compareTo",
        "add",
        "sub",
        "major",
        "minor",
        "patch",
        "getScheme",
        "getHostname",
        "getHost",
        "getPort",
        "getEscapedPath",
        "getQuery",
    ]
)
_SCALARS = ("bool", "int", "uint", "double", "timestamp", "duration", "null", "type")


def call_cost(function: str, overload: str, args: list[Type]) -> Cost | None:
    """
    What computes the cost of a call from its arguments and result; L{None} where it is 1.

    @param overload: the one that is called, C{""} when that is only known later.
    @param args: what the checker found the arguments to be.
    """
    by_overload = _BY_OVERLOAD.get(overload)
    if by_overload is not None and overload in _TRACKED:
        return by_overload
    if function in ACCESSORS:
        return None
    by_function = _BY_FUNCTION.get(function)
    if by_function is not None and not (function == "ip" and overload == "cidr_ip"):
        return _contains(overload) if function in ("containsIP", "containsCIDR") else by_function
    if function in ("_==_", "_!=_"):
        if all(each.kind in _SCALARS for each in args):
            return None
        return _equality if function == "_==_" else _shorter
    return by_overload


def traversal(value: Any) -> int:
    """
    What looking at all of a value costs.
    """
    if type(value) is str:
        return int(len(value.encode()) * TRAVERSAL)
    if type(value) is bytes:
        return int(len(value) * TRAVERSAL)
    if is_list(value):
        return sum(map(traversal, value))
    if isinstance(value, Mapping):
        return sum(traversal(key) + traversal(value.find(key)[1]) for key in value.every_key())
    return 1


def _first(factor: float) -> Cost:
    return lambda args, result: ceil(size(args[0]) * factor)


def _joined(args: Any, result: Any) -> int:
    return ceil(size(result) * 2 * TRAVERSAL)


def _searched(args: Any, result: Any) -> int:
    return ceil((1.0 + size(args[0])) * TRAVERSAL) * ceil(size(args[1]) * REGEX)


def _contained(args: Any, result: Any) -> int:
    return ceil(size(args[0]) * TRAVERSAL) * ceil(size(args[1]) * TRAVERSAL)


def _validated(args: Any, result: Any) -> int:
    named: int = ceil(args[0].cost * REGEX)
    return ceil((1.0 + size(args[1])) * TRAVERSAL) * named


def _selected(args: Any, result: Any) -> int:
    length = size(args[1])
    return selector_cost(Size(length, length)).most


def _contains(overload: str) -> Cost:
    block = "cidr" in overload.removeprefix("cidr_")
    text = overload.endswith("_string")

    def cost(args: Any, result: Any) -> int:
        bits = size(args[0])
        total = ceil((bits + bits) * TRAVERSAL)
        if block:
            total += ceil(bits * TRAVERSAL) + 1
        return total + (ceil(size(args[1]) * TRAVERSAL) if text else 0)

    return cost


def _shorter(args: Any, result: Any) -> int:
    return ceil(min(size(args[0]), size(args[1])) * TRAVERSAL)


def _equality(args: Any, result: Any) -> int:
    return 1 if isinstance(args[0], Opaque) else _shorter(args, result)


def _together(args: Any, result: Any) -> int:
    return ceil((size(args[0]) + size(args[1])) * TRAVERSAL)


def _output(args: Any, result: Any) -> int:
    return size(result) + 1 + LIST


def _flattened(args: Any, result: Any) -> int:
    return int(size(args[0]) * float(args[1] if len(args) == 2 else 1)) + 1 + LIST


def _self_compared(items: Any) -> int:
    count = size(items)
    factor = 2.0
    if count and type(next(iter(items))) in (str, bytes):
        factor += TRAVERSAL
    return int(float(count * count) * factor) + 1 + LIST


def _sets(factor: float) -> Cost:
    return lambda args, result: 1 + int(float(size(args[0]) * size(args[1])) * factor)


_BY_FUNCTION: dict[str, Cost] = {
    **dict.fromkeys(
        ("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), lambda args, result: traversal(args[0])
    ),
    **dict.fromkeys(
        [
            "url",
            "lowerAscii",
            "upperAscii",
            "substring",
            "trim",
            "cidr",
            "isIP",
            "isCIDR",
            "ip",
            "quantity",
            "isQuantity",
            "semver",
            "isSemver",
            "jsonpatch.escapeKey",
        ],
        _first(TRAVERSAL),
    ),
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selected),
    "check": lambda args, result: CHECK,
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), _first(2 * TRAVERSAL)),
    "join": _joined,
    "find": _searched,
    "findAll": _searched,
    "containsIP": _contained,
    "containsCIDR": _contained,
    "validate": _validated,
}
_TRACKED: dict[str, Cost] = {
    "list_slice": _output,
    "lists_range": _output,
    "list_reverse": _output,
    "list_flatten": _flattened,
    "list_flatten_int": _flattened,
    "list_distinct": lambda args, result: _self_compared(args[0]),
    **{f"list_{each.name}_sort": lambda args, result: _self_compared(args[0]) for each in types.SORTABLE},
    **{
        f"list_{each.name}_sortByAssociatedKeys": lambda args, result: _self_compared(args[1])
        for each in types.SORTABLE
    },
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
}
_BY_OVERLOAD: dict[str, Cost] = {
    **_TRACKED,
    **dict.fromkeys(
        (
            "starts_with_string",
            "ends_with_string",
            "string_to_bytes",
            "bytes_to_string",
            "strings_quote",
            "string_format",
        ),
        _first(TRAVERSAL),
    ),
    "in_list": lambda args, result: size(args[1]),
    **{
        f"{word}_{kind}": _shorter
        for word in ("less", "less_equals", "greater", "greater_equals")
        for kind in ("string", "bytes")
    },
    "add_string": _together,
    "add_bytes": _together,
    "matches_string": _searched,
    "contains_string": _contained,
}
