"""
Whether a value fits its type.

Follows C{typed/validate.go} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.typed import Atom, ListType, MapType, PerAtom, Scalar, TypedError
from ark.apply.typedfaults import faults
from ark.apply.typeditems import Unidentified, key_reader

Fits = Callable[[Any], bool]

_NULL: frozenset[type] = frozenset({type(None)})
_FITTING: dict[Scalar, frozenset[type]] = {
    Scalar.NUMERIC: _NULL | {int, float},
    Scalar.STRING: _NULL | {str},
    Scalar.BOOLEAN: _NULL | {bool},
    Scalar.ANY: _NULL | {int, float, str, bool},
}


_NOTHING: frozenset[type] = frozenset()


def _scalars(atom: Atom) -> frozenset[type]:
    """
    What fits a type that takes nothing but scalars.
    """
    return _FITTING[atom.scalar] if atom.scalar and atom.only else _NOTHING


class Check:
    """
    The check of one type.

    @param allow_duplicates: several items of a list may be known by the same.
    """

    def __init__(self, atom: Atom, allow_duplicates: bool) -> None:
        self._atom = atom
        self._allow_duplicates = allow_duplicates
        self._parts = PerAtom(self._build)
        self._fits = self._parts[atom]

    def __call__(self, value: Any) -> None:
        """
        @raise TypedError: the value does not fit.
        """
        if not self._fits(value):
            found = faults(self._atom, value, self._allow_duplicates)
            raise TypedError([f"{path}: {text}" if path else text for path, text in found])

    def _build(self, atom: Atom) -> Fits:
        if atom.undescribed:
            return lambda value: True
        scalars = _FITTING[atom.scalar] if atom.scalar else _NULL
        in_map = self._map(atom.map) if atom.map else None
        in_list = self._list(atom.list) if atom.list else None

        def fits(value: Any) -> bool:
            kind = type(value)
            if kind is dict:
                return in_map is not None and in_map(value)
            if kind is list:
                return in_list is not None and in_list(value)
            return kind in scalars

        return fits

    def _map(self, map_type: MapType) -> Fits:
        scalars = {name: _scalars(member.atom) for name, member in map_type.members.items()}
        tests = {name: self._parts[member.atom] for name, member in map_type.members.items()}
        others = None if map_type.element is None else self._parts[map_type.element]
        scalars_of, test_of = scalars.get, tests.get

        def fits(value: dict[str, Any]) -> bool:
            for name, member in value.items():
                if type(member) in scalars_of(name, _NOTHING):
                    continue
                test = test_of(name, others)
                if test is None or not test(member):
                    return False
            return True

        every = _scalars(map_type.element) if map_type.element else _NOTHING
        if not tests and every:
            return lambda value: every.issuperset(map(type, value.values()))
        return fits

    def _list(self, list_type: ListType) -> Fits:
        test = self._parts[list_type.element]
        key_of = key_reader(list_type)
        allow_duplicates = self._allow_duplicates

        def fits(value: list[Any]) -> bool:
            try:
                keys = [key_of(item) for item in value]
            except Unidentified:
                return False
            return (allow_duplicates or len(set(keys)) == len(keys)) and all(map(test, value))

        return fits if not list_type.atomic else lambda value: all(map(test, value))
