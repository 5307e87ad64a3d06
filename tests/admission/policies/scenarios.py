"""
Scenarios of policies, as they are played against kube-apiserver and against us.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ark.authentication.userinfo import UserInfo

Object = dict[str, Any]

FOLDER = Path(__file__).parent
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
WIDGETS = "/apis/probe.example.com/v1/namespaces/{}/widgets"
PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Widget": WIDGETS,
    "Namespace": "/api/v1/namespaces",
}
_PATCHES = {
    "update": ("application/merge-patch+json", ""),
    "status": ("application/merge-patch+json", "/status"),
    "scale": ("application/merge-patch+json", "/scale"),
    "jsonpatch": ("application/json-patch+json", ""),
    "apply": ("application/apply-patch+yaml", ""),
}

_CREDENTIAL = (("authentication.kubernetes.io/credential-id", ("X509SHA256=0",)),)
USERS = {
    "admin": UserInfo("admin", groups=("system:masters", "system:authenticated"), extra=_CREDENTIAL),
    "alice": UserInfo("alice", groups=("devs", "system:authenticated"), extra=_CREDENTIAL),
    "bob": UserInfo("bob", groups=("devs", "system:authenticated"), extra=_CREDENTIAL),
}

_OFTEN = "object.spec.free.items.all(a, object.spec.free.items.all(b, a + b + x > 0))"
_COSTLY = f"[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(x, {_OFTEN})"
_WORDS: dict[str, Any] = {
    "LONG": "x" * 4000,
    "MANY": list(range(1, 101)),
    "BUDGET": [{"expression": _COSTLY}] * 20,
    "CONDITIONS": [{"name": f"c{index}", "expression": _COSTLY} for index in range(5)],
    "MESSAGES": [{"expression": "true", "messageExpression": f"{_COSTLY} ? 'a' : 'b'"}] * 20,
}


class Step(NamedTuple):
    """
    A request.

    @ivar target: path and query.
    """

    user: str
    method: str
    target: str
    content_type: str
    body: Any


class Scenario(NamedTuple):
    """
    What there is, and what is asked then.

    @ivar objects: parameters, with the paths of their collections.
    """

    name: str
    namespace: str
    objects: list[tuple[str, Object]]
    policies: list[Object]
    bindings: list[Object]
    steps: list[Step]


class Sort(NamedTuple):
    """
    One of the two sorts of policies.
    """

    word: str
    prefix: str
    operations: tuple[str, ...]

    @property
    def kind(self) -> str:
        """
        The kind of the policies.
        """
        return f"{self.word.capitalize()}AdmissionPolicy"

    @property
    def policies(self) -> str:
        """
        Their collection.
        """
        return f"{REGISTRATION}/{self.word}admissionpolicies"

    @property
    def bindings(self) -> str:
        """
        The collection of their bindings.
        """
        return f"{REGISTRATION}/{self.word}admissionpolicybindings"


VALIDATING = Sort("validating", "s", ("CREATE", "UPDATE", "DELETE"))
MUTATING = Sort("mutating", "m", ("CREATE", "UPDATE"))


@cache
def scenarios(sort: Sort) -> list[Scenario]:
    """
    All of them, in the order in which they are written.
    """
    written = yaml.safe_load((FOLDER / f"{sort.word}.yaml").read_text())
    return [_scenario(sort, _worded(each)) for each in written]


def namespace_of(scenario: Scenario) -> Object:
    """
    The namespace that a scenario is played in.
    """
    metadata = {"name": scenario.namespace, "labels": {"team": "blue"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _worded(value: Any) -> Any:
    if isinstance(value, str):
        return _WORDS.get(value, value)
    if isinstance(value, list):
        return [_worded(each) for each in value]
    if isinstance(value, dict):
        return {name: _worded(each) for name, each in value.items()}
    return value


def _scenario(sort: Sort, written: Mapping[str, Any]) -> Scenario:
    namespace = f"{sort.prefix}-{written['name']}"
    told = written.get("policies") or [{**written["policy"], "name": ""}]
    names = [f"{namespace}-{each['name']}".strip("-") for each in told]
    policies = [_policy(sort, name, namespace, dict(each)) for name, each in zip(names, told)]
    bound = written.get("bindings", [written.get("binding") or {}])
    bindings = [_binding(sort, name, dict(each)) for name in names for each in bound]
    objects = [_object(namespace, dict(each)) for each in written.get("objects") or ()]
    steps = _steps(namespace, [dict(each) for each in written["requests"]])
    return Scenario(written["name"], namespace, objects, policies, bindings, steps)


def _policy(sort: Sort, name: str, namespace: str, told: Object) -> Object:
    told.pop("name")
    match = dict(told.pop("match", {}))
    rule = {
        "apiGroups": ["probe.example.com"],
        "apiVersions": ["v1"],
        "operations": list(sort.operations),
        "resources": ["widgets"],
    }
    rules = [{**rule, **each} for each in match.pop("resourceRules", [{}])]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    spec: Object = {"failurePolicy": "Fail"}
    spec["matchConstraints"] = {"resourceRules": rules, "namespaceSelector": selector, **match}
    if sort is MUTATING:
        spec["reinvocationPolicy"] = told.pop("reinvocationPolicy", "Never")
        spec["mutations"] = [_mutation(each) for each in told.pop("mutations")]
    metadata = {"name": name}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": sort.kind,
        "metadata": metadata,
        "spec": {**spec, **told},
    }


def _mutation(told: Mapping[str, str]) -> Object:
    if "apply" in told:
        return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": told["apply"]}}
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": told["patch"]}}


def _binding(sort: Sort, policy: str, told: Object) -> Object:
    name = f"{policy}-{told.pop('name', 'b')}"
    spec = {"policyName": policy, **told}
    if sort is VALIDATING:
        spec.setdefault("validationActions", ["Deny"])
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{sort.kind}Binding",
        "metadata": {"name": name},
        "spec": spec,
    }


def _object(namespace: str, told: Object) -> tuple[str, Object]:
    metadata = {"name": told.pop("name"), "namespace": namespace}
    if "labels" in told:
        metadata["labels"] = told.pop("labels")
    made = {"apiVersion": "v1", **told, "metadata": metadata}
    return PATHS[made["kind"]].format(namespace), made


def _steps(namespace: str, told: list[Object]) -> list[Step]:
    """
    Each creation has a name of its own, and what follows is of the one before.
    """
    found, name, created = [], "w", 0
    for each in told:
        if "create" in each:
            created += 1
            name = each.get("name") or ("w" if created == 1 else f"w{created}")
        found.append(_step(namespace, name, each))
    return found


def _step(namespace: str, name: str, told: Object) -> Step:
    user, query = told.pop("as", "admin"), told.pop("query", "")
    version = told.pop("version", "v1")
    method, target, content_type, body = _asked(WIDGETS.format(namespace), name, told)
    if version != "v1":
        target = target.replace("/v1/", f"/{version}/", 1)
        if body and "apiVersion" in body:
            body = {**body, "apiVersion": f"probe.example.com/{version}"}
    if query:
        target += ("&" if "?" in target else "?") + query
    return Step(user, method, target, content_type, body)


def _asked(collection: str, name: str, told: Object) -> tuple[str, str, str, Any]:
    for verb, (content_type, below) in _PATCHES.items():
        if verb in told:
            body, query = told[verb], ""
            if verb == "apply":
                body, query = _widget(name, told, told[verb]), "?fieldManager=applier&force=true"
            return "PATCH", f"{collection}/{name}{below}{query}", content_type, body
    if "delete" in told:
        return "DELETE", f"{collection}/{name}", "application/json", told["delete"] or None
    if "deletecollection" in told:
        return "DELETE", collection, "application/json", None
    if "replace" in told:
        return "PUT", f"{collection}/new", "application/json", _widget("new", told, told["replace"])
    return "POST", collection, "application/json", _widget(name, told, told["create"])


def _widget(name: str, told: Object, spec: Object) -> Object:
    metadata: Object = {"name": name}
    if "generateName" in told:
        metadata = {"generateName": told["generateName"]}
    if "labels" in told:
        metadata["labels"] = told["labels"]
    return {"apiVersion": "probe.example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}
