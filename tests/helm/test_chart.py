"""
The chart: what Helm makes of it, and what it refuses.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.build import require
from tests.helm import golden
from tests.helm.chart import (
    CHART,
    HELMS,
    KUBERNETES,
    SCHEMA,
    VALUES,
    Failed,
    cases,
    objects,
    run,
    template,
)
from tests.helm.charttests import ChartTests
from tests.helm.schemas import LOCATION, unpack

_PULL = "container-image-pull-policy"
_LIMITS = "pod-networkpolicy"
ACCEPTED = {"autoscaling": (_PULL,), "sqlite-ephemeral": (_PULL, _LIMITS)}
"""What a case is criticized for that asks for just that: an image by its digest need not be looked up again."""

_POSTGRESQL = ("storage.driver=postgresql", "storage.postgresql.host=a")
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
    ((*_POSTGRESQL, "storage.postgresql.existingSecretKeys.uri=uri"), "postgresql/existingSecret"),
    ((*_POSTGRESQL, "storage.postgresql.existingSecretKeys.username=user"), "postgresql/existingSecret"),
    ((*_POSTGRESQL, "storage.postgresql.tls.secretName=a", "storage.postgresql.tls.certKey=b"), "tls/keyKey"),
    ((*_POSTGRESQL, "storage.postgresql.tls.certKey=b", "storage.postgresql.tls.keyKey=c"), "tls/secretName"),
    (("storage.driver=mysql", "storage.mysql.host=a", "storage.mysql.tls.certKey=b"), "mysql/tls"),
    (("storage.sqlite.persistence.size=much",), "size"),
    (("tls.type=none",), "tls/type"),
    (("tls.type=existingSecret",), "tls/existingSecret/name"),
    (("tls.type=helm",), "tls/helm"),
    (("tls.type=cert-manager", "tls.certManager.issuerRef.kind=ClusterIssuer"), "tls/certManager/issuerRef"),
    (("metrics.readerServiceAccount.name=prometheus",), "metrics/readerServiceAccount"),
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
