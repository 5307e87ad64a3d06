"""
Tests of L{ark.authentication.pki}, L{ark.authentication.kubeconfig} and L{ark.authentication.credentials}.
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import yaml
from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from ark.authentication import kubeconfig, pki
from ark.authentication.credentials import prepare, read_tokens, server_url, write_kubeconfig
from ark.config import ConfigError, ServerConfig, complete

START = pki.utc(1_800_000_000)


def config_in(directory: Path) -> ServerConfig:
    """
    The configuration of a server whose database is in C{directory}.
    """
    config = complete({}, {"HOME": str(directory), "XDG_DATA_HOME": str(directory)})
    return replace(config, token_auth_file="")


class AuthorityTests(SynchronousTestCase):
    """
    The certificates a server makes for itself.
    """

    def setUp(self) -> None:
        """
        An empty directory.
        """
        self.directory = Path(self.mktemp())
        self.made = pki.Authority(self.directory / "pki")
        self.authority = self.made.ensure_authority(START)

    def serving(self, *names: str, after: timedelta = timedelta()) -> x509.Certificate:
        """
        The serving certificate some time later.
        """
        return self.made.ensure_serving(self.authority, names, START + after).certificate

    def test_everything_is_private(self) -> None:
        """
        The directory is 0700 and each file 0600, whatever the umask.
        """
        old = os.umask(0)
        try:
            self.made.ensure_serving(self.authority, (), START)
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(self.made.directory.stat().st_mode), 0o700)
        files = list(self.made.directory.iterdir())
        self.assertEqual(len(files), 4)
        self.assertEqual({stat.S_IMODE(file.stat().st_mode) for file in files}, {0o600})

    def test_keys_tell_their_algorithm(self) -> None:
        """
        Java's clients take any other form for a key of RSA.
        """
        admin = self.made.ensure_administrator(self.authority, START)
        self.assertTrue(admin.key_pem.startswith(b"-----BEGIN EC PRIVATE KEY-----"))

    def test_second_start_changes_nothing(self) -> None:
        """
        What is there and good is used.
        """
        first = self.serving()
        admin = self.made.ensure_administrator(self.authority, START)
        again = pki.Authority(self.made.directory)
        authority = again.ensure_authority(START)
        self.assertEqual(authority.certificate, self.authority.certificate)
        self.assertEqual(again.ensure_serving(authority, (), START).certificate, first)
        self.assertEqual(again.ensure_administrator(authority, START).certificate, admin.certificate)

    def test_serving_certificate_is_for_every_name_of_the_server(self) -> None:
        """
        Loopback, the service's names and what was asked for.
        """
        names = pki.alternative_names(self.serving("10.1.2.3", "ark.example.com"))
        for name in (
            "localhost",
            "127.0.0.1",
            "::1",
            "kubernetes.default.svc",
            "10.1.2.3",
            "ark.example.com",
        ):
            self.assertIn(name, names)

    def test_new_name_makes_a_new_certificate(self) -> None:
        """
        A server that is bound elsewhere can be reached there.
        """
        first = self.serving()
        self.assertNotEqual(self.serving("10.0.0.1"), first)

    def test_leaves_are_renewed_after_two_thirds_of_their_life(self) -> None:
        """
        Not before, and by the same authority.
        """
        first = self.serving()
        self.assertEqual(self.serving(after=timedelta(days=243)), first)
        renewed = self.serving(after=timedelta(days=244))
        self.assertNotEqual(renewed, first)
        renewed.verify_directly_issued_by(self.authority.certificate)

    def test_leaves_that_have_not_begun_are_made_anew(self) -> None:
        """
        They were made while the clock was wrong.
        """
        future = self.serving(after=timedelta(days=400))
        present = self.serving()
        self.assertLess(present.not_valid_before_utc, START)
        self.assertLess(present.not_valid_after_utc, future.not_valid_after_utc)
        self.assertEqual(self.serving(after=timedelta(seconds=1)), present)

    def test_broken_leaf_is_made_anew(self) -> None:
        """
        Half a file, or a key of another certificate, mends itself.
        """
        self.serving()
        for name, content in (("apiserver.crt", b"x"), ("apiserver.key", self.authority.key_pem)):
            (self.made.directory / name).write_bytes(content)
            self.serving().verify_directly_issued_by(self.authority.certificate)
            self.assertNotEqual((self.made.directory / name).read_bytes(), content)

    def test_broken_authority_is_never_replaced(self) -> None:
        """
        It would make every kubeconfig useless: somebody has to decide.
        """
        (self.made.directory / "ca.key").unlink()
        self.assertRaises(pki.BadCertificate, self.made.ensure_authority, START)

    def test_dead_authority_is_refused(self) -> None:
        """
        After ten years.
        """
        self.assertRaises(pki.BadCertificate, self.made.ensure_authority, START + timedelta(days=3654))

    def test_administrator_is_a_master(self) -> None:
        """
        C{O=system:masters, CN=ark-admin}.
        """
        subject = self.made.ensure_administrator(self.authority, START).certificate.subject
        self.assertEqual(subject.rfc4514_string(), "CN=ark-admin,O=system:masters")


class CredentialsTests(SynchronousTestCase):
    """
    What a server is made of at its start.
    """

    def setUp(self) -> None:
        """
        An empty data directory.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.config = config_in(self.directory)
        self.now = START.timestamp()

    def test_kubeconfig_has_everything_embedded(self) -> None:
        """
        Authority, certificate and key; nobody else may read it.
        """
        made = prepare(self.config, self.now)
        write_kubeconfig(self.config, made, "https://127.0.0.1:6443")
        path = Path(self.config.kubeconfig_out)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        document = yaml.safe_load(path.read_text())
        cluster = document["clusters"][0]["cluster"]
        self.assertEqual(cluster["server"], "https://127.0.0.1:6443")
        self.assertEqual(b64decode(cluster["certificate-authority-data"]), made.server_authority)
        user = document["users"][0]["user"]
        self.assertEqual(b64decode(user["client-key-data"]), made.administrator[1])

    def test_given_files_are_served_and_trusted(self) -> None:
        """
        The made authority goes on vouching for the administrator.
        """
        authority = pki.make_authority(START)
        pair = pki.make_serving(authority, ["ark.example.com"], START)
        for name, data in (
            ("tls.crt", pair.certificate_pem + authority.certificate_pem),
            ("tls.key", pair.key_pem),
            ("clients.crt", authority.certificate_pem),
        ):
            (self.directory / name).write_bytes(data)
        config = replace(
            self.config,
            tls_cert_file=str(self.directory / "tls.crt"),
            tls_private_key_file=str(self.directory / "tls.key"),
            client_ca_file=str(self.directory / "clients.crt"),
        )
        made = prepare(config, self.now)
        self.assertEqual(
            (made.certificate, made.private_key), (config.tls_cert_file, config.tls_private_key_file)
        )
        self.assertEqual(made.client_authorities, (f"{config.cert_dir}/ca.crt", config.client_ca_file))
        self.assertEqual(made.server_authority, pair.certificate_pem + authority.certificate_pem)
        self.assertFalse((Path(config.cert_dir) / "apiserver.crt").exists())

    def test_bad_files_are_refused_with_code_6(self) -> None:
        """
        Missing, not PEM, not a pair, run out.
        """
        authority = pki.make_authority(START)
        good, other = (pki.make_serving(authority, ["a"], START) for _ in range(2))
        certificate, key = self.directory / "c", self.directory / "k"
        config = replace(self.config, tls_cert_file=str(certificate), tls_private_key_file=str(key))
        for cert_pem, key_pem, days in (
            (None, None, 0),
            (b"x", good.key_pem, 0),
            (good.certificate_pem, b"x", 0),
            (good.certificate_pem, other.key_pem, 0),
            (good.certificate_pem, good.key_pem, 400),
        ):
            if cert_pem is not None and key_pem is not None:
                certificate.write_bytes(cert_pem)
                key.write_bytes(key_pem)
            error = self.assertRaises(ConfigError, prepare, config, self.now + days * 86400)
            self.assertEqual(error.exit_code, 6)

    def test_url_is_one_that_clients_can_reach(self) -> None:
        """
        Who listens everywhere is found on loopback; IPv6 goes in brackets.
        """
        for address, url in (
            ("127.0.0.1", "https://127.0.0.1:1"),
            ("0.0.0.0", "https://127.0.0.1:1"),
            ("::", "https://[::1]:1"),
            ("10.0.0.9", "https://10.0.0.9:1"),
        ):
            self.assertEqual(server_url(replace(self.config, bind_address=address), 1), url)

    def test_missing_token_file_is_refused(self) -> None:
        """
        With a cause and a remedy; no file at all is fine.
        """
        self.assertEqual(read_tokens(self.config), {})
        missing = replace(self.config, token_auth_file=str(self.directory / "none"))
        self.assertEqual(self.assertRaises(ConfigError, read_tokens, missing).exit_code, 3)


