"""
Tests for L{ark.apply.mergepatch}.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.mergepatch import merge_patch

NAMES = st.sampled_from("abc")


def objects(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """
    Objects that hold these scalars.
    """
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=10,
    )
    return st.dictionaries(NAMES, values, max_size=3)


FULL = objects(st.booleans() | st.integers(0, 3))
OBJECTS = objects(st.none() | st.booleans() | st.integers(0, 3))


class MergeTests(SynchronousTestCase):
    """
    RFC 7386 and the habits of evanphx.
    """

    def test_examples_of_the_rfc(self) -> None:
        """
        Appendix A, where both are objects.
        """
        examples: list[tuple[Any, Any, Any]] = [
            ({"a": "b"}, {"a": "c"}, {"a": "c"}),
            ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
            ({"a": "b"}, {"a": None}, {}),
            ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
            ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
            ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
            ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
            ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
            ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
            ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ]
        for document, patch, result in examples:
            self.assertEqual(merge_patch(document, patch), result)

    def test_nulls_inside_of_new_arrays(self) -> None:
        """
        Items stay, members of objects go, except where the array replaces an object.
        """
        array = [None, {"b": None, "c": 1}]
        self.assertEqual(merge_patch({}, {"a": array}), {"a": [None, {"c": 1}]})
        self.assertEqual(merge_patch({"a": 1}, {"a": array}), {"a": [None, {"c": 1}]})
        self.assertEqual(merge_patch({"a": {}}, {"a": array}), {"a": array})

    @settings(derandomize=True, max_examples=80, deadline=None, database=None)
    @given(OBJECTS, OBJECTS)
    def test_nothing_given_is_changed_and_twice_is_once(self, document: Any, patch: Any) -> None:
        """
        Server and client may try again.
        """
        before = copy.deepcopy((document, patch))
        once = merge_patch(document, patch)
        self.assertEqual(merge_patch(once, patch), once)
        self.assertEqual((document, patch), before)

    @settings(derandomize=True, max_examples=80, deadline=None, database=None)
    @given(OBJECTS, FULL)
    def test_knowing_that_nothing_is_null_changes_nothing(self, document: Any, patch: Any) -> None:
        """
        Neither what comes out, in which order, nor what was given.
        """
        before = repr((document, patch))
        self.assertEqual(
            repr(merge_patch(document, patch, has_nulls=False)), repr(merge_patch(document, patch))
        )
        self.assertEqual(repr((document, patch)), before)

    def test_what_a_patch_leaves_alone_is_shared(self) -> None:
        """
        So whoever compares sees at once that it is the same.
        """
        document = {"a": {"b": ["c"]}, "d": {"e": {"f": 1}, "g": 2}}
        for has_nulls in (True, False):
            patched = merge_patch(document, {"d": {"g": 3}}, has_nulls)
            self.assertEqual(patched, {"a": {"b": ["c"]}, "d": {"e": {"f": 1}, "g": 3}})
            self.assertIs(patched["a"], document["a"])
            self.assertIs(patched["d"]["e"], document["d"]["e"])
