"""
Values that expressions make of named types: C{Object{...}} and C{JSONPatch{...}}.

Follows C{k8s.io/apiserver/pkg/cel/mutation}.  Objects are made without a schema: every name
that begins with C{Object.} is a type, and every field may be anything; that the names of
nested types are those of the fields they are put into is seen when the value is there.
"""

from __future__ import annotations

import base64
from math import isfinite
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import Function, function, plain
from ark.cel.objects import raw_of
from ark.cel.times import duration_text, timestamp_text
from ark.cel.types import Type, list_of, struct
from ark.cel.values import (
    Duration,
    Mapping,
    Opaque,
    Optional,
    Timestamp,
    Uint,
    equal,
    is_list,
    shown,
    type_of,
)

OBJECT = struct("Object")
JSON_PATCH = struct("JSONPatch")
JSON_PATCHES = list_of(JSON_PATCH)

_PATCH_FIELDS = {"op": types.STRING, "path": types.STRING, "from": types.STRING, "value": types.DYN}
_GO_TYPES = {
    bool: "bool",
    int: "int64",
    Uint: "uint64",
    float: "float64",
    bytes: "[]uint8",
    type(None): "structpb.NullValue",
    list: "[]ref.Val",
}
_LARGEST_EXACT = 2**53 - 1


class Unwritable(ValueError):
    """
    A value that JSON has no form for.
    """


class Struct(Opaque):
    """
    A value with a type that its maker named, and fields.
    """

    __slots__ = ("fields", "type")

    def __init__(self, made: Type, fields: dict[str, Any]) -> None:
        self.type = made
        self.fields = fields

    def find(self, name: Any) -> tuple[bool, Any]:
        """
        Whether a field is there, and its value.
        """
        if type(name) is not str:
            raise no_overload()
        if self.type is JSON_PATCH and name in _PATCH_FIELDS:
            default = None if name == "value" else ""
            return bool(self.fields.get(name, default)), self.fields.get(name, default)
        return name in self.fields, self.fields.get(name)

    def same(self, other: Struct) -> bool:
        if self.type != other.type or self.fields.keys() != other.fields.keys():
            return False
        return all(equal(value, other.fields[name]) for name, value in self.fields.items())


def patch_type(name: str) -> Type | None:
    """
    The type of that name, which expressions may make values of.
    """
    if name == JSON_PATCH.name:
        return JSON_PATCH
    if name == OBJECT.name or name.startswith("Object."):
        return struct(name)
    return None


def patch_field_type(name: str, field: str) -> Type | None:
    """
    The type of a field of a type that L{patch_type} knows.
    """
    return _PATCH_FIELDS.get(field) if name == JSON_PATCH.name else types.DYN


def made_struct(made: Type, fields: dict[str, Any]) -> Struct:
    """
    A value of a type.

    @raise EvaluationError: a field is not of its type.
    """
    if made == JSON_PATCH:
        for name in ("op", "path", "from"):
            if not isinstance(fields.get(name, ""), str):
                told = _GO_TYPES.get(type(fields[name]), type_of(fields[name]).name)
                raise EvaluationError(f"unexpected type {told} for JSONPatchType '{name}' field")
        return Struct(JSON_PATCH, fields)
    return Struct(made, fields)


def misnamed(value: Any, path: tuple[str, ...] = (OBJECT.name,)) -> list[str]:
    """
    What is wrong with the names of the types in a value, each of which has to be that of the
    type around it and of the field.
    """
    faults: list[str] = []
    if type(value) is Struct:
        wanted = ".".join(path)
        if value.type.name != wanted:
            faults.append(
                f'unexpected type name "{value.type.name}", expected "{wanted}", '
                "which matches field name path from root Object type"
            )
        for name, part in value.fields.items():
            faults += misnamed(part, (*path, name))
    elif type(value) is list:
        for part in value:
            faults += misnamed(part, path)
    elif isinstance(value, Mapping) and not hasattr(value, "raw"):
        for key in value.every_key():
            faults += misnamed(value.find(key)[1], path)
    return faults


def written(value: Any) -> Any:
    """
    A value as a member of an object.

    @raise Unwritable: JSON has no form for it.
    """
    raw = raw_of(value)
    if raw is not value or value is None or type(value) in (bool, str, float, int):
        return raw
    if type(value) is Uint:
        return int(value)
    if type(value) is Struct:
        return {name: written(part) for name, part in value.fields.items()}
    if is_list(value):
        return [written(each) for each in value]
    if isinstance(value, Mapping):
        return {_key(key): written(value.find(key)[1]) for key in value.every_key()}
    return _text(value)


def as_json(value: Any) -> Any:
    """
    What L{written} gives, after a way through C{structpb}, which has no numbers but doubles:
    whole ones that a double does not hold become texts.

    @raise Unwritable: JSON has no form for it.
    """
    kind = type(value)
    if kind is dict:
        return {name: as_json(part) for name, part in value.items()}
    if kind is list:
        return [as_json(part) for part in value]
    if kind is int and abs(value) > _LARGEST_EXACT:
        return str(value)
    if kind is float:
        if not isfinite(value):
            raise Unwritable(f"unsupported value: {shown(value)}")
        if value.is_integer() and abs(value) < 2.0**63:
            return int(value)
    return value


def _key(key: Any) -> str:
    if type(key) is not str:
        raise Unwritable(f'map key "{shown(key)}" is not a string')
    return key


def _text(value: Any) -> Any:
    if type(value) is bytes:
        return base64.b64encode(value).decode()
    if type(value) is Timestamp:
        return timestamp_text(value)
    if type(value) is Duration:
        return duration_text(value)
    if type(value) is Optional:
        return written(value.value) if value.present else None
    raise Unwritable(f"unsupported type: {getattr(value, 'type', types.DYN).name}")


def _escaped_key(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


# C{jsonpatch.escapeKey} (C{k8s.io/apiserver/pkg/cel/library/jsonpatch.go}).
FUNCTIONS: tuple[Function, ...] = (
    function(
        "jsonpatch.escapeKey",
        plain("string_jsonpatch_escapeKey_string", (types.STRING,), types.STRING, _escaped_key),
    ),
)
