"""
What makes a schema structural.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go} and
the checks of defaults and lists in C{pkg/apis/apiextensions/validation}.  A schema that
passes can be compiled without asking what its members are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import re2

Schema = Mapping[str, Any]

_TYPES = ("object", "array", "string", "integer", "number", "boolean")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "multipleOf")
_FLAGS = (
    "nullable",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
)
_UNSUPPORTED = (
    "$ref",
    "definitions",
    "dependencies",
    "patternProperties",
    "additionalItems",
    "id",
    "$schema",
)
_NESTED_FORBIDDEN = (
    "additionalProperties",
    "default",
    "title",
    "description",
    "nullable",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
)
INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


class Fault(NamedTuple):
    """
    A broken rule: where in the schema, and which.
    """

    path: str
    detail: str


def check_structural(schema: Any, path: str = "openAPIV3Schema") -> list[Fault]:
    """
    Every fault of a schema, in the order found.
    """
    return list(_Checker().root(schema, path))


class _Checker:
    """
    Walks one schema.  A block that is used in several places is walked once.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[int, str]] = set()

    def root(self, schema: Any, path: str) -> Iterator[Fault]:
        if not isinstance(schema, dict):
            yield Fault(path, "must be an object")
            return
        if schema.get("type") != "object":
            yield Fault(f"{path}.type", "must be object at the root")
        if schema.get("additionalProperties") is not None:
            yield Fault(f"{path}.additionalProperties", "must not be used at the root")
        yield from _metadata_at_root(schema, path)
        yield from self._node(schema, path, "root")

    def _node(self, schema: Any, path: str, level: str) -> Iterator[Fault]:
        if not isinstance(schema, dict):
            yield Fault(path, "must be an object")
            return
        if (id(schema), level) in self._seen:
            return
        self._seen.add((id(schema), level))
        faults = list(_own_faults(schema, path, level))
        yield from faults
        if faults:
            return
        yield from self._children(schema, path)
        yield from _list_faults(schema, path)
        yield from _nested_faults(schema, schema, path)

    def _children(self, schema: dict[str, Any], path: str) -> Iterator[Fault]:
        if schema.get("items") is not None:
            yield from self._node(schema["items"], f"{path}.items", "item")
        for name, child in (schema.get("properties") or {}).items():
            if not isinstance(name, str):
                yield Fault(f"{path}.properties[{name}]", "must be a text")
            else:
                yield from self._node(child, f"{path}.properties[{name}]", "field")
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            yield from self._node(additional, f"{path}.additionalProperties", "field")


def _metadata_at_root(schema: dict[str, Any], path: str) -> Iterator[Fault]:
    properties = schema.get("properties")
    metadata = properties.get("metadata") if isinstance(properties, dict) else None
    if not isinstance(metadata, dict):
        return
    where = f"{path}.properties[metadata]"
    if metadata.get("type") != "object":
        yield Fault(f"{where}.type", "must be object")
    extra = set(metadata) - {"type", "description", "properties"}
    extra |= set(metadata.get("properties") or {}) - {"name", "generateName"}
    if extra:
        yield Fault(where, "must not specify anything other than name and generateName")


def _own_faults(schema: dict[str, Any], path: str, level: str) -> Iterator[Fault]:
    yield from _keyword_faults(schema, path)
    kind = schema.get("type")
    open_type = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if kind is not None and kind not in _TYPES:
        yield Fault(f"{path}.type", f"must be one of {', '.join(_TYPES)}")
    elif kind is None and not open_type and level != "root":
        noun = "array items" if level == "item" else "object fields"
        yield Fault(f"{path}.type", f"must not be empty for specified {noun}")
    if kind == "array" and schema.get("items") is None:
        yield Fault(f"{path}.items", "must be specified")
    if not isinstance(schema.get("properties") or {}, dict):
        yield Fault(f"{path}.properties", "must be an object")
    yield from _extension_faults(schema, path)
    if schema.get("properties") and schema.get("additionalProperties") not in (None, False):
        yield Fault(f"{path}.additionalProperties", "must not be used together with properties")


def _keyword_faults(schema: dict[str, Any], path: str) -> Iterator[Fault]:
    for name in _UNSUPPORTED:
        if name in schema:
            yield Fault(f"{path}.{name}", "is not supported")
    for name in _FLAGS:
        if not isinstance(schema.get(name, False), bool):
            yield Fault(f"{path}.{name}", "must be a boolean")
    if schema.get("uniqueItems") is True:
        yield Fault(f"{path}.uniqueItems", "uniqueItems cannot be set to true")
    for name in _COUNTS:
        if type(schema.get(name, 0)) is not int:
            yield Fault(f"{path}.{name}", "must be an integer")
    for name in _NUMBERS:
        if type(schema.get(name, 0)) not in (int, float):
            yield Fault(f"{path}.{name}", "must be a number")
    for name in ("enum", "required", *_JUNCTORS):
        if not isinstance(schema.get(name, []), list):
            yield Fault(f"{path}.{name}", "must be a list")
    yield from _pattern_faults(schema, path)


