"""
CustomObjectsApi: what scripts and services do with one custom resource.
"""

from __future__ import annotations

import json

from kubernetes import client, utils
from kubernetes.client.exceptions import ApiException

from tests.clients.python_kubernetes.support import JSON, MERGE, PLATES, QUERIES, WIDGETS, api, create, status
from tests.clients.rules import GROUP, NAMESPACE, PROBE, holds, query, raises, rule, same, widget


@rule
def create_answers_with_metadata_and_defaults() -> None:
    made = create("first", labels={"app": "one"})
    same(made["spec"]["timeout"], "5m")
    same(made["metadata"]["generation"], 1)
    holds(made["metadata"]["uid"] and made["metadata"]["creationTimestamp"], made)
    same(api.get_namespaced_custom_object(*QUERIES, "first"), made)


@rule
def generate_name_names_the_object() -> None:
    body = query("")
    body["metadata"] = {"generateName": "made-"}
    name = api.create_namespaced_custom_object(*QUERIES, body)["metadata"]["name"]
    holds(name.startswith("made-") and len(name) == 10, name)


@rule
def a_dry_run_stores_nothing() -> None:
    made = api.create_namespaced_custom_object(*QUERIES, query("dry"), dry_run="All")
    same(made["metadata"]["name"], "dry")
    error = raises(ApiException, lambda: api.get_namespaced_custom_object(*QUERIES, "dry"))
    same(error.status, 404)


@rule
def a_second_create_is_already_exists() -> None:
    error = raises(ApiException, lambda: create("first"))
    same((error.status, error.reason), (409, "Conflict"))
    same(
        status(error),
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'queries.ark.mckinsey.com "first" already exists',
            "reason": "AlreadyExists",
            "details": {"name": "first", "group": GROUP, "kind": "queries"},
            "code": 409,
        },
    )


@rule
def a_missing_object_is_not_found() -> None:
    error = raises(ApiException, lambda: api.get_namespaced_custom_object(*QUERIES, "missing"))
    same((error.status, status(error)["reason"]), (404, "NotFound"))
    same(status(error)["message"], 'queries.ark.mckinsey.com "missing" not found')


@rule
def a_kind_that_is_not_served_is_a_plain_404() -> None:
    error = raises(ApiException, lambda: api.list_namespaced_custom_object(GROUP, "v9", NAMESPACE, "queries"))
    same((error.status, error.body.strip()), (404, "404 page not found"))


@rule
def an_invalid_object_has_a_cause_a_field() -> None:
    body = widget("wrong", "purple", size=11)
    error = raises(ApiException, lambda: api.create_namespaced_custom_object(*WIDGETS, body))
    causes = {one["field"]: one["reason"] for one in status(error)["details"]["causes"]}
    same(error.status, 422)
    same(causes, {"spec.color": "FieldValueNotSupported", "spec.size": "FieldValueInvalid"})


@rule
def strict_validation_refuses_unknown_fields() -> None:
    body = widget("strict", extra=1)
    call = lambda: api.create_namespaced_custom_object(*WIDGETS, body, field_validation="Strict")  # noqa: E731
    error = raises(ApiException, call)
    same(error.status, 400)
    holds('strict decoding error: unknown field "spec.extra"' in status(error)["message"], error.body)


@rule
def lenient_validation_warns_of_unknown_fields() -> None:
    answer = api.create_namespaced_custom_object_with_http_info(
        *WIDGETS, widget("warned", extra=1), field_validation="Warn"
    )
    headers = getattr(answer, "headers", None) or answer[2]
    same(headers.get("Warning"), r'299 - "unknown field \"spec.extra\""')
    holds("extra" not in api.get_namespaced_custom_object(*WIDGETS, "warned")["spec"])


@rule
def an_old_replace_conflicts_and_a_retry_gets_through() -> None:
    old = api.get_namespaced_custom_object(*QUERIES, "first")
    fresh = json.loads(json.dumps(old))
    fresh["spec"]["input"] = "Why is grass green?"
    same(api.replace_namespaced_custom_object(*QUERIES, "first", fresh)["metadata"]["generation"], 2)
    stale = json.loads(json.dumps(old))
    stale["spec"]["input"] = "Why is blood red?"
    error = raises(ApiException, lambda: api.replace_namespaced_custom_object(*QUERIES, "first", stale))
    same((error.status, status(error)["reason"]), (409, "Conflict"))
    holds("the object has been modified; please apply your changes" in status(error)["message"], error.body)
    tries = [stale, api.get_namespaced_custom_object(*QUERIES, "first")]
    utils.retry.retry_on_conflict(
        lambda: api.replace_namespaced_custom_object(*QUERIES, "first", tries.pop(0))
    )
    same(tries, [])


@rule
def a_replace_without_a_resource_version_is_invalid() -> None:
    body = query("first", "Unconditional?")
    error = raises(ApiException, lambda: api.replace_namespaced_custom_object(*QUERIES, "first", body))
    same((error.status, status(error)["details"]["causes"][0]["field"]), (422, "metadata.resourceVersion"))


