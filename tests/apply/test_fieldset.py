"""
Tests for L{ark.apply.fieldset}, L{ark.apply.fieldtree} and L{ark.apply.fieldpath}.
"""

from __future__ import annotations

import copy
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldpath import FieldsError, Path, element_key, field_path, path_text
from ark.apply.fieldset import EMPTY, FieldSet
from tests.apply.generated import Generated

PORT: Path = (*field_path("spec", "ports"), ("k", (("containerPort", 80), ("protocol", "TCP"))))

Keys = tuple[str, ...]


def keys(fields: FieldSet) -> set[Keys]:
    """
    The paths of a set in a form in which C{1} and C{True} differ.
    """
    return {tuple(map(element_key, path)) for path in fields.paths()}


def pairs(count: int) -> list[tuple[FieldSet, FieldSet]]:
    """
    Generated sets that have something in common.
    """
    source = Generated(4711)
    return [(FieldSet.parse(source.fields()), FieldSet.parse(source.fields())) for _ in range(count)]


class ParseTests(SynchronousTestCase):
    """
    What C{fieldsV1} means and how it is written.
    """

    def test_a_field_with_nothing_below_it_is_a_member(self) -> None:
        """
        One with others below it is one only if the dot says so.
        """
        fields = FieldSet.parse({"f:a": {}, "f:b": {"f:c": {}}, "f:d": {".": {}, "f:e": {}}})
        texts = [path_text(path) for path in fields.paths()]
        self.assertEqual(texts, [".a", ".d", ".b.c", ".d.e"])

    def test_order_is_that_of_kubernetes(self) -> None:
        """
        The dot, fields by name, keys by their members, values by type and size, places.
        """
        expected = [
            "f:B",
            "f:a",
            "f:é",
            'k:{"a":1,"b":"x"}',
            'k:{"a":9}',
            'k:{"a":10}',
            'k:{"a":"x"}',
            "v:0.5",
            "v:9",
            "v:10",
            'v:"10"',
            'v:"9"',
            "v:false",
            "v:true",
            "i:9",
            "i:10",
        ]
        fields = FieldSet.parse({"f:x": {key: {} for key in reversed(expected)} | {".": {}}})
        self.assertEqual(list(fields.fields_v1()["f:x"]), [".", *expected])

    def test_keys_of_one_meaning_are_one(self) -> None:
        """
        Members of keys in any order, numbers in any form, places with zeros.
        """
        fields = FieldSet.parse({'k:{"b":1.0, "a":"x"}': {"f:c": {}}, "v:1.0": {}, "v:1": {}, "i:007": {}})
        self.assertEqual(fields.fields_v1(), {'k:{"a":"x","b":1}': {"f:c": {}}, "v:1": {}, "i:7": {}})

    def test_texts_in_keys_are_escaped_as_go_does(self) -> None:
        """
        As for HTML in values, in the names of a key not.
        """
        self.assertEqual(
            element_key(("v", '<a&"\n\x01\b\u2028é')), 'v:"\\u003ca\\u0026\\"\\n\\u0001\\u0008\\u2028é"'
        )
        self.assertEqual(element_key(("k", (("<", "<"),))), 'k:{"<":"\\u003c"}')

    def test_numbers_in_keys_are_written_as_go_does(self) -> None:
        """
        Without a point where there is nothing behind it; exponents have two digits.
        """
        values = (1.0, 0.5, 1e-7, 1e21, 2.5e20, -3, 12345678901)
        texts = [element_key(("v", value))[2:] for value in values]
        expected = ["1", "0.5", "1e-07", "1e+21", "250000000000000000000", "-3", "12345678901"]
        self.assertEqual(texts, expected)

    def test_one_and_true_are_two_values(self) -> None:
        """
        Although they are equal in Python.
        """
        fields = FieldSet.of((("v", 1),), (("v", True),))
        self.assertEqual(list(fields.fields_v1()), ["v:1", "v:true"])

    def test_unknown_kinds_of_keys_are_left_out(self) -> None:
        """
        What then has nothing below it is a member.
        """
        self.assertEqual(FieldSet.parse({"x:1": {}, "f:a": {"x:1": {}}}).fields_v1(), {"f:a": {}})

    def test_what_is_no_set_is_refused(self) -> None:
        """
        Keys that mean nothing, and values that are no objects.
        """
        for fields in (
            {"a": {}},
            {"": {}},
            {"abc": {}},
            {"é:a": {}},
            {"v:nothing": {}},
            {"v:NaN": {}},
            {"k:1": {}},
            {"i:x": {}},
            {"i:99999999999999999999": {}},
            {"f:a": 1},
            {"f:a": {"f:b": []}},
        ):
            self.assertRaises(FieldsError, FieldSet.parse, fields)

    def test_the_whole_object_is_in_no_set(self) -> None:
        """
        Neither by a dot nor by the empty path.
        """
        self.assertIs(FieldSet.parse({".": {}}), EMPTY)
        self.assertIs(FieldSet.of(()), EMPTY)
        self.assertFalse(FieldSet.parse({".": {}, "f:a": {}}).has(()))

    def test_what_was_written_reads_the_same(self) -> None:
        """
        Both by those that trust it and by those that do not.
        """
        for fields, _ in pairs(300):
            text = orjson.dumps(fields.fields_v1())
            self.assertEqual(orjson.dumps(FieldSet.parse(orjson.loads(text)).fields_v1()), text)
            self.assertEqual(FieldSet.stored(orjson.loads(text)), fields)


