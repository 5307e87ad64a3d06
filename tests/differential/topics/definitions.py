"""
Definitions as objects: right and wrong ones, what they become, and the kinds that they make.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind
from tests.differential.steps import JSON_PATCH, MERGE, YAML, Gather, Step, Watches, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.reads import TABLE
from tests.registry.definitions.cases import CASES, definition, version

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "kinds.example.com"
_V1 = f"/apis/{GROUP}/v1/namespaces/definitions"
_STRATEGIC = "application/strategic-merge-patch+json"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A gear.",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["teeth"],
            "properties": {
                "teeth": {"type": "integer", "minimum": 3, "description": "How many."},
                "metal": {"type": "string", "default": "iron", "enum": ["iron", "brass"]},
            },
        },
        "status": {"type": "object", "properties": {"teeth": {"type": "integer"}}},
    },
}
_MEMBERS: dict[str, Any] = {
    "subresources": {
        "status": {},
        "scale": {"specReplicasPath": ".spec.teeth", "statusReplicasPath": ".status.teeth"},
    },
    "selectableFields": [{"jsonPath": ".spec.metal"}],
    "additionalPrinterColumns": [
        {"name": "Teeth", "type": "integer", "jsonPath": ".spec.teeth", "description": "How many."},
        {"name": "Metal", "type": "string", "jsonPath": ".spec.metal", "priority": 1},
    ],
}


def cases(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Every case of the table, in dry run, as it is and strictly.
    """
    for body in CASES.values():
        yield call("POST", target(CRDS, dryRun="All"), body)
        if rng.random() < 0.2:
            yield call("POST", target(CRDS, dryRun="All", fieldValidation="Strict"), body)
    for group in ("first.example.com", "second.example.com"):
        body = definition(group=group)
        yield call("POST", target(CRDS, dryRun="All"), body, accept="application/yaml", content=YAML)


