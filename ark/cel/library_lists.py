"""
Functions on lists and sets.

Follows C{k8s.io/apiserver/pkg/cel/library/lists.go} and cel-go's C{ext/lists.go} (version 3),
C{ext/sets.go} and C{ext/comprehensions.go}.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.functions import A, Function, K, T, V, function, member, plain
from ark.cel.lookups import contains
from ark.cel.operators import DYNAMIC
from ark.cel.types import list_of, map_of
from ark.cel.values import (
    Duration,
    MapValue,
    Uint,
    comparable,
    compare,
    equal,
    is_list,
)

_SUMMABLE = (
    ("int", types.INT, 0),
    ("uint", types.UINT, Uint(0)),
    ("double", types.DOUBLE, 0.0),
    ("duration", types.DURATION, Duration(0)),
)
_COMPARABLE = (
    ("int", types.INT),
    ("uint", types.UINT),
    ("double", types.DOUBLE),
    ("bool", types.BOOL),
    ("duration", types.DURATION),
    ("timestamp", types.TIMESTAMP),
    ("string", types.STRING),
    ("bytes", types.BYTES),
)


def _is_sorted(items: Any) -> bool:
    values = list(items)
    return all(compare(values[place - 1], values[place]) <= 0 for place in range(1, len(values)))


def _sum(start: Any) -> Callable[[Any], Any]:
    return lambda items: functools.reduce(DYNAMIC["_+_"], items, start)


def _extreme(word: str, wanted: int) -> Callable[[Any], Any]:
    def run(items: Any) -> Any:
        values = iter(items)
        best = next(values, values)
        if best is values:
            raise EvaluationError(f"{word} called on empty list")
        for each in values:
            if compare(best, each) == wanted:
                best = each
        return best

    return run


def _index_of(items: Any, wanted: Any) -> int:
    return next((index for index, each in enumerate(items) if _alike(each, wanted)), -1)


def _last_index_of(items: Any, wanted: Any) -> int:
    values = list(items)
    return next((index for index in range(len(values) - 1, -1, -1) if _alike(values[index], wanted)), -1)


def _alike(left: Any, right: Any) -> bool:
    try:
        return equal(left, right)
    except EvaluationError:
        return False


def _slice(items: Any, start: int, end: int) -> list[Any]:
    head = f"cannot slice({start}, {end}), "
    if start < 0 or end < 0:
        raise EvaluationError(head + "negative indexes not supported")
    if start > end:
        raise EvaluationError(head + "start index must be less than or equal to end index")
    if len(items) < end:
        raise EvaluationError(head + f"list is length {len(items)}")
    return list(items)[start:end]


def _flatten(items: Any, depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    flat: list[Any] = []
    for each in items:
        if is_list(each) and depth:
            flat.extend(_flatten(each, depth - 1))
        else:
            flat.append(each)
    return flat


def _sort(items: Any) -> Any:
    return _sort_by(items, items)


def _sort_by(items: Any, keys: Any) -> Any:
    values, by = list(items), list(keys)
    if len(values) != len(by):
        raise EvaluationError(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, "
            f"but got {len(values)} and {len(by)} elements respectively"
        )
    if not values:
        return items
    if not comparable(by[0]):
        raise EvaluationError("list elements must be comparable")
    if any(type(key) is not type(by[0]) for key in by):
        raise EvaluationError("list elements must have the same type")
    ranked = functools.cmp_to_key(compare)
    pairs = sorted(zip(by, values), key=lambda pair: ranked(pair[0]))
    return [value for _, value in pairs]


def _plain_kind(*lists: Any) -> bool:
    """
    Whether all items are of one type whose values Python itself compares.
    """
    kinds = {type(each) for items in lists for each in items}
    return len(kinds) == 1 and kinds <= {str, int, bytes}


def _distinct(items: Any) -> Any:
    if _plain_kind(items):
        return list(dict.fromkeys(items))
    found: list[Any] = []
    for each in items:
        if not any(_alike(each, other) for other in found):
            found.append(each)
    return found


def _sets_contain(items: Any, others: Any) -> bool:
    if _plain_kind(items, others):
        return set(items).issuperset(others)
    return all(contains(each, items) for each in others)


def _sets_intersect(items: Any, others: Any) -> bool:
    if _plain_kind(items, others):
        return not set(items).isdisjoint(others)
    for each in items:
        try:
            if contains(each, others):
                return True
        except EvaluationError:
            continue
    return False


def _sets_equivalent(items: Any, others: Any) -> bool:
    return _sets_contain(items, others) and _sets_contain(others, items)


def _insert(target: Any, *entry: Any) -> MapValue:
    made = MapValue(dict(target.entries))
    pairs = [(key, entry[0].find(key)[1]) for key in entry[0].every_key()] if len(entry) == 1 else [entry]
    for key, value in pairs:
        made.insert(key, value)
    return made


_LIST, _I, _B = list_of(T), types.INT, types.BOOL

LISTS: tuple[Function, ...] = (
    function(
        "isSorted",
        *(
            member(f"list_{name}_is_sorted_bool", (list_of(each),), _B, _is_sorted)
            for name, each in _COMPARABLE
        ),
    ),
    function(
        "sum",
        *(
            member(f"list_{name}_sum_{name}", (list_of(each),), each, _sum(start))
            for name, each, start in _SUMMABLE
        ),
    ),
    function(
        "max",
        *(
            member(f"list_{name}_max_{name}", (list_of(each),), each, _extreme("max", -1))
            for name, each in _COMPARABLE
        ),
    ),
    function(
        "min",
        *(
            member(f"list_{name}_min_{name}", (list_of(each),), each, _extreme("min", 1))
            for name, each in _COMPARABLE
        ),
    ),
    function("indexOf", member("list_a_index_of_int", (list_of(A), A), _I, _index_of)),
    function("lastIndexOf", member("list_a_last_index_of_int", (list_of(A), A), _I, _last_index_of)),
    function("slice", member("list_slice", (_LIST, _I, _I), _LIST, _slice)),
    function(
        "flatten",
        member("list_flatten", (list_of(_LIST),), _LIST, _flatten),
        member("list_flatten_int", (types.LIST, _I), types.LIST, _flatten),
        guarded=False,
    ),
    function(
        "sort",
        *(
            member(f"list_{each.name}_sort", (list_of(each),), list_of(each), _sort)
            for each in types.SORTABLE
        ),
    ),
    function(
        "@sortByAssociatedKeys",
        *(
            member(f"list_{each.name}_sortByAssociatedKeys", (_LIST, list_of(each)), _LIST, _sort_by)
            for each in types.SORTABLE
        ),
    ),
    function("lists.range", plain("lists_range", (_I,), list_of(_I), lambda count: list(range(count)))),
    function("reverse", member("list_reverse", (_LIST,), _LIST, lambda items: list(items)[::-1])),
    function("distinct", member("list_distinct", (_LIST,), _LIST, _distinct)),
)
SETS: tuple[Function, ...] = (
    function("sets.contains", plain("list_sets_contains_list", (_LIST, _LIST), _B, _sets_contain)),
    function("sets.equivalent", plain("list_sets_equivalent_list", (_LIST, _LIST), _B, _sets_equivalent)),
    function("sets.intersects", plain("list_sets_intersects_list", (_LIST, _LIST), _B, _sets_intersect)),
)
COMPREHENSIONS: tuple[Function, ...] = (
    function(
        "cel.@mapInsert",
        plain("@mapInsert_map_key_value", (map_of(K, V), K, V), map_of(K, V), _insert),
        plain("@mapInsert_map_map", (map_of(K, V), map_of(K, V)), map_of(K, V), _insert),
    ),
)
