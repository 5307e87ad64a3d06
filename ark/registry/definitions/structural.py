"""
What makes a schema structural, with Kubernetes' words for what does not.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{convert,validation,
complete}.go}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import re2

from ark.apis.structural import INT_OR_STRING, compile_pattern
from ark.meta.fielderrors import forbidden, invalid, required
from ark.meta.status import Cause

Schema = Mapping[str, Any]

ROOT, ITEM, FIELD = "at the root", "for specified array items", "for specified object fields"

_UNSUPPORTED = (
    ("id", "id"),
    ("$schema", "schema"),
    ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"),
    ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
)
# What value validations may not have, in the order of Kubernetes' checks.
_NESTED = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)
_GO_PATTERN_ERRORS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
}
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"


def properties_of(schema: Schema) -> Mapping[str, Schema]:
    """
    The declared properties.
    """
    return schema.get("properties") or {}


def not_structural(schema: Schema | None) -> str:
    """
    Why a schema cannot be made structural at all; empty when it can (C{NewStructural}).
    """
    if schema is None:
        return ""
    for member, name in _UNSUPPORTED:
        if schema.get(member) is not None:
            return f"OpenAPIV3Schema '{name}' is not supported"
    for nested in (schema.get("not"), *_junctions(schema)):
        why = not_structural(nested)
        if why:
            return why
    if schema.get(_PRESERVE) is False:
        return f"internal error: '{_PRESERVE}' must be true or undefined"
    items = schema.get("items")
    if isinstance(items, list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    additional = schema.get("additionalProperties")
    rest = (items, *properties_of(schema).values(), additional if isinstance(additional, Mapping) else None)
    return next(filter(None, map(not_structural, rest)), "")


def _junctions(schema: Schema) -> Iterator[Schema]:
    for name in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(name) or ()


def structural_causes(schema: Schema, path: str) -> list[Cause]:
    """
    Every fault of a schema that can be made structural, sorted (C{ValidateStructural}).
    """
    causes = [*_invariants(schema, ROOT, path), *_completeness(schema, schema, path, path)]
    return sorted(causes, key=lambda cause: f"{cause.field}: {cause.message}")


def _invariants(schema: Schema, level: str, path: str) -> Iterator[Cause]:
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if schema.get("type") == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    if items is not None:
        yield from _invariants(items, ITEM, f"{path}.items")
    for name, node in properties_of(schema).items():
        yield from _invariants(node, FIELD, f"{path}.properties[{name}]")
    if additional is not None and level is ROOT:
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(additional, Mapping):
        yield from _invariants(additional, FIELD, f"{path}.additionalProperties")
    if schema.get(_INT_OR_STRING):
        for name in (_PRESERVE, _EMBEDDED):
            if schema.get(name):
                yield invalid(f"{path}.{name}", True, f"must be false if {_INT_OR_STRING} is true")
    all_of = schema.get("allOf") or [{}]
    skip = (schema.get("anyOf") == INT_OR_STRING, all_of[0].get("anyOf") == INT_OR_STRING)
    yield from _values(schema, path, *skip)
    yield from _type_causes(schema, level, path)
    yield from _meta_causes(schema, level, path)


def _type_causes(schema: Schema, level: str, path: str) -> Iterator[Cause]:
    type_, where = schema.get("type") or "", f"{path}.type"
    if schema.get(_EMBEDDED) and type_ != "object":
        detail = f"must be object if {_EMBEDDED} is true"
        yield invalid(where, type_, detail) if type_ else required(where, detail)
    elif not type_ and not schema.get(_INT_OR_STRING) and not schema.get(_PRESERVE):
        yield required(where, f"must not be empty {level}")
    if schema.get(_EMBEDDED) and schema.get("additionalProperties") is not None:
        yield forbidden(f"{path}.additionalProperties", f"must not be used if {_EMBEDDED} is set")
    if level is ROOT and type_ and type_ != "object":
        yield invalid(where, type_, "must be object at the root")


def _meta_causes(schema: Schema, level: str, path: str) -> Iterator[Cause]:
    properties = properties_of(schema)
    checked = level is ROOT or bool(schema.get(_EMBEDDED))
    for name in ("kind", "apiVersion"):
        if checked and name in properties and properties[name].get("type") != "string":
            yield invalid(
                f"{path}.properties[{name}].type", properties[name].get("type") or "", "must be string"
            )
    metadata, where = properties.get("metadata"), f"{path}.properties[metadata]"
    if metadata is not None:
        if checked and metadata.get("type") != "object":
            yield invalid(f"{where}.type", metadata.get("type") or "", "must be object")
        if level is ROOT and _says_more(metadata):
            yield forbidden(
                where,
                "must not specify anything other than name and generateName, "
                "but metadata is implicitly specified",
            )
    if schema.get(_EMBEDDED) and not schema.get(_PRESERVE) and not properties:
        yield required(f"{path}.properties", f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}")


def _says_more(metadata: Schema) -> bool:
    named = set(properties_of(metadata))
    allowed = {"type", "default", "properties"} if named <= {"name", "generateName"} else {"type", "default"}
    return bool(set(metadata) - allowed)


def _values(schema: Schema, path: str, skip_any: bool = False, skip_first: bool = False) -> Iterator[Cause]:
    if not skip_any:
        for index, nested in enumerate(schema.get("anyOf") or ()):
            yield from _nested(nested, f"{path}.anyOf[{index}]")
    for index, nested in enumerate(schema.get("allOf") or ()):
        yield from _nested(nested, f"{path}.allOf[{index}]", skip_first and not index)
    for index, nested in enumerate(schema.get("oneOf") or ()):
        yield from _nested(nested, f"{path}.oneOf[{index}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], f"{path}.not")
    pattern = schema.get("pattern")
    if pattern:
        try:
            compile_pattern(pattern)
        except re2.error as error:
            detail = f"must be a valid regular expression, but isn't: {go_pattern_error(pattern, error)}"
            yield invalid(f"{path}.pattern", pattern, detail)


def go_pattern_error(pattern: str, error: Exception) -> str:
    """
    Go's text for a pattern that RE2 has found to be none.
    """
    text = error.args[0] if error.args else ""
    said, _, culprit = (text.decode() if isinstance(text, bytes) else str(text)).partition(": ")
    if said.startswith("trailing"):
        culprit = ""
    elif culprit.startswith("(?<"):
        said, culprit = "invalid named capture group", pattern[pattern.index(culprit) :]
    return f"error parsing regexp: {_GO_PATTERN_ERRORS.get(said, said)}: `{culprit}`"


def _nested(schema: Schema, path: str, skip_any: bool = False) -> Iterator[Cause]:
    yield from _values(schema, path, skip_any)
    if schema.get("items") is not None:
        yield from _nested(schema["items"], f"{path}.items")
    for name, node in properties_of(schema).items():
        yield from _nested(node, f"{path}.properties[{name}]")
    for name, detail in _NESTED:
        if schema.get(name) not in (None, False):
            yield forbidden(f"{path}.{name}", detail)
    if "metadata" in properties_of(schema):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(schema: Schema, structure: Schema, path: str, from_path: str) -> Iterator[Cause]:
    """
    The faults of value validations of what the structure does not declare.
    """
    if schema.get("not") is not None:
        yield from _nested_completeness(schema["not"], structure, path, f"{from_path}.not")
    for name in ("allOf", "anyOf", "oneOf"):
        for index, nested in enumerate(schema.get(name) or ()):
            yield from _nested_completeness(nested, structure, path, f"{from_path}.{name}[{index}]")


def _nested_completeness(
    nested: Schema, structure: Schema | None, path: str, from_path: str
) -> Iterator[Cause]:
    if structure is None:
        yield required(path, f"because it is defined in {from_path}")
        return
    yield from _completeness(nested, structure, path, from_path)
    if nested.get("items") is not None:
        yield from _nested_completeness(
            nested["items"], structure.get("items"), f"{path}.items", f"{from_path}.items"
        )
    declared = properties_of(structure)
    for name, node in properties_of(nested).items():
        where = f"properties[{name}]"
        yield from _nested_completeness(node, declared.get(name), f"{path}.{where}", f"{from_path}.{where}")
