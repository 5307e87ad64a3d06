"""
Schemas, objects and sets of fields made by chance, for tests of server-side apply.

Names and values come from few, so that objects have much in common and lists have
duplicates.  Most objects fit their schema.
"""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

Value = Any
Schema = dict[str, Any]

NAMES = ("a", "b", "c", "key", "Z", "é")
TEXTS = ("", "a", "b", "<&>", 'q"', "line\nend", "\u2028", "é", "\x01\b\x7f")
NUMBERS = (0, 1, -1, 2, 10, 9, 80, 1000000, 12345678901, (1 << 53) - 1, -(1 << 31))
FLOATS = (0.5, 1.0, 1e-7, 1e21, 2.5e20, -3.25)


class Generated:
    """
    A source of them.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def chance(self, share: float) -> bool:
        """
        Whether something happens that happens in this share of cases.
        """
        return self.rng.random() < share

    def kind_schema(self) -> Schema:
        """
        The schema of a kind with C{spec} and C{status}.
        """
        schema: Schema = {
            "type": "object",
            "properties": {"spec": self.struct(3), "status": self.struct(2)},
        }
        if self.chance(0.05):
            schema["x-kubernetes-preserve-unknown-fields"] = True
        return schema

    def schema(self, depth: int) -> Schema:
        """
        A schema of anything, not nested deeper than told.
        """
        if depth <= 0 or self.chance(0.35):
            return self.scalar()
        make = self.rng.choice(
            (
                self.struct,
                self.struct,
                self.mapping,
                self.atomic_list,
                self.set_list,
                self.map_list,
                self.free,
            )
        )
        return make(depth)

    def scalar(self) -> Schema:
        """
        A schema of a scalar, or of whatever.
        """
        return deepcopy(
            self.rng.choice(
                (
                    {"type": "string"},
                    {"type": "string"},
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "byte"},
                    {"type": "integer"},
                    {"type": "integer", "format": "int32"},
                    {"type": "number"},
                    {"type": "boolean"},
                    {"type": "string", "nullable": True},
                    {"x-kubernetes-int-or-string": True},
                    {"x-kubernetes-preserve-unknown-fields": True},
                )
            )
        )

    def struct(self, depth: int) -> Schema:
        """
        A schema of an object with declared members.
        """
        names = self.rng.sample(NAMES, self.rng.randint(1, 4))
        schema: Schema = {"type": "object", "properties": {name: self.schema(depth - 1) for name in names}}
        if self.chance(0.15):
            schema["x-kubernetes-map-type"] = self.rng.choice(("atomic", "granular"))
        if self.chance(0.15):
            schema["x-kubernetes-preserve-unknown-fields"] = True
        if self.chance(0.05):
            schema["x-kubernetes-embedded-resource"] = True
        return schema

    def mapping(self, depth: int) -> Schema:
        """
        A schema of an object with any members of one type.
        """
        schema: Schema = {"type": "object", "additionalProperties": self.schema(depth - 1)}
        if self.chance(0.3):
            schema["x-kubernetes-map-type"] = self.rng.choice(("atomic", "granular"))
        return schema

    def free(self, depth: int) -> Schema:
        """
        A schema of an object with anything in it.
        """
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

    def atomic_list(self, depth: int) -> Schema:
        """
        A schema of a list with one owner.
        """
        schema: Schema = {"type": "array", "items": self.schema(depth - 1)}
        if self.chance(0.5):
            schema["x-kubernetes-list-type"] = "atomic"
        return schema

    def set_list(self, depth: int) -> Schema:
        """
        A schema of a list that is a set.
        """
        return {"type": "array", "x-kubernetes-list-type": "set", "items": self.scalar()}

    def map_list(self, depth: int) -> Schema:
        """
        A schema of a list whose items are known by keys, some of which have defaults.
        """
        items = self.struct(depth - 1)
        items.pop("x-kubernetes-embedded-resource", None)
        keys = self.rng.sample(NAMES, self.rng.choice((1, 1, 2)))
        for name in keys:
            key = self.rng.choice(
                ({"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"type": "number"})
            )
            items["properties"][name] = dict(key)
            if self.chance(0.3):
                default = {"string": "b", "integer": 80, "boolean": True, "number": 0.5}[key["type"]]
                items["properties"][name]["default"] = default
        return {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": keys,
            "items": items,
        }

    def object(self, schema: Schema, wild: float = 0.01) -> Value:
        """
        An object of a kind.

        @param wild: the share of values that may not fit.
        """
        whole: Value = self.value({**schema, "type": "object"}, wild)
        result = whole if isinstance(whole, dict) else {}
        metadata: dict[str, Value] = {
            "name": "x",
            "creationTimestamp": self.rng.choice((None, "2026-01-02T03:04:05Z")),
            "generation": self.rng.choice(NUMBERS),
            "managedFields": [{"manager": self.text(), "fieldsV1": self.fields(2)}],
            "labels": self.texts(),
            "annotations": self.texts(),
            "finalizers": self.rng.choices(NAMES, k=self.rng.randint(0, 3)),
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "A", "name": self.text(), "uid": self.rng.choice(NAMES)}
                for _ in range(self.rng.randint(0, 2))
            ],
        }
        kept = {name: value for name, value in metadata.items() if self.chance(0.5)}
        result.update({"apiVersion": "x.io/v1", "kind": "Foo", "metadata": kept})
        return result

    def texts(self) -> dict[str, str]:
        """
        A map of texts.
        """
        return {name: self.text() for name in self.rng.sample(NAMES, self.rng.randint(0, 3))}

    def text(self) -> str:
        """
        A text.
        """
        return self.rng.choice(TEXTS)

    def any(self, depth: int = 3) -> Value:
        """
        A JSON value.
        """
        kind = self.rng.randint(0, 9 if depth else 6)
        if kind < 3:
            return self.text()
        if kind < 7:
            return self.rng.choice((*NUMBERS, *FLOATS, True, False, None))
        if kind == 7:
            return [self.any(depth - 1) for _ in range(self.rng.randint(0, 3))]
        names = self.rng.sample(NAMES, self.rng.randint(0, 3))
        return {name: self.any(depth - 1) for name in names}

    def value(self, schema: Schema, wild: float) -> Value:
        """
        A value for a schema.
        """
        if self.chance(wild):
            return self.any(1)
        if self.chance(0.06):
            return None
        kind = schema.get("type")
        if kind == "object":
            return self._members(schema, wild)
        if kind == "array":
            items = schema["items"]
            return [self._item(schema, items, wild) for _ in range(self.rng.randint(0, 4))]
        if kind == "string":
            return self.text()
        if kind == "integer":
            return self.rng.choice(NUMBERS)
        if kind == "number":
            return self.rng.choice((*NUMBERS, *FLOATS))
        if kind == "boolean":
            return self.chance(0.5)
        if "x-kubernetes-int-or-string" in schema:
            return self.rng.choice((*NUMBERS, *TEXTS))
        return self.any()

    def _item(self, schema: Schema, items: Schema, wild: float) -> Value:
        kind = schema.get("x-kubernetes-list-type", "atomic")
        item = self.value(items, wild)
        # Only what is not to fit is null, or has no key, where items have to be known.
        while kind == "set" and (item is None or isinstance(item, (dict, list))) and not self.chance(wild):
            item = self.value(items, wild)
        if kind == "map" and not self.chance(wild):
            item = item if isinstance(item, dict) else {}
            for name in schema["x-kubernetes-list-map-keys"]:
                if name not in item and not self.chance(0.1):
                    item[name] = self.value({**items["properties"][name]}, 0)
        return item

    def _members(self, schema: Schema, wild: float) -> Value:
        result = {
            name: self.value(member, wild)
            for name, member in schema.get("properties", {}).items()
            if self.chance(0.7)
        }
        others = schema.get("additionalProperties")
        names = self.rng.sample(NAMES, self.rng.randint(0, 3))
        if others is not None:
            result.update({name: self.value(others, wild) for name in names})
        elif schema.get("x-kubernetes-preserve-unknown-fields") or self.chance(wild):
            result.update({name: self.any() for name in names if name not in result})
        items = list(result.items())
        self.rng.shuffle(items)
        return dict(items)

    def changed(self, schema: Schema, value: Value, share: float = 0.3) -> Value:
        """
        Another value for a schema that has much in common with one.
        """
        if self.chance(share * 0.3):
            return self.value(schema, 0)
        if isinstance(value, dict):
            return self._changed_members(schema, value, share)
        if isinstance(value, list) and "items" in schema:
            result = [
                self.changed(schema["items"], item, share) for item in value if not self.chance(share / 2)
            ]
            if schema.get("x-kubernetes-list-type") in ("set", "map"):
                result = [item for item in result if item is not None]
            if self.chance(share):
                self.rng.shuffle(result)
            if self.chance(share):
                result.insert(self.rng.randint(0, len(result)), self._item(schema, schema["items"], 0))
            return result
        return value if not self.chance(share) else self.value(schema, 0)

    def _changed_members(self, schema: Schema, value: dict[str, Value], share: float) -> Value:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties") or {}
        result = {
            name: self.changed(properties.get(name, others), member, share)
            for name, member in value.items()
            if name in ("apiVersion", "kind", "metadata") or not self.chance(share / 3)
        }
        for name, member in properties.items():
            if name not in result and self.chance(share / 3):
                result[name] = self.value(member, 0)
        return result

    def fields(self, depth: int = 4) -> dict[str, Any]:
        """
        A C{fieldsV1}, in any order and with what Kubernetes does not know.
        """
        keys = [self.key() for _ in range(self.rng.randint(0 if depth < 4 else 1, 4))]
        result: dict[str, Any] = {}
        for key in keys:
            result[key] = {} if not depth or self.chance(0.4) else self.fields(depth - 1)
        if self.chance(0.4):
            result["."] = {}
        return result

    def key(self) -> str:
        """
        A key of a C{fieldsV1}.
        """
        name = self.rng.choice(NAMES[:3])
        return self.rng.choice(
            (
                f"f:{name}",
                f"f:{name}",
                "f:",
                f'k:{{"{name}":1}}',
                f'k:{{"d":true,"{name}":"x"}}',
                'k:{"a":"<"}',
                'v:"a"',
                'v:"<\\n"',
                "v:1.0",
                "v:1",
                "v:10",
                "v:9",
                "v:true",
                "v:1e21",
                "i:1",
                "i:02",
                "i:10",
                "x:unknown",
            )
        )
