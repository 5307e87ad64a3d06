"""
The expressions that are compared: one a line in the files of the folder C{corpus}, all of them
about one object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpus"

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "flag": {"type": "boolean"},
        "off": {"type": "boolean"},
        "n": _NUMBER,
        "m": _NUMBER,
        "big": {"type": "integer", "format": "int64"},
        "d": {"type": "number"},
        "s": _TEXT,
        "t": {"type": "string", "maxLength": 20},
        "color": {"type": "string", "enum": ["red", "green", "blue"]},
        "empty": _TEXT,
        "missing": _TEXT,
        "nothing": {"type": "string", "nullable": True},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "span": {"type": "string", "format": "duration"},
        "data": {"type": "string", "format": "byte"},
        "port": {"x-kubernetes-int-or-string": True},
        "name": {"x-kubernetes-int-or-string": True},
        "ip": _TEXT,
        "list": {"type": "array", "items": _TEXT},
        "few": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 10}},
        "nums": {"type": "array", "items": _NUMBER},
        "reals": {"type": "array", "items": {"type": "number"}},
        "maybe": {"type": "array", "items": {"type": "string", "nullable": True}},
        "set": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "other": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "pairs": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": _TEXT, "v": _NUMBER}},
        },
        "twins": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": _TEXT, "v": _NUMBER}},
        },
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "sizes": {"type": "object", "maxProperties": 3, "additionalProperties": _NUMBER},
        "nested": {"type": "object", "additionalProperties": {"type": "array", "items": _NUMBER}},
        "obj": {
            "type": "object",
            "properties": {
                "a": _NUMBER,
                "b": _TEXT,
                "deep": {
                    "type": "object",
                    "properties": {"x": _TEXT, "ys": {"type": "array", "items": _NUMBER}},
                },
            },
        },
        "same": {"type": "object", "properties": {"a": _NUMBER, "b": _TEXT}},
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"known": _TEXT},
        },
        "unknown": {"x-kubernetes-preserve-unknown-fields": True},
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "namespace": _TEXT,
        "in": _TEXT,
        "a.b": _TEXT,
        "c-d": _NUMBER,
        "e/f": _TEXT,
        "g__h": _TEXT,
        "matrix": {"type": "array", "items": {"type": "array", "items": _NUMBER}},
    },
}
OBJECT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "thing", "labels": {"a": "b"}},
    "flag": True,
    "off": False,
    "n": 3,
    "m": -7,
    "big": 9223372036854775807,
    "d": 2.5,
    "s": "hello w\u00f6rld",
    "t": "abc",
    "color": "red",
    "empty": "",
    "nothing": None,
    "when": "2024-02-29T12:34:56.789Z",
    "day": "2023-01-31",
    "span": "1h30m",
    "data": "aGVsbG8=",
    "port": 8080,
    "name": "http",
    "ip": "10.1.2.3",
    "list": ["a", "bb", "ccc", "a"],
    "few": ["x", "y"],
    "nums": [3, 1, 2],
    "reals": [1.5, 2, -3.25],
    "maybe": ["p", None, "q"],
    "set": ["x", "y"],
    "other": ["y", "x"],
    "pairs": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
    "twins": [{"k": "b", "v": 2}, {"k": "a", "v": 1}],
    "labels": {"app": "web", "tier": "front"},
    "sizes": {"s": 1, "l": 10},
    "nested": {"one": [1], "two": [1, 2]},
    "obj": {"a": 1, "b": "two", "deep": {"x": "y", "ys": [5, 6]}},
    "same": {"a": 1, "b": "two"},
    "free": {"known": "k", "other": 1},
    "unknown": {"x": 1},
    "embedded": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"x": 1}},
    "namespace": "default",
    "in": "inside",
    "a.b": "dot",
    "c-d": 4,
    "e/f": "slash",
    "g__h": "under",
    "matrix": [[1, 2], [3]],
}
OLD: dict[str, Any] = {**OBJECT, "n": 2, "s": "old", "list": ["a"], "obj": {"a": 1, "b": "old"}}


# Objects in which much is missing, or is at the edge of what it can be.
OTHERS: dict[str, dict[str, Any]] = {
    "empty": {},
    "nulls": dict.fromkeys(OBJECT),
    "odd": {
        **OBJECT,
        "n": 0,
        "m": 0,
        "big": -9223372036854775808,
        "d": 3,
        "s": "",
        "flag": False,
        "when": "0001-01-01T00:00:00Z",
        "span": "0s",
        "data": "",
        "port": "8080",
        "name": 5,
        "list": [],
        "nums": [],
        "maybe": [],
        "pairs": [],
        "twins": [{"k": "z"}],
        "labels": {},
        "sizes": {"a": None},
        "nested": {"x": []},
        "obj": {},
        "matrix": [[]],
    },
}


def expressions() -> list[str]:
    """
    All of them.
    """
    lines: list[str] = []
    for path in sorted(FOLDER.glob("*.txt")):
        texts = (line.rstrip("\n") for line in path.read_text(encoding="utf-8").split("\n"))
        lines += [text for text in texts if text and not text.startswith("# ")]
    return lines


def question(expression: str, **more: Any) -> dict[str, Any]:
    """
    What is asked about an expression.
    """
    return {
        "ask": "evaluate",
        "schema": SCHEMA,
        "root": True,
        "expression": expression,
        "self": OBJECT,
        "oldSelf": OLD,
        **more,
    }
