"""
The rules of C{lightkube}.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient, Client, KubeConfig, codecs
from lightkube import operators as op
from lightkube.core.exceptions import ConditionError, ObjectDeleted
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, Service
from lightkube.types import CascadeType, OnErrorAction, OnErrorResult, PatchType

from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
    PROBE,
    holds,
    main,
    query,
    raises,
    rule,
    same,
    until,
    widget,
)
from tests.clients.wire import relayed

Query = create_namespaced_resource(GROUP, "v1alpha1", "Query", "queries")
Widget = create_namespaced_resource(PROBE, "v1", "Widget", "widgets")
Plate = create_global_resource(PROBE, "v1", "Plate", "plates")
STREAM = """\
apiVersion: ark.mckinsey.com/v1alpha1
kind: Query
metadata: {name: streamed}
spec: {input: "Hello?"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: streamed}
data: {a: b}
"""


@cache
def client() -> Client:
    """
    Whom most rules go through: over HTTP/1.1, with a field manager.
    """
    return Client(config=KubeConfig.from_file(KUBECONFIG), namespace=NAMESPACE, field_manager="light")


def made(body: dict[str, Any], kind: Any = Query) -> Any:
    """
    A new object.
    """
    return client().create(kind.from_dict(body))


def meta(name: str, **members: Any) -> ObjectMeta:
    """
    ObjectMeta.
    """
    return ObjectMeta(name=name, **members)


def refused(call: Any) -> tuple[int, str]:
    """
    The code and reason of a refusal.
    """
    status = raises(ApiError, call).status
    return status.code, status.reason


def names(found: Any) -> list[str]:
    """
    The names of a list.
    """
    return [one.metadata.name for one in found]


@rule
def a_generic_resource_is_written_and_read() -> None:
    one = made(query("first"))
    same((one.spec["timeout"], one.metadata.generation), ("5m", 1))
    same(client().get(Query, "first").to_dict(), one.to_dict())
    one.spec["input"] = "Replaced?"
    same(client().replace(one).metadata.generation, 2)
    same(names(client().list(Query)), ["first"])
    client().delete(Query, "first")
    same(refused(lambda: client().get(Query, "first")), (404, "NotFound"))
    name = f"light-{NAMESPACE}"
    client().create(Plate.from_dict({"metadata": {"name": name}, "spec": {"text": "x"}}))
    same(client().get(Plate, name).spec["text"], "x")
    client().delete(Plate, name)


@rule
def a_typed_resource_is_written_and_read() -> None:
    client().create(ConfigMap(metadata=meta("typed"), data={"a": "b"}))
    same(client().get(ConfigMap, "typed").data, {"a": "b"})
    secret = client().create(Secret(metadata=meta("typed"), stringData={"a": "b"}, type="Opaque"))
    same((base64.b64decode(secret.data["a"]), secret.stringData), (b"b", None))
    spec = ServiceSpec(type="ExternalName", externalName="a.example.com", ports=[ServicePort(port=80)])
    same(client().create(Service(metadata=meta("typed"), spec=spec)).spec.ports[0].port, 80)
    same(client().get(Namespace, NAMESPACE).status.phase, "Active")
    holds(NAMESPACE in names(client().list(Namespace)))


@rule
def errors_are_api_errors_with_a_status() -> None:
    old = made(query("twice"))
    same(refused(lambda: made(query("twice"))), (409, "AlreadyExists"))
    client().set(Query, "twice", labels={"a": "b"})
    same(refused(lambda: client().replace(old)), (409, "Conflict"))
    error = raises(ApiError, lambda: made(widget("bad", "purple"), Widget))
    same((error.status.code, [one.field for one in error.status.details.causes]), (422, ["spec.color"]))


@rule
def lists_are_chunked() -> None:
    for number in range(25):
        made(query(f"chunk-{number:02}", labels={"set": NAMESPACE}))
    found = client().list(Query, labels={"set": NAMESPACE}, chunk_size=10)
    same(names(found), [f"chunk-{number:02}" for number in range(25)])
    holds(int(found.resourceVersion) > 0, found.resourceVersion)
    everywhere = client().list(Query, namespace="*", labels={"set": NAMESPACE}, chunk_size=7)
    same(len(names(everywhere)), 25)


@rule
def selectors_have_operators() -> None:
    for name, tier in (("s1", "a"), ("s2", "b"), ("s3", "c")):
        made(widget(name, "green", labels={"set": "s", "tier": tier}), Widget)

    def found(**labels: Any) -> list[str]:
        return names(client().list(Widget, labels={"set": "s", **labels}))

    same(found(tier="a"), ["s1"])
    same(found(tier=op.not_equal("a")), ["s2", "s3"])
    same(found(tier=op.in_(["a", "b"])), ["s1", "s2"])
    same(found(tier=op.not_in(["a", "b"])), ["s3"])
    same((len(found(tier=op.exists())), found(tier=op.not_exists())), (3, []))
    same(names(client().list(Widget, fields={"spec.color": "green", "metadata.name": "s2"})), ["s2"])
    holds("s2" not in names(client().list(Widget, fields={"metadata.name": op.not_equal("s2")})))


@rule
def patches_are_of_four_types() -> None:
    def patched(kind: Any, name: str, body: Any, patch_type: PatchType) -> Any:
        return client().patch(kind, name, body, patch_type=patch_type)

    made(query("patched"))
    same(patched(Query, "patched", {"spec": {"ttl": "1h"}}, PatchType.MERGE).spec["ttl"], "1h")
    steps = [{"op": "test", "path": "/spec/ttl", "value": "1h"}, {"op": "remove", "path": "/spec/ttl"}]
    holds("ttl" not in patched(Query, "patched", steps, PatchType.JSON).spec)
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Query", "spec": {"sessionId": "s"}}
    same(patched(Query, "patched", body, PatchType.APPLY).spec["sessionId"], "s")
    strategic = lambda: patched(Query, "patched", {"spec": {}}, PatchType.STRATEGIC)  # noqa: E731
    same(refused(strategic), (415, "UnsupportedMediaType"))
    ports = {"spec": {"ports": [{"port": 443, "name": "https"}, {"port": 80, "name": "http"}]}}
    service = patched(Service, "typed", ports, PatchType.STRATEGIC)
    same(sorted(one.port for one in service.spec.ports), [80, 443])


@rule
def labels_and_annotations_are_set() -> None:
    one = client().set(Query, "patched", labels={"a": "1", "b": "2"}, annotations={"c": "3"})
    same((one.metadata.labels, one.metadata.annotations), ({"a": "1", "b": "2"}, {"c": "3"}))
    one = client().set(Query, "patched", labels={"a": None})
    same(one.metadata.labels, {"b": "2"})


@rule
def subresources_are_resources() -> None:
    made(widget("sub", replicas=1), Widget)
    status = {"status": {"phase": "Ready", "replicas": 1}}
    same(client().patch(Widget.Status, "sub", status, patch_type=PatchType.MERGE).status["phase"], "Ready")
    one = client().get(Widget.Status, "sub")
    one.status["phase"] = "Done"
    same(client().replace(one).status["phase"], "Done")
    scale = client().get(Widget.Scale, "sub")
    same((scale.spec.replicas, scale.status.replicas), (1, 1))
    scale.spec.replicas = 2
    same(client().replace(scale, "sub").spec.replicas, 2)
    scale = client().patch(Widget.Scale, "sub", {"spec": {"replicas": 3}}, patch_type=PatchType.MERGE)
    same(client().get(Widget, "sub").spec["replicas"], 3)


def applied(manager: str | None = None, force: bool = False, **spec: Any) -> Any:
    """
    Apply a widget.
    """
    return client().apply(Widget.from_dict(widget("applied", **spec)), field_manager=manager, force=force)


@rule
def apply_creates_and_keeps_to_its_manager() -> None:
    one = applied(size=2)
    same([(entry.manager, entry.operation) for entry in one.metadata.managedFields], [("light", "Apply")])
    same(applied(size=2).metadata.resourceVersion, one.metadata.resourceVersion)
    same(client().apply(ConfigMap(metadata=meta("applied"), data={"a": "1"})).data, {"a": "1"})
    same(client().apply(ConfigMap(metadata=meta("applied"), data={"b": "2"})).data, {"b": "2"})


@rule
def an_apply_of_another_manager_conflicts() -> None:
    error = raises(ApiError, lambda: applied("other", size=4))
    same((error.status.code, error.status.reason), (409, "Conflict"))
    same([one.field for one in error.status.details.causes], [".spec.size"])
    same(applied("other", True, size=4).spec["size"], 4)


@rule
def an_applied_list_is_merged_by_its_keys() -> None:
    applied("one", ports=[{"name": "web", "port": 80}], tags=["a", "b"])
    one = applied("two", ports=[{"name": "ssh", "port": 22}], tags=["b", "c"])
    same([port["name"] for port in one.spec["ports"]], ["web", "ssh"])
    same(one.spec["tags"], ["a", "b", "c"])
    one = applied("one", ports=[{"name": "web", "port": 81}])
    same([(port["name"], port["port"]) for port in one.spec["ports"]], [("web", 81), ("ssh", 22)])
    same(one.spec["tags"], ["b", "c"])


@rule
def a_dry_run_client_changes_nothing() -> None:
    config = KubeConfig.from_file(KUBECONFIG)
    dry = Client(config=config, namespace=NAMESPACE, dry_run=True, field_manager="dry")
    before = client().get(Query, "patched").to_dict()
    dry.create(Query.from_dict(query("dry")))
    dry.set(Query, "patched", labels={"dry": "run"})
    dry.apply(Query.from_dict(query("patched", "Dry?")), force=True)
    dry.delete(Query, "patched", dry_run=True)
    same(refused(lambda: client().get(Query, "dry")), (404, "NotFound"))
    same(client().get(Query, "patched").to_dict(), before)


@rule
def a_watch_reconnects_by_itself() -> None:
    start = made(query("watched", labels={"set": "watched"})).metadata.resourceVersion
    seen = []

    def write() -> None:
        threading.Event().wait(1.5)
        client().set(Query, "watched", annotations={"a": "b"})
        client().delete(Query, "watched")

    writer = threading.Thread(target=write)
    writer.start()
    for change, one in client().watch(
        Query, labels={"set": "watched"}, resource_version=start, server_timeout=1
    ):
        seen.append((change, one.metadata.name))
        if change == "DELETED":
            break
    writer.join()
    same(seen, [("MODIFIED", "watched"), ("DELETED", "watched")])


@rule
def a_broken_watch_is_retried() -> None:
    relay, kubeconfig = relayed(KUBECONFIG, Path(tempfile.mkdtemp(prefix="lightkube-")))
    follower = Client(config=KubeConfig.from_file(kubeconfig), namespace=NAMESPACE)
    start = made(query("before")).metadata.resourceVersion
    expected = [f"cut-{number}" for number in range(8)]
    seen: list[str] = []

    def follow() -> None:
        version = start
        retry = lambda error, count: OnErrorResult(OnErrorAction.RETRY)  # noqa: E731
        while len(seen) < len(expected):
            watch = follower.watch(Query, labels={"set": "cut"}, resource_version=version, on_error=retry)
            try:
                for _, one in watch:
                    seen.append(one.metadata.name)
                    version = one.metadata.resourceVersion
            except httpx2.HTTPError:  # a new connection that is cut is not retried
                continue

    threading.Thread(target=follow, daemon=True).start()
    for name in expected:
        made(query(name, labels={"set": "cut"}))
        relay.cut()
        threading.Event().wait(0.05)
    until(lambda: len(seen) >= len(expected))
    same(seen, expected)
    holds(relay.connections > 1, relay.connections)


@rule
def a_condition_is_waited_for() -> None:
    made(widget("waited"), Widget)

    def wait(**conditions: Any) -> Any:
        return client().wait(Widget, "waited", **conditions)

    def soon(**status: Any) -> None:
        def write() -> None:
            patch = {"status": {"phase": "Ready", **status}}
            client().patch(Widget.Status, "waited", patch, patch_type=PatchType.MERGE)

        threading.Timer(0.2, write).start()

    soon(conditions=[{"type": "Ready", "status": "True"}])
    same(wait(for_conditions=["Ready"]).status["phase"], "Ready")
    soon(conditions=[{"type": "Failed", "status": "True"}])
    raises(ConditionError, lambda: wait(for_conditions=["Never"], raise_for_conditions=["Failed"]))
    threading.Timer(0.2, lambda: client().delete(Widget, "waited")).start()
    raises(ObjectDeleted, lambda: wait(for_conditions=["Never"]))


@rule
def a_collection_is_deleted() -> None:
    for number in range(5):
        client().create(Secret(metadata=meta(f"collected-{number}")))
    before = names(client().list(Secret))
    client().deletecollection(Secret, dry_run=True)
    same(names(client().list(Secret)), before)
    client().deletecollection(Secret)
    same(names(client().list(Secret)), [])
    holds(names(client().list(ConfigMap)))


def family(parent: str, child: str) -> None:
    """
    An owner and its dependent.
    """
    owner = made(query(parent))
    reference = OwnerReference(
        apiVersion=owner.apiVersion,
        kind=owner.kind,
        name=parent,
        uid=owner.metadata.uid,
        blockOwnerDeletion=True,
    )
    client().create(ConfigMap(metadata=meta(child, ownerReferences=[reference])))


def gone(kind: Any, name: str) -> bool:
    """
    Whether there is no such object.
    """
    return not names(client().list(kind, fields={"metadata.name": name}))


@rule
def dependents_are_orphaned() -> None:
    family("parent-1", "child-1")
    client().delete(Query, "parent-1", cascade=CascadeType.ORPHAN)
    until(lambda: gone(Query, "parent-1"))
    until(lambda: not client().get(ConfigMap, "child-1").metadata.ownerReferences)


@rule
def dependents_go_with_their_owner() -> None:
    family("parent-2", "child-2")
    family("parent-3", "child-3")
    client().delete(Query, "parent-2", cascade=CascadeType.BACKGROUND)
    client().delete(Query, "parent-3", cascade=CascadeType.FOREGROUND)
    until(lambda: gone(ConfigMap, "child-2") and gone(ConfigMap, "child-3") and gone(Query, "parent-3"))


@rule
def a_yaml_stream_is_loaded_and_applied() -> None:
    for _ in range(2):
        for one in codecs.load_all_yaml(STREAM):
            client().apply(one)
    same(client().get(Query, "streamed").spec["input"], "Hello?")
    same(client().get(ConfigMap, "streamed").data, {"a": "b"})


@rule
async def the_asynchronous_client_speaks_http2() -> None:
    config = KubeConfig.from_file(KUBECONFIG)
    client = AsyncClient(config=config, namespace=NAMESPACE, field_manager="light", http2=True)
    expected = [f"many-{number:03}" for number in range(150)]
    bodies = [Query.from_dict(query(name, labels={"set": "many"})) for name in expected]
    made = await asyncio.gather(*(client.create(body) for body in bodies))
    read = await asyncio.gather(*(client.get(Query, name) for name in expected))
    same([one.to_dict() for one in read], [one.to_dict() for one in made])
    found = [one.metadata.name async for one in client.list(Query, labels={"set": "many"}, chunk_size=50)]
    same(found, expected)
    same(_protocols(client), {"HTTP/2"})
    await client.close()


@rule
async def an_asynchronous_watch_follows() -> None:
    config = KubeConfig.from_file(KUBECONFIG)
    client = AsyncClient(config=config, namespace=NAMESPACE, field_manager="light", http2=True)
    start = (await client.create(Query.from_dict(query("async")))).metadata.resourceVersion
    seen = []
    await client.set(Query, "async", labels={"step": "1"})
    async for change, one in client.watch(
        Query, fields={"metadata.name": "async"}, resource_version=start, server_timeout=20
    ):
        seen.append(change)
        if change == "DELETED":
            break
        if len(seen) == 1:
            body = {
                "apiVersion": one.apiVersion,
                "kind": "Query",
                "metadata": {"name": "async"},
                "spec": {"ttl": "1h"},
            }
            await client.apply(Query.from_dict(body))
        else:
            await client.delete(Query, "async")
    same(seen, ["MODIFIED", "MODIFIED", "DELETED"])
    await client.close()


def _protocols(client: AsyncClient) -> set[str]:
    pool = client._client._client._transport._pool
    kinds = {type(one._connection).__name__ for one in pool.connections}
    return {"HTTP/2" if "HTTP2" in kind else "HTTP/1.1" for kind in kinds}


if __name__ == "__main__":
    main()
