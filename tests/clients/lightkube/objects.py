"""
Single objects and lists.
"""

from __future__ import annotations

import base64
from typing import Any

from lightkube import ApiError, Client, KubeConfig, codecs
from lightkube import operators as op
from lightkube.generic_resource import create_global_resource
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, Service
from lightkube.types import PatchType

from tests.clients.lightkube.support import Query, Widget, client, made, meta, names
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


def refused(call: Any) -> tuple[int, str]:
    """
    The code and reason of a refusal.
    """
    status = raises(ApiError, call).status
    return status.code, status.reason


@rule
def a_generic_resource_is_written_and_read() -> None:
    one = made(query("first"))
    same((one.spec["timeout"], one.metadata.generation), ("5m", 1))
    same(client().get(Query, "first").to_dict(), one.to_dict())
    one.spec["input"] = "Replaced?"
    same(client().replace(one).metadata.generation, 2)
    same(names(client().list(Query, fields={"metadata.name": "first"})), ["first"])
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
def a_yaml_stream_is_loaded_and_applied() -> None:
    for _ in range(2):
        for one in codecs.load_all_yaml(STREAM):
            client().apply(one)
    same(client().get(Query, "streamed").spec["input"], "Hello?")
    same(client().get(ConfigMap, "streamed").data, {"a": "b"})
