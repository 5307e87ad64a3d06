"""
Merge patches and JSON patches, the status and scale subresources.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, Step, call, target
from tests.differential.topics.common import SPEC, namespace
from tests.differential.topics.writes import options

_MERGES: tuple[Any, ...] = (
    {}, {"spec": {"size": 5}}, {"spec": {"size": 5}}, {"spec": {"size": None}}, {"spec": {"color": None}}, {"spec": None}, {"spec": []},
    {"spec": "x"}, {"status": {"phase": "Done"}}, {"extra": 1}, {"kind": "X"}, {"apiVersion": "x"}, {"kind": None}, {"spec": {"bogus": 1}},
    {"spec": {"free": {"a": {"b": 1}}}}, {"spec": {"free": {"a": {"b": None, "c": 2}}}}, {"spec": {"free": None}}, {"spec": {"ports": [{"name": "a"}]}},
    {"spec": {"ports": [{"name": "a"}, {"name": "a"}]}}, {"spec": {"tags": ["a", "b"]}}, {"spec": {"tags": ["a", "a"]}}, {"spec": {"maybe": None}},
    {"metadata": {"name": "other"}}, {"metadata": {"namespace": "other"}}, {"metadata": {"uid": "zzz"}}, {"metadata": {"uid": "$(uid)"}},
    {"metadata": {"resourceVersion": "1"}}, {"metadata": {"resourceVersion": "$(rv)"}}, {"metadata": {"resourceVersion": ""}}, {"metadata": {"resourceVersion": "x"}},
    {"metadata": {"resourceVersion": None}}, {"metadata": {"labels": {"x": "y"}}}, {"metadata": {"labels": {"x": None}}}, {"metadata": None},
    {"metadata": {"generation": 50}}, {"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}, {"metadata": {"annotations": {"a": "b"}}},
    {"metadata": {"annotations": None}}, {"metadata": {"creationTimestamp": None}}, {"metadata": {"bogus": {"x": 1}}}, {"spec": {"steps": [{"run": "x", "retry": None}]}},
    {"spec": {"mode": None}}, {"spec": {"child": {"apiVersion": "v1", "kind": "X", "metadata": {"bogus": 1}}}},
)  # fmt: skip
_BROKEN = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"5",
    b'"x"',
    b"not json",
    b'{"spec":{"size":5,"size":6}}',
    b'{"spec":{"size":NaN}}',
    b"{}{}",
)
_OPERATIONS: tuple[Any, ...] = (
    [], {}, "x", None, [5], [{}], [{"op": "add"}], [{"op": "zork", "path": "/spec/size"}], [{"op": "add", "path": "/spec/size", "value": 6}],
    [{"op": "replace", "path": "/spec/size", "value": 7}], [{"op": "replace", "path": "/spec/note", "value": "abc"}], [{"op": "replace", "path": "/spec/free/x", "value": 1}],
    [{"op": "remove", "path": "/spec/note"}], [{"op": "remove", "path": "/spec/note"}], [{"op": "add", "path": "/spec/nope/x", "value": 1}],
    [{"op": "add", "path": "/spec/tags", "value": ["a"]}], [{"op": "add", "path": "/spec/tags/-", "value": "b"}], [{"op": "add", "path": "/spec/tags/0", "value": "c"}],
    [{"op": "add", "path": "/spec/tags/9", "value": "d"}], [{"op": "add", "path": "/spec/tags/-1", "value": "n"}], [{"op": "remove", "path": "/spec/tags/9"}],
    [{"op": "remove", "path": "/spec/tags/-1"}], [{"op": "add", "path": "/spec/tags/01", "value": "z"}], [{"op": "test", "path": "/spec/size", "value": 7}],
    [{"op": "test", "path": "/spec/size", "value": 8}], [{"op": "test", "path": "/spec/nope", "value": None}], [{"op": "test", "path": "/spec/nope"}],
    [{"op": "copy", "from": "/spec/tags", "path": "/spec/free"}], [{"op": "copy", "from": "/spec/nope", "path": "/spec/note"}], [{"op": "move", "from": "/spec/mode", "path": "/spec/note"}],
    [{"op": "move", "from": "/spec/nope", "path": "/spec/note"}], [{"op": "add", "path": "", "value": {}}], [{"op": "replace", "path": "", "value": {"a": 1}}],
    [{"op": "add", "path": "spec/size", "value": 3}], [{"op": "add", "path": "/metadata/labels", "value": {"a~b": "x", "c/d": "y"}}], [{"op": "remove", "path": "/metadata/labels/c~1d"}],
    [{"op": "remove", "path": "/metadata/labels"}], [{"op": "add", "path": "/metadata/name", "value": "x"}], [{"op": "remove", "path": "/metadata/name"}],
    [{"op": "add", "path": "/spec/bogus", "value": 1}], [{"op": "add", "path": "/spec/size", "value": "x"}], [{"op": "add", "path": "/spec/size", "value": 99}],
    [{"op": "remove", "path": "/spec/color"}], [{"op": "remove", "path": "/spec"}], [{"op": "remove", "path": "/kind"}], [{"op": "replace", "path": "/kind", "value": "X"}],
    [{"op": "add", "path": "/status", "value": {"phase": "Done"}}], [{"op": "add", "path": "/metadata/resourceVersion", "value": "1"}], [{"op": "test", "path": "/metadata/uid", "value": "$(uid)"}],
    [{"op": "add", "path": "/spec/size", "value": 2}, {"op": "test", "path": "/spec/size", "value": 3}], [{"op": "add", "path": "/spec/free", "value": {"a": [1, {"b": 2}]}}],
    [{"op": "replace", "path": "/spec/free/a/1/b", "value": None}], [{"op": "replace", "path": "/spec/free/a/5", "value": 1}], [{"op": "add", "path": "/spec/free/a/1/b/c", "value": 1}],
    [{"op": "test", "path": "/spec/free", "value": {"a": [1, {"b": None}]}}], [{"op": "add", "path": "/spec/size", "value": 4, "bogus": 1}],
    [{"op": "add", "path": "/spec/color"}], [{"op": 5, "path": "/spec/color", "value": 1}], [{"op": "add", "path": 5, "value": 1}],
)  # fmt: skip
_STATUSES: tuple[Any, ...] = (
    {"status": {"phase": "Ready"}}, {"status": {"phase": "Ready"}}, {"status": {"phase": "Bogus"}}, {"status": {"bogus": 1}}, {"status": None}, {"status": {}}, {"status": []},
    {"status": {"observed": 5}}, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, {"status": {"conditions": [{"type": "A", "status": "True"}, {"type": "A", "status": "False"}]}},
    {"spec": {"size": 9}}, {"metadata": {"labels": {"via": "status"}}}, {"metadata": {"finalizers": ["example.com/x"]}}, {"spec": {"size": 99}}, {"metadata": {"annotations": {"a": "b"}}, "status": {"phase": "Done"}},
)  # fmt: skip


def patches(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Each patch of the tables above, one after the other on the same object, and broken ones.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("patches")
    keep = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}
    yield call("POST", kind.path("patches"), kind.object("a", {**SPEC, "mode": "odd"}), keep=keep)
    where = kind.path("patches", "a")
    for content, table in ((MERGE, _MERGES), (JSON_PATCH, _OPERATIONS)):
        for patch in table:
            validation = rng.choice([None, None, "Strict", "Ignore"])
            yield call("PATCH", target(where, fieldValidation=validation), patch, content=content)
            yield call("GET", where, keep=keep)
        for text in _BROKEN:
            yield call("PATCH", where, raw=text, content=content)
        yield call("PATCH", kind.path("patches", "missing"), table[1], content=content)
        yield call("PATCH", kind.path("nowhere", "a"), table[1], content=content)
        yield from options(where, "PATCH", table[1] if content == MERGE else [], content)
    for other in (
        "application/strategic-merge-patch+json",
        "application/json",
        "text/plain",
        None,
        "application/merge-patch+json;charset=utf-8",
        "application/merge-patch+yaml",
    ):
        yield call("PATCH", where, {"spec": {"size": 1}}, content=other)
    yield call("PATCH", kind.path("patches"), {"spec": {}}, content=MERGE)
    yield call(
        "PATCH", where, [{"op": "test", "path": "/kind", "value": "Widget"}] * 10001, content=JSON_PATCH
    )
    for _ in range(40):
        body = spoiled(
            kind.object("a", {**SPEC, "free": {"a": {"b": [1, 2]}}, "ports": [{"name": "n"}]}), rng, 2
        )
        yield call("PATCH", where, {"spec": body.get("spec")}, content=MERGE)


def subresources(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Status takes status alone; scale reads and writes replicas; other subresources do not exist.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("subresources")
    keep = {"rv": "metadata.resourceVersion"}
    yield call("POST", kind.path("subresources"), kind.object("a", {**SPEC, "replicas": 2}), keep=keep)
    where = kind.path("subresources", "a", "status")
    for patch in _STATUSES:
        yield call("PATCH", where, patch, content=MERGE)
        yield call("GET", where, keep=keep)
        body = kind.object(
            "a",
            {"color": "blue"},
            **{
                "metadata": {"resourceVersion": "$(rv)", **(patch.get("metadata") or {})},
                **{k: v for k, v in patch.items() if k == "status"},
            },
        )
        yield call("PUT", where, body, keep=keep)
        yield call("GET", where, keep=keep)
    for revision in ("", "1", "x"):
        yield call(
            "PUT",
            where,
            kind.object("a", SPEC, metadata={"resourceVersion": revision}, status={"phase": "New"}),
        )
    for method in ("POST", "DELETE"):
        yield call(method, where, kind.object("a", SPEC))
    yield call(
        "PUT",
        kind.path("subresources", "b", "status"),
        kind.object("b", SPEC, metadata={"resourceVersion": "1"}),
    )
    yield call("PATCH", kind.path("subresources", "b", "status"), {"status": {}}, content=MERGE)
    requests: tuple[tuple[str, Any], ...] = (
        ("GET", None),
        (
            "PUT",
            {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": {"name": "a"},
                "spec": {"replicas": 3},
            },
        ),
        ("PATCH", {"spec": {"replicas": 4}}),
        ("DELETE", None),
    )
    for sub in ("scale", "bogus", "status/x", "scale/x"):
        for method, sent in requests:
            yield call(
                method,
                kind.path("subresources", "a", sub),
                sent,
                content=MERGE if method == "PATCH" else "application/json",
            )
    yield call(
        "PATCH",
        kind.path("subresources", "a", "status"),
        [{"op": "add", "path": "/status/observed", "value": 7}],
        content=JSON_PATCH,
    )
    yield call("PATCH", kind.path("subresources", "a", "scale"), {"spec": {"replicas": -1}}, content=MERGE)
    yield call("GET", kind.path("subresources", "a"))
    plate = find(kinds, "plates")
    yield call("POST", plate.path(), plate.object("sub"))
    yield call("GET", plate.path("", "sub", "status"))
    query = find(kinds, "queries")
    yield call(
        "POST",
        query.path("subresources"),
        query.object("q", {"input": "hi", "target": {"type": "agent", "name": "a"}}),
    )
    for phase in ("running", "done", "bogus"):
        yield call(
            "PATCH", query.path("subresources", "q", "status"), {"status": {"phase": phase}}, content=MERGE
        )
    yield call("PATCH", query.path("subresources", "q"), {"spec": {"input": "ho"}}, content=MERGE)
    yield call("GET", query.path("subresources", "q"))
