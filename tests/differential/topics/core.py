"""
The built-in kinds: namespaces with their life, and those that a manifest of Ark needs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, Step, call, target
from tests.differential.topics.common import SPEC, namespace
from tests.differential.topics.reads import TABLE

_STRATEGIC = "application/strategic-merge-patch+json"
_BODIES: dict[str, dict[str, Any]] = {
    "configmaps": {"kind": "ConfigMap", "data": {"a": "b", "c.d": "e"}, "binaryData": {"x": "aGk="}},
    "secrets": {"kind": "Secret", "type": "Opaque", "data": {"token": "aGVsbG8="}, "stringData": {"plain": "text"}},
    "serviceaccounts": {"kind": "ServiceAccount", "automountServiceAccountToken": False, "secrets": [{"name": "s"}]},
    "services": {"kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}},
    "events": {
        "kind": "Event", "involvedObject": {"kind": "Agent", "namespace": "core", "name": "a", "apiVersion": "ark.mckinsey.com/v1alpha1"}, "reason": "Made", "message": "it is there",
        "type": "Normal", "source": {"component": "test"}, "firstTimestamp": "2020-01-02T03:04:05Z", "lastTimestamp": "2020-01-02T03:04:05Z", "count": 1,
    },
}  # fmt: skip


def core(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    All verbs on ConfigMap, Secret, ServiceAccount, Service and Event.
    """
    yield namespace("core")
    for plural, members in _BODIES.items():
        path = f"/api/v1/namespaces/core/{plural}"
        body = {"apiVersion": "v1", "metadata": {"name": "one", "labels": {"a": "b"}}, **members}
        keep = {"rv": "metadata.resourceVersion"}
        yield from (
            call("POST", path, body, keep=keep),
            call("POST", path, body),
            call("GET", f"{path}/one"),
            call("GET", path),
        )
        for accept in (
            TABLE,
            "application/yaml",
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        ):
            yield call("GET", path, accept=accept)
        for content in (MERGE, _STRATEGIC):
            yield call(
                "PATCH", f"{path}/one", {"metadata": {"labels": {"c": content[-9:-5]}}}, content=content
            )
        yield call(
            "PATCH",
            f"{path}/one",
            [{"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}],
            content=JSON_PATCH,
        )
        yield call("PUT", f"{path}/one", {**body, "metadata": {"name": "one", "resourceVersion": "$(rv)"}})
        yield call("PUT", f"{path}/one", body)
        yield call("PUT", f"{path}/new", {**body, "metadata": {"name": "new"}})
        for number in range(14):
            wrong = spoiled({**body, "metadata": {"name": f"wrong-{number}"}}, rng)
            yield call(
                "POST", target(path, fieldValidation=rng.choice([None, "Strict"]), dryRun="All"), wrong
            )
        for name in ("Bad_Name", "x" * 254, "a.b"):
            yield call("POST", target(path, dryRun="All"), {**body, "metadata": {"name": name}})
        for finalizers in (["foo"], ["orphan"], ["bad finalizer", "b"], ["a.b/c"]):
            held = {"metadata": {"name": "held", "finalizers": finalizers}}
            yield call("POST", target(path, dryRun="All"), {**body, **held})
            merge = {"metadata": {"finalizers": finalizers}}
            yield call("PATCH", target(f"{path}/one", dryRun="All"), merge, content=MERGE)
        yield call("GET", target(path, fieldSelector="metadata.name=one"))
        yield call("GET", target(path, fieldSelector="nope=one"))
        yield call("GET", target(path, watch="false", limit=1))
        yield call("DELETE", f"{path}/one")
        yield call("DELETE", f"{path}/one")
        yield call("DELETE", target(path, labelSelector="none=of-them"))
    yield from _strategic()
    yield from _services()


_PORTS = [{"port": 80}]
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ADDRESSES = (
    "10.0.0.1",
    "010.0.0.1",
    "10.0.0.256",
    "1.2.3",
    "0.0.0.0",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.5",
    "224.0.1.5",
    "x",
    "",
    " 10.0.0.1",
    "::",
    "::1",
    "2001:db8::1",
    "2001:DB8::1",
    "2001:0db8::01",
    "2001:00db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "ff12::1",
    "::ffff:1.2.3.4",
    "::ffff:127.0.0.1",
    "::ffff:01.2.3.4",
    "::1.2.3.4",
    "1::2::3",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "1:2:3:4:5:6:7:8:9",
    "::12345",
    "1.2.3.4.5",
)
_CIDRS = (
    "10.0.0.0/8", " 10.0.0.0/8 ", "10.0.0.1/8", "010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "10.0.0.0/a", "0.0.0.0/0", "0.0.0.0/00", "x/8", "",
    "2001:db8::/32", "2001:DB8::/32", "2001:db8::1/32", "2001:db8::/129", "::/0", "::ffff:1.2.3.0/120", "::ffff:1.2.3.4/120", "fe80::%eth0/64", "10.0.0.0/8/8", "10.0.0.0/-1",
)  # fmt: skip


def _services() -> Iterator[Step]:
    """
    Addresses of services: that no network backs ours shows with those only that stand for a name.
    """
    named = {"type": "ExternalName", "externalName": "a.b"}
    yield from (_service({**named, "externalIPs": [address]}) for address in _ADDRESSES)
    yield _service({"externalIPs": [*_ADDRESSES]})
    for address in ("010.0.0.1", "1.2.3", "::ffff:1.2.3.4", "2001:00db8::1", "fe80::1%eth0", "x"):
        yield _service({"clusterIP": address, "externalIPs": ["x"]})
        yield _service({"clusterIP": address, "ports": []})
    yield from (_service({"loadBalancerSourceRanges": [cidr]}) for cidr in _CIDRS)
    yield _service({"type": "LoadBalancer", "loadBalancerSourceRanges": ["x", *_CIDRS]})
    yield _service({"type": "LoadBalancer"}, ",".join(["x", *_CIDRS]))
    yield _service(named, "10.0.0.0/8")
    yield _service({"type": "NodePort"}, "")
    yield _service({**named, "trafficDistribution": "PreferClose"})
    yield _service({**named, "loadBalancerIP": "2001:DB8::1", "externalIPs": ["2001:DB8::1"]})
    path = "/api/v1/namespaces/core/services"
    yield call("POST", path, _service_of({**named, "externalIPs": ["1.2.3.4"]}))
    for addresses in (["1.2.3.4", "01.2.3.4"], ["1.2.3.4", "2001:DB8::1"], ["x"], None):
        yield call("PATCH", f"{path}/s", {"spec": {"externalIPs": addresses}}, content=MERGE)


def _service(spec: dict[str, Any], ranges: str | None = None) -> Step:
    path = target("/api/v1/namespaces/core/services", dryRun="All")
    return call("POST", path, _service_of({"ports": _PORTS, **spec}, ranges))


def _service_of(spec: dict[str, Any], ranges: str | None = None) -> dict[str, Any]:
    annotations = {} if ranges is None else {"annotations": {_RANGES: ranges}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", **annotations}, "spec": spec}


def _strategic() -> Iterator[Step]:
    where = "/api/v1/namespaces/core/configmaps/strategic"
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "strategic", "finalizers": ["a.b/c"]},
        "data": {"a": "1", "b": "2"},
    }
    yield call("POST", "/api/v1/namespaces/core/configmaps", made)
    merges: tuple[Any, ...] = (
        {"data": {"a": None, "c": "3"}},
        {"data": {"$patch": "replace", "z": "9"}},
        {"$patch": "delete"},
        {"metadata": {"finalizers": ["a.b/d"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}},
        {"metadata": {"$setElementOrder/finalizers": ["a.b/d"]}},
        {"data": {"$retainKeys": ["z"], "y": "1"}},
        {"data": 5},
        {"bogus": 1},
        [],
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1"}]}},
        {"metadata": {"ownerReferences": [{"uid": "1", "name": "y"}]}},
        {"metadata": {"ownerReferences": [{"uid": "1", "$patch": "delete"}]}},
        {"immutable": True},
        {"data": {"z": "changed"}},
        {"metadata": {"finalizers": None}},
    )
    for patch in merges:
        yield call("PATCH", where, patch, content=_STRATEGIC)
        yield call("GET", where)


def namespaces(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Namespaces: made, changed, deleted with content, and what may be written meanwhile.
    """
    kind = find(kinds, "widgets", "v1")
    for name in ("lives", "Bad", "a.b", "x" * 64, "lives", ""):
        yield namespace(name)
    yield call("GET", "/api/v1/namespaces/lives")
    yield call("GET", "/api/v1/namespaces/lives", accept=TABLE)
    yield call("GET", "/api/v1/namespaces/default")
    changes: tuple[dict[str, Any], ...] = (
        {"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}},
        {"metadata": {"labels": {"a": "b"}}},
        {"spec": {"finalizers": []}},
        {"status": {"phase": "Terminating"}},
        {"spec": {"bogus": 1}},
    )
    for patch in changes:
        yield call("PATCH", "/api/v1/namespaces/lives", patch, content=MERGE)
    yield call(
        "POST",
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "gen-"}},
        keep={"made": "metadata.name"},
    )
    yield call("GET", "/api/v1/namespaces/$(made)")
    for query in ({"dryRun": "All"}, {"fieldValidation": "Strict"}):
        yield call(
            "POST",
            target("/api/v1/namespaces", **query),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "maybe"}, "extra": 1},
        )
    yield call(
        "POST", kind.path("lives"), kind.object("held", SPEC, metadata={"finalizers": ["example.com/hold"]})
    )
    yield call(
        "DELETE",
        "/api/v1/namespaces/lives",
        {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}},
    )
    yield call("DELETE", "/api/v1/namespaces/lives")
    yield call("DELETE", "/api/v1/namespaces/nowhere")
    yield call("DELETE", "/api/v1/namespaces")
    yield call("DELETE", "/api/v1/namespaces/default")
    yield call("POST", kind.path("lives"), kind.object("late", SPEC))
    yield call("POST", target(kind.path("lives"), dryRun="All"), kind.object("late", SPEC))
    yield call("PATCH", kind.path("lives", "held"), {"spec": {"size": 5}}, content=MERGE)
    yield call("GET", kind.path("lives", "missing"))
    yield call(
        "POST",
        "/api/v1/namespaces/lives/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}},
    )
    yield call(
        "POST",
        "/api/v1/namespaces/nowhere/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}},
    )
    yield call(
        "GET", target("/api/v1/namespaces", fieldSelector="status.phase=Terminating,metadata.name=lives")
    )
    yield call("GET", target("/api/v1/namespaces", fieldSelector="metadata.name=default"), accept=TABLE)
