"""
Rules of schemas: what they hold against objects, and which ones a definition may have.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.cel import rulecases
from tests.differential.kinds import Kind
from tests.differential.steps import APPLY, MERGE, Gather, Step, Watches, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.definitions import CRDS
from tests.registry.definitions.cases import definition, version

GROUP = "rules.example.com"
_PLACE = f"/apis/{GROUP}/v1/namespaces/rules"
_COSTLY = "self.all(x, self.all(y, x != y || x == y))"
# So many that Kubernetes' own order, which is that of Go's maps, shows.
_UNORDERED = 3


def rules(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Definitions with wrong rules; objects that are created, updated, patched and applied under right ones.
    """
    yield namespace("rules")
    for number, schema in enumerate(rulecases.schemas()):
        if len(schema["properties"]) < _UNORDERED:
            yield call("POST", target(CRDS, dryRun="All"), _definition(f"wrong{number}s", schema))
    yield from _defined("things", rulecases.SCHEMA)
    for number, (new, old) in enumerate(rulecases.OBJECTS):
        yield from _judged(f"thing-{number}", new, old)
    yield from _statuses()
    yield from _spent()


def _definition(plural: str, schema: dict[str, Any]) -> dict[str, Any]:
    names = {"plural": plural, "kind": plural[:-1].capitalize()}
    versions = [version(schema=schema, subresources={"status": {}})]
    return definition(plural=plural, group=GROUP, names=names, versions=versions)


def _defined(plural: str, schema: dict[str, Any]) -> Iterator[Step]:
    selector = f"metadata.name={plural}.{GROUP}"
    yield Watches([target(CRDS, watch="1", fieldSelector=selector, timeoutSeconds=3)])
    yield call("POST", CRDS, _definition(plural, schema))
    yield Gather()


def _named(body: dict[str, Any], name: str) -> dict[str, Any]:
    made = copy.deepcopy(body)
    made["apiVersion"] = f"{GROUP}/v1"
    made["metadata"] = {**made["metadata"], "name": made["metadata"].get("name", name)}
    if made["metadata"]["name"] == "thing":
        made["metadata"]["name"] = name
    return made


def _judged(name: str, new: dict[str, Any], old: dict[str, Any] | None) -> Iterator[Step]:
    """
    A creation, or an update of what was there before, as every sort of write.
    """
    things = f"{_PLACE}/things"
    if old is None:
        yield call("POST", target(things, dryRun="All"), _named(new, name))
        yield call("POST", things, _named(new, name))
        return
    body = _named(new, name)
    where = f"{things}/{body['metadata']['name']}"
    yield call("POST", things, _named(old, name))
    yield call("GET", where, keep={"rv": "metadata.resourceVersion"})
    body["metadata"]["resourceVersion"] = "$(rv)"
    yield call("PUT", target(where, dryRun="All"), body)
    yield call("PATCH", target(where, dryRun="All"), {"spec": new["spec"]}, content=MERGE)
    del body["metadata"]["resourceVersion"]
    yield call("PATCH", target(where, fieldManager="rules", force="true"), body, content=APPLY)


def _statuses() -> Iterator[Step]:
    where = f"{_PLACE}/things/thing-1"
    yield call("PATCH", f"{where}/status", {"status": {"phase": "z"}}, content=MERGE)
    yield call("PATCH", f"{where}/status", {"status": {"phase": "a"}}, content=MERGE)
    yield call("PATCH", f"{where}/status", {"status": {"phase": 1}}, content=MERGE)
    yield call("PATCH", where, {"spec": {"size": 0}, "status": {"phase": "z"}}, content=MERGE)
    yield call("PATCH", where, {"spec": {"size": "x"}}, content=MERGE)
    yield call("PATCH", f"{where}/status", {"spec": {"size": 0}}, content=MERGE)
    yield call("GET", where)


def _spent() -> Iterator[Step]:
    """
    What costs too much, in one rule and in all of them.
    """
    text, few = {"type": "string", "maxLength": 5}, {"maxItems": 400}
    items = rulecases.node(rulecases.array(text, **few), _COSTLY)
    each = rulecases.array(rulecases.node(text, "[1, 2, 3].all(x, x > 0)"), **few)
    yield from _defined("costs", rulecases.struct(many=items, each=each))
    costs = f"{_PLACE}/costs"
    for count in (10, 300, 400):
        for member in ("many", "each"):
            body = {"apiVersion": f"{GROUP}/v1", "kind": "Cost", "metadata": {"name": f"{member}-{count}"}}
            yield call("POST", costs, {**body, member: ["a"] * count})
