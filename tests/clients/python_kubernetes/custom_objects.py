"""
CustomObjectsApi: what scripts and services do with custom resources.
"""

from __future__ import annotations

import json
from typing import Any

from kubernetes import client, config, utils, watch
from kubernetes.client.exceptions import ApiException

from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
    PROBE,
    holds,
    query,
    raises,
    rule,
    same,
    widget,
)

if KUBECONFIG:
    config.load_kube_config()
api = client.CustomObjectsApi()
QUERIES: tuple[Any, ...] = (GROUP, "v1alpha1", NAMESPACE, "queries")
WIDGETS: tuple[Any, ...] = (PROBE, "v1", NAMESPACE, "widgets")
PLATES: tuple[Any, ...] = (PROBE, "v1", "plates")
JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def create(name: str, **metadata: Any) -> dict[str, Any]:
    """
    A new Query.
    """
    return api.create_namespaced_custom_object(*QUERIES, query(name, **metadata))


def status(error: ApiException) -> dict[str, Any]:
    """
    The Status object of a refusal.
    """
    return json.loads(error.body)


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
def lists_come_in_pages_at_one_resource_version() -> None:
    for number in range(7):
        create(f"page-{number}", labels={"set": "pages"})
    names, versions, token = [], set(), None
    while True:
        page = api.list_namespaced_custom_object(
            *QUERIES, label_selector="set=pages", limit=3, _continue=token
        )
        names += [one["metadata"]["name"] for one in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        token = page["metadata"].get("continue")
        if not token:
            break
    same(names, [f"page-{number}" for number in range(7)])
    same(len(versions), 1)


@rule
def a_list_tells_how_many_remain() -> None:
    page = api.list_namespaced_custom_object(*QUERIES, limit=1)
    whole = api.list_namespaced_custom_object(*QUERIES)
    same(page["metadata"]["remainingItemCount"], len(whole["items"]) - 1)
    same((whole["kind"], whole["apiVersion"]), ("QueryList", f"{GROUP}/v1alpha1"))


@rule
def a_spoilt_continue_token_is_a_bad_request() -> None:
    call = lambda: api.list_namespaced_custom_object(*QUERIES, limit=1, _continue="spoilt")  # noqa: E731
    same(raises(ApiException, call).status, 400)


@rule
def label_selectors_know_every_operator() -> None:
    for name, labels in (("s1", {"tier": "a"}), ("s2", {"tier": "b"}), ("s3", {"tier": "c", "x": ""})):
        api.create_namespaced_custom_object(*WIDGETS, widget(name, labels={"set": "s", **labels}))

    def names(selector: str) -> list[str]:
        found = api.list_namespaced_custom_object(*WIDGETS, label_selector=f"set=s,{selector}")
        return [one["metadata"]["name"] for one in found["items"]]

    same(names("tier=a"), ["s1"])
    same(names("tier!=a"), ["s2", "s3"])
    same(names("tier in (a, b)"), ["s1", "s2"])
    same(names("tier notin (a,b)"), ["s3"])
    same((names("x"), names("!x")), (["s3"], ["s1", "s2"]))


@rule
def field_selectors_know_selectable_fields_alone() -> None:
    api.create_namespaced_custom_object(*WIDGETS, widget("blue", "blue"))
    found = api.list_namespaced_custom_object(*WIDGETS, field_selector="spec.color=blue")
    same([one["metadata"]["name"] for one in found["items"]], ["blue"])
    found = api.list_namespaced_custom_object(*WIDGETS, field_selector="metadata.name=blue,spec.color!=red")
    same(len(found["items"]), 1)
    call = lambda: api.list_namespaced_custom_object(*WIDGETS, field_selector="spec.note=x")  # noqa: E731
    error = raises(ApiException, call)
    same((error.status, status(error)["message"]), (400, "field label not supported: spec.note"))


@rule
def a_watch_without_a_resource_version_begins_with_the_object() -> None:
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        *QUERIES,
        field_selector="metadata.name=first",
        timeout_seconds=10,
    )
    event = next(stream)
    same((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "first"))
    api.patch_namespaced_custom_object_status(
        *QUERIES, "first", {"status": {"phase": "error"}}, _content_type=MERGE
    )
    event = next(stream)
    same((event["type"], event["object"]["status"]["phase"]), ("MODIFIED", "error"))
    stream.close()


@rule
def a_watch_resumes_and_misses_nothing() -> None:
    start = api.list_namespaced_custom_object(*QUERIES)["metadata"]["resourceVersion"]
    create("seen", labels={"watched": "yes"})
    api.patch_namespaced_custom_object(*QUERIES, "seen", {"spec": {"input": "Changed?"}})
    api.delete_namespaced_custom_object(*QUERIES, "seen")
    seen = watch_events(start, label_selector="watched=yes")
    same([kind for kind, _ in seen], ["ADDED", "MODIFIED", "DELETED"])
    middle = seen[0][1]["metadata"]["resourceVersion"]
    same(watch_events(middle, label_selector="watched=yes"), seen[1:])


