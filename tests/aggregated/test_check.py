"""
C{ark-server check} of a server that is to stand in a cluster.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.aggregated.cases import AggregatedTests
from tests.cluster.ark import console_script


class CheckTests(AggregatedTests):
    """
    What it finds of the clock and the rights.
    """

    def check(self, kubeconfig: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        """
        Run it with the credentials of somebody.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        line = [
            *console_script(),
            "check",
            f"--kubeconfig={kubeconfig}",
            f"--db-path={folder}/ark.db",
            "--secure-port=0",
            *flags,
        ]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    def test_a_server_that_may_all_it_needs_is_told_so(self) -> None:
        """
        And that its clock is right.
        """
        done = self.check(self.server.kubeconfig)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("ok   clock: ", done.stdout)
        self.assertIn("ok   rights: all ", done.stdout)

    def test_each_right_that_is_missing_is_named(self) -> None:
        """
        With what it is needed for.
        """
        somebody = self.server.cluster.user(self.unique("somebody")).kubeconfig
        done = self.check(somebody, "--service=ark-system/ark-apiserver")
        self.assertEqual(done.returncode, 1)
        for line in (
            "FAIL rights: may not create tokenreviews.authentication.k8s.io: needed for bearer tokens.",
            "FAIL rights: may not watch namespaces: needed for creating objects.",
            "FAIL rights: may not get secrets ark-apiserver-ca in ark-system: needed for a certificate that "
            "kube-apiserver trusts.",
            "FAIL rights: may not patch apiservices.apiregistration.k8s.io v1alpha1.ark.mckinsey.com: needed for trust "
            "in the certificate.",
        ):
            self.assertIn(line, done.stdout)

    def test_a_cluster_that_is_away_is_told_of(self) -> None:
        """
        Once, and the rest is looked at all the same.
        """
        text = self.server.kubeconfig.read_text().replace(
            self.server.cluster.endpoint.url, "https://127.0.0.1:1"
        )
        path = Path(self.mktemp())
        path.write_text(text)
        done = self.check(path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("FAIL"), 1, done.stdout)
        self.assertIn("FAIL cluster: the cluster cannot be reached", done.stdout)
