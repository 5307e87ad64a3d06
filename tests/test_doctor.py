"""
Tests of L{ark.doctor}: what C{ark-server check} finds on this machine.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from pysqlite3 import dbapi2
from twisted.trial.unittest import SynchronousTestCase

from ark.config import COMMAND_LINE, Given, complete
from ark.doctor import examine
from ark.storage.migrate import check_version, migrate, schema_files


class DatabaseTests(SynchronousTestCase):
    """
    A file that is there.
    """

    def setUp(self) -> None:
        """
        A place whose name means something in a URI.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        self.path = directory / "ark?mode=rw%20.db"
        self.environ = {"HOME": str(directory)}

    def execute(self, statement: str) -> None:
        """
        Make the file something else.
        """
        with closing(dbapi2.connect(str(self.path))) as connection:
            connection.executescript(statement)

    def found(self) -> list[tuple[bool, str]]:
        """
        What is said of it.
        """
        config = complete(
            {"db-path": Given(str(self.path), COMMAND_LINE), "secure-port": Given("0", COMMAND_LINE)},
            self.environ,
        )
        return [(one.good, one.text) for one in examine(config) if one.subject == "database"]

    def test_one_of_ours(self) -> None:
        """
        Whatever its name.
        """
        files = schema_files()
        with closing(dbapi2.connect(str(self.path))) as connection:
            migrate(connection, check_version(connection, max(files)), files)
        self.assertEqual(self.found(), [(True, f"{self.path}: ok")])
        self.assertEqual([path.name for path in self.path.parent.iterdir()], [self.path.name])

    def test_one_of_a_newer_server(self) -> None:
        """
        This one would not start on it.
        """
        files = schema_files()
        with closing(dbapi2.connect(str(self.path))) as connection:
            migrate(connection, check_version(connection, max(files)), files)
        self.execute(f"PRAGMA user_version = {max(files) + 1}")
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("Start a server at least as new", text)

    def test_one_of_another_program(self) -> None:
        """
        A database it is, but not ours.
        """
        self.execute("CREATE TABLE recipes (name TEXT)")
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("another program", text)

    def test_something_else(self) -> None:
        """
        No database at all.
        """
        self.path.write_bytes(b"a letter" * 1000)
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("not a database", text)
