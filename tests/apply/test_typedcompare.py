"""
Tests for L{ark.apply.typedcompare}, L{ark.apply.typedwhole} and L{ark.apply.typedsame}.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldset import EMPTY
from ark.apply.typedschema import SAME, TypedError, TypedSchema
from tests.apply.typedkinds import TYPED, generated, spec


class CompareTests(SynchronousTestCase):
    """
    What is added, modified and removed.
    """

    def compared(self, old: Any, new: Any, **sets: dict[str, Any]) -> None:
        """
        Assert what a comparison of two specs finds.
        """
        found = TYPED.compare({"spec": old}, {"spec": new})
        expected: dict[str, dict[str, Any]] = {"added": {}, "modified": {}, "removed": {}}
        texts = {name: getattr(found, name).fields_v1().get("f:spec", {}) for name in expected}
        self.assertEqual(texts, {**expected, **sets})

    def test_nothing_differs(self) -> None:
        """
        Always the same answer, so that it can be recognized.
        """
        obj = spec(text="a", any={"b": [1]}, ports=[{"port": 1}])
        self.assertIs(TYPED.compare(obj, obj), SAME)
        self.assertIs(TYPED.compare(obj, copy.deepcopy(obj)), SAME)

    def test_what_comes_or_goes_comes_or_goes_with_all_that_is_in_it(self) -> None:
        """
        The place itself is told too.
        """
        inner = {"f:inner": {".": {}, "f:a": {}}}
        self.compared({}, {"inner": {"a": "b"}}, added=inner)
        self.compared({"text": "a", "inner": {"a": "b"}}, {"text": "a"}, removed=inner)
        self.compared(
            {"text": "a"}, {"text": "b", "count": 1}, modified={"f:text": {}}, added={"f:count": {}}
        )

    def test_atomic_values_are_modified_as_a_whole(self) -> None:
        """
        Lists are atomic where the schema does not say otherwise.
        """
        self.compared({"list": ["a"]}, {"list": ["a", "b"]}, modified={"f:list": {}})
        self.compared({"atoms": {"a": "b"}}, {"atoms": {"a": "c"}}, modified={"f:atoms": {}})

    def test_items_are_known_by_their_keys(self) -> None:
        """
        Their order means nothing, and a default is a key like any other.
        """
        old = {"ports": [{"port": 1}, {"port": 2, "name": "a"}]}
        new = {"ports": [{"port": 2, "name": "b", "protocol": "TCP"}, {"port": 3}]}
        self.compared(
            old,
            new,
            added={
                "f:ports": {
                    'k:{"port":2,"protocol":"TCP"}': {"f:protocol": {}},
                    'k:{"port":3,"protocol":"TCP"}': {".": {}, "f:port": {}},
                }
            },
            modified={"f:ports": {'k:{"port":2,"protocol":"TCP"}': {"f:name": {}}}},
            removed={"f:ports": {'k:{"port":1,"protocol":"TCP"}': {".": {}, "f:port": {}}}},
        )

    def test_items_of_sets_are_known_by_their_value(self) -> None:
        """
        Their order means nothing either.
        """
        self.compared(
            {"set": ["a", "b"]},
            {"set": ["b", "c"]},
            added={"f:set": {'v:"c"': {}}},
            removed={"f:set": {'v:"a"': {}}},
        )
        self.compared({"set": ["a", "b"]}, {"set": ["b", "a"]})

    def test_duplicates_are_one_thing(self) -> None:
        """
        Nothing in them is told, and one that is single again is new.
        """
        double = {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]}
        other = {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "c"}]}
        single = {"ports": [{"port": 1, "name": "a"}]}
        key = 'k:{"port":1,"protocol":"TCP"}'
        whole = {"f:ports": {key: {".": {}, "f:name": {}, "f:port": {}}}}
        self.compared(double, copy.deepcopy(double))
        self.compared(double, other, modified={"f:ports": {key: {}}})
        self.compared(double, single, added=whole, removed={"f:ports": {key: {}}})
        self.compared(single, double, removed=whole, added={"f:ports": {key: {}}})

    def test_empty_values_are_told_from_null_but_not_from_full_ones(self) -> None:
        """
        An empty map has its owner itself; with a first member only that one is added.
        """
        self.compared({"map": {}}, {"map": None}, modified={"f:map": {}})
        self.compared({"map": {}}, {"map": {"a": "b"}}, added={"f:map": {"f:a": {}}})
        self.compared({"set": None}, {"set": []}, modified={"f:set": {}})
        self.compared({}, {"map": {}}, added={"f:map": {}})

    def test_true_is_not_one_and_one_is_one_point_zero(self) -> None:
        """
        Other than in Python; and integers are compared with floats as floats.
        """
        for deep in (lambda value: value, lambda value: {"a": value}, lambda value: [{"b": [value]}]):
            for old, new in ((1, True), (0, False), (True, 1.0)):
                found = TYPED.compare(spec(any=deep(old)), spec(any=deep(new)))
                self.assertFalse(found.modified.empty, (old, new))
            for old, new in ((1, 1.0), ((1 << 53) + 1, float(1 << 53))):
                self.assertIs(TYPED.compare(spec(any=deep(old)), spec(any=deep(new))), SAME)
        self.assertIs(TYPED.compare(spec(count=(1 << 53) + 1), spec(count=float(1 << 53))), SAME)

    def test_a_value_that_changes_its_type_is_modified_and_its_members_come(self) -> None:
        """
        Where the schema lets it be either.
        """
        self.compared({"any": 1}, {"any": {"a": 1}}, modified={"f:any": {}}, added={"f:any": {"f:a": {}}})
        self.compared({"any": {"a": 1}}, {"any": [1]}, modified={"f:any": {}}, removed={"f:any": {"f:a": {}}})
        self.compared({"any": None}, {"any": {"a": 1}}, added={"f:any": {"f:a": {}}})

    def test_what_differs_and_does_not_fit_is_refused(self) -> None:
        """
        As nobody can own it.
        """
        for _ in range(2):
            self.assertRaises(TypedError, TYPED.compare, {}, spec(bogus=1))
            self.assertRaises(TypedError, TYPED.compare, spec(set=[]), spec(set=[None]))

    def test_what_differs_alike_is_told_by_one_object(self) -> None:
        """
        Whatever the values are, so that what follows from it can be remembered, once it has come
        again.
        """
        for _ in range(5):
            found = TYPED.compare(
                spec(text="a", inner={"a": "x"}), spec(text="b", inner={"a": "y"}, set=["s"])
            )
        again = TYPED.compare(spec(text="c", inner={"a": ""}), spec(text="d", inner={"a": "z"}, set=["s"]))
        self.assertIs(found, again)
        self.assertTrue(found.is_known)
        for old, new in (
            (spec(text="a", inner={"a": "x"}), spec(text="b", inner={"a": "y"}, set=["t"])),
            (spec(text="a", inner={"a": "x"}, set=["s"]), spec(text="b", inner={"a": "y"})),
            (spec(text="a"), spec(text="b", inner={"a": "y"}, set=["s"])),
            (spec(text="a", inner={"a": "x"}), spec(text="b", inner={"b": "y"}, set=["s"])),
        ):
            self.assertNotEqual(TYPED.compare(old, new).sets, found.sets)

    def test_long_keys_are_not_remembered(self) -> None:
        """
        Neither many short ones nor a single long one, wherever they stand.
        """
        for many in ({"k" * 20000: "v"}, {f"k{index}": "v" for index in range(300)}):
            for old, new in (
                ({}, spec(map=many)),
                (spec(map=many), {}),
                (spec(map={"a": "b"}), spec(map=many)),
                ({}, spec(set=list(many))),
            ):
                for _ in range(5):
                    found = TYPED.compare(old, new)
                    self.assertFalse(found.is_known)
                self.assertIsNot(TYPED.compare(old, new), found)
                self.assertEqual(TYPED.compare(old, new).sets, found.sets)

    def test_what_was_found_before_changes_nothing(self) -> None:
        """
        A schema that has compared much finds the same as a new one.
        """
        for typed, one, other in generated(200):
            for old, new in ((one, other), (other, one), ({}, one), (one, {})):
                first = typed.compare(old, new)
                self.assertEqual(TypedSchema(typed._atom).compare(old, new).sets, first.sets)
                for _ in range(5):
                    self.assertEqual(typed.compare(old, copy.deepcopy(new)).sets, first.sets)

    def test_both_directions_tell_the_same(self) -> None:
        """
        What one way adds the other removes, and no path is told twice.
        """
        for typed, one, other in generated(400):
            found, back = typed.compare(one, other), typed.compare(other, one)
            self.assertEqual(found.added, back.removed)
            self.assertEqual(found.removed, back.added)
            self.assertEqual(found.modified, back.modified)
            self.assertIs(found.added.intersection(found.removed), EMPTY)
            self.assertIs(found.added.intersection(found.modified), EMPTY)
            self.assertIs(found.removed.intersection(found.modified), EMPTY)

    def test_shared_parts_change_nothing(self) -> None:
        """
        An object that shares parts with the old one compares like a copy.
        """
        for typed, one, other in generated(200):
            shared = {**other, **{name: one[name] for name in one if other.get(name) == one[name]}}
            if repr(sorted(shared.items())) == repr(sorted(other.items())):
                self.assertEqual(
                    typed.compare(one, shared).sets, typed.compare(copy.deepcopy(one), other).sets
                )

    def test_nothing_given_is_changed(self) -> None:
        """
        Neither object.
        """
        for typed, one, other in generated(100):
            before = repr((one, other))
            typed.compare(one, other)
            self.assertEqual(repr((one, other)), before)
