"""
What tells a new object from an old one.

Follows C{typed/compare.go} of C{sigs.k8s.io/structured-merge-diff/v6}.  The work is
proportional to what differs: equal parts are skipped before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.fieldtree import LEAF, Tree, in_order, union
from ark.apply.typed import (
    ABSENT,
    SAME,
    Atom,
    Comparison,
    ListType,
    MapType,
    PerAtom,
    TypedError,
    by_part,
    equal,
)
from ark.apply.typeditems import Unidentified, indexer
from ark.apply.typedwhole import Whole, Wholes, undeclared

Found = tuple["Tree | None", "Tree | None", "Tree | None"]
"""
What is added, modified and removed at one place.
"""

Differ = Callable[[Any, Any], "Found | None"]
_Step = tuple[str, bool, Differ, Whole]

_MODIFIED: Found = (None, LEAF, None)
_NO_MEMBERS: dict[str, Any] = {}
_NO_ITEMS: list[Any] = []


def _leaf(old: Any, new: Any) -> Found | None:
    return None if old == new or equal(old, new) else _MODIFIED


def _leaf_of_any(old: Any, new: Any) -> Found | None:
    if old is new:
        return None
    # The same text means the same values; comparing it takes no step per value.
    same = old == new and repr(old) == repr(new)
    return None if same or equal(old, new) else _MODIFIED


def _set(tree: Tree | None) -> FieldSet:
    return FieldSet(tree) if tree else EMPTY


class Compare:
    """
    The comparison of values of one type.
    """

    def __init__(self, atom: Atom) -> None:
        self._wholes = Wholes()
        self._differs = PerAtom(self._build)
        self._differ = self._differs[atom]

    def __call__(self, old: Any, new: Any) -> Comparison:
        """
        @raise TypedError: something that differs does not fit the type.
        """
        try:
            found = self._differ(old, new)
        except Unidentified as error:
            raise TypedError([str(error)]) from None
        return SAME if found is None else Comparison(*map(_set, found))

    def _build(self, atom: Atom) -> Differ:
        leaf = _leaf if atom.exact else _leaf_of_any
        on_map = self._map(atom.map, leaf) if atom.map else None
        on_list = self._list(atom.list, leaf) if atom.list else None
        on_scalar = leaf if atom.scalar else None
        chosen = by_part(on_map, on_list, on_scalar)
        if atom.only:
            return chosen

        def differ(old: Any, new: Any) -> Found | None:
            if atom.part(old) == atom.part(new):
                return chosen(old, new)
            # Each is taken for what it is, as a change of what the other is not.
            was = chosen(old, new)
            now = {"map": on_map, "list": on_list, "scalar": on_scalar}[atom.part(new) or atom.first]
            return _both(was, now and now(old, new))

        return differ

    def _map(self, map_type: MapType, leaf: Differ) -> Differ:
        if map_type.atomic:
            return leaf
        members: dict[str, _Step] = {
            name: (f"f:{name}", member.atom.exact, self._differs[member.atom], self._wholes[member.atom])
            for name, member in map_type.members.items()
        }
        other = map_type.element
        if other is None:
            rest: tuple[bool, Differ, Whole] = (False, undeclared, undeclared)
        else:
            rest = (other.exact, self._differs[other], self._wholes[other])

        def step_of(name: str) -> _Step:
            return members.get(name) or (f"f:{name}", *rest)

        return _map_differ(step_of, leaf)

    def _list(self, list_type: ListType, leaf: Differ) -> Differ:
        if list_type.atomic:
            return leaf
        element = list_type.element
        return _list_differ(list_type, leaf, self._differs[element], self._wholes[element])


def _both(one: Found | None, other: Found | None) -> Found | None:
    if one is None or other is None:
        return one or other
    return _joined(one[0], other[0]), _joined(one[1], other[1]), _joined(one[2], other[2])


def _joined(one: Tree | None, other: Tree | None) -> Tree | None:
    if one is None:
        return other
    return one if other is None else union(one, other)


def _found(added: Tree, modified: Tree, removed: Tree) -> Found | None:
    if not (added or modified or removed):
        return None
    return in_order(added) or None, in_order(modified) or None, in_order(removed) or None


def _map_differ(step_of: Callable[[str], _Step], leaf: Differ) -> Differ:
    def differ(old: Any, new: Any) -> Found | None:
        before = old if type(old) is dict else _NO_MEMBERS
        after = new if type(new) is dict else _NO_MEMBERS
        if not before and not after:
            return leaf(old, new)
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        common = len(after)
        for name, value in after.items():
            was = before.get(name, ABSENT)
            if was is value:
                continue
            key, exact, differ_below, whole = step_of(name)
            if was is ABSENT:
                common -= 1
                added[key] = whole(value)
                continue
            if exact and was == value:
                continue
            found = differ_below(was, value)
            if found is not None:
                if found[0] is not None:
                    added[key] = found[0]
                if found[1] is not None:
                    modified[key] = found[1]
                if found[2] is not None:
                    removed[key] = found[2]
        if common != len(before):
            for name, value in before.items():
                if name not in after:
                    key, _, _, whole = step_of(name)
                    removed[key] = whole(value)
        return _found(added, modified, removed)

    return differ


def _list_differ(list_type: ListType, leaf: Differ, differ_below: Differ, whole: Whole) -> Differ:
    index = indexer(list_type)

    def differ(old: Any, new: Any) -> Found | None:
        before_items = old if type(old) is list else _NO_ITEMS
        after_items = new if type(new) is list else _NO_ITEMS
        if not before_items and not after_items:
            return leaf(old, new)
        before, after = index(before_items), index(after_items)
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        for key, items in after.items():
            was = before.get(key)
            found = _item(items, was, differ_below, whole)
            if found is not None:
                if found[0] is not None:
                    added[key] = found[0]
                if found[1] is not None:
                    modified[key] = found[1]
                if found[2] is not None:
                    removed[key] = found[2]
        for key, items in before.items():
            if key not in after:
                removed[key] = whole(items[0]) if len(items) == 1 else LEAF
        return _found(added, modified, removed)

    return differ


def _item(after: list[Any], before: list[Any] | None, differ: Differ, whole: Whole) -> Found | None:
    """
    What differs at the items that are known by one key.
    """
    if before is None:
        return (whole(after[0]) if len(after) == 1 else LEAF), None, None
    if len(after) == 1 and len(before) == 1:
        return None if before[0] is after[0] else differ(before[0], after[0])
    if len(after) == 1:
        return whole(after[0]), None, LEAF
    if len(before) == 1:
        return LEAF, None, whole(before[0])
    return None if equal(before, after) else _MODIFIED