@rule
def a_replace_that_changes_nothing_keeps_the_resource_version() -> None:
    before = api.get_namespaced_custom_object(*QUERIES, "first")
    after = api.replace_namespaced_custom_object(*QUERIES, "first", before)
    same(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"])


@rule
def a_merge_patch_removes_by_null() -> None:
    patch = {"metadata": {"labels": {"a": "1", "b": "2", "app": None}}, "spec": {"ttl": "1h"}}
    api.patch_namespaced_custom_object(*QUERIES, "first", patch)
    answer = api.patch_namespaced_custom_object(*QUERIES, "first", {"metadata": {"labels": {"a": None}}})
    same(answer["metadata"]["labels"], {"b": "2"})
    same(answer["spec"]["ttl"], "1h")


@rule
def a_json_patch_tests_replaces_and_adds() -> None:
    patch = [
        {"op": "test", "path": "/metadata/labels/b", "value": "2"},
        {"op": "replace", "path": "/spec/input", "value": "Patched?"},
        {"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}},
    ]
    answer = api.patch_namespaced_custom_object(*QUERIES, "first", patch, _content_type=JSON)
    same((answer["spec"]["input"], answer["metadata"]["annotations"]), ("Patched?", {"x": "y"}))


@rule
def a_json_patch_whose_test_fails_is_invalid() -> None:
    patch = [{"op": "test", "path": "/spec/input", "value": "Something else"}]
    error = raises(
        ApiException, lambda: api.patch_namespaced_custom_object(*QUERIES, "first", patch, _content_type=JSON)
    )
    same((error.status, status(error)["reason"]), (422, "Invalid"))


@rule
def a_strategic_patch_of_a_custom_resource_is_refused() -> None:
    kind = "application/strategic-merge-patch+json"
    error = raises(
        ApiException,
        lambda: api.patch_namespaced_custom_object(*QUERIES, "first", {"spec": {}}, _content_type=kind),
    )
    same((error.status, status(error)["reason"]), (415, "UnsupportedMediaType"))


@rule
def status_is_written_by_its_subresource_alone() -> None:
    patch = {"status": {"phase": "running"}, "spec": {"input": "Not by status"}}
    answer = api.patch_namespaced_custom_object_status(*QUERIES, "first", patch, _content_type=MERGE)
    same((answer["status"]["phase"], answer["spec"]["input"]), ("running", "Patched?"))
    answer["status"]["phase"] = "done"
    generation = answer["metadata"]["generation"]
    answer = api.replace_namespaced_custom_object_status(*QUERIES, "first", answer)
    same((answer["status"]["phase"], answer["metadata"]["generation"]), ("done", generation))
    same(api.get_namespaced_custom_object_status(*QUERIES, "first")["status"]["phase"], "done")


@rule
def a_write_of_the_object_leaves_its_status_alone() -> None:
    api.patch_namespaced_custom_object(*QUERIES, "first", {"status": {"phase": "error"}})
    same(api.get_namespaced_custom_object(*QUERIES, "first")["status"]["phase"], "done")


@rule
def scale_is_read_patched_and_replaced() -> None:
    api.create_namespaced_custom_object(*WIDGETS, widget("scaled", replicas=1))
    scale = api.get_namespaced_custom_object_scale(*WIDGETS, "scaled")
    same((scale["kind"], scale["apiVersion"], scale["spec"]), ("Scale", "autoscaling/v1", {"replicas": 1}))
    scale["spec"]["replicas"] = 2
    api.replace_namespaced_custom_object_scale(*WIDGETS, "scaled", scale)
    api.patch_namespaced_custom_object_scale(
        *WIDGETS, "scaled", {"spec": {"replicas": 3}}, _content_type=MERGE
    )
    same(api.get_namespaced_custom_object(*WIDGETS, "scaled")["spec"]["replicas"], 3)


@rule
def cluster_scoped_objects_have_calls_of_their_own() -> None:
    name = f"plate-{NAMESPACE}"
    body = {
        "apiVersion": f"{PROBE}/v1",
        "kind": "Plate",
        "metadata": {"name": name},
        "spec": {"text": "hello"},
    }
    made = api.create_cluster_custom_object(*PLATES, body)
    same(api.get_cluster_custom_object(*PLATES, name), made)
    made["spec"]["weight"] = 3
    same(api.replace_cluster_custom_object(*PLATES, name, made)["spec"]["weight"], 3)
    patched = api.patch_cluster_custom_object(*PLATES, name, {"spec": {"text": "bye"}})
    same(patched["spec"], {"text": "bye", "weight": 3})
    holds(name in [one["metadata"]["name"] for one in api.list_cluster_custom_object(*PLATES)["items"]])
    same(api.delete_cluster_custom_object(*PLATES, name)["status"], "Success")


@rule
def a_finalizer_holds_a_deleted_object() -> None:
    create("held", finalizers=["example.com/hold"])
    answer = api.delete_namespaced_custom_object(*QUERIES, "held")
    holds(answer["metadata"]["deletionTimestamp"], answer)
    same(answer["metadata"]["deletionGracePeriodSeconds"], 0)
    api.patch_namespaced_custom_object(*QUERIES, "held", {"metadata": {"finalizers": None}})
    same(raises(ApiException, lambda: api.get_namespaced_custom_object(*QUERIES, "held")).status, 404)


@rule
def preconditions_of_a_delete_hold() -> None:
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    call = lambda: api.delete_namespaced_custom_object(*QUERIES, "first", body=options)  # noqa: E731
    error = raises(ApiException, call)
    same(error.status, 409)
    holds("the UID in the precondition (another) does not match the UID in record" in error.body, error.body)


@rule
def delete_answers_with_the_uid() -> None:
    uid = api.get_namespaced_custom_object(*QUERIES, "first")["metadata"]["uid"]
    answer = api.delete_namespaced_custom_object(*QUERIES, "first", propagation_policy="Background")
    same((answer["kind"], answer["status"], answer["details"]["uid"]), ("Status", "Success", uid))
