"""
Lists that are sets or maps hold nothing twice.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ark.meta.fielderrors import child, duplicate, invalid
from ark.meta.gotext import json_marshal
from ark.meta.status import Cause

Schema = Mapping[str, Any]

_NO_KEY = (None, "no key")


def duplicates_of(value: Any, schema: Schema, path: str = "") -> Iterator[Cause]:
    """
    A cause for the first item of each that is there again.
    """
    if type(value) is dict:
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for name, member in value.items():
            if isinstance(additional, Mapping):
                yield from duplicates_of(member, additional, f"{path}[{name}]")
            if name in properties:
                yield from duplicates_of(member, properties[name], child(path, name))
    elif type(value) is list:
        list_type = schema.get("x-kubernetes-list-type")
        if list_type == "set":
            for index in repeated([_identity(item) for item in value]):
                yield duplicate(f"{path}[{index}]", value[index])
        elif list_type == "map":
            yield from _map_duplicates(value, schema.get("x-kubernetes-list-map-keys") or (), path)
        items = schema.get("items")
        for index, item in enumerate(value if items is not None else ()):
            yield from duplicates_of(item, items or {}, f"{path}[{index}]")


def has_unique_lists(schema: Any) -> bool:
    """
    Whether any list that a schema declares is a set or a map.
    """
    if isinstance(schema, Mapping):
        if schema.get("x-kubernetes-list-type") in ("set", "map"):
            return True
        return any(map(has_unique_lists, schema.values()))
    return isinstance(schema, list) and any(map(has_unique_lists, schema))


def repeated(identities: Sequence[Any]) -> list[int]:
    """
    The index of the second of each that is there more than once.
    """
    seen: dict[Any, int] = {}
    found = []
    for index, identity in enumerate(identities):
        seen[identity] = times = seen.get(identity, 0) + 1
        if times == 2:
            found.append(index)
    return found


def _identity(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return (dict, json_marshal(value))
    return (type(value), value)


def _map_duplicates(value: list[Any], keys: Sequence[str], path: str) -> Iterator[Cause]:
    for index, item in enumerate(value):
        if item is not None and type(item) is not dict:
            yield invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
            return
    shown = [{key: item[key] for key in keys if item and key in item} for item in value]
    for index in repeated([_identity(keyed) for keyed in shown]):
        yield duplicate(f"{path}[{index}]", shown[index])
