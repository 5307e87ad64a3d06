"""
Tests of the tables of L{ark.apis.messages}, which are data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.apis.messages import TABLES, delete_options_message, message_of
from tests.apis.manifests import repeated_keys

_META = "meta.k8s.io/v1"
_TYPES: dict[str, tuple[str | None, str | None]] = {
    "string": ("string", None),
    "bytes": ("string", "byte"),
    "bool": ("boolean", None),
    "int32": ("integer", "int32"),
    "int64": ("integer", "int64"),
    "Time": ("string", "date-time"),
    "MicroTime": ("string", "date-time"),
    "IntOrString": (None, None),
}
_UNSTRUCTURED = ("", "apiVersion", "kind", "metadata")


def tables(api_version: str) -> dict[str, Any]:
    """
    The tables that the messages of a version are made of.
    """
    versions = yaml.safe_load(TABLES.read_text(encoding="utf-8"))
    return {**versions[_META], **versions[api_version]}


def of_table(messages: dict[str, Any], name: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """
    What a message's table says of each member of an object: its type and form.
    """
    for field, entry in messages[name].items():
        where = f"{path}.{field}"
        if where == ".metadata":
            continue
        if entry.get("map") or entry.get("repeated"):
            yield where, ("object" if entry.get("map") else "array", None)
            where += "{}" if entry.get("map") else "[]"
        if entry["type"] == "ExtraValue":
            yield where, ("array", None)
            yield f"{where}[]", ("string", None)
        elif entry["type"] in messages:
            yield where, ("object", None)
            yield from of_table(messages, entry["type"], where)
        else:
            yield where, _TYPES[entry["type"]]


_UNSPOKEN = ("customresourcedefinitions.apiextensions.k8s.io",)


def of_schema(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """
    What a schema says of them.
    """
    if path.removeprefix(".") not in _UNSTRUCTURED:
        yield path, (schema.get("type"), schema.get("format"))
    for name, below in schema.get("properties", {}).items():
        yield from of_schema(below, f"{path}.{name}")
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            yield from of_schema(schema[keyword], path + mark)


class TableTests(SynchronousTestCase):
    """
    The messages and the definitions of the built-in kinds agree.
    """

    def test_keys_are_unique(self) -> None:
        """
        So that no line is silently lost.
        """
        self.assertEqual(repeated_keys(TABLES), [])

    def test_every_built_in_kind_has_a_message(self) -> None:
        """
        But definitions, which nobody sends so; and no custom resource has one.
        """
        for kind in KindRegistry.load():
            message = message_of(kind.api_version, kind.kind)
            wanted = kind.typed and kind.resource not in _UNSPOKEN
            self.assertEqual(message is not None, wanted, kind.resource)
        self.assertEqual(delete_options_message().name, "DeleteOptions")

    def test_messages_have_the_fields_of_the_schemas(self) -> None:
        """
        Under the same names and of the same types, both ways.
        """
        for kind in KindRegistry.load():
            if kind.typed and kind.resource not in _UNSPOKEN:
                told = dict(of_table(tables(kind.api_version), kind.kind))
                self.assertEqual(told, dict(of_schema(kind.schema)), kind.resource)
