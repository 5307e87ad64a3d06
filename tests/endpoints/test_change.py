"""
PUT, PATCH and DELETE: contract sections 6, 7, 8 and 10.
"""

from __future__ import annotations

from time import process_time
from typing import Any

from ark.testing import Answer
from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"


class UpdateTests(ServerTestCase):
    """
    PUT.
    """

    def test_a_change_counts_revision_and_generation(self) -> None:
        """
        6.1 and 6.5.
        """
        obj = self.create(color="red")
        obj["spec"]["color"] = "blue"
        answer = self.request("PUT", f"{WIDGETS}/w", obj)
        self.assertEqual(answer.code, 200, answer.body)
        metadata = answer.json()["metadata"]
        self.assertEqual(metadata["generation"], 2)
        self.assertGreater(int(metadata["resourceVersion"]), int(obj["metadata"]["resourceVersion"]))

    def test_metadata_does_not_count_for_the_generation(self) -> None:
        """
        6.5.
        """
        obj = self.create()
        obj["metadata"]["labels"] = {"a": "b"}
        self.assertEqual(self.request("PUT", f"{WIDGETS}/w", obj).json()["metadata"]["generation"], 1)

    def test_nothing_changed_writes_nothing(self) -> None:
        """
        6.6: the revision stays.
        """
        obj = self.create()
        before = self.server.cacher.revision
        answer = self.request("PUT", f"{WIDGETS}/w", obj)
        self.assertEqual(answer.json(), obj)
        self.assertEqual(self.server.cacher.revision, before)

    def test_true_is_not_one(self) -> None:
        """
        A change of type is a change.
        """
        obj = self.create(free={"a": 1})
        obj["spec"]["free"]["a"] = True
        answer = self.request("PUT", f"{WIDGETS}/w", obj)
        self.assertIs(answer.json()["spec"]["free"]["a"], True)
        self.assertNotEqual(answer.json()["metadata"]["resourceVersion"], obj["metadata"]["resourceVersion"])

    def test_an_old_revision_is_409_and_none_is_422(self) -> None:
        """
        6.1 and 6.2.
        """
        obj = self.create()
        changed = {**obj, "spec": {"size": 4}}
        self.assertEqual(self.request("PUT", f"{WIDGETS}/w", changed).code, 200)
        status = self.status(self.request("PUT", f"{WIDGETS}/w", changed), 409, "Conflict")
        self.assertIn("the object has been modified", status["message"])
        del changed["metadata"]["resourceVersion"]
        status = self.status(self.request("PUT", f"{WIDGETS}/w", changed), 422, "Invalid")
        self.assertIn("must be specified for an update", status["message"])

    def test_the_name_is_the_paths_and_the_uid_the_objects(self) -> None:
        """
        6.2 and 6.3.
        """
        obj = self.create()
        self.status(self.request("PUT", f"{WIDGETS}/other", obj), 400, "BadRequest")
        other = {**obj, "metadata": {**obj["metadata"], "uid": "x"}}
        self.status(self.request("PUT", f"{WIDGETS}/w", other), 409, "Conflict")

    def test_what_is_missing_is_404(self) -> None:
        """
        6.1: custom resources are not created by PUT.
        """
        body = self.widget()
        body["metadata"]["resourceVersion"] = "1"
        self.status(self.request("PUT", f"{WIDGETS}/w", body), 404, "NotFound")

    def test_status_is_written_by_its_own_path_only(self) -> None:
        """
        10.1: neither path takes what is the other's.
        """
        obj = self.create(color="red")
        both = {**obj, "spec": {"size": 9}, "status": {"phase": "done"}}
        both["metadata"] = {**obj["metadata"], "labels": {"a": "b"}}
        answer = self.request("PUT", f"{WIDGETS}/w/status", both)
        self.assertEqual(answer.code, 200, answer.body)
        stored = answer.json()
        self.assertEqual(stored["status"], {"phase": "done"})
        self.assertEqual(stored["spec"], obj["spec"])
        self.assertNotIn("labels", stored["metadata"])
        self.assertEqual(stored["metadata"]["generation"], 1)
        stored["status"] = {"phase": "changed"}
        stored["spec"]["size"] = 5
        main = self.request("PUT", f"{WIDGETS}/w", stored).json()
        self.assertEqual((main["status"], main["spec"]["size"]), ({"phase": "done"}, 5))