class MergeTests(SynchronousTestCase):
    """
    Adding ours to somebody's kubeconfig.
    """

    def setUp(self) -> None:
        """
        Our part.
        """
        self.ours = kubeconfig.make("https://x", b"ca", (b"c", b"k"), "ark")

    def test_others_stay(self) -> None:
        """
        Entries of other names, unknown members and the current context are kept.
        """
        existing = {**kubeconfig.make("https://y", b"", (b"c", b"k"), "kind"), "preferences": {"a": 1}}
        merged = kubeconfig.merge(yaml.safe_dump(existing), self.ours)
        self.assertEqual([entry["name"] for entry in merged["contexts"]], ["kind", "ark"])
        self.assertEqual((merged["current-context"], merged["preferences"]), ("kind", {"a": 1}))

    def test_ours_is_replaced(self) -> None:
        """
        Merging twice is merging once.
        """
        once = kubeconfig.merge("", self.ours)
        self.assertEqual(kubeconfig.merge(yaml.safe_dump(once), self.ours), once)
        self.assertEqual(once["current-context"], "ark")

    def test_other_files_are_refused(self) -> None:
        """
        Nothing is merged into what is not a kubeconfig.
        """
        for text in ("{", "- a", "kind: Pod", "clusters: 3", "users: [1]"):
            self.assertRaises(kubeconfig.InvalidKubeconfig, kubeconfig.merge, text, self.ours)
