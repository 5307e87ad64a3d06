"""
Tests of L{ark.probe}, as far as it needs no server.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ark.authentication.pki import make_authority
from ark.config import CERTIFICATE, PORT, ConfigError, ServerConfig, complete
from ark.probe import ask, local_address
from tests.cluster.process import free_port


class AskTests(SynchronousTestCase):
    """
    What a health check says where no server is.
    """

    def config(self) -> ServerConfig:
        """
        Of a server that never was.
        """
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        config = complete({}, {"HOME": str(folder)})
        return replace(config, cert_dir=str(folder), secure_port=free_port())

    def refusal(self, config: ServerConfig) -> ConfigError:
        """
        Why it could not be asked.
        """
        return self.assertRaises(ConfigError, ask, config, "healthz", 1.0)

    def test_a_server_that_listens_everywhere_is_asked_on_loopback(self) -> None:
        """
        The addresses to listen on that mean all are none to connect to.
        """
        self.assertEqual(local_address("0.0.0.0"), "127.0.0.1")
        self.assertEqual(local_address("::"), "::1")
        self.assertEqual(local_address("192.0.2.1"), "192.0.2.1")

    def test_without_a_certificate_nobody_is_asked(self) -> None:
        """
        As it could be anybody who answers.
        """
        refused = self.refusal(self.config())
        self.assertEqual(refused.exit_code, CERTIFICATE)
        self.assertIn("ca.crt cannot be read: No such file or directory", refused.cause)
        refused = self.refusal(replace(self.config(), in_cluster=True, service="ark/api"))
        self.assertIn("apiserver.crt cannot be read", refused.cause)

    def test_nobody_on_the_port_is_told(self) -> None:
        """
        With the exit code for ports.
        """
        config = self.config()
        authority = make_authority(datetime(2026, 1, 1, tzinfo=timezone.utc))
        Path(config.cert_dir, "ca.crt").write_bytes(authority.certificate_pem)
        refused = self.refusal(config)
        self.assertEqual(refused.exit_code, PORT)
        self.assertIn(f"No server answers on port {config.secure_port} of 127.0.0.1", refused.cause)
