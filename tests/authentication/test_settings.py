"""
L{ark.authentication.settings}
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.authentication import pki
from ark.authentication.requestheader import RequestHeaders
from ark.authentication.settings import (
    NAME,
    NAMESPACE,
    AuthenticationSettings,
    RequestHeaderOptions,
)
from ark.cluster.memory import MemoryCluster
from ark.config import ConfigError

CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def pem() -> str:
    """
    Another authority.
    """
    return pki.make_authority(pki.utc(1_800_000_000.0)).certificate_pem.decode()


class SettingsTests(SynchronousTestCase):
    """
    Whom the cluster lets vouch, and whom the operator (contract 15.1).
    """

    def setUp(self) -> None:
        self.cluster = MemoryCluster(Clock())
        self.changes = 0

    def changed(self) -> None:
        """
        The authorities are others.
        """
        self.changes += 1

    def put(self, **data: str) -> None:
        """
        Write the ConfigMap.
        """
        members = {key.replace("_", "-"): value for key, value in data.items()}
        metadata = {"name": NAME, "namespace": NAMESPACE}
        self.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": members})

    def start(self, *files: str, options: RequestHeaderOptions | None = None) -> AuthenticationSettings:
        """
        Settings that have followed the cluster.
        """
        settings = AuthenticationSettings(
            self.cluster, self.changed, *files, request_header=options or RequestHeaderOptions()
        )
        self.successResultOf(Deferred.fromCoroutine(settings.start()))
        self.addCleanup(settings.stop)
        return settings

    def file(self, text: str) -> str:
        """
        A file with this text.
        """
        path = self.mktemp()
        Path(path).write_text(text)
        return path

    def test_the_cluster_says_it_all(self) -> None:
        """
        Under kube-apiserver's keys; names of headers in any case.
        """
        clients, proxies = pem(), pem()
        self.put(
            client_ca_file=clients,
            requestheader_client_ca_file=proxies,
            requestheader_allowed_names='["a","b"]',
            requestheader_username_headers='["X-User","Y-User"]',
            requestheader_group_headers='["X-Group"]',
            requestheader_extra_headers_prefix='["X-Extra-"]',
        )
        settings = self.start()
        assert settings.clients is not None and settings.proxy is not None
        self.assertEqual(settings.clients.pem.decode(), clients)
        self.assertEqual(settings.proxy.trust.pem.decode(), proxies)
        self.assertEqual(settings.proxy.allowed_names, {"a", "b"})
        self.assertEqual(
            settings.proxy.headers, RequestHeaders((b"x-user", b"y-user"), (), (b"x-group",), (b"x-extra-",))
        )
        self.assertEqual(settings.authorities.decode(), proxies + clients)
        self.assertEqual(self.changes, 1)

    def test_nobody_is_believed_where_there_is_no_config_map(self) -> None:
        """
        Until there is one.
        """
        settings = self.start()
        self.assertEqual((settings.clients, settings.proxy, settings.authorities), (None, None, b""))
        self.cluster.put(CONFIG_MAPS, {"metadata": {"name": "other"}, "data": {"client-ca-file": pem()}})
        self.assertIsNone(settings.clients)
        self.put(client_ca_file=pem())
        self.assertIsNotNone(settings.clients)
        self.assertIsNone(settings.proxy)

    def test_changes_are_followed(self) -> None:
        """
        What stays the same stays the very same, so that nothing is judged anew for it.
        """
        self.put(client_ca_file=pem(), requestheader_client_ca_file=pem())
        settings = self.start()
        clients, proxy = settings.clients, settings.proxy
        assert clients is not None and proxy is not None
        self.put(
            client_ca_file=clients.pem.decode(),
            requestheader_client_ca_file=proxy.trust.pem.decode(),
            requestheader_allowed_names='["a"]',
        )
        assert settings.proxy is not None
        self.assertIs(settings.clients, clients)
        self.assertIs(settings.proxy.trust, proxy.trust)
        self.assertEqual((settings.proxy.allowed_names, self.changes), ({"a"}, 1))
        self.put(client_ca_file=clients.pem.decode(), requestheader_client_ca_file=pem())
        self.assertIsNot(settings.proxy.trust, proxy.trust)
        self.assertEqual(self.changes, 2)

    def test_an_accident_locks_nobody_out(self) -> None:
        """
        What makes no sense, or is gone, leaves what was believed before.
        """
        self.put(
            client_ca_file=pem(),
            requestheader_client_ca_file=pem(),
            requestheader_allowed_names='["a"]',
            requestheader_username_headers='["X-User"]',
        )
        settings = self.start()
        before = settings.clients, settings.proxy
        for names in ("[", "{}", '"a"', "[1]"):
            self.put(client_ca_file="nonsense", requestheader_allowed_names=names)
            self.assertEqual((settings.clients, settings.proxy), before)
        self.put(requestheader_allowed_names='["a"]', requestheader_username_headers='[" "]')
        self.assertEqual((settings.clients, settings.proxy), before)
        self.cluster.remove(CONFIG_MAPS, NAME, NAMESPACE)
        self.assertEqual((settings.clients, settings.proxy), before)

    def test_files_count_instead_of_the_cluster(self) -> None:
        """
        Each for its own part.
        """
        self.put(client_ca_file=pem(), requestheader_client_ca_file=pem())
        own = pem()
        settings = self.start(self.file(own))
        assert settings.clients is not None and settings.proxy is not None
        self.assertEqual(settings.clients.pem.decode(), own)
        self.assertNotEqual(settings.proxy.trust.pem.decode(), own)
        options = RequestHeaderOptions(self.file(own), ("me",), uid_headers=("X-Uid",))
        settings = self.start(options=options)
        assert settings.clients is not None and settings.proxy is not None
        self.assertNotEqual(settings.clients.pem.decode(), own)
        self.assertEqual(settings.proxy.trust.pem.decode(), own)
        self.assertEqual(settings.proxy.allowed_names, {"me"})
        self.assertEqual(
            settings.proxy.headers,
            RequestHeaders((b"x-remote-user",), (b"x-uid",), (b"x-remote-group",), (b"x-remote-extra-",)),
        )

    def test_the_cluster_is_not_asked_for_what_files_say(self) -> None:
        """
        So that it need not be allowed to be read.
        """
        self.cluster.down = True
        path = self.file(pem())
        settings = self.start(path, options=RequestHeaderOptions(path))
        self.assertIsNotNone(settings.proxy)

    def test_files_are_read_again(self) -> None:
        """
        One that cannot be used leaves what was read before.
        """
        path = self.file(pem())
        settings = self.start(path)
        before = settings.clients
        settings.reload()
        self.assertIs(settings.clients, before)
        Path(path).write_text("nonsense")
        self.assertRaises(ConfigError, settings.reload)
        self.assertIs(settings.clients, before)
        other = pem()
        Path(path).write_text(other)
        settings.reload()
        assert settings.clients is not None
        self.assertEqual((settings.clients.pem.decode(), self.changes), (other, 1))

    def test_what_an_operator_gets_wrong_is_told(self) -> None:
        """
        A file that is not there or holds no certificate, and a header without a name.
        """
        for files, options in (
            (("/does/not/exist",), None),
            ((self.file("nonsense"),), None),
            ((), RequestHeaderOptions(self.file(""))),
            ((), RequestHeaderOptions(self.file(pem()), username_headers=(" ",))),
        ):
            self.assertRaises(ConfigError, self.start, *files, options=options)
