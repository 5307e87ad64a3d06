"""
The fields of a value that only one of two compared objects has.

Follows C{typed/compare.go} of C{sigs.k8s.io/structured-merge-diff/v6}: other than in the
fields that are applied, what holds others is there itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.fieldpath import SELF
from ark.apply.fieldtree import LEAF, Tree, in_order
from ark.apply.known import Recurring
from ark.apply.typed import Atom, ListType, MapType, PerAtom, by_part
from ark.apply.typedfound import HEAVIEST, KEY_WEIGHT, LEAF_HELD, UNKNOWN, Held
from ark.apply.typeditems import Unidentified, key_reader

Whole = Callable[[Any], Held]

_KEPT = 512


def _leaf(value: Any) -> Held:
    return LEAF_HELD


def undeclared(*values: Any) -> Any:
    """
    Stands for the functions of a member that no schema declares.

    @raise Unidentified: always.
    """
    raise Unidentified("field not declared in schema")


def _unless_leaf(whole: Whole) -> Whole | None:
    return None if whole is _leaf else whole


class _Names:
    """
    The fields of all maps of a type that have the same members.

    @ivar held: the fields, those of members left out that hold fields themselves.
    @ivar below: those members, their keys and the functions for what they hold.
    """

    __slots__ = ("below", "held")

    def __init__(self, held: Held, below: list[tuple[str, str, Whole]]) -> None:
        self.held = held
        self.below = below


class Wholes(PerAtom[Whole]):
    """
    The function for each type that gives the fields of a value, the value itself among them.
    """

    def __init__(self) -> None:
        super().__init__(self._of)
        self._names: Recurring[tuple[Any, ...], _Names] = Recurring(_KEPT)
        self._helds: Recurring[tuple[Any, ...], Held] = Recurring(_KEPT)

    def _of(self, atom: Atom) -> Whole:
        return by_part(
            self._map(atom.map) if atom.map else None,
            self._list(atom.list) if atom.list else None,
            _leaf if atom.scalar else None,
        )

    def _map(self, map_type: MapType) -> Whole:
        if map_type.atomic:
            return _leaf
        members = {
            name: (f"f:{name}", _unless_leaf(self[member.atom])) for name, member in map_type.members.items()
        }
        others = undeclared if map_type.element is None else _unless_leaf(self[map_type.element])
        known_names, known = self._names.get, self._helds.get

        def of_names(value: dict[str, Any]) -> _Names:
            tree: Tree = {SELF: LEAF}
            steps = []
            for name in sorted(value):
                key, below = members.get(name) or (f"f:{name}", others)
                tree[key] = LEAF
                if below is not None:
                    steps.append((name, key, below))
            key_of_names = map_type, *value
            weight = KEY_WEIGHT * len(value) + sum(map(len, value))
            if weight > HEAVIEST or not self._names.comes_again(key_of_names):
                return _Names(Held(tree, UNKNOWN), steps)
            return self._names.keep(key_of_names, _Names(Held(tree, weight), steps))

        def whole(value: Any) -> Held:
            if type(value) is not dict or not value:
                return LEAF_HELD
            names = known_names((map_type, *value)) or of_names(value)
            if not names.below:
                return names.held
            parts: list[Any] = [names]
            for name, _, below in names.below:
                parts.append(below(value[name]))
            found = tuple(parts)
            return known(found) or self._filled(found)

        return whole

    def _filled(self, parts: tuple[Any, ...]) -> Held:
        """
        The fields of a map, given those of its members that hold some.
        """
        names, *helds = parts
        tree = dict(names.held.tree)
        weight = names.held.weight
        for (_, key, _), held in zip(names.below, helds):
            tree[key] = held.tree
            weight += held.weight
        return self._kept(parts, tree, weight)

    def _kept(self, parts: tuple[Any, ...], tree: Tree, weight: int) -> Held:
        if weight > HEAVIEST or not self._helds.comes_again(parts):
            return Held(tree, UNKNOWN)
        return self._helds.keep(parts, Held(tree, weight))

    def _list(self, list_type: ListType) -> Whole:
        if list_type.atomic:
            return _leaf
        key_of = key_reader(list_type)
        below = self[list_type.element]
        known = self._helds.get

        def whole(value: Any) -> Held:
            if type(value) is not list or not value:
                return LEAF_HELD
            helds: dict[str, Held] = {}
            for item in value:
                key = key_of(item)
                helds[key] = LEAF_HELD if key in helds else below(item)
            parts = tuple(helds.items())
            found = known(parts)
            if found is None:
                tree = in_order({SELF: LEAF, **{key: held.tree for key, held in parts}})
                weight = sum(KEY_WEIGHT + len(key) + held.weight for key, held in parts)
                found = self._kept(parts, tree, weight)
            return found

        return whole
