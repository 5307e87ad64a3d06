"""
The types of values, as the checker sees them.

Follows cel-go's C{common/types/types.go} and, in how they are written, C{checker/format.go}.
"""

from __future__ import annotations


class Type:
    """
    A type: its kind, its name at run time and its parameters.
    """

    __slots__ = ("kind", "name", "params", "text")

    def __init__(self, kind: str, name: str, params: tuple[Type, ...] = ()) -> None:
        self.kind = kind
        self.name = name
        self.params = params
        self.text = _text(self)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Type) or self.kind != other.kind or self.name != other.name:
            return False
        return self.params == other.params

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def __repr__(self) -> str:
        return f"<Type {self.text}>"


_WRITTEN = {
    "any": "any",
    "duration": "duration",
    "timestamp": "timestamp",
    "null": "null",
    "error": "!error!",
}


def _text(made: Type) -> str:
    written = _WRITTEN.get(made.kind)
    if written is not None:
        return written
    if made.params:
        return f"{made.name}({', '.join(param.text for param in made.params)})"
    return made.name


DYN = Type("dyn", "dyn")
ANY = Type("any", "google.protobuf.Any")
BOOL = Type("bool", "bool")
INT = Type("int", "int")
UINT = Type("uint", "uint")
DOUBLE = Type("double", "double")
STRING = Type("string", "string")
BYTES = Type("bytes", "bytes")
NULL = Type("null", "null_type")
TIMESTAMP = Type("timestamp", "google.protobuf.Timestamp")
DURATION = Type("duration", "google.protobuf.Duration")
ERROR = Type("error", "error")
TYPE = Type("type", "type")


def list_of(element: Type) -> Type:
    """
    A list.
    """
    return Type("list", "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """
    A map.
    """
    return Type("map", "map", (key, value))


def optional_of(value: Type) -> Type:
    """
    A value that may be missing.
    """
    return Type("opaque", "optional_type", (value,))


def type_of(value: Type) -> Type:
    """
    The type of a type.
    """
    return Type("type", "type", (value,))


def struct(name: str) -> Type:
    """
    An object with declared fields.
    """
    return Type("struct", name)


def opaque(name: str) -> Type:
    """
    A value that only its own functions look into.
    """
    return Type("opaque", name)


def param(name: str) -> Type:
    """
    A type to be found out.
    """
    return Type("param", name)


def is_dyn(checked: Type) -> bool:
    """
    Whether anything goes.
    """
    return checked.kind in ("dyn", "any")


def is_optional(checked: Type) -> bool:
    """
    Whether a value may be missing.
    """
    return checked.name == "optional_type" and checked.kind == "opaque"


def unwrapped(checked: Type) -> tuple[Type, bool]:
    """
    What an optional holds, and whether it was one.
    """
    return (checked.params[0], True) if is_optional(checked) else (checked, False)


SORTABLE = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)
"""
Those whose values can be put in order.
"""

LIST = list_of(DYN)
MAP = map_of(DYN, DYN)
OPTIONAL = optional_of(DYN)

URL = struct("kubernetes.URL")
QUANTITY = struct("kubernetes.Quantity")
SEMVER = struct("kubernetes.Semver")
FORMAT = struct("kubernetes.NamedFormat")
IP = opaque("net.IP")
CIDR = opaque("net.CIDR")