class PatchTests(ServerTestCase):
    """
    PATCH.
    """

    def patch(self, body: Any, type: str = MERGE, target: str = f"{WIDGETS}/w") -> Answer:
        """
        Send a patch.
        """
        return self.request("PATCH", target, body, content_type=type)

    def test_merge_patch_changes_and_removes(self) -> None:
        """
        7.1, RFC 7386.
        """
        self.create(color="red", size=5)
        answer = self.patch({"spec": {"color": None, "size": 6}, "metadata": {"labels": {"a": "b"}}})
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual(answer.json()["spec"], {"size": 6})
        self.assertEqual(answer.json()["metadata"]["labels"], {"a": "b"})

    def test_json_patch_works_and_fails_as_a_whole(self) -> None:
        """
        7.4.
        """
        self.create(color="red")
        answer = self.patch([{"op": "replace", "path": "/spec/color", "value": "blue"}], JSON)
        self.assertEqual(answer.json()["spec"]["color"], "blue")
        failed = self.patch([{"op": "test", "path": "/spec/color", "value": "red"}], JSON)
        self.status(failed, 422, "Invalid")
        self.status(self.patch({"op": "add"}, JSON), 400, "BadRequest")

    def test_only_strict_decoding_asks_for_texts_in_operations(self) -> None:
        """
        7.4: without it what cannot be read as an operation is one that fails.
        """
        self.create(color="red")
        ignoring = f"{WIDGETS}/w?fieldValidation=Ignore"
        operations: tuple[Any, ...] = (
            {"op": 5, "path": "/spec/color", "value": 1},
            {"op": ["add"], "path": "/spec/color"},
            {"op": "add", "path": 5, "value": 1},
            {"op": "add", "path": {}, "value": 1},
            {"op": "copy", "path": "/spec/color", "from": []},
        )
        for operation in operations:
            self.status(self.patch([operation], JSON), 400, "BadRequest")
            self.status(self.patch([operation], JSON, ignoring), 422, "Invalid")
        for target in (ignoring, f"{WIDGETS}/w"):
            self.status(self.patch([None], JSON, target), 422, "Invalid")
            for patch in ([5], {}, "x"):
                self.status(self.patch(patch, JSON, target), 400, "BadRequest")
        kept = {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}, "from": 7}
        self.assertEqual(self.patch([kept], JSON, ignoring).json()["metadata"]["labels"], {"a": "b"})

    def test_other_types_are_415_and_listed(self) -> None:
        """
        7.1: also a strategic merge patch.
        """
        self.create()
        for type in ("application/strategic-merge-patch+json", "application/json", ""):
            status = self.status(self.patch({}, type), 415, "UnsupportedMediaType")
            self.assertIn(f"{JSON}, {MERGE}", status["message"])

    def test_a_revision_in_the_patch_is_a_precondition(self) -> None:
        """
        7.5.
        """
        self.create()
        self.status(self.patch({"metadata": {"resourceVersion": "1"}, "spec": {"size": 1}}), 409, "Conflict")
        self.assertEqual(self.patch({"spec": {"size": 1}}).code, 200)

    def test_the_result_is_validated(self) -> None:
        """
        7.5.
        """
        self.create()
        self.status(self.patch({"spec": {"size": 11}}), 422, "Invalid")

    def test_objects_do_not_grow_without_end(self) -> None:
        """
        One patch after the other, each no larger than a request may be.
        """
        self.create()
        for number in range(4):
            answer = self.patch({"spec": {"free": {f"part{number}": "x" * 2_900_000}}})
            self.assertEqual(answer.code, 200, number)
        status = self.status(
            self.patch({"spec": {"free": {"more": "x" * 2_900_000}}}), 413, "RequestEntityTooLarge"
        )
        self.assertEqual(status["message"], "Request entity too large: limit is 12582912")
        self.assertEqual(self.patch({"spec": {"free": {"part0": None}}}).code, 200)
        self.assertEqual(self.patch({"spec": {"free": {"more": "x" * 2_000_000}}}).code, 200)
        self.assertEqual(self.request("DELETE", f"{WIDGETS}/w").code, 200)

    def claimed(self, *managers: str) -> Any:
        """
        What a dry run answers to an object that says that these have changed it, one each second.
        """
        widget = self.widget()
        widget["metadata"]["managedFields"] = [
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": f"{GROUP}/v1",
                "time": f"2026-01-01T{index // 3600:02}:{index // 60 % 60:02}:{index % 60:02}Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:free": {f"f:x{index}": {}}}},
            }
            for index, manager in enumerate(managers)
        ]
        answer = self.request("POST", f"{WIDGETS}?dryRun=All", widget)
        self.assertEqual(answer.code, 201, answer.body)
        return answer.json()["metadata"]["managedFields"]

    def test_many_owners_take_no_longer_each(self) -> None:
        """
        A body has room for ten thousand that are put together.
        """
        started = process_time()
        entries = self.claimed(*(f"m{number}" for number in range(8000)))
        self.assertLess(process_time() - started, 8)
        self.assertEqual(len(entries), 10)
        self.assertEqual(len(entries[0]["fieldsV1"]["f:spec"]["f:free"]), 7991)

    def test_what_was_put_together_comes_when_it_may(self) -> None:
        """
        Its time is a client's choice, too.
        """
        names = [f"m{number}" for number in range(16)]
        for place in range(16):
            entries = self.claimed(*names[:place], "ancient-changes", *names[place:])
            self.assertLess(len(entries), 12, place)
            parts = [entry["fieldsV1"]["f:spec"].get("f:free", {}) for entry in entries]
            fields = {name for part in parts for name in part} - {"."}
            self.assertEqual(fields, {f"f:x{number}" for number in range(17)})

    def test_nothing_patched_writes_nothing(self) -> None:
        """
        6.6.
        """
        obj = self.create()
        self.assertEqual(self.patch({}).json(), obj)

    def test_what_is_missing_is_404(self) -> None:
        """
        7.2.
        """
        self.status(self.patch({}), 404, "NotFound")

    def test_status_patches_change_the_status_only(self) -> None:
        """
        10.1.
        """
        self.create(color="red")
        patch = {"status": {"phase": "x"}, "spec": {"color": "blue"}}
        answer = self.patch(patch, target=f"{WIDGETS}/w/status")
        self.assertEqual((answer.json()["status"], answer.json()["spec"]["color"]), ({"phase": "x"}, "red"))

    def test_strict_validation_refuses_unknown_fields(self) -> None:
        """
        7.6.
        """
        self.create()
        answer = self.patch({"spec": {"zork": 1}}, target=f"{WIDGETS}/w?fieldValidation=Strict")
        status = self.status(answer, 422, "Invalid")
        self.assertIn('strict decoding error: unknown field "spec.zork"', status["message"])

    def test_core_kinds_take_strategic_merge_patches(self) -> None:
        """
        kubectl apply sends them for the kinds that it knows.
        """
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "stringData": {"a": "1", "b": "2"},
        }
        target = "/api/v1/namespaces/default/secrets"
        created = self.request("POST", target, secret)
        self.assertEqual(created.code, 201, created.body)
        self.assertEqual(created.json()["data"], {"a": "MQ==", "b": "Mg=="})
        patched = self.patch({"data": {"a": None}}, "application/strategic-merge-patch+json", f"{target}/s")
        self.assertEqual(patched.json()["data"], {"b": "Mg=="})


