"""
Protocol buffers: bodies and answers of the built-in kinds, and what other kinds have of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from ark.apis.messages import delete_options_message, encoded
from ark.meta.protobuf import close_envelope
from tests.differential.kinds import Kind, find
from tests.differential.steps import MERGE, Call, Gather, Step, Watches, call, target
from tests.differential.topics.common import SPEC, namespace

_PROTOBUF = "application/vnd.kubernetes.protobuf"
_STREAM = f"{_PROTOBUF};stream=watch"
_PARTIAL = f"{_PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v="
_ACCEPTS = (
    _PROTOBUF, f"{_PROTOBUF};q=0.9,application/json;q=0.8", f"{_PARTIAL}v1", f"{_PARTIAL}v1beta1", f"{_PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    f"{_PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1", f"{_PROTOBUF};as=Table;g=meta.k8s.io;v=v1", "application/cbor", "application/cbor,application/json",
)  # fmt: skip
_CORE = "/api/v1/namespaces/protobuf"
_OBJECTS: dict[str, dict[str, Any]] = {
    f"{_CORE}/configmaps": {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b", "e": "ü"}, "binaryData": {"x": "AP8="}, "immutable": False},
    f"{_CORE}/secrets": {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"token": "aGVsbG8="}, "stringData": {"plain": "text"}},
    f"{_CORE}/serviceaccounts": {"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": False, "secrets": [{"name": "s"}]},
    f"{_CORE}/services": {"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}},
    f"{_CORE}/events": {
        "apiVersion": "v1", "kind": "Event", "involvedObject": {"kind": "Agent", "namespace": "protobuf", "name": "a", "apiVersion": "ark.mckinsey.com/v1alpha1"}, "reason": "Made",
        "message": "it is there", "type": "Normal", "source": {"component": "test"}, "firstTimestamp": "2020-01-02T03:04:05Z", "lastTimestamp": "2020-01-02T03:04:05Z", "count": 1,
    },
    "/apis/coordination.k8s.io/v1/namespaces/protobuf/leases": {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2020-01-02T03:04:05.123456Z", "leaseTransitions": 0},
    },
}  # fmt: skip


def protobuf(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Every verb of the built-in kinds in protocol buffers, deletions of all kinds, and metadata of custom resources.
    """
    widgets = find(kinds, "widgets", "v1")
    yield namespace("protobuf")
    for path, members in _OBJECTS.items():
        yield from _verbs(
            path, {"metadata": {"name": "one", "labels": {"a": "b"}, "annotations": {"x": ""}}, **members}
        )
    yield call(
        "POST", widgets.path("protobuf"), widgets.object("one", SPEC, metadata={"finalizers": ["a.b/c"]})
    )
    for accept in _ACCEPTS:
        yield call("GET", widgets.path("protobuf"), accept=accept)
        yield call("GET", widgets.path("protobuf", "one"), accept=accept)
        yield call("GET", widgets.path("protobuf", "none"), accept=accept)
        yield call("DELETE", target(widgets.path("protobuf", "one"), dryRun="All"), accept=accept)
    yield from _watched(
        widgets.path("protobuf"), (f"{_PARTIAL}v1", f"{_PARTIAL}v1beta1", _STREAM, "application/cbor-seq")
    )
    for options in (
        {"preconditions": {"uid": "other"}},
        {"propagationPolicy": "Bogus"},
        {"dryRun": ["All"]},
        {},
    ):
        yield _delete(widgets.path("protobuf", "one"), options)
    yield call("PATCH", widgets.path("protobuf", "one"), {"metadata": {"finalizers": None}}, content=MERGE)
    yield _delete(widgets.path("protobuf"), {})
    yield call("POST", widgets.path("protobuf"), widgets.object("scaled", SPEC))
    scale = widgets.path("protobuf", "scaled") + "/scale"
    for accept in _ACCEPTS:
        yield call("GET", scale, accept=accept)
    either = f"{_PROTOBUF},application/json"
    for replicas in (3, 4, -1):
        wanted = {"metadata": {"name": "scaled", "namespace": "protobuf"}, "spec": {"replicas": replicas}}
        yield _send("PUT", scale, {"apiVersion": "autoscaling/v1", "kind": "Scale", **wanted}, either)
    yield call("PATCH", scale, {"spec": {"replicas": 6}}, content=MERGE, accept=either)


def _send(method: str, where: str, value: dict[str, Any], accept: str = _PROTOBUF) -> Call:
    return call(method, where, raw=encoded(value), content=_PROTOBUF, accept=accept)


def _delete(where: str, options: dict[str, Any], accept: str | None = None) -> Call:
    raw = close_envelope("v1", "DeleteOptions", delete_options_message().encode(options))
    return call("DELETE", where, raw=raw, content=_PROTOBUF, accept=accept)


def _verbs(path: str, obj: dict[str, Any]) -> Iterator[Step]:
    one = f"{path}/one"
    yield _send("POST", path, obj)
    yield _send("POST", path, obj)
    yield _send("POST", target(path, dryRun="All"), {**obj, "metadata": {"name": "Bad_Name"}})
    yield call("POST", path, raw=b"k8s\0\xff", content=_PROTOBUF, accept=_PROTOBUF)
    for accept in _ACCEPTS:
        yield call("GET", one, accept=accept)
        yield call("GET", path, accept=accept)
        yield call("GET", f"{path}/none", accept=accept)
    yield from _watched(path, (_PROTOBUF, _STREAM, f"{_PARTIAL}v1", "application/cbor-seq"))
    yield call("PATCH", one, {"metadata": {"labels": {"c": "d"}}}, content=MERGE, accept=_PROTOBUF)
    yield call("PATCH", one, raw=b"k8s\0", content=_PROTOBUF, accept=_PROTOBUF)
    yield _send("PUT", one, obj)
    yield _send("PUT", f"{path}/other", obj)
    yield _delete(one, {"preconditions": {"uid": "other"}}, _PROTOBUF)
    yield _delete(one, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}, _PROTOBUF)
    yield _delete(path, {}, _PROTOBUF)


def _watched(path: str, accepts: Sequence[str]) -> Iterator[Step]:
    for accept in accepts:
        yield Watches([target(path, watch=1, timeoutSeconds=2)], {"Accept": accept})
        yield call(
            "PATCH", f"{path}/one", {"metadata": {"labels": {"seen": str(len(accept))}}}, content=MERGE
        )
        yield Gather()
