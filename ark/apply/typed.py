"""
Types of values as server-side apply sees them, and what comparing two values gives.

Follows C{schema/elements.go} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

from attrs import define, field

from ark.apply.fieldset import EMPTY, FieldSet

Built = TypeVar("Built", bound=Callable[..., Any])


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""
Stands for a member that is not there, where C{None} is one that is C{null}.
"""


class Scalar(Enum):
    """
    What a scalar may be; C{ANY} takes all of them.
    """

    NUMERIC = "numeric"
    STRING = "string"
    BOOLEAN = "boolean"
    ANY = "untyped"


@define(eq=False)
class Atom:
    """
    A type: each part that is set is one thing that a value may be.

    Parts are only set while a schema is compiled, because a type may contain itself.

    @ivar exact: two values are equal exactly if they are equal in Python, where C{True}
        equals C{1}.  That holds where no member lets both be.
    @ivar undescribed: no schema says anything of the values.
    """

    scalar: Scalar | None = None
    list: ListType | None = None
    map: MapType | None = None
    exact: bool = False
    undescribed: bool = False

    def part(self, value: Any) -> str:
        """
        Which part holds for a value: C{map}, C{list} or C{scalar}; C{""} if it may be any
        of several because the value is C{null} or fits none.
        """
        if type(value) is dict:
            found = "map" if self.map else ""
        elif type(value) is list:
            found = "list" if self.list else ""
        else:
            found = "scalar" if self.scalar and value is not None else ""
        return found or self.only

    @property
    def only(self) -> str:
        """
        The part of a type that has just one.
        """
        parts = [name for name in ("map", "scalar", "list") if getattr(self, name) is not None]
        return parts[0] if len(parts) == 1 else ""

    @property
    def first(self) -> str:
        """
        The part that is tried for a value that fits none.
        """
        return "map" if self.map else "scalar" if self.scalar else "list"


@define(eq=False)
class ListType:
    """
    A list.

    @ivar keys: the members that items are known by; none in a set.
    @ivar atomic: it has one owner as a whole.
    """

    element: Atom
    atomic: bool = True
    keys: tuple[str, ...] = ()


@define(eq=False)
class Member:
    """
    A declared member of a struct.

    @ivar default: C{None} when there is none.
    """

    atom: Atom
    default: Any = None


@define(eq=False)
class MapType:
    """
    A map, a struct, or both.

    @ivar element: the type of members that are not declared; L{None} if there are none.
    @ivar deduced: the schema says nothing of any member.
    """

    members: dict[str, Member] = field(factory=dict)
    element: Atom | None = None
    atomic: bool = False
    deduced: bool = False


class Comparison:
    """
    What tells a new object from an old one.  No path is in two of the sets.  Immutable; each
    is equal to itself only.

    @ivar is_known: whether the same will most likely be told by this very object again.
    """

    __slots__ = ("_touched", "added", "is_known", "modified", "removed")

    def __init__(
        self, added: FieldSet, modified: FieldSet, removed: FieldSet, is_known: bool = False
    ) -> None:
        self.added = added
        self.modified = modified
        self.removed = removed
        self.is_known = is_known
        self._touched: frozenset[str] | None = None

    @property
    def touched(self) -> frozenset[str]:
        """
        The keys of the members of the object in which anything differs.
        """
        if self._touched is None:
            self._touched = frozenset().union(*(fields.fields_v1() for fields in self.sets))
        return self._touched

    @property
    def sets(self) -> tuple[FieldSet, FieldSet, FieldSet]:
        """
        What is added, modified and removed.
        """
        return self.added, self.modified, self.removed


SAME = Comparison(EMPTY, EMPTY, EMPTY, True)
"""
Nothing differs.
"""


class TypedError(Exception):
    """
    An object does not fit its schema.

    @ivar errors: a sentence for each violation, beginning with the path.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = list(errors)
        super().__init__(self.errors[0] if len(self.errors) == 1 else "\n  ".join(["errors:", *self.errors]))


class PerAtom(dict[Atom, Built]):
    """
    What is built for each type, once; for what no schema describes only when it is called.
    """

    def __init__(self, build: Callable[[Atom], Built]) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, atom: Atom) -> Built:
        self[atom] = result = self._later(atom) if atom.undescribed else self._build(atom)
        return result

    def _later(self, atom: Atom) -> Built:
        built: list[Built] = []

        def later(*arguments: Any) -> Any:
            if not built:
                built.append(self._build(atom))
            return built[0](*arguments)

        return later  # type: ignore[return-value]


def picker(on_map: Built | None, on_list: Built | None, on_scalar: Built | None) -> Callable[[Any], Built]:
    """
    The function that picks for a value, out of those for the parts of a type, the one whose
    part holds.

    Where no part holds, as for C{null}, it is that of the first part.
    """
    first = on_map or on_scalar or on_list
    if first is None:
        raise ValueError("a type has at least one part")
    of_dict, of_list, of_scalar = on_map or first, on_list or first, on_scalar or first

    def pick(value: Any) -> Built:
        if type(value) is dict:
            return of_dict
        if type(value) is list:
            return of_list
        return first if value is None else of_scalar

    return pick


def by_part(on_map: Built | None, on_list: Built | None, on_scalar: Built | None) -> Built:
    """
    The function for the values of a type, out of those for its parts: the one that
    L{picker} picks for the first argument.
    """
    pick = picker(on_map, on_list, on_scalar)
    if (on_map is None) + (on_list is None) + (on_scalar is None) == 2:
        return pick(None)

    def chosen(value: Any, *more: Any) -> Any:
        return pick(value)(value, *more)

    return chosen  # type: ignore[return-value]


def equal(one: Any, other: Any) -> bool:
    """
    Whether two values are equal to Kubernetes: C{1} equals C{1.0} and not C{True}.
    """
    if one is other:
        return True
    if type(one) is dict:
        return (
            type(other) is dict
            and len(one) == len(other)
            and all(key in other and equal(value, other[key]) for key, value in one.items())
        )
    if type(one) is list:
        return type(other) is list and len(one) == len(other) and all(map(equal, one, other))
    if type(one) is type(other):
        return bool(one == other)
    return {type(one), type(other)} == {int, float} and float(one) == float(other)


def differ_in_form(one: Any, other: Any) -> bool:
    """
    Whether two values that are not equal in Python are equal to Kubernetes, which compares
    an integer with a float as floats.
    """
    if type(one) is dict:
        if type(other) is not dict or len(one) != len(other):
            return False
        for name, value in one.items():
            there = other.get(name, ABSENT)
            if value != there and not differ_in_form(value, there):
                return False
        return True
    if type(one) is list:
        if type(other) is not list or len(one) != len(other):
            return False
        return all(value == there or differ_in_form(value, there) for value, there in zip(one, other))
    return {type(one), type(other)} == {int, float} and float(one) == float(other)
