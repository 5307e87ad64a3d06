"""
The fields that an object mentions, which are those that applying it takes.

Follows C{typed/tofieldset.go} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.fieldtree import LEAF, Tree, in_order, marked, unmarked
from ark.apply.typed import Atom, ListType, MapType, PerAtom, TypedError, by_part
from ark.apply.typeditems import Unidentified, key_reader

TreeOf = Callable[[Any], "Tree | None"]


def _leaf(value: Any) -> Tree:
    return LEAF


def _unless_leaf(tree_of: TreeOf) -> TreeOf | None:
    return None if tree_of is _leaf else tree_of


class Fields:
    """
    The fields of values of one type.
    """

    def __init__(self, atom: Atom) -> None:
        self._parts = PerAtom(self._build)
        self._tree_of = self._parts[atom]

    def __call__(self, value: Any) -> FieldSet:
        """
        @raise TypedError: the value has items that cannot be told apart by their type.
        """
        try:
            tree = self._tree_of(value)
        except Unidentified as error:
            raise TypedError([str(error)]) from None
        tree = tree and unmarked(tree)
        return FieldSet(tree) if tree else EMPTY

    def _build(self, atom: Atom) -> TreeOf:
        """
        The function that gives the tree of a value, L{None} if not even the value itself
        is in the set.
        """
        return by_part(
            self._map(atom.map) if atom.map else None,
            self._list(atom.list) if atom.list else None,
            _leaf if atom.scalar else None,
        )

    def _map(self, map_type: MapType) -> TreeOf:
        if map_type.atomic:
            return _leaf
        members = {
            name: (f"f:{name}", _unless_leaf(self._parts[member.atom]), True)
            for name, member in map_type.members.items()
        }
        others = None if map_type.element is None else _unless_leaf(self._parts[map_type.element])
        step_of = members.get

        def tree_of(value: Any) -> Tree | None:
            if type(value) is not dict:
                return None
            result: Tree = {}
            for name in sorted(value):
                key, below_of, declared = step_of(name) or (f"f:{name}", others, False)
                if below_of is None:
                    result[key] = LEAF
                    continue
                member = value[name]
                below = below_of(member)
                if not declared:
                    result[key] = marked(below or LEAF)
                elif below is not None:
                    result[key] = below
                elif member is None or member == {}:
                    result[key] = LEAF
            return result or None

        return tree_of

    def _list(self, list_type: ListType) -> TreeOf:
        if list_type.atomic:
            return _leaf
        key_of = key_reader(list_type)
        below_of = self._parts[list_type.element]

        def tree_of(value: Any) -> Tree | None:
            if type(value) is not list:
                return None
            result: Tree = {}
            doubles = set()
            for item in value:
                key = key_of(item)
                if key in result:
                    doubles.add(key)
                result[key] = marked(below_of(item) or LEAF)
            for key in doubles:
                # Of several that are known by the same, nothing below is told.
                result[key] = LEAF
            return in_order(result) if result else None

        return tree_of
