"""
The chart: how the cluster finds the server, and who watches it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.helm import golden
from tests.helm.chart import (
    CASES,
    CHART,
    HELMS,
    NAMESPACE,
    cases,
    run,
)
from tests.helm.charttests import ChartTests

METRICS = CHART.parents[1] / "docs" / "reference" / "metrics.md"


class ServingTests(ChartTests):
    """
    How kube-apiserver is led to the server.
    """

    def services(self, case: str) -> list[dict[str, Any]]:
        """
        The APIServices of a case.
        """
        return [body for body in self.of(case) if body["kind"] == "APIService"]

    def test_both_versions_have_a_service(self) -> None:
        """
        With the priorities of the group, and the port of the Service.
        """
        for case, port in (("default", 443), ("existing-certificate", 8443)):
            found = [body["spec"] for body in self.services(case)]
            self.assertEqual([spec["version"] for spec in found], ["v1alpha1", "v1prealpha1"])
            for spec in found:
                self.assertEqual((spec["groupPriorityMinimum"], spec["versionPriority"]), (1000, 15))
                self.assertEqual(spec["service"]["port"], port)
                (offered,) = self.one(case, "Service")["spec"]["ports"]
                self.assertEqual(offered["port"], port)

    def test_a_bundle_that_the_server_keeps_is_not_fought_over(self) -> None:
        """
        Where others fill it in there is no field, not even an empty one.
        """
        for case in ("default", "cert-manager", "cert-manager-issuer"):
            for body in self.services(case):
                self.assertNotIn("caBundle", body["spec"], case)
        for case in ("existing-certificate", "given-certificate"):
            for body in self.services(case):
                self.assertTrue(body["spec"]["caBundle"], case)

    def test_cert_manager_fills_in_the_bundle_of_the_leaf(self) -> None:
        """
        Which an authority has signed, so that a renewed leaf needs no other bundle.
        """
        for body in self.services("cert-manager"):
            annotations = body["metadata"]["annotations"]
            self.assertEqual(annotations["cert-manager.io/inject-ca-from"], "ark-system/ark-apiserver-tls")
            self.assertEqual(annotations["argocd.argoproj.io/sync-wave"], "1")
        leaf = self.one("cert-manager", "Certificate", "ark-apiserver-tls")["spec"]
        self.assertEqual(leaf["issuerRef"]["name"], "ark-apiserver-authority")
        self.assertIn("ark-apiserver.ark-system.svc", leaf["dnsNames"])
        self.assertTrue(self.one("cert-manager", "Certificate", "ark-apiserver-authority")["spec"]["isCA"])
        self.assertNotIn("Issuer", self.kinds("cert-manager-issuer"))

    def test_while_objects_are_imported_definitions_go_on_being_served(self) -> None:
        """
        An APIService would hide them.
        """
        self.assertNotIn("APIService", self.kinds("import"))
        self.assertNotIn("Pod", self.kinds("import"))

    def test_nothing_but_the_test_is_a_hook(self) -> None:
        """
        Those who do not run hooks can uninstall all the same.
        """
        for case in map(golden.name, cases()):
            for body in self.of(case):
                hook = (body["metadata"].get("annotations") or {}).get("helm.sh/hook")
                self.assertIn(hook, (None, "test"), case)

    def test_notes_tell_what_to_do_next(self) -> None:
        """
        And warn of what is lost.
        """
        for case, word in (
            ("default", "kubectl wait"),
            ("sqlite-ephemeral", "WARNING"),
            ("mysql-single", "WARNING"),
            ("import", "import.enabled=false"),
        ):
            flags = (
                "--namespace",
                NAMESPACE,
                "--dry-run=client",
                f"--values={CASES / f'{case}-values.yaml'}",
            )
            _, _, notes = run(HELMS[-1], "install", "ark-apiserver", str(CHART), *flags).partition("NOTES:")
            self.assertIn(word, notes, case)


class MonitoringTests(ChartTests):
    """
    Metrics, alerts and the dashboard.
    """

    def expressions(self) -> list[str]:
        """
        Everything that Prometheus is asked.
        """
        rules = self.one("monitoring", "PrometheusRule")["spec"]["groups"]
        data = self.one("monitoring", "ConfigMap", "ark-apiserver-dashboard")["data"]
        dashboard = json.loads(data["ark-apiserver.json"])
        asked = [rule["expr"] for group in rules for rule in group["rules"]]
        panels = [panel for panel in dashboard["panels"] if "targets" in panel]
        return asked + [target["expr"] for panel in panels for target in panel["targets"]]

    def test_metrics_that_are_asked_for_exist(self) -> None:
        """
        As the reference has them.
        """
        text = METRICS.read_text()
        expressions = self.expressions()
        self.assertGreater(len(expressions), 10)
        for expression in expressions:
            for name in re.findall(r"\b((?:ark|apiserver|process|authentication)_[a-z_]+)", expression):
                plain = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(f"`{name}`" in text or f"`{plain}`" in text, f"{name} in {expression}")

    def test_prometheus_verifies_the_server(self) -> None:
        """
        By the authority that the APIServices know, under the name of the Service.
        """
        (endpoint,) = self.one("monitoring", "ServiceMonitor")["spec"]["endpoints"]
        self.assertEqual(endpoint["scheme"], "https")
        self.assertEqual(endpoint["tlsConfig"]["serverName"], "ark-apiserver.ark-system.svc")
        self.assertEqual(endpoint["tlsConfig"]["ca"]["secret"]["name"], "ark-apiserver-ca")

    def test_prometheus_may_read(self) -> None:
        """
        The metrics, and nothing else.
        """
        role = self.one("monitoring", "ClusterRole", "ark-apiserver:metrics-reader")
        self.assertEqual(role["rules"], [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}])
        binding = self.one("monitoring", "ClusterRoleBinding", "ark-apiserver:metrics-reader")
        self.assertEqual(binding["subjects"][0]["name"], "prometheus-k8s")
