"""
Tests of C{ark-server migrate}.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import orjson
from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.meta.records import ADDED, Body, Change, Key
from ark.registry.definitions.strategy import RESOURCE
from ark.storage.sqlite import open_backend
from tests.storage.postgresqlserver import shared_server

_NOTES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "notes.example.com", "uid": "a-uid", "generation": 1, "resourceVersion": "%s"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "notes", "singular": "note", "kind": "Note", "listKind": "NoteList"},
        "conversion": {"strategy": "None"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
    "status": {
        "acceptedNames": {"plural": "notes", "singular": "note", "kind": "Note", "listKind": "NoteList"},
        "conditions": [
            {"type": "Established", "status": "True"},
            {"type": "NamesAccepted", "status": "True"},
        ],
        "storedVersions": ["v1"],
    },
}
_PROGRAM = "import sys; from ark.cli import main; sys.exit(main())"


class MigrateTests(TestCase):
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

    async def test_views_are_those_that_a_server_makes(self) -> None:
        """
        Of kinds that have objects, those of definitions in the database among them: a server whose role may
        not change views finds nothing to change.
        """
        path = self.mktemp()
        backend = await open_backend({"db_path": path}, reactor)
        head, tail = orjson.dumps(_NOTES).split(b"%s")
        key = Key(RESOURCE, "", "notes.example.com")
        await backend.commit([Change(key, 0, ADDED, Body(head, tail), b"", "a-uid")])
        await backend.close()
        code, text = self.migrate(f"--db-path={path}")
        self.assertEqual(code, 0, text)
        with closing(dbapi2.connect(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
        views = {name for (name,) in rows}
        self.assertLessEqual({"resources", "queries", "secrets", "notes"}, views)
        self.assertNotIn("selfsubjectreviews", views)

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

    def test_a_newer_schema(self) -> None:
        """
        There is nothing to do where this release may work with it, as when an upgrade is taken back; where it
        may not, to migrate would not help.
        """
        server = shared_server(SkipTest)
        url = server.url()
        schema = url.rpartition("%3D")[2]
        self.check_all(f"--storage={url}")
        for oldest, expected, said in (
            (1, 0, "a newer release made it"),
            (99, 4, "Start a server at least as new"),
        ):
            server.sql(f"INSERT INTO {schema}.ark_schema VALUES ({98 + oldest}, {oldest})")  # noqa: S608
            for arguments in (("--check",), ()):
                code, text = self.migrate(*arguments, f"--storage={url}")
                self.assertEqual(code, expected, text)
                self.assertIn(said, text)

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
