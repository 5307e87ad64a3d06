"""
The order of merged lists: what the patch says first, then what the list had.

Follows the ordering rules of C{k8s.io/apimachinery/pkg/util/strategicpatch}.  Items are
known by a merge key, or by their value where the key is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from ark.meta.status import APIStatus


class NoMergeKey(ValueError):
    """
    An item has no value for the key that its list is merged by.
    """


def merge_key_of(item: Any, merge_key: str) -> Any:
    """
    What an item is known by.

    @raise NoMergeKey: the item does not say.
    """
    if not merge_key:
        return item
    if not isinstance(item, dict) or merge_key not in item:
        raise NoMergeKey(f"map: does not contain declared merge key: {merge_key}")
    return item[merge_key]


def identity_of(value: Any) -> tuple[type, Any]:
    """
    What tells values apart: equal ones of one type have the same.
    """
    plain = not isinstance(value, (dict, list))
    return type(value), value if plain else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def known_by(item: Any, merge_key: str) -> tuple[type, Any]:
    """
    What an item of a list is known by, be it nothing.
    """
    return identity_of(item.get(merge_key) if merge_key and isinstance(item, dict) else item)


class Places:
    """
    Where items stand in a list.  Patches have room for very many, so that none is looked for.
    """

    def __init__(self, items: Iterable[Any], merge_key: str) -> None:
        self._merge_key = merge_key
        self._places: dict[tuple[type, Any], int] = {}
        self._count = 0
        for item in items:
            self.append(item)

    def append(self, item: Any) -> None:
        """
        One more stands at the end of the list.
        """
        self._places.setdefault(known_by(item, self._merge_key), self._count)
        self._count += 1

    def of(self, item: Any) -> int | None:
        """
        The place of the first that is known by the same as C{item}; L{None} if there is none.

        @raise NoMergeKey: C{item} is known by nothing.
        """
        return self._places.get(identity_of(merge_key_of(item, self._merge_key)))


def element_kind(*lists: list[Any]) -> type | None:
    """
    The type that all items have; L{None} when there are no items.

    @raise APIStatus: 422, the types differ, or the items are lists.
    """
    kinds = {type(item) for items in lists for item in items}
    if list in kinds:
        raise _unprocessable("lists of lists are not supported")
    if len(kinds) > 1:
        raise _unprocessable("list element types are not identical")
    return kinds.pop() if kinds else None


def _unprocessable(why: str) -> APIStatus:
    return APIStatus(422, "Invalid", f"the server rejected our request due to an error in our request: {why}")


def partition(items: list[Any], named: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """
    The items that C{named} has too, and the others.
    """
    places = Places(named, merge_key)
    inside: list[Any] = []
    outside: list[Any] = []
    for item in items:
        (outside if places.of(item) is None else inside).append(item)
    return inside, outside


def _sorted(items: list[Any], places: Places, last: int) -> list[Any]:
    def place(item: Any) -> int:
        found = places.of(item)
        return last if found is None else found

    return sorted(items, key=place)


def in_patch_order(
    merged: list[Any], patch_order: list[Any], live_order: list[Any], merge_key: str
) -> list[Any]:
    """
    The merged items, those of the patch in its order.  The others stand before the first
    item of the patch that followed them in the list as it was, in their old order.
    """
    named, others = partition(merged, patch_order, merge_key)
    live = Places(live_order, merge_key)
    named = _sorted(named, Places(patch_order, merge_key), len(patch_order))
    others = _sorted(others, live, len(live_order))
    result: list[Any] = []
    at, of_others = 0, 0
    while at < len(named) and of_others < len(others):
        left = live.of(others[of_others])
        right = live.of(named[at])
        if left is not None and right is not None and left < right:
            result.append(others[of_others])
            of_others += 1
        else:
            result.append(named[at])
            at += 1
    return result + named[at:] + others[of_others:]
