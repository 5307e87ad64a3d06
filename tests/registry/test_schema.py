"""
Tests of L{ark.registry.schema} and the modules that it puts together.
"""

from __future__ import annotations

import copy
from typing import Any

import orjson
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.kind import Kind
from ark.meta.status import Cause
from ark.registry.schema import Processor, compile_schema
from tests.registry.foreign import built_in, foreign_kind


def ark_kind(plural: str) -> Kind:
    """
    One of the Ark kinds.
    """
    kind = built_in().get("ark.mckinsey.com", "v1alpha1", plural)
    assert kind is not None
    return kind


def kind_with(spec: dict[str, Any], **more: Any) -> Kind:
    """
    A kind whose C{spec} has this schema.
    """
    schema = {"type": "object", "properties": {"spec": spec, **more}}
    return evolve(foreign_kind(), schema=schema)


def query(**spec: Any) -> dict[str, Any]:
    """
    A Query.
    """
    return {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "Query",
        "metadata": {"name": "a"},
        "spec": {"input": "hi", "target": {"type": "agent", "name": "x"}, **spec},
    }


def texts(causes: list[Cause]) -> list[str]:
    """
    Causes as messages show them.
    """
    return [f"{cause.field}: {cause.message}" for cause in causes]


class SettleTests(SynchronousTestCase):
    """
    Objects are pruned and given defaults.
    """

    def setUp(self) -> None:
        """
        Process queries.
        """
        self.processor = compile_schema(ark_kind("queries"))

    def test_unknown_fields_go(self) -> None:
        """
        They are named by their paths, at every depth, except below open-ended members.
        """
        obj = query(bogus=1, input={"free": {"x": 1}}, parameters=[{"name": "p", "no": 2}])
        obj["top"] = 1
        unknown = self.processor.prune(obj)
        self.assertEqual(sorted(unknown), ["spec.bogus", "spec.parameters[0].no", "top"])
        self.assertEqual(obj["spec"]["input"], {"free": {"x": 1}})
        self.assertEqual(obj["spec"]["parameters"], [{"name": "p"}])

    def test_members_of_plain_values_are_unknown(self) -> None:
        """
        An object where a text belongs loses its members, and they are named.
        """
        obj = query(timeout={"seconds": 3})
        self.assertEqual(self.processor.settle(obj), ["spec.timeout.seconds"])

    def test_metadata_is_left_alone(self) -> None:
        """
        The object's own metadata is not this module's to prune.
        """
        obj = query()
        obj["metadata"]["bogus"] = {"a": None}
        self.assertEqual(self.processor.settle(obj), [])
        self.assertEqual(obj["metadata"]["bogus"], {"a": None})

    def test_defaults_need_their_parent(self) -> None:
        """
        Nothing is made up around a default.
        """
        obj = query()
        self.processor.default(obj)
        self.assertEqual((obj["spec"]["type"], obj["spec"]["timeout"]), ("user", "5m"))
        self.assertNotIn("status", obj)
        bare = {"metadata": {}}
        self.processor.default(bare)
        self.assertEqual(bare, {"metadata": {}})

    def test_nulls(self) -> None:
        """
        A null gives way to the default, or goes.
        """
        obj = query(timeout=None, sessionId=None)
        self.processor.default(obj)
        self.assertEqual(obj["spec"]["timeout"], "5m")
        self.assertNotIn("sessionId", obj["spec"])

    def test_an_empty_object_that_keeps_unknown_fields_gets_its_defaults(self) -> None:
        """
        As one does that has fields which nobody declared.
        """
        properties = {"a": {"type": "integer", "default": 1}}
        spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties}
        processor = compile_schema(kind_with(spec))
        for given in ({}, {"b": 2}):
            obj: dict[str, Any] = {"spec": dict(given)}
            self.assertFalse(processor.is_settled(obj))
            self.assertEqual(processor.settle(obj), [])
            self.assertEqual(obj, {"spec": {**given, "a": 1}})
            self.assertEqual(processor.settle({"spec": {}, "bogus": 1}), ["bogus"])

    def test_defaults_are_not_shared(self) -> None:
        """
        Changing one object's default changes no other's.
        """
        processor = compile_schema(foreign_kind())
        first: dict[str, Any] = {"spec": {}}
        second: dict[str, Any] = {"spec": {}}
        processor.default(first)
        processor.default(second)
        first["spec"]["listdef"].append("mine")
        self.assertEqual(second["spec"]["listdef"], [{"a": "b", "c": "cc"}])

    def test_settle_is_prune_and_default(self) -> None:
        """
        The quick way does the same as the two steps, whatever the object looks like.
        """
        for spec in (
            {},
            {"bogus": 1},
            {"ttl": None},
            {"parameters": [{"name": "a"}, {"nope": {}}]},
            {"target": [], "selector": {"matchLabels": {"a": None}}},
            {"overrides": [{"headers": None}]},
        ):
            settled, stepwise = query(**copy.deepcopy(spec)), query(**spec)
            unknown = self.processor.settle(settled)
            self.assertEqual(unknown, self.processor.prune(stepwise))
            self.processor.default(stepwise)
            self.assertEqual(settled, stepwise)

    def test_what_is_said_to_be_settled_is_left_alone(self) -> None:
        """
        To ask changes nothing, and where the answer is yes nothing would be; it is no before
        defaults are filled in, and yes afterwards.
        """
        for spec in (
            {},
            {"bogus": 1},
            {"ttl": None},
            {"parameters": [{"name": "a"}, {"nope": {}}]},
            {"overrides": [{"headers": None}]},
        ):
            obj = query(**copy.deepcopy(spec))
            self.assertFalse(self.processor.is_settled(obj))
            self.assertEqual(obj, query(**spec))
            self.processor.settle(obj)
            settled = copy.deepcopy(obj)
            self.assertTrue(self.processor.is_settled(obj))
            self.assertEqual(self.processor.settle(obj), [])
            self.assertEqual(obj, settled)

    def test_embedded_metadata_loses_unknown_members(self) -> None:
        """
        The metadata of an embedded resource is held to ObjectMeta.
        """
        processor = compile_schema(foreign_kind())
        emb = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "bogus": 1}, "free": 1}
        obj = {"spec": {"emb": emb}}
        self.assertEqual(processor.prune(obj), ["spec.emb.metadata.bogus"])
        self.assertEqual(emb["metadata"], {"name": "a"})
        self.assertEqual(emb["free"], 1)

    def test_embedded_metadata_that_are_null_are_empty(self) -> None:
        """
        As for a whole object.
        """
        processor = compile_schema(foreign_kind())
        emb = {"apiVersion": "v1", "kind": "Pod", "metadata": None}
        self.assertEqual(processor.settle({"spec": {"emb": emb}}), [])
        self.assertEqual(emb["metadata"], {})


