"""
Tests for L{ark.meta.objectmeta}, L{ark.meta.metatypes} and L{ark.meta.ownerreferences}.
"""

from __future__ import annotations

from time import process_time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.meta import objectmeta
from ark.meta.names import name_is_dns_subdomain
from ark.meta.status import Cause


def texts(causes: list[Cause]) -> list[str]:
    """
    Causes as messages carry them.
    """
    return [f"{cause.field}: {cause.message}" for cause in causes]


def faulty(**members: Any) -> list[str]:
    """
    The members of new metadata that are wrong, once for each cause.
    """
    metadata = {"name": "a", "namespace": "b", **members}
    return [cause.field for cause in objectmeta.validate_metadata(metadata, True, name_is_dns_subdomain)]


OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}


class TypeTests(SynchronousTestCase):
    """
    L{objectmeta.check_types}; contract 5.9, 9.2.
    """

    def test_ordinary_metadata_stays(self) -> None:
        """
        Nothing is changed.
        """
        metadata = {
            "name": "a", "namespace": "b", "generation": 1, "deletionGracePeriodSeconds": 0, "labels": {"a": "b"},
            "creationTimestamp": "2026-01-02T03:04:05Z", "ownerReferences": [dict(OWNER, controller=False)],
            "finalizers": ["x/y"], "managedFields": [{"manager": "m", "fieldsV1": {"f:a": {}}}],
        }  # fmt: skip
        before = repr(metadata)
        self.assertEqual(objectmeta.check_types(metadata), [])
        self.assertEqual(repr(metadata), before)

    def test_unknown_members_go_and_are_named(self) -> None:
        """
        Inside of lists too.
        """
        metadata: dict[str, Any] = {"name": "a", "bogus": 1, "ownerReferences": [OWNER | {"zork": 1}]}
        self.assertEqual(
            objectmeta.check_types(metadata), ["metadata.bogus", "metadata.ownerReferences[0].zork"]
        )
        self.assertEqual(metadata, {"name": "a", "ownerReferences": [OWNER]})
        self.assertEqual(
            objectmeta.check_types({"x": 1}, "spec.template.metadata"), ["spec.template.metadata.x"]
        )

    def test_empty_members_go(self) -> None:
        """
        What Go leaves out when it writes its struct; nulls in maps and lists become texts.
        """
        metadata: dict[str, Any] = dict.fromkeys(("name", "labels", "uid", "creationTimestamp", "finalizers"))
        metadata |= {
            "generateName": "",
            "generation": 0,
            "finalizers": [],
            "annotations": {"a": None},
            "managedFields": [],
        }
        metadata |= {"ownerReferences": [{"name": "x", "controller": None}]}
        objectmeta.check_types(metadata)
        self.assertEqual(
            metadata,
            {
                "annotations": {"a": ""},
                "ownerReferences": [{"name": "x", "apiVersion": "", "kind": "", "uid": ""}],
            },
        )

    def test_times_are_brought_into_form(self) -> None:
        """
        UTC, whole seconds.
        """
        metadata = {"deletionTimestamp": "2026-01-02T04:04:05.7+01:00"}
        objectmeta.check_types(metadata)
        self.assertEqual(metadata, {"deletionTimestamp": "2026-01-02T03:04:05Z"})

    def test_wrong_types_are_told_as_go_does(self) -> None:
        """
        The struct and field of the Go type are named.
        """
        start = "json: cannot unmarshal"
        wrong: list[tuple[Any, str]] = [
            ({"labels": {"a": 5}}, f"{start} number into Go struct field ObjectMeta.labels of type string"),
            (
                {"labels": []},
                f"{start} array into Go struct field ObjectMeta.labels of type map[string]string",
            ),
            ({"name": True}, f"{start} bool into Go struct field ObjectMeta.name of type string"),
            ({"uid": {}}, f"{start} object into Go struct field ObjectMeta.uid of type types.UID"),
            (
                {"generation": 1.5},
                f"{start} number 1.5 into Go struct field ObjectMeta.generation of type int64",
            ),
            ({"generation": True}, f"{start} bool into Go struct field ObjectMeta.generation of type int64"),
            (
                {"finalizers": "x"},
                f"{start} string into Go struct field ObjectMeta.finalizers of type []string",
            ),
            (
                {"ownerReferences": [1]},
                f"{start} number into Go struct field ObjectMeta.ownerReferences of type v1.OwnerReference",
            ),
            (
                {"ownerReferences": [{"controller": "x"}]},
                f"{start} string into Go struct field OwnerReference.ownerReferences.controller of type bool",
            ),
            (
                {"name": 1, "creationTimestamp": "bad"},
                'parsing time "bad" as "2006-01-02T15:04:05Z07:00": cannot parse "bad" as "2006"',
            ),
            ("x", f"{start} string into Go value of type v1.ObjectMeta"),
        ]
        for metadata, message in wrong:
            error = self.assertRaises(objectmeta.WrongType, objectmeta.check_types, metadata)
            self.assertEqual(str(error), message)


