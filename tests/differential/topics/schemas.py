"""
Bodies against schemas: valid ones, spoiled ones, doubled members, YAML; for every kind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from tests.differential.bodies import spoiled, value, with_duplicates
from tests.differential.kinds import Kind
from tests.differential.steps import JSON, MERGE, YAML, Step, call, encode, target
from tests.differential.topics.common import namespace

_PLAIN, _SPOILED = 4, 22
_VALIDATIONS = (None, None, "Strict", "Strict", "Warn", "Ignore", "strict")


def schemas(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Creates and updates of random bodies of every kind, most of them spoiled somewhere.
    """
    yield namespace("schemas")
    for kind in kinds:
        weight = 3 if kind.plural == "widgets" and kind.version == "v1" else 1
        for number in range(_PLAIN):
            yield from _stored(kind, rng, f"whole-{number}")
        for number in range(_SPOILED * weight):
            yield _spoiled_create(kind, rng, f"spoiled-{number}")
        for number in range(_PLAIN * weight):
            yield from _spoiled_updates(kind, rng, f"whole-{number % _PLAIN}")


def body(kind: Kind, rng: random.Random, name: str) -> dict[str, Any]:
    """
    A random object of a kind, without apiVersion, kind and metadata of its schema.
    """
    members = value(kind.schema, rng)
    for member in ("apiVersion", "kind", "metadata"):
        members.pop(member, None)
    return kind.object(name, **members)


def _stored(kind: Kind, rng: random.Random, name: str) -> Iterator[Step]:
    made = body(kind, rng, name)
    yield call("POST", kind.path("schemas"), made, keep={"rv": "metadata.resourceVersion"})
    if kind.status and "status" in made:
        yield call("PATCH", kind.path("schemas", name, "status"), {"status": made["status"]}, content=MERGE)
    yield call("GET", kind.path("schemas", name))


def _spoiled_create(kind: Kind, rng: random.Random, name: str) -> Step:
    wrong = spoiled(body(kind, rng, name), rng, rng.choice([1, 1, 1, 2, 4]))
    where = target(
        kind.path("schemas"), fieldValidation=rng.choice(_VALIDATIONS), dryRun=rng.choice([None, "All"])
    )
    if rng.random() < 0.2:
        return call("POST", where, raw=with_duplicates(encode(wrong), rng))
    if rng.random() < 0.2:
        return call("POST", where, raw=yaml.safe_dump(wrong, allow_unicode=True).encode(), content=YAML)
    return call("POST", where, wrong, content=rng.choice([JSON, None]))


def _spoiled_updates(kind: Kind, rng: random.Random, name: str) -> Iterator[Step]:
    """
    Ratcheting: what was wrong before and stays is let through, what becomes wrong is not.
    """
    where = kind.path("schemas", name)
    yield call("GET", where, keep={"rv": "metadata.resourceVersion"})
    wrong = spoiled(body(kind, rng, name), rng, rng.choice([0, 1, 2]))
    wrong["metadata"]["resourceVersion"] = "$(rv)"
    yield call("PUT", target(where, fieldValidation=rng.choice(_VALIDATIONS)), wrong)
    patch = {name: part for name, part in spoiled(wrong, rng).items() if name == "spec"}
    yield call("PATCH", target(where, fieldValidation=rng.choice(_VALIDATIONS)), patch, content=MERGE)
    if kind.status:
        status = {"status": spoiled(body(kind, rng, name), rng).get("status")}
        yield call("PATCH", kind.path("schemas", name, "status"), status, content=MERGE)
