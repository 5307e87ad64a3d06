"""
The chart: how it has the server run.
"""

from __future__ import annotations

import re

import yaml

import ark
from ark.audit.policy import read_policy
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.options import OPTIONS
from ark.tracing.configuration import TracingConfiguration, read_configuration
from tests.helm import golden
from tests.helm.chart import (
    CHART,
    HELMS,
    cases,
    template,
)
from tests.helm.charttests import ChartTests

_BY_NAME = {option.name: option for option in OPTIONS}


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
