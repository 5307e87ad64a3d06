"""
Create, update and patch: identity, preconditions, options, and writes that change nothing.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON, MERGE, YAML, Step, call, target
from tests.differential.topics.common import SPEC, namespace

_TEXTS = (
    b"", b"{}", b"null", b"[]", b"5", b'"x"', b"{", b"{]", b'{"a":1}}', b'{"kind":"Widget"}', b"\xff\xfe", b'{"a":"\xff"}',
    b'{"apiVersion":5,"kind":"Widget"}', b'{"apiVersion":"probe.example.com/v1","kind":5}', b'{"kind":""}', b"not json",
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"t"},"spec":{"color":"red","big":NaN}}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"u"},"spec":{"color":"red","note":"\\ud800"}}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"v"},"spec":{"color":"red","free":{"a":1e400}}}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"color":"red","free":{"a":18446744073709551616,"b":1.0,"c":1e3,"d":-0,"e":1.50}}}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"x"},"spec":{"color":"red"}} trailing',
    b'\xef\xbb\xbf{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"y"},"spec":{"color":"red"}}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"z"},"spec":{"color":"red","free":{"a":"\\u0000"}}}',
)  # fmt: skip
_YAMLS = (
    b"", b"--- \n", b"a: b", b"- a", b"a: b: c", b"a: *x", b"\t", b"kind: Widget\napiVersion: probe.example.com/v1\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: yes}\nspec: {color: red}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y1, labels: {a: yes, b: 5}}\nspec: {color: red}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y2}\nspec: {color: red, free: {a: yes, b: 2020-01-02, c: 0x10, d: 010, e: 1e3, f: ~, g: 12:30:45, h: .5, i: 1_000, j: on, k: 0o17, 5: x, true: y}}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y3}\nspec: &s {color: red, color: blue, size: 3, size: 4}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y4}\nspec: {color: red}\n---\nkind: Other\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y5}\nspec:\n  color: red\n  free:\n    <<: {a: 1}\n    b: &b [1, 2]\n    c: *b\n    d: !!str 5\n    e: !!binary aGk=\n    f: 'x'\n    g: |\n      text\n    h: >-\n      folded\n      text\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y7}\nspec: {color: red, free: {l: .inf}}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y8}\nspec: {color: red, free: {y: n, t: 1e3, u: 0b11, v: 0o17, w: 12e03, x: 2001-12-14t21:59:43.10-05:00, big: 18446744073709551616, f: 3.0}}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y9}\nspec: {color: red, free: {? [a] : b}}\n",
    b"%YAML 1.1\n---\napiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: y6}\nspec: {color: red, note: abc}\n",
)  # fmt: skip
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"dryRun": "All"}, {"dryRun": "Maybe"}, {"dryRun": ["All", "All"]}, {"dryRun": ["All", "x"]}, {"dryRun": ""},
    {"fieldManager": "m"}, {"fieldManager": "m" * 129}, {"fieldManager": "a\x01b"}, {"fieldManager": ""},
    {"fieldValidation": "Bogus"}, {"fieldValidation": ["Strict", "Warn"]}, {"force": "true"}, {"force": "x"},
    {"pretty": "true"}, {"pretty": "x"}, {"unknown": "1"}, {"timeout": "5s"}, {"timeout": "x"}, {"timeout": "-1s"},
    {"timeout": "0"}, {"fieldManager": "é"}, {"dryRun": "Maybe", "fieldValidation": "Bogus", "fieldManager": "é"},
)  # fmt: skip


def creates(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    POST: broken bodies, wrong identities, options, collisions.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("creates")
    where = kind.path("creates")
    for text in _TEXTS:
        yield call("POST", where, raw=text)
    for text in _YAMLS:
        yield call("POST", where, raw=text, content=YAML)
    yield call("POST", where)
    good = kind.object("good", SPEC)
    for content in _CONTENTS:
        yield call("POST", target(where, dryRun="All"), good, content=content)
    for member, wrong in itertools.product(
        ("apiVersion", "kind"), ("", "x", "v1", 5, None, "probe.example.com/v2")
    ):
        yield call("POST", where, {**good, member: wrong})
    extras: tuple[dict[str, Any], ...] = (
        {"status": {"phase": "Done"}},
        {"extra": 1},
        {"spec": None},
        {"spec": []},
        {"Spec": SPEC},
    )
    for members in extras:
        yield call("POST", target(where, dryRun="All"), {**good, **members})
    for options in _OPTIONS:
        yield call("POST", target(where, **options), kind.object("optional", SPEC))
        yield call("DELETE", kind.path("creates", "optional"))
    for path in (where, kind.path("nowhere"), kind.path(), kind.path("creates", "good")):
        yield call("POST", path, good)
        yield call("POST", path, good)
    yield from _other_version(kinds)
    for cluster in (find(kinds, "plates"), find(kinds, "arkconfigs")):
        yield call(
            "POST", cluster.path(), cluster.object("one", {"text": "t"} if cluster.plural == "plates" else {})
        )
        yield call("POST", cluster.path(), cluster.object("two", metadata={"namespace": "default"}))
        yield call("POST", cluster.path(), cluster.object("three", status={"shown": True}))
        yield call("GET", cluster.path())
        yield call(
            "POST", f"/apis/{cluster.api_version}/namespaces/default/{cluster.plural}", cluster.object("four")
        )
        yield call("GET", f"/apis/{cluster.api_version}/namespaces/default/{cluster.plural}/one")


_CONTENTS = (
    None, JSON, "application/json; charset=utf-8", "application/json;charset=x", "APPLICATION/JSON", "text/plain", "text/yaml",
    YAML, "application/cbor", "application/x-yaml", "", "x", "application/*", "*/*", "application/json, text/plain",
)  # fmt: skip


def _other_version(kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    An object written in one version and read, changed and listed in the other.
    """
    new, old = find(kinds, "widgets", "v1"), find(kinds, "widgets", "v1beta1")
    yield call("POST", new.path("creates"), old.object("crossed", SPEC))
    yield call("POST", old.path("creates"), old.object("old", SPEC))
    for kind in (new, old):
        yield call("GET", kind.path("creates", "old"))
        yield call(
            "PATCH",
            kind.path("creates", "old"),
            {"spec": {"note": f"abc{kind.version[-1:].strip('1') or 'x'}"}},
            content=MERGE,
        )
        yield call("GET", kind.path("creates"))
    yield call("DELETE", old.path("creates", "old"))


