"""
Tests for L{ark.apply.typedcheck} and L{ark.apply.typedfaults}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.typedcompile import compile_object
from ark.apply.typedfaults import faults
from ark.apply.typedschema import TypedError, compile_typed
from tests.apply.generated import Generated
from tests.apply.typedkinds import SCHEMA, TYPED, fits, spec


class CheckTests(SynchronousTestCase):
    """
    The words of Kubernetes for what does not fit.
    """

    def refused(self, obj: Any, *errors: str, allow_duplicates: bool = False) -> None:
        """
        Assert what is said of an object.
        """
        error = self.assertRaises(TypedError, TYPED.check, obj, allow_duplicates=allow_duplicates)
        self.assertEqual(error.errors, list(errors))

    def test_members_that_are_not_declared_are_refused(self) -> None:
        """
        Also in metadata, whatever the definition says of it.
        """
        self.refused(spec(bogus=1), ".spec.bogus: field not declared in schema")
        self.refused({"metadata": {"bogus": 1}}, ".metadata.bogus: field not declared in schema")
        self.refused(
            spec(wrong=1, bogus=1),
            ".spec.bogus: field not declared in schema",
            ".spec.wrong: field not declared in schema",
        )

    def test_wrong_types_are_shown_as_go_prints_them(self) -> None:
        """
        Each type has its own words, and its own verb for what came.
        """
        value = "&value.valueUnstructured"
        self.refused(spec(text=80), f".spec.text: expected string, got {value}{{Value:80}}")
        self.refused(
            spec(text={"b": [None, 1.0], "a": "x"}),
            f'.spec.text: expected string, got {value}{{Value:map[string]interface {{}}{{"a":"x", '
            '"b":[]interface {}{interface {}(nil), 1}}}',
        )
        self.refused(spec(count="a"), ".spec.count: expected numeric (int or float), got string")
        self.refused(spec(count=True), ".spec.count: expected numeric (int or float), got bool")
        self.refused(
            spec(count={}), ".spec.count: expected numeric (int or float), got map[string]interface {}"
        )
        self.refused(spec(flag="yes"), ".spec.flag: expected boolean, got &{yes}")
        self.refused(spec(time=["a", None]), ".spec.time: expected any scalar, got &{[a <nil>]}")
        self.refused({"spec": ["a"]}, ".spec: expected map, got &{[a]}")
        self.refused(spec(list={"a": 1}), ".spec.list: expected list, got &{map[a:1]}")
        self.refused(spec(ports="x"), ".spec.ports: expected list, got &{x}")

    def test_null_fits_everywhere_but_as_an_item_that_has_to_be_known(self) -> None:
        """
        Items of sets and of maps in lists have to be known.
        """
        TYPED.check({"spec": None})
        TYPED.check(spec(text=None, map=None, ports=None, list=[None], any=None))
        null = "element 0: associative list without keys has an element that's an explicit null"
        self.refused(spec(set=[None]), f".spec.set: {null}")
        null = "element 0: associative list with keys may not have a null element"
        self.refused(spec(ports=[None]), f".spec.ports: {null}")

    def test_items_that_cannot_be_known_end_the_search_in_their_list(self) -> None:
        """
        As they have no path, nothing more can be said of them.
        """
        self.refused(
            {"status": {"conditions": [{"type": "A", "status": 1}, {"status": "x"}, {"type": 2}]}},
            '.status.conditions[type="A"].status: expected string, got &value.valueUnstructured{Value:1}',
            ".status.conditions: element 1: associative list with keys has an element that omits all key "
            'fields ["type"] (and doesn\'t have default values for any key fields)',
        )
        self.refused(
            spec(ports=["a"]),
            ".spec.ports: element 0: associative list with keys may not have non-map elements",
        )
        self.refused(
            spec(set=[{}]),
            ".spec.set: element 0: associative list without keys has an element that's a map type",
        )
        self.refused(
            spec(set=[[]]), ".spec.set: element 0: not supported: associative list with lists as elements"
        )

    def test_duplicates_are_refused_unless_they_are_live(self) -> None:
        """
        What a member's default makes equal is a duplicate too.
        """
        obj = spec(set=["a", "a"], ports=[{"port": 80}, {"port": 80, "protocol": "TCP"}])
        self.refused(
            obj,
            '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
            '.spec.set: duplicate entries for key [="a"]',
        )
        TYPED.check(obj, allow_duplicates=True)

    def test_several_faults_make_one_text(self) -> None:
        """
        A line each, under a heading.
        """
        error = self.assertRaises(TypedError, TYPED.check, spec(flag=1, text=2))
        self.assertEqual(
            str(error),
            "errors:\n  .spec.flag: expected boolean, got &{1}\n"
            "  .spec.text: expected string, got &value.valueUnstructured{Value:2}",
        )

    def test_what_no_schema_describes_fits(self) -> None:
        """
        Whatever it is.
        """
        TYPED.check(spec(any={"a": [1, {"b": [[]]}]}, either={"a": 1}))
        compile_typed({}).check({"a": {"b": [1]}})
        everywhere = compile_typed(SCHEMA, preserve_unknown=True)
        everywhere.check({"a": 1, "spec": {"inner": {"c": 1}}, "metadata": {"d": 1}})

    def test_metadata_stays_closed_in_what_is_open(self) -> None:
        """
        Unlike the members beside it.
        """
        typed = compile_typed({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
        self.assertTrue(fits(typed, {"a": 1, "metadata": {"name": "a"}}))
        self.assertFalse(fits(typed, {"metadata": {"a": 1}}))

    def test_embedded_objects_have_metadata_of_their_own(self) -> None:
        """
        And the two members that tell their kind.
        """
        inner = {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"a": {"type": "string"}},
        }
        typed = compile_typed({"type": "object", "properties": {"spec": inner}})
        typed.check({"spec": {"apiVersion": "v1", "kind": "A", "metadata": {"labels": {"a": "b"}}, "a": "b"}})
        self.assertFalse(fits(typed, {"spec": {"metadata": {"a": "b"}}}))
        self.assertFalse(fits(typed, {"spec": {"b": "b"}}))

    def test_required_members_of_built_in_kinds_are_zero_where_they_are_not_there(self) -> None:
        """
        So that an item without its key is known all the same.
        """
        item = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
        listed = {**SCHEMA["properties"]["status"]["properties"]["conditions"], "items": item}
        schema = {"type": "object", "properties": {"b": {**listed, "x-kubernetes-list-map-keys": ["a"]}}}
        typed = compile_typed(schema, built_in=True)
        self.assertEqual(typed.field_set({"b": [{}]}).fields_v1(), {"f:b": {'k:{"a":0}': {}}})
        self.assertFalse(fits(compile_typed(schema), {"b": [{}]}))

    def test_integers_or_texts_of_built_in_kinds_are_scalars(self) -> None:
        """
        In custom ones they may be anything, as the schema names no type there.
        """
        schema = {"type": "object", "properties": {"a": {"x-kubernetes-int-or-string": True}}}
        self.assertTrue(fits(compile_typed(schema), {"a": {}}))
        error = self.assertRaises(TypedError, compile_typed(schema, built_in=True).check, {"a": {"b": 1}})
        self.assertEqual(error.errors, [".a: expected any scalar, got &{map[b:1]}"])

    def test_faults_are_found_exactly_where_something_does_not_fit(self) -> None:
        """
        The quick judgement and the slow one agree.
        """
        source = Generated(77)
        for _ in range(60):
            schema = source.kind_schema()
            atom, typed = compile_object(schema, False, False), compile_typed(schema)
            for _ in range(20):
                obj = source.object(schema, 0.02)
                for live in (False, True):
                    self.assertEqual(fits(typed, obj, live), not list(faults(atom, obj, live)))
