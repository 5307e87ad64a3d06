"""
Questions that are asked by creating an object: who may do what, and who somebody is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind
from tests.differential.steps import Step, call, target
from tests.differential.topics.reads import TABLE

_ACCESS = "/apis/authorization.k8s.io/v1"
_IDENTITY = "/apis/authentication.k8s.io/v1"
_ACTION = {"verb": "create", "group": "ark.mckinsey.com", "resource": "queries", "namespace": "default"}
_PATH = {"verb": "get", "path": "/healthz"}
_PLACES = {
    "SelfSubjectAccessReview": f"{_ACCESS}/selfsubjectaccessreviews",
    "SubjectAccessReview": f"{_ACCESS}/subjectaccessreviews",
    "LocalSubjectAccessReview": f"{_ACCESS}/namespaces/default/localsubjectaccessreviews",
}
_KNOWN, _ODD = {"key": "a", "operator": "In", "values": ["b"]}, {"key": "-", "operator": "Like"}
_SELECTORS: tuple[dict[str, Any], ...] = (
    {}, {"rawSelector": "a=b"}, {"rawSelector": "a in ((("}, {"rawSelector": "x", "requirements": [_KNOWN]}, {"requirements": [_KNOWN, _ODD]}, {"requirements": [_ODD]}, {"requirements": []},
    {"requirements": [{"key": "a", "operator": "In"}]}, {"requirements": [{"key": "a", "operator": "Exists", "values": ["x"]}]}, {"requirements": [{"key": "", "operator": "DoesNotExist"}]},
    {"requirements": [{"key": "a", "operator": "NotIn", "values": ["-x-", "y"]}]},
)  # fmt: skip


def _specs() -> Iterator[dict[str, Any]]:
    yield from (
        {},
        {"resourceAttributes": _ACTION},
        {"nonResourceAttributes": _PATH},
        {"resourceAttributes": {}},
    )
    yield {"resourceAttributes": _ACTION, "nonResourceAttributes": _PATH}
    yield {"resourceAttributes": {**_ACTION, "namespace": "other"}}
    for selector in _SELECTORS:
        yield {"resourceAttributes": {**_ACTION, "labelSelector": selector}}
        yield {"resourceAttributes": {**_ACTION, "fieldSelector": selector}}


def _review(kind: str, **members: Any) -> dict[str, Any]:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, **members}


def reviews(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Reviews of access and of identities, right and wrong, and what is no review at their paths.
    """
    subject = {"user": "ann", "groups": ["g"], "uid": "1", "extra": {"a": ["b"]}}
    for kind, place in _PLACES.items():
        for spec in _specs():
            if kind != "SelfSubjectAccessReview":
                spec = {**spec, **subject}
            yield call("POST", place, _review(kind, spec=spec))
        for metadata in ({"name": "x"}, {"namespace": "default"}, {"namespace": "other"}, {"labels": {}}):
            spec = {**(subject if kind != "SelfSubjectAccessReview" else {}), "resourceAttributes": _ACTION}
            yield call("POST", place, _review(kind, spec=spec, metadata=metadata))
        for number in range(8):
            good = _review(kind, spec={"resourceAttributes": _ACTION, **({} if "Self" in kind else subject)})
            query = {"fieldValidation": rng.choice([None, "Strict"]), "dryRun": rng.choice([None, "All"])}
            yield call("POST", target(place, **query), spoiled(good, rng) if number else good)
        yield from _elsewhere(place, good)
    for user in ("ann", "system:anonymous", ""):
        for groups in ([], ["system:masters"], ["system:authenticated"], ["system:unauthenticated"]):
            for spec in ({"resourceAttributes": _ACTION}, {"nonResourceAttributes": _PATH}):
                named = {**spec, "user": user, "groups": groups}
                yield call("POST", _PLACES["SubjectAccessReview"], _review("SubjectAccessReview", spec=named))
    yield from _rules()
    yield from _identity()


def _elsewhere(place: str, review: dict[str, Any]) -> Iterator[Step]:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        yield call(method, place, {} if method in ("PUT", "PATCH") else None)
        yield call(method, f"{place}/x", {} if method in ("PUT", "PATCH") else None)
    yield call("POST", f"{place}/x", review)
    for accept in ("application/yaml", TABLE, "application/json;as=Table;v=v1;g=meta.k8s.io", "text/html"):
        yield call("POST", place, review, accept=accept)
    yield call("POST", place, review, content="text/plain")
    yield call("POST", place, raw=b"{")


def _rules() -> Iterator[Step]:
    place = f"{_ACCESS}/selfsubjectrulesreviews"
    for spec in ({"namespace": "default"}, {"namespace": "nowhere"}, {}, {"namespace": 1}):
        yield call("POST", place, _review("SelfSubjectRulesReview", spec=spec))
    yield call("POST", place, _review("SelfSubjectRulesReview"))
    yield call("GET", f"{_ACCESS}/localsubjectaccessreviews")
    yield call("POST", f"{_ACCESS}/localsubjectaccessreviews", _review("LocalSubjectAccessReview"))
    yield call("POST", f"{_ACCESS}/namespaces/default/subjectaccessreviews", _review("SubjectAccessReview"))


def _identity() -> Iterator[Step]:
    about = {"apiVersion": "authentication.k8s.io/v1"}
    for spec in ({}, {"token": "x"}, {"token": "x", "audiences": ["a"]}, {"token": 1}, {"token": ""}):
        yield call("POST", f"{_IDENTITY}/tokenreviews", {**about, "kind": "TokenReview", "spec": spec})
    yield call("POST", f"{_IDENTITY}/selfsubjectreviews", {**about, "kind": "TokenReview"})
    yield call("POST", f"{_IDENTITY}/selfsubjectreviews", {"kind": "SelfSubjectReview", "apiVersion": "v1"})
    for path in (_ACCESS, _IDENTITY):
        yield call("GET", path)
