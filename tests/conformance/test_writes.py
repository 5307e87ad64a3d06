"""
Objects that are created, changed and deleted: sections 5 to 10.
"""

from __future__ import annotations

from random import Random
from typing import Any

from ark.registry import creation
from tests.endpoints.support import BASE, WIDGETS, ServerTestCase

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"


class MetadataTests(ServerTestCase):
    """
    What metadata may hold.
    """

    def refused(self, code: int, **metadata: Any) -> dict[str, Any]:
        """
        The status of a creation with that metadata.
        """
        body = self.widget("a")
        body["metadata"].update(metadata)
        answer = self.request("POST", WIDGETS, body)
        self.assertEqual(answer.code, code, answer.body)
        status: dict[str, Any] = answer.json()
        return status

    def test_names_are_subdomains_and_namespaces_labels(self) -> None:
        """
        Contract 5.7.
        """
        self.assertIn(
            "a lowercase RFC 1123 subdomain must consist", self.refused(422, name="Bad_Name")["message"]
        )
        self.assertEqual(self.request("POST", WIDGETS, self.widget("a.b")).code, 201)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}
        status = self.status(self.request("POST", "/api/v1/namespaces", namespace), 422, "Invalid")
        self.assertIn("must not contain dots", status["message"])

    def test_labels_annotations_finalizers_and_owners_have_a_form(self) -> None:
        """
        Contract 5.8.
        """
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u", "controller": True}
        for field, metadata in (
            ("metadata.labels", {"labels": {"a": "not a value"}}),
            ("metadata.labels", {"labels": {"not a key": "a"}}),
            ("metadata.annotations", {"annotations": {"a": "x" * 262144}}),
            ("metadata.finalizers", {"finalizers": ["orphan", "foregroundDeletion"]}),
            ("metadata.ownerReferences", {"ownerReferences": [owner, {**owner, "uid": "v"}]}),
            ("metadata.ownerReferences.uid", {"ownerReferences": [{**owner, "uid": ""}]}),
        ):
            fields = {cause["field"] for cause in self.refused(422, **metadata)["details"]["causes"]}
            self.assertIn(field, fields)

    def test_finalizers_without_a_domain_are_warned_of(self) -> None:
        """
        Contract 5.8.
        """
        body = self.widget("a")
        body["metadata"]["finalizers"] = ["nofq"]
        warnings = self.request("POST", WIDGETS, body).header_values(b"warning")
        self.assertIn(b"prefer a domain-qualified finalizer name", warnings[0])

    def test_wrong_types_are_told_in_gos_words(self) -> None:
        """
        Contract 5.9.
        """
        message = self.refused(400, labels={"a": 5})["message"]
        self.assertIn("json: cannot unmarshal number into Go struct field ObjectMeta.", message)

    def test_equal_owners_are_dropped_with_a_warning(self) -> None:
        """
        Contract 13.18.
        """
        body = self.widget("a")
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}
        body["metadata"]["ownerReferences"] = [owner, dict(owner)]
        answer = self.request("POST", WIDGETS, body)
        self.assertEqual(answer.json()["metadata"]["ownerReferences"], [owner])
        self.assertIn(b"contains duplicate entries", answer.header_values(b"warning")[0])

    def test_block_owner_deletion_is_kept(self) -> None:
        """
        Contract 8.7.
        """
        body = self.widget("a")
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u", "blockOwnerDeletion": True}
        body["metadata"]["ownerReferences"] = [owner]
        self.assertEqual(self.request("POST", WIDGETS, body).json()["metadata"]["ownerReferences"], [owner])


class Loaded(Random):
    """
    Chance that makes the names that are wanted, and the last of them for ever.
    """

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = list(names)

    def choices(self, *_what: Any, **_how: Any) -> list[str]:
        """
        The letters of the next name.
        """
        return list(self.names.pop(0) if len(self.names) > 1 else self.names[0])


