"""
Definitions, right and wrong, each for one rule.

What kube-apiserver answers to each stands in C{answers.jsonl} beside this file; the differential test asks
it again.
"""

from __future__ import annotations

import copy
from typing import Any

Definition = dict[str, Any]

GROUP = "cases.example.com"
LONG = "x" * 64
_NO_PATTERNS = (
    "[", "a**", "*a", "a\\", "\\q", "[z-a]", "a{1001}", "a{2,1}", ")", "(?P<n", "(?z)", "[[:foo:]]", "(?!a)", "(?<=a)",
    "ä(",
)  # fmt: skip


def definition(plural: str = "things", kind: str = "Thing", **spec: Any) -> Definition:
    """
    A definition of one version that is right but for C{spec}, whose members replace its own.
    """
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    whole = {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind},
        "versions": [version],
        **spec,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{whole['group']}"},
        "spec": {name: value for name, value in whole.items() if value is not None},
    }


def version(name: str = "v1", schema: Any = None, **members: Any) -> dict[str, Any]:
    """
    One version; the first one is stored.
    """
    made = {"name": name, "served": True, "storage": name == "v1", **members}
    if schema is not False:
        made["schema"] = {"openAPIV3Schema": schema or {"type": "object"}}
    return made


def with_schema(schema: dict[str, Any], **members: Any) -> Definition:
    """
    A definition with a whole schema.
    """
    return definition(versions=[version(schema=schema, **members)])


def with_property(node: Any, **members: Any) -> Definition:
    """
    A definition whose schema has one property, C{a}, besides a plain C{b}.
    """
    properties = {"a": node, "b": {"type": "string"}}
    return with_schema({"type": "object", "properties": properties}, **members)


def with_names(**names: Any) -> Definition:
    """
    A definition with these names besides plural and kind.
    """
    return definition(names={"plural": "things", "kind": "Thing", **names})


def with_column(**column: Any) -> Definition:
    """
    A definition with one column.
    """
    whole = {"name": "A", "type": "string", "jsonPath": ".a", **column}
    shown = {name: value for name, value in whole.items() if value is not None}
    return definition(versions=[version(additionalPrinterColumns=[shown])])


def with_scale(**scale: Any) -> Definition:
    """
    A definition with a scale.
    """
    whole = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", **scale}
    return definition(versions=[version(subresources={"scale": whole})])


def with_webhook(client: Any = None, versions: Any = ("v1",), strategy: str = "Webhook") -> Definition:
    """
    A definition whose objects a webhook converts.
    """
    webhook = {"conversionReviewVersions": versions and list(versions)}
    if client is not None:
        webhook["clientConfig"] = client
    return definition(conversion={"strategy": strategy, "webhook": webhook})


def with_selectable(*paths: str) -> Definition:
    """
    A definition with selectable fields.
    """
    fields = {f"f{number}": {"type": "string"} for number in range(10)}
    spec = {
        "type": "object",
        "properties": {
            **fields,
            "n": {"type": "number"},
            "o": {"type": "object", "additionalProperties": {"type": "string"}},
            "l": {"type": "array", "items": {"type": "string"}},
            "e": {"type": "string", "enum": ["x"]},
            "i": {"type": "integer"},
        },
    }
    schema = {"type": "object", "properties": {"metadata": {"type": "object"}, "spec": spec}}
    return definition(
        versions=[version(schema=schema, selectableFields=[{"jsonPath": path} for path in paths])]
    )


def annotated(body: Definition, **annotations: str) -> Definition:
    """
    A definition with annotations.
    """
    made = copy.deepcopy(body)
    made["metadata"]["annotations"] = {name.replace("_", "/"): text for name, text in annotations.items()}
    return made


def _protected(annotation: str | None) -> Definition:
    body = definition(group="things.k8s.io")
    if annotation is not None:
        body["metadata"]["annotations"] = {"api-approved.kubernetes.io": annotation}
    return body


def _with_default() -> Definition:
    return with_property({"type": "string", "default": "x"})


