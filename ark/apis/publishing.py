"""
The schema of a kind as OpenAPI documents show it.

Follows C{k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder} and, for version 2,
C{pkg/controller/openapi/v2/conversion.go}; contract 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.apis.kind import Kind
from ark.apis.metaschemas import MetaSchemas, Schema
from ark.apis.schemaschemas import PREFIX, schema_schemas
from ark.apis.structural import INT_OR_STRING

_NODES = ("properties", "items", "additionalProperties")
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"


def model_name(group: str, version: str, kind: str, typed: bool = False) -> str:
    """
    The name of a kind's schema: the group backwards, version and kind.
    """
    if typed:
        return f"io.k8s.api.{group.partition('.')[0] or 'core'}.{version}.{kind}"
    return ".".join([*reversed(group.split(".")), version, kind])


class Publisher:
    """
    Makes schemas ready to be shown in one dialect.  Nodes that are used in several places
    stay shared.
    """

    def __init__(self, meta: MetaSchemas, is_v2: bool) -> None:
        self._meta = meta
        self._is_v2 = is_v2
        self._made: dict[int, Schema] = {}
        self._describes_schemas = False
        self._typed = False

    def schemas(self, kind: Kind) -> dict[str, Schema]:
        """
        The schemas of a kind and of its list, by name.
        """
        name = model_name(kind.group, kind.version, kind.kind, kind.typed)
        if not kind.is_kept:
            return {name: self._object(kind)}
        list_name = model_name(kind.group, kind.version, kind.list_kind, kind.typed)
        schemas = {name: self._object(kind), list_name: self._list(kind, name)}
        if self._describes_schemas:
            schemas.update(schema_schemas(self._meta))
        return schemas

    def _extensions(self, kind: Kind, name: str) -> Schema:
        gvk = {"group": kind.group, "kind": name, "version": kind.version}
        extensions: Schema = {"x-kubernetes-group-version-kind": [gvk]}
        if kind.selectable_fields and not kind.typed:
            fields = [{"fieldPath": field.name} for field in kind.selectable_fields]
            extensions["x-kubernetes-selectable-fields"] = fields
        return extensions

    def _object(self, kind: Kind) -> Schema:
        if self._is_v2 and kind.schema.get(_PRESERVE):
            return {"type": "object", **self._extensions(kind, kind.kind)}
        self._typed = kind.typed
        schema = dict(self._node(kind.schema))
        own = {"metadata": self._meta.object_meta(), **self._meta.type_members()}
        schema["properties"] = {**schema.get("properties", {}), **own}
        return {**schema, **self._extensions(kind, kind.kind)}

    def _list(self, kind: Kind, name: str) -> Schema:
        description = f"Objects of kind {kind.kind}."
        return {
            "description": description,
            "properties": {
                **self._meta.type_members(),
                "items": {"description": description, "items": self._meta.ref(name), "type": "array"},
                "metadata": self._meta.list_meta(),
            },
            "required": ["items"],
            "type": "object",
            **self._extensions(kind, kind.list_kind),
        }

    def _node(self, schema: Mapping[str, Any]) -> Schema:
        made = self._made.get(id(schema))
        if made is None:
            made = self._made[id(schema)] = self._convert(schema)
        return made

    def _convert(self, schema: Mapping[str, Any]) -> Schema:
        if schema.get("x-ark-definition"):
            self._describes_schemas = True
            return self._meta.ref(PREFIX + schema["x-ark-definition"], schema.get("description", ""))
        shown = {
            name: value
            for name, value in schema.items()
            if name not in _NODES and not name.startswith("x-ark-")
        }
        if schema.get("x-ark-required"):
            shown["required"] = list(schema["x-ark-required"])
        if schema.get("properties"):
            shown["properties"] = {name: self._node(node) for name, node in schema["properties"].items()}
        for member in ("items", "additionalProperties"):
            node = schema.get(member)
            if node is not None:
                shown[member] = self._node(node) if isinstance(node, Mapping) else node
        _unfold(shown)
        if self._typed:
            # What becomes of a null there is a habit of Go's decoder, and no offer to clients.
            shown.pop("nullable", None)
        if self._is_v2:
            _simplify(shown, schema)
        if shown.get(_EMBEDDED) and not (self._is_v2 and shown.get(_PRESERVE)):
            self._embed(shown)
        return shown

    def _embed(self, shown: Schema) -> None:
        own = {"metadata": self._meta.object_meta(), **self._meta.type_members()}
        shown["properties"] = {**shown.get("properties", {}), **own}
        required = list(shown.get("required") or ())
        shown["required"] = required + [name for name in ("kind", "apiVersion") if name not in required]


def _unfold(shown: Schema) -> None:
    """
    Say with C{anyOf} what C{x-kubernetes-int-or-string} means.
    """
    if not shown.get(_INT_OR_STRING):
        return
    all_of = shown.get("allOf") or []
    if shown.get("anyOf") == INT_OR_STRING or (all_of and all_of[0].get("anyOf") == INT_OR_STRING):
        return
    if not shown.get("anyOf"):
        shown["anyOf"] = INT_OR_STRING
    else:
        shown["allOf"] = [{"anyOf": INT_OR_STRING}, *all_of]


def _simplify(shown: Schema, schema: Mapping[str, Any]) -> None:
    """
    Leave out what version 2 of OpenAPI, or its readers, cannot take.
    """
    for junctor in _JUNCTORS:
        shown.pop(junctor, None)
    if shown.pop("nullable", False):
        _forget(shown, "type", "items", "properties")
    if shown.get(_PRESERVE):
        _forget(shown, "items", "properties")
        if shown.get("type") == "object":
            _forget(shown, "type")
    if shown.get("type") == "array" and "items" not in shown:
        _forget(shown, "type")
    nullable = {name for name, node in (schema.get("properties") or {}).items() if node.get("nullable")}
    required = [name for name in shown.get("required") or () if name not in nullable]
    if required:
        shown["required"] = required
    else:
        _forget(shown, "required")


def _forget(shown: Schema, *members: str) -> None:
    for member in members:
        shown.pop(member, None)
