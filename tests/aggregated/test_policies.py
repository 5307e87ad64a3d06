"""
Policies behind the aggregator: they judge and change what is kept here as they do what kube-apiserver keeps.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from tests.admission.policies.answers import recorded
from tests.admission.policies.record import Recorder, permit
from tests.admission.policies.scenarios import MUTATING, VALIDATING, Sort
from tests.admission.policies.test_scenarios import ACCEPTED
from tests.cluster.aggregated import NAME, NAMESPACE, put
from tests.cluster.client import Client
from tests.cluster.shared import aggregated


def read_params(client: Client) -> None:
    """
    Let our server read the parameters of policies, as C{rbac.extraRules} of the chart does.
    """
    kinds = {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get", "list", "watch"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "policy-params"}
    meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "policy-params"}}
    server = {"kind": "ServiceAccount", "namespace": NAMESPACE, "name": NAME}
    for plural, body in (
        ("clusterroles", {**meta, "kind": "ClusterRole", "rules": [kinds]}),
        (
            "clusterrolebindings",
            {**meta, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [server]},
        ),
    ):
        put(client, f"/apis/rbac.authorization.k8s.io/v1/{plural}", body)


class PoliciesTests(TestCase):
    """
    All scenarios of L{tests.admission.policies}, against the answers that were recorded.
    """

    timeout = 300
    maxDiff = None

    def check(self, sort: Sort) -> None:
        """
        Nothing differs but what is accepted; the cluster's audit log tells nothing of our admission.
        """
        ark = aggregated()
        permit(ark.cluster)
        client = ark.endpoint.connect()
        self.addCleanup(client.close)
        read_params(client)
        ours, theirs = Recorder(ark.cluster, sort).play()["answers"], recorded(sort)["answers"]
        for name, expected in theirs.items():
            if sort is MUTATING and name in ACCEPTED:
                continue
            self.assertEqual([_told(each) for each in ours[name]], [_told(each) for each in expected], name)

    def test_validating(self) -> None:
        """
        Messages, codes, reasons and warnings.
        """
        self.check(VALIDATING)

    def test_mutating(self) -> None:
        """
        The objects too.
        """
        self.check(MUTATING)


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "annotations"}