class DeleteTests(ServerTestCase):
    """
    DELETE of an object and of a collection.
    """

    def test_answers_with_a_status(self) -> None:
        """
        2.6 and 8.1.
        """
        obj = self.create()
        answer = self.request("DELETE", f"{WIDGETS}/w")
        self.assertEqual(answer.code, 200)
        self.assertEqual(
            answer.json(),
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": {"name": "w", "group": GROUP, "kind": "widgets", "uid": obj["metadata"]["uid"]},
            },
        )
        self.status(self.request("GET", f"{WIDGETS}/w"), 404, "NotFound")
        self.status(self.request("DELETE", f"{WIDGETS}/w"), 404, "NotFound")

    def test_finalizers_hold_an_object_back(self) -> None:
        """
        8.4 and 6.7.
        """
        body = self.widget()
        body["metadata"]["finalizers"] = ["example.com/f"]
        self.request("POST", WIDGETS, body)
        marked = self.request("DELETE", f"{WIDGETS}/w").json()
        self.assertEqual(marked["metadata"]["generation"], 2)
        self.assertEqual(marked["metadata"]["deletionGracePeriodSeconds"], 0)
        self.assertIn("deletionTimestamp", marked["metadata"])
        again = self.request("DELETE", f"{WIDGETS}/w").json()
        self.assertEqual(again, marked)
        more = {
            **marked,
            "metadata": {**marked["metadata"], "finalizers": ["example.com/f", "example.com/g"]},
        }
        self.status(self.request("PUT", f"{WIDGETS}/w", more), 422, "Invalid")
        done = {**marked, "metadata": {**marked["metadata"], "finalizers": []}}
        answer = self.request("PUT", f"{WIDGETS}/w", done)
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual(answer.json()["metadata"]["resourceVersion"], marked["metadata"]["resourceVersion"])
        self.status(self.request("GET", f"{WIDGETS}/w"), 404, "NotFound")

    def test_preconditions_are_checked(self) -> None:
        """
        8.2.
        """
        obj = self.create()
        status = self.status(
            self.request("DELETE", f"{WIDGETS}/w", {"preconditions": {"uid": "x"}}), 409, "Conflict"
        )
        self.assertIn(f"does not match the UID in record ({obj['metadata']['uid']})", status["message"])
        self.status(
            self.request("DELETE", f"{WIDGETS}/w", {"preconditions": {"resourceVersion": "1"}}),
            409,
            "Conflict",
        )
        right = {"preconditions": {"uid": obj["metadata"]["uid"]}}
        self.assertEqual(self.request("DELETE", f"{WIDGETS}/w", right).code, 200)

    def test_propagation_becomes_a_finalizer(self) -> None:
        """
        8.3.
        """
        for policy, finalizer in (("Orphan", "orphan"), ("Foreground", "foregroundDeletion")):
            name = policy.lower()
            self.create(name)
            answer = self.request("DELETE", f"{WIDGETS}/{name}?propagationPolicy={policy}")
            self.assertEqual(answer.json()["metadata"]["finalizers"], [finalizer])
        self.status(self.request("DELETE", f"{WIDGETS}/orphan?propagationPolicy=Bogus"), 422, "Invalid")

    def test_dry_run_deletes_nothing(self) -> None:
        """
        8.9.
        """
        self.create()
        self.assertEqual(self.request("DELETE", f"{WIDGETS}/w?dryRun=All").json()["status"], "Success")
        self.assertEqual(self.request("GET", f"{WIDGETS}/w").code, 200)

    def test_a_collection_goes_by_selector_and_answers_with_its_list(self) -> None:
        """
        8.5.
        """
        for name in ("a", "b", "c"):
            self.create(name, color="red" if name != "b" else "blue")
        answer = self.request("DELETE", f"{WIDGETS}?fieldSelector=spec.color=red")
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual([item["metadata"]["name"] for item in answer.json()["items"]], ["a", "c"])
        left = self.request("GET", WIDGETS).json()["items"]
        self.assertEqual([item["metadata"]["name"] for item in left], ["b"])