class NameTests(ServerTestCase):
    """
    Names that are taken.
    """

    def generated(self) -> Any:
        """
        The answer to a creation whose name is left to the server.
        """
        body = self.widget("")
        body["metadata"] = {"generateName": "w-"}
        return self.request("POST", WIDGETS, body)

    def test_another_name_is_made_where_one_is_taken(self) -> None:
        """
        Contract 5.5: eight times.
        """
        for name in ("w-bbbbb", "w-ccccc"):
            self.create(name)
        self.patch(creation, "_random", Loaded("bbbbb", "ccccc", "ddddd"))
        self.assertEqual(self.generated().json()["metadata"]["name"], "w-ddddd")
        seven = ["bbbbb"] * 7
        self.patch(creation, "_random", Loaded(*seven, "fffff"))
        self.assertEqual(self.generated().json()["metadata"]["name"], "w-fffff")
        self.patch(creation, "_random", Loaded(*seven, "ccccc", "ggggg"))
        answer = self.generated()
        status = self.status(answer, 409, "AlreadyExists")
        self.assertIn("was not able to generate a unique name for the object", status["message"])
        self.assertEqual(status["details"]["retryAfterSeconds"], 1)
        self.assertEqual(answer.header(b"retry-after"), b"1")

    def test_what_is_going_still_has_its_name(self) -> None:
        """
        Contract 5.6.
        """
        body = self.widget("a")
        body["metadata"]["finalizers"] = ["example.com/f"]
        self.request("POST", WIDGETS, body)
        self.request("DELETE", f"{WIDGETS}/a")
        status = self.status(self.request("POST", WIDGETS, self.widget("a")), 409, "AlreadyExists")
        self.assertTrue(status["message"].startswith("object is being deleted: widgets."), status)

    def test_a_held_object_is_told_of_when_it_is_marked_and_when_it_goes(self) -> None:
        """
        Contract 6.7 and 8.4: taking the last finalizer off is no change of its own, and the deletion has a
        revision of its own.
        """
        body = self.widget("a")
        body["metadata"]["finalizers"] = ["example.com/f"]
        made = self.request("POST", WIDGETS, body).json()["metadata"]["resourceVersion"]
        watch = self.request("GET", f"{WIDGETS}?watch=1&resourceVersion={made}")
        marked = self.request("DELETE", f"{WIDGETS}/a").json()
        freed = {"metadata": {"finalizers": None}}
        self.request("PATCH", f"{WIDGETS}/a", freed, content_type=MERGE)
        changed, deleted = watch.events()
        self.assertEqual((changed["type"], changed["object"]), ("MODIFIED", marked))
        self.assertEqual(deleted["type"], "DELETED")
        revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in (changed, deleted)]
        self.assertEqual(revisions[1], revisions[0] + 1)


