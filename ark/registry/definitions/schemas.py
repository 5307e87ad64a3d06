"""
What a definition's schema may say, with Kubernetes' words for what it may not.

Follows C{ValidateCustomResourceDefinitionOpenAPISchema} in C{k8s.io/apiextensions-apiserver/
pkg/apis/apiextensions/validation/validation.go}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ark.meta.fielderrors import forbidden, invalid, not_supported, required
from ark.meta.gotext import json_marshal
from ark.meta.status import Cause
from ark.registry.definitions.fieldpaths import InvalidFieldPath, find_field
from ark.registry.definitions.gotypes import GoType
from ark.registry.definitions.structural import Schema, not_structural, properties_of
from ark.registry.definitions.types import SCHEMA

TYPES = ("array", "boolean", "integer", "number", "object", "string")
META = ("metadata", "kind", "apiVersion")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LIST, _KEYS, _MAP = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
_RULES = "x-kubernetes-validations"
_FORBIDDEN = (
    ("id", "id is not supported"),
    ("additionalItems", "additionalItems is not supported"),
    ("patternProperties", "patternProperties is not supported"),
    ("definitions", "definitions is not supported"),
    ("dependencies", "dependencies is not supported"),
    ("$ref", "$ref is not supported"),
)
_LINE_BREAK = re.compile(r"[\n\r]")


@dataclass(frozen=True)
class Tolerance:
    """
    What is not held against a schema because the one before it was as bad already.
    """

    types: bool = False
    sets: bool = False
    keys: bool = False


@dataclass(frozen=True)
class _Level:
    """
    What holds at one place of a schema.

    @ivar no_defaults: why there may be no defaults; empty when there may.
    """

    no_defaults: str = ""
    inside_meta: bool = False


def invalid_struct(path: str, value: Any, of: GoType, detail: str) -> Cause:
    """
    A structure breaks a rule.
    """
    shown = json_marshal(of.show(value), ordered=True)
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {detail}", path)


def schema_causes(schema: Schema, path: str, tolerance: Tolerance) -> list[Cause]:
    """
    Every fault of a whole schema.
    """
    return list(_Rules(tolerance).node(schema, path, _Level(), True))


def has_loose_set(schema: Schema) -> bool:
    """
    Whether a list of type C{set} has items that may be merged themselves.
    """
    return any(any(_set_causes(node, "")) for node in all_nodes(schema))


def has_loose_keys(schema: Schema) -> bool:
    """
    Whether a key of a list of type C{map}, or an item of a list, may be missing or null.
    """
    return any(any(_key_causes(node, "")) for node in all_nodes(schema))


def all_nodes(schema: Any) -> Iterator[Schema]:
    """
    A schema and all in it (C{SchemaHas}).
    """
    if not isinstance(schema, dict):
        return
    yield schema
    items = schema.get("items")
    for one in items if isinstance(items, list) else (items,):
        yield from all_nodes(one)
    for name in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(name) or ():
            yield from all_nodes(one)
    yield from all_nodes(schema.get("not"))
    for name in ("properties", "patternProperties", "definitions", "dependencies"):
        for one in (schema.get(name) or {}).values():
            yield from all_nodes(one)
    yield from all_nodes(schema.get("additionalProperties"))
    yield from all_nodes(schema.get("additionalItems"))


class _Rules:
    def __init__(self, tolerance: Tolerance) -> None:
        self._tolerance = tolerance

    def node(self, schema: Schema, path: str, level: _Level, is_root: bool = False) -> Iterator[Cause]:
        yield from self._standard(schema, path, level)
        if schema.get("uniqueItems"):
            detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            yield forbidden(f"{path}.uniqueItems", detail)
        yield from self._members(schema, path, level, is_root)
        yield from self._junctions(schema, path, level)
        if schema.get("x-kubernetes-preserve-unknown-fields") is False:
            yield invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined")
        yield from _map_causes(schema, path)
        yield from self._list_causes(schema, path)
        if not self._tolerance.keys:
            yield from _key_causes(schema, path)
        for index, rule in enumerate(schema.get(_RULES) or ()):
            yield from _rule_causes(rule, f"{path}.{_RULES}[{index}]", schema)

    def _standard(self, schema: Schema, path: str, level: _Level) -> Iterator[Cause]:
        type_ = schema.get("type") or ""
        if type_ and type_ not in TYPES and not self._tolerance.types:
            yield not_supported(f"{path}.type", type_, TYPES)
        if "default" in schema and level.no_defaults:
            yield forbidden(f"{path}.default", f"must not be set {level.no_defaults}")
        for name, detail in _FORBIDDEN:
            if name in schema:
                yield forbidden(f"{path}.{name}", detail)
        if type_ == "null":
            detail = "type cannot be set to null, use nullable as an alternative"
            yield forbidden(f"{path}.type", detail)
        if isinstance(schema.get("items"), list):
            yield forbidden(f"{path}.items", "items must be a schema object and not an array")
        if level.inside_meta and schema.get("x-kubernetes-embedded-resource"):
            detail = "must not be used inside of resource meta"
            yield forbidden(f"{path}.x-kubernetes-embedded-resource", detail)

    def _members(self, schema: Schema, path: str, level: _Level, is_root: bool) -> Iterator[Cause]:
        additional, properties = schema.get("additionalProperties"), properties_of(schema)
        if additional is not None and additional is not True and properties:
            detail = "additionalProperties and properties are mutual exclusive"
            yield forbidden(f"{path}.additionalProperties", detail)
        if isinstance(additional, dict):
            below = level
            if level.inside_meta:
                why = "inside additionalProperties applying to object metadata"
                below = replace(level, no_defaults=why)
            yield from self.node(additional, f"{path}.additionalProperties", below)
        for name, node in properties.items():
            below = level
            if (is_root or schema.get("x-kubernetes-embedded-resource")) and name in META:
                why = f"in top-level {name}" if is_root else level.no_defaults
                below = replace(level, inside_meta=True, no_defaults=why)
            yield from self.node(node, f"{path}.properties[{name}]", below)

    def _junctions(self, schema: Schema, path: str, level: _Level) -> Iterator[Cause]:
        if schema.get("not") is not None:
            yield from self.node(schema["not"], f"{path}.not", level)
        for name in ("allOf", "oneOf", "anyOf"):
            for index, node in enumerate(schema.get(name) or ()):
                yield from self.node(node, f"{path}.{name}[{index}]", level)
        for name, node in (schema.get("definitions") or {}).items():
            yield from self.node(node, f"{path}.definitions[{name}]", level)
        items = schema.get("items")
        if isinstance(items, list):
            for index, node in enumerate(items):
                yield from self.node(node, f"{path}.items[{index}]", level)
        elif items is not None:
            yield from self.node(items, f"{path}.items", level)
        for name, node in (schema.get("dependencies") or {}).items():
            if isinstance(node, dict):
                yield from self.node(node, f"{path}.dependencies[{name}]", level)

    def _list_causes(self, schema: Schema, path: str) -> Iterator[Cause]:
        list_type, keys = schema.get(_LIST), schema.get(_KEYS)
        if list_type is not None and schema.get("type") != "array":
            yield _wrong_type(schema, path, f"must be array if {_LIST} is specified")
        elif not self._tolerance.sets:
            yield from _set_causes(schema, path)
        if list_type not in (None, "atomic", "set", "map"):
            yield not_supported(f"{path}.{_LIST}", list_type, ("atomic", "set", "map"))
        if keys and list_type != "map":
            detail = f"must be map if {_KEYS} is non-empty"
            where = f"{path}.{_LIST}"
            yield required(where, detail) if list_type is None else invalid(where, list_type, detail)
        if list_type == "map":
            yield from _keyed_causes(schema, path)


def _wrong_type(schema: Schema, path: str, detail: str) -> Cause:
    type_ = schema.get("type")
    return invalid(f"{path}.type", type_, detail) if type_ else required(f"{path}.type", detail)


def _map_causes(schema: Schema, path: str) -> Iterator[Cause]:
    map_type = schema.get(_MAP)
    if map_type is not None and schema.get("type") != "object":
        yield _wrong_type(schema, path, f"must be object if {_MAP} is specified")
    if map_type not in (None, "atomic", "granular"):
        yield not_supported(f"{path}.{_MAP}", map_type, ("atomic", "granular"))


def _set_causes(schema: Schema, path: str) -> Iterator[Cause]:
    items = schema.get("items")
    if schema.get(_LIST) != "set" or not isinstance(items, dict):
        return
    detail = f"must be atomic as item of a list with {_LIST}=set"
    if items.get("type") == "array" and items.get(_LIST) not in (None, "atomic"):
        yield invalid(f"{path}.items.{_LIST}", items.get(_LIST), detail)
    if items.get("type") == "object" and items.get(_MAP) != "atomic":
        # The value shown is that of the other extension, as Kubernetes has it.
        yield invalid(f"{path}.items.{_MAP}", items.get(_LIST), detail)


def _keyed_causes(schema: Schema, path: str) -> Iterator[Cause]:
    keys, items = schema.get(_KEYS) or [], schema.get("items")
    if not keys:
        yield required(f"{path}.{_KEYS}", f"must not be empty if {_LIST} is map")
    if items is None:
        yield required(f"{path}.items", f"must have a schema if {_LIST} is map")
    if isinstance(items, list):
        shown = json_marshal({"Schema": None, "JSONSchemas": list(map(SCHEMA.show, items))}, ordered=True)
        detail = f"Invalid value: {shown}: must only have a single schema if {_LIST} is map"
        yield Cause("FieldValueInvalid", detail, f"{path}.items")
    if not isinstance(items, dict):
        return
    if items.get("type") != "object":
        detail = f"must be object if parent array's {_LIST} is map"
        yield invalid(f"{path}.items.type", items.get("type") or "", detail)
        return
    seen: set[str] = set()
    for key in keys:
        node = properties_of(items).get(key)
        if node is None:
            yield invalid(f"{path}.{_KEYS}", keys, "entries must all be names of item properties")
        elif node.get("type") in ("array", "object"):
            detail = f"must be a scalar type if parent array's {_LIST} is map"
            yield invalid(f"{path}.items.properties[{key}].type", "object", detail)
        if key in seen:
            yield invalid(f"{path}.{_KEYS}", keys, "must not contain duplicate entries")
        seen.add(key)


def _key_causes(schema: Schema, path: str) -> Iterator[Cause]:
    items, list_type = schema.get("items"), schema.get(_LIST)
    if not isinstance(items, dict) or list_type not in ("set", "map"):
        return
    if items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {_LIST} is {list_type}")
    if list_type == "set":
        return
    why = f"this property is in {_KEYS}, so it"
    for key in schema.get(_KEYS) or ():
        node, where = properties_of(items).get(key), f"{path}.items.properties[{key}]"
        if node is None:
            continue
        if key not in (items.get("required") or ()) and "default" not in node:
            yield required(f"{where}.default", f"{why} must have a default or be a required property")
        if node.get("nullable"):
            yield forbidden(f"{where}.nullable", f"{why} cannot be nullable")


def _rule_causes(rule: dict[str, Any], path: str, schema: Schema) -> Iterator[Cause]:
    expression, message = rule.get("rule", ""), rule.get("message", "")
    if not expression.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{path}.message", message, "must be non-empty if specified")
    elif _LINE_BREAK.search(message.strip()):
        yield invalid(f"{path}.message", message, "must not contain line breaks")
    elif _LINE_BREAK.search(expression.strip()) and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    message_expression = rule.get("messageExpression", "")
    if message_expression and not message_expression.strip():
        detail = "messageExpression must be non-empty if specified"
        yield required(f"{path}.messageExpression", detail)
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        yield not_supported(f"{path}.reason", reason, _REASONS)
    field_path = rule.get("fieldPath", "")
    if not field_path:
        return
    where = f"{path}.fieldPath"
    if not field_path.strip():
        yield invalid(where, field_path, "must be non-empty if specified")
    if _LINE_BREAK.search(field_path):
        yield invalid(where, field_path, "must not contain line breaks")
    if not not_structural(schema) and not _is_field(schema, field_path):
        yield invalid(where, field_path, "must be a valid path")


def _is_field(schema: Schema, path: str) -> bool:
    try:
        find_field(path, schema)
    except InvalidFieldPath:
        return False
    return True
