"""
Tests for L{ark.servingcertificates}.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from ark.authentication.credentials import prepare, serving_names
from ark.authentication.pki import Authority, BadCertificate, alternative_names, make_authority, utc
from ark.authoritysecret import OVERLAP, Authorities
from ark.cluster.errors import Unreachable
from ark.cluster.memory import MemoryCluster
from ark.config import ServerConfig, complete
from ark.meta.status import APIStatus
from ark.servingcertificates import SECONDS, Disagreement, ServingCertificates

START = 1_800_000_000.0
DAY = 86400.0
SECRETS = "/api/v1/namespaces/ark/secrets"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NAMES = ("v1alpha1.ark.mckinsey.com", "v1prealpha1.ark.mckinsey.com")
HOST = "api.ark.svc"


class SlowCluster:
    """
    A cluster that takes its time for each request, another time for each.
    """

    def __init__(self, cluster: MemoryCluster, clock: Clock, seed: int) -> None:
        self._cluster = cluster
        self._clock = clock
        self._random = Random(seed)

    async def request(self, *arguments: Any, **options: Any) -> Any:
        """
        See L{ark.interfaces.ICluster.request}.
        """
        await deferLater(self._clock, self._random.random())
        try:
            return await self._cluster.request(*arguments, **options)
        finally:
            await deferLater(self._clock, self._random.random())


class _Cases(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        for name in NAMES:
            self.register(name)

    def register(self, name: str, **spec: Any) -> None:
        """
        An APIService that leads to this server, unless C{spec} says something else.
        """
        service = {"namespace": "ark", "name": "api"}
        kind = {"kind": "APIService", "metadata": {"name": name}}
        self.cluster.put(API_SERVICES, {**kind, "spec": {"service": service, **spec}})

    def replica(self, cluster: Any = None) -> tuple[ServingCertificates, Authority]:
        """
        One of the servers, with a directory of its own.
        """
        made = Authority(Path(self.mktemp()))
        certificates = ServingCertificates(
            cluster or self.cluster,
            "ark/api-ca",
            "ark/api",
            [HOST, "api"],
            NAMES,
            made,
            self.clock,
            self.time,
        )
        return certificates, made

    def time(self) -> float:
        """
        The time of day.
        """
        return START + self.clock.seconds()

    def agree(self, certificates: ServingCertificates) -> bool:
        """
        What L{ServingCertificates.agree} does at once.
        """
        return self.successResultOf(Deferred.fromCoroutine(certificates.agree()))

    def refusal(self, certificates: ServingCertificates, kind: type[Exception]) -> str:
        """
        Why there is no agreement.
        """
        return str(self.failureResultOf(Deferred.fromCoroutine(certificates.agree()), kind).value)

    def held(self) -> Authorities:
        """
        What the Secret has.
        """
        secret = self.cluster.find(SECRETS, "api-ca", "ark")
        assert secret is not None
        authorities = Authorities.from_data(secret["data"])
        assert authorities is not None
        return authorities

    def spec(self, name: str) -> dict[str, Any]:
        """
        What an APIService says.
        """
        found = self.cluster.find(API_SERVICES, name)
        assert found is not None
        spec: dict[str, Any] = found["spec"]
        return spec

    def bundle(self, name: str = NAMES[0]) -> list[x509.Certificate]:
        """
        Whom kube-apiserver trusts.
        """
        return x509.load_pem_x509_certificates(b64decode(self.spec(name)["caBundle"]))

    def leaf(self, made: Authority) -> x509.Certificate:
        """
        What a replica serves.
        """
        return x509.load_pem_x509_certificate(made.certificate_path("apiserver").read_bytes())

    def writes(self) -> list[str]:
        """
        What was written, in words.
        """
        return [f"{asked.method} {asked.path}" for asked in self.cluster.requests if asked.method != "GET"]


class AgreementTests(_Cases):
    """
    Authority, certificate and APIServices come to fit together, and nothing else is touched.
    """

    def test_from_nothing(self) -> None:
        """
        The Secret is made, a certificate signed, the APIServices told; after that nothing is written.
        """
        certificates, made = self.replica()
        self.assertFalse(certificates.agreed)
        self.assertTrue(self.agree(certificates))
        self.assertTrue(certificates.agreed)
        leaf = self.leaf(made)
        self.assertEqual(alternative_names(leaf), [HOST, "api"])
        for name in NAMES:
            (authority,) = self.bundle(name)
            leaf.verify_directly_issued_by(authority)
        self.assertFalse(made.key_path("ca").exists())
        self.cluster.requests.clear()
        self.assertFalse(self.agree(certificates))
        self.assertEqual(self.writes(), [])

    def test_an_empty_secret(self) -> None:
        """
        One that somebody has prepared is filled, so that making Secrets need not be allowed.
        """
        self.cluster.put(SECRETS, {"metadata": {"name": "api-ca", "labels": {"a": "b"}}, "type": "Opaque"})
        self.assertTrue(self.agree(self.replica()[0]))
        self.assertNotIn(f"POST {SECRETS}", self.writes())
        found = self.cluster.find(SECRETS, "api-ca", "ark") or {}
        self.assertEqual(found["metadata"]["labels"], {"a": "b"})
        self.held()

    def test_two_replicas_at_once(self) -> None:
        """
        Whoever is faster: there is one authority, and it has signed both certificates.
        """
        for seed in range(40):
            self.setUp()
            if seed % 2:
                self.cluster.put(SECRETS, {"metadata": {"name": "api-ca"}})
            replicas = [
                self.replica(SlowCluster(self.cluster, self.clock, seed * 10 + one)) for one in range(3)
            ]
            agreeing = [Deferred.fromCoroutine(certificates.agree()) for certificates, _ in replicas]
            for _ in range(400):
                self.clock.advance(0.1)
            for agreed in agreeing:
                self.assertTrue(self.successResultOf(agreed), seed)
            authority = self.held().current.certificate
            for _, made in replicas:
                self.leaf(made).verify_directly_issued_by(authority)
            self.assertEqual(self.bundle(), [authority], seed)

    def test_a_certificate_has_a_third_of_its_life_left(self) -> None:
        """
        It is made anew when two thirds have gone, or when it lacks a name.
        """
        certificates, made = self.replica()
        self.agree(certificates)
        first = self.leaf(made)
        self.clock.advance(243 * DAY)
        self.assertFalse(self.agree(certificates))
        self.clock.advance(DAY)
        self.assertTrue(self.agree(certificates))
        self.assertNotEqual(self.leaf(made), first)
        self.assertEqual(len(self.bundle()), 1)
        other = ServingCertificates(
            self.cluster, "ark/api-ca", "ark/api", [HOST, "new"], NAMES, made, self.clock, self.time
        )
        self.assertTrue(self.agree(other))
        self.assertIn("new", alternative_names(self.leaf(made)))

    def test_rotation_of_the_authority(self) -> None:
        """
        The next is told of first; only when it is trusted does it sign.
        """
        certificates, made = self.replica()
        self.agree(certificates)
        first = self.held().current.certificate
        self.clock.advance(7 * 365 * DAY)
        self.agree(certificates)
        self.assertEqual(len(self.bundle()), 2)
        self.leaf(made).verify_directly_issued_by(first)
        self.clock.advance(OVERLAP.total_seconds())
        self.assertTrue(self.agree(certificates))
        second = self.held().current.certificate
        self.assertNotEqual(second, first)
        self.leaf(made).verify_directly_issued_by(second)
        self.assertEqual(self.bundle(), [second, first])

    def test_an_authority_that_was_taken_away(self) -> None:
        """
        When the Secret is deleted there is another one, and nobody trusts the old one.
        """
        certificates, made = self.replica()
        self.agree(certificates)
        first = self.held().current.certificate
        self.cluster.remove(SECRETS, "api-ca", "ark")
        self.assertTrue(self.agree(certificates))
        self.assertEqual(self.bundle(), [self.held().current.certificate])
        self.assertNotEqual(self.bundle(), [first])
        self.leaf(made).verify_directly_issued_by(self.bundle()[0])

    def test_api_services_of_others(self) -> None:
        """
        One that leads elsewhere, or to kube-apiserver itself, is left alone; the others are told.
        """
        self.register(NAMES[0], service={"namespace": "ark", "name": "other"})
        certificates, made = self.replica()
        self.assertIn(NAMES[0], self.refusal(certificates, Disagreement))
        self.assertFalse(certificates.agreed)
        self.assertNotIn("caBundle", self.spec(NAMES[0]))
        self.leaf(made).verify_directly_issued_by(self.bundle(NAMES[1])[0])
        self.register(NAMES[0], service=None)
        self.assertIn(NAMES[0], self.refusal(certificates, Disagreement))
        self.cluster.remove(API_SERVICES, NAMES[0])
        self.assertIn(NAMES[0], self.refusal(certificates, Disagreement))

    def test_never_unverified(self) -> None:
        """
        C{insecureSkipTLSVerify} is taken away, also where the authority is right.
        """
        certificates, _ = self.replica()
        self.agree(certificates)
        spec = self.spec(NAMES[0])
        self.register(NAMES[0], caBundle=spec["caBundle"], insecureSkipTLSVerify=True)
        self.agree(certificates)
        self.assertNotIn("insecureSkipTLSVerify", self.spec(NAMES[0]))
        self.assertEqual(self.spec(NAMES[0])["caBundle"], spec["caBundle"])

    def test_a_secret_with_something_else(self) -> None:
        """
        It is not overwritten.
        """
        data = {"tls.crt": b64encode(b"mine").decode()}
        self.cluster.put(SECRETS, {"metadata": {"name": "api-ca"}, "data": data})
        self.assertIn("ark/api-ca cannot be used", self.refusal(self.replica()[0], BadCertificate))
        self.assertEqual(self.writes(), [])

    def test_what_the_cluster_refuses(self) -> None:
        """
        A missing right is told as the cluster tells it; a conflict is no failure.
        """

        def refuse(body: Any) -> dict[str, Any]:
            raise APIStatus(403, "Forbidden", "may not")

        self.cluster.answer(SECRETS, refuse)
        self.assertEqual(self.refusal(self.replica()[0], APIStatus), "may not")


class KeepingTests(_Cases):
    """
    It is seen to for as long as the server runs.
    """

    def setUp(self) -> None:
        super().setUp()
        self.certificates, self.made = self.replica()
        self.changes = 0

    def start(self) -> None:
        """
        Begin, and end with the test.
        """

        def changed() -> None:
            self.changes += 1

        keeping = Deferred.fromCoroutine(self.certificates.keep(changed))
        keeping.addErrback(lambda failure: None)
        self.addCleanup(keeping.cancel)

    def test_tells_of_changes(self) -> None:
        """
        A new certificate is told of, once.
        """
        self.start()
        self.assertEqual(self.changes, 1)
        self.clock.advance(SECONDS)
        self.assertEqual(self.changes, 1)
        self.clock.pump([DAY] * 250)
        self.assertEqual(self.changes, 2)

    def test_tries_again(self) -> None:
        """
        When the cluster is away it is tried again after seconds, then after minutes.
        """
        self.cluster.down = True
        self.start()
        self.clock.pump([1] * 20)
        self.assertEqual(len(self.cluster.requests), 4)
        self.cluster.down = False
        self.clock.advance(20)
        self.assertTrue(self.certificates.agreed)
        self.cluster.down = True
        self.clock.advance(SECONDS)
        self.assertFalse(self.certificates.agreed)
        self.assertIn("down", self.refusal(self.certificates, Unreachable))


class ServedTests(_Cases):
    """
    The certificate that is agreed on is the one that is served.
    """

    def config(self) -> ServerConfig:
        """
        A server behind a Service.
        """
        folder = str(Path(self.mktemp()).absolute())
        config = complete({}, {"HOME": folder, "XDG_DATA_HOME": folder})
        return replace(config, in_cluster=True, service="ark/api", tls_secret="ark/api-ca")

    def test_is_kept_when_the_cluster_is_away(self) -> None:
        """
        Before there is one a stop-gap is served; after that the one that was agreed on, for as
        long as it is valid.
        """
        config = self.config()
        made = Authority(Path(config.cert_dir))
        prepare(config, START)
        stop_gap = self.leaf(made)
        self.assertIn(HOST, alternative_names(stop_gap))
        certificates = ServingCertificates(
            self.cluster,
            config.tls_secret,
            config.service,
            serving_names(config),
            NAMES,
            made,
            self.clock,
            self.time,
        )
        self.assertTrue(self.agree(certificates))
        agreed = self.leaf(made)
        self.assertNotEqual(agreed, stop_gap)
        expiry = prepare(config, START + 300 * DAY).expiry
        self.assertEqual(self.leaf(made), agreed)
        self.assertEqual(expiry["serving"], agreed.not_valid_after_utc.timestamp())
        prepare(config, START + 366 * DAY)
        self.assertNotEqual(self.leaf(made), agreed)

    def test_names(self) -> None:
        """
        The first is the one that kube-apiserver asks for; given ones are added.
        """
        config = replace(self.config(), bind_address="0.0.0.0", tls_san=("x",))
        names = [HOST, "api.ark.svc.cluster.local", "api.ark", "api", "x"]
        self.assertEqual(serving_names(config), names)

    def test_broken_files(self) -> None:
        """
        Half a pair is no certificate.
        """
        made = Authority(Path(self.mktemp()))
        made.put_serving(make_authority(utc(START)))
        made.key_path("apiserver").unlink()
        self.assertIsNone(made.held_serving([], utc(START)))
