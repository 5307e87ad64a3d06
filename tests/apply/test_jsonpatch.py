"""
Tests for L{ark.apply.jsonpatch}.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.apply import jsonpatch
from ark.apply.jsonpatch import InvalidPatch, PatchFailed, TooManyOperations, apply_json_patch, check_types

PATHS = st.sampled_from(["", "/a", "/a/0", "/a/-", "/a/-1", "/b", "/b/c", "/b/a~1b", "/x/y", "z"])
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "bogus"]), "path": PATHS},
    optional={"from": PATHS, "value": st.sampled_from([1, None, True, [1], {"c": [2]}])},
)


class ApplyTests(SynchronousTestCase):
    """
    RFC 6902 and the habits of evanphx v4; contract 7.4.
    """

    def check(self, document: Any, result: Any, *operations: Any) -> None:
        """
        Compare what the operations make of a document.
        """
        self.assertEqual(apply_json_patch(document, list(operations)), result)

    def fails(self, document: Any, *operations: Any) -> str:
        """
        Why the operations do not apply.
        """
        return str(self.assertRaises(PatchFailed, apply_json_patch, document, list(operations)))

    def test_operations(self) -> None:
        """
        All six.
        """
        document = {"a": [1, 2], "b": {"c": 3}}
        self.check(document, {"a": [1, 9, 2], "b": {"c": 3}}, {"op": "add", "path": "/a/1", "value": 9})
        self.check(document, {"a": [1, 2, 9], "b": {"c": 3}}, {"op": "add", "path": "/a/-", "value": 9})
        self.check(document, {"a": [1, 2], "b": {}}, {"op": "remove", "path": "/b/c"})
        self.check(document, {"a": [1, 5], "b": {"c": 3}}, {"op": "replace", "path": "/a/1", "value": 5})
        self.check(document, {"a": [1, 2], "b": {}, "d": 3}, {"op": "move", "from": "/b/c", "path": "/d"})
        self.check(
            document, {"a": [1, 2], "b": {"c": 3}, "d": {"c": 3}}, {"op": "copy", "from": "/b", "path": "/d"}
        )
        self.check(document, document, {"op": "test", "path": "/b", "value": {"c": 3}})
        self.check(document, document, {"op": "test", "path": "", "value": document})
        self.check(document, [1], {"op": "replace", "path": "", "value": [1]})

    def test_keys_are_unescaped(self) -> None:
        """
        RFC 6901.
        """
        self.check({"a/b": {"~1": 0}}, {"a/b": {"~1": 1}}, {"op": "add", "path": "/a~1b/~01", "value": 1})

    def test_indices_may_be_negative(self) -> None:
        """
        Counting from the end; for C{add} the end is one further.
        """
        self.check({"a": [1, 2]}, {"a": [1]}, {"op": "remove", "path": "/a/-1"})
        self.check({"a": [1, 2]}, {"a": [1, 2, 3]}, {"op": "add", "path": "/a/-1", "value": 3})
        self.assertIn("invalid index", self.fails({"a": [1]}, {"op": "remove", "path": "/a/-2"}))

    def test_missing_members(self) -> None:
        """
        C{replace} makes them, C{test} takes them for null, C{remove} fails.
        """
        self.check({}, {"a": 1}, {"op": "replace", "path": "/a", "value": 1})
        self.check({}, {}, {"op": "test", "path": "/a", "value": None})
        self.check({}, {"a": None}, {"op": "add", "path": "/a"})
        self.assertEqual(
            self.fails({}, {"op": "remove", "path": "/a"}),
            "error in remove for path: '/a': Unable to remove nonexistent key: a: missing value",
        )

    def test_what_does_not_apply_fails(self) -> None:
        """
        With the text of evanphx.
        """
        self.assertEqual(
            self.fails({}, {"op": "add", "path": "/a/b", "value": 1}),
            'add operation does not apply: doc is missing path: "/a/b": missing value',
        )
        self.assertEqual(
            self.fails({"a": 1}, {"op": "test", "path": "/a", "value": 2}),
            "testing value /a failed: test failed",
        )
        self.assertEqual(self.fails({}, {"op": "zork", "path": "/a"}), "Unexpected kind: zork")
        for operation in (
            {"path": "/a"},
            {"op": "add"},
            None,
            {"op": "move", "path": "/b"},
            {"op": "replace", "path": "", "value": 1},
            {"op": "add", "path": "/a/1_0", "value": 1},
            {"op": "add", "path": "/a/5", "value": 1},
            {"op": "replace", "path": "/a/1", "value": 1},
            {"op": "add", "path": "a", "value": 1},
            {"op": 5, "path": "/a", "value": 1},
            {"op": "add", "path": 5, "value": 1},
            {"op": "move", "path": "/b", "from": {}},
        ):
            self.fails({"a": [1]}, operation)

    def test_true_is_not_one(self) -> None:
        """
        Not inside of collections either.
        """
        for value, other in ((1, True), ([1], [True]), ({"a": 0}, {"a": False})):
            self.fails({"a": value}, {"op": "test", "path": "/a", "value": other})

    def test_patches_have_a_shape(self) -> None:
        """
        A list of objects whose members are texts.
        """
        start = "error decoding patch: json: cannot unmarshal"
        shapes: list[tuple[Any, str]] = [
            ({}, f"{start} object into Go value of type []handlers.jsonPatchOp"),
            ([1], f"{start} number into Go value of type handlers.jsonPatchOp"),
            ([{"op": 1}], f"{start} number into Go struct field jsonPatchOp.op of type string"),
        ]
        for operations, message in shapes:
            self.assertEqual(str(self.assertRaises(InvalidPatch, check_types, operations)), message)
        start = "json: cannot unmarshal"
        shapes = [
            ({}, f"{start} object into Go value of type jsonpatch.Patch"),
            ([1], f"{start} number into Go value of type jsonpatch.Operation"),
        ]
        for operations, message in shapes:
            self.assertEqual(str(self.assertRaises(InvalidPatch, apply_json_patch, {}, operations)), message)

    def test_limits(self) -> None:
        """
        Contract 1.13: operations, bytes copied; and the depth of what comes out.
        """
        many = [{"op": "test", "path": "", "value": {}}] * jsonpatch.MAX_OPERATIONS
        self.assertEqual(apply_json_patch({}, many), {})
        error = self.assertRaises(TooManyOperations, apply_json_patch, {}, [*many, many[0]])
        self.assertEqual(
            str(error),
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
        )
        bomb = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 40
        self.assertIn("accumulated size increase of copy is", self.fails({"a": ["x" * 100]}, *bomb))
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        self.fails({"a": deep}, {"op": "move", "from": "/a", "path": "/b"}, {"op": "add", "path": "/a" , "value": []},
                   {"op": "replace", "path": "/b" + "/0" * 199, "value": deep})  # fmt: skip

    def test_strict_decoding_names_members(self) -> None:
        """
        Doubled ones and those that no operation has.
        """
        self.assertEqual(
            jsonpatch.strict_errors([{"op": "add", "foo": 1}, None], ["[0].op"]),
            ['json patch duplicate field "[0].op"', 'json patch unknown field "[0].foo"'],
        )

    @settings(derandomize=True, max_examples=150, deadline=None, database=None)
    @given(st.lists(OPERATIONS, max_size=5))
    def test_any_patch_applies_or_fails_and_changes_nothing_given(self, operations: list[Any]) -> None:
        """
        The document is patched again when somebody else wrote first.
        """
        document = {"a": [1, [2]], "b": {"c": None, "a/b": {}}}
        before = copy.deepcopy((document, operations))
        try:
            result = apply_json_patch(document, operations)
        except PatchFailed:
            result = None
        self.assertEqual((document, operations), before)
        if result is not None:
            self.assertEqual(apply_json_patch(document, operations), result)
