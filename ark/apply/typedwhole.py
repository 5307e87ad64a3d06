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
from ark.apply.typed import Atom, ListType, MapType, PerAtom, by_part
from ark.apply.typeditems import Unidentified, key_reader

Whole = Callable[[Any], Tree]


def _leaf(value: Any) -> Tree:
    return LEAF


def undeclared(*values: Any) -> Any:
    """
    Stands for the functions of a member that no schema declares.

    @raise Unidentified: always.
    """
    raise Unidentified("field not declared in schema")


def _unless_leaf(whole: Whole) -> Whole | None:
    return None if whole is _leaf else whole


class Wholes(PerAtom[Whole]):
    """
    The function for each type that gives the tree of a value, the value itself in it.
    """

    def __init__(self) -> None:
        super().__init__(self._of)

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
        step_of = members.get

        def whole(value: Any) -> Tree:
            if type(value) is not dict or not value:
                return LEAF
            result: Tree = {SELF: LEAF}
            for name in sorted(value):
                key, below = step_of(name) or (f"f:{name}", others)
                result[key] = LEAF if below is None else below(value[name])
            return result

        return whole

    def _list(self, list_type: ListType) -> Whole:
        if list_type.atomic:
            return _leaf
        key_of = key_reader(list_type)
        below = self[list_type.element]

        def whole(value: Any) -> Tree:
            if type(value) is not list or not value:
                return LEAF
            result: Tree = {SELF: LEAF}
            for item in value:
                key = key_of(item)
                result[key] = LEAF if key in result else below(item)
            return in_order(result)

        return whole
