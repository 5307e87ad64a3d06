"""
The chart in a real cluster: installed, used, upgraded, refused and uninstalled, by both versions of Helm.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.audit.test_differential import kubeconfig
from tests.audit.test_webhook import Collector
from tests.cluster.ark import console_script
from tests.cluster.build import require
from tests.cluster.certificates import Authority
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.shared import definitions
from tests.helm.chart import CHART, HELMS, NAMESPACE, VALUES, Failed
from tests.helm.image import built
from tests.helm.release import NAME, VERSIONS, Release

CONTROLLERS = ("clusterrole-aggregation-controller", "persistentvolumeclaim-protection-controller")
_AGENT = {
    "apiVersion": "ark.mckinsey.com/v1alpha1",
    "kind": "Agent",
    "metadata": {"name": "weather"},
    "spec": {"prompt": "Be brief."},
}
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{NAME}"
_EXCESSIVE = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "secrets"),
    ("get", "configmaps"),
    ("get", "services"),
    ("create", "namespaces"),
    ("delete", "namespaces"),
    ("patch", "apiservices.apiregistration.k8s.io"),
    ("patch", "apiservices.apiregistration.k8s.io/v1.apps"),
    ("create", "apiservices.apiregistration.k8s.io"),
    ("update", "validatingwebhookconfigurations.admissionregistration.k8s.io"),
    ("list", "pods"),
    ("impersonate", "users"),
    ("get", "agents.ark.mckinsey.com"),
    ("escalate", "clusterroles.rbac.authorization.k8s.io"),
)
"""What the server must not be able to do, with the name of the object after a slash."""
_OBSERVED = (
    "--set=tracing.endpoint=localhost:1,tracing.samplingRatePerMillion=1000000",
    "--set=audit.enabled=true,audit.log.path=/var/log/ark/a.log",
    "--set=audit.webhook.existingSecret=ark-audit-webhook",
)
"""Values for all that a server tells of requests; the last asks for a Secret."""
_AUDIT = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [{user}]
- level: None
"""


class Attributes(NamedTuple):
    """
    What somebody may do.
    """

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""

    @classmethod
    def of(cls, verb: str, text: str, namespace: str = "") -> Attributes:
        """
        From C{resource.group/name}.
        """
        what, _, name = text.partition("/")
        resource, _, group = what.partition(".")
        return cls(verb, group, resource, name, namespace)


@cache
def cluster() -> Cluster:
    """
    A cluster for the tests that leave it as it was, which writes down what the server asks of it.
    """
    folder = audit()
    policy = folder / "policy.yaml"
    policy.write_text(_AUDIT.replace("{user}", f'"{ACCOUNT}"'))
    flags = [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={folder / 'log'}",
        "--audit-log-mode=blocking",
    ]
    started = Cluster(controllers=CONTROLLERS, flags=flags).start()
    atexit.register(started.remove)
    return started


