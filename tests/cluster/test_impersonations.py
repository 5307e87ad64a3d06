"""
Who may act for whom at kube-apiserver itself: the table that L{tests.authorization} holds us to.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from twisted.trial.unittest import TestCase

from ark.authentication.userinfo import UserInfo
from tests.authorization.impersonations import Scenario, Step, fields, outcome_of, question_of, scenarios
from tests.cluster.build import require
from tests.cluster.client import Client
from tests.cluster.cluster import Cluster
from tests.cluster.reviewer import Reviewer

_PATIENCE = 20.0
_POLICY = '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Metadata"}]}'


def headers_of(user: UserInfo) -> dict[str, str]:
    """
    How a front proxy says for whom it speaks.
    """
    more = [("Group", group) for group in user.groups]
    more += [(f"Extra-{quote(name, safe='')}", value) for name, values in user.extra for value in values]
    return fields((f"X-Remote-{name}", value) for name, value in [("User", user.name), *more])


class ImpersonationTests(TestCase):
    """
    A control plane whose second authorizer is a webhook that remembers, and which trusts a front proxy.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        Nothing that was answered is remembered but by the impersonation itself.
        """
        require("etcd", "kube")
        folder = Path(tempfile.mkdtemp(prefix="kube-impersonation-"))
        self.addCleanup(shutil.rmtree, folder)
        self.reviewer = Reviewer(folder)
        self.addCleanup(self.reviewer.stop)
        (folder / "policy.yaml").write_text(_POLICY)
        self.log = folder / "audit.log"
        self.cluster = Cluster(
            flags=[
                "--authorization-mode=Webhook",
                f"--authorization-webhook-config-file={self.reviewer.kubeconfig}",
                "--authorization-webhook-version=v1",
                "--authorization-webhook-cache-authorized-ttl=0s",
                "--authorization-webhook-cache-unauthorized-ttl=0s",
                f"--audit-policy-file={folder / 'policy.yaml'}",
                f"--audit-log-path={self.log}",
            ]
        )
        self.cluster.start()
        self.addCleanup(self.cluster.remove)
        endpoint = self.cluster.endpoint
        self._take_roles_away(endpoint.connect())
        proxy = self.cluster.folder / "front-proxy"
        proxied = endpoint._replace(certificate=proxy.with_suffix(".crt"), key=proxy.with_suffix(".key"))
        self.client = proxied.connect()
        self.addCleanup(self.client.close)

    def _take_roles_away(self, client: Client) -> None:
        """
        The first authorizer must have no opinion of what everybody may do.
        """
        for name in ("discovery", "basic-user", "public-info-viewer"):
            path = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:{name}"
            client.request("DELETE", path)
        client.close()

    def play(self, scenario: Scenario) -> Iterator[tuple[Step, dict[str, Any]]]:
        """
        Make the requests of a scenario.

        @return: what was asked about each, and what came of it.
        """
        self.reviewer.judge = scenario.judge
        who = headers_of(scenario.user)
        for number, step in enumerate(scenario.steps):
            self.reviewer.specs.clear()
            audit_id = f"{scenario.name}-{number}"
            answer = self.client.request(
                step.method, step.target, {**who, **step.headers, "Audit-Id": audit_id}, step.body or None
            )
            asked = [spec for spec in self.reviewer.specs if spec["user"] == scenario.user.name]
            questions = [question_of(spec, scenario.user) for spec in asked]
            yield (
                step,
                {"asked": questions, **outcome_of(step, answer.code, answer.body, self.event(audit_id))},
            )

    def event(self, audit_id: str) -> dict[str, Any]:
        """
        What the audit log tells of a request that was answered.
        """
        wanted = f'"auditID":"{audit_id}","stage":"ResponseComplete"'.encode()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for line in self.log.read_bytes().splitlines():
                if wanted in line:
                    event: dict[str, Any] = orjson.loads(line)
                    return event
            time.sleep(0.02)
        raise AssertionError(f"the audit log does not tell of {audit_id}")

    def test_the_table_is_kube_apiservers(self) -> None:
        """
        What is asked in which order, who it is then or why not, and what the audit log tells.
        """
        wrong = []
        for scenario in scenarios():
            for number, (step, found) in enumerate(self.play(scenario)):
                if found != step.expected:
                    wrong.append(f"{scenario.name} {number}\n  {found}\n  {step.expected}")
        self.assertEqual(wrong, [], "\n".join(wrong))
