"""
A random walk: any verb on a few names of a few kinds, so that states meet that no table thinks of.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, Call, Step, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.reads import PARTIAL, TABLE
from tests.differential.topics.schemas import body

_STEPS = 700
_KEEP = {"rv": "metadata.resourceVersion", "uid": "metadata.uid", "token": "metadata.continue"}


def walk(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Seven hundred requests on five kinds with four names each in two namespaces.
    """
    places = ("walk-a", "walk-b")
    for place in places:
        yield namespace(place)
    chosen = [
        find(kinds, "widgets", "v1"),
        *(find(kinds, one) for one in ("queries", "agents", "plates", "models")),
    ]
    for _ in range(_STEPS):
        kind, place, name = rng.choice(chosen), rng.choice(places), f"w-{rng.randint(0, 3)}"
        verb = rng.choice(_VERBS)
        step = verb(rng, kind, place, name)
        accept = rng.choice([None] * 8 + [TABLE, PARTIAL, "application/yaml"])
        yield step if accept is None else step._replace(headers={**step.headers, "Accept": accept})


def _options(rng: random.Random, **more: Any) -> dict[str, Any]:
    dry, validation = rng.choice([None] * 6 + ["All"]), rng.choice([None, None, None, "Strict", "Ignore"])
    return {"dryRun": dry, "fieldValidation": validation, **more}


def _object(rng: random.Random, kind: Kind, name: str) -> dict[str, Any]:
    made = body(kind, rng, name)
    if rng.random() < 0.3:
        made = spoiled(made, rng)
    metadata = made["metadata"]
    if rng.random() < 0.4:
        metadata["labels"] = {"a": rng.choice("xyz")}
    if rng.random() < 0.2:
        metadata["finalizers"] = ["example.com/f"]
    return made


def _create(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    return call("POST", target(kind.path(place), **_options(rng)), _object(rng, kind, name), keep=_KEEP)


def _get(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    return call("GET", kind.path(place, name), keep=_KEEP)


def _list(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    query = {
        "limit": rng.choice([None, 1, 2]),
        "labelSelector": rng.choice([None, None, "a=x", "a!=x"]),
    }
    return call("GET", target(kind.path(rng.choice([place, ""])), **query))


def _update(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    made = _object(rng, kind, name)
    made["metadata"]["resourceVersion"] = rng.choice(["$(rv)", "$(rv)", ""])
    return call("PUT", target(kind.path(place, name), **_options(rng)), made, keep=_KEEP)


def _status(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    made = _object(rng, kind, name)
    return call(
        "PATCH",
        target(kind.path(place, name, "status"), **_options(rng)),
        {"status": made.get("status")},
        content=MERGE,
    )


def _merge(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    made = _object(rng, kind, name)
    patch = {member: made[member] for member in ("spec", "metadata") if member in made and rng.random() < 0.7}
    patch.get("metadata", {}).pop("name", None)
    return call("PATCH", target(kind.path(place, name), **_options(rng)), patch, content=MERGE)


def _json_patch(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    path = rng.choice(
        ["/metadata/labels", "/metadata/finalizers", "/metadata/annotations", "/spec", "/status", "/spec/x"]
    )
    value = rng.choice([{"a": "x"}, [], ["example.com/g"], None, {}])
    return call(
        "PATCH",
        target(kind.path(place, name), **_options(rng)),
        [{"op": rng.choice(["add", "remove", "replace", "test"]), "path": path, "value": value}],
        content=JSON_PATCH,
    )


def _delete(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    options = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": rng.choice(["Background", "Background", "Orphan", "Foreground"]),
    }
    if rng.random() < 0.3:
        options["preconditions"] = {"uid": "$(uid)"}  # type: ignore[assignment]
    return call("DELETE", kind.path(place, name), rng.choice([None, options]))


def _release(rng: random.Random, kind: Kind, place: str, name: str) -> Call:
    return call("PATCH", kind.path(place, name), {"metadata": {"finalizers": None}}, content=MERGE)


_VERBS = (
    _create,
    _create,
    _create,
    _get,
    _list,
    _update,
    _update,
    _status,
    _merge,
    _merge,
    _json_patch,
    _delete,
    _release,
)