class NamespaceTests(ServerTestCase):
    """
    Namespaces go in two steps (contract 21.1).
    """

    def test_a_deleted_namespace_terminates_until_it_is_finalized(self) -> None:
        """
        Deletion marks it; C{/finalize} with no finalizers takes it away.
        """
        self.server.create_namespace("going")
        target = "/api/v1/namespaces/going"
        marked = self.request("DELETE", target).json()
        self.assertEqual(marked["status"]["phase"], "Terminating")
        self.assertIn("deletionTimestamp", marked["metadata"])
        refused = self.request("POST", WIDGETS.replace("default", "going"), self.widget())
        self.assertIn("because it is being terminated", self.status(refused, 403, "Forbidden")["message"])
        marked["spec"] = {"finalizers": []}
        self.assertEqual(self.request("PUT", f"{target}/finalize", marked).code, 200)
        self.status(self.request("GET", target), 404, "NotFound")

    def test_an_update_does_not_finalize(self) -> None:
        """
        C{spec.finalizers} is for C{/finalize} alone.
        """
        self.server.create_namespace("staying")
        target = "/api/v1/namespaces/staying"
        namespace = self.request("GET", target).json()
        namespace["spec"] = {}
        self.assertEqual(
            self.request("PUT", target, namespace).json()["spec"], {"finalizers": ["kubernetes"]}
        )

    def test_what_finalizes_is_an_update(self) -> None:
        """
        As discovery says: C{/finalize} is neither read nor patched.
        """
        target = "/api/v1/namespaces/default/finalize"
        self.status(self.request("GET", target), 405, "MethodNotAllowed")
        patch = {"spec": {"finalizers": []}}
        answer = self.request("PATCH", target, patch, content_type="application/merge-patch+json")
        self.status(answer, 405, "MethodNotAllowed")

    def test_the_first_namespace_stays(self) -> None:
        """
        C{default} may not be deleted.
        """
        self.status(self.request("DELETE", "/api/v1/namespaces/default"), 403, "Forbidden")
