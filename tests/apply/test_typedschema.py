"""
Tests for L{ark.apply.typedschema}: field sets, merging, removing, and sets seen with a schema.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldpath import Path, field_path
from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.typedschema import TypedError, compile_typed
from tests.apply.typedkinds import SCHEMA, TYPED, generated, spec


def below_spec(fields: FieldSet) -> dict[str, Any]:
    """
    What a set has below C{spec}.
    """
    below: dict[str, Any] = fields.fields_v1()["f:spec"]
    return below


def is_key(path: Path) -> bool:
    """
    Whether a path leads to a member that its item is known by.
    """
    *_, (kind, members), (_, name) = (("", ()), *path)
    return kind == "k" and name in dict(members)


class FieldSetTests(SynchronousTestCase):
    """
    The fields that an applied object takes.
    """

    def test_structs_are_not_taken_and_members_of_maps_are(self) -> None:
        """
        Applying a struct takes only what is said in it.
        """
        fields = TYPED.field_set(spec(inner={"a": "b"}, map={"x": "y"}, text="a"))
        self.assertEqual(below_spec(fields), {"f:inner": {"f:a": {}}, "f:map": {"f:x": {}}, "f:text": {}})

    def test_items_that_are_known_are_taken_with_what_is_in_them(self) -> None:
        """
        Of atomic values only the whole is.
        """
        fields = TYPED.field_set(spec(ports=[{"port": 1}], set=["a"], list=["a"], atoms={"a": "b"}))
        self.assertEqual(
            below_spec(fields),
            {
                "f:atoms": {},
                "f:list": {},
                "f:ports": {'k:{"port":1,"protocol":"TCP"}': {".": {}, "f:port": {}}},
                "f:set": {'v:"a"': {}},
            },
        )

    def test_empty_maps_and_nulls_are_taken_and_empty_lists_are_not(self) -> None:
        """
        Unless the list is atomic.
        """
        fields = TYPED.field_set(spec(map={}, inner=None, set=[], ports=None, list=[]))
        self.assertEqual(below_spec(fields), {"f:inner": {}, "f:list": {}, "f:map": {}, "f:ports": {}})

    def test_what_no_schema_describes_is_taken_by_its_members(self) -> None:
        """
        Its lists are atomic.
        """
        fields = TYPED.field_set(spec(any={"a": {"b": [1]}, "c": None}))
        self.assertEqual(below_spec(fields), {"f:any": {"f:a": {".": {}, "f:b": {}}, "f:c": {}}})

    def test_metadata_is_known_without_being_declared(self) -> None:
        """
        Labels each on their own, owners by their uid, finalizers as a set.
        """
        owner = {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u"}
        metadata = {"labels": {"a": "b"}, "ownerReferences": [owner], "finalizers": ["x"], "name": "a"}
        self.assertEqual(
            TYPED.field_set({"metadata": metadata}).fields_v1()["f:metadata"],
            {
                "f:finalizers": {'v:"x"': {}},
                "f:labels": {"f:a": {}},
                "f:name": {},
                "f:ownerReferences": {'k:{"uid":"u"}': {}},
            },
        )

    def test_duplicates_are_taken_as_one(self) -> None:
        """
        Without what is in them.
        """
        fields = TYPED.field_set(spec(ports=[{"port": 1}, {"port": 1, "name": "a"}, {"port": 2}]))
        self.assertEqual(
            below_spec(fields)["f:ports"],
            {'k:{"port":1,"protocol":"TCP"}': {}, 'k:{"port":2,"protocol":"TCP"}': {".": {}, "f:port": {}}},
        )


class MergeTests(SynchronousTestCase):
    """
    Laying a configuration over an object.
    """

    def merged(self, live: Any, config: Any, result: Any) -> None:
        """
        Assert what becomes of a spec.
        """
        self.assertEqual(TYPED.merge({"spec": live}, {"spec": config}), {"spec": result})

    def test_members_of_both_are_there(self) -> None:
        """
        Where both have one, the configuration's is taken.
        """
        self.merged(
            {"text": "a", "count": 1, "inner": {"a": "b"}},
            {"text": "c", "inner": {"b": "d"}},
            {"text": "c", "count": 1, "inner": {"a": "b", "b": "d"}},
        )

    def test_atomic_values_are_replaced(self) -> None:
        """
        As wholes.
        """
        self.merged(
            {"list": ["a"], "atoms": {"a": "b"}}, {"list": ["c"], "atoms": {}}, {"list": ["c"], "atoms": {}}
        )

    def test_items_are_merged_by_their_keys(self) -> None:
        """
        With the members that only one side has.
        """
        self.merged(
            {"ports": [{"port": 1, "name": "a"}]},
            {"ports": [{"port": 1, "protocol": "TCP"}]},
            {"ports": [{"port": 1, "name": "a", "protocol": "TCP"}]},
        )

    def test_order_is_that_of_the_configuration(self) -> None:
        """
        What only the live object has stays where it stood among what both have.
        """
        for live, config, result in (
            ("abc", "c", "abc"),
            ("abc", "ca", "bca"),
            ("abc", "xb", "axbc"),
            ("ab", "cd", "abcd"),
            ("", "ab", "ab"),
            ("abc", "", "abc"),
            ("aabc", "a", "abc"),
        ):
            self.merged({"set": list(live)}, {"set": list(config)}, {"set": list(result)})

    def test_null_and_empty_take_nothing_away(self) -> None:
        """
        But they are kept where there was nothing.
        """
        self.merged(
            {"map": {"a": "b"}, "set": ["a"]}, {"map": None, "set": []}, {"map": {"a": "b"}, "set": ["a"]}
        )
        self.merged({"text": "a"}, {"text": None, "map": {}}, {"text": None, "map": {}})

    def test_duplicates_in_a_configuration_are_refused(self) -> None:
        """
        Those of the live object go when it says what they are known by.
        """
        live = spec(ports=[{"port": 1, "name": "a"}, {"port": 1, "name": "b"}])
        self.assertRaises(TypedError, TYPED.merge, live, spec(ports=[{"port": 1}, {"port": 1}]))
        self.assertEqual(TYPED.merge(live, spec(ports=[{"port": 1}])), spec(ports=[{"port": 1}]))

    def test_a_merged_object_has_what_the_configuration_says(self) -> None:
        """
        Merging it again changes nothing, and its fields are all there.
        """
        for typed, live, config in generated(400):
            merged = typed.merge(live, config)
            self.assertEqual(typed.merge(merged, config), merged)
            there = typed.compare({}, merged).added
            self.assertIs(typed.field_set(config).difference(there), EMPTY)

    def test_merging_with_nothing_changes_nothing(self) -> None:
        """
        On either side.
        """
        for typed, live, _ in generated(100):
            self.assertEqual(typed.merge(live, {}), live)
            self.assertEqual(typed.merge({}, live), live)


class RemoveTests(SynchronousTestCase):
    """
    Objects without some fields, or with nothing but them.
    """

    def test_fields_and_items_go(self) -> None:
        """
        Those in the set itself with all that is in them.
        """
        obj = spec(text="a", inner={"a": "b"}, ports=[{"port": 1, "name": "a"}, {"port": 2}], set=["a", "b"])
        fields = FieldSet.parse(
            {
                "f:spec": {
                    "f:text": {},
                    "f:ports": {
                        'k:{"port":1,"protocol":"TCP"}': {"f:name": {}},
                        'k:{"port":2,"protocol":"TCP"}': {},
                    },
                    "f:set": {'v:"b"': {}},
                }
            }
        )
        self.assertEqual(TYPED.remove(obj, fields), spec(inner={"a": "b"}, ports=[{"port": 1}], set=["a"]))

    def test_what_is_emptied_is_null(self) -> None:
        """
        As in Kubernetes, whose sets for removal have the place itself too.
        """
        obj = spec(inner={"a": "b"})
        self.assertEqual(TYPED.remove(obj, FieldSet.of(field_path("spec", "inner", "a"))), spec(inner=None))
        self.assertEqual(TYPED.remove(obj, FieldSet.of(field_path("spec"))), {})

    def test_what_was_removed_is_gone(self) -> None:
        """
        Of all leaves that no item is known by, some: none of them is there afterwards, and
        all others are.
        """
        chosen = Random(5)
        for typed, obj, _ in generated(300):
            fields = typed.field_set(obj).leaves()
            free = [path for path in fields.paths() if not is_key(path)]
            some = FieldSet.of(*(path for path in free if chosen.random() < 0.4))
            left = typed.field_set(typed.remove(obj, some))
            self.assertIs(left.intersection(some), EMPTY)
            self.assertIs(fields.difference(some).difference(left), EMPTY)

    def test_removing_nothing_gives_the_object(self) -> None:
        """
        The very same.
        """
        obj = spec(text="a")
        self.assertIs(TYPED.remove(obj, EMPTY), obj)

    def test_nothing_given_is_changed(self) -> None:
        """
        Though results share parts with it.
        """
        operations: tuple[Callable[..., Any], ...] = (
            lambda typed, one, other: typed.merge(one, other),
            lambda typed, one, other: typed.remove(one, typed.field_set(other)),
            lambda typed, one, other: typed.check(one),
        )
        for typed, one, other in generated(100):
            before = repr((one, other))
            for operation in operations:
                operation(typed, one, other)
            self.assertEqual(repr((one, other)), before)


class SchemaTests(SynchronousTestCase):
    """
    Sets of fields seen with a schema.
    """

    def test_declared_members_are_named(self) -> None:
        """
        Those that have others of the set below them; members of maps and items are not.
        """
        fields = FieldSet.parse(
            {"f:spec": {"f:map": {"f:x": {}}, "f:ports": {'k:{"port":1,"protocol":"TCP"}': {"f:name": {}}}}}
        )
        self.assertEqual(
            TYPED.named_members(fields).fields_v1(),
            {
                "f:spec": {
                    ".": {},
                    "f:map": {".": {}, "f:x": {}},
                    "f:ports": {".": {}, 'k:{"port":1,"protocol":"TCP"}': {"f:name": {}}},
                }
            },
        )

    def test_who_had_part_of_what_became_atomic_has_the_whole(self) -> None:
        """
        Maps and lists alike; all else stays.
        """
        inner = SCHEMA["properties"]["spec"]["properties"]["inner"]
        schema = {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {
                        "inner": {**inner, "x-kubernetes-map-type": "atomic"},
                        "ports": {"type": "array", "items": {"type": "string"}},
                        "text": {"type": "string"},
                    },
                }
            },
        }
        fields = FieldSet.parse(
            {
                "f:spec": {
                    "f:inner": {"f:a": {}},
                    "f:ports": {'k:{"port":1}': {".": {}}},
                    "f:text": {},
                    "f:x": {},
                }
            }
        )
        changed = compile_typed(schema).reconcile(fields)
        self.assertEqual(below_spec(changed), {"f:inner": {}, "f:ports": {}, "f:text": {}, "f:x": {}})

    def test_what_needs_no_change_is_given_back_at_once(self) -> None:
        """
        The set remembers the schema that said so.
        """
        fields = TYPED.field_set(spec(text="a", ports=[{"port": 1}]))
        self.assertIs(TYPED.reconcile(fields), fields)
        self.assertIs(fields.reconciled_by, TYPED)
        self.assertIs(TYPED.reconcile(fields), fields)

    def test_the_deepest_json_has_a_place(self) -> None:
        """
        As deep as it is read, with what the server stands on below.  Its sets of fields end
        earlier, so that it can be read back with them.
        """
        value: Any = 1
        for _ in range(250):
            value = {"a": value}
        obj, other = spec(any=value), spec(any={"a": 2})

        def done(below: int) -> None:
            if below:
                done(below - 1)
                return
            fields = TYPED.field_set(obj)
            TYPED.check(obj)
            TYPED.compare(obj, other)
            TYPED.merge(obj, obj | spec(any=dict(value)))
            TYPED.remove(obj, TYPED.named_members(fields))
            text = orjson.dumps(TYPED.reconcile(fields).fields_v1())
            self.assertLess(text.count(b"}}"), 110)
            self.assertEqual(
                TYPED.compare({}, obj).added.leaves(), FieldSet.parse(orjson.loads(text)).leaves()
            )

        done(150)
