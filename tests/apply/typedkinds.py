"""
Schemas for tests of server-side apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apply.typedschema import TypedError, TypedSchema, compile_typed
from tests.apply.generated import Generated, Schema

CONDITIONS: Schema = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
    },
}
PORTS: Schema = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "items": {
        "type": "object",
        "properties": {
            "port": {"type": "integer"},
            "protocol": {"type": "string", "default": "TCP"},
            "name": {"type": "string"},
        },
    },
}
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "count": {"type": "integer"},
                "flag": {"type": "boolean"},
                "any": {"x-kubernetes-preserve-unknown-fields": True},
                "either": {"x-kubernetes-int-or-string": True},
                "time": {"type": "string", "format": "date-time"},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "atoms": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "additionalProperties": {"type": "string"},
                },
                "list": {"type": "array", "items": {"type": "string"}},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "ports": PORTS,
                "inner": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
            },
        },
        "status": {"type": "object", "properties": {"conditions": CONDITIONS}},
    },
}
TYPED = compile_typed(SCHEMA)


def spec(**members: Any) -> dict[str, Any]:
    """
    An object with a C{spec}.
    """
    return {"spec": members}


def generated(count: int, seed: int = 815) -> Iterator[tuple[TypedSchema, dict[str, Any], dict[str, Any]]]:
    """
    Generated schemas with two objects that have much in common, without duplicates.
    """
    source = Generated(seed)
    while count:
        schema = source.kind_schema()
        typed = compile_typed(schema)
        for _ in range(20):
            one = source.object(schema, 0)
            other = source.changed({**schema, "type": "object"}, one)
            if isinstance(other, dict) and count and fits(typed, one) and fits(typed, other):
                count -= 1
                yield typed, one, other


def fits(typed: TypedSchema, obj: dict[str, Any], allow_duplicates: bool = False) -> bool:
    """
    Whether an object fits a schema.
    """
    try:
        typed.check(obj, allow_duplicates=allow_duplicates)
    except TypedError:
        return False
    return True
