"""
What tells a new object from an old one.

Follows C{typed/compare.go} of C{sigs.k8s.io/structured-merge-diff/v6}.  The work is
proportional to what differs: equal parts are skipped before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
    differ_in_form,
    equal,
    picker,
)
from ark.apply.typeditems import Unidentified, indexer
from ark.apply.typedsame import Same, Sames
from ark.apply.typedwhole import Whole, Wholes, undeclared

Found = tuple["Tree | None", "Tree | None", "Tree | None"]
"""
What is added, modified and removed at one place.
"""

Differ = Callable[[Any, Any], "Found | None"]

_MODIFIED: Found = (None, LEAF, None)
_NO_MEMBERS: dict[str, Any] = {}
_NO_ITEMS: list[Any] = []


class _Step(NamedTuple):
    """
    How to compare one member, or the items of a list.
    """

    key: str
    same: Same | None
    differ: Differ
    whole: Whole


def _leaf(old: Any, new: Any) -> Found | None:
    return None if equal(old, new) else _MODIFIED


def _exact_leaf(old: Any, new: Any) -> Found | None:
    return None if old == new or differ_in_form(old, new) else _MODIFIED


def _set(tree: Tree | None) -> FieldSet:
    return FieldSet(tree) if tree else EMPTY


class Compare:
    """
    The comparison of values of one type.
    """

    def __init__(self, atom: Atom) -> None:
        self._sames = Sames()
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
        leaf = _exact_leaf if atom.exact else _leaf
        on_map = self._map(atom.map, leaf) if atom.map else None
        on_list = self._list(atom.list, leaf) if atom.list else None
        on_scalar = leaf if atom.scalar else None
        pick = picker(on_map, on_list, on_scalar)
        if atom.only:
            return pick(None)

        def differ(old: Any, new: Any) -> Found | None:
            of_old, of_new = pick(old), pick(new)
            found = of_old(old, new)
            # Each is taken for what it is, as a change of what the other is not.
            return found if of_old is of_new else _both(found, of_new(old, new))

        return differ

    def _step(self, name: str, atom: Atom | None) -> _Step:
        if atom is None:
            return _Step(f"f:{name}", undeclared, undeclared, undeclared)
        return _Step(f"f:{name}", self._sames.of(atom), self._differs[atom], self._wholes[atom])

    def _map(self, map_type: MapType, leaf: Differ) -> Differ:
        if map_type.atomic:
            return leaf
        members = {name: self._step(name, member.atom) for name, member in map_type.members.items()}
        rest = self._step("", map_type.element)
        return _map_differ(members, rest)

    def _list(self, list_type: ListType, leaf: Differ) -> Differ:
        if list_type.atomic:
            return leaf
        return _list_differ(list_type, self._step("", list_type.element))


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


def _map_differ(members: dict[str, _Step], rest: _Step) -> Differ:
    step_of = members.get

    def differ(old: Any, new: Any) -> Found | None:
        before = old if type(old) is dict else _NO_MEMBERS
        after = new if type(new) is dict else _NO_MEMBERS
        if not before and not after:
            return _leaf(old, new)
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        common = len(after)
        for name, value in after.items():
            was = before.get(name, ABSENT)
            if was is value:
                continue
            key, same, differ_below, whole = step_of(name) or (f"f:{name}", *rest[1:])
            if was is ABSENT:
                common -= 1
                added[key] = whole(value)
                continue
            if was == value and (same is None or same(was, value)):
                continue
            found = differ_below(was, value)
            if found is not None:
                _put(key, found, added, modified, removed)
        if common != len(before):
            for name, value in before.items():
                if name not in after:
                    step = step_of(name)
                    removed[step.key if step else f"f:{name}"] = (step or rest).whole(value)
        return _found(added, modified, removed)

    return differ


def _put(key: str, found: Found, added: Tree, modified: Tree, removed: Tree) -> None:
    if found[0] is not None:
        added[key] = found[0]
    if found[1] is not None:
        modified[key] = found[1]
    if found[2] is not None:
        removed[key] = found[2]


def _list_differ(list_type: ListType, step: _Step) -> Differ:
    index = indexer(list_type)

    def differ(old: Any, new: Any) -> Found | None:
        before_items = old if type(old) is list else _NO_ITEMS
        after_items = new if type(new) is list else _NO_ITEMS
        if not before_items and not after_items:
            return _leaf(old, new)
        before, after = index(before_items), index(after_items)
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        for key, items in after.items():
            found = _item(items, before.get(key), step)
            if found is not None:
                _put(key, found, added, modified, removed)
        for key, items in before.items():
            if key not in after:
                removed[key] = step.whole(items[0]) if len(items) == 1 else LEAF
        return _found(added, modified, removed)

    return differ


def _item(after: list[Any], before: list[Any] | None, step: _Step) -> Found | None:
    """
    What differs at the items that are known by one key.
    """
    if before is None:
        return (step.whole(after[0]) if len(after) == 1 else LEAF), None, None
    if len(after) == 1 and len(before) == 1:
        was, item = before[0], after[0]
        if was is item or (was == item and (step.same is None or step.same(was, item))):
            return None
        return step.differ(was, item)
    if len(after) == 1:
        return step.whole(after[0]), None, LEAF
    if len(before) == 1:
        return LEAF, None, step.whole(before[0])
    return None if equal(before, after) else _MODIFIED
