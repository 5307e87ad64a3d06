"""
Whether values that are equal in Python are equal to Kubernetes.

C{True} equals C{1} in Python.  Comparing whole objects is so much faster than walking
through them that they are compared first, and then only those parts are looked at where
the schema lets both be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.typed import ABSENT, Atom, ListType, MapType, PerAtom, equal

Same = Callable[[Any, Any], bool]


def _same_any(one: Any, other: Any) -> bool:
    # The same text means the same values; comparing it takes no step per value.
    return one is other or type(one) is str or repr(one) == repr(other) or equal(one, other)


class Sames:
    """
    The function for each type that says so of two values that are equal in Python.
    """

    def __init__(self) -> None:
        self._parts = PerAtom(self._build)

    def of(self, atom: Atom) -> Same | None:
        """
        The function for a type; L{None} if the values always are.
        """
        return None if atom.exact else self._parts[atom]

    def _build(self, atom: Atom) -> Same:
        if atom.only == "map" and atom.map is not None:
            return self._map(atom.map)
        if atom.only == "list" and atom.list is not None:
            return self._list(atom.list)
        return _same_any

    def _map(self, map_type: MapType) -> Same:
        members = {name: self.of(member.atom) for name, member in map_type.members.items()}
        declared = [(name, same) for name, same in members.items() if same is not None]
        others = None if map_type.element is None else self.of(map_type.element)

        def same(one: Any, other: Any) -> bool:
            if type(one) is not dict:
                return True
            for name, same_member in declared:
                value = one.get(name, ABSENT)
                if value is not ABSENT and not same_member(value, other[name]):
                    return False
            return others is None or all(
                others(value, other[name]) for name, value in one.items() if name not in members
            )

        return same

    def _list(self, list_type: ListType) -> Same:
        same_item = self._parts[list_type.element]

        def same(one: Any, other: Any) -> bool:
            return type(one) is not list or all(map(same_item, one, other))

        return same
