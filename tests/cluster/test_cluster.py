"""
The oracle itself: it comes up, serves what it is given and says what it is.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.cluster.build import KUBERNETES_VERSION, require
from tests.cluster.client import kubectl
from tests.cluster.shared import oracle

CONTROLLERS = ("namespace-controller", "garbage-collector-controller")


class ClusterTests(TestCase):
    """
    etcd and kube-apiserver of the pinned versions.
    """

    def setUp(self) -> None:
        self.cluster = oracle()

    def test_version_is_the_pinned_one(self) -> None:
        """
        Client and server both say the version that the contract was written for.
        """
        (program,) = require("kubectl")
        done = kubectl(program, self.cluster.endpoint, "version", home=self.cluster.folder)
        self.assertEqual(done.stdout.count(f"v{KUBERNETES_VERSION}"), 2, done.stdout + done.stderr)

    def test_definitions_are_served(self) -> None:
        """
        Each served version of a definition lists as soon as C{define} has returned.
        """
        client = self.cluster.endpoint.connect()
        self.addCleanup(client.close)
        for version in ("v1", "v1beta1"):
            answer = client.get(f"/apis/probe.example.com/{version}/widgets")
            self.assertEqual(answer["kind"], "WidgetList")

    def test_usage_counts_every_process(self) -> None:
        """
        CPU and memory are read from the kernel for each process apart.
        """
        for process in self.cluster.processes:
            usage = process.usage()
            self.assertGreater(usage.cpu, 0)
            self.assertGreaterEqual(usage.peak, usage.resident)


class ControllersTests(TestCase):
    """
    kube-apiserver with RBAC, and kube-controller-manager.
    """

    def setUp(self) -> None:
        self.cluster = oracle(controllers=CONTROLLERS)

    def test_users_without_a_role_may_not(self) -> None:
        """
        The administrator may do all, a user with a certificate of the cluster only what a role lets him.
        """
        client = self.cluster.user("jane", ["readers"]).connect()
        self.addCleanup(client.close)
        self.assertEqual(client.request("GET", "/api/v1/secrets").code, 403)
        self.assertEqual(client.request("GET", "/api").code, 200)

    def test_namespaces_go_with_what_is_in_them(self) -> None:
        """
        The namespace controller empties a namespace and lets it go.
        """
        client = self.cluster.endpoint.connect()
        self.addCleanup(client.close)
        body = b'{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "passing"}}'
        json = {"Content-Type": "application/json"}
        self.assertEqual(client.request("POST", "/api/v1/namespaces", json, body).code, 201)
        self.assertEqual(client.request("DELETE", "/api/v1/namespaces/passing").code, 200)
        self.cluster.process("kube-controller-manager").wait_until(
            lambda: client.request("GET", "/api/v1/namespaces/passing").code == 404
        )
