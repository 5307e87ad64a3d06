"""
CustomObjectsApi: lists, watches and the deletion of collections.
"""

from __future__ import annotations

from typing import Any

from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from tests.clients.python_kubernetes.support import MERGE, QUERIES, WIDGETS, api, create, status
from tests.clients.rules import GROUP, NAMESPACE, holds, raises, rule, same, widget


def watch_events(start: str, **selection: Any) -> list[tuple[str, Any]]:
    """
    What a watch of two seconds sends.
    """
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object, *QUERIES, resource_version=start, timeout_seconds=1, **selection
    )
    return [(event["type"], event["object"]) for event in stream]


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
    create("first-seen")
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        *QUERIES,
        field_selector="metadata.name=first-seen",
        timeout_seconds=10,
    )
    event = next(stream)
    same((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "first-seen"))
    api.patch_namespaced_custom_object_status(
        *QUERIES, "first-seen", {"status": {"phase": "error"}}, _content_type=MERGE
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
def a_collection_is_deleted_by_selector() -> None:
    api.delete_collection_namespaced_custom_object(*QUERIES, label_selector="set=pages")
    left = [one["metadata"]["name"] for one in api.list_namespaced_custom_object(*QUERIES)["items"]]
    holds(left and not any(name.startswith("page-") for name in left), left)


@rule
def all_namespaces_are_listed_at_once() -> None:
    found = api.list_custom_object_for_all_namespaces(GROUP, "v1alpha1", "queries")
    holds(NAMESPACE in {one["metadata"]["namespace"] for one in found["items"]}, found["metadata"])
