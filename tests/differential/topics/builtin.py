"""
A random walk over built-in kinds: every sort of write, with what their types and their own rules say to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind
from tests.differential.steps import APPLY, JSON_PATCH, MERGE, Call, Step, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.reads import PARTIAL, TABLE

_STEPS = 400
_STRATEGIC = "application/strategic-merge-patch+json"
_KEEP = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}
_BODIES: dict[str, tuple[str, str, tuple[dict[str, Any], ...]]] = {
    "configmaps": ("v1", "ConfigMap", (
        {"data": {"a": "1"}}, {"data": {"a": "2", "b": "☃"}}, {"data": {"b": "3", "c.d": "e"}}, {"data": {"a": "1"}, "binaryData": {"x": "aGk="}}, {"data": {"a": "1"}, "binaryData": {"a": "aGk="}},
        {"data": {"a/b": "x"}}, {"data": {"..": "x"}}, {"data": {"..a": "x"}}, {"data": {"x" * 254: "y"}}, {"data": {"a": 5}}, {"data": {"a": True}},
        {"data": {"a": "1"}, "immutable": True}, {"data": {"a": "1"}, "immutable": False}, {"data": {"a": "1"}, "bogus": 1},
    )),
    "secrets": ("v1", "Secret", (
        {"data": {"a": "aGk="}}, {"data": {"a": "aGkh", "b": "aGk="}}, {"stringData": {"a": "text", "c": "☃"}}, {"data": {"a": "aGk="}, "stringData": {"a": "wins"}}, {"data": {"a/b": "aGk="}},
        {"stringData": {"a b": "x"}}, {"stringData": {"a": 5}}, {"type": "Opaque", "data": {"a": "aGk="}}, {"type": "kubernetes.io/tls", "data": {"tls.crt": "aGk="}},
        {"type": "kubernetes.io/basic-auth", "stringData": {"username": "u"}}, {"type": "kubernetes.io/basic-auth"}, {"type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": "k"}}, {"type": "kubernetes.io/ssh-auth"},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}, {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}}, {"type": "kubernetes.io/dockerconfigjson"},
        {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "[]"}}, {"type": "kubernetes.io/service-account-token"}, {"type": "bootstrap.kubernetes.io/token"}, {"data": {"a": "aGk="}, "immutable": True},
    )),
    "serviceaccounts": ("v1", "ServiceAccount", (
        {}, {"automountServiceAccountToken": True}, {"automountServiceAccountToken": "x"}, {"secrets": [{"name": "a"}, {"name": "b"}]}, {"secrets": [{"name": "b", "namespace": "n"}]}, {"imagePullSecrets": [{"name": "p"}]},
        {"imagePullSecrets": [{"name": "q"}, {"name": "p"}]}, {"bogus": 1},
    )),
    "leases": ("coordination.k8s.io/v1", "Lease", (
        {"spec": {}}, {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}, {"spec": {"leaseDurationSeconds": 0}}, {"spec": {"leaseDurationSeconds": -1}},
        {"spec": {"leaseTransitions": -1}}, {"spec": {"renewTime": "2020-01-02T03:04:05.123456Z"}}, {"spec": {"renewTime": "2020-01-02T03:04:05Z"}},
        {"spec": {"acquireTime": "2020-01-02T03:04:05.123456789Z"}},
    )),
}  # fmt: skip
_METADATA: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"labels": {"a": "b"}}, {"labels": {"a": "c", "d": "e"}}, {"annotations": {"n": "1"}}, {"finalizers": ["example.com/f"]}, {"resourceVersion": "$(rv)"}, {"resourceVersion": "1"}, {"uid": "$(uid)"}, {"uid": "other"},
)  # fmt: skip
_DIRECTIVES: tuple[dict[str, Any], ...] = (
    {"data": {"$patch": "replace", "z": "aGk="}}, {"data": {"a": None}}, {"data": None}, {"$patch": "replace", "data": {"z": "aGk="}}, {"$retainKeys": ["data", "metadata"], "data": {"y": "aGk="}}, {"data": {"$retainKeys": ["a"], "a": "aGk="}},
    {"secrets": [{"name": "a", "$patch": "delete"}]}, {"secrets": [{"$patch": "replace"}, {"name": "z"}]}, {"$setElementOrder/secrets": [{"name": "b"}, {"name": "a"}], "secrets": [{"name": "a"}]}, {"imagePullSecrets": [{"name": "p", "$patch": "delete"}]},
    {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/f"]}}, {"metadata": {"finalizers": ["example.com/g"]}}, {"metadata": {"labels": {"$patch": "delete"}}}, {"metadata": {"labels": None}}, {"metadata": {"annotations": {"$patch": "replace", "o": "2"}}},
    {"spec": {"$patch": "delete"}}, {"spec": {"$patch": "replace", "holderIdentity": "x"}}, {"spec": {"$retainKeys": ["holderIdentity"], "holderIdentity": "y"}}, {"immutable": None}, {"stringData": {"s": "t"}}, {"$patch": "zork"},
)  # fmt: skip
_OPERATIONS: tuple[tuple[str, Any], ...] = (
    ("/data/a", "aGk="), ("/data/c~1d", "aGk="), ("/data", {}), ("/secrets/-", {"name": "j"}), ("/secrets/0", {"name": "k"}), ("/spec/holderIdentity", "j"), ("/spec/leaseDurationSeconds", 7), ("/immutable", True),
    ("/metadata/labels/a", "j"), ("/metadata/labels", {}), ("/metadata/finalizers/0", "example.com/h"), ("/metadata/annotations/a.b~1n", "x"), ("/metadata/name", "other"), ("/type", "Opaque"), ("", {}),
)  # fmt: skip


def builtin(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Four hundred writes to two objects of each of four kinds, every second one read afterwards.
    """
    yield namespace("builtin")
    for _ in range(_STEPS):
        plural = rng.choice(list(_BODIES))
        name = f"{plural}-{rng.randint(0, 1)}"
        step = rng.choice(_VERBS)(rng, plural, name)
        yield step
        if rng.random() < 0.5:
            accept = rng.choice([None, None, None, TABLE, PARTIAL, "application/yaml"])
            yield call("GET", _path(plural, name), accept=accept, keep=_KEEP if accept is None else None)
    for plural in _BODIES:
        yield call("GET", _path(plural), accept=TABLE)


