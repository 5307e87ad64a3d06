"""
The certificate that a server makes for itself, and how the aggregator comes to trust it.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from twisted.trial.unittest import TestCase

from tests.aggregated.cases import ARK
from tests.cluster.aggregated import (
    NAME,
    NAMESPACE,
    OWN,
    Replica,
    api_service,
    collection_of,
    this_machine,
)
from tests.cluster.ark import console_script
from tests.cluster.build import require
from tests.cluster.cluster import Cluster

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
SECRET = f"{NAME}-ca"
RIGHTS = Path(__file__).with_name("certificates.yaml")
NEEDED = Path(__file__).parents[1] / "cluster" / "aggregated.yaml"
PATIENCE = 90.0
_POLL = 0.2


class CertificatesTests(TestCase):
    """
    Two servers that begin at once, with no more rights than the chart gives them.
    """

    def setUp(self) -> None:
        """
        A cluster that forwards to the first of them, and does not trust it yet.
        """
        require("etcd", "kube")
        self.folder = Path(tempfile.mkdtemp(prefix="ark-certificates-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.cluster = Cluster().start()
        self.addCleanup(self.cluster.remove)
        self.client = self.cluster.endpoint.connect()
        self.addCleanup(self.client.close)
        for body in (*yaml.safe_load(NEEDED.read_text()), *yaml.safe_load(RIGHTS.read_text())):
            self.create(body)
        kubeconfig = self.cluster.service_account(NAMESPACE, NAME)
        self.replicas = [self.replica(number, kubeconfig) for number in range(2)]
        self.register()

    def replica(self, number: int, kubeconfig: Path) -> Replica:
        """
        A server with a database of its own.
        """
        self.cluster_options = {"kubeconfig": str(kubeconfig), "service": f"{NAMESPACE}/{NAME}"}
        options = {**self.cluster_options, "db-path": str(self.folder / str(number) / "ark.db")}
        replica = Replica(f"ark-{number}", self.folder, options, ())
        self.addCleanup(replica.stop)
        return replica

    def register(self) -> None:
        """
        A service that is this machine, and APIServices that say nothing of whom to trust.
        """
        port = self.replicas[0].port
        self.create(this_machine(port))
        for group, version in OWN:
            self.create(api_service(group, version, port))

    def create(self, body: dict[str, Any]) -> None:
        """
        Create an object as the administrator.
        """
        headers = {"Content-Type": "application/json"}
        answer = self.client.request("POST", collection_of(body), headers, json.dumps(body).encode())
        self.assertEqual(answer.code, 201, answer.body)

    def until(self, met: Callable[[], bool], what: str) -> None:
        """
        Wait for something.
        """
        deadline = time.monotonic() + PATIENCE
        while not met():
            tails = "\n".join(replica.process.tail() for replica in self.replicas if replica.process)
            self.assertLess(time.monotonic(), deadline, f"{what}:\n{tails}")
            time.sleep(_POLL)

    def available(self) -> bool:
        """
        Whether the aggregator forwards both versions.
        """
        return all(
            self.client.request("GET", f"{ARK[: -len('v1alpha1')]}{one}").code == 200 for _, one in OWN
        )

    def bundle(self) -> bytes:
        """
        Whom the aggregator trusts, PEM; empty for nobody.
        """
        spec = self.client.get(f"{SERVICES}/v1alpha1.ark.mckinsey.com")["spec"]
        self.assertNotIn("insecureSkipTLSVerify", spec)
        return b64decode(spec.get("caBundle") or "")

    def served(self, replica: Replica, authorities: bytes) -> x509.Certificate | None:
        """
        What a server shows, if the authorities have signed it for its service.
        """
        context = ssl.create_default_context(cadata=authorities.decode())
        name = f"{NAME}.{NAMESPACE}.svc"
        try:
            plain = socket.create_connection(("127.0.0.1", replica.port))
            with plain, context.wrap_socket(plain, server_hostname=name) as tls:
                return x509.load_der_x509_certificate(tls.getpeercert(True) or b"")
        except OSError:
            return None

    def check(self, replica: Replica) -> None:
        """
        The check of a container reaches a server, and finds it well.
        """
        number = self.replicas.index(replica)
        options = {"db-path": str(self.folder / str(number) / "ark.db"), "secure-port": str(replica.port)}
        given = [f"--{name}={value}" for name, value in {**options, **self.cluster_options}.items()]
        command = [*console_script(), "healthz", "readyz", *given]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def all_served(self) -> bool:
        """
        Whether every server shows a certificate that the aggregator trusts.
        """
        bundle = self.bundle()
        return bool(bundle) and all(self.served(replica, bundle) is not None for replica in self.replicas)

    def test_everybody_agrees(self) -> None:
        """
        Both servers serve certificates of one authority, which the aggregator is told of; a
        certificate is served again after a restart, and another when the authority is another.

        Contract 20.2.
        """
        for replica in self.replicas:
            replica.start()
        self.until(self.available, "the aggregator forwards")
        self.until(self.all_served, "both are trusted")
        first = self.bundle()
        self.assertEqual(first.count(b"BEGIN CERTIFICATE"), 1)
        secret = self.client.get(f"{SECRETS}/{SECRET}")
        self.assertEqual(b64decode(secret["data"]["ca.crt"]), first)
        self.check(self.replicas[1])
        shown = self.served(self.replicas[0], first)
        self.replicas[0].stop()
        self.replicas[0].start()
        self.until(lambda: self.served(self.replicas[0], first) == shown, "the certificate is kept")
        for replica in self.replicas:
            replica.stop()
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self.client.request("PATCH", f"{SECRETS}/{SECRET}", headers, b'{"data":null}')
        self.assertEqual(answer.code, 200, answer.body)
        for replica in self.replicas:
            replica.start()
        self.until(lambda: self.bundle() != first and self.all_served(), "another authority is trusted")
        self.until(self.available, "the aggregator forwards again")
