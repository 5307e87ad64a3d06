"""
The chart: what Helm makes of it, and what it refuses.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

import ark
from ark.audit.policy import read_policy
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.options import OPTIONS
from ark.tracing.configuration import TracingConfiguration, read_configuration
from tests.cluster.build import require
from tests.helm import golden
from tests.helm.chart import (
    CASES,
    CHART,
    HELMS,
    KUBERNETES,
    NAMESPACE,
    SCHEMA,
    VALUES,
    Failed,
    cases,
    objects,
    run,
    template,
)
from tests.helm.schemas import LOCATION, unpack

METRICS = CHART.parents[1] / "docs" / "reference" / "metrics.md"
_BY_NAME = {option.name: option for option in OPTIONS}
_PULL = "container-image-pull-policy"
_LIMITS = "pod-networkpolicy"
ACCEPTED = {"autoscaling": (_PULL,), "sqlite-ephemeral": (_PULL, _LIMITS)}
"""What a case is criticized for that asks for just that: an image by its digest need not be looked up again."""

REFUSED = (
    (("nosuch=1",), "nosuch"),
    (("image.tagg=1",), "tagg"),
    (("storage.driver=etcd",), "storage/driver"),
    (("storage.driver=memory",), "storage/driver"),
    (("replicas=2",), "replicas"),
    (("replicas=-1", "storage.driver=mysql", "storage.mysql.host=a"), "replicas"),
    (("autoscaling.enabled=true",), "autoscaling/enabled"),
    (("storage.driver=postgresql",), "storage/postgresql"),
    (("storage.driver=postgresql", "storage.postgresql.existingSecret=a"), "storage/postgresql"),
    (("storage.driver=mysql", "storage.mysql.existingSecretKeys.uri=a"), "storage/mysql"),
    (("storage.driver=postgresql", "storage.postgresql.host=a", "storage.postgresql.sslMode=on"), "sslMode"),
    (("storage.sqlite.persistence.size=much",), "size"),
    (("tls.type=none",), "tls/type"),
    (("tls.type=existingSecret",), "tls/existingSecret/name"),
    (("tls.type=helm",), "tls/helm"),
    (("tls.insecureSkipTLSVerify=true",), "insecureSkipTLSVerify"),
    (("apiService.insecureSkipTLSVerify=true",), "insecureSkipTLSVerify"),
    (("image.digest=sha256:12",), "image/digest"),
    (("server.port=443",), "server/port"),
    (("options.cahce-size=1",), "cahce-size"),
    (("options.audit-log-path=-",), "audit-log-path"),
    (("storage.history.retention=long",), "retention"),
    (("server.workers=0",), "server/workers"),
    (("audit.enabled=true", "audit.log.path="), "audit"),
    (("audit.log.path=/data/audit.log",), "audit/log/path"),
    (("audit.policy.rules=",), "audit/policy/rules"),
    (("audit.policy.rules[0].level=All",), "audit/policy/rules/0/level"),
    (("tracing.endpoint=http://collector:4317",), "tracing/endpoint"),
    (("tracing.endpoint=collector",), "tracing/endpoint"),
    (("tracing.samplingRatePerMillion=1000001",), "samplingRatePerMillion"),
    (("extraContainers[0].image=a",), "extraContainers/0"),
    (("options.secure-port=1",), "secure-port"),
    (("options.postgres-password=secret",), "postgres-password"),
    (("extraArgs[0]=serve",), "extraArgs/0"),
    (("service.port=https",), "service/port"),
    (("metrics.serviceMonitor.interval=often",), "interval"),
    (("rbac.extraRules[0].resources[0]=secrets", "rbac.extraRules[0].verb=get"), "verb"),
)
"""Values that are wrong, and what the refusal names."""


class ChartTests(SynchronousTestCase):
    """
    Tests that render the chart.
    """

    def setUp(self) -> None:
        """
        Helm is needed, in both its versions.
        """
        require(*HELMS)

    def of(self, case: str) -> list[dict[str, Any]]:
        """
        The objects of a case.
        """
        return objects(golden.manifests(HELMS[-1], case))

    def one(self, case: str, kind: str, name: str = "ark-apiserver") -> dict[str, Any]:
        """
        An object of a case.
        """
        found = [body for body in self.of(case) if (body["kind"], body["metadata"]["name"]) == (kind, name)]
        self.assertEqual(len(found), 1, f"{kind} {name} of {case}")
        return found[0]

    def kinds(self, case: str) -> set[str]:
        """
        The kinds of its objects.
        """
        return {body["kind"] for body in self.of(case)}

    def pod(self, case: str) -> dict[str, Any]:
        """
        What its Deployment makes.
        """
        (found,) = (body for body in self.of(case) if body["kind"] == "Deployment")
        spec: dict[str, Any] = found["spec"]["template"]["spec"]
        return spec

    def arguments(self, case: str) -> dict[str, str]:
        """
        The options of its server.
        """
        words = self.pod(case)["containers"][0]["args"]
        return dict(word.removeprefix("--").split("=", 1) for word in words)


class RenderingTests(ChartTests):
    """
    What holds for every case.
    """

    def test_lint_finds_nothing(self) -> None:
        """
        Strictly, by both versions of Helm, in any case.
        """
        for helm in HELMS:
            flags = [f"--values={case}" for case in cases()]
            for flag in flags:
                run(helm, "lint", "--strict", str(CHART), "--kube-version", KUBERNETES[-1], flag)

    def test_there_are_enough_cases(self) -> None:
        """
        Each says what it is for.
        """
        self.assertGreaterEqual(len(cases()), 12)
        for case in cases():
            self.assertTrue(case.read_text().startswith("# "), case)

    def test_both_versions_of_helm_make_the_same(self) -> None:
        """
        Object by object.
        """
        for case in map(golden.name, cases()):
            first, second = (objects(golden.manifests(helm, case)) for helm in HELMS)
            self.assertEqual(first, second, case)

    def test_nothing_is_left_to_chance(self) -> None:
        """
        The second rendering is the first, or those who compare would never be done.
        """
        for case in cases():
            self.assertEqual(template(HELMS[-1], case), template(HELMS[-1], case), case)

    def test_manifests_are_those_that_were_looked_at(self) -> None:
        """
        Whoever changes the chart sees what that changes: C{python -m tests.helm.golden} writes it.
        """
        for path, text in golden.files():
            self.assertTrue(path.exists(), f"{path} is missing")
            self.assertEqual(path.read_text(), text, f"{path} is old: run python -m tests.helm.golden")

    def test_objects_have_names_of_their_own(self) -> None:
        """
        And a namespace, if they are in one.
        """
        for case in map(golden.name, cases()):
            found = [
                (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"])
                for body in self.of(case)
            ]
            self.assertEqual(len(found), len(set(found)), case)
            for kind, namespace, name in found:
                alone = kind.startswith("Cluster") or kind == "APIService"
                self.assertEqual(namespace is None, alone, f"{kind} {name} of {case}")

    def test_no_case_skips_the_check_of_certificates(self) -> None:
        """
        Nor does the chart have a value for it.
        """
        for path in (*CHART.rglob("*.yaml"), *CHART.rglob("*.tpl"), SCHEMA):
            self.assertNotIn("insecureskiptlsverify", path.read_text().lower(), path)

    def test_files_that_are_taken_are_there(self) -> None:
        """
        A missing one would be an empty text.
        """
        for path in (CHART / "templates").rglob("*.yaml"):
            for name in re.findall(r'Files\.\w+ "([^"]+)"', path.read_text()):
                self.assertTrue((CHART / name).exists(), f"{path.name} takes {name}")


class JudgementTests(ChartTests):
    """
    What others say of the manifests.
    """

    def test_manifests_are_valid(self) -> None:
        """
        For three versions of Kubernetes, unknown fields being faults.
        """
        require("kubeconform")
        manifests = "".join(golden.manifests(HELMS[-1], golden.name(case)) for case in cases())
        for version in KUBERNETES:
            folder = Path(self.mktemp())
            folder.mkdir(parents=True)
            unpack(version, folder)
            words = ("-strict", "-kubernetes-version", version, "-summary", "-output", "json")
            printed = run("kubeconform", *words, "-schema-location", f"{folder}/{LOCATION}", text=manifests)
            summary = json.loads(printed)["summary"]
            self.assertEqual(summary["valid"], len(objects(manifests)), summary)
            self.assertEqual((summary["invalid"], summary["errors"], summary["skipped"]), (0, 0, 0))

    def test_a_wrong_manifest_is_found(self) -> None:
        """
        Or the judgement would be worth nothing.
        """
        require("kubeconform")
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        unpack(KUBERNETES[0], folder)
        good = golden.manifests(HELMS[-1], "default")
        for before, after in (
            ("replicas: 1", 'replicas: "1"'),
            ("drop: [ALL]", "dorp: [ALL]"),
            ("versionPriority: 15\n", ""),
        ):
            self.assertIn(before, good)
            with self.assertRaises(Failed):
                run(
                    "kubeconform", "-strict", "-schema-location", f"{folder}/{LOCATION}",
                    text=good.replace(before, after),
                )  # fmt: skip

    def test_nothing_critical_is_found(self) -> None:
        """
        By kube-score, but for what a case asks for.
        """
        require("kube-score")
        for case in map(golden.name, cases()):
            ignored = [word for test in ACCEPTED.get(case, ()) for word in ("--ignore-test", test)]
            words = ("score", "-", "--output-format", "ci", "--exit-one-on-warning=false", *ignored)
            printed = run("kube-score", *words, text=golden.manifests(HELMS[-1], case))
            critical = [line for line in printed.splitlines() if line.startswith("[CRITICAL]")]
            self.assertEqual(critical, [], case)


class SchemaTests(ChartTests):
    """
    C{values.schema.json}.
    """

    def test_wrong_values_are_refused(self) -> None:
        """
        By both versions of Helm, naming the value.
        """
        for sets, named in REFUSED:
            for helm in HELMS:
                error = self.assertRaises(Failed, template, helm, sets=sets)
                self.assertIn("values don't meet the specifications of the schema", str(error), sets)
                self.assertIn(named, str(error).replace(".", "/"), sets)

    def test_every_value_is_in_the_schema_and_the_file(self) -> None:
        """
        Under the same names.
        """
        schema = json.loads(SCHEMA.read_text())
        self.compare(yaml.safe_load(VALUES.read_text()), schema, "", free=("global",))

    def compare(
        self, values: dict[str, Any], schema: dict[str, Any], path: str, free: tuple[str, ...] = ()
    ) -> None:
        """
        The members of a mapping.
        """
        members = set(schema["properties"]) - set(free)
        self.assertEqual(set(values), members, f"members of {path or 'the values'}")
        self.assertIs(schema["additionalProperties"], False, path)
        for name, value in values.items():
            below = schema["properties"][name]
            # What is empty by default is described by the schema alone.
            if "properties" in below and value:
                self.compare(value, below, f"{path}{name}.", ("claims", "apiVersion", "kind"))

    def test_null_replicas_are_one_or_two(self) -> None:
        """
        However null comes about.
        """
        database = ("storage.driver=postgresql", "storage.postgresql.host=a")
        for helm in HELMS:
            for sets, count in (
                ((), 1),
                (("replicas=null",), 1),
                (database, 2),
                ((*database, "replicas=null"), 2),
            ):
                (found,) = (one for one in objects(template(helm, sets=sets)) if one["kind"] == "Deployment")
                self.assertEqual(found["spec"]["replicas"], count, sets)


class ServerTests(ChartTests):
    """
    The pod, and the server in it.
    """

    def test_every_argument_is_an_option_with_a_fitting_value(self) -> None:
        """
        Or the server would not start.
        """
        for case in map(golden.name, cases()):
            container = self.pod(case)["containers"][0]
            for name, value in self.arguments(case).items():
                self.assertIn(name, _BY_NAME, case)
                _BY_NAME[name].parse(value)
            for variable in container.get("env", ()):
                name = variable["name"].removesuffix("_FILE")
                if name.startswith("ARK_"):
                    (option,) = (one for one in OPTIONS if one.environment == name)
                    self.assertTrue(option.secret or variable["name"] == name, name)

    def test_values_that_nobody_gives_are_the_servers_own(self) -> None:
        """
        A chart that is no more than installed runs what is documented of the server.
        """
        given = self.arguments("default")
        for name in (
            "history-retention", "history-events", "workers", "request-timeout", "max-requests-inflight",
            "max-mutating-requests-inflight", "enable-priority-and-fairness", "v",
        ):  # fmt: skip
            option = _BY_NAME[name]
            assert option.default is not None
            self.assertEqual(option.parse(given[name]), option.parse(option.default), name)

    def test_options_keep_their_numbers(self) -> None:
        """
        Neither in the notation of large ones, nor without their fractions.
        """
        sets = ("options.watch-window=12345678", "options.audit-webhook-batch-throttle-qps=2.5")
        for helm in HELMS:
            made = template(helm, sets=sets)
            self.assertIn('"--watch-window=12345678"', made)
            self.assertIn('"--audit-webhook-batch-throttle-qps=2.5"', made)

    def test_files_of_the_server_come_with_the_release(self) -> None:
        """
        They are what the server takes, and pods are replaced when they change.
        """
        data = self.one("observed", "ConfigMap")["data"]
        policy = read_policy(data["audit-policy.yaml"].encode())
        for path, level in (("/healthz", "None"), ("/version", "Metadata")):
            self.assertEqual(policy.of(Attributes(UserInfo("ann"), "get", path)).level, level)
        read = read_configuration(data["tracing.yaml"].encode())
        self.assertEqual(read, TracingConfiguration("collector.observability.svc:4317", 1000))
        sums = set()
        for rate in ("1", "2"):
            sets = ("tracing.endpoint=a:1", f"tracing.samplingRatePerMillion={rate}")
            sums.update(re.findall("checksum/config: (.*)", template(HELMS[-1], sets=sets)))
        self.assertEqual(len(sums), 2)
        self.assertNotIn("ConfigMap", self.kinds("default"))

    def test_no_argument_is_given_twice(self) -> None:
        """
        But those that may be.
        """
        for case in map(golden.name, cases()):
            words = [word.partition("=")[0][2:] for word in self.pod(case)["containers"][0]["args"]]
            single = [word for word in words if not _BY_NAME[word].repeatable]
            self.assertEqual(len(single), len(set(single)), case)

    def test_the_version_is_that_of_the_server(self) -> None:
        """
        So that the image is.
        """
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual(chart["appVersion"], ark.__version__)

    def test_no_password_is_in_a_manifest(self) -> None:
        """
        Nor in the environment: the server reads it from a file.
        """
        self.assertEqual(
            self.pod("postgresql")["containers"][0]["env"],
            [{"name": "ARK_POSTGRES_PASSWORD_FILE", "value": "/var/run/ark/database/password"}],
        )
        (volume,) = (one for one in self.pod("postgresql")["volumes"] if one["name"] == "database")
        self.assertEqual(volume["secret"]["items"], [{"key": "password", "path": "password"}])

    def test_a_url_takes_the_place_of_all_else(self) -> None:
        """
        Host and user would count more than its parts.
        """
        for case, start in (("postgresql-uri", "postgres-"), ("mysql-single", "mysql-")):
            given = {name for name in self.arguments(case) if name.startswith(start)}
            self.assertFalse(given & {f"{start}{word}" for word in ("host", "port", "user", "database")})
            names = [one["name"] for one in self.pod(case)["containers"][0]["env"]]
            self.assertEqual(names, ["ARK_DB_URL_FILE"])

    def test_sqlite_is_never_opened_twice(self) -> None:
        """
        One server, which ends before the next begins.
        """
        spec = self.one("default", "Deployment")["spec"]
        self.assertEqual((spec["replicas"], spec["strategy"]), (1, {"type": "Recreate"}))

    def test_other_databases_are_served_without_a_gap(self) -> None:
        """
        Two servers, spread, of which one may be away.
        """
        spec = self.one("postgresql", "Deployment")["spec"]
        self.assertEqual((spec["replicas"], spec["strategy"]["rollingUpdate"]["maxUnavailable"]), (2, 0))
        self.assertEqual(len(self.pod("postgresql")["topologySpreadConstraints"]), 2)
        budget = self.one("postgresql", "PodDisruptionBudget")["spec"]
        self.assertEqual((budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]), (1, "AlwaysAllow"))
        self.assertNotIn("PodDisruptionBudget", self.kinds("default"))

    def test_there_is_time_to_end_well(self) -> None:
        """
        For the delay and for the requests under way.
        """
        for case in map(golden.name, cases()):
            given = self.arguments(case)
            delay, timeout = (
                _BY_NAME[name].parse(given[name]) for name in ("shutdown-delay-duration", "request-timeout")
            )
            self.assertGreater(self.pod(case)["terminationGracePeriodSeconds"], delay + timeout, case)
            several = self.pod(case).get("topologySpreadConstraints")
            self.assertTrue(delay or not several, case)

    def test_probes_ask_what_they_are_for(self) -> None:
        """
        A server that waits for its database must not be killed for it.
        """
        container = self.pod("default")["containers"][0]
        asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        self.assertEqual({name: one["path"] for name, one in asked.items()},
                         {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz?exclude=storage"})  # fmt: skip
        self.assertEqual({(one["port"], one["scheme"]) for one in asked.values()}, {("https", "HTTPS")})

    def test_pods_are_confined(self) -> None:
        """
        Every container of every case: nobody's user, no rights, nothing to write to but volumes.
        """
        for case in map(golden.name, cases()):
            pods = [body["spec"] for body in self.of(case) if body["kind"] == "Pod"] + [self.pod(case)]
            for pod, container in ((spec, one) for spec in pods for one in spec["containers"]):
                security = container["securityContext"]
                self.assertEqual((security["runAsUser"], security["runAsGroup"]), (65532, 65532))
                self.assertTrue(security["readOnlyRootFilesystem"])
                self.assertFalse(security["allowPrivilegeEscalation"])
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertEqual(
                    {"cpu", "memory", "ephemeral-storage"}, set(container["resources"]["limits"])
                )
            for volume in self.pod(case)["volumes"]:
                if "emptyDir" in volume:
                    self.assertIn("sizeLimit", volume["emptyDir"], case)

    def test_what_selects_servers_does_not_select_the_test(self) -> None:
        """
        The Service would send requests to it.
        """
        selector = self.one("default", "Service")["spec"]["selector"]
        test = self.one("default", "Pod", "ark-apiserver-test")["metadata"]["labels"]
        server = self.one("default", "Deployment")["spec"]["template"]["metadata"]["labels"]
        self.assertFalse(set(selector.items()) <= set(test.items()))
        self.assertLessEqual(set(selector.items()), set(server.items()))


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
