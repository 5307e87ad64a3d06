"""
A server that reaches the cluster as the pod that it runs in.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.aggregated.cases import ARK, AggregatedTests, query
from tests.cluster.build import REPOSITORY
from tests.cluster.process import NotReady, Process, free_port


class InClusterTests(AggregatedTests):
    """
    C{--in-cluster}, with the variables and files that a kubelet gives.
    """

    def setUp(self) -> None:
        """
        The files of a service account.
        """
        super().setUp()
        self.folder = self.server.folder / self.unique("pod")
        self.files = self.folder / "serviceaccount"
        self.files.mkdir(parents=True)
        shutil.copy(self.server.endpoint.authority, self.files / "ca.crt")
        (self.files / "namespace").write_text("ark-system")
        self.write_token(self.server.kubeconfig)
        self.port = free_port()

    def write_token(self, kubeconfig: Path) -> None:
        """
        Put a token in its place, as the kubelet does.
        """
        user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
        fresh = self.files / "token.new"
        fresh.write_text(user["token"])
        fresh.replace(self.files / "token")

    def start(self, **environment: str) -> Process:
        """
        Start a server that takes the cluster from these variables.
        """
        serving = self.server.serving
        options = {
            "in-cluster": "true",
            "storage": "memory",
            "db-path": str(self.folder / "ark.db"),
            "secure-port": str(self.port),
            "tls-cert-file": str(serving.certificate),
            "tls-private-key-file": str(serving.key),
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-m", "tests.aggregated.pod", str(self.files), *flags]
        process = Process("pod", command, self.folder, {"PYTHONPATH": str(REPOSITORY), **environment})
        self.addCleanup(process.stop)
        return process

    def test_a_pod_serves_as_its_service_account(self) -> None:
        """
        Host and port come from the variables, token and authority from the files; users and
        namespaces are the cluster's.
        """
        parts = urlsplit(self.server.endpoint.url)
        process = self.start(
            KUBERNETES_SERVICE_HOST=parts.hostname or "", KUBERNETES_SERVICE_PORT=str(parts.port)
        )
        here = self.server.direct()._replace(url=f"https://127.0.0.1:{self.port}")
        nobody, user = self.session(here.anonymous()), self.session(here)
        process.wait_until(lambda: nobody.code("GET", "/readyz") == 200)
        self.assertEqual(nobody.code("GET", f"{ARK}/queries"), 403)
        user.create(self.namespace(), query("one"))

    def test_outside_of_a_pod_it_is_told_what_is_missing(self) -> None:
        """
        Exit code 3, and a sentence.
        """
        process = self.start(KUBERNETES_SERVICE_HOST="", KUBERNETES_SERVICE_PORT="")
        error = self.assertRaises(NotReady, process.wait_until, lambda: False)
        self.assertIn("ended with 3", str(error))
        self.assertIn("this is not a pod", str(error))
