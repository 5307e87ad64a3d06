"""
Tests of C{ark-server migrate}.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.storage.postgresqlserver import shared_server

_PROGRAM = "import sys; from ark.cli import main; sys.exit(main())"


class MigrateTests(SynchronousTestCase):
    """
    The command, as an operator runs it before a new release serves.
    """

    def migrate(self, *arguments: str) -> tuple[int, str]:
        """
        Exit code and output.
        """
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, "migrate", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def check_all(self, *storage: str) -> None:
        """
        Look, migrate, look again.
        """
        code, text = self.migrate("--check", *storage)
        self.assertEqual(code, 1, text)
        self.assertIn("run ark-server migrate", text)
        for arguments in ((), ("--check",)):
            code, text = self.migrate(*arguments, *storage)
            self.assertEqual(code, 0, text)
            self.assertIn("The schema has version", text)

    def test_sqlite(self) -> None:
        """
        A file that is not there yet has no schema.
        """
        self.check_all(f"--db-path={self.mktemp()}")

    def test_postgresql(self) -> None:
        """
        The owner migrates; a role without his rights may use what is there, and is told
        what to do where nothing is.
        """
        server = shared_server(SkipTest)
        url = server.url()
        schema = url.rpartition("%3D")[2]
        server.sql(f"CREATE ROLE {schema}_user LOGIN")
        server.sql(f"GRANT USAGE ON SCHEMA {schema} TO {schema}_user")
        other = url.replace("//ark@", f"//{schema}_user@")
        code, text = self.migrate(f"--storage={other}")
        self.assertEqual(code, 4, text)
        self.assertIn("as the role that owns the schema", text)
        self.check_all(f"--storage={url}")
        server.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}_user")
        code, text = self.migrate(f"--storage={other}")
        self.assertEqual(code, 0, text)

    def test_what_cannot_be_reached_is_told(self) -> None:
        """
        With cause and remedy.
        """
        code, text = self.migrate("--storage=postgresql://ark@127.0.0.1:1/ark")
        self.assertEqual(code, 4, text)
        self.assertIn("Connection refused", text)
        self.assertIn("Check the --postgres options", text)

    def test_memory_has_no_schema(self) -> None:
        """
        There is nothing to do.
        """
        self.assertEqual(self.migrate("--storage=memory")[0], 0)