class CreateTests(SynchronousTestCase):
    """
    L{objectmeta.validate_metadata}; contract 5.5, 5.7, 5.8.
    """

    def check(self, *expected: str, namespaced: bool = True, **members: Any) -> None:
        """
        Judge metadata that is right but for C{members}.
        """
        metadata = {"name": "a", "namespace": "b", **members}
        causes = objectmeta.validate_metadata(metadata, namespaced, name_is_dns_subdomain)
        self.assertEqual([text.partition(" a lowercase")[0] for text in texts(causes)], list(expected))

    def test_ordinary_metadata_is_right(self) -> None:
        """
        No causes.
        """
        self.check(
            labels={"x/y": "z"},
            annotations={"Any.Case/Key": "x y"},
            finalizers=["a/b"],
            ownerReferences=[OWNER],
        )

    def test_names(self) -> None:
        """
        One is needed, and the prefix it came from is judged too.
        """
        self.check("metadata.name: Required value: name or generateName is required", name="")
        self.check('metadata.name: Invalid value: "Bad_Name":', name="Bad_Name")
        self.check('metadata.generateName: Invalid value: "Bad-":', generateName="Bad-")
        self.check(generateName="b-")

    def test_namespaces(self) -> None:
        """
        Needed where there is one, forbidden elsewhere.
        """
        self.check("metadata.namespace: Required value", namespace="")
        self.check('metadata.namespace: Invalid value: "a.b": must not contain dots', namespace="a.b")
        self.check("metadata.namespace: Forbidden: not allowed on this type", namespaced=False)
        self.check(namespaced=False, namespace="")

    def test_labels_and_annotations(self) -> None:
        """
        Keys, values and the size of annotations.
        """
        causes = objectmeta.validate_metadata(
            {"name": "a", "namespace": "b", "labels": {"-": "x", "y": "-"}, "annotations": {"a/b/c": ""}},
            True,
            name_is_dns_subdomain,
        )
        self.assertEqual(
            [(cause.field, cause.message.split(":")[1]) for cause in causes],
            [("metadata.labels", ' "-"'), ("metadata.labels", ' "-"'), ("metadata.annotations", ' "a/b/c"')],
        )
        limit = "metadata.annotations: Too long: may not be more than 262144 bytes"
        self.check(annotations={"a": "x" * 262143})
        self.check(limit, annotations={"a": "x" * 262144})
        self.check(limit, annotations={"a": "é" * 131072})

    def test_what_is_right_in_one_place_is_judged_in_another(self) -> None:
        """
        A text that was found to be right is remembered, but only as what it was then.
        """
        for _ in range(2):
            self.assertEqual(faulty(labels={"a.b/c": "x"}, annotations={"A.b/c": "x"}), [])
            self.assertEqual(faulty(labels={"x": "a.b/c"}), ["metadata.labels"])
            self.assertEqual(faulty(labels={"A.b/c": "x"}), ["metadata.labels"])
            self.assertEqual(faulty(labels={"x": ""}), [])
            self.assertEqual(faulty(labels={"": "x"}), ["metadata.labels"] * 2)

    def test_many_texts_are_judged(self) -> None:
        """
        More different keys than are remembered, right and wrong ones in turn.
        """
        for number in range(5000):
            self.assertEqual(faulty(labels={f"a{number}": f"b{number}"}), [])
        for number in range(5000):
            self.assertEqual(faulty(labels={f"a{number}": f"b{number}-"}), ["metadata.labels"])

    def test_owners(self) -> None:
        """
        Whole references, one controller, no events.
        """
        path = "metadata.ownerReferences"
        self.check(
            f'{path}.apiVersion: Invalid value: "a/b/c": version must not be empty',
            f'{path}.kind: Invalid value: "": must not be empty',
            ownerReferences=[OWNER | {"apiVersion": "a/b/c", "kind": ""}],
        )
        event = '{"apiVersion":"v1","kind":"Event","name":"c","uid":"u","controller":false}'
        self.check(
            f"{path}: Invalid value: {event}: /v1, Kind=Event is disallowed from being an owner",
            ownerReferences=[OWNER | {"kind": "Event", "controller": False}],
        )
        one = '{"apiVersion":"v1","kind":"ConfigMap","name":"c","uid":"u","controller":true}'
        self.check(
            f"{path}: Invalid value: [{one},{one}]: Only one reference can have Controller set to true. "
            'Found "true" in references for ConfigMap/c and ConfigMap/c',
            ownerReferences=[OWNER | {"controller": True}] * 2,
        )

    def test_finalizers(self) -> None:
        """
        Qualified names, and not both ways to delete.
        """
        self.check(
            'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: '
            "finalizer orphan and foregroundDeletion cannot be both set",
            finalizers=["orphan", "foregroundDeletion"],
        )
        self.check(
            'metadata.finalizers: Invalid value: "/x": prefix part must be non-empty', finalizers=["/x"]
        )

    def test_managed_fields(self) -> None:
        """
        Two operations, one type of fields.
        """
        path = "metadata.managedFields[0]"
        self.check(
            f'{path}.operation: Invalid value: "": must be `Apply` or `Update`',
            f'{path}.fieldsType: Invalid value: "V2": must be `FieldsV1`',
            f"{path}.manager: Too long: may not be more than 128 bytes",
            f"{path}.subresource: Too long: may not be more than 256 bytes",
            managedFields=[{"fieldsType": "V2", "manager": "x" * 129, "subresource": "x" * 257}],
        )

    def test_generation_is_not_negative(self) -> None:
        """
        It counts from one.
        """
        self.check(
            "metadata.generation: Invalid value: -1: must be greater than or equal to 0", generation=-1
        )


