"""
Kinds of any schema, whose definitions change while there are objects of them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind
from tests.differential.shapes import Schema, changed, schema, value
from tests.differential.steps import APPLY, JSON_PATCH, MERGE, Call, Gather, Step, Watches, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.definitions import CRDS
from tests.differential.topics.reads import PARTIAL, TABLE
from tests.registry.definitions.cases import definition, version

GROUP = "evolving.example.com"
_KINDS = 10
_ROUNDS = 3
_STEPS = 24
_KEEP = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}


class _Evolving(NamedTuple):
    """
    A kind of two versions, of one schema or two.

    @ivar versions: the schema of C{spec} and C{status} in each.
    @ivar base: what they were made of.
    @ivar stored: the name of the version that objects are stored in.
    """

    plural: str
    versions: dict[str, Schema]
    base: Schema
    stored: str

    def path(self, version: str, name: str = "", subresource: str = "") -> str:
        parts = [f"/apis/{GROUP}/{version}/namespaces/evolving/{self.plural}", name, subresource]
        return "/".join(part for part in parts if part)

    def definition(self) -> dict[str, Any]:
        names = {"plural": self.plural, "kind": self.plural[:-1].capitalize()}
        versions = [
            version(name, schema=_whole(inner), storage=name == self.stored, subresources={"status": {}}, additionalPrinterColumns=_columns(inner))
            for name, inner in self.versions.items()
        ]  # fmt: skip
        return definition(plural=self.plural, group=GROUP, names=names, versions=versions)


def _whole(spec: Schema) -> Schema:
    status = copy.deepcopy(spec)
    status.pop("default", None)
    return {"type": "object", "properties": {"spec": spec, "status": status}}


def _columns(spec: Schema) -> list[dict[str, Any]]:
    """
    Some members, whatever their types.
    """
    kinds = ["string", "integer", "number", "boolean", "date"]
    columns: list[dict[str, Any]] = [
        {"name": f"N{number}", "type": kinds[number % 5], "jsonPath": f".spec.{name}"}
        for number, name in enumerate(spec["properties"])
        if name.isascii() and name.isidentifier()
    ]
    return columns


def evolving(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Random writes and reads in both versions, then other schemas, and again.
    """
    yield namespace("evolving")
    ours = [_made(rng, f"kind{chr(ord('a') + number)}s") for number in range(_KINDS)]
    yield from _settled(call("POST", CRDS, one.definition()) for one in ours)
    for round_ in range(_ROUNDS):
        for one in ours:
            for _ in range(_STEPS):
                yield from _step(rng, one)
        if round_ < _ROUNDS - 1:
            ours = [_evolved(rng, one) for one in ours]
            yield from _settled(
                call("PATCH", f"{CRDS}/{one.plural}.{GROUP}", {"spec": {"versions": one.definition()["spec"]["versions"]}}, content=MERGE)
                for one in ours
            )  # fmt: skip


def _made(rng: random.Random, plural: str) -> _Evolving:
    base = schema(rng)
    return _Evolving(plural, _versions(rng, base), base, "v1")


def _versions(rng: random.Random, base: Schema) -> dict[str, Schema]:
    """
    Both have the same members: an object is the same in both but for its defaults.
    """
    other = changed(base, rng, 2, False) if rng.random() < 0.5 else base
    return {"v1": base, "v2": other}


def _evolved(rng: random.Random, one: _Evolving) -> _Evolving:
    base = changed(one.base, rng, 2) if rng.random() < 0.8 else one.base
    return one._replace(versions=_versions(rng, base), base=base, stored=rng.choice(["v1", one.stored, "v2"]))


def _settled(steps: Iterator[Call]) -> Iterator[Step]:
    """
    Writes of definitions, and time for a server to take them in.
    """
    yield from steps
    yield Watches([target(CRDS, watch="1", fieldSelector="metadata.name=none", timeoutSeconds=3)])
    yield Gather()


def _step(rng: random.Random, one: _Evolving) -> Iterator[Step]:
    name, served = f"o-{rng.randint(0, 3)}", rng.choice(["v1", "v2"])
    step = rng.choice(_VERBS)(rng, one, served, name)
    yield step
    if step.method != "GET" and rng.random() < 0.5:
        yield call("GET", one.path(rng.choice(["v1", "v2"]), name), keep=_KEEP)