class MemberTests(SynchronousTestCase):
    """
    Asking for single paths.
    """

    def test_has_tells_members_from_those_that_only_lead_to_them(self) -> None:
        """
        A path is in a set on its own.
        """
        fields = FieldSet.of(PORT, field_path("spec", "a"))
        self.assertTrue(fields.has(PORT))
        self.assertIn(field_path("spec", "a"), fields)
        self.assertFalse(fields.has(field_path("spec")))
        self.assertFalse(fields.has(field_path("spec", "a", "b")))
        self.assertEqual(len(fields), 2)

    def test_paths_are_shown_as_in_messages_about_conflicts(self) -> None:
        """
        Go has read the numbers of stored sets as floats.
        """
        path: Path = (*PORT, ("v", "a\n"), ("i", 3), ("v", 1000000), ("v", None), ("v", True))
        self.assertEqual(
            path_text(path), '.spec.ports[containerPort=80,protocol="TCP"][="a\\n"][3][=1e+06][=null][=true]'
        )


class OperationTests(SynchronousTestCase):
    """
    Unions and differences, against sets of paths.
    """

    def test_union_and_intersection_are_those_of_the_paths(self) -> None:
        """
        In either order.
        """
        for one, other in pairs(400):
            self.assertEqual(keys(one.union(other)), keys(one) | keys(other))
            self.assertEqual(one.union(other), other.union(one))
            self.assertEqual(keys(one.intersection(other)), keys(one) & keys(other))
            self.assertEqual(one.intersection(other), other.intersection(one))

    def test_parts_that_two_sets_share_are_like_any_others(self) -> None:
        """
        Sets are made of each other, and are compared with themselves.
        """
        for one, other in pairs(200):
            both = one.union(other)
            for left, right in ((one, one), (one, both), (both, one)):
                self.assertEqual(keys(left.union(right)), keys(left) | keys(right))
                self.assertEqual(keys(left.intersection(right)), keys(left) & keys(right))
                self.assertEqual(keys(left.difference(right)), keys(left) - keys(right))
            self.assertEqual(keys(one.recursive_difference(one)), set())

    def test_difference_is_that_of_the_paths(self) -> None:
        """
        What is below a path that goes stays.
        """
        for one, other in pairs(400):
            self.assertEqual(keys(one.difference(other)), keys(one) - keys(other))
            self.assertEqual(one.difference(other).union(one.intersection(other)), one)

    def test_recursive_difference_takes_what_is_below_too(self) -> None:
        """
        No path is left that begins with one of the other set.
        """
        for one, other in pairs(400):
            taken = keys(other)
            left = {
                path for path in keys(one) if not any(path[:end] in taken for end in range(len(path) + 1))
            }
            self.assertEqual(keys(one.recursive_difference(other)), left)

    def test_leaves_have_no_path_below_them(self) -> None:
        """
        All others of the set go.
        """
        for one, _ in pairs(400):
            inner = {path[:end] for path in keys(one) for end in range(len(path))}
            self.assertEqual(keys(one.leaves()), keys(one) - inner)

    def test_every_result_is_in_order(self) -> None:
        """
        As if it had been read.
        """
        for one, other in pairs(300):
            for fields in (one.union(other), one.intersection(other), one.difference(other), one.leaves()):
                again = FieldSet.parse(fields.fields_v1())
                self.assertEqual(orjson.dumps(again.fields_v1()), orjson.dumps(fields.fields_v1()))

    def test_nothing_given_is_changed(self) -> None:
        """
        Sets share their parts with each other.
        """
        for one, other in pairs(200):
            before = copy.deepcopy((one.fields_v1(), other.fields_v1()))
            one.union(other).difference(one).union(one.intersection(other)).recursive_difference(other)
            self.assertEqual((one.fields_v1(), other.fields_v1()), before)

    def test_what_changes_nothing_gives_the_same_set(self) -> None:
        """
        So that callers can see it at once.
        """
        one = FieldSet.of(PORT, field_path("a", "b"))
        part, other = FieldSet.of(PORT), FieldSet.of(field_path("a"))
        self.assertIs(one.union(part), one)
        self.assertIs(EMPTY.union(one), one)
        self.assertIs(one.difference(other), one)
        self.assertIs(one.recursive_difference(FieldSet.of(field_path("b"))), one)
        self.assertIs(one.difference(one), EMPTY)
        self.assertIs(one.intersection(other), EMPTY)

    def test_equal_sets_are_equal_in_dictionaries(self) -> None:
        """
        Whatever the order they were made in.
        """
        paths = (PORT, field_path("a"), field_path("a", "b"))
        one, other = FieldSet.of(*paths), FieldSet.of(*reversed(paths))
        self.assertEqual({one: 1}[other], 1)
        self.assertNotEqual(one, FieldSet.of(PORT))
        different: Any = one == 1
        self.assertFalse(different)