class ValidationTests(SynchronousTestCase):
    """
    Faults are told in Kubernetes' words (contract 2.5).
    """

    def test_a_good_object_has_no_faults(self) -> None:
        """
        Nothing is said about what fits.
        """
        self.assertEqual(compile_schema(ark_kind("queries")).validate(query()), [])

    def test_words(self) -> None:
        """
        Each sort of fault has its own words.
        """
        for schema, value, text in (
            (
                {"type": "integer"},
                "x",
                'Invalid value: "string": spec in body must be of type integer: "string"',
            ),
            (
                {"type": "string", "enum": ["b", "a"]},
                "c",
                'Unsupported value: "c": supported values: "b", "a"',
            ),
            ({"type": "string", "maxLength": 1}, "xx", "Too long: may not be more than 1 byte"),
            (
                {"type": "string", "minLength": 1},
                "",
                'Invalid value: "": spec in body should be at least 1 chars long',
            ),
            (
                {"type": "integer", "maximum": 3},
                4,
                "Invalid value: 4: spec in body should be less than or equal to 3",
            ),
            (
                {"type": "string", "pattern": "^a"},
                "b",
                "Invalid value: \"b\": spec in body should match '^a'",
            ),
            (
                {"type": "string", "format": "date"},
                "x",
                'Invalid value: "x": spec in body must be of type date: "x"',
            ),
            ({"type": "object", "required": ["a"]}, {}, "Required value"),
        ):
            causes = compile_schema(kind_with(schema)).validate({"spec": value})
            self.assertEqual([cause.message for cause in causes], [text])

    def test_patterns_are_searched(self) -> None:
        """
        A pattern without anchors matches anywhere; a dollar stands for the very end.
        """
        processor = compile_schema(kind_with({"type": "string", "pattern": "b$"}))
        self.assertEqual(processor.validate({"spec": "ab"}), [])
        self.assertEqual(len(processor.validate({"spec": "ab\n"})), 1)

    def test_a_hostile_pattern_takes_no_time(self) -> None:
        """
        Patterns run in linear time, whatever they are.
        """
        processor = compile_schema(kind_with({"type": "string", "pattern": "^(a+)+$"}))
        self.assertEqual(len(processor.validate({"spec": "a" * 5000 + "!"})), 1)

    def test_unchanged_faults_are_forgiven_on_update(self) -> None:
        """
        Only what an update touches has to be right (contract 19.3).
        """
        item = {
            "type": "object",
            "properties": {"k": {"type": "string"}, "n": {"type": "integer", "maximum": 1}},
        }
        listed = {
            "type": "array",
            "items": {**item, "required": ["k"]},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        }
        spec = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}, "l": listed}}
        processor = compile_schema(kind_with(spec))
        old = {"spec": {"a": "long", "l": [{"k": "x", "n": 5}, {"k": "y", "n": 0}]}}
        new = copy.deepcopy(old)
        new["spec"]["l"].reverse()  # type: ignore[attr-defined]
        self.assertEqual(processor.validate(new, old), [])
        new["spec"]["l"][0]["n"] = 7  # type: ignore[index]
        text = "spec.l[0].n: Invalid value: 7: spec.l[0].n in body should be less than or equal to 1"
        self.assertEqual(texts(processor.validate(new, old)), [text])
        self.assertEqual(len(processor.validate(new)), 3)

    def test_blocking_faults_are_told_where_there_are_rules(self) -> None:
        """
        One more cause says that expressions were not looked at, only if the kind has any.
        """
        spec = {"type": "object", "required": ["a"]}
        self.assertEqual(len(compile_schema(kind_with(spec)).validate({"spec": {}})), 1)
        ruled = {**spec, "x-kubernetes-validations": [{"rule": "true"}]}
        causes = compile_schema(kind_with(ruled)).validate({"spec": {}})
        self.assertEqual(causes[-1].field, "<nil>")
        self.assertIn("some validation rules were not checked", causes[-1].message)

    def test_rules_run_after_the_schema(self) -> None:
        """
        Rules see objects that fit, and what they say is told.
        """
        cause = Cause("FieldValueInvalid", "no", "spec")
        seen: list[Any] = []

        def rule(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
            seen.append((obj, old))
            return [cause]

        processor = Processor(
            kind_with({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}), [rule]
        )
        good: dict[str, Any] = {"spec": {"a": "x"}}
        self.assertEqual(processor.validate(good), [cause])
        self.assertEqual(seen, [(good, None)])
        processor.validate({"spec": {}})
        self.assertEqual(len(seen), 1)


class StatusTests(SynchronousTestCase):
    """
    Writes to C{/status} are judged by the status alone.
    """

    def test_messages_name_the_path_inside_the_status(self) -> None:
        """
        The field is the whole path, the words have it without C{status}.
        """
        processor = compile_schema(
            kind_with({"type": "string"}, status=foreign_kind().schema["properties"]["status"])
        )
        old = {"spec": 5}
        causes = processor.validate_status({"spec": 5, "status": {"phase": 3}}, old)
        self.assertEqual(
            texts(causes)[0],
            'status.phase: Invalid value: "integer": phase in body must be of type string: "integer"',
        )
        self.assertEqual(processor.validate_status({"spec": 5, "status": {"phase": "new"}}, old), [])

    def test_an_unchanged_status_is_forgiven(self) -> None:
        """
        Ratcheting holds inside the status, too.
        """
        processor = compile_schema(
            kind_with({"type": "string"}, status=foreign_kind().schema["properties"]["status"])
        )
        old = {"status": {"phase": "odd"}}
        self.assertEqual(processor.validate_status({"status": {"phase": "odd"}}, old), [])


class ScaleTests(SynchronousTestCase):
    """
    The members that C{/scale} reads have to be counts.
    """

    def test_counts(self) -> None:
        """
        They are integers, not negative, and fit into 32 bits.
        """
        kind = evolve(kind_with({"type": "object"}), scale=foreign_kind("v2beta1").scale)
        processor = compile_schema(kind)
        self.assertEqual(processor.validate({"spec": {"count": 3}}), [])
        for count, words in (
            (-1, "should be a non-negative integer"),
            (1 << 40, "less than or equal to 2147483647"),
        ):
            (cause,) = processor.validate({"spec": {"count": count}})
            self.assertIn(words, cause.message)
        (cause,) = processor.validate({"spec": {"count": "3"}})
        self.assertIn("accessor error: 3 is of the type string, expected int64", cause.message)
        (cause,) = processor.validate({"spec": {}, "status": {"selector": 5}})
        self.assertEqual(cause.field, ".status.selector")


class KindsTests(SynchronousTestCase):
    """
    The built-in kinds can be processed.
    """

    def test_every_kind_compiles(self) -> None:
        """
        All functions of all kinds can be made, and take an object without a spec.
        """
        for kind in built_in():
            processor = compile_schema(kind)
            processor.prepare()
            obj = orjson.loads(b'{"apiVersion":"x","kind":"y","metadata":{}}')
            self.assertEqual(processor.settle(obj), [])
            processor.validate(obj)
