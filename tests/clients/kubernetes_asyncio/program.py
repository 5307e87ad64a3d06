"""
The rules of C{kubernetes_asyncio}.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Awaitable
from functools import cache
from pathlib import Path
from typing import Any

from kubernetes_asyncio import client, config, utils, watch
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.dynamic import DynamicClient
from kubernetes_asyncio.leaderelection import electionconfig, leaderelection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
    PROBE,
    holds,
    main,
    query,
    rule,
    same,
    widget,
)
from tests.clients.wire import relayed

QUERIES: tuple[Any, ...] = (GROUP, "v1alpha1", NAMESPACE, "queries")
WIDGETS: tuple[Any, ...] = (PROBE, "v1", NAMESPACE, "widgets")
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: from-yaml}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: from-yaml}
stringData: {token: hunter2}
"""

_clients: dict[str, client.ApiClient] = {}


async def connection(kubeconfig: str = KUBECONFIG) -> client.ApiClient:
    """
    One session for all rules, as a service has it.
    """
    if kubeconfig not in _clients:
        settings = client.Configuration()
        await config.load_kube_config(kubeconfig, client_configuration=settings)
        _clients[kubeconfig] = client.ApiClient(settings)
    return _clients[kubeconfig]


async def custom() -> client.CustomObjectsApi:
    """
    Custom resources.
    """
    return client.CustomObjectsApi(await connection())


async def core() -> client.CoreV1Api:
    """
    Built-in kinds.
    """
    return client.CoreV1Api(await connection())


async def refused(call: Awaitable[Any]) -> tuple[ApiException, dict[str, Any]]:
    """
    The exception of a refused call, and its Status.
    """
    try:
        answer = await call
    except ApiException as error:
        return error, json.loads(error.body)
    raise AssertionError(f"not refused; the answer was {answer!r}")


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


@rule
async def a_watch_of_one_query_begins_with_it() -> None:
    api = await custom()
    seen = []
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        *QUERIES,
        field_selector="metadata.name=many-002",
        timeout_seconds=20,
    )
    async for event in stream:
        phase = event["object"].get("status", {}).get("phase")
        seen.append((event["type"], phase))
        if phase == "done":
            break
        following = {None: "running", "running": "done"}[phase]
        await api.patch_namespaced_custom_object_status(
            *QUERIES, "many-002", {"status": {"phase": following}}, _content_type=MERGE
        )
    await stream.close()
    same(seen, [("ADDED", None), ("MODIFIED", "running"), ("MODIFIED", "done")])


@cache
def relay() -> Any:
    """
    What the watch goes through that is cut.
    """
    return relayed(KUBECONFIG, Path(tempfile.mkdtemp(prefix="asyncio-")))


@rule
async def a_watch_without_a_deadline_survives_cuts() -> None:
    cut, kubeconfig = relay()
    api = await custom()
    followed = client.CustomObjectsApi(await connection(kubeconfig))
    start = (await api.list_namespaced_custom_object(*QUERIES))["metadata"]["resourceVersion"]
    follower = watch.Watch()
    follower.resource_version = start
    names = [f"cut-{number}" for number in range(8)]
    seen: list[str] = []

    async def follow() -> None:
        while len(seen) < len(names):
            stream = follower.stream(
                followed.list_namespaced_custom_object,
                *QUERIES,
                label_selector="set=cut",
                resource_version=follower.resource_version,
            )
            try:
                async for event in stream:
                    seen.append(event["object"]["metadata"]["name"])
                    if len(seen) == len(names):
                        break
            except (OSError, client.rest.aiohttp.ClientError):
                follower.resp = None

    task = asyncio.create_task(follow())
    for name in names:
        await api.create_namespaced_custom_object(*QUERIES, query(name, labels={"set": "cut"}))
        cut.cut()
        await asyncio.sleep(0.05)
    await asyncio.wait_for(task, 30)
    same(seen, names)
    holds(cut.connections > 1, cut.connections)


@rule
async def a_typed_watch_gives_models() -> None:
    api = await core()
    body = client.V1Secret(metadata=client.V1ObjectMeta(name="watched"), string_data={"a": "b"})
    await api.create_namespaced_secret(NAMESPACE, body)
    stream = watch.Watch()
    kinds = [
        (event["type"], type(event["object"]).__name__)
        async for event in stream.stream(
            api.list_namespaced_secret, NAMESPACE, timeout_seconds=3, allow_watch_bookmarks=True
        )
    ]
    same(kinds[0], ("ADDED", "V1Secret"))
    # A bookmark comes two seconds before the watch runs out.
    same(kinds[-1][0], "BOOKMARK")
    holds(stream.resource_version)


