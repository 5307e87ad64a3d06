"""
What tells a new object from an old one.

Follows C{typed/compare.go} of C{sigs.k8s.io/structured-merge-diff/v6}.  The work is
proportional to what differs: equal parts are skipped before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ark.apply.fieldtree import Tree, union
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
from ark.apply.typedfound import LEAF_HELD, MODIFIED, UNKNOWN, Found, Founds, Part
from ark.apply.typeditems import Unidentified, indexer
from ark.apply.typedsame import Same, Sames
from ark.apply.typedwhole import Whole, Wholes, undeclared

Differ = Callable[[Any, Any], "Found | None"]

_NO_MEMBERS: dict[str, Any] = {}
_NO_ITEMS: list[Any] = []


class _Step(NamedTuple):
    """
    How to compare one member, or the items of a list.

    @ivar modified: what a text of which nothing is told but that it differs gives; L{None}
        where there may be more to tell.
    """

    key: str
    same: Same | None
    differ: Differ
    whole: Whole
    modified: Part | None = None


def _leaf(old: Any, new: Any) -> Found | None:
    return None if equal(old, new) else MODIFIED


def _exact_leaf(old: Any, new: Any) -> Found | None:
    return None if old == new or differ_in_form(old, new) else MODIFIED


class Compare:
    """
    The comparison of values of one type.
    """

    def __init__(self, atom: Atom) -> None:
        self._founds = Founds()
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
        return SAME if found is None else found.comparison

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
        key = f"f:{name}"
        if atom is None:
            return _Step(key, undeclared, undeclared, undeclared)
        differ = self._differs[atom]
        modified = (key, MODIFIED) if name and differ is _exact_leaf else None
        return _Step(key, self._sames.of(atom), differ, self._wholes[atom], modified)

    def _map(self, map_type: MapType, leaf: Differ) -> Differ:
        if map_type.atomic:
            return leaf
        members = {name: self._step(name, member.atom) for name, member in map_type.members.items()}
        return _map_differ(self._founds, members, self._step("", map_type.element))

    def _list(self, list_type: ListType, leaf: Differ) -> Differ:
        if list_type.atomic:
            return leaf
        return _list_differ(self._founds, list_type, self._step("", list_type.element))


def _both(one: Found | None, other: Found | None) -> Found | None:
    if one is None or other is None:
        return one or other
    return Found(
        _joined(one.added, other.added),
        _joined(one.modified, other.modified),
        _joined(one.removed, other.removed),
        UNKNOWN,
    )


def _joined(one: Tree | None, other: Tree | None) -> Tree | None:
    if one is None:
        return other
    return one if other is None else union(one, other)


def _map_differ(founds: Founds, members: dict[str, _Step], rest: _Step) -> Differ:
    step_of, known = members.get, founds.get
    same_of, others_same = {name: step.same for name, step in members.items()}.get, rest.same

    def differ(old: Any, new: Any) -> Found | None:
        before, after = old, new
        if type(old) is not dict or type(new) is not dict or not new:
            before = old if type(old) is dict else _NO_MEMBERS
            after = new if type(new) is dict else _NO_MEMBERS
            if not before and not after:
                return _leaf(old, new)
        parts: list[Part] = []
        for name, value in after.items():
            was = before.get(name, ABSENT)
            if was is value:
                continue
            if was == value:
                same = same_of(name, others_same)
                if same is None or same(was, value):
                    continue
            key, _, differ_below, whole, modified = step_of(name) or (f"f:{name}", *rest[1:])
            if was is ABSENT:
                parts.append((key, whole(value).added))
                continue
            if modified is not None and type(value) is str:
                parts.append(modified)
                continue
            found = differ_below(was, value)
            if found is not None:
                parts.append((key, found))
        if not before.keys() <= after.keys():
            for name, was in before.items():
                if name not in after:
                    step = step_of(name)
                    parts.append((step.key if step else f"f:{name}", (step or rest).whole(was).removed))
        if not parts:
            return None
        told = tuple(parts)
        return known(told) or founds.join(told)

    return differ


def _list_differ(founds: Founds, list_type: ListType, step: _Step) -> Differ:
    index, known = indexer(list_type), founds.get

    def differ(old: Any, new: Any) -> Found | None:
        before_items = old if type(old) is list else _NO_ITEMS
        after_items = new if type(new) is list else _NO_ITEMS
        if not before_items and not after_items:
            return _leaf(old, new)
        before, after = index(before_items), index(after_items)
        parts: list[Part] = []
        for key, items in after.items():
            parts.extend((key, found) for found in _item(items, before.get(key), step))
        for key, items in before.items():
            if key not in after:
                held = step.whole(items[0]) if len(items) == 1 else LEAF_HELD
                parts.append((key, held.removed))
        if not parts:
            return None
        told = tuple(parts)
        return known(told) or founds.join(told)

    return differ


def _item(after: list[Any], before: list[Any] | None, step: _Step) -> tuple[Found, ...]:
    """
    What differs at the items that are known by one key.
    """
    if before is None:
        return ((step.whole(after[0]) if len(after) == 1 else LEAF_HELD).added,)
    if len(after) == 1 and len(before) == 1:
        was, item = before[0], after[0]
        if was is item or (was == item and (step.same is None or step.same(was, item))):
            return ()
        found = step.differ(was, item)
        return () if found is None else (found,)
    if len(after) == 1:
        return step.whole(after[0]).added, LEAF_HELD.removed
    if len(before) == 1:
        return LEAF_HELD.added, step.whole(before[0]).removed
    return () if equal(before, after) else (MODIFIED,)