class ChangeTests(ServerTestCase):
    """
    Updates and patches.
    """

    def patch(self, patch: Any, target: str = f"{WIDGETS}/a", media_type: str = MERGE) -> Any:
        """
        The answer to a patch.
        """
        return self.request("PATCH", target, patch, content_type=media_type)

    def test_system_fields_are_kept(self) -> None:
        """
        Contract 6.4: of the uid and of a deletion a patch says something that is told.
        """
        obj = self.create("a")
        changed = {
            **obj,
            "metadata": {**obj["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7},
        }
        metadata = self.request("PUT", f"{WIDGETS}/a", changed).json()["metadata"]
        for member in ("creationTimestamp", "generation", "uid"):
            self.assertEqual(metadata[member], obj["metadata"][member])
        cleared = self.patch({"metadata": {"uid": None}})
        self.assertEqual(cleared.json()["metadata"]["uid"], obj["metadata"]["uid"])
        status = self.status(
            self.patch({"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}), 422, "Invalid"
        )
        self.assertEqual(status["details"]["causes"][0]["field"], "metadata.deletionTimestamp")

    def test_a_merge_patch_is_an_object(self) -> None:
        """
        Contract 7.3.
        """
        self.create("a")
        for patch in (b"[]", b"{", b"null"):
            self.status(self.patch(patch), 400, "BadRequest")

    def test_force_is_for_apply_and_apply_names_its_manager(self) -> None:
        """
        Contract 7.7.
        """
        self.create("a")
        status = self.status(self.patch({}, f"{WIDGETS}/a?force=true"), 422, "Invalid")
        self.assertIn("may not be specified for non-apply patch", status["message"])
        status = self.status(
            self.patch(self.widget("a"), media_type="application/apply-patch+yaml"), 422, "Invalid"
        )
        self.assertIn("fieldManager: Required value: is required for apply patch", status["message"])

    def test_options_are_validated(self) -> None:
        """
        Contract 7.8.
        """
        for query, kind, said in (
            ("dryRun=Maybe", "PatchOptions", 'dryRun: Unsupported value: ["Maybe"]: supported values: "All"'),
            (
                f"fieldManager={'x' * 129}",
                "PatchOptions",
                "fieldManager: Too long: may not be more than 128 bytes",
            ),
            ("fieldValidation=Loud", "PatchOptions", "fieldValidation: Unsupported value"),
        ):
            status = self.status(self.patch({}, f"{WIDGETS}/a?{query}"), 422, "Invalid")
            self.assertIn(said, status["message"])
            self.assertEqual((status["details"]["kind"], status["details"]["group"]), (kind, "meta.k8s.io"))

    def test_options_that_are_off_are_ignored(self) -> None:
        """
        Contract 8.8.
        """
        self.create("a")
        options = {"ignoreStoreReadErrorWithClusterBreakingPotential": False}
        self.assertEqual(self.request("DELETE", f"{WIDGETS}/a", options).code, 200)

    def test_unknown_fields_go_at_every_depth(self) -> None:
        """
        Contract 9.2: but below what preserves them.
        """
        body = self.widget("a", free={"any": {"thing": 1}}, bogus={"deep": 1})
        body["more"] = 1
        body["metadata"]["strange"] = 1
        created = self.request("POST", WIDGETS, body).json()
        self.assertEqual(created["spec"], {"free": {"any": {"thing": 1}}, "size": 3})
        self.assertEqual({"more", "strange"} & {*created, *created["metadata"]}, set())

    def test_apply_refuses_unknown_fields_always(self) -> None:
        """
        Contract 9.4 and 13.10.
        """
        for validation in ("Ignore", "Warn", "Strict"):
            answer = self.patch(
                self.widget("a", bogus=1),
                f"{WIDGETS}/a?fieldManager=m&fieldValidation={validation}",
                "application/apply-patch+yaml",
            )
            self.assertIn(".spec.bogus: field not declared in schema", answer.json()["message"])
            self.assertGreaterEqual(answer.code, 400)

    def test_members_may_come_in_any_order(self) -> None:
        """
        Contract 9.5: the kind first or last, an object is the same.
        """
        body = (
            b'{"spec":{"size":4},"metadata":{"name":"a"},"kind":"Widget","apiVersion":"probe.example.com/v1"}'
        )
        self.assertEqual(self.request("POST", WIDGETS, body).json()["spec"], {"size": 4})


class AdmissionOrderTests(ServerTestCase):
    """
    What comes before what.
    """

    def test_faults_are_told_behind_the_namespace(self) -> None:
        """
        Contract 5.11: decoding, then admission (a namespace has to exist), then the schema.
        """
        bad = self.widget("a", size=99)
        nowhere = f"{BASE}/namespaces/nope/widgets"
        self.status(
            self.request("POST", f"{nowhere}?fieldValidation=Strict", self.widget("a", x=1)),
            400,
            "BadRequest",
        )
        self.status(self.request("POST", nowhere, bad), 404, "NotFound")
        self.status(self.request("POST", WIDGETS, bad), 422, "Invalid")


class StatusSubresourceTests(ServerTestCase):
    """
    Writes to C{/status}.
    """

    def test_an_update_needs_a_revision_and_counts_no_generation(self) -> None:
        """
        Contract 10.2: and apply creates nothing there.
        """
        obj = self.create("a")
        obj["status"] = {"phase": "done"}
        done = self.request("PUT", f"{WIDGETS}/a/status", obj).json()
        self.assertEqual((done["status"], done["metadata"]["generation"]), ({"phase": "done"}, 1))
        del obj["metadata"]["resourceVersion"]
        self.status(self.request("PUT", f"{WIDGETS}/a/status", obj), 422, "Invalid")
        body = {**self.widget("zz"), "status": {"phase": "x"}}
        answer = self.request(
            "PATCH", f"{WIDGETS}/zz/status?fieldManager=m", body, content_type="application/apply-patch+yaml"
        )
        self.status(answer, 404, "NotFound")

    def test_the_schema_counts(self) -> None:
        """
        Contract 10.3.
        """
        self.create("a")
        answer = self.request("PATCH", f"{WIDGETS}/a/status", {"status": {"phase": 1}}, content_type=MERGE)
        status = self.status(answer, 422, "Invalid")
        self.assertEqual(status["details"]["causes"][0]["field"], "status.phase")
