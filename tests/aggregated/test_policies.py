"""
Policies behind the aggregator: they judge and change what is kept here as they do what kube-apiserver keeps.
"""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import TestCase

from tests.admission.policies.answers import recorded
from tests.admission.policies.record import Recorder, permit
from tests.admission.policies.scenarios import MUTATING, VALIDATING, Sort
from tests.admission.policies.test_scenarios import ACCEPTED
from tests.cluster.aggregated import NAME, NAMESPACE, put
from tests.cluster.client import Client, Endpoint
from tests.cluster.cluster import Cluster
from tests.cluster.shared import CONTROLLERS, aggregated, oracle

_TWICE = 4
"""How many counts may differ for a write that was judged twice: two of each policy, and of two policies."""


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
    All scenarios of L{tests.admission.policies}, against the answers that were recorded, and against what
    kube-apiserver counts.
    """

    timeout = 300
    maxDiff = None

    def play(self, sort: Sort, cluster: Cluster, counting: Endpoint) -> tuple[Any, dict[str, float]]:
        """
        The answers of a server, and what it has counted meanwhile.
        """
        permit(cluster)
        client = cluster.endpoint.connect()
        self.addCleanup(client.close)
        read_params(client)
        before = _counts(counting, sort)
        answers = Recorder(cluster, sort).play()["answers"]
        counted = {name: value - before.get(name, 0) for name, value in _counts(counting, sort).items()}
        return answers, {name: value for name, value in counted.items() if value}

    def check(self, sort: Sort) -> None:
        """
        Nothing differs but what is accepted; the cluster's audit log tells nothing of our admission.
        """
        ark, cluster = aggregated(), oracle(controllers=CONTROLLERS)
        ours, counted = self.play(sort, ark.cluster, ark.direct())
        for name, expected in recorded(sort)["answers"].items():
            if sort is MUTATING and name in ACCEPTED:
                continue
            self.assertEqual([_told(each) for each in ours[name]], [_told(each) for each in expected], name)
        self.assertGreater(len(counted), 20)
        theirs = self.play(sort, cluster, cluster.endpoint)[1]
        # Where its cache is behind, kube-apiserver judges a write twice.
        twice = [name for name, number in counted.items() if theirs.get(name) == number + 1]
        self.assertLessEqual(len(twice), _TWICE)
        self.assertEqual(counted, theirs | {name: counted[name] for name in twice})

    def test_validating(self) -> None:
        """
        Messages, codes, reasons and warnings; and the validations that did not hold are counted.
        """
        self.check(VALIDATING)

    def test_mutating(self) -> None:
        """
        The objects too; and all mutations are counted.
        """
        self.check(MUTATING)


def _counts(endpoint: Endpoint, sort: Sort) -> dict[str, float]:
    """
    The checks of policies by their labels, but of those whose answers differ, and of the one that is
    asked until it is there.
    """
    client = endpoint.connect()
    text = client.request("GET", "/metrics").body.decode()
    client.close()
    passed = {f"{sort.prefix}-{name}" for name in (*ACCEPTED, "last")}
    return {
        f"{sample.name} {sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name.startswith(f"apiserver_{sort.word}_admission_policy_check")
        and sample.name.endswith(("_total", "_count"))
        and sample.labels["policy"] not in passed
    }


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "annotations"}