def _names_cases() -> dict[str, Definition]:
    return {
        "a plain definition": definition(),
        "no spec": {**definition(), "spec": None},
        "nothing in the spec": {**definition(), "spec": {}},
        "another name": {**definition(), "metadata": {"name": "others.cases.example.com"}},
        "a name that is none": {**definition(), "metadata": {"name": "Things"}},
        "no group": definition(group=None),
        "a group in capitals": definition(group="Cases.Example.com"),
        "a group without a dot": definition(group="cases"),
        "no scope": definition(scope=None),
        "another scope": definition(scope="Everywhere"),
        "cluster scope": definition(scope="Cluster"),
        "no names": definition(names=None),
        "only a plural": definition(names={"plural": "things"}),
        "only a kind": definition(names={"kind": "Thing"}),
        "a plural in capitals": definition(plural="Things"),
        "a plural that is too long": definition(plural=LONG),
        "a singular that is none": with_names(singular="a.b"),
        "a kind that is none": with_names(kind="Thing!"),
        "a list kind that is none": with_names(listKind="9List"),
        "kind and list kind alike": with_names(listKind="Thing"),
        "short names that are none": with_names(shortNames=["ok", "Not", ""]),
        "categories that are none": with_names(categories=["all", "a b"]),
        "all names": with_names(singular="thing", listKind="Things", shortNames=["th"], categories=["all"]),
        "a protected group": _protected(None),
        "a protected group with nonsense": _protected("yes"),
        "a protected group, approved": _protected("https://github.com/kubernetes/enhancements/pull/78458"),
        "a protected group, unapproved": _protected("unapproved, experimental-only"),
        "unknown fields kept": definition(preserveUnknownFields=True),
        "unknown fields kept, with defaults": {
            **_with_default(),
            "spec": {**_with_default()["spec"], "preserveUnknownFields": True},
        },
        "unknown fields kept, with a webhook": definition(
            preserveUnknownFields=True,
            conversion={"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}},
        ),
        "unknown fields not kept": definition(preserveUnknownFields=False),
        "a status of its own": {
            **definition(),
            "status": {"storedVersions": ["v9"], "acceptedNames": {"plural": "BAD"}, "conditions": []},
        },
    }


def _version_cases() -> dict[str, Definition]:
    two = [version(), version("v2")]
    columns = [{"name": "A", "type": "string", "jsonPath": ".a"}]
    deprecated = {"deprecated": True}
    return {
        "no versions": definition(versions=[]),
        "null versions": definition(versions=None),
        "two versions": definition(versions=two),
        "two versions of one name": definition(versions=[version(), version()]),
        "no stored version": definition(versions=[version(storage=False)]),
        "two stored versions": definition(versions=[version(), version("v2", storage=True)]),
        "a version that is no name": definition(versions=[version("V1", storage=True)]),
        "nothing served": definition(versions=[version(served=False)]),
        "no schema": definition(versions=[version(schema=False)]),
        "an empty schema": definition(versions=[{**version(schema=False), "schema": {}}]),
        "one of two without schema": definition(versions=[version(), version("v2", schema=False)]),
        "different schemas": definition(
            versions=[version(), version("v2", schema={"type": "object", "description": "Other."})]
        ),
        "a fault in one of two": definition(versions=[version(), version("v2", schema={"type": "array"})]),
        "columns in one of two": definition(
            versions=[version(), version("v2", additionalPrinterColumns=columns)]
        ),
        "a bad column in one of two": definition(
            versions=[version(), version("v2", additionalPrinterColumns=[{**columns[0], "type": "x"}])]
        ),
        "a warning without deprecation": definition(versions=[version(deprecationWarning="x")]),
        "an empty warning": definition(versions=[version(deprecationWarning="", **deprecated)]),
        "a long warning": definition(versions=[version(deprecationWarning="x" * 257, **deprecated)]),
        "a warning that cannot be printed": definition(
            versions=[version(deprecationWarning="abc\u0007", **deprecated)]
        ),
        "a good warning": definition(versions=[version(deprecationWarning="use v2", **deprecated)]),
        "a column without anything": with_column(name=None, type=None, jsonPath=None),
        "a column of another type": with_column(type="object"),
        "a column of another format": with_column(format="color"),
        "a column whose path has no dot": with_column(jsonPath="spec.a"),
        "a column of every sort": with_column(format="int32", type="integer", priority=1, description="A."),
        "a scale without paths": with_scale(specReplicasPath="", statusReplicasPath=""),
        "a scale elsewhere": with_scale(specReplicasPath=".status.n", statusReplicasPath=".spec.n"),
        "a scale without dots": with_scale(specReplicasPath="spec.n", statusReplicasPath="status.n"),
        "a selector elsewhere": with_scale(labelSelectorPath=".metadata.labels"),
        "a selector without a dot": with_scale(labelSelectorPath="status.selector"),
        "a scale": with_scale(labelSelectorPath=".status.selector"),
        "no selectable field": with_selectable(),
        "selectable fields": with_selectable(".spec.f0", ".spec.e", ".spec.i"),
        "an empty selectable path": with_selectable(""),
        "a selectable path to nothing": with_selectable(".spec.no"),
        "a selectable path without a dot": with_selectable("spec.f0"),
        "a selectable path that ends": with_selectable(".spec."),
        "a selectable path with brackets": with_selectable(".spec['f0']"),
        "a selectable path to metadata": with_selectable(".metadata.name"),
        "a selectable number": with_selectable(".spec.n"),
        "a selectable object": with_selectable(".spec"),
        "a selectable member of a map": with_selectable(".spec.o.key"),
        "a selectable list": with_selectable(".spec.l"),
        "a selectable field twice": with_selectable(".spec.f0", ".spec.f0"),
        "too many selectable fields": with_selectable(*(f".spec.f{number}" for number in range(9))),
    }


def _conversion_cases() -> dict[str, Definition]:
    service = {"service": {"namespace": "a", "name": "b"}}
    url = {"url": "https://example.com/convert"}
    return {
        "an empty conversion": definition(conversion={}),
        "another strategy": definition(conversion={"strategy": "Magic"}),
        "no conversion": definition(conversion={"strategy": "None"}),
        "none, with a webhook": with_webhook(url, strategy="None"),
        "a webhook that is not there": definition(conversion={"strategy": "Webhook"}),
        "a webhook without a client": with_webhook(),
        "a webhook nowhere": with_webhook({}),
        "a webhook at two places": with_webhook({**service, **url}),
        "a webhook at a service": with_webhook(service),
        "a webhook at an address": with_webhook(url),
        "a webhook without versions": with_webhook(url, None),
        "unknown review versions": with_webhook(url, ["v2", "v3"]),
        "doubled and odd review versions": with_webhook(url, ["v1", "v1", "V_"]),
        "an address without TLS": with_webhook({"url": "http://example.com"}),
        "an address without a host": with_webhook({"url": "https:///path"}),
        "an address with a user": with_webhook({"url": "https://me@example.com"}),
        "an address with a query": with_webhook({"url": "https://example.com/?a=b"}),
        "an address with a fragment": with_webhook({"url": "https://example.com/#a"}),
        "a service without names": with_webhook({"service": {}}),
        "a service at no port": with_webhook({"service": {"namespace": "a", "name": "b", "port": 0}}),
        "a service at port 8443": with_webhook({"service": {"namespace": "a", "name": "b", "port": 8443}}),
        "a service at a path": with_webhook({"service": {**service["service"], "path": "/a/b"}}),
        "a service at a path without a slash": with_webhook({"service": {**service["service"], "path": "a"}}),
        "a service at an empty path": with_webhook({"service": {**service["service"], "path": "//"}}),
        "a service at an odd path": with_webhook({"service": {**service["service"], "path": "/a//B"}}),
        "authorities that are no certificates": with_webhook({**url, "caBundle": "aGVsbG8="}),
    }


def _type_cases() -> dict[str, Definition]:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True}
    preserved = {"x-kubernetes-preserve-unknown-fields": True}
    either = {"x-kubernetes-int-or-string": True}
    return {
        "a root of no type": with_schema({}),
        "a root that is a list": with_schema({"type": "array", "items": {"type": "string"}}),
        "a root that may be null": with_schema({"type": "object", "nullable": True}),
        "a root with additional properties": with_schema(
            {"type": "object", "additionalProperties": {"type": "string"}}
        ),
        "a root that keeps all": with_schema({"type": "object", **preserved}),
        "metadata of names": with_schema(
            {
                "type": "object",
                "properties": {
                    "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}
                },
            }
        ),
        "metadata of labels": with_schema(
            {
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
            }
        ),
        "metadata that is a text": with_schema(
            {"type": "object", "properties": {"metadata": {"type": "string"}}}
        ),
        "described metadata": with_schema(
            {"type": "object", "properties": {"metadata": {"type": "object", "description": "M."}}}
        ),
        "a kind that is no text": with_schema(
            {"type": "object", "properties": {"kind": {"type": "integer"}}}
        ),
        "an apiVersion that is no text": with_schema(
            {"type": "object", "properties": {"apiVersion": {"type": "object"}}}
        ),
        "a property of no type": with_property({"description": "A."}),
        "a property of another type": with_property({"type": "file"}),
        "a property that is null": with_property({"type": "null"}),
        "a property of any type": with_property(preserved),
        "a property that keeps nothing": with_property(
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False}
        ),
        "a list of nothing": with_property({"type": "array"}),
        "a list of no type": with_property({"type": "array", "items": {}}),
        "a list of several": with_property({"type": "array", "items": [{"type": "string"}]}),
        "a list of null": with_property({"type": "array", "items": None}),
        "unique items": with_property({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        "a map": with_property({"type": "object", "additionalProperties": {"type": "string"}}),
        "a map of anything": with_property({"type": "object", "additionalProperties": True}),
        "a map of nothing": with_property({"type": "object", "additionalProperties": False}),
        "a map of no type": with_property({"type": "object", "additionalProperties": {}}),
        "a map with properties": with_property(
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "properties": {"c": {"type": "string"}},
            }
        ),
        "an open object with properties": with_property(
            {"type": "object", "additionalProperties": True, "properties": {"c": {"type": "string"}}}
        ),
        "an integer or a text": with_property(either),
        "an integer or a text, and a type": with_property({**either, "type": "string"}),
        "an integer or a text, said twice": with_property(
            {**either, "anyOf": [{"type": "integer"}, {"type": "string"}]}
        ),
        "an integer or a text, said in all": with_property(
            {**either, "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "a"}]}
        ),
        "an integer or a text, the other way round": with_property(
            {**either, "anyOf": [{"type": "string"}, {"type": "integer"}]}
        ),
        "an integer or a text that is an object": with_property(
            {**either, **preserved, "x-kubernetes-embedded-resource": True}
        ),
        "an embedded object": with_property({**embedded, **preserved}),
        "an embedded object of nothing": with_property(embedded),
        "an embedded object of properties": with_property(
            {**embedded, "properties": {"spec": {"type": "object"}}}
        ),
        "an embedded text": with_property({"type": "string", "x-kubernetes-embedded-resource": True}),
        "an embedded object of no type": with_property({"x-kubernetes-embedded-resource": True, **preserved}),
        "an embedded map": with_property({**embedded, "additionalProperties": {"type": "string"}}),
        "an embedded object with odd metadata": with_property(
            {
                **embedded,
                **preserved,
                "properties": {"metadata": {"type": "array", "items": {"type": "string"}}},
            }
        ),
        "an embedded object in metadata": with_schema(
            {"type": "object", "properties": {"metadata": {**embedded, **preserved}}}
        ),
        "a pattern that is none": with_property({"type": "string", "pattern": "("}),
        "a pattern": with_property({"type": "string", "pattern": "^[a-z]+$"}),
        "formats that are unknown": with_property({"type": "string", "format": "color"}),
        "patterns that are none": with_property(
            {
                "type": "object",
                "properties": {
                    str(number): {"type": "string", "pattern": pattern}
                    for number, pattern in enumerate(_NO_PATTERNS)
                },
            }
        ),
        "formats that are known": with_property({"type": "string", "format": "date-time"}),
    }


def _keyword_cases() -> dict[str, Definition]:
    text = {"type": "string"}
    return {
        "a reference": with_property({"$ref": "#/x"}),
        "an identity": with_property({"type": "string", "id": "x"}),
        "a schema of schemas": with_property({"type": "string", "$schema": "x"}),
        "definitions": with_property({"type": "object", "definitions": {"x": text}}),
        "dependencies": with_property({"type": "object", "dependencies": {"x": ["y"]}}),
        "properties by pattern": with_property({"type": "object", "patternProperties": {"x": text}}),
        "additional items": with_property({"type": "array", "items": text, "additionalItems": True}),
        "all bounds": with_property(
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 2,
                "properties": {
                    "n": {
                        "type": "number",
                        "minimum": 1,
                        "maximum": 2.5,
                        "exclusiveMinimum": True,
                        "exclusiveMaximum": True,
                        "multipleOf": 0.5,
                    },
                    "s": {"type": "string", "minLength": 0, "maxLength": 9, "enum": ["a", None]},
                    "l": {"type": "array", "minItems": 0, "maxItems": 9, "items": text},
                },
            }
        ),
        "what is empty": with_property(
            {
                "type": "object",
                "title": "",
                "description": "",
                "format": "",
                "required": [],
                "enum": [],
                "properties": {},
                "allOf": [],
                "nullable": False,
                "externalDocs": {},
                "example": None,
                "default": None,
            }
        ),
        "docs and example": with_property(
            {
                "type": "string",
                "title": "T",
                "example": "e",
                "externalDocs": {"url": "https://example.com", "description": "D"},
            }
        ),
        "a value that is of no type": with_property({"type": "object", "not": {}}),
        "a nested type": with_property({"type": "object", "anyOf": [{"type": "object"}]}),
        "a nested default": with_property({"type": "object", "oneOf": [{"default": {}}]}),
        "a nested description": with_property(
            {"type": "object", "allOf": [{"description": "D", "title": "T"}]}
        ),
        "a nested null": with_property({"type": "object", "not": {"nullable": True}}),
        "a nested map": with_property({"type": "object", "not": {"additionalProperties": text}}),
        "nested extensions": with_property(
            {
                "type": "object",
                "not": {
                    "x-kubernetes-preserve-unknown-fields": True,
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-int-or-string": True,
                },
            }
        ),
        "nested lists": with_property(
            {"type": "array", "items": text, "allOf": [{"x-kubernetes-list-type": "atomic"}]}
        ),
        "a nested map type": with_property(
            {"type": "object", "allOf": [{"x-kubernetes-map-type": "atomic"}]}
        ),
        "nested rules": with_property(
            {"type": "object", "allOf": [{"x-kubernetes-validations": [{"rule": "true"}]}]}
        ),
        "nested metadata": with_schema({"type": "object", "anyOf": [{"properties": {"metadata": {}}}]}),
        "a nested pattern that is none": with_property({"type": "string", "anyOf": [{"pattern": "["}]}),
        "values of nothing": with_schema(
            {"type": "object", "anyOf": [{"properties": {"a": {"minLength": 1}}}]}
        ),
        "values of no items": with_property({"type": "object", "anyOf": [{"items": {"minLength": 1}}]}),
        "values of something": with_property(
            {
                "type": "object",
                "properties": {"c": text},
                "anyOf": [{"required": ["c"]}, {"properties": {"c": {"minLength": 1}}}],
            }
        ),
        "a root of junctors": with_schema(
            {"type": "object", "oneOf": [{"required": ["a"]}]}, subresources={"status": {}}
        ),
        "a root of junctors without status": with_schema({"type": "object", "oneOf": [{"required": ["a"]}]}),
        "a root list with status": with_schema({"type": "array", "items": text}, subresources={"status": {}}),
        "a root with all that may be": with_schema(
            {
                "type": "object",
                "description": "D",
                "title": "T",
                "required": ["a"],
                "properties": {"a": text},
            },
            subresources={"status": {}},
        ),
    }


