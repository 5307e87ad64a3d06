"""
What a server in a cluster shows while it does all that it can: the metrics that the chart's dashboard and alerts ask for,
and none of the secrets that it knows.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import SkipTest

import yaml
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import TestCase

from tests.aggregated.cases import ARK, Session, query
from tests.cluster.aggregated import AggregatedArk
from tests.cluster.build import require
from tests.cluster.client import Endpoint
from tests.cluster.cluster import Cluster
from tests.e2e.canaries import Canaries, model
from tests.helm import monitoring
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs
from tests.tracing.collector import Collector

POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
TRACING = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "TracingConfiguration",
    "samplingRatePerMillion": 1_000_000,
}
QUERIES = f"{ARK}/namespaces/default/queries"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
    "unknown": ("",),
    "untyped": ("",),
}

RARE = {
    "apiserver_request_terminations_total": {"group", "code"},
    "apiserver_flowcontrol_rejected_requests_total": {"priority_level", "reason"},
}
"""Metrics of what does not happen here, and the labels that other tests see them with."""


class Observed:
    """
    The server, and who watches it.
    """

    def __init__(self) -> None:
        programs = find_programs()
        if programs is None:
            raise SkipTest("PostgreSQL is not installed")
        require("etcd", "kube")
        with ExitStack() as made:
            self._start(programs, made)
            self._made = made.pop_all()

    def _start(self, programs: Path, made: ExitStack) -> None:
        self.canaries = Canaries()
        self.folder = Path(made.enter_context(tempfile.TemporaryDirectory(prefix="ark-observed-")))
        self.collector = Collector()
        made.callback(self.collector.stop)
        self.database = PostgreSQLServer(programs)
        made.callback(self.database.remove)
        self.cluster = Cluster()
        made.callback(self.cluster.remove)
        self.cluster.start()
        url = self.database.url().replace("ark@", f"ark:{self.canaries.new('password in a URL')}@")
        (self.folder / "url").write_text(url)
        self.audit = self.folder / "audit.log"
        self.server = AggregatedArk(self.cluster, storage=["--storage=postgresql"], flags=self._flags())
        made.callback(self.server.stop)
        with _environment(ARK_DB_URL_FILE=str(self.folder / "url")):
            self.server.start()
        self.canaries.add("token of the kubeconfig", _token(self.server.kubeconfig))

    def _flags(self) -> list[str]:
        named = {
            "audit-policy-file": json.dumps(POLICY),
            "tracing-config-file": json.dumps({**TRACING, "endpoint": self.collector.endpoint}),
        }
        for name, text in named.items():
            (self.folder / name).write_text(text)
        files = [f"--{name}={self.folder / name}" for name in named]
        return [*files, f"--audit-log-path={self.audit}", "-v=10", "--enable-priority-and-fairness=true"]

    def remove(self) -> None:
        """
        End all of it.
        """
        self._made.close()


@contextmanager
def _environment(**given: str) -> Iterator[None]:
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


def _token(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"])


def hook(name: str, policy: str) -> dict[str, Any]:
    """
    A webhook that does not answer.
    """
    rule = {
        "operations": ["*"],
        "apiGroups": ["ark.mckinsey.com"],
        "apiVersions": ["*"],
        "resources": ["queries"],
        "scope": "*",
    }
    webhook = {
        "name": f"{name}.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:9/{name}"},
        "rules": [rule],
        "failurePolicy": policy,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "objectSelector": {"matchLabels": {"hook": name}},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


class ScrapeTests(TestCase):
    """
    A server on PostgreSQL behind kube-apiserver, with an audit log and traces.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        Start it.
        """
        self.observed = Observed()
        self.addCleanup(self.observed.remove)
        self.server = self.observed.server
        self.canaries = self.observed.canaries
        self.administrator = self.session(self.server.endpoint)
        self.direct = self.session(self.server.direct())
        self.refusals: list[tuple[str, bytes]] = []

    def session(self, endpoint: Endpoint) -> Session:
        """
        Requests of a user.
        """
        client = endpoint.connect()
        self.addCleanup(client.close)
        return Session(client)

    def refused(
        self, code: int, session: Session, method: str, target: str, body: Any = None, **headers: str
    ) -> None:
        """
        A request is refused, with what is kept to be looked at.
        """
        answer = session.ask(method, target, body, **headers)
        self.assertEqual(answer.code, code, answer.body)
        self.refusals.append((f"refusal of {method} {target}", answer.body))

    def use(self) -> None:
        """
        Write, read, be refused, have webhooks fail, be somebody with a token and be nobody.
        """
        for name, policy in (("fails", "Fail"), ("ignored", "Ignore")):
            self.assertIn(self.administrator.code("POST", HOOKS, hook(name, policy)), (201, 409))
        nobody = self.session(self.server.direct()._replace(certificate=Path(), key=Path()))
        self.refused(
            401, nobody, "GET", QUERIES, Authorization=f"Bearer {self.canaries.new('unknown token')}"
        )
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "somebody"}}
        self.assertEqual(self.administrator.code("POST", ACCOUNTS, account), 201)
        token = _token(self.observed.cluster.service_account("default", "somebody"))
        self.canaries.add("token of a service account", token)
        self.refused(403, nobody, "GET", QUERIES, Authorization=f"Bearer {token}")
        labels = {"hook": "fails"}
        until(lambda: self.administrator.code("POST", QUERIES, query("no", labels=labels)) == 500)
        self.refused(500, self.administrator, "POST", QUERIES, query("no", labels=labels))
        self.administrator.ask("POST", QUERIES, query("passed", labels={"hook": "ignored"}))
        self.assertEqual(self.administrator.code("GET", f"{QUERIES}/passed"), 200)
        self.assertEqual(self.direct.code("GET", f"{QUERIES}?watch=1&timeoutSeconds=1"), 200)
        body = model({"generateName": "m-"}, self.canaries.new("key of a model"))
        answer = self.administrator.ask("POST", f"{ARK}/namespaces/default/models", body)
        self.assertEqual(answer.code, 201, answer.body)
        self.refused(
            403, self.session(self.server.direct(user=self.observed.cluster.user("jane"))), "GET", QUERIES
        )

    def scrape(self) -> dict[str, set[str]]:
        """
        The labels of each metric; those of metrics that nothing was counted for are unknown.
        """
        text = self.direct.ask("GET", "/metrics").body.decode()
        found: dict[str, set[str]] = defaultdict(set)
        for family in text_string_to_metric_families(text):
            for suffix in _SUFFIXES[family.type]:
                found[family.name + suffix] |= set()
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
        return found

    def test_what_is_asked_for_is_there(self) -> None:
        """
        Every metric of the dashboard and the alerts, with every label that they ask for it by.
        """
        self.use()
        # What is counted once a minute, and at the end of a request.
        until(lambda: self.scrape()["apiserver_resource_objects"])
        found = self.scrape()
        missing = []
        for expression in monitoring.expressions():
            for name, labels in monitoring.series(expression):
                there = found.get(name)
                if there is not None and name in RARE:
                    there = there | RARE[name]
                if there is None or labels - there:
                    missing.append((name, sorted(labels - (there or set()))))
        self.assertEqual(missing, [])

    def test_no_secret_is_shown(self) -> None:
        """
        Neither while all is well nor when the database breaks off.
        """
        self.use()
        outputs = [("metrics", self.direct.ask("GET", "/metrics").body)]
        self.observed.database.stop("immediate")
        key = self.canaries.new("key of a model while the database is away")
        model = {"apiVersion": "ark.mckinsey.com/v1alpha1", "kind": "Model", "metadata": {"name": "away"}}
        spec = {"type": "completions", "provider": "openai", "model": {"value": key}, "config": {}}
        answer = self.administrator.ask("POST", f"{ARK}/namespaces/default/models", {**model, "spec": spec})
        self.assertGreaterEqual(answer.code, 500)
        outputs += [("an answer without a database", answer.body), *self.refusals]
        outputs += [
            ("the process list", Path(f"/proc/{one.pid}/cmdline").read_bytes())
            for one in self.server.processes
        ]
        self.server.stop()
        outputs += [("the log", path.read_bytes()) for path in self.server.folder.glob("*.log")]
        outputs += [("the audit log", self.observed.audit.read_bytes())]
        outputs += [("traces", b"".join(one.SerializeToString() for one in self.observed.collector.spans))]
        self.assertTrue(all(data for _, data in outputs), [where for where, data in outputs if not data])
        self.assertGreater(len([where for where, _ in outputs if where == "the log"]), 0)
        self.assertEqual(self.canaries.shown(outputs), [])


def until(condition: Callable[[], object]) -> None:
    """
    Wait until something has come to pass.
    """
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass")
        time.sleep(0.2)