class UpdateTests(SynchronousTestCase):
    """
    L{objectmeta.validate_metadata_update}, L{objectmeta.keep_system_fields}; contract 6.4, 6.7.
    """

    def test_some_members_are_fixed(self) -> None:
        """
        Each is told with the value that was sent.
        """
        old = {
            "name": "a",
            "namespace": "n",
            "uid": "u",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "generation": 2,
        }
        self.assertEqual(objectmeta.update_causes(old, old), [])
        new = {"name": "a", "uid": "v", "deletionTimestamp": "2026-01-02T03:04:05Z", "generation": 1}
        immutable = "field is immutable"
        self.assertEqual(
            texts(objectmeta.update_causes(new, old)),
            [
                "metadata.generation: Invalid value: 1: must not be decremented",
                f'metadata.namespace: Invalid value: "": {immutable}',
                f'metadata.uid: Invalid value: "v": {immutable}',
                f"metadata.creationTimestamp: Invalid value: null: {immutable}",
                f'metadata.deletionTimestamp: Invalid value: "2026-01-02T03:04:05Z": {immutable}',
            ],
        )

    def test_no_finalizers_come_to_what_goes(self) -> None:
        """
        Removing them is what updates are for then.
        """
        old = {"deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": ["a/b", "c/d"]}
        self.assertEqual(objectmeta.update_causes(old | {"finalizers": ["a/b"]}, old), [])
        self.assertEqual(
            texts(objectmeta.update_causes(old | {"finalizers": ["a/b", "y/z", "e/g"]}, old)),
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
                'deleted, found new finalizers []string{"e/g", "y/z"}'
            ],
        )

    def test_what_no_metadata_may_hold_is_told_before_the_change(self) -> None:
        """
        Finalizers too, which the change alone does not judge; some is told twice
        (C{validateCommonFields} in C{registry/rest/update.go}).
        """
        old = {"name": "a", "namespace": "n"}
        self.assertEqual(objectmeta.validate_metadata_update({**old, "labels": {"a": "b"}}, old, True), [])
        causes = objectmeta.validate_metadata_update({**old, "finalizers": [""]}, old, True)
        self.assertEqual({cause.field for cause in causes}, {"metadata.finalizers"})
        causes = objectmeta.validate_metadata_update({**old, "labels": {"a": "!"}}, old, True)
        self.assertEqual(len(causes), 2)

    def test_system_fields_are_kept(self) -> None:
        """
        Whatever the client left out or changed.
        """
        old = {
            "uid": "u",
            "creationTimestamp": "c",
            "deletionTimestamp": "d",
            "deletionGracePeriodSeconds": 0,
        }
        new: dict[str, Any] = {"name": "a", "selfLink": "x", "creationTimestamp": "e"}
        objectmeta.keep_system_fields(new, old)
        self.assertEqual(new, {"name": "a", **old})
        new = {"uid": "v", "deletionTimestamp": "d"}
        objectmeta.keep_system_fields(new, {"uid": "u"})
        self.assertEqual(new, {"uid": "v", "deletionTimestamp": "d"})