@rule
async def core_objects_are_written_and_read() -> None:
    api = await core()
    meta = client.V1ObjectMeta(name="core", labels={"set": "core"})
    secret = client.V1Secret(metadata=meta, string_data={"token": "hunter2"}, type="Opaque")
    made = await api.create_namespaced_secret(NAMESPACE, secret)
    same(base64.b64decode(made.data["token"]), b"hunter2")
    patched = await api.patch_namespaced_secret("core", NAMESPACE, {"stringData": {"more": "x"}})
    same(sorted(patched.data), ["more", "token"])
    made.metadata.resource_version = None
    made = await api.replace_namespaced_secret("core", NAMESPACE, made)
    same(sorted(made.data), ["token"])
    same(len((await api.list_namespaced_secret(NAMESPACE, label_selector="set=core")).items), 1)
    port = client.V1ServicePort(port=80)
    spec = client.V1ServiceSpec(type="ExternalName", external_name="a.example.com", ports=[port])
    await api.create_namespaced_service(NAMESPACE, client.V1Service(metadata=meta, spec=spec))
    same((await api.read_namespaced_service("core", NAMESPACE)).spec.ports[0].port, 80)
    same((await api.read_namespace(NAMESPACE)).status.phase, "Active")
    reference = client.V1ObjectReference(kind="Query", name="many-001", namespace=NAMESPACE)
    event = client.CoreV1Event(
        metadata=meta, involved_object=reference, reason="R", message="m", type="Normal"
    )
    await api.create_namespaced_event(NAMESPACE, event)
    found = await api.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=many-001")
    same([one.reason for one in found.items], ["R"])
    await api.delete_namespaced_secret("core", NAMESPACE)
    same((await refused(api.read_namespaced_secret("core", NAMESPACE)))[0].status, 404)


@rule
async def access_reviews_are_answered() -> None:
    api = client.AuthorizationV1Api(await connection())
    attributes = client.V1ResourceAttributes(
        namespace=NAMESPACE, verb="create", group=GROUP, resource="queries"
    )
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    review = client.V1SelfSubjectAccessReview(spec=spec)
    holds((await api.create_self_subject_access_review(review)).status.allowed)
    rules = client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace=NAMESPACE))
    status = (await api.create_self_subject_rules_review(rules)).status
    holds(any(set(one.verbs) & {"*"} for one in status.resource_rules), status)


@rule
async def the_dynamic_client_does_every_verb() -> None:
    dynamic = await DynamicClient(await connection())
    queries = await dynamic.resources.get(api_version=f"{GROUP}/v1alpha1", kind="Query")
    same((queries.name, queries.namespaced), ("queries", True))
    start = (await queries.get(namespace=NAMESPACE)).metadata.resourceVersion
    made = await queries.create(body=query("dyn"), namespace=NAMESPACE)
    same((await queries.get(name="dyn", namespace=NAMESPACE)).to_dict(), made.to_dict())
    patched = await queries.patch(
        body={"spec": {"ttl": "1h"}}, name="dyn", namespace=NAMESPACE, content_type=MERGE
    )
    same(patched.spec.ttl, "1h")
    body = {**query("dyn"), "spec": {"sessionId": "s1"}}
    applied = await queries.server_side_apply(
        body=body, name="dyn", namespace=NAMESPACE, field_manager="dyn", force_conflicts=True
    )
    same((applied.spec.sessionId, applied.spec.ttl), ("s1", "1h"))
    await queries.delete(name="dyn", namespace=NAMESPACE)
    seen = [
        event["type"]
        async for event in queries.watch(
            namespace=NAMESPACE, field_selector="metadata.name=dyn", resource_version=start, timeout=1
        )
    ]
    same(seen, ["ADDED", "MODIFIED", "MODIFIED", "DELETED"])


@rule
async def yaml_documents_are_created() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "two.yaml")
        path.write_text(MANIFEST)
        await utils.create_from_yaml(await connection(), str(path), namespace=NAMESPACE)
        same(
            (await (await core()).read_namespaced_config_map("from-yaml", NAMESPACE)).data,
            {"greeting": "hello"},
        )
        try:
            await utils.create_from_yaml(await connection(), str(path), namespace=NAMESPACE)
        except utils.FailToCreateError as error:
            same([one.api_exceptions[0].status for one in error.api_exceptions], [409, 409])
        else:
            raise AssertionError("made twice")


@rule
async def one_candidate_leads_at_a_time() -> None:
    connected = await connection()
    leads: list[str] = []

    def candidate(name: str) -> asyncio.Task[None]:
        async def lead() -> None:
            leads.append(name)
            await asyncio.Event().wait()

        settings = electionconfig.Config(
            LeaseLock("leader", NAMESPACE, name, connected),
            lease_duration=4,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=lead,
            onstopped_leading=None,
        )
        return asyncio.create_task(leaderelection.LeaderElection(settings).run())

    first = candidate("one")
    while not leads:
        await asyncio.sleep(0.05)
    second = candidate("two")
    await asyncio.sleep(1.5)
    same(leads, ["one"])
    first.cancel()
    while len(leads) == 1:
        await asyncio.sleep(0.05)
    second.cancel()
    same(leads, ["one", "two"])
    lease = await client.CoordinationV1Api(connected).read_namespaced_lease("leader", NAMESPACE)
    same(lease.spec.holder_identity, "two")


@rule
async def impersonation_headers_are_obeyed() -> None:
    settings = client.Configuration()
    await config.load_kube_config(KUBECONFIG, client_configuration=settings)
    user = f"system:serviceaccount:{NAMESPACE}:nobody"
    async with client.ApiClient(settings, "Impersonate-User", user) as acting:
        call = client.CustomObjectsApi(acting).list_namespaced_custom_object(*QUERIES)
        error, status = await refused(call)
    same((error.status, status["reason"]), (403, "Forbidden"))
    holds(f'User "{user}" cannot list resource "queries" in API group "{GROUP}"' in status["message"], status)


if __name__ == "__main__":
    main()