def updates(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    PUT: names, revisions, uids, no-ops, generation, status, and options.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("updates")
    keep = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}
    yield call(
        "POST", kind.path("updates"), kind.object("a", SPEC), keep={"old": "metadata.resourceVersion", **keep}
    )
    where = kind.path("updates", "a")

    def put(path: str = where, *, spec: Any = None, name: str | None = "a", **members: Any) -> Step:
        metadata = {"resourceVersion": "$(rv)", **members.pop("metadata", {})}
        return call(
            "PUT",
            path,
            kind.object(name, SPEC if spec is None else spec, metadata=metadata, **members),
            keep=keep,
        )

    yield put()
    yield put(spec={**SPEC, "size": 5})
    yield put(spec={**SPEC, "size": 5})
    for metadata in _PUT_METADATA:
        yield put(spec={"color": rng.choice(["red", "green"])}, metadata=metadata)
        yield call("GET", where, keep=keep)
    changes: tuple[dict[str, Any], ...] = (
        {"status": {"phase": "Done"}},
        {"extra": 1},
        {"kind": "Wrong"},
        {"apiVersion": "probe.example.com/v1beta1"},
        {"spec": {}},
        {"spec": None},
    )
    for members in changes:
        yield put(where, **members)
        yield call("GET", where, keep=keep)
    yield put(name=None)
    yield put(name="b")
    yield put(path=kind.path("updates", "b"), name="b")
    yield put(path=kind.path("updates", "b"), name="b", metadata={"resourceVersion": ""})
    yield put(path=kind.path("nowhere", "a"))
    yield put(path=kind.path("updates"))
    for options in _OPTIONS:
        yield put(path=target(where, **options), spec={"color": rng.choice(["red", "green", "blue"])})
        yield call("GET", where, keep=keep)
    for text in (*_TEXTS[:14], b'{"apiVersion":"probe.example.com/v1","kind":"Widget"}'):
        yield call("PUT", where, raw=text)
    plate = find(kinds, "plates")
    yield call("POST", plate.path(), plate.object("updated", {"text": "a"}), keep=keep)
    for status in ({"shown": True}, {"shown": True}, {"shown": False}):
        yield call(
            "PUT",
            plate.path("", "updated"),
            plate.object("updated", {"text": "a"}, status=status, metadata={"resourceVersion": "$(rv)"}),
            keep=keep,
        )


_PUT_METADATA: tuple[dict[str, Any], ...] = (
    {"resourceVersion": ""}, {"resourceVersion": "$(old)"}, {"resourceVersion": "x"}, {"resourceVersion": "0"}, {"resourceVersion": "99999999"},
    {"resourceVersion": "-1"}, {"resourceVersion": 5}, {"uid": "$(uid)"}, {"uid": "other"}, {"labels": {"a": "b"}}, {"labels": {}}, {"annotations": {"a": "b"}},
    {"generation": 99}, {"creationTimestamp": "2001-01-01T00:00:00Z"}, {"deletionTimestamp": "2001-01-01T00:00:00Z"}, {"namespace": "other"},
    {"namespace": "updates"}, {"finalizers": ["example.com/f"]}, {"finalizers": []}, {"generateName": "x-"}, {"selfLink": "x"},
    {"deletionGracePeriodSeconds": 5}, {"managedFields": []}, {"managedFields": [{}]}, {"bogus": 1},
)  # fmt: skip


def options(path: str, method: str, body: Any, content: str) -> Iterator[Step]:
    """
    The same write with each odd option.
    """
    for one in _OPTIONS:
        yield call(method, target(path, **one), body, content=content)
