"""
Names, labels, annotations, finalizers, owners, and the members that only the server sets.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, Step, call, target
from tests.differential.topics.common import SPEC, namespace

_NAMES: tuple[Any, ...] = (
    "ok", "a.b-c", "A", "a_b", "-a", "a-", "a..b", ".", "..", "a/b", "a%b", "é", "", 5, None, ["x"], "x" * 253,
    "x" * 254, "1", "0.0", "a b", "a\n", "a" * 63 + "." + "b" * 63,
)  # fmt: skip
_LABELS: tuple[Any, ...] = (
    {"a": "b"}, {"example.com/a": "b"}, {"a": ""}, {"": "x"}, {"a b": "x"}, {"/a": "x"}, {"a/": "x"}, {"a/b/c": "x"},
    {"A.com/a": "x"}, {"a" * 64: "x"}, {"x" * 254 + "/a": "x"}, {"a": "x" * 64}, {"a": "-x"}, {"a": "x y"},
    {"a": 5}, {"a": None}, {"a": True}, {"a": ["x"]}, [], "x", 5, None, {"_a": "x"}, {"a": "_"}, {"z": "!", "b": "!"},
)  # fmt: skip
_ANNOTATIONS: tuple[Any, ...] = (
    {"a": "any thing\n☃"}, {"Example.com/A": "b"}, {"a b": "x"}, {"": "x"}, {"a": "x" * 262143}, {"a": "x" * 262144},
    {"a": 5}, {"a": None}, [], "x", {"a/b/c": "x"},
)  # fmt: skip
_FINALIZERS: tuple[Any, ...] = (
    ["example.com/f"], ["nofq"], ["a b"], [""], ["example.com/"], ["/x"], ["orphan", "foregroundDeletion"], ["orphan"],
    ["foregroundDeletion"], ["kubernetes"], ["example.com/f", "example.com/f"], "x", [5], [None], {}, None, [],
    ["example.com/x", "one", "two"],
)  # fmt: skip
_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u-1"}
_OWNERS: tuple[Any, ...] = (
    [_OWNER], [_OWNER, _OWNER], [_OWNER, {**_OWNER, "name": "p"}], [{}], [{**_OWNER, "uid": ""}],
    [{**_OWNER, "apiVersion": ""}], [{**_OWNER, "apiVersion": "a/b/c"}], [{**_OWNER, "kind": "Event"}],
    [{**_OWNER, "controller": True}, {**_OWNER, "uid": "u-2", "controller": True}], [{**_OWNER, "controller": "yes"}],
    [{**_OWNER, "bogus": 1}], [5], {}, None, [{**_OWNER, "name": ""}], [{**_OWNER, "kind": ""}],
    [{**_OWNER, "blockOwnerDeletion": True, "controller": False}],
)  # fmt: skip
_SYSTEM: tuple[dict[str, Any], ...] = (
    {"uid": "mine"}, {"uid": 5}, {"selfLink": "/x"}, {"creationTimestamp": "2001-01-01T00:00:00Z"},
    {"creationTimestamp": "x"}, {"creationTimestamp": None}, {"deletionTimestamp": "2001-01-01T00:00:00Z"},
    {"deletionGracePeriodSeconds": 7}, {"generation": 7}, {"generation": "7"}, {"generation": -1},
    {"resourceVersion": "0"}, {"resourceVersion": "5"}, {"resourceVersion": 5}, {"resourceVersion": "x"},
    {"managedFields": []}, {"managedFields": [{}]}, {"managedFields": "x"}, {"namespace": "other"}, {"namespace": 5},
    {"bogus": 1}, {"generateName": "g-"}, {"generateName": "G_"}, {"generateName": 5}, {"clusterName": "x"},
)  # fmt: skip


def metadata(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Each odd value of each member of metadata, on create and on update by patch.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("metadata")
    members = [{"name": name} for name in _NAMES] + list(_SYSTEM)
    for member, values in _members():
        members += [{member: value} for value in values]
    for number, member_values in enumerate(members):
        made = kind.object(f"m-{number}", SPEC, metadata=member_values)
        yield call("POST", target(kind.path("metadata"), fieldValidation=rng.choice([None, "Strict"])), made)
    yield call("POST", kind.path("metadata"), kind.object("patched", SPEC, metadata={"labels": {"a": "b"}}))
    where = kind.path("metadata", "patched")
    # Writing managedFields resets those of a server that records them: that is a write of its own.
    members = [one for one in members if "managedFields" not in one]
    for member_values in members:
        yield call("PATCH", where, {"metadata": member_values}, content=MERGE)
        yield call("PATCH", where, {"metadata": {"finalizers": None}}, content=MERGE)
    for member_values in members[:60:3]:
        ((name, value),) = member_values.items()
        yield call(
            "PATCH", where, [{"op": "add", "path": f"/metadata/{name}", "value": value}], content=JSON_PATCH
        )
    odd: tuple[Any, ...] = (None, [], "x", 5)
    for wrong in odd:
        yield call("POST", kind.path("metadata"), {**kind.object("x", SPEC), "metadata": wrong})
        yield call("PATCH", where, {"metadata": wrong}, content=MERGE)
    for prefix in ("gen-", "y" * 60, "Bad_", "a.b."):
        made = kind.object(None, SPEC, metadata={"generateName": prefix})
        yield call("POST", kind.path("metadata"), made, keep={"made": "metadata.name"})
        yield call("GET", kind.path("metadata", "$(made)"))


def _members() -> list[tuple[str, tuple[Any, ...]]]:
    return [
        ("labels", _LABELS),
        ("annotations", _ANNOTATIONS),
        ("finalizers", _FINALIZERS),
        ("ownerReferences", _OWNERS),
    ]
