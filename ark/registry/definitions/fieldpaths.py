"""
Paths to a field of a schema, as C{selectableFields} and rules write them.

Follows C{ValidFieldPath} in C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/
validation.go}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_TOKEN = re.compile(r"'(?:[^'\\]|\\.|(?<!^)')*?(?<!\\)'|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPES = {"\\a": "\a", "\\b": "\b", "\\f": "\f", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\v": "\v", "\\'": "'", "\\\\": "\\"}  # fmt: skip
_ESCAPE = re.compile(r"\\.", re.DOTALL)


class InvalidFieldPath(ValueError):
    """
    A path leads nowhere.
    """


class Field(NamedTuple):
    """
    Where a path leads.

    @ivar steps: the names on the way.
    @ivar path: the same as a path in messages.
    """

    steps: tuple[str, ...]
    path: str
    schema: Schema


def find_field(path: str, schema: Schema, brackets: bool = True) -> Field:
    """
    The field of a schema that a path leads to.

    @param brackets: whether C{['name']} may stand for C{.name}.
    @raise InvalidFieldPath: there is none.
    """
    tokens = _TOKEN.finditer(path)
    found = Field((), "", schema)
    for match in tokens:
        if match[0] == "[":
            if not brackets:
                raise InvalidFieldPath("array notation is not allowed")
            found = _step(found, _quoted(_next(tokens)))
            closing = _next(tokens)
            if closing != "]":
                raise InvalidFieldPath(f"expected ] but got {closing}")
        elif match[0] == ".":
            found = _step(found, _next(tokens))
        else:
            raise InvalidFieldPath(f"expected [ or . but got: {match[0]}")
    return found


def _next(tokens: Iterator[re.Match[str]]) -> str:
    match = next(tokens, None)
    if match is None:
        raise InvalidFieldPath("unexpected end of JSON path")
    return match[0]


def _quoted(token: str) -> str:
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise InvalidFieldPath(f"expected single quoted string but got {token}")
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[0], match[0]), token[1:-1])


def _step(found: Field, name: str) -> Field:
    properties, additional = found.schema.get("properties"), found.schema.get("additionalProperties")
    steps = (*found.steps, name)
    if properties:
        path = f"{found.path}.{name}" if found.path else name
        if name not in properties:
            raise InvalidFieldPath("does not refer to a valid field")
        return Field(steps, path, properties[name])
    if isinstance(additional, Mapping):
        return Field(steps, f"{found.path}[{name}]", additional)
    raise InvalidFieldPath("does not refer to a valid field")
