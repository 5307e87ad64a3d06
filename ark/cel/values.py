"""
What expressions compute with.

Booleans, ints, doubles, strings, bytes and null are Python's own; so are lists.  Everything
else has a class here or in C{objects}.  Follows cel-go's C{common/types}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.types import Type
from ark.meta.gotext import format_float

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1


class Uint(int):
    """
    An unsigned integer of 64 bits.
    """

    __slots__ = ()


class Timestamp:
    """
    A point in time.

    @ivar nanoseconds: since 1970 in UTC.
    @ivar offset: seconds east of UTC of the zone that it was written in.
    """

    __slots__ = ("nanoseconds", "offset")

    def __init__(self, nanoseconds: int, offset: int = 0) -> None:
        self.nanoseconds = nanoseconds
        self.offset = offset


class Duration:
    """
    A span of time in nanoseconds.
    """

    __slots__ = ("nanoseconds",)

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds


class Optional:
    """
    A value that may be missing.
    """

    __slots__ = ("present", "value")

    def __init__(self, present: bool, value: Any = None) -> None:
        self.present = present
        self.value = value


NONE = Optional(False)


class Sequence:
    """
    A list that is not Python's own, such as a list of an object.
    """

    __slots__ = ()

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def at(self, index: int) -> Any:
        """
        One of the values.
        """
        raise NotImplementedError

    def added(self, other: Any) -> Any:
        """
        This list with another one behind it.
        """
        return [*self, *other]

    def equals(self, other: Any) -> bool:
        """
        Whether another value is the same.
        """
        raise NotImplementedError


class Mapping:
    """
    Keys and values.
    """

    __slots__ = ()

    def __len__(self) -> int:
        raise NotImplementedError

    def every_key(self) -> Iterable[Any]:
        """
        The keys, in an order of their own.
        """
        raise NotImplementedError

    def find(self, key: Any) -> tuple[bool, Any]:
        """
        Whether a key is there, and its value.
        """
        raise NotImplementedError

    def equals(self, other: Any) -> bool:
        """
        Whether another value is the same.
        """
        if not isinstance(other, Mapping) or len(self) != len(other):
            return False
        for key in self.every_key():
            found, theirs = other.find(key)
            if not found or not equal(self.find(key)[1], theirs):
                return False
        return True


def hashed(key: Any) -> Any:
    """
    What a key is kept under in a Python dict, where C{True} would be C{1}.
    """
    return (key,) if type(key) is bool else key


class MapValue(Mapping):
    """
    A map that an expression made.
    """

    __slots__ = ("entries",)

    def __init__(self, entries: dict[Any, tuple[Any, Any]]) -> None:
        self.entries = entries

    @classmethod
    def of(cls, pairs: Iterable[tuple[Any, Any]]) -> MapValue:
        """
        A map of these keys and values.
        """
        return cls({hashed(key): (key, value) for key, value in pairs})

    def __len__(self) -> int:
        return len(self.entries)

    def every_key(self) -> Iterable[Any]:
        return [key for key, _ in self.entries.values()]

    def insert(self, key: Any, value: Any) -> None:
        """
        Add a key that is not there yet.
        """
        kept = hashed(key)
        if kept in self.entries:
            raise EvaluationError(f"insert failed: key {shown(key)} already exists")
        self.entries[kept] = (key, value)

    def find(self, key: Any) -> tuple[bool, Any]:
        if type(key) is float and not key.is_integer():
            return False, None
        try:
            entry = self.entries.get(hashed(key))
        except TypeError:
            raise EvaluationError("unsupported map key") from None
        return (False, None) if entry is None else (True, entry[1])


class Opaque:
    """
    A value of one of Kubernetes' own types.
    """

    __slots__ = ()
    type: Type = types.DYN

    def same(self, other: Any) -> bool:
        """
        Whether another value of this type is equal.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        return 1


_TYPES: dict[type, Type] = {
    bool: types.BOOL,
    int: types.INT,
    Uint: types.UINT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
    type(None): types.NULL,
    Timestamp: types.TIMESTAMP,
    Duration: types.DURATION,
    Optional: types.OPTIONAL,
    list: types.LIST,
    Type: types.TYPE,
}
_NUMBERS = (int, float, Uint)


def type_of(value: Any) -> Type:
    """
    The type of a value at run time.
    """
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Sequence):
        return types.LIST
    if isinstance(value, Mapping):
        return types.MAP
    made: Type = value.type
    return made


def is_list(value: Any) -> bool:
    """
    Whether a value is a list.
    """
    return type(value) is list or isinstance(value, Sequence)


def equal(left: Any, right: Any) -> bool:
    """
    Whether two values are the same: numbers by value, everything else only within its type.

    @raise EvaluationError: for values of an object against what they cannot be compared with.
    """
    kind, other = type(left), type(right)
    if left is None or right is None:
        return left is right
    if kind is other and kind in (str, int, bool, bytes, float):
        return bool(left == right)
    if kind in _NUMBERS and other in _NUMBERS:
        if kind is float or other is float:
            return float(left) == float(right)
        return int(left) == int(right)
    if kind is list:
        return _same_items(left, right) if is_list(right) else False
    if isinstance(left, (Sequence, Mapping)):
        return left.equals(right)
    if kind is Timestamp or kind is Duration:
        return other is kind and left.nanoseconds == right.nanoseconds
    if kind is Optional:
        return _same_optionals(left, right)
    if kind is Type:
        return other is Type and left.name == right.name
    if isinstance(left, Opaque):
        if type(right) is not kind:
            raise no_overload()
        return left.same(right)
    return False


def _same_items(left: list[Any], right: Any) -> bool:
    return len(left) == len(right) and all(map(equal, left, right))


def _same_optionals(left: Optional, right: Any) -> bool:
    if type(right) is not Optional or left.present != right.present:
        return False
    return not left.present or equal(left.value, right.value)


def compare(left: Any, right: Any) -> int:
    """
    -1, 0 or 1 for values that have an order.

    @raise EvaluationError: for those that have none.
    """
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        if kind is float or other is float:
            left, right = float(left), float(right)
            if left != left or right != right:
                raise EvaluationError("NaN values cannot be ordered")
    elif kind is Timestamp or kind is Duration:
        if other is not kind:
            raise no_overload()
        left, right = left.nanoseconds, right.nanoseconds
    elif kind is not other or kind not in (str, bytes, bool):
        raise no_overload()
    order: int = (left > right) - (left < right)
    return order


def comparable(value: Any) -> bool:
    """
    Whether a value has an order at all.
    """
    return type(value) in (int, float, Uint, str, bytes, bool, Timestamp, Duration)


def size(value: Any) -> int:
    """
    How large a value is to the cost of what is done with it.
    """
    kind = type(value)
    if kind is str or kind is bytes or kind is list:
        count: int = len(value)
        return count
    if isinstance(value, (Sequence, Mapping, Opaque)):
        return len(value)
    return 1


def shown(value: Any) -> str:
    """
    A value in an error, as Go prints it.
    """
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return format_float(value)
    return str(int(value)) if kind is Uint else str(value)