@rule
def a_watched_selector_adds_and_deletes() -> None:
    start = create("moving")["metadata"]["resourceVersion"]
    api.patch_namespaced_custom_object(*QUERIES, "moving", {"metadata": {"labels": {"in": "yes"}}})
    api.patch_namespaced_custom_object(*QUERIES, "moving", {"spec": {"input": "Still in?"}})
    api.patch_namespaced_custom_object(*QUERIES, "moving", {"metadata": {"labels": None}})
    seen = watch_events(start, label_selector="in=yes")
    same([kind for kind, _ in seen], ["ADDED", "MODIFIED", "DELETED"])


@rule
def a_watch_ends_after_its_timeout() -> None:
    version = api.list_namespaced_custom_object(*QUERIES)["metadata"]["resourceVersion"]
    same(watch_events(version, label_selector="nothing=here"), [])


@rule
def apply_creates_merges_and_owns() -> None:
    body = widget("applied", size=4, ports=[{"name": "web", "port": 80}])
    first = apply(body, "one")
    entries = {one["manager"]: one for one in first["metadata"]["managedFields"]}
    same(entries["one"]["operation"], "Apply")
    holds("f:size" in entries["one"]["fieldsV1"]["f:spec"], entries["one"])
    second = apply(widget("applied", ports=[{"name": "ssh", "port": 22}]), "two")
    same([port["name"] for port in second["spec"]["ports"]], ["web", "ssh"])


@rule
def an_apply_conflicts_until_it_is_forced() -> None:
    error = raises(ApiException, lambda: apply(widget("applied", size=5), "two"))
    same((error.status, status(error)["reason"]), (409, "Conflict"))
    causes = status(error)["details"]["causes"]
    same(
        causes,
        [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.size"}],
    )
    same(apply(widget("applied", size=5), "two", force=True)["spec"]["size"], 5)


@rule
def an_apply_drops_what_it_no_longer_names() -> None:
    body = widget("applied")
    answer = apply(body, "two")
    same(answer["spec"]["size"], 3)  # the default is back
    same([port["name"] for port in answer["spec"]["ports"]], ["web"])
    same(apply(body, "two"), answer)


@rule
def status_is_applied_through_its_subresource() -> None:
    body = {**widget("applied"), "status": {"phase": "Ready", "observed": 1}}
    del body["spec"]
    answer = api.patch_namespaced_custom_object_status(
        *WIDGETS, "applied", body, field_manager="controller", force=True, _content_type=APPLY
    )
    same(answer["status"]["phase"], "Ready")
    entry = next(one for one in answer["metadata"]["managedFields"] if one["manager"] == "controller")
    same((entry["subresource"], entry["operation"]), ("status", "Apply"))


@rule
def an_apply_needs_a_field_manager() -> None:
    call = lambda: api.patch_namespaced_custom_object(  # noqa: E731
        *WIDGETS, "applied", widget("applied"), _content_type=APPLY
    )
    error = raises(ApiException, call)
    same((error.status, status(error)["details"]["causes"][0]["field"]), (422, "fieldManager"))


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


@rule
def a_collection_is_deleted_by_selector() -> None:
    api.delete_collection_namespaced_custom_object(*QUERIES, label_selector="set=pages")
    left = [one["metadata"]["name"] for one in api.list_namespaced_custom_object(*QUERIES)["items"]]
    holds(left and not any(name.startswith("page-") for name in left), left)


@rule
def all_namespaces_are_listed_at_once() -> None:
    found = api.list_custom_object_for_all_namespaces(GROUP, "v1alpha1", "queries")
    holds(NAMESPACE in {one["metadata"]["namespace"] for one in found["items"]}, found["metadata"])


def watch_events(start: str, **selection: Any) -> list[tuple[str, Any]]:
    """
    What a watch of two seconds sends.
    """
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object, *QUERIES, resource_version=start, timeout_seconds=1, **selection
    )
    return [(event["type"], event["object"]) for event in stream]


def apply(body: dict[str, Any], manager: str, force: bool = False) -> dict[str, Any]:
    """
    Apply a widget, and read it: this client knows no answer for the 201 of an apply that creates.
    """
    name = body["metadata"]["name"]
    api.patch_namespaced_custom_object(
        *WIDGETS, name, body, field_manager=manager, force=force, _content_type=APPLY
    )
    return api.get_namespaced_custom_object(*WIDGETS, name)
