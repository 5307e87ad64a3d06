"""
The order of merged lists: what the patch says first, then what the list had.

Follows the ordering rules of C{k8s.io/apimachinery/pkg/util/strategicpatch}.  Items are
known by a merge key, or by their value where the key is empty.
"""

from __future__ import annotations

from typing import Any

from ark.meta.status import APIStatus


class NoMergeKey(ValueError):
    """
    An item has no value for the key that its list is merged by.
    """


def equal(one: Any, other: Any) -> bool:
    """
    Whether two scalars are equal and of one type.
    """
    return type(one) is type(other) and bool(one == other)


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


def find(items: list[Any], item: Any, merge_key: str) -> int | None:
    """
    The place of the first of C{items} that is known by the same as C{item}.
    """
    wanted = merge_key_of(item, merge_key)
    for place, each in enumerate(items):
        known = each.get(merge_key) if merge_key and isinstance(each, dict) else each
        if equal(known, wanted):
            return place
    return None


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
    inside: list[Any] = []
    outside: list[Any] = []
    for item in items:
        (outside if find(named, item, merge_key) is None else inside).append(item)
    return inside, outside


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    def place(item: Any) -> int:
        found = find(order, item, merge_key)
        return len(order) if found is None else found

    return sorted(items, key=place)


def in_patch_order(
    merged: list[Any], patch_order: list[Any], live_order: list[Any], merge_key: str
) -> list[Any]:
    """
    The merged items, those of the patch in its order.  The others stand before the first
    item of the patch that followed them in the list as it was, in their old order.
    """
    named, others = partition(merged, patch_order, merge_key)
    named = _sorted(named, patch_order, merge_key)
    others = _sorted(others, live_order, merge_key)
    result: list[Any] = []
    while named and others:
        left = find(live_order, others[0], merge_key)
        right = find(live_order, named[0], merge_key)
        before = left is not None and right is not None and left < right
        result.append((others if before else named).pop(0))
    return result + named + others
