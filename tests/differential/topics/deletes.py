"""
Delete and deletecollection: options, preconditions, propagation, finalizers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, YAML, Step, call, target
from tests.differential.topics.common import SPEC, namespace

_OPTIONS = {"apiVersion": "v1", "kind": "DeleteOptions"}
_MEMBERS: tuple[dict[str, Any], ...] = (
    {"propagationPolicy": "Background"}, {"propagationPolicy": "Foreground"}, {"propagationPolicy": "Orphan"}, {"propagationPolicy": "Bogus"}, {"propagationPolicy": ""},
    {"propagationPolicy": None}, {"propagationPolicy": 5}, {"orphanDependents": True}, {"orphanDependents": False}, {"orphanDependents": True, "propagationPolicy": "Orphan"},
    {"preconditions": {}}, {"preconditions": {"uid": "$(uid)"}}, {"preconditions": {"uid": "other"}}, {"preconditions": {"uid": ""}}, {"preconditions": {"resourceVersion": "$(rv)"}},
    {"preconditions": {"resourceVersion": "1"}}, {"preconditions": {"resourceVersion": "x"}}, {"preconditions": {"uid": "$(uid)", "resourceVersion": "1"}}, {"preconditions": 5},
    {"gracePeriodSeconds": 0}, {"gracePeriodSeconds": 30}, {"gracePeriodSeconds": -1}, {"gracePeriodSeconds": "x"}, {"dryRun": ["All"]}, {"dryRun": ["x"]}, {"dryRun": "All"},
    {"bogus": 1}, {"ignoreStoreReadErrorWithClusterBreakingPotential": True},
)  # fmt: skip
_BODIES: tuple[Any, ...] = (
    None, {}, _OPTIONS, {**_OPTIONS, "apiVersion": "meta.k8s.io/v1"}, {**_OPTIONS, "apiVersion": "probe.example.com/v1"}, {**_OPTIONS, "apiVersion": "x/v1"},
    {**_OPTIONS, "kind": "Wrong"}, {"kind": "DeleteOptions"}, {"apiVersion": "v1"}, {"propagationPolicy": "Orphan"},
    *({**_OPTIONS, **members} for members in _MEMBERS),
)  # fmt: skip
_QUERIES: tuple[dict[str, Any], ...] = (
    {"propagationPolicy": "Orphan"}, {"propagationPolicy": "Foreground"}, {"propagationPolicy": "x"}, {"dryRun": "All"}, {"dryRun": "x"}, {"gracePeriodSeconds": "5"},
    {"gracePeriodSeconds": "x"}, {"orphanDependents": "true"}, {"orphanDependents": "x"}, {"orphanDependents": "false"}, {"unknown": "x"}, {"preconditions": "x"},
    {"propagationPolicy": "Orphan", "orphanDependents": "true"},
)  # fmt: skip
_COLLECTIONS: tuple[dict[str, Any], ...] = (
    {"labelSelector": "side=left"}, {"labelSelector": "side in (left,right)", "limit": 1}, {"fieldSelector": "metadata.name=c-1"}, {"fieldSelector": "spec.color=blue"},
    {"labelSelector": "!!"}, {"fieldSelector": "nope=1"}, {"dryRun": "All"}, {"dryRun": "x"}, {"limit": 1}, {"limit": "x"}, {"resourceVersion": "0"}, {"resourceVersion": "$(rv)"},
    {"resourceVersion": "x"}, {"resourceVersionMatch": "Exact"}, {"propagationPolicy": "Orphan"}, {"continue_": "x"}, {"watch": "true"}, {"labelSelector": "side=none"}, {},
)  # fmt: skip


def deletes(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Each form of options on a fresh object, with and without a finalizer.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("deletes")
    where = kind.path("deletes", "a")
    for number, body in enumerate(_BODIES):
        yield from _around(
            kind, number, call("DELETE", where, body, content=rng.choice(["application/json", None]))
        )
    for number, query in enumerate(_QUERIES):
        yield from _around(kind, number, call("DELETE", target(where, **query)))
    for text, content in (
        (b"{", "application/json"),
        (b"x: y", YAML),
        (b"propagationPolicy: Foreground\nkind: DeleteOptions\napiVersion: v1\n", YAML),
        (b"{}", "text/plain"),
    ):
        yield from _around(kind, 1, call("DELETE", where, raw=text, content=content))
    yield call("DELETE", target(where, propagationPolicy="Orphan"), _OPTIONS)
    yield call("DELETE", kind.path("nowhere", "a"))
    yield call("DELETE", kind.path())
    yield from _terminating(kind)
    yield from _collections(kind)


def _around(kind: Kind, number: int, step: Step) -> Iterator[Step]:
    keep = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}
    metadata = {"finalizers": ["example.com/hold"]} if number % 2 else {}
    yield call("POST", kind.path("deletes"), kind.object("a", SPEC, metadata=metadata), keep=keep)
    yield step
    yield call("GET", kind.path("deletes", "a"))
    yield call("PATCH", kind.path("deletes", "a"), {"metadata": {"finalizers": None}}, content=MERGE)
    yield call("DELETE", kind.path("deletes", "a"))


def _terminating(kind: Kind) -> Iterator[Step]:
    """
    What may still be done to an object that waits for its finalizers.
    """
    where = kind.path("deletes", "t")
    held = {"finalizers": ["example.com/one", "example.com/two"]}
    yield call("POST", kind.path("deletes"), kind.object("t", SPEC, metadata=held))
    yield call("DELETE", where)
    yield call("POST", kind.path("deletes"), kind.object("t", SPEC))
    yield call("DELETE", where, {**_OPTIONS, "propagationPolicy": "Foreground"})
    yield call("DELETE", where, {**_OPTIONS, "propagationPolicy": "Orphan"})
    yield call("DELETE", where, {**_OPTIONS, "propagationPolicy": "Background"})
    for patch in (
        {"spec": {"size": 6}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"finalizers": ["example.com/one", "example.com/two", "example.com/three"]}},
        {"metadata": {"deletionTimestamp": None}},
        {"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}},
        {"metadata": {"deletionGracePeriodSeconds": 5}},
        {"metadata": {"finalizers": ["example.com/one"]}},
        {"metadata": {"finalizers": []}, "spec": {"size": 7}},
    ):
        yield call("PATCH", where, patch, content=MERGE)
    yield call("GET", where)
    yield call(
        "POST",
        kind.path("deletes"),
        kind.object("t", SPEC, metadata=held),
        keep={"rv": "metadata.resourceVersion"},
    )
    yield call("DELETE", target(where, dryRun="All"))
    yield call("DELETE", where)
    yield call("PATCH", target(where, dryRun="All"), {"metadata": {"finalizers": None}}, content=MERGE)
    yield call("PATCH", where, [{"op": "remove", "path": "/metadata/finalizers"}], content=JSON_PATCH)
    yield call("GET", where)


def _collections(kind: Kind) -> Iterator[Step]:
    path = kind.path("deletes")
    for query in _COLLECTIONS:
        for number in range(3):
            metadata = {
                "labels": {"side": "left" if number % 2 else "right"},
                **({"finalizers": ["example.com/f"]} if number == 2 else {}),
            }
            spec = {"color": "blue" if number else "red"}
            yield call(
                "POST",
                path,
                kind.object(f"c-{number}", spec, metadata=metadata),
                keep={"rv": "metadata.resourceVersion"},
            )
        yield call("DELETE", target(path, **query))
        yield call("GET", path)
    yield call("DELETE", path, {**_OPTIONS, "propagationPolicy": "Bogus"})
    yield call("DELETE", path, {**_OPTIONS, "preconditions": {"uid": "x"}})
    yield call("DELETE", path, raw=b"{", content="application/json")
    yield call("DELETE", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    yield call("DELETE", kind.path("nowhere"))
