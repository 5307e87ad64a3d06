"""
Custom objects, as a service writes and reads them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubernetes_asyncio import client

from tests.clients.kubernetes_asyncio.support import (
    MERGE,
    QUERIES,
    core,
    custom,
    refused,
)
from tests.clients.rules import (
    NAMESPACE,
    PROBE,
    holds,
    query,
    rule,
    same,
    widget,
)

WIDGETS: tuple[Any, ...] = (PROBE, "v1", NAMESPACE, "widgets")
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@rule
async def custom_objects_are_written_and_read() -> None:
    api = await custom()
    made = await api.create_namespaced_custom_object(*QUERIES, query("first", labels={"a": "b"}))
    same(made["spec"]["timeout"], "5m")
    same(await api.get_namespaced_custom_object(*QUERIES, "first"), made)
    made["spec"]["input"] = "Replaced?"
    made = await api.replace_namespaced_custom_object(*QUERIES, "first", made)
    same((made["spec"]["input"], made["metadata"]["generation"]), ("Replaced?", 2))
    listed = await api.list_namespaced_custom_object(*QUERIES, label_selector="a=b")
    same(listed["items"], [made])
    answer = await api.delete_namespaced_custom_object(*QUERIES, "first")
    same((answer["status"], answer["details"]["uid"]), ("Success", made["metadata"]["uid"]))


@rule
async def many_requests_at_once_share_connections() -> None:
    api = await custom()
    names = [f"many-{number:03}" for number in range(100)]
    bodies = [query(name, labels={"set": "many"}) for name in names]
    made = await asyncio.gather(*(api.create_namespaced_custom_object(*QUERIES, body) for body in bodies))
    read = await asyncio.gather(*(api.get_namespaced_custom_object(*QUERIES, name) for name in names))
    same(read, made)
    same(len({one["metadata"]["resourceVersion"] for one in made}), len(names))


@rule
async def a_dict_is_sent_as_a_json_patch_and_refused() -> None:
    api = await custom()
    call = api.patch_namespaced_custom_object(*QUERIES, "many-000", {"spec": {"ttl": "1h"}})
    error, status = await refused(call)
    same((error.status, status["reason"]), (400, "BadRequest"))
    holds("cannot unmarshal object into Go value of type" in status["message"], status)


@rule
async def patches_are_of_the_type_that_is_asked_for() -> None:
    api, maps = await custom(), await core()
    merged = await api.patch_namespaced_custom_object(
        *QUERIES, "many-000", {"spec": {"ttl": "1h"}}, _content_type=MERGE
    )
    same(merged["spec"]["ttl"], "1h")
    steps = [{"op": "replace", "path": "/spec/ttl", "value": "2h"}]
    patched = await api.patch_namespaced_custom_object(*QUERIES, "many-000", steps, _content_type=JSON)
    same(patched["spec"]["ttl"], "2h")
    strategic = "application/strategic-merge-patch+json"
    call = api.patch_namespaced_custom_object(*QUERIES, "many-000", {"spec": {}}, _content_type=strategic)
    same((await refused(call))[0].status, 415)
    await maps.create_namespaced_config_map(
        NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="patched"), data={"a": "1"})
    )
    answer = await maps.patch_namespaced_config_map(
        "patched", NAMESPACE, {"data": {"b": "2"}}, _content_type=strategic
    )
    same(answer.data, {"a": "1", "b": "2"})


@rule
async def status_is_patched_as_the_service_does() -> None:
    api = await custom()
    patch = {"status": {"phase": "running", "conditions": []}, "spec": {"input": "No"}}
    answer = await api.patch_namespaced_custom_object_status(*QUERIES, "many-001", patch, _content_type=MERGE)
    same((answer["status"]["phase"], answer["spec"]["input"]), ("running", "Why is the sky blue?"))


@rule
async def server_side_apply_of_custom_and_core_objects() -> None:
    api, maps = await custom(), await core()

    async def apply(manager: str, force: bool = False, **spec: Any) -> Any:
        return await api.patch_namespaced_custom_object(
            *WIDGETS,
            "applied",
            widget("applied", **spec),
            field_manager=manager,
            force=force,
            _content_type=APPLY,
        )

    await apply("one", size=2)
    error, status = await refused(apply("two", size=3))
    same((error.status, status["details"]["causes"][0]["field"]), (409, ".spec.size"))
    same((await apply("two", True, size=3))["spec"]["size"], 3)
    for text in ("1", "2"):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": text}}
        await maps.patch_namespaced_config_map(
            "applied", NAMESPACE, body, field_manager="sdk", _content_type=APPLY
        )
    same((await maps.read_namespaced_config_map("applied", NAMESPACE)).data, {"a": "2"})


@rule
async def errors_carry_status_reason_and_body() -> None:
    api = await custom()
    error, status = await refused(api.get_namespaced_custom_object(*QUERIES, "missing"))
    same((error.status, error.reason, status["reason"]), (404, "Not Found", "NotFound"))
    error, status = await refused(api.create_namespaced_custom_object(*QUERIES, query("many-001")))
    same((error.status, error.reason, status["reason"]), (409, "Conflict", "AlreadyExists"))
    old = await api.get_namespaced_custom_object(*QUERIES, "many-001")
    await api.patch_namespaced_custom_object(
        *QUERIES, "many-001", {"spec": {"ttl": "3h"}}, _content_type=MERGE
    )
    error, status = await refused(api.replace_namespaced_custom_object(*QUERIES, "many-001", old))
    same((error.status, status["reason"]), (409, "Conflict"))
    error, status = await refused(api.create_namespaced_custom_object(*WIDGETS, widget("bad", "purple")))
    same((error.status, error.reason), (422, "Unprocessable Entity"))
    same(status["details"]["causes"][0]["field"], "spec.color")


@rule
async def lists_are_paged_and_selected() -> None:
    api = await custom()
    names, token = [], None
    while True:
        page = await api.list_namespaced_custom_object(
            *QUERIES, label_selector="set in (many)", limit=40, _continue=token
        )
        names += [one["metadata"]["name"] for one in page["items"]]
        token = page["metadata"].get("continue")
        if not token:
            break
    same(names, [f"many-{number:03}" for number in range(100)])
    found = await api.list_namespaced_custom_object(*QUERIES, field_selector="metadata.name=many-007")
    same(len(found["items"]), 1)
