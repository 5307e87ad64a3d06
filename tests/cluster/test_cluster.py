"""
The oracle itself: it comes up, serves what it is given and says what it is.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.cluster.build import KUBERNETES_VERSION, require
from tests.cluster.client import kubectl
from tests.cluster.shared import oracle


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
