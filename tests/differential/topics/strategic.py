"""
Strategic merge patches of every built-in kind, with the merge keys that Kubernetes has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import Step, call
from tests.differential.topics.common import SPEC, namespace

_STRATEGIC = "application/strategic-merge-patch+json"
_CORE = "/api/v1/namespaces/strategic"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/strategic/leases"
_NEW_EVENTS = "/apis/events.k8s.io/v1/namespaces/strategic/events"
_OWNER = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1"}

_METADATA: tuple[Any, ...] = (
    {"metadata": {"ownerReferences": [_OWNER]}}, {"metadata": {"ownerReferences": [{"uid": "1", "name": "y"}]}}, {"metadata": {"ownerReferences": [{**_OWNER, "uid": "2"}]}},
    {"metadata": {"$setElementOrder/ownerReferences": [{"uid": "2"}, {"uid": "1"}]}}, {"metadata": {"ownerReferences": [{"uid": "1", "$patch": "delete"}]}},
    {"metadata": {"ownerReferences": [{"$patch": "replace"}, {**_OWNER, "uid": "3"}]}}, {"metadata": {"ownerReferences": [{"name": "no-key"}]}}, {"metadata": {"ownerReferences": [5]}},
    {"metadata": {"finalizers": ["a.b/c"]}}, {"metadata": {"finalizers": ["a.b/d", "a.b/c"]}}, {"metadata": {"$setElementOrder/finalizers": ["a.b/d", "a.b/c"]}},
    {"metadata": {"$setElementOrder/finalizers": ["a.b/e", "a.b/c", "a.b/d"], "finalizers": ["a.b/e"]}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c", "a.b/none"]}},
    {"metadata": {"$setElementOrder/finalizers": ["a.b/x"]}}, {"metadata": {"$setElementOrder/finalizers": 5}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": "x"}},
    {"metadata": {"$deleteFromPrimitiveList/nonsense": ["x"]}}, {"metadata": {"finalizers": None}}, {"metadata": {"ownerReferences": None}}, {"metadata": {"labels": {"$patch": "replace", "n": "1"}}},
    {"metadata": {"labels": {"$patch": "delete"}}}, {"metadata": {"annotations": {"$retainKeys": ["k"], "k": "1"}}}, {"metadata": {"annotations": {"$retainKeys": ["other"], "k": "2"}}},
    {"metadata": {"annotations": {"$patch": "merge", "l": "1"}}}, {"metadata": {"annotations": {"$patch": "nonsense"}}}, {"metadata": {"labels": None, "annotations": {"k": None}}},
    {"metadata": {"labels": [1]}}, {"metadata": 5}, {"metadata": None}, {}, [], "x", None, {"metadata": {"name": "other"}}, {"metadata": {"uid": "other"}}, {"metadata": {"resourceVersion": "1"}},
    {"$patch": "replace", "metadata": {"name": "one"}}, {"$retainKeys": ["metadata"], "metadata": {"labels": {"a": "b"}}}, {"bogus": {"$patch": "delete"}},
)  # fmt: skip
_PORTS = (
    [{"port": 80, "name": "a"}], [{"port": 443, "name": "b"}], [{"port": 80, "targetPort": "web"}], [{"port": 80, "$patch": "delete"}], [{"$patch": "replace"}, {"port": 8080, "name": "c"}],
    [{"name": "no-key"}], [{"port": 8080, "protocol": "UDP"}], [{"port": 8080, "protocol": "TCP", "name": "d"}], [{"port": 1, "$patch": "merge", "name": "e"}], [{"port": 2, "$patch": "nonsense"}],
)  # fmt: skip

_OBJECTS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    f"{_CORE}/configmaps": (
        {"kind": "ConfigMap", "data": {"a": "1", "b": "2"}, "binaryData": {"x": "AA=="}},
        ({"data": {"a": None, "c": "3"}}, {"data": {"$patch": "replace", "z": "9"}}, {"data": {"$retainKeys": ["z"], "z": "1"}}, {"data": {"$retainKeys": ["z"], "y": "1"}}, {"binaryData": {"y": "AA=="}},
         {"data": {"x": "both"}}, {"data": {"$patch": "delete"}}, {"data": {"bad key": "x"}}, {"data": {"..": "x"}}, {"data": {"..a": "x"}}, {"data": 5}, {"immutable": True}, {"data": {"new": "x"}}),
    ),
    f"{_CORE}/secrets": (
        {"kind": "Secret", "type": "Opaque", "data": {"token": "aGVsbG8="}},
        ({"stringData": {"plain": "text"}}, {"data": {"token": None}}, {"data": {"a": "not base64!"}}, {"type": "other"}, {"data": {"é": "AA=="}}, {"stringData": {"$patch": "replace", "b": "c"}}, {"immutable": True}, {"data": {"c": "AA=="}}, {"immutable": False}),
    ),
    f"{_CORE}/serviceaccounts": (
        {"kind": "ServiceAccount", "secrets": [{"name": "a"}, {"name": "b"}], "imagePullSecrets": [{"name": "p"}]},
        ({"secrets": [{"name": "c"}]}, {"secrets": [{"name": "a", "$patch": "delete"}]}, {"$setElementOrder/secrets": [{"name": "c"}, {"name": "b"}]}, {"secrets": [{"name": "b", "namespace": "n"}]},
         {"imagePullSecrets": [{"name": "q"}]}, {"imagePullSecrets": [{"name": "p", "$patch": "delete"}]}, {"secrets": [{"$patch": "replace"}]}, {"automountServiceAccountToken": False}),
    ),
    f"{_CORE}/services": (
        {"kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com", "ports": [{"port": 80, "name": "a"}]}},
        (*({"spec": {"ports": ports}} for ports in _PORTS), {"spec": {"$setElementOrder/ports": [{"port": 8080}, {"port": 443}]}}, {"spec": {"externalName": "other.example.com"}}, {"spec": {"selector": {"a": "b"}}},
         {"spec": {"selector": {"$patch": "replace", "c": "d"}}}, {"spec": {"externalIPs": ["10.0.0.1"]}}),
    ),
    f"{_CORE}/events": (
        {"kind": "Event", "involvedObject": {"kind": "Agent", "namespace": "strategic", "name": "a"}, "reason": "Made", "message": "m", "type": "Normal", "source": {"component": "test"},
         "firstTimestamp": "2020-01-02T03:04:05Z", "lastTimestamp": "2020-01-02T03:04:05Z", "count": 1},
        ({"count": 2, "lastTimestamp": "2020-01-02T03:05:05Z", "message": "again"}, {"series": {"count": 5, "lastObservedTime": "2020-01-02T03:05:05.000001Z"}}, {"series": None}, {"source": {"host": "h"}},
         {"source": {"$patch": "replace", "host": "i"}}, {"involvedObject": {"namespace": "other"}}, {"count": "x"}),
    ),
    _NEW_EVENTS: (
        {"apiVersion": "events.k8s.io/v1", "kind": "Event", "eventTime": "2020-01-02T03:04:05.000001Z", "regarding": {"kind": "Agent", "namespace": "strategic", "name": "a"}, "reason": "Made", "action": "Making",
         "note": "n", "type": "Normal", "reportingController": "example.com/test", "reportingInstance": "test-1"},
        ({"series": {"count": 2, "lastObservedTime": "2020-01-02T03:05:05.000001Z"}}, {"series": {"count": 3}}, {"note": "again"}, {"deprecatedCount": 4}, {"metadata": {"labels": {"a": "b"}}}),
    ),
    _LEASES: (
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2020-01-02T03:04:05.123456Z"}},
        ({"spec": {"holderIdentity": "you"}}, {"spec": {"renewTime": "2021-01-02T03:04:05.123456Z", "leaseTransitions": 1}}, {"spec": {"leaseDurationSeconds": 0}}, {"spec": {"$patch": "replace", "holderIdentity": "x"}},
         {"spec": {"holderIdentity": None}}, {"spec": None}),
    ),
}  # fmt: skip


def strategic(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Lists merged by their keys, maps and lists replaced, and directives right and wrong.
    """
    yield namespace("strategic")
    for path, (members, patches) in _OBJECTS.items():
        name = "new" if path == _NEW_EVENTS else "one"
        yield call(
            "POST", path, {"apiVersion": "v1", **members, "metadata": {"name": name, "labels": {"l": "m"}}}
        )
        for patch in (*_METADATA, *patches):
            yield call("PATCH", f"{path}/{name}", patch, content=_STRATEGIC)
        yield call("GET", f"{path}/{name}")
    for patch in (
        {"spec": {"finalizers": ["example.com/x"]}},
        {"metadata": {"labels": {"a": "b"}}},
        {"spec": {"$setElementOrder/finalizers": ["kubernetes"]}},
        {"status": {"phase": "x"}},
    ):
        yield call("PATCH", "/api/v1/namespaces/strategic", patch, content=_STRATEGIC)
    widgets = find(kinds, "widgets", "v1")
    yield call("POST", widgets.path("strategic"), widgets.object("one", SPEC))
    for content in (_STRATEGIC, "application/cbor", "application/apply-patch+cbor", "text/plain", None):
        yield call("PATCH", widgets.path("strategic", "one"), {"spec": {"size": 5}}, content=content)