def _path(plural: str, name: str = "") -> str:
    group = _BODIES[plural][0]
    root = "/api/v1" if group == "v1" else f"/apis/{group}"
    return f"{root}/namespaces/builtin/{plural}" + (f"/{name}" if name else "")


def _object(rng: random.Random, plural: str, name: str) -> dict[str, Any]:
    api_version, kind, bodies = _BODIES[plural]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, **rng.choice(_METADATA)},
        **rng.choice(bodies),
    }


def _options(rng: random.Random, **more: Any) -> dict[str, Any]:
    return {
        "fieldManager": rng.choice([None, "m1", "m2"]),
        "fieldValidation": rng.choice([None, None, "Strict", "Ignore"]),
        "dryRun": rng.choice([None] * 9 + ["All"]),
        **more,
    }


def _post(rng: random.Random, plural: str, name: str) -> Call:
    made = _object(rng, plural, name)
    made["metadata"].pop("resourceVersion", None)
    return call("POST", target(_path(plural), **_options(rng)), made, keep=_KEEP)


def _upserted(rng: random.Random, plural: str, name: str, query: dict[str, Any]) -> dict[str, Any]:
    """
    An object that may be made or changed.
    """
    made = _object(rng, plural, name)
    if query["dryRun"]:
        # Kubernetes shows the revision that it is told when it only tries to make an object.
        made["metadata"].pop("resourceVersion", None)
    return made


def _put(rng: random.Random, plural: str, name: str) -> Call:
    query = _options(rng)
    made = _upserted(rng, plural, name, query)
    return call("PUT", target(_path(plural, name), **query), made, keep=_KEEP)


def _merge(rng: random.Random, plural: str, name: str) -> Call:
    made = _object(rng, plural, name)
    patch = {member: made[member] for member in made if member not in ("apiVersion", "kind")}
    del patch["metadata"]["name"]
    content = rng.choice([MERGE, _STRATEGIC])
    return call("PATCH", target(_path(plural, name), **_options(rng)), patch, content=content, keep=_KEEP)


def _directive(rng: random.Random, plural: str, name: str) -> Call:
    patch = rng.choice(_DIRECTIVES)
    if "secrets" in patch and plural != "serviceaccounts":
        patch = {"metadata": {"labels": None}}
    return call("PATCH", target(_path(plural, name), **_options(rng)), patch, content=_STRATEGIC, keep=_KEEP)


def _json_patch(rng: random.Random, plural: str, name: str) -> Call:
    operations = []
    for path, value in rng.sample(_OPERATIONS, rng.choice([1, 1, 2])):
        verb = rng.choice(["add", "add", "replace", "remove", "test", "copy", "move"])
        source = rng.choice(_OPERATIONS)[0]
        operations.append(
            {"op": verb, "path": path, **({"from": source} if verb in ("copy", "move") else {"value": value})}
        )
    return call(
        "PATCH", target(_path(plural, name), **_options(rng)), operations, content=JSON_PATCH, keep=_KEEP
    )


def _apply(rng: random.Random, plural: str, name: str) -> Call:
    query = _options(rng, fieldManager=rng.choice(["m1", "m2"]), force=rng.choice([None, "true"]))
    made = _upserted(rng, plural, name, query)
    return call("PATCH", target(_path(plural, name), **query), made, content=APPLY, keep=_KEEP)


def _delete(rng: random.Random, plural: str, name: str) -> Call:
    options = rng.choice([None, None, {"preconditions": {"uid": "$(uid)"}}])
    return call("DELETE", _path(plural, name), options)


def _release(rng: random.Random, plural: str, name: str) -> Call:
    return call("PATCH", _path(plural, name), {"metadata": {"finalizers": None}}, content=MERGE)


_VERBS: tuple[Callable[[random.Random, str, str], Call], ...] = (
    _post, _post, _post, _put, _put, _merge, _merge, _merge, _directive, _directive, _json_patch, _json_patch, _apply, _apply, _apply, _delete, _delete, _release,
)  # fmt: skip
