"""
An object without some of its fields.

Follows C{typed/remove.go} of C{sigs.k8s.io/structured-merge-diff/v6}, also where what is
emptied becomes C{null}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.fieldpath import SELF
from ark.apply.fieldset import FieldSet
from ark.apply.fieldtree import Tree
from ark.apply.typed import Atom, PerAtom, by_part
from ark.apply.typeditems import KeyOf, key_reader

Taker = Callable[[Any, Tree], Any]
_TakerOf = Callable[[str], Taker]


def _value(value: Any, tree: Tree) -> Any:
    return value


def _nothing(value: Any, tree: Tree) -> Any:
    return None


class Remove:
    """
    Takes fields away: walks down a value and a set of fields together.
    """

    def __init__(self, atom: Atom) -> None:
        self._parts = PerAtom(self._build)
        self._take = self._parts[atom]

    def __call__(self, value: Any, fields: FieldSet) -> Any:
        """
        What is left of a value that fits the type.  It shares parts with the value.
        """
        return self._take(value, fields.fields_v1())

    def _build(self, atom: Atom) -> Taker:
        return by_part(self._map(atom), self._list(atom), _value if atom.scalar else None)

    def _map(self, atom: Atom) -> Taker | None:
        if atom.map is None:
            return None
        if atom.map.atomic:
            return _nothing
        members = {name: self._parts[member.atom] for name, member in atom.map.members.items()}
        others = _nothing if atom.map.element is None else self._parts[atom.map.element]
        return _map_without(lambda name: members.get(name, others))

    def _list(self, atom: Atom) -> Taker | None:
        if atom.list is None:
            return None
        if atom.list.atomic:
            return _nothing
        return _list_without(key_reader(atom.list), self._parts[atom.list.element])


def _map_without(taker_of: _TakerOf) -> Taker:
    def take(value: Any, tree: Tree) -> Any:
        if type(value) is not dict or not value:
            return None
        result = {}
        for name, member in value.items():
            below = tree.get(f"f:{name}")
            if below is None:
                result[name] = member
            elif below and SELF not in below:
                result[name] = taker_of(name)(member, below)
        return result or None

    return take


def _list_without(key_of: KeyOf, take_item: Taker) -> Taker:
    def take(value: Any, tree: Tree) -> Any:
        if type(value) is not list or not value:
            return None
        result = []
        for item in value:
            below = tree.get(key_of(item))
            if below is None:
                result.append(item)
            elif below and SELF not in below:
                result.append(take_item(item, below))
        return result or None

    return take