def _list_cases() -> dict[str, Definition]:
    def a_list(items: Any, **members: Any) -> Definition:
        return with_property(
            {
                "type": "array",
                "items": items,
                **{f"x-kubernetes-{n.replace('_', '-')}": v for n, v in members.items()},
            }
        )

    item = {
        "type": "object",
        "required": ["k"],
        "properties": {"k": {"type": "string"}, "o": {"type": "object"}},
    }
    loose = {**item, "required": []}
    return {
        "a list type of no list": with_property({"type": "string", "x-kubernetes-list-type": "set"}),
        "a list type of nothing": with_property(
            {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-list-type": "set"}
        ),
        "another list type": a_list({"type": "string"}, list_type="bag"),
        "a set": a_list({"type": "string"}, list_type="set"),
        "a set of objects": a_list({"type": "object"}, list_type="set"),
        "a set of atomic objects": a_list(
            {"type": "object", "x-kubernetes-map-type": "atomic"}, list_type="set"
        ),
        "a set of sets": a_list(
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}, list_type="set"
        ),
        "a set of lists": a_list({"type": "array", "items": {"type": "string"}}, list_type="set"),
        "a set with nulls": a_list({"type": "string", "nullable": True}, list_type="set"),
        "keys of no list type": a_list(item, list_map_keys=["k"]),
        "keys of a set": a_list({"type": "string"}, list_type="set", list_map_keys=["k"]),
        "a map list": a_list(item, list_type="map", list_map_keys=["k"]),
        "a map list without keys": a_list(item, list_type="map"),
        "a map list of texts": a_list({"type": "string"}, list_type="map", list_map_keys=["k"]),
        "a map list by what is not there": a_list(item, list_type="map", list_map_keys=["no"]),
        "a map list by an object": a_list({**item, "required": ["o"]}, list_type="map", list_map_keys=["o"]),
        "a map list by the same twice": a_list(item, list_type="map", list_map_keys=["k", "k"]),
        "a map list by what may be missing": a_list(loose, list_type="map", list_map_keys=["k"]),
        "a map list by what has a default": a_list(
            {**loose, "properties": {"k": {"type": "string", "default": "x"}}},
            list_type="map",
            list_map_keys=["k"],
        ),
        "a map list by what may be null": a_list(
            {**item, "properties": {"k": {"type": "string", "nullable": True}}},
            list_type="map",
            list_map_keys=["k"],
        ),
        "a map list of nulls": a_list({**item, "nullable": True}, list_type="map", list_map_keys=["k"]),
        "another map type": with_property({"type": "object", "x-kubernetes-map-type": "loose"}),
        "a map type of no object": with_property({"type": "string", "x-kubernetes-map-type": "atomic"}),
        "a map type of nothing": with_property(
            {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-map-type": "atomic"}
        ),
        "a map type": with_property({"type": "object", "x-kubernetes-map-type": "granular"}),
    }


def _default_cases() -> dict[str, Definition]:
    thing = {"type": "object", "properties": {"s": {"type": "string", "maxLength": 3}}}
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    meta = {"type": "object", "properties": {"name": {"type": "string", "default": "x"}}}
    return {
        "a default": with_property({**thing, "default": {"s": "abc"}}),
        "a default with more": with_property({**thing, "default": {"s": "abc", "t": 1}}),
        "a default that is too long": with_property({**thing, "default": {"s": "abcd"}}),
        "a default of another type": with_property({"type": "string", "default": 5}),
        "a default of a list": with_property({"type": "array", "items": thing, "default": [{"s": "abcd"}]}),
        "a default in items": with_property({"type": "array", "items": {**thing, "default": {"t": 1}}}),
        "a default that is none of those": with_property({"type": "string", "enum": ["a"], "default": "b"}),
        "a default that has no match": with_property({"type": "string", "pattern": "^a", "default": "b"}),
        "a default null": with_property({"type": "string", "nullable": True, "default": None}),
        "a default in a map": with_property(
            {"type": "object", "additionalProperties": {"type": "string", "default": 5}}
        ),
        "a default of the metadata": with_schema(
            {"type": "object", "properties": {"metadata": {"type": "object", "default": {}}}}
        ),
        "a default in the metadata": with_schema({"type": "object", "properties": {"metadata": meta}}),
        "a default of the kind": with_schema(
            {"type": "object", "properties": {"kind": {"type": "string", "default": "X"}}}
        ),
        "a default of an embedded object": with_property(
            {**embedded, "default": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}}
        ),
        "a default of an embedded object of no kind": with_property(
            {**embedded, "default": {"apiVersion": "v1"}}
        ),
        "a default of an embedded object of odd metadata": with_property(
            {**embedded, "default": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 5}}}
        ),
        "a default in embedded metadata": with_property({**embedded, "properties": {"metadata": meta}}),
        "a wrong default in embedded metadata": with_property(
            {
                **embedded,
                "properties": {
                    "metadata": {
                        "type": "object",
                        "properties": {"namespace": {"type": "string", "default": "A_B"}},
                    }
                },
            }
        ),
        "a default of an integer or a text": with_property(
            {"x-kubernetes-int-or-string": True, "default": "50%"}
        ),
    }