def _object(rng: random.Random, one: _Evolving, served: str, name: str) -> dict[str, Any]:
    made = {
        "apiVersion": f"{GROUP}/{served}",
        "kind": one.plural[:-1].capitalize(),
        "metadata": {"name": name, **({"labels": {"a": rng.choice("xyz")}} if rng.random() < 0.3 else {})},
        "spec": value(one.versions[served], rng),
    }
    return spoiled(made, rng) if rng.random() < 0.15 else made


def _options(rng: random.Random) -> dict[str, Any]:
    return {
        "fieldManager": rng.choice(["m1", "m2"]),
        "fieldValidation": rng.choice([None, None, "Strict", "Ignore"]),
        "dryRun": rng.choice([None] * 9 + ["All"]),
    }


def _post(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    made = {**_object(rng, one, served, name), "status": value(one.versions[served], rng)}
    return call("POST", target(one.path(served), **_options(rng)), made, keep=_KEEP)


def _put(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    made = _object(rng, one, served, name)
    made["metadata"]["resourceVersion"] = "$(rv)"
    return call("PUT", target(one.path(served, name), **_options(rng)), made, keep=_KEEP)


def _merge(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    """
    Few members, so that what is old and wrong stays beside them.
    """
    spec = _object(rng, one, served, name).get("spec")
    if isinstance(spec, dict) and spec:
        spec = {member: spec[member] for member in rng.sample(sorted(spec), 1)}
    return call(
        "PATCH", target(one.path(served, name), **_options(rng)), {"spec": spec}, content=MERGE, keep=_KEEP
    )


def _label(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    """
    Nothing but metadata: all that is old stays.
    """
    patch = {"metadata": {"labels": {"a": rng.choice("xyz")}}}
    return call("PATCH", target(one.path(served, name), **_options(rng)), patch, content=MERGE, keep=_KEEP)


def _status(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    patch = {"status": value(one.versions[served], rng)}
    return call(
        "PATCH", target(one.path(served, name, "status"), **_options(rng)), patch, content=MERGE, keep=_KEEP
    )


def _json_patch(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    operations = []
    for _ in range(rng.randint(1, 2)):
        member = rng.choice(list(one.versions[served]["properties"]))
        path = "/spec/" + member.replace("~", "~0").replace("/", "~1")
        operations.append({
            "op": rng.choice(["add", "replace", "remove", "test", "move", "copy"]), "path": path,
            "from": rng.choice(["/spec", "/metadata/labels", path, "/metadata/generation", "/metadata/name"]),
            "value": value(one.versions[served]["properties"][member], rng),
        })  # fmt: skip
    return call(
        "PATCH", target(one.path(served, name), **_options(rng)), operations, content=JSON_PATCH, keep=_KEEP
    )


def _apply(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    query = {**_options(rng), "force": rng.choice([None, "true", "true"])}
    return call(
        "PATCH",
        target(one.path(served, name), **query),
        _object(rng, one, served, name),
        content=APPLY,
        keep=_KEEP,
    )


def _apply_status(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    made = _object(rng, one, served, name)
    made["status"] = made.pop("spec", None) or {}
    query = {**_options(rng), "force": rng.choice([None, "true"])}
    return call("PATCH", target(one.path(served, name, "status"), **query), made, content=APPLY, keep=_KEEP)


def _list(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    accept = rng.choice([None, None, TABLE, PARTIAL, "application/yaml"])
    where = target(
        one.path(served), labelSelector=rng.choice([None, None, "a=x", "a in (x,y)", "a notin (x)", "!a"])
    )
    return call("GET", where, accept=accept)


def _delete(rng: random.Random, one: _Evolving, served: str, name: str) -> Call:
    return call("DELETE", one.path(served, name))


_VERBS: tuple[Callable[[random.Random, _Evolving, str, str], Call], ...] = (
    _post, _post, _post, _put, _put, _put, _merge, _merge, _merge, _label, _label, _status, _json_patch, _json_patch,
    _apply, _apply, _apply, _apply, _apply_status, _list, _list, _delete,
)  # fmt: skip
