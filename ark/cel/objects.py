"""
Parts of objects as values.

An object stays as it was decoded; its parts become values when an expression asks for them.
Follows C{k8s.io/apiserver/pkg/cel/common/valuesunstructured.go}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ark.cel.errors import EvaluationError, no_overload
from ark.cel.identifiers import escape, unescape
from ark.cel.types import Type
from ark.cel.values import Mapping, Opaque, Sequence, equal, is_list

if TYPE_CHECKING:
    from ark.cel.schemas import Declaration

_MISSING: Any = object()


class Preserved(Opaque):
    """
    A value that no schema describes.
    """

    __slots__ = ("raw",)
    type = Type("opaque", "unknown")

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def same(self, other: Preserved) -> bool:
        return bool(self.raw == other.raw)


class Record(Mapping):
    """
    An object with declared fields, or one with keys of any name.
    """

    __slots__ = ("declared", "raw")

    def __init__(self, raw: dict[str, Any], declared: Declaration) -> None:
        self.raw = raw
        self.declared = declared

    def __len__(self) -> int:
        return len(self.raw)

    def every_key(self) -> Iterable[Any]:
        declared = self.declared
        known = [key for key in self.raw if declared.member(key) is not None]
        return [escape(key) or key for key in known] if declared.closed else known

    def find(self, key: Any) -> tuple[bool, Any]:
        if type(key) is not str:
            raise no_overload()
        declared = self.declared
        name = unescape(key) if declared.closed else key
        if name is None:
            return False, None
        value = self.raw.get(name, _MISSING)
        if value is _MISSING or (value is None and declared.closed):
            return False, None
        member = declared.member(name)
        return (False, None) if member is None else (True, member.value(value))

    def equals(self, other: Any) -> bool:
        if not isinstance(other, Mapping):
            raise no_overload()
        if len(self) != len(other):
            return False
        for key, raw in self.raw.items():
            if self.declared.member(key) is None:
                if not isinstance(other, Record):
                    raise no_overload()
                if key in other.raw and raw != other.raw[key]:
                    return False
                continue
            found, value = self.find(key)
            theirs, their_value = other.find(key)
            if found != theirs or (found and not equal(value, their_value)):
                return False
        return True


class Items(Sequence):
    """
    A list of an object.
    """

    __slots__ = ("declared", "raw")

    def __init__(self, raw: list[Any], declared: Declaration) -> None:
        self.raw = raw
        self.declared = declared

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Any]:
        return map(self.declared.element.value, self.raw)

    def at(self, index: int) -> Any:
        return self.declared.element.value(self.raw[index])

    def added(self, other: Any) -> Any:
        return type(self)([*self.raw, *map(raw_of, other)], self.declared)

    def equals(self, other: Any) -> bool:
        if not is_list(other):
            raise no_overload()
        return len(self) == len(other) and all(map(equal, self, other))


class SetItems(Items):
    """
    A list whose order does not matter.
    """

    __slots__ = ()

    def added(self, other: Any) -> Any:
        raws = list(self.raw)
        for each in map(raw_of, other):
            if not any(_same_raw(each, known) for known in raws):
                raws.append(each)
        return SetItems(raws, self.declared)

    def equals(self, other: Any) -> bool:
        if not is_list(other):
            raise no_overload()
        if len(self) != len(other):
            return False
        return all(any(_same_raw(each, known) for known in self.raw) for each in map(raw_of, other))


class MapItems(Items):
    """
    A list of objects that are known by some of their fields.
    """

    __slots__ = ()

    def key(self, raw: Any) -> tuple[Any, ...]:
        """
        What an item is known by.
        """
        if not isinstance(raw, dict):
            raise EvaluationError(
                "unexpected data format for element of array with x-kubernetes-list-type=map"
            )
        values = (raw.get(name) for name in self.declared.map_keys)
        return tuple((type(value).__name__, str(value)) for value in values)

    def added(self, other: Any) -> Any:
        raws = {self.key(raw): raw for raw in self.raw}
        for each in map(raw_of, other):
            raws[self.key(each)] = each
        return MapItems(list(raws.values()), self.declared)

    def equals(self, other: Any) -> bool:
        if not is_list(other):
            raise no_overload()
        if len(self) != len(other):
            return False
        known = {self.key(raw): raw for raw in self.raw}
        for each in other:
            mine = known.get(self.key(raw_of(each)), _MISSING)
            if mine is _MISSING or not equal(self.declared.element.value(mine), each):
                return False
        return True


def _same_raw(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def raw_of(value: Any) -> Any:
    """
    What a value would be in an object.
    """
    if isinstance(value, (Record, Items, JSONMap, JSONItems)):
        return value.raw
    return value


class JSONMap(Mapping):
    """
    A decoded object that no schema describes.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def __len__(self) -> int:
        return len(self.raw)

    def every_key(self) -> Iterable[Any]:
        return list(self.raw)

    def find(self, key: Any) -> tuple[bool, Any]:
        if type(key) is not str or key not in self.raw:
            return False, None
        return True, decoded(self.raw[key])


class JSONItems(Sequence):
    """
    A decoded list that no schema describes.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: list[Any]) -> None:
        self.raw = raw

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Any]:
        return map(decoded, self.raw)

    def at(self, index: int) -> Any:
        return decoded(self.raw[index])

    def equals(self, other: Any) -> bool:
        return is_list(other) and len(self) == len(other) and all(map(equal, self, other))


def decoded(raw: Any) -> Any:
    """
    Decoded JSON as a value.
    """
    kind = type(raw)
    if kind is dict:
        return JSONMap(raw)
    return JSONItems(raw) if kind is list else raw