def _rule_cases() -> dict[str, Definition]:
    def ruled(**rule: Any) -> Definition:
        node = {
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "x-kubernetes-validations": [rule],
        }
        return with_property(node)

    return {
        "an empty rule": ruled(rule=" "),
        "no rule": ruled(message="x"),
        "an empty message": ruled(rule="true", message="  "),
        "a message of two lines": ruled(rule="true", message="a\nb"),
        "a rule of two lines": ruled(rule="true &&\ntrue"),
        "a rule of two lines with a message": ruled(rule="true &&\ntrue", message="m"),
        "an empty message expression": ruled(rule="true", messageExpression=" "),
        "another reason": ruled(rule="true", reason="Because"),
        "a reason": ruled(rule="true", reason="FieldValueForbidden"),
        "an empty field path": ruled(rule="true", fieldPath=" "),
        "a field path of two lines": ruled(rule="true", fieldPath=".n\n"),
        "a field path to nothing": ruled(rule="true", fieldPath=".x"),
        "a field path": ruled(rule="true", fieldPath=".n"),
        "a field path in brackets": ruled(rule="true", fieldPath="['n']"),
        "a rule that is no expression": ruled(rule="self.n >"),
        "a rule of what is not there": ruled(rule="self.x == 1"),
        "a rule that is a number": ruled(rule="self.n"),
        "a message expression that is none": ruled(rule="true", messageExpression="self.x"),
        "a message expression that is a number": ruled(rule="true", messageExpression="self.n"),
        "a rule of the value before": ruled(rule="self.n >= oldSelf.n"),
        "a rule of the value before, optional": ruled(
            rule="!oldSelf.hasValue() || self.n >= oldSelf.value().n", optionalOldSelf=True
        ),
        "a rule not of the value before, optional": ruled(rule="self.n > 0", optionalOldSelf=True),
        "a rule of the value before in a list": _listed({"rule": "self >= oldSelf"}),
        "a rule of the value before in an atomic object": with_property(
            {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "properties": {
                    "n": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}
                },
            }
        ),
        "a rule that costs too much": with_property(
            {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-validations": [{"rule": "self.all(x, self.all(y, x == y))"}],
            }
        ),
        "a rule that costs a little too much": _listed(
            {"rule": "self.matches('^[a-z]+$')"}, {"type": "string", "maxLength": 10000}, maxItems=1000
        ),
        "rules that cost too much together": with_property(
            {
                "type": "object",
                "properties": {
                    name: {
                        "type": "array",
                        "maxItems": 300,
                        "items": {"type": "string", "maxLength": 900},
                        "x-kubernetes-validations": [
                            {"rule": "self.all(x, self.exists_one(y, x == y))"} for _ in range(4)
                        ],
                    }
                    for name in ("a",)
                },
            }
        ),
        "a default that a rule refuses": with_property(
            {
                "type": "object",
                "default": {"n": 0},
                "properties": {"n": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": "self.n > 0", "message": "too small"}],
            }
        ),
        "a default that a rule accepts": with_property(
            {"type": "integer", "default": 1, "x-kubernetes-validations": [{"rule": "self > 0"}]}
        ),
    }


