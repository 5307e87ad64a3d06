"""
Random structural schemas, what a later version of one may look like, and objects for both.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

# Some need quoting in paths, JSON pointers, JSONPath or CEL.
_NAMES = ("a", "b", "count", "mode", "items", "x-y", "a.b", "in", "a/b", "~t", "_u", "é", "0", "$ref", "type")
_KEYS = ("a", "b", "", "a.b", "c/d", "~", "~1", "é☃", "0", "-", "$x", "metadata", "x y", "null")
_TEXTS = ("a", "b", "abc", "", "xyz", "b c", "é☃", "1", "true", "x" * 12)
_NUMBERS: tuple[Any, ...] = (0, 1, 2, 3, 5, 10, -1, 99, 2**31, 2**53 + 1, 2**63 - 1)
_FLOATS: tuple[Any, ...] = (0.5, 1.5, 2, -0.25, 0.001, 12345678.5, 123456.789, 0.1, 3)
_FORMATS: dict[str, tuple[str, ...]] = {
    "uri": ("http://example.com/a", "/a", "a b", "mailto:x@y", "http://[::1]:80", "://x", "#a"),
    "email": ("a@example.com", "A <a@example.com>", "a", "a@b@c", '"x y"@z', "a@[1.2.3.4]"),
    "hostname": ("example.com", "-a", "a_b", "EXAMPLE", "a..b", "1.2", "a.", "x" * 64),
    "ipv4": ("10.1.2.3", "10.1.2", "010.1.2.3", "::1", "1.2.3.256"),
    "ipv6": ("::1", "10.1.2.3", "::ffff:1.2.3.4", "fe80::1%eth0", "1::2::3"),
    "cidr": ("10.0.0.0/8", "10.0.0.1/33", "::/0", "10.0.0.0", "10.0.0.0/08"),
    "mac": ("00:00:5e:00:53:01", "0000.5e00.5301", "00-00-5e-00-53-01", "00:00", "02:00:5e:10:00:00:00:01"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000", "x"),
    "uuid3": ("123e4567-e89b-32d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    "uuid4": ("123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-c456-426614174000"),
    "uuid5": ("123e4567-e89b-52d3-b456-426614174000", "123e4567-e89b-42d3-a456-426614174000"),
    "isbn": ("0321751043", "978-0321751041", "0321751044", "x"),
    "isbn10": ("0321751043", "032 175104-3", "978-0321751041"),
    "isbn13": ("978-0321751041", "9780321751042", "0321751043"),
    "creditcard": ("4111 1111 1111 1111", "4111111111111112", "1"),
    "ssn": ("111-22-3333", "111 22 3333", "111223333", "11-22-333"),
    "hexcolor": ("#FFF", "fff", "#FFFFF", "#12abEF"),
    "rgbcolor": ("rgb(1,2,3)", "rgb(1, 2, 3)", "rgb(256,1,1)", "RGB(1,2,3)", "rgb(1,2)"),
    "byte": ("aGVsbG8=", "aGVsbG8", "a-_b", "", "a===", "aGk=\n"),
    "password": ("any", ""),
    "date": ("2020-02-29", "2021-02-29", "2020-2-1", "0000-01-01"),
    "duration": ("5s", "1h30m", "1 day", "22 ns", "x", "1.5h", "-1s", "3 weeks", "1d"),
    "datetime": ("2020-02-03T04:05:06Z", "2020-02-03 04:05:06Z", "2020-02-03T04:05:06.123+01:00"),
    "date-time": ("2020-02-03T04:05:06Z", "2020-02-30T00:00:00Z", "2020-02-03"),
    "bsonobjectid": ("507f1f77bcf86cd799439011", "507f1f77bcf86cd79943901", "x"),
    "k8s-short-name": ("a-b", "A", "a.b", "x" * 64, "-a", ""),
    "k8s-long-name": ("a-b.c", "A.b", "a..b", "x" * 79 + ".", ""),
    "bogus": ("any",),
}
_RULES: dict[str, tuple[dict[str, Any], ...]] = {
    "string": (
        {"rule": "self.size() < 4", "messageExpression": "'has ' + string(self.size())"},
        {"rule": "self == oldSelf", "message": "stays"},
        {"rule": "!oldSelf.hasValue() || oldSelf.value() != 'b'", "optionalOldSelf": True, "reason": "FieldValueForbidden"},
        {"rule": "self.matches('^[a-z]*$')", "reason": "FieldValueDuplicate"},
        {"rule": "oldSelf.orValue('a') == self", "optionalOldSelf": True, "messageExpression": "'two\\nlines'"},
    ),
    "integer": (
        {"rule": "self != 5", "messageExpression": "string(self) + ' is five'"},
        {"rule": "self >= oldSelf"},
        {"rule": "10 / self >= 0", "message": "divides"},
        {"rule": "self <= 3 || oldSelf.hasValue()", "optionalOldSelf": True},
    ),
    "number": ({"rule": "self > 1.0", "messageExpression": "string(self)"}, {"rule": "self == oldSelf"}),
    "boolean": ({"rule": "self"}, {"rule": "self || !oldSelf", "message": "never back"}),
    "array": (
        {"rule": "self.size() <= 1", "messageExpression": "'has ' + string(self.size())"},
        {"rule": "self == oldSelf", "message": "the same list"},
        {"rule": "oldSelf.all(x, x in self)"},
        {"rule": "self.size() >= oldSelf.size()", "reason": "FieldValueRequired"},
    ),
    "map": ({"rule": "self.size() < 2"}, {"rule": "oldSelf.all(k, k in self)", "messageExpression": "''"}, {"rule": "self == oldSelf"}),
    "object": ({"rule": "self == oldSelf", "message": "stays whole"}, {"rule": "oldSelf.hasValue()", "optionalOldSelf": True}),
}  # fmt: skip


def schema(rng: random.Random, depth: int = 0) -> Schema:
    """
    One node, right most of the time; at the top an object with a few properties.
    """
    names = ["object"] if depth == 0 else _LEAVES if depth > 3 else _BRANCHES
    made = _NODES[rng.choice(names)](rng, depth)
    if depth and rng.random() < 0.12:
        made["nullable"] = True
    if depth and rng.random() < 0.25:
        _give_default(made, rng)
    if "default" not in made:
        _ruled(made, rng)
    return made if depth else _put_right(made)


def _give_default(node: Schema, rng: random.Random) -> None:
    """
    Most often one that fits, since a definition with a wrong one is refused as a whole.
    """
    plain: dict[str, Any] = {
        "string": "abc",
        "integer": 2,
        "number": 1.5,
        "boolean": True,
        "object": {},
        "array": [],
    }
    kind = node.get("type", "")
    if rng.random() < 0.03:
        node["default"] = value(node, rng)
    elif kind in plain and not _UNFIT.intersection(node):
        node["default"] = (
            []
            if kind != "array" or rng.random() < 0.5
            else [copy.deepcopy(plain.get(node["items"].get("type", ""), []))]
        )
        if kind != "array":
            node["default"] = copy.deepcopy(plain[kind])


_UNFIT = frozenset(
    (
        "format",
        "required",
        "minItems",
        "minProperties",
        "x-kubernetes-validations",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-list-type",
        "oneOf",
    )
)


def _ruled(node: Schema, rng: random.Random) -> None:
    kind = "map" if "additionalProperties" in node else node.get("type", "")
    if rng.random() < 0.25 and kind in _RULES:
        count = rng.choice([1, 1, 2])
        node["x-kubernetes-validations"] = [dict(one) for one in rng.sample(_RULES[kind], count)]
    elif kind == "object" and rng.random() < 0.2 and "a" in node.get("properties", {}):
        rule = {"rule": "has(self.a)", "fieldPath": ".a", "reason": "FieldValueRequired"}
        node["x-kubernetes-validations"] = [rule]


def _text(rng: random.Random, depth: int) -> Schema:
    more: tuple[Schema, ...] = (
        {}, {}, {"enum": ["a", "b", "abc"]}, {"minLength": 1}, {"maxLength": 3}, {"pattern": "^[a-z]+$"},
        {"format": rng.choice(list(_FORMATS))}, {"format": rng.choice(list(_FORMATS)), "maxLength": 20},
    )  # fmt: skip
    return {"type": "string", "maxLength": 80, **rng.choice(more)}


def _whole(rng: random.Random, depth: int) -> Schema:
    more: tuple[Schema, ...] = (
        {}, {}, {"format": "int32"}, {"format": "int64"}, {"minimum": 1}, {"maximum": 5, "exclusiveMaximum": True}, {"multipleOf": 2}, {"enum": [1, 2, 3]},
    )  # fmt: skip
    return {"type": "integer", **rng.choice(more)}


def _number(rng: random.Random, depth: int) -> Schema:
    more: tuple[Schema, ...] = (
        {},
        {"minimum": 0.5, "exclusiveMinimum": True},
        {"maximum": 2},
        {"format": "double"},
        {"enum": [0.5, 1.5]},
    )
    return {"type": "number", **rng.choice(more)}


def _flag(rng: random.Random, depth: int) -> Schema:
    return {"type": "boolean"}


def _either(rng: random.Random, depth: int) -> Schema:
    more: tuple[Schema, ...] = (
        {},
        {"pattern": "^[0-9]+%$"},
        {"minimum": 2},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"enum": [1, "a"]},
    )
    return {"x-kubernetes-int-or-string": True, **rng.choice(more)}


def _free(rng: random.Random, depth: int) -> Schema:
    typed = rng.choice([{}, {"type": "object"}, {"type": "object"}])
    return {"x-kubernetes-preserve-unknown-fields": True, **typed}


def _struct(rng: random.Random, depth: int) -> Schema:
    count = rng.randint(3, 5) if depth == 0 else rng.randint(1, 3)
    names = rng.sample(_NAMES, count)
    made: Schema = {"type": "object", "properties": {name: schema(rng, depth + 1) for name in names}}
    if rng.random() < 0.3 and depth:
        made["required"] = [rng.choice(names)]
    if rng.random() < 0.15:
        made["x-kubernetes-preserve-unknown-fields"] = True
    if rng.random() < 0.15:
        made["x-kubernetes-map-type"] = rng.choice(["atomic", "granular"])
    if rng.random() < 0.1:
        made["maxProperties"] = 2
    if rng.random() < 0.1 and depth:
        made["oneOf"] = [{"required": [name]} for name in names]
    return made


def _table(rng: random.Random, depth: int) -> Schema:
    made: Schema = {"type": "object", "additionalProperties": schema(rng, depth + 1), "maxProperties": 5}
    if rng.random() < 0.2:
        made["x-kubernetes-map-type"] = "atomic"
    if rng.random() < 0.2:
        made["minProperties"] = 1
    return made


def _list(rng: random.Random, depth: int) -> Schema:
    made: Schema = {"type": "array", "maxItems": 6, "items": schema(rng, depth + 1)}
    if rng.random() < 0.3:
        made["x-kubernetes-list-type"] = "atomic"
    if rng.random() < 0.15:
        made["minItems"] = 1
    return made


def _set(rng: random.Random, depth: int) -> Schema:
    items = rng.choice([_text, _whole, _flag, _either])(rng, depth)
    return {"type": "array", "maxItems": 6, "items": items, "x-kubernetes-list-type": "set"}


def _keyed(rng: random.Random, depth: int) -> Schema:
    """
    Keys that are required, or have a default.
    """
    items = _struct(rng, depth + 1)
    for name in ("oneOf", "maxProperties", "x-kubernetes-map-type"):
        items.pop(name, None)
    keys = rng.choice([["k"], ["k"], ["k", "l"], ["n"]])
    items["properties"].update(
        k={"type": "string", "maxLength": 80}, l={"type": "string", "default": "d"}, n={"type": "integer"}
    )
    items["required"] = sorted({*items.get("required", ()), *(key for key in keys if key != "l")})
    return {
        "type": "array", "maxItems": 6, "items": items,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys,
    }  # fmt: skip


def _resource(rng: random.Random, depth: int) -> Schema:
    made: Schema = {"type": "object", "x-kubernetes-embedded-resource": True}
    if rng.random() < 0.5:
        made["x-kubernetes-preserve-unknown-fields"] = True
    if rng.random() < 0.5 or len(made) == 2:
        made["properties"] = {"spec": schema(rng, depth + 1)}
    return made


_NODES: dict[str, Callable[[random.Random, int], Schema]] = {
    "text": _text, "whole": _whole, "number": _number, "flag": _flag, "either": _either, "free": _free, "object": _struct,
    "table": _table, "list": _list, "set": _set, "keyed": _keyed, "resource": _resource,
}  # fmt: skip
_LEAVES = ("text", "text", "whole", "number", "flag", "either", "free")
_BRANCHES = (*_LEAVES, "object", "object", "table", "list", "set", "keyed", "resource")


def changed(whole: Schema, rng: random.Random, times: int = 1, other_shape: bool = True) -> Schema:
    """
    A later version of a schema: tighter, wider, or other somewhere below its top.

    @param other_shape: whether there may be other members and defaults.
    """
    made = copy.deepcopy(whole)
    for _ in range(times):
        holder, key = rng.choice(list(_nodes(made)))
        rng.choice(_CHANGES if other_shape else _LIMITS)(holder, key, rng)
    return _put_right(made)


def _put_right(node: Schema, tied: bool = True) -> Schema:
    """
    What a definition is refused for, mended in place.

    @param tied: whether the old value of the node can be found, as it cannot within a list of nobody's items.
    """
    rules = [one for one in node.get("x-kubernetes-validations", ()) if tied or "oldSelf" not in one["rule"]]
    node.pop("x-kubernetes-validations", None)
    if rules:
        node["x-kubernetes-validations"] = rules
    merged = node.get("x-kubernetes-list-type", "atomic")
    if merged != "atomic":
        node["items"].pop("nullable", None)
        for key in node.get("x-kubernetes-list-map-keys", ()):
            node["items"]["properties"][key].pop("nullable", None)
    for holder, key in _children(node):
        _put_right(holder[key], tied and merged == "map" if key == "items" and holder is node else tied)
    return node


def _children(node: Schema) -> list[tuple[dict[str, Any], str]]:
    members = [(node["properties"], name) for name in node.get("properties", ())]
    if isinstance(node.get("items"), dict):
        members.append((node, "items"))
    if isinstance(node.get("additionalProperties"), dict):
        members.append((node, "additionalProperties"))
    return members


def _nodes(node: Schema) -> Iterator[tuple[dict[str, Any], str]]:
    for holder, key in _children(node):
        yield holder, key
        yield from _nodes(holder[key])


def _tightened(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    node, kind = holder[key], holder[key].get("type", "")
    limits: dict[str, tuple[Schema, ...]] = {
        "string": ({"maxLength": 2}, {"minLength": 2}, {"pattern": "^b"}, {"enum": ["b", "z"]}, {"format": "uuid"}),
        "integer": ({"maximum": 2}, {"minimum": 2}, {"enum": [2]}, {"multipleOf": 3}, {"format": "int32"}),
        "number": ({"maximum": 1}, {"minimum": 1}),
        "array": ({"maxItems": 1}, {"minItems": 2}, {"uniqueItems": False}),
        "object": ({"maxProperties": 1}, {"minProperties": 2}, {"not": {"required": ["a"]}}),
    }  # fmt: skip
    node.update(rng.choice(limits.get(kind, ({"nullable": True},))))
    if rng.random() < 0.9:
        node.pop("default", None)


def _ruled_anew(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    holder[key].pop("x-kubernetes-validations", None)
    holder[key].pop("default", None)
    for _ in range(4):
        _ruled(holder[key], rng)


def _replaced(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    """
    By one of the same type: Kubernetes forgets who owns what where a value does not fit, we do not.
    """
    made, old = schema(rng, 4), holder[key]
    if "properties" not in old and "items" not in old and made.get("type") == old.get("type") and key != "k":
        holder[key] = made


def _dropped(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    if len(holder) > 1 and key not in ("items", "additionalProperties", "k", "l", "n", "spec"):
        del holder[key]


def _joined(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    if isinstance(holder[key].get("properties"), dict):
        holder[key]["properties"]["late"] = schema(rng, 3)
        if rng.random() < 0.4:
            holder[key]["required"] = [*holder[key].get("required", ()), "late"]


def _defaulted(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    if holder[key].pop("default", None) is None:
        _give_default(holder[key], rng)


def _nullable(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    holder[key]["nullable"] = not holder[key].get("nullable", False)


def _merged_otherwise(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    node = holder[key]
    if node.get("type") == "array" and node.get("x-kubernetes-list-type") != "map":
        plain = node["items"].get("type") in ("string", "integer", "boolean")
        node["x-kubernetes-list-type"] = rng.choice(["atomic", "set"]) if plain else "atomic"
    elif node.get("type") == "array":
        node["x-kubernetes-list-type"] = "atomic"
        del node["x-kubernetes-list-map-keys"]
    elif node.get("type") == "object":
        node["x-kubernetes-map-type"] = rng.choice(["atomic", "granular"])


def _opened(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    node = holder[key]
    if node.get("type") == "object" and node.get("properties"):
        opened = node.pop("x-kubernetes-preserve-unknown-fields", False)
        node.update({} if opened else {"x-kubernetes-preserve-unknown-fields": True})


def _limited(holder: dict[str, Any], key: str, rng: random.Random) -> None:
    """
    With the same defaults.
    """
    if "default" not in holder[key]:
        rng.choice((_tightened, _ruled_anew))(holder, key, rng)


_LIMITS = (_limited, _limited, _nullable)
_CHANGES = (
    _tightened,
    _tightened,
    _tightened,
    _ruled_anew,
    _ruled_anew,
    _nullable,
    _defaulted,
    _replaced,
    _dropped,
    _joined,
    _merged_otherwise,
    _opened,
)


def value(node: Schema, rng: random.Random, depth: int = 0) -> Any:
    """
    A value that fits the types of a schema, and often its other limits.
    """
    if node.get("nullable") and rng.random() < 0.2:
        return None
    if "enum" in node and rng.random() < 0.9:
        return rng.choice(node["enum"])
    if node.get("x-kubernetes-int-or-string"):
        return rng.choice([1, 3, 7, "25%", "a", ""])
    make = _VALUES.get(node.get("type", ""))
    return make(node, rng, depth) if make else rng.choice([1, "any", {"deep": [1, {"er": None}]}, [1, "2"]])


def _any_object(node: Schema, rng: random.Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if node.get("x-kubernetes-embedded-resource"):
        made = {"apiVersion": "v1", "kind": "Thing", "metadata": rng.choice(_METADATA)}
        made = {name: copy.deepcopy(one) for name, one in made.items() if rng.random() < 0.93}
    required = node.get("required", ())
    for name, inner in node.get("properties", {}).items():
        if rng.random() < (0.95 if name in required else 0.7):
            made[name] = value(inner, rng, depth + 1)
    if isinstance(node.get("additionalProperties"), dict):
        for name in rng.sample(_KEYS, rng.choice([0, 1, 1, 2])):
            made[name] = value(node["additionalProperties"], rng, depth + 1)
    if node.get("x-kubernetes-preserve-unknown-fields") and rng.random() < 0.6:
        made[rng.choice(_KEYS)] = rng.choice(
            [{"x": [1, 2.5, None, {"": True}]}, {}, [], None, {"a": {"b": 1}}]
        )
    return made


_METADATA: tuple[Any, ...] = (
    {}, {"name": "thing"}, {"name": "thing", "labels": {"a": "b"}}, {"name": "Bad_Name"}, {"odd": 1, "name": "x"}, {"labels": {"a b": "c"}},
    {"labels": {"a": 5}}, {"name": "x", "creationTimestamp": None}, {"name": "x", "ownerReferences": [{"uid": "u"}]}, {"finalizers": ["bad"]}, {"generateName": "x-"},
    {"name": "x", "managedFields": []}, {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 3}, {"name": "x", "annotations": {"a": "b"}}, 5,
)  # fmt: skip


def _any_array(node: Schema, rng: random.Random, depth: int) -> list[Any]:
    count = max(rng.choice([0, 1, 1, 2, 3]) if depth < 6 else 0, node.get("minItems", 0))
    return [value(node.get("items", {}), rng, depth + 1) for _ in range(count)]


def _any_text(node: Schema, rng: random.Random, depth: int) -> str:
    if "format" in node and rng.random() < 0.9:
        return rng.choice(_FORMATS.get(node["format"], _TEXTS))
    return rng.choice(_TEXTS)


_VALUES: dict[str, Callable[[Schema, random.Random, int], Any]] = {
    "object": _any_object,
    "array": _any_array,
    "string": _any_text,
    "integer": lambda node, rng, depth: rng.choice(_NUMBERS[:7] if rng.random() < 0.8 else _NUMBERS),
    "number": lambda node, rng, depth: rng.choice(_FLOATS),
    "boolean": lambda node, rng, depth: rng.random() < 0.6,
}
