"""
What kube-apiserver itself asks of an authorizer: the table that L{tests.authorization} holds us to.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from twisted.trial.unittest import TestCase

from ark.authentication.x509 import user_of
from ark.authorization.attributes import Attributes
from ark.authorization.subjectaccess import spec_of
from tests.authorization.questions import QUESTIONS, Question, asked_of
from tests.cluster.build import require
from tests.cluster.client import Client
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.reviewer import Reviewer
from tests.cluster.shared import definitions

_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class QuestionTests(TestCase):
    """
    A control plane whose second authorizer is a webhook that remembers.
    """

    timeout = 300

    def setUp(self) -> None:
        require("etcd", "kube")
        folder = Path(tempfile.mkdtemp(prefix="kube-reviewer-"))
        self.addCleanup(shutil.rmtree, folder)
        self.reviewer = Reviewer(folder)
        self.addCleanup(self.reviewer.stop)
        self.cluster = Cluster(
            flags=[
                "--authorization-mode=Webhook",
                f"--authorization-webhook-config-file={self.reviewer.kubeconfig}",
                "--authorization-webhook-version=v1",
                "--authorization-webhook-cache-authorized-ttl=0s",
            ]
        )
        self.cluster.start()
        self.addCleanup(self.cluster.remove)
        self.cluster.define(read_definitions(*definitions()))
        self._take_roles_away()

    def _take_roles_away(self) -> None:
        """
        The first authorizer must have no opinion of what everybody may do.
        """
        client = self.cluster.endpoint.connect()
        for name in ("discovery", "basic-user", "public-info-viewer"):
            client.request("DELETE", f"{_BINDINGS}/system:{name}")
        client.close()

    def asked(self, client: Client, question: Question) -> list[dict[str, Any]]:
        """
        What is asked about one request.
        """
        self.reviewer.specs.clear()
        client.request(question.method, question.target, question.headers, question.body or None)
        return [spec for spec in self.reviewer.specs if spec.get("user") == "ann"]

    def test_the_table_is_kube_apiservers(self) -> None:
        """
        Each request is asked about as the table says, and in the name of the user that we would
        read off the same certificate.
        """
        endpoint = self.cluster.user("ann", ["dev", "ops"])
        client = endpoint.connect()
        self.addCleanup(client.close)
        certificate = load_pem_x509_certificate(endpoint.certificate.read_bytes())
        user = user_of(certificate, certificate.public_bytes(Encoding.DER))
        assert user is not None
        subject = spec_of(Attributes(user, "get", "/"))
        del subject["nonResourceAttributes"]
        wrong = []
        for question in QUESTIONS:
            specs = self.asked(client, question)
            asked = tuple(map(asked_of, specs))
            if asked != question.expected:
                wrong.append(f"{question.method} {question.target}\n  {asked}\n  {question.expected}")
            for spec in specs:
                told = {name: value for name, value in spec.items() if name in subject}
                self.assertEqual(told, subject, question.target)
        self.assertEqual(wrong, [], "\n".join(wrong))
