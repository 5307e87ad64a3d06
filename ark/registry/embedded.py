"""
Whole objects inside of objects (C{x-kubernetes-embedded-resource}).

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from ark.meta import objectmeta
from ark.meta.fielderrors import child, invalid, required
from ark.meta.metatypes import WrongType, check_types
from ark.meta.names import dns1035_label, path_segment_name
from ark.meta.status import Cause

Schema = Mapping[str, Any]

EMBEDDED = "x-kubernetes-embedded-resource"


_NO_STRING = "must be a string"


def has_embedded(schema: Schema) -> bool:
    """
    Whether a node or one below it is an embedded resource.
    """
    return _has_embedded(schema, set())


def _has_embedded(schema: Schema, seen: set[int]) -> bool:
    if id(schema) in seen:
        return False
    seen.add(id(schema))
    if schema.get(EMBEDDED):
        return True
    nodes = [
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    return any(_has_embedded(node, seen) for node in nodes if isinstance(node, Mapping))


def embedded_faults(value: Any, schema: Schema, path: str = "") -> Iterator[Cause]:
    """
    The faults of the type and metadata of every embedded resource.
    """
    if type(value) is dict:
        if schema.get(EMBEDDED):
            yield from _faults(value, path)
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for name, member in value.items():
            if name in properties:
                yield from embedded_faults(member, properties[name], child(path, name))
            elif isinstance(additional, Mapping):
                yield from embedded_faults(member, additional, f"{path}[{name}]")
    elif type(value) is list and schema.get("items") is not None:
        for index, item in enumerate(value):
            yield from embedded_faults(item, schema["items"], f"{path}[{index}]")


def wrong_embedded(value: Any, schema: Schema) -> Iterator[Cause]:
    """
    Those of L{embedded_faults} that are members of a wrong type.
    """
    for fault in embedded_faults(value, schema):
        if fault.message.endswith(_NO_STRING) or fault.field.endswith(".metadata"):
            yield fault


def _faults(value: dict[str, Any], path: str) -> Iterator[Cause]:
    for name in ("apiVersion", "kind"):
        if name not in value:
            yield required(child(path, name))
    for name, judge in (("apiVersion", _api_version_fault), ("kind", _kind_fault)):
        if name in value:
            found = value[name]
            detail = judge(found) if isinstance(found, str) and found else "must not be empty"
            if not isinstance(found, str):
                detail = _NO_STRING
            if detail:
                yield invalid(child(path, name), found, detail)
    if value.get("metadata") is not None:
        yield from _metadata_faults(value["metadata"], child(path, "metadata"))


def _api_version_fault(text: str) -> str:
    return f"unexpected GroupVersion string: {text}" if text.count("/") > 1 else ""


def _kind_fault(text: str) -> str:
    problems = dns1035_label(text.lower())
    return f"may have mixed case, but should otherwise match: {','.join(problems)}" if problems else ""


def _metadata_faults(metadata: Any, path: str) -> Iterator[Cause]:
    try:
        checked = orjson.loads(orjson.dumps(metadata))
        check_types(checked, path)
    except WrongType as error:
        yield invalid(path, metadata, str(error))
        return
    named = {**checked, "name": checked.get("name") or "fakename"}
    for cause in objectmeta.validate_metadata(named, bool(named.get("namespace")), path_segment_name):
        yield cause._replace(field=path + cause.field[len("metadata") :])


def coerce_embedded(value: Any, schema: Schema, path: str = "") -> list[str]:
    """
    Bring the metadata of embedded resources into form, in place.

    Metadata of a wrong type stays as it is; L{embedded_faults} tells of it.

    @return: the paths of members that C{ObjectMeta} does not have; they are gone.
    """
    dropped: list[str] = []
    _coerce(value, schema, path, dropped)
    return dropped


def _coerce(value: Any, schema: Schema, path: str, dropped: list[str]) -> None:
    if type(value) is list and schema.get("items") is not None:
        for index, item in enumerate(value):
            _coerce(item, schema["items"], f"{path}[{index}]", dropped)
    if type(value) is not dict:
        return
    if schema.get(EMBEDDED) and "metadata" in value:
        if value["metadata"] is None:
            value["metadata"] = {}
        with suppress(WrongType):
            dropped += check_types(value["metadata"], child(path, "metadata"))
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for name, member in value.items():
        if name in properties:
            _coerce(member, properties[name], child(path, name), dropped)
        elif isinstance(additional, Mapping):
            _coerce(member, additional, f"{path}[{name}]", dropped)