def definitions(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    The life of a definition: names, versions, changes, objects, conflicts and its end.
    """
    yield namespace("definitions")
    yield from _settled(_gears(), "gears")
    yield from _read()
    yield from _objects()
    yield from _changed()
    yield from _conflicting()
    yield from _removed()


def _gears(**members: Any) -> dict[str, Any]:
    versions = [version(schema=_SCHEMA, **_MEMBERS), version("v2", schema=_SCHEMA, **_MEMBERS)]
    names = {"plural": "gears", "kind": "Gear", "shortNames": ["gr"], "categories": ["parts"]}
    return definition(**{"plural": "gears", "group": GROUP, "names": names, "versions": versions, **members})


def _settled(body: dict[str, Any], plural: str, method: str = "POST", where: str = CRDS) -> Iterator[Step]:
    """
    A write, and all that the server itself writes because of it.
    """
    yield _followed(plural)
    yield call(
        method,
        where,
        body,
        content=None if body is None else MERGE if method == "PATCH" else "application/json",
    )
    yield Gather()


def _followed(plural: str) -> Step:
    selector = f"metadata.name={plural}.{GROUP}"
    return Watches([target(CRDS, watch="1", fieldSelector=selector, timeoutSeconds=3)])


def _read() -> Iterator[Step]:
    gears = f"{CRDS}/gears.{GROUP}"
    selector = f"metadata.name=gears.{GROUP}"
    yield call("GET", gears)
    yield call("GET", gears, accept=YAML)
    for where in (gears, target(CRDS, fieldSelector=selector)):
        yield call("GET", where, accept=TABLE)
    yield call("GET", target(CRDS, fieldSelector="spec.group=x"))
    yield call("GET", f"{gears}/status")
    yield call("GET", f"{gears}/scale")
    yield call("POST", CRDS, _gears())
    for path in (f"/apis/{GROUP}", f"/apis/{GROUP}/v1", f"/apis/{GROUP}/v2", f"/apis/{GROUP}/v3"):
        yield call("GET", path)
    yield call("GET", "/apis/apiextensions.k8s.io/v1")


def _objects() -> Iterator[Step]:
    gears = f"{_V1}/gears"

    def gear(name: str, spec: Any, number: int = 1, **metadata: Any) -> dict[str, Any]:
        api_version = f"{GROUP}/v{number}"
        return {
            "apiVersion": api_version,
            "kind": "Gear",
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }

    yield call("POST", gears, gear("one", {"teeth": 12}))
    yield call("POST", gears, gear("two", {"teeth": 1, "metal": "gold"}))
    yield call("POST", gears.replace("/v1/", "/v2/"), gear("three", {"teeth": 9, "metal": "brass"}, 2))
    yield call("POST", gears, gear("four", {"teeth": 9}, 2))
    for where in (gears, f"{gears}/one", f"{gears}/one/scale", f"{gears.replace('/v1/', '/v2/')}/one"):
        yield call("GET", where)
    yield call("GET", gears, accept=TABLE)
    yield call("GET", target(gears, fieldSelector="spec.metal=brass"))
    yield call("GET", target(gears, fieldSelector="spec.teeth=9"))
    yield call("PATCH", f"{gears}/one/scale", {"spec": {"replicas": 7}}, content=MERGE)
    yield call("PATCH", f"{gears}/one/status", {"status": {"teeth": 7}}, content=MERGE)
    yield call("GET", f"{gears}/one")
    yield call("GET", gears.replace("/v1/", "/v3/"))


def _changed() -> Iterator[Step]:
    """
    Updates, each judged beside what was there before.
    """
    where, gears = f"{CRDS}/gears.{GROUP}", f"{_V1}/gears"
    wrong: tuple[dict[str, Any], ...] = (
        {"spec": {"scope": "Cluster"}},
        {"spec": {"names": {"kind": "Other"}}},
        {"spec": {"names": {"plural": "others"}}},
        {"spec": {"group": "other.example.com"}},
        {"spec": {"versions": None}},
        {"spec": {"versions": [version("v2", schema=_SCHEMA, storage=True)]}},
        {"spec": {"preserveUnknownFields": True}},
        {"spec": {"names": {"shortNames": ["Bad_Name"]}}},
        {"spec": {"conversion": {"strategy": "Webhook"}}},
        {"spec": {"bogus": 1}},
        {"status": {"storedVersions": []}},
    )
    for patch in wrong:
        yield call("PATCH", target(where, dryRun="All"), patch, content=MERGE)
    yield call("PATCH", target(where, fieldValidation="Strict"), {"spec": {"bogus": 1}}, content=MERGE)
    yield call("PATCH", where, {"metadata": {"labels": {"a": "b"}}}, content=_STRATEGIC)
    yield call(
        "PATCH", where, [{"op": "add", "path": "/spec/names/shortNames/-", "value": "gg"}], content=JSON_PATCH
    )
    yield call("PATCH", where, [{"op": "test", "path": "/spec/scope", "value": "x"}], content=JSON_PATCH)
    yield call("PUT", where, _gears())
    schema = copy.deepcopy(_SCHEMA)
    schema["properties"]["spec"]["properties"]["size"] = {"type": "integer", "default": 5, "format": "color"}
    # What is the same in versions of different schemas may not be selectable fields.
    fewer = {name: value for name, value in _MEMBERS.items() if name != "selectableFields"}
    kept = [version(schema=schema, **_MEMBERS), version("v2", schema=_SCHEMA, **_MEMBERS)]
    yield call("PATCH", where, {"spec": {"versions": kept}}, content=MERGE)
    kept[1] = version("v2", schema=_SCHEMA, **fewer)
    yield from _settled({"spec": {"versions": kept}}, "gears", "PATCH", where)
    yield call("GET", f"{gears}/one")
    kept[0].update(deprecated=True, deprecationWarning="gears of v1 go away")
    yield from _settled({"spec": {"versions": kept}}, "gears", "PATCH", where)
    yield call("GET", f"{gears}/one")
    moved = [{**kept[0], "storage": False}, {**kept[1], "storage": True}]
    yield from _settled({"spec": {"versions": moved}}, "gears", "PATCH", where)
    yield call("PATCH", where, {"spec": {"versions": moved[1:]}}, content=MERGE)
    yield call("GET", f"{gears}/one")
    yield call("PATCH", f"{gears}/one", {"spec": {"teeth": 8}}, content=MERGE)
    unserved = [{**moved[0], "served": False}, moved[1]]
    yield from _settled({"spec": {"versions": unserved}}, "gears", "PATCH", where)
    for path in (
        f"{gears}/one",
        f"{gears.replace('/v1/', '/v2/')}/one",
        f"/apis/{GROUP}",
        f"/apis/{GROUP}/v1",
    ):
        yield call("GET", path)
    status = {"status": {"storedVersions": ["v2"], "observedGeneration": 3}}
    yield call("PATCH", f"{where}/status", {**status, "spec": {"scope": "Cluster"}}, content=MERGE)
    yield call("PATCH", f"{where}/status", {"status": {"acceptedNames": {"plural": "BAD"}}}, content=MERGE)
    yield call("GET", where)


def _conflicting() -> Iterator[Step]:
    others: tuple[dict[str, Any], ...] = (
        {"plural": "cogs", "kind": "Gear"},
        {"plural": "cogs", "kind": "Cog", "shortNames": ["gr", "gears"]},
        {"plural": "cogs", "kind": "Cog", "singular": "gear"},
        {"plural": "cogs", "kind": "Cog", "listKind": "Gear"},
    )
    where = f"{CRDS}/cogs.{GROUP}"
    for names in others:
        body = definition(plural="cogs", group=GROUP, names=names)
        yield from _settled(body, "cogs")
        yield call("GET", where)
        yield call("GET", f"/apis/{GROUP}/v1/namespaces/definitions/cogs")
        yield from _settled(None, "cogs", "DELETE", where)
    yield from _settled(
        definition(plural="cogs", group=GROUP, names={"plural": "cogs", "kind": "Gear"}), "cogs"
    )


def _removed() -> Iterator[Step]:
    """
    The definition goes with its objects, and another one gets its names.
    """
    where, gears = f"{CRDS}/gears.{GROUP}", f"{_V1}/gears".replace("/v1/", "/v2/")
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    yield call("PATCH", f"{gears}/one", held, content=MERGE)
    yield call("DELETE", where, {"preconditions": {"uid": "no"}})
    yield call("DELETE", where, {"preconditions": {"resourceVersion": "1"}})
    yield call("DELETE", target(where, dryRun="All"))
    yield from _settled(None, "gears", "DELETE", target(where, propagationPolicy="Foreground"))
    yield call("GET", where)
    yield call("DELETE", where)
    body = {"apiVersion": f"{GROUP}/v2", "kind": "Gear", "metadata": {"name": "late"}, "spec": {"teeth": 9}}
    yield call("POST", gears, body)
    yield call("GET", gears)
    yield call("GET", f"/apis/{GROUP}/v2")
    yield call("PATCH", f"{gears}/one", {"metadata": {"finalizers": None}}, content=MERGE)
    for _ in range(3):
        # kube-apiserver looks every five seconds whether the objects have gone.
        yield _followed("nothing")
        yield Gather()
    for path in (where, gears, f"/apis/{GROUP}/v2", f"{CRDS}/cogs.{GROUP}"):
        yield call("GET", path)
    yield call("GET", f"/apis/{GROUP}")