def _listed(rule: dict[str, Any], items: Any = None, **members: Any) -> Definition:
    item = {**(items or {"type": "integer"}), "x-kubernetes-validations": [rule]}
    return with_property({"type": "array", "items": item, **members})


def _decoding_cases() -> dict[str, Any]:
    body = definition()

    def spec(**members: Any) -> Definition:
        return {**body, "spec": {**body["spec"], **members}}

    return {
        "a spec that is a number": {**body, "spec": 5},
        "a status that is a text": {**body, "status": "x"},
        "a group that is a number": spec(group=5),
        "a scope that is a list": spec(scope=[]),
        "names that are a list": spec(names=[]),
        "short names that are a text": with_names(shortNames="a"),
        "short names that are numbers": with_names(shortNames=["a", 5]),
        "versions that are an object": spec(versions={}),
        "versions that are numbers": spec(versions=[5]),
        "served that is a text": definition(versions=[version(served="yes")]),
        "a priority that is a fraction": with_column(priority=1.5),
        "a priority that is too great": with_column(priority=1 << 40),
        "a schema that is a list": definition(versions=[{**version(schema=False), "schema": {"openAPIV3Schema": []}}]),
        "a length that is a text": with_property({"type": "string", "minLength": "x"}),
        "a length that is a fraction": with_property({"type": "string", "minLength": 1.5}),
        "a bound that is a text": with_property({"type": "number", "minimum": "x"}),
        "properties that are a number": with_property({"type": "object", "properties": 5}),
        "a property that is a number": with_property({"type": "object", "properties": {"x": 5}}),
        "items that are of a wrong type": with_property({"type": "array", "items": {"type": 5}}),
        "items that are a number": with_property({"type": "array", "items": 5}),
        "additional properties that are a number": with_property({"type": "object", "additionalProperties": 5}),
        "required that is a text": with_property({"type": "object", "required": "x"}),
        "junctors that are an object": with_property({"type": "object", "allOf": {}}),
        "a condition of a wrong type": {**body, "status": {"conditions": [{"type": "A", "status": 5}]}},
        "a time that is none": {
            **body, "status": {"conditions": [{"type": "A", "status": "True", "lastTransitionTime": "x"}]}
        },
        "authorities that are no base64": with_webhook({"url": "https://x", "caBundle": "###"}),
        "unknown members": {
            **spec(bogus=1), "other": 1,
            "metadata": {"name": "things.cases.example.com", "colour": "red"},
        },
        "unknown members of schemas": with_property(
            {"type": "object", "bogus": 1, "properties": {"b.c": {"type": "string", "bog": 1}}}
        ),
        "unknown members of items": with_property({"type": "array", "items": {"type": "string", "bogus": 1}}),
    }  # fmt: skip


CASES: dict[str, Any] = {
    **_names_cases(),
    **_version_cases(),
    **_conversion_cases(),
    **_type_cases(),
    **_keyword_cases(),
    **_list_cases(),
    **_default_cases(),
    **_rule_cases(),
    **_decoding_cases(),
}
