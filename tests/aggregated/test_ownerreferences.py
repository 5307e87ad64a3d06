"""
OwnerReferencesPermissionEnforcement behind the aggregator: who may not, may not in the same words.
"""

from __future__ import annotations

import atexit
import json
from functools import cache
from typing import Any

from twisted.trial.unittest import TestCase

from tests.cluster.aggregated import AggregatedArk
from tests.cluster.build import require
from tests.cluster.client import Endpoint
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.shared import WIDGETS

FLAG = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
GROUP = "probe.example.com"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"


def _owner(**members: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", **members}


_BLOCKING = _owner(blockOwnerDeletion=True)
_CASES: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("writer", "POST", [_owner()]),
    ("writer", "POST", [_BLOCKING]),
    ("writer", "PATCH", [_owner()]),
    ("deleter", "PATCH", [_owner()]),
    ("deleter", "PATCH", [_BLOCKING]),
    ("deleter", "PATCH", [_owner(apiVersion=f"{GROUP}/v1", kind="Widget", blockOwnerDeletion=True)]),
    ("deleter", "PATCH", [_owner(kind="Unknown", blockOwnerDeletion=True)]),
    ("deleter", "PATCH", [_owner(apiVersion="nowhere/v1", blockOwnerDeletion=True)]),
    ("finalizer", "PATCH", [_BLOCKING]),
    ("finalizer", "PATCH", []),
)
_RIGHTS = {
    "writer": [([GROUP], ["widgets"], ["create", "patch", "update", "get"])],
    "deleter": [([GROUP], ["widgets"], ["create", "patch", "update", "get", "delete"])],
    "finalizer": [
        ([GROUP], ["widgets"], ["create", "patch", "update", "get", "delete"]),
        ([""], ["configmaps/finalizers"], ["update"]),
    ],
}


@cache
def _servers() -> tuple[Cluster, Cluster]:
    """
    A cluster with the kinds as definitions, and one with them on our server.
    """
    require("etcd", "kube")
    clusters = []
    for _ in range(2):
        cluster = Cluster(flags=[FLAG]).start()
        atexit.register(cluster.remove)
        clusters.append(cluster)
    left, right = clusters
    left.define(read_definitions(WIDGETS))
    server = AggregatedArk(right, definitions=[WIDGETS], flags=[FLAG])
    atexit.register(server.stop)
    server.start()
    for cluster in clusters:
        for user, rights in _RIGHTS.items():
            _allow(cluster.endpoint, user, rights)
    return left, right


def _allow(endpoint: Endpoint, user: str, rights: list[tuple[list[str], list[str], list[str]]]) -> None:
    rules = [
        {"apiGroups": groups, "resources": resources, "verbs": verbs} for groups, resources, verbs in rights
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    named = {"metadata": {"name": user}}
    for target, body in (
        ("clusterroles", {"kind": "ClusterRole", **named, "rules": rules}),
        (
            "clusterrolebindings",
            {"kind": "ClusterRoleBinding", **named, "roleRef": reference, "subjects": [subject]},
        ),
    ):
        body = {"apiVersion": "rbac.authorization.k8s.io/v1", **body}
        _send(endpoint, "POST", f"{_RBAC}/{target}", body)


def _send(endpoint: Endpoint, method: str, target: str, body: Any) -> tuple[int, str]:
    client = endpoint.connect()
    media_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
    answer = client.request(method, target, {"Content-Type": media_type}, json.dumps(body).encode())
    client.close()
    return answer.code, str(answer.json().get("message", ""))


class OwnerReferencesTests(TestCase):
    """
    The same writes by the same users on both.
    """

    timeout = 300

    def test_who_may_set_owners(self) -> None:
        """
        Codes and messages are equal.
        """
        answers: list[list[tuple[int, str]]] = []
        for cluster in _servers():
            found = []
            for place, (user, method, owners) in enumerate(_CASES):
                name = f"w{place}"
                widget = {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "Widget",
                    "metadata": {"name": name},
                    "spec": {"color": "red"},
                }
                change = {"metadata": {"name": name, "ownerReferences": owners}}
                target = _WIDGETS
                if method == "PATCH":
                    _send(cluster.endpoint, "POST", _WIDGETS, widget)
                    target = f"{_WIDGETS}/{name}"
                body = change if method == "PATCH" else {**widget, **change}
                found.append(_send(cluster.user(user), method, target, body))
            answers.append(found)
        left, right = answers
        for case, one, other in zip(_CASES, left, right):
            self.assertEqual(one, other, case)
        self.assertEqual([code for code, _ in right], [201, 403, 403, 200, 403, 403, 403, 403, 200, 200])
