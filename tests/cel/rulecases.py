"""
Schemas with rules and objects that they judge, and definitions with rules.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}


def node(base: Schema, *rules: Any, **more: Any) -> Schema:
    """
    A node with rules: texts, or whole rules.
    """
    made = [rule if isinstance(rule, dict) else {"rule": rule} for rule in rules]
    return {**base, **more, "x-kubernetes-validations": made}


def struct(**properties: Schema) -> Schema:
    """
    An object.
    """
    return {"type": "object", "properties": properties}


def array(items: Schema, keys: tuple[str, ...] = (), kind: str = "", **more: Any) -> Schema:
    """
    A list.
    """
    made: Schema = {"type": "array", "items": items, **more}
    if keys:
        made.update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})
    elif kind:
        made["x-kubernetes-list-type"] = kind
    return made


def table(values: Schema, **more: Any) -> Schema:
    """
    An object with keys of any name.
    """
    return {"type": "object", "additionalProperties": values, **more}


PAIR = {**struct(k=TEXT, v=NUMBER), "required": ["k"]}

_SPEC = struct(
    size=node(
        NUMBER, "self > 0", {"rule": "self < 100", "message": "too large", "reason": "FieldValueForbidden"}
    ),
    low=NUMBER,
    high=NUMBER,
    name=node(TEXT, {"rule": "self == oldSelf", "message": "name is immutable"}),
    word=node(TEXT, {"rule": "self != 'bad'", "messageExpression": "'not ' + self"}),
    port=node({"x-kubernetes-int-or-string": True}, "type(self) == int ? self > 0 : self != ''"),
    tags=node(array(node(TEXT, "self.size() < 5")), "self.size() <= 3"),
    pairs=array(node(PAIR, "self.v >= oldSelf.v", "self.k != 'x'"), ("k",)),
    marks=table(node(NUMBER, "self != 13", {"rule": "self >= oldSelf", "message": "may only grow"})),
    when=node({"type": "string", "format": "date-time"}, "self > timestamp('2020-01-01T00:00:00Z')"),
    span=node({"type": "string", "format": "duration"}, "self <= duration('1h')"),
    maybe=node({"type": "string", "nullable": True}, "self != 'null'"),
    once=node(
        TEXT,
        {
            "rule": "!oldSelf.hasValue() || self == oldSelf.value()",
            "optionalOldSelf": True,
            "message": "set once",
        },
    ),
    deep=struct(inner=node(struct(a=NUMBER, b=NUMBER), {"rule": "self.a < self.b", "fieldPath": ".a"})),
)
SCHEMA = node(
    struct(
        spec=node(
            _SPEC,
            {
                "rule": "!has(self.low) || !has(self.high) || self.low <= self.high",
                "message": "low over high",
            },
            {"rule": "!has(self.low) || self.low != 7", "fieldPath": ".low", "reason": "FieldValueDuplicate"},
            {"rule": "!has(self.low) || self.low != 8", "fieldPath": ".low", "reason": "FieldValueRequired"},
            {"rule": "!has(self.low) || self.low != 9", "fieldPath": "['low']", "messageExpression": "'\\n'"},
            {"rule": "!has(self.low) || 1 / (self.low - 5) != 99"},
            {
                "rule": "!has(self.high) || self.high != 50",
                "messageExpression": "string(1 / 0)",
                "message": "plain",
            },
        ),
        status=struct(phase=node(TEXT, "self in ['a', 'b']")),
    ),
    "self.metadata.name != 'forbidden'",
    {"rule": "!has(self.status) || has(self.spec)", "message": "status without spec"},
)


def thing(**spec: Any) -> dict[str, Any]:
    """
    An object of L{SCHEMA}.
    """
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "thing"}, "spec": spec}


_WHEN = {"when": "2019-01-01T00:00:00Z"}
OBJECTS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    (thing(), None),
    (thing(size=1), None),
    (thing(size=0), None),
    (thing(size=100), None),
    (thing(low=1, high=2), None),
    (thing(low=3, high=2), None),
    (thing(low=7), None),
    (thing(low=8), None),
    (thing(low=9), None),
    (thing(low=5), None),
    (thing(high=50), None),
    (thing(name="a"), None),
    (thing(name="b"), thing(name="a")),
    (thing(name="a"), thing(name="a")),
    (thing(name="b"), thing()),
    (thing(word="bad"), None),
    (thing(word="bad"), thing(word="bad")),
    (thing(word="bad", size=2), thing(word="bad", size=1)),
    (thing(port=1), None),
    (thing(port=0), None),
    (thing(port=""), None),
    (thing(port="http"), None),
    (thing(tags=["a", "b"]), None),
    (thing(tags=["a", "b", "c", "d"]), None),
    (thing(tags=["toolong"]), None),
    (thing(tags=["toolong"]), thing(tags=["toolong"])),
    (thing(tags=["toolong", "x"]), thing(tags=["toolong"])),
    (thing(pairs=[{"k": "a", "v": 1}]), None),
    (thing(pairs=[{"k": "a", "v": 1}]), thing(pairs=[{"k": "a", "v": 2}])),
    (thing(pairs=[{"k": "b", "v": 1}]), thing(pairs=[{"k": "a", "v": 2}])),
    (thing(pairs=[{"k": "x", "v": 1}]), thing(pairs=[{"k": "x", "v": 1}])),
    (thing(pairs=[{"k": "x", "v": 2}]), thing(pairs=[{"k": "x", "v": 1}])),
    (thing(pairs=[{"k": "b", "v": 1}, {"k": "x", "v": 1}]), thing(pairs=[{"k": "x", "v": 1}])),
    (thing(pairs=[{"k": "a"}]), None),
    (thing(marks={"a": 13}), None),
    (thing(marks={"a": 1}), thing(marks={"a": 2})),
    (thing(marks={"b": 1}), thing(marks={"a": 2})),
    (thing(marks={"a": 13}), thing(marks={"a": 13})),
    (thing(**_WHEN), None),
    (thing(span="2h"), None),
    (thing(span="30m"), None),
    (thing(maybe=None), None),
    (thing(maybe="null"), None),
    (thing(once="a"), None),
    (thing(once="b"), thing(once="a")),
    (thing(once="a"), thing()),
    (thing(deep={"inner": {"a": 2, "b": 1}}), None),
    (thing(deep={"inner": {"a": 2}}), None),
    (thing(deep={"inner": {"a": 2, "b": 1}}), thing(deep={"inner": {"a": 2, "b": 1}})),
    ({**thing(), "metadata": {"name": "forbidden"}}, None),
    ({**thing(), "metadata": {"name": "forbidden"}}, {**thing(size=1), "metadata": {"name": "forbidden"}}),
    ({**thing(), "metadata": {}}, None),
    ({**thing(), "status": {"phase": "z"}}, None),
    ({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "n"}, "status": {}}, None),
]

_LARGE = struct(
    items=node(array({"type": "string"}), "self.all(x, self.all(y, x != y || x == y))"),
    after=node(TEXT, "self != 'x'"),
)
_SPENDING = struct(
    items=array(node(TEXT, "[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, x * y > 0))")),
)
BUDGETS: list[tuple[Schema, dict[str, Any], int]] = [
    (_LARGE, {"items": ["a"] * 1000, "after": "x"}, 0),
    (_LARGE, {"items": ["a"] * 10, "after": "x"}, 0),
    (_LARGE, {"items": ["a"] * 10, "after": "x"}, 100),
    (_SPENDING, {"items": ["a"] * 20}, 10_000),
    (_SPENDING, {"items": ["a"] * 20}, 0),
]


def validations() -> list[dict[str, Any]]:
    """
    What is asked about objects.
    """
    asked = [
        {"ask": "validate", "schema": SCHEMA, "root": True, "self": new, **({"oldSelf": old} if old else {})}
        for new, old in OBJECTS
    ]
    asked += [
        {
            "ask": "validate",
            "schema": schema,
            "root": False,
            "self": new,
            **({"budget": budget} if budget else {}),
        }
        for schema, new, budget in BUDGETS
    ]
    return asked


_BAD_RULES: list[Schema] = [
    struct(spec=node(struct(a=NUMBER), "self.b > 0")),
    struct(spec=node(struct(a=NUMBER), "self.a > 0", "self.a")),
    struct(spec=node(struct(a=NUMBER), "self.a + 'x' == 'y'")),
    struct(spec=node(struct(a=NUMBER), "self.a >")),
    struct(spec=node(struct(a=NUMBER), {"rule": "self.a > 0", "messageExpression": "self.a"})),
    struct(spec=node(struct(a=NUMBER), {"rule": "self.a > 0", "messageExpression": "self.nope"})),
    struct(spec=node(struct(a=NUMBER), {"rule": "self.a > 0", "messageExpression": "'a' + string(self.a)"})),
    struct(spec=node(struct(a=NUMBER), {"rule": "self.a > 0", "optionalOldSelf": True})),
    struct(spec=node(struct(a=NUMBER), {"rule": "self.a > 0", "optionalOldSelf": False})),
    struct(spec=node(struct(a=NUMBER), {"rule": "self == oldSelf", "optionalOldSelf": True})),
    struct(spec=node(struct(a=NUMBER), {"rule": "oldSelf.hasValue()", "optionalOldSelf": True})),
    struct(spec=node(struct(a=NUMBER), "self.a > int('x')")),
    struct(spec=node(struct(a=TEXT), "self.a.find('[') == ''")),
    struct(spec=node(struct(a=TEXT), "self.a.matches('[')")),
    struct(spec=node(struct(a=TEXT), "duration('x') == duration('1s')")),
    struct(items=array(node(TEXT, "self == oldSelf"))),
    struct(items=array(node(TEXT, "self == oldSelf"), kind="set", maxItems=3)),
    struct(items=array(node(PAIR, "self == oldSelf"), ("k",), maxItems=3)),
    struct(items=array(struct(deep=array(node(TEXT, "self == oldSelf"))), kind="atomic")),
    struct(items=node(array(TEXT), "self.all(x, self.all(y, x != y))")),
    struct(items=array(node(TEXT, "self.contains('x')"))),
    struct(items=array(node(TEXT, "self.matches('^[a-z]+$')"), maxItems=1000)),
    struct(items=array(node({**TEXT, "maxLength": 10}, "self.matches('^[a-z]+$')"), maxItems=10)),
    struct(marks=table(node(NUMBER, "self > 0"))),
    struct(marks=table(array(node(TEXT, "self.size() > 0")))),
    struct(word=node(TEXT, {"rule": "self != ''", "messageExpression": "[1,2,3].map(x, self).join()"})),
    struct(items=node(array(TEXT), {"rule": "true", "messageExpression": "self.map(x, self.join()).join()"})),
    struct(
        a=node(array(TEXT), "self.all(x, self.exists(y, y == x))"),
        b=node(array(TEXT), "self.all(x, self.exists(y, y == x))"),
        c=node(array(NUMBER), "self.all(x, self.exists(y, y == x))"),
    ),
    struct(free=node({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "self.x == 1")),
    struct(free=node({"x-kubernetes-preserve-unknown-fields": True}, "self == 1")),
    struct(
        pod=node(
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            },
            "self.metadata.name == 'x'",
        )
    ),
    struct(
        pod=node(
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            },
            "self.spec.x == 1",
        )
    ),
    struct(port=node({"x-kubernetes-int-or-string": True}, "self > 1")),
    node(struct(spec=struct(a=NUMBER)), "self.metadata.name.startsWith('x') && self.spec.a > 0"),
    node(struct(spec=struct(a=NUMBER)), "self.metadata.labels['a'] == 'b'"),
    node(struct(spec=struct(a=NUMBER)), "self.apiVersion == 'v1' && self.kind == 'X'"),
    struct(color=node({"type": "string", "enum": ["red", "blue"]}, "self.matches('red')")),
    struct(items=array(node(struct(a=TEXT), "self.a.contains('b')"))),
    struct(items=array({**node(struct(a=TEXT), "self.a.contains('b')"), "required": ["a"]})),
]


def definition(schema: Schema) -> dict[str, Any]:
    """
    A definition with that schema.
    """
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [version],
        },
    }


def schemas() -> list[Schema]:
    """
    The schemas of the definitions.
    """
    return [*_BAD_RULES, SCHEMA]


def definitions() -> list[dict[str, Any]]:
    """
    What is asked about definitions.
    """
    return [{"ask": "define", "definition": definition(schema)} for schema in schemas()]