@cache
def audit() -> Path:
    """
    Where kube-apiserver writes down what it is asked, in C{log}.
    """
    folder = Path(tempfile.mkdtemp(prefix="ark-audit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def asked() -> list[dict[str, Any]]:
    """
    What the server has asked so far.
    """
    return [json.loads(line) for line in (audit() / "log").read_text().splitlines()]


class ReleaseTests(SynchronousTestCase):
    """
    With releases that go away.
    """

    def setUp(self) -> None:
        """
        Programs and a cluster.
        """
        require("etcd", "kube", "kubectl", *HELMS)
        self.cluster = cluster()

    def release(self, helm: str) -> Release:
        """
        Nothing yet but a name.
        """
        made = Release(helm, self.cluster)
        self.addCleanup(made.remove)
        self.addCleanup(self.uninstall, made)
        return made

    def uninstall(self, release: Release) -> None:
        """
        Leave nothing behind.
        """
        release.stop()
        release.helm("uninstall", NAME, "--ignore-not-found")
        release.kubectl("delete", "pvc", "--all", "--timeout=20s")

    def certificates(self) -> str:
        """
        A flag with a serving certificate among the values.
        """
        folder = tempfile.TemporaryDirectory(prefix="ark-certificates-")
        self.addCleanup(folder.cleanup)
        authority = Authority(Path(folder.name), "serving-ca")
        pair = authority.issue(NAME, server=True, names=[f"{NAME}.{NAMESPACE}.svc"])
        given = {
            "ca": authority.certificate.read_text(),
            "certificate": pair.certificate.read_text(),
            "key": pair.key.read_text(),
        }
        path = Path(folder.name) / "values.json"
        path.write_text(json.dumps({"tls": {"type": "helm", "helm": given}}))
        return f"--values={path}"

    def use(self, release: Release) -> None:
        """
        Do what people do.
        """
        release.kubectl("apply", "--filename=-", text=json.dumps(_AGENT))
        self.assertIn("weather", release.kubectl("get", "agents"))
        done = release.run_test()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("/apis/ark.mckinsey.com/v1alpha1: ", done.stdout)
        self.assertIn("agents", done.stdout)

    def test_what_helm_installs_is_available_until_it_is_uninstalled(self) -> None:
        """
        Also across an upgrade, which changes nothing.
        """
        for helm in HELMS:
            release = self.release(helm)
            self.assertIn("kubectl wait", release.install())
            process = release.start()
            self.use(release)
            bundle = self.bundles(release)
            release.upgrade("--set=server.verbosity=2")
            process.wait_until(release.available)
            self.assertEqual(self.bundles(release), bundle)
            self.use(release)
            release.kubectl("delete", "agent", "weather")
            release.stop()
            release.helm("uninstall", NAME)
            self.assertEqual(
                release.get("apiservice", "--selector=app.kubernetes.io/instance=ark-apiserver")["items"], []
            )
            (claim,) = release.get("pvc")["items"]
            self.assertEqual(claim["metadata"]["name"], NAME)
            release.kubectl("delete", "pvc", NAME)

    def bundles(self, release: Release) -> list[str]:
        """
        The authorities that the APIServices name.
        """
        found = [release.get("apiservice", version)["spec"]["caBundle"] for version in VERSIONS]
        secret = release.get("secret", f"{NAME}-ca")["data"]["ca.crt"]
        self.assertEqual(found, [secret, secret])
        return found

    def test_a_release_of_an_older_chart_is_upgraded_with_its_values(self) -> None:
        """
        Those that the chart did not have yet are those of this one.
        """
        for helm in HELMS:
            release = self.release(helm)
            older = release.folder / CHART.name
            shutil.copytree(CHART, older)
            known = yaml.safe_load(VALUES.read_text())
            values = {name: known[name] for name in ("image", "storage", "tls", "rbac", "resources")}
            (older / VALUES.name).write_text(json.dumps(values))
            release.helm("install", NAME, str(older), "--create-namespace", "--set=server.verbosity=2")
            before = release.get("deployment", NAME)["spec"]
            release.helm("upgrade", NAME, str(CHART), "--reuse-values", "--set=audit.enabled=true")
            after = release.get("deployment", NAME)["spec"]["template"]["spec"]["containers"][0]["args"]
            self.assertIn("--v=2", before["template"]["spec"]["containers"][0]["args"])
            self.assertIn("--v=2", after)
            self.assertIn("--audit-log-path=-", after)
            release.helm("uninstall", NAME)
            release.kubectl("delete", "pvc", NAME)

    def test_given_certificates_are_served(self) -> None:
        """
        Below the authority that is given with them.
        """
        release = self.release(HELMS[-1])
        release.install(self.certificates())
        release.start()
        self.use(release)

    def test_requests_are_audited_and_traced_as_the_values_say(self) -> None:
        """
        In a file on its volume, and for a webhook whose kubeconfig is in a Secret; the collector may be away.
        """
        collector = Collector()
        self.addCleanup(collector.stop)
        release = self.release(HELMS[-1])
        release.install(*_OBSERVED)
        release.create_secret("ark-audit-webhook", kubeconfig=yaml.safe_dump(kubeconfig(collector)))
        process = release.start()
        self.use(release)
        release.kubectl("delete", "agent", "weather")
        process.stop()
        self.assertEqual(process.code, 0, process.tail())
        written = [
            json.loads(line) for line in (release.folder / "audit" / "a.log").read_bytes().splitlines()
        ]
        sent = [event for found in collector.accepted for event in found["items"]]
        for events in (written, sent):
            told = {
                (event["verb"], event["objectRef"]["resource"]) for event in events if "objectRef" in event
            }
            self.assertLessEqual({("create", "agents"), ("delete", "agents")}, told)

    def test_the_image_runs_as_the_manifests_say(self) -> None:
        """
        As the account of its pod, with its volumes, on files that are read-only otherwise.
        """
        image = built()
        for flags in (_OBSERVED[:-1], (self.certificates(),)):
            release = self.release(HELMS[-1])
            release.install(*flags)
            process = release.run_pod(image)
            self.use(release)
            release.kubectl("delete", "agent", "weather")
            process.stop()
            self.assertEqual(process.code, 0, process.tail())
            self.uninstall(release)

    def test_the_account_may_do_what_it_needs_and_nothing_else(self) -> None:
        """
        kube-apiserver refuses the running server nothing, and no rule is there in vain.
        """
        release = self.release(HELMS[-1])
        release.install()
        before = len(asked())
        release.start()
        self.use(release)
        release.kubectl("delete", "agent", "weather")
        seen = asked()[before:]
        refused = [
            event["requestURI"] for event in seen if event.get("responseStatus", {}).get("code") == 403
        ]
        self.assertEqual(refused, [])
        used = {(event["verb"], event["objectRef"]["resource"]) for event in seen if "objectRef" in event}
        for kind, name in (("clusterrole", NAME), ("role", NAME)):
            for rule in release.get(kind, name)["rules"]:
                for verb in set(rule["verbs"]) - {"get"}:
                    for resource in rule["resources"]:
                        self.assertIn((verb, resource), used)
        for verb, what in _EXCESSIVE:
            self.assertFalse(self.may(ACCOUNT, Attributes.of(verb, what)), f"{verb} {what}")
            self.assertFalse(self.may(ACCOUNT, Attributes.of(verb, what, NAMESPACE)), f"{verb} {what}")

    def may(self, user: str, attributes: Attributes) -> bool:
        """
        What kube-apiserver's authorizers say.
        """
        groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"]
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": groups, "resourceAttributes": attributes._asdict()},
        }
        client = self.cluster.endpoint.connect()
        try:
            answer = client.request(
                "POST",
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                {"Content-Type": "application/json"},
                json.dumps(review).encode(),
            )
            self.assertEqual(answer.code, 201, answer.body)
            return bool(answer.json()["status"]["allowed"])
        finally:
            client.close()

    def test_roles_of_the_cluster_include_the_kinds(self) -> None:
        """
        Whoever may view, edit or administrate a namespace may do so with Ark's objects.
        """
        release = self.release(HELMS[-1])
        release.install()
        manager = self.cluster.process("kube-controller-manager")
        for role, verb, resource, expected in (
            ("view", "list", "agents", True),
            ("view", "create", "agents", False),
            ("edit", "create", "queries", True),
            ("edit", "list", "queries", True),
            ("admin", "delete", "executionengines", True),
        ):
            user = f"{role}er"
            self.bind(release, role, user)
            attributes = Attributes(verb, "ark.mckinsey.com", resource, namespace=NAMESPACE)
            manager.wait_until(partial(self.says, user, attributes, expected), 30)

    def says(self, user: str, attributes: Attributes, expected: bool) -> bool:
        """
        Whether that is the answer by now.
        """
        return self.may(user, attributes) == expected

    def bind(self, release: Release, role: str, user: str) -> None:
        """
        Give a role to a user in the namespace.
        """
        words = (f"--clusterrole={role}", f"--user={user}", "--dry-run=client", "--output=json")
        release.kubectl("apply", "--filename=-", text=release.kubectl("create", "rolebinding", user, *words))


class DefinitionsTests(SynchronousTestCase):
    """
    Over CustomResourceDefinitions of the group.
    """

    def setUp(self) -> None:
        """
        A cluster that keeps the kinds itself, with an object.
        """
        require("etcd", "kube", "kubectl", *HELMS)
        self.cluster = Cluster().start()
        self.addCleanup(self.cluster.remove)
        self.cluster.define(read_definitions(*definitions()[:-1]))

    def release(self, helm: str) -> Release:
        """
        Nothing yet but a name.
        """
        made = Release(helm, self.cluster)
        self.addCleanup(made.remove)
        return made

    def test_live_definitions_are_not_hidden(self) -> None:
        """
        The chart refuses, and says what can be done; when they are gone it installs.
        """
        for helm in HELMS:
            release = self.release(helm)
            refused = str(self.assertRaises(Failed, release.install))
            self.assertIn(
                "CustomResourceDefinitions of ark.mckinsey.com: a2aservers.ark.mckinsey.com", refused
            )
            self.assertIn("import.enabled=true", refused)
            self.assertEqual(release.helm("list", "--short").strip(), "")
        release.kubectl("delete", *(f"crd/{name}" for name in self.definitions(release)))
        apiserver = self.cluster.process("kube-apiserver")
        apiserver.wait_until(lambda: VERSIONS[0] not in release.kubectl("get", "apiservices"))
        release.install()
        for version in VERSIONS:
            self.assertEqual(release.get("apiservice", version)["spec"]["service"]["name"], NAME)

    def definitions(self, release: Release) -> list[str]:
        """
        The names of those of the group.
        """
        found = [one["metadata"]["name"] for one in release.get("crd")["items"]]
        return [name for name in found if name.endswith(".ark.mckinsey.com")]

    def test_a_group_is_moved_into_a_release(self) -> None:
        """
        As the page on that says: installed beside the definitions, imported, switched, upgraded.
        """
        for helm in HELMS:
            release = self.release(helm)
            release.install("--set=import.enabled=true")
            release.kubectl("apply", "--filename=-", text=json.dumps(_AGENT))
            uid = release.get("agent", "weather")["metadata"]["uid"]
            again = self.assertRaises(Failed, release.apply, "upgrade", "--set=import.enabled=false")
            self.assertIn("would hide their objects", str(again))
            self.move(release, f"--db-path={release.folder / 'data' / 'ark.db'}")
            process = release.start(wait=False)
            place = f"{NAMESPACE}/{NAME}"
            self.move(release, "--switch", f"{place}:{release.port}", "--helm-release", place)
            release.upgrade("--set=import.enabled=false")
            process.wait_until(release.available)
            self.assertEqual(release.get("agent", "weather")["metadata"]["uid"], uid)
            release.kubectl("delete", "agent", "weather")
            release.stop()
            release.helm("uninstall", NAME)
            release.kubectl("delete", "pvc", NAME, "--wait=false")
            release.kubectl("patch", "pvc", NAME, "--type=merge", '--patch={"metadata":{"finalizers":null}}')
            apiserver = self.cluster.process("kube-apiserver")
            apiserver.wait_until(partial(self.is_kept_by_the_cluster, release))
            release.kubectl("delete", "agent", "weather")

    def is_kept_by_the_cluster(self, release: Release) -> bool:
        """
        Whether the definitions are served again.
        """
        try:
            return bool(release.get("agent", "weather"))
        except Failed:
            return False

    def move(self, release: Release, *words: str) -> None:
        """
        Run C{ark-server import}.
        """
        kubeconfig = f"--kubeconfig={self.cluster.endpoint.kubeconfig}"
        command = [*console_script(), "import", "--from-cluster", kubeconfig, *words]
        done = subprocess.run(command, cwd=release.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
