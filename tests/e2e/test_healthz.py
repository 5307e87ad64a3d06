"""
C{ark-server healthz} asks a running server.
"""

from __future__ import annotations

import subprocess
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import ArkServer, console_script


class HealthzTests(SynchronousTestCase):
    """
    A server, and commands with the same options.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.server = ArkServer()
        self.addCleanup(self.server.remove)
        self.server.start()
        self.flags = [f"--db-path={self.server.folder / 'ark.db'}"]
        self.flags.append(f"--secure-port={urlsplit(self.server.endpoint.url).port}")

    def ask(self, *words: str) -> tuple[int, str, str]:
        """
        The exit code, and what was written where.
        """
        done = subprocess.run(
            [*console_script(), "healthz", *self.flags, *words], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def test_a_healthy_server(self) -> None:
        """
        Tells its checks, and the command ends well; so for each endpoint.
        """
        for endpoint in ("healthz", "livez", "readyz"):
            code, out, err = self.ask(endpoint)
            self.assertEqual((code, err), (0, ""), out)
            self.assertIn("[+]ping ok", out)
            self.assertTrue(out.endswith(f"{endpoint} check passed\n"), out)

    def test_another_server_is_not_taken_for_it(self) -> None:
        """
        One whose certificate is of another authority.
        """
        other = ArkServer()
        self.addCleanup(other.remove)
        other.start()
        code, out, err = self.ask(f"--cert-dir={other.folder / 'ark.db.d' / 'pki'}")
        self.assertEqual((code, out), (6, ""))
        self.assertIn("is not this server", err)

    def test_a_stopped_server(self) -> None:
        """
        Is not healthy.
        """
        self.server.stop()
        code, out, err = self.ask()
        self.assertEqual((code, out), (5, ""))
        self.assertIn("No server answers", err)