def _pattern_faults(schema: dict[str, Any], path: str) -> Iterator[Fault]:
    pattern = schema.get("pattern", "")
    try:
        compile_pattern(pattern)
    except (re2.error, TypeError) as error:
        yield Fault(f"{path}.pattern", f"must be a valid regular expression, but isn't: {error}")


def compile_pattern(pattern: str) -> Any:
    """
    A pattern in Go's syntax, compiled; RE2 never takes more than linear time.

    @raise re2.error: it is none.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _extension_faults(schema: dict[str, Any], path: str) -> Iterator[Fault]:
    preserve = schema.get("x-kubernetes-preserve-unknown-fields")
    embedded = schema.get("x-kubernetes-embedded-resource")
    if schema.get("x-kubernetes-int-or-string"):
        for name, value in (("preserve-unknown-fields", preserve), ("embedded-resource", embedded)):
            if value:
                detail = "must be false if x-kubernetes-int-or-string is true"
                yield Fault(f"{path}.x-kubernetes-{name}", detail)
        if schema.get("type"):
            yield Fault(f"{path}.type", "must be empty if x-kubernetes-int-or-string is true")
    if not embedded:
        return
    if schema.get("type") != "object":
        yield Fault(f"{path}.type", "must be object if x-kubernetes-embedded-resource is true")
    if schema.get("additionalProperties"):
        yield Fault(
            f"{path}.additionalProperties", "must not be used if x-kubernetes-embedded-resource is set"
        )
    if not preserve and not schema.get("properties"):
        yield Fault(
            f"{path}.properties",
            "must not be empty if x-kubernetes-embedded-resource is true "
            "without x-kubernetes-preserve-unknown-fields",
        )


def _list_faults(schema: dict[str, Any], path: str) -> Iterator[Fault]:
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        yield Fault(f"{path}.x-kubernetes-list-type", "must be one of atomic, set, map")
    if list_type is not None and schema.get("type") != "array":
        yield Fault(f"{path}.type", "must be array if x-kubernetes-list-type is specified")
    if schema.get("x-kubernetes-map-type") not in (None, "granular", "atomic"):
        yield Fault(f"{path}.x-kubernetes-map-type", "must be one of granular, atomic")
    if (list_type == "map") != bool(keys):
        detail = "must be given if, and only if, x-kubernetes-list-type is map"
        yield Fault(f"{path}.x-kubernetes-list-map-keys", detail)
        return
    item = schema.get("items") or {}
    for key in keys or ():
        if key not in (item.get("properties") or {}):
            yield Fault(
                f"{path}.x-kubernetes-list-map-keys", f"entries must all be names of item properties: {key}"
            )
        elif key not in (item.get("required") or ()) and "default" not in item["properties"][key]:
            yield Fault(
                f"{path}.items.properties[{key}]",
                "is in x-kubernetes-list-map-keys, so it must have a default or be required",
            )


def _is_int_or_string(schema: Schema, first: bool) -> bool:
    if not first:
        return bool(schema.get("anyOf") == INT_OR_STRING)
    all_of = schema.get("allOf") or [{}]
    return isinstance(all_of[0], dict) and all_of[0].get("anyOf") == INT_OR_STRING


def _nested_faults(schema: Schema, structure: Schema | None, path: str) -> Iterator[Fault]:
    """
    The faults of value validations under junctors, and of those that nothing declares.
    """
    skip_any = bool(schema.get("x-kubernetes-int-or-string")) and _is_int_or_string(schema, False)
    skip_all = bool(schema.get("x-kubernetes-int-or-string")) and _is_int_or_string(schema, True)
    for name in _JUNCTORS:
        for index, nested in enumerate(schema.get(name) or ()):
            where = f"{path}.{name}[{index}]"
            skipped = (name == "anyOf" and skip_any) or (name == "allOf" and skip_all and not index)
            if not skipped:
                yield from _nested_node(nested, structure, where)
    if schema.get("not") is not None:
        yield from _nested_node(schema["not"], structure, f"{path}.not")


def _nested_node(nested: Any, structure: Schema | None, path: str) -> Iterator[Fault]:
    if not isinstance(nested, dict):
        yield Fault(path, "must be an object")
        return
    if structure is None:
        yield Fault(path, "validates what the schema around it does not declare")
        return
    if nested.get("type"):
        yield Fault(f"{path}.type", "must be empty to be structural")
    for name in _NESTED_FORBIDDEN:
        if nested.get(name) not in (None, False, "", []):
            yield Fault(f"{path}.{name}", "must be undefined to be structural")
    yield from _keyword_faults(nested, path)
    yield from _nested_faults(nested, structure, path)
    if nested.get("items") is not None:
        yield from _nested_node(nested["items"], structure.get("items"), f"{path}.items")
    properties = structure.get("properties") or {}
    for name, child in (nested.get("properties") or {}).items():
        if name == "metadata":
            yield Fault(f"{path}.properties[metadata]", "must not be specified in a nested context")
        yield from _nested_node(child, properties.get(name), f"{path}.properties[{name}]")