class WarningTests(SynchronousTestCase):
    """
    Contract 5.8, 13.18.
    """

    def test_new_finalizers_should_name_a_domain(self) -> None:
        """
        Those that were there before are not warned of again.
        """
        end = "to avoid accidental conflicts with other finalizer writers"
        self.assertEqual(
            objectmeta.finalizer_warnings(["x.y", "nofq", "a/b", "orphan", "old"], ["old"]),
            [
                f'metadata.finalizers: "nofq": prefer a domain-qualified finalizer name {end}',
                f'metadata.finalizers: "x.y": prefer a domain-qualified finalizer name including a path (/) {end}',
            ],
        )

    def test_many_owners_take_no_longer_each(self) -> None:
        """
        A body has room for tens of thousands.
        """
        owners = [OWNER | {"uid": str(number), "controller": True} for number in range(20_000)]
        started = process_time()
        self.assertEqual(objectmeta.deduplicate_owner_references({"ownerReferences": list(owners)}), [])
        metadata = {"name": "x", "ownerReferences": owners}
        causes = objectmeta.validate_metadata(metadata, False, name_is_dns_subdomain)
        self.assertLess(process_time() - started, 5)
        self.assertLess(len(causes), 20)

    def test_equal_owners_are_dropped(self) -> None:
        """
        Only those that are equal in all members.
        """
        metadata = {"ownerReferences": [OWNER, dict(OWNER), OWNER | {"name": "d"}]}
        (warning,) = objectmeta.deduplicate_owner_references(metadata)
        self.assertTrue(
            warning.startswith(".metadata.ownerReferences contains duplicate entries; API server")
        )
        self.assertTrue(warning.endswith("duplicate UID(s) observed: u"))
        self.assertEqual(metadata["ownerReferences"], [OWNER, OWNER | {"name": "d"}])
        self.assertEqual(objectmeta.deduplicate_owner_references(metadata), [])
