"""
What a server does in a cluster, and what it does alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.ownerreferences import NAME as OWNER_REFERENCES
from ark.aggregation import Aggregation, connect
from ark.apis.loader import KindRegistry
from ark.authentication.settings import NAME, NAMESPACE
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.cluster.memory import MemoryCluster
from ark.config import COMMAND_LINE, ConfigError, Given, ServerConfig, complete
from ark.http.health import Health
from ark.standalone import Standalone
from ark.testing import InMemoryServer
from tests.cluster.certificates import Authority

CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"


class Serving:
    """
    Learns who vouches for clients.
    """

    def __init__(self) -> None:
        self.trusted: list[bytes] = []

    def trust(self, authorities: bytes) -> None:
        """
        See L{ark.serving.SecureServing.trust}.
        """
        self.trusted.append(authorities)


class AggregationTests(SynchronousTestCase):
    """
    The composition for a cluster.
    """

    def setUp(self) -> None:
        """
        A cluster that serves policies, and is away.
        """
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.cluster.down = True
        served = [{"name": "validatingadmissionpolicies"}, {"name": "mutatingadmissionpolicies"}]
        self.cluster.answer(REGISTRATION, lambda _: {"resources": served}, "GET")
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.serving = Serving()

    def config(self, **options: str) -> ServerConfig:
        """
        A configuration.
        """
        given = {"kubeconfig": "cluster", "db-path": str(self.folder / "ark.db"), **options}
        return complete({name: Given(value, COMMAND_LINE) for name, value in given.items()}, {})

    def aggregation(self, **options: str) -> Aggregation:
        """
        A server's side of the cluster.
        """
        found = Aggregation(self.config(**options), self.cluster, self.clock, lambda: 0.0)
        self.addCleanup(lambda: Deferred.fromCoroutine(found.end()))
        return found

    def unready(self, health: Health) -> list[str]:
        """
        The names of checks that fail.
        """
        answer = self.successResultOf(Deferred.fromCoroutine(health.respond("/readyz", "verbose")))
        return [line[3:].split()[0] for line in answer.text.splitlines() if line.startswith("[-]")]

    def tell_proxy(self) -> None:
        """
        Have the cluster say who is a front proxy.
        """
        authority = Authority(self.folder, "front-proxy-ca").certificate.read_text()
        data = {
            "requestheader-client-ca-file": authority,
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
        self.cluster.put(CONFIG_MAPS, {"metadata": {"name": NAME, "namespace": NAMESPACE}, "data": data})

    def test_only_definitions_are_kept_and_none_is_served(self) -> None:
        """
        Of the kinds that are built into Kubernetes.
        """
        kinds = self.aggregation().kinds(KindRegistry.typed())
        self.assertEqual(kinds.kinds(), [])
        self.assertEqual(list(kinds.stored()), ["customresourcedefinitions.apiextensions.k8s.io"])

    def test_it_is_ready_when_the_cluster_has_told_all(self) -> None:
        """
        Until then each check says what is missing; the cluster may be away meanwhile, and later.
        """
        health = Health()
        aggregation = self.aggregation()
        aggregation.begin(health, self.serving)  # type: ignore[arg-type]
        aggregation.serve(InMemoryServer(KindRegistry.typed()).application.stores)
        missing = ["cluster-authentication", "cluster-namespaces", "cluster-admission"]
        self.assertEqual(self.unready(health), missing)
        self.cluster.down = False
        self.clock.pump([1.0] * 3)
        self.assertEqual(self.unready(health), missing[:1])
        self.tell_proxy()
        self.assertEqual(self.unready(health), [])
        self.cluster.down = True
        self.assertEqual(self.unready(health), [])

    def test_clients_are_asked_for_certificates_from_the_start(self) -> None:
        """
        First with nobody to vouch for them, then with whom the cluster names.
        """
        self.cluster.down = False
        self.aggregation().begin(Health(), self.serving)  # type: ignore[arg-type]
        self.assertEqual(self.serving.trusted, [b""])
        self.tell_proxy()
        self.assertEqual(len(self.serving.trusted), 2)
        self.assertIn(b"BEGIN CERTIFICATE", self.serving.trusted[1])

    def test_plug_ins_are_in_the_order_of_kube_apiserver(self) -> None:
        """
        What changes objects stands before what judges them.
        """
        order = [
            "MutatingAdmissionPolicy",
            "MutatingAdmissionWebhook",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionWebhook",
        ]
        self.assertEqual(self.plugins(), order)
        chosen = self.plugins(**{"enable-admission-plugins": OWNER_REFERENCES})
        self.assertEqual(chosen, [OWNER_REFERENCES, *order])

    def plugins(self, **options: str) -> list[str]:
        """
        Kubernetes' names of the plug-ins behind that for namespaces.
        """
        plugins: Any = self.aggregation(**options).access().plugins
        return [plugin._name for plugin in plugins]

    def test_the_cluster_is_asked_what_users_may(self) -> None:
        """
        But for its masters, and for the paths that all may get.
        """
        self.cluster.down = False
        self.cluster.answer(REVIEWS, lambda _: {"status": {"allowed": False}})
        authorizer = self.aggregation().access().authorizer

        def allowed(user: UserInfo, path: str) -> bool:
            judged = authorizer.authorize(Attributes(user, "get", path))
            decision: Any = self.successResultOf(Deferred.fromCoroutine(judged))
            return bool(decision.allowed)

        jane, masters = UserInfo("jane"), UserInfo("admin", groups=("system:masters",))
        self.assertTrue(allowed(masters, "/metrics"))
        self.assertTrue(allowed(jane, "/readyz"))
        self.assertEqual(self.cluster.requests, [])
        self.assertFalse(allowed(jane, "/metrics"))
        self.assertEqual([asked.path for asked in self.cluster.requests], [REVIEWS])

    def test_a_cluster_that_cannot_be_reached_that_way_is_told_of(self) -> None:
        """
        A kubeconfig that is not there, with exit code 3.
        """
        config = self.config(kubeconfig=str(self.folder / "none"))
        error = self.assertRaises(ConfigError, connect, config, self.clock, lambda: 0.0)
        self.assertEqual(error.exit_code, 3)
        self.assertIn("none cannot be read", error.cause)

    def test_alone_it_has_all_kinds_and_waits_for_definitions(self) -> None:
        """
        Which it does not in a cluster.
        """
        alone = Standalone(self.config(), self.clock, lambda: 0.0)
        typed = KindRegistry.typed()
        self.assertIs(alone.kinds(typed), typed)
        self.assertEqual((alone.follows_definitions, Aggregation.follows_definitions), (True, False))
