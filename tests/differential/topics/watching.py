"""
Watches: replays, live ones with selectors, initial events, bookmarks, representations, wrong options.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, Gather, Step, Watches, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.reads import ACCEPTS, PARTIAL, TABLE, populate

_WRONG = (
    {"resourceVersionMatch": "NotOlderThan"}, {"resourceVersionMatch": "Exact"}, {"resourceVersionMatch": "Foo"}, {"sendInitialEvents": "true"}, {"sendInitialEvents": "false"},
    {"sendInitialEvents": "x"}, {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"}, {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"}, {"continue_": "x"},
    {"limit": "x"}, {"limit": 1}, {"labelSelector": "!!"}, {"fieldSelector": "nope=1"}, {"resourceVersion": "x"}, {"resourceVersion": "-1"}, {"timeoutSeconds": "x"},
    {"allowWatchBookmarks": "x"}, {"timeout": "x"}, {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "continue_": "x"},
)  # fmt: skip

# Longer than the writes take on a busy machine, and all have to be heard of.
_LIVE = 12


def watching(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    What a watch replays, what it sees of later writes, and what it refuses.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("watching")
    yield from populate(kind, "watching")
    path = kind.path("watching")
    yield from _refused(path)
    yield from _replays(path, kind)
    yield from _live(rng, path, kind)


def _refused(path: str) -> Iterator[Step]:
    for wrong in _WRONG:
        yield Watches([target(path, watch="true", **{"timeoutSeconds": 1, **wrong})])
        yield Gather()
    for accept in ACCEPTS:
        if accept is None or "watch" not in accept:
            yield Watches(
                [target(path, watch="1", timeoutSeconds=1, resourceVersion="$(rv)")],
                {} if accept is None else {"Accept": accept},
            )
    yield Gather()


def _replays(path: str, kind: Kind) -> Iterator[Step]:
    targets = [
        target(path, watch=watch, timeoutSeconds=1, resourceVersion=revision, **more)
        for watch, revision, more in itertools.product(
            ("true",),
            (None, "0", "$(old)", "$(rv)"),
            (
                {},
                {"allowWatchBookmarks": "true"},
                {"labelSelector": "a=b"},
                {"labelSelector": "a!=b"},
                {"fieldSelector": "metadata.name=o-1"},
                {"fieldSelector": "spec.size=9"},
                {"fieldSelector": "spec.size=3"},
                {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"},
                {
                    "sendInitialEvents": "true",
                    "resourceVersionMatch": "NotOlderThan",
                    "allowWatchBookmarks": "true",
                },
                {
                    "sendInitialEvents": "false",
                    "resourceVersionMatch": "NotOlderThan",
                    "allowWatchBookmarks": "true",
                },
                {
                    "sendInitialEvents": "true",
                    "resourceVersionMatch": "NotOlderThan",
                    "allowWatchBookmarks": "true",
                    "labelSelector": "a=b",
                },
            ),
        )
    ]
    targets += [
        target(path, watch=watch, timeoutSeconds=1, resourceVersion="$(old)") for watch in ("maybe", "1", "")
    ]
    targets += [
        target(path.replace("/namespaces", "/watch/namespaces"), timeoutSeconds=1, resourceVersion="$(old)"),
        target(
            f"{path.replace('/namespaces', '/watch/namespaces')}/o-1",
            timeoutSeconds=1,
            resourceVersion="$(old)",
        ),
        target(kind.path().replace("/widgets", "/watch/widgets"), timeoutSeconds=1, resourceVersion="$(rv)"),
        target(kind.path(), watch="true", timeoutSeconds=1, resourceVersion="$(rv)"),
        target(kind.path("nowhere"), watch="true", timeoutSeconds=1),
    ]
    for start in range(0, len(targets), 16):
        yield Watches(targets[start : start + 16])
        yield Gather()
    for accept in (TABLE, PARTIAL, f"{TABLE},application/json"):
        yield Watches(
            [target(path, watch="true", timeoutSeconds=1, resourceVersion=one) for one in (None, "$(old)")],
            {"Accept": accept},
        )
    yield Watches(
        [target(path, watch="true", timeoutSeconds=1, includeObject=one) for one in ("None", "Object")],
        {"Accept": TABLE},
    )
    initial = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    for accept in (TABLE, PARTIAL):
        yield Watches([target(path, watch="true", timeoutSeconds=1, **initial)], {"Accept": accept})
    yield Gather()
    yield call("GET", target(kind.path("watching", "o-1"), watch="true"))


def _live(rng: random.Random, path: str, kind: Kind) -> Iterator[Step]:
    """
    Random writes under watches that started before them, then replays of the same writes.
    """
    filters: list[dict[str, str]] = [{}]
    filters += [{"labelSelector": one} for one in ("a=b", "a=c", "a", "!a", "a in (b,d),n")]
    filters += [
        {"fieldSelector": one}
        for one in (
            "metadata.name=l-1",
            "metadata.name!=l-1",
            "spec.color=red",
            "spec.color!=red,metadata.name=l-2",
        )
    ]
    yield call("GET", path, keep={"start": "metadata.resourceVersion"})
    yield Watches([target(path, watch="true", timeoutSeconds=_LIVE, **one) for one in filters])
    yield Watches(
        [
            target(path, watch="true", timeoutSeconds=_LIVE, resourceVersion="$(start)", **one)
            for one in filters
        ]
    )
    for accept in (TABLE, PARTIAL):
        yield Watches(
            [target(path, watch="true", timeoutSeconds=_LIVE, resourceVersion="$(start)")], {"Accept": accept}
        )
    for _ in range(110):
        yield _write(rng, kind, f"l-{rng.randint(0, 4)}")
    yield Gather()
    yield Watches(
        [target(path, watch="true", timeoutSeconds=1, resourceVersion="$(start)", **one) for one in filters]
    )
    yield Gather()


def _write(rng: random.Random, kind: Kind, name: str) -> Step:
    where = kind.path("watching", name)
    choice = rng.random()
    if choice < 0.35:
        labels = {"labels": {"a": rng.choice("bcd"), "n": "1"}}
        return call(
            "POST",
            kind.path("watching"),
            kind.object(name, {"color": rng.choice(["red", "blue"])}, metadata=labels),
        )
    if choice < 0.55:
        return call("PATCH", where, {"spec": {"color": rng.choice(["red", "blue", "green"])}}, content=MERGE)
    if choice < 0.75:
        return call(
            "PATCH", where, {"metadata": {"labels": {"a": rng.choice(["b", "c", None])}}}, content=MERGE
        )
    if choice < 0.82:
        return call(
            "PATCH",
            kind.path("watching", name, "status"),
            {"status": {"observed": rng.randint(0, 3)}},
            content=MERGE,
        )
    if choice < 0.9:
        finalizers = rng.choice([None, ["example.com/f"]])
        return call(
            "PATCH",
            where,
            [{"op": "add", "path": "/metadata/finalizers", "value": finalizers}],
            content=JSON_PATCH,
        )
    return call("DELETE", where)
