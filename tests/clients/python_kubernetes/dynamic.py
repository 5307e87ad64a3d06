"""
DynamicClient: discovery, and every verb on kinds that nobody generated a client for.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.discovery import EagerDiscoverer
from kubernetes.dynamic.exceptions import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    ResourceNotFoundError,
    UnprocessibleEntityError,
)

from tests.clients.rules import GROUP, NAMESPACE, PROBE, closing, holds, query, raises, rule, same, widget

folder = tempfile.TemporaryDirectory()
closing.callback(folder.cleanup)
MERGE = "application/merge-patch+json"


@cache
def api_client() -> client.ApiClient:
    """
    The connections.
    """
    return config.new_client_from_config()


@cache
def dynamic() -> DynamicClient:
    """
    The client, which asks for the groups as soon as it is made.
    """
    return DynamicClient(api_client(), cache_file=str(Path(folder.name) / "lazy.json"))


def kind(name: str, group_version: str = f"{GROUP}/v1alpha1") -> Any:
    """
    A kind as discovery knows it.
    """
    return dynamic().resources.get(api_version=group_version, kind=name)


@rule
def discovery_knows_scope_names_verbs_and_subresources() -> None:
    found = kind("Query")
    same((found.group, found.api_version, found.name, found.namespaced), (GROUP, "v1alpha1", "queries", True))
    for verb in ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"):
        holds(verb in found.verbs, found.verbs)
    same(sorted(found.subresources), ["status"])
    same(sorted(kind("Widget", f"{PROBE}/v1").subresources), ["scale", "status"])
    same(kind("Plate", f"{PROBE}/v1").namespaced, False)


@rule
def discovery_searches_and_says_when_there_is_none() -> None:
    found = dynamic().resources.search(group=PROBE, name="widgets", api_version="v1")
    same([(one.kind, one.short_names) for one in found if one.kind == "Widget"], [("Widget", ["wd", "wdg"])])
    raises(ResourceNotFoundError, lambda: kind("Unicorn"))


@rule
def an_eager_discoverer_reads_every_group() -> None:
    eager = DynamicClient(
        api_client(), cache_file=str(Path(folder.name) / "eager.json"), discoverer=EagerDiscoverer
    )
    groups = eager.resources.api_groups
    holds(GROUP in str(groups) and PROBE in str(groups), groups)
    same(eager.resources.get(api_version="v1", kind="ConfigMap").name, "configmaps")


@rule
def the_version_is_told() -> None:
    version = dynamic().version["kubernetes"]
    holds(version["major"] == "1" and version["gitVersion"].startswith("v1."), version)


@rule
def a_dynamic_resource_is_written_and_read() -> None:
    queries = kind("Query")
    made = queries.create(query("dyn", labels={"app": "dyn"}), namespace=NAMESPACE)
    same(made.metadata.generation, 1)
    same(queries.get(name="dyn", namespace=NAMESPACE).to_dict(), made.to_dict())
    listed = queries.get(namespace=NAMESPACE, label_selector="app=dyn")
    same([one.metadata.name for one in listed.items], ["dyn"])
    body = made.to_dict()
    body["spec"]["input"] = "Replaced?"
    same(queries.replace(body=body, namespace=NAMESPACE).spec.input, "Replaced?")
    raises(ConflictError, lambda: queries.replace(body=made.to_dict(), namespace=NAMESPACE))
    same(queries.delete(name="dyn", namespace=NAMESPACE).status, "Success")
    raises(NotFoundError, lambda: queries.get(name="dyn", namespace=NAMESPACE))


@rule
def dynamic_lists_go_by_namespace_page_and_version() -> None:
    queries = kind("Query")
    for number in range(3):
        queries.create(query(f"many-{number}", labels={"app": "many"}), namespace=NAMESPACE)
    first = queries.get(namespace=NAMESPACE, label_selector="app=many", limit=2)
    same(len(first.items), 2)
    rest = queries.get(
        namespace=NAMESPACE, label_selector="app=many", limit=2, _continue=first.metadata["continue"]
    )
    same([one.metadata.name for one in rest.items], ["many-2"])
    same(rest.metadata.resourceVersion, first.metadata.resourceVersion)
    same(len(queries.get(label_selector="app=many").items), 3)
    queries.create(query("many-3", labels={"app": "many"}), namespace=NAMESPACE)
    exact = queries.get(
        namespace=NAMESPACE,
        label_selector="app=many",
        resource_version=first.metadata.resourceVersion,
        resource_version_match="Exact",
    )
    same(len(exact.items), 3)


@rule
def every_patch_type_has_its_content_type() -> None:
    queries = kind("Query")
    merged = queries.patch(
        body={"metadata": {"labels": {"x": "y"}}}, name="many-0", namespace=NAMESPACE, content_type=MERGE
    )
    same(merged.metadata.labels.to_dict(), {"app": "many", "x": "y"})
    steps = [{"op": "remove", "path": "/metadata/labels/x"}]
    patched = dynamic().request(
        "patch",
        queries.path(name="many-0", namespace=NAMESPACE),
        body=steps,
        content_type="application/json-patch+json",
    )
    same(patched.metadata.labels.to_dict(), {"app": "many"})
    maps = kind("ConfigMap", "v1")
    maps.create({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "dyn"}}, namespace=NAMESPACE)
    strategic = maps.patch(body={"data": {"a": "b"}}, name="dyn", namespace=NAMESPACE)
    same(strategic.data.to_dict(), {"a": "b"})


@rule
def subresources_are_read_patched_and_replaced() -> None:
    queries = kind("Query")
    patched = queries.status.patch(
        body={"status": {"phase": "running"}}, name="many-0", namespace=NAMESPACE, content_type=MERGE
    )
    same(patched.status.phase, "running")
    same(queries.status.get(name="many-0", namespace=NAMESPACE).status.phase, "running")
    widgets = kind("Widget", f"{PROBE}/v1")
    widgets.create(widget("scaled", replicas=1), namespace=NAMESPACE)
    scale = widgets.scale.get(name="scaled", namespace=NAMESPACE).to_dict()
    scale["spec"]["replicas"] = 4
    same(widgets.scale.replace(body=scale, name="scaled", namespace=NAMESPACE).spec.replicas, 4)


@rule
def server_side_apply_merges_conflicts_and_is_forced() -> None:
    widgets = kind("Widget", f"{PROBE}/v1")

    def apply(manager: str, force: bool | None = None, **spec: Any) -> Any:
        return widgets.server_side_apply(
            body=widget("applied", **spec), namespace=NAMESPACE, field_manager=manager, force_conflicts=force
        )

    same(apply("one", size=2, note="hello").spec.size, 2)
    same(apply("two", armed=True).spec.note, "hello")
    error = raises(ConflictError, lambda: apply("two", size=7))
    holds('conflict with "one": .spec.size' in error.summary(), error.summary())
    same(apply("two", force=True, size=7).spec.size, 7)
    same(sorted(one.manager for one in apply("one").metadata.managedFields), ["one", "two"])
    holds("note" not in widgets.get(name="applied", namespace=NAMESPACE).spec.to_dict())


@rule
def a_dynamic_watch_gives_resources() -> None:
    queries = kind("Query")
    start = queries.get(namespace=NAMESPACE).metadata.resourceVersion
    queries.create(query("watched"), namespace=NAMESPACE)
    queries.patch(body={"spec": {"ttl": "1h"}}, name="watched", namespace=NAMESPACE, content_type=MERGE)
    queries.delete(name="watched", namespace=NAMESPACE)
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in queries.watch(namespace=NAMESPACE, name="watched", resource_version=start, timeout=1)
    ]
    same(seen, [(change, "watched") for change in ("ADDED", "MODIFIED", "DELETED")])


@rule
def initial_events_end_with_a_bookmark() -> None:
    seen = kind("Query").watch(
        namespace=NAMESPACE,
        label_selector="app=many",
        send_initial_events=True,
        allow_watch_bookmarks=True,
        resource_version_match="NotOlderThan",
        timeout=1,
    )
    events = [(event["type"], event["raw_object"]) for event in seen]
    same([change for change, _ in events[:5]], ["ADDED"] * 4 + ["BOOKMARK"])
    same(events[4][1]["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})


@rule
def a_dry_run_of_every_write_stores_nothing() -> None:
    queries = kind("Query")
    before = queries.get(name="many-1", namespace=NAMESPACE).to_dict()
    queries.patch(
        body={"spec": {"ttl": "2h"}}, name="many-1", namespace=NAMESPACE, content_type=MERGE, dry_run="All"
    )
    queries.delete(name="many-1", namespace=NAMESPACE, body={"dryRun": ["All"]})
    same(queries.get(name="many-1", namespace=NAMESPACE).to_dict(), before)


@rule
def errors_are_exceptions_of_their_own() -> None:
    queries, widgets = kind("Query"), kind("Widget", f"{PROBE}/v1")
    error = raises(
        UnprocessibleEntityError, lambda: widgets.create(widget("bad", "purple"), namespace=NAMESPACE)
    )
    holds('spec.color: Unsupported value: "purple"' in error.summary(), error.summary())
    error = raises(BadRequestError, lambda: queries.get(namespace=NAMESPACE, label_selector="a b"))
    holds("unable to parse requirement" in error.summary(), error.summary())
    other = {**query("bad"), "apiVersion": "other/v1"}
    error = raises(BadRequestError, lambda: queries.create(other, namespace=NAMESPACE))
    holds("does not match the expected API version" in error.summary(), error.summary())


@rule
def delete_takes_a_selector_propagation_and_a_body() -> None:
    queries = kind("Query")
    options = client.V1DeleteOptions(propagation_policy="Foreground")
    body = api_client().sanitize_for_serialization(options)
    queries.delete(name="many-3", namespace=NAMESPACE, body=body)
    queries.delete(namespace=NAMESPACE, label_selector="app=many", propagation_policy="Background")
    same(queries.get(namespace=NAMESPACE, label_selector="app=many").items, [])
