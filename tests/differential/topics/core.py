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
        yield call("GET", target(path, fieldSelector="metadata.name=one"))
        yield call("GET", target(path, fieldSelector="nope=one"))
        yield call("GET", target(path, watch="false", limit=1))
        yield call("DELETE", f"{path}/one")
        yield call("DELETE", f"{path}/one")
        yield call("DELETE", target(path, labelSelector="none=of-them"))
    yield from _strategic()


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
