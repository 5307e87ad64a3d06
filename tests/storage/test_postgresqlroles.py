"""
What roles and databases of PostgreSQL bring along: rights, defaults, encodings, policies.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from ark.meta.records import Committed
from ark.storage.errors import UnusableDatabase
from ark.storage.postgresql import open_backend
from ark.storage.postgresqlerrors import DatabaseFault, translate, unusable
from ark.storage.testing import change, key
from tests.storage.postgresqlserver import shared_server

_TABLES = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA"


class RoleTestCase(TestCase):
    """
    Has roles, and a place for each test.
    """

    _roles = count(1)

    def setUp(self) -> None:
        """
        An empty place, which all roles may look into.
        """
        self.server = shared_server(SkipTest)
        self.url = self.server.url()
        self.schema = self.url.rpartition("%3D")[2]

    def role(self, *, setting: str = "", may: str = "LOGIN") -> str:
        """
        A new role, which may use what is in the place.
        """
        name = f"role_{next(self._roles)}"
        self.server.sql(f"CREATE ROLE {name} {may}", f"GRANT USAGE ON SCHEMA {self.schema} TO {name}")
        if setting:
            self.server.sql(f"ALTER ROLE {name} SET {setting}")
        return name

    async def backend_as(self, role: str) -> Any:
        """
        What a role opens; closed after the test.
        """
        backend = await open_backend({"db_url": self.url.replace("ark@", f"{role}@")}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def refused(self, role: str) -> UnusableDatabase:
        """
        Why it cannot be opened, which will not pass.
        """
        opening = Deferred.fromCoroutine(self.backend_as(role))
        failure: UnusableDatabase = await self.assertFailure(opening, UnusableDatabase)
        self.assertFalse(failure.passing)
        return failure


class RightsTests(RoleTestCase):
    """
    What is told when some are missing.
    """

    async def test_each_right_that_is_missing_is_named(self) -> None:
        """
        At the start, not when it is needed for the first time.
        """
        await self.backend_as("ark")
        role = self.role()
        for kind, table in (
            ("INSERT", "ark_writer"), ("UPDATE", "ark_meta"), ("DELETE", "ark_log"), ("DELETE", "ark_object")
        ):  # fmt: skip
            self.server.sql(
                f"GRANT {_TABLES} {self.schema} TO {role}",
                f"REVOKE {kind} ON {self.schema}.{table} FROM {role}",
            )
            failure = await self.refused(role)
            self.assertEqual(str(failure), f"the role {role} lacks {kind} on {table}")
            self.assertIn(f"GRANT {_TABLES} {self.schema} TO {role}", failure.remedy)
        self.server.sql(f"GRANT {_TABLES} {self.schema} TO {role}")
        await (await self.backend_as(role)).commit([change(key("a"))])

    async def test_no_right_to_make_tables(self) -> None:
        """
        As a role has it in no schema of PostgreSQL 15 that is not its own.
        """
        failure = await self.refused(self.role())
        self.assertIn("permission denied for schema", str(failure))
        self.assertIn("owner of the database", failure.remedy)

    async def test_no_schema(self) -> None:
        """
        The search path leads nowhere: the remedy speaks of that, not of a network.
        """
        self.server.sql(f"DROP SCHEMA {self.schema}")
        failure = await self.refused("ark")
        self.assertIn("search_path", failure.remedy)

    async def test_policies_do_not_hide_rows(self) -> None:
        """
        A role to whom row-level security applies would see an empty database; it is told.
        """
        await self.backend_as("ark")
        role = self.role()
        self.server.sql(
            f"GRANT {_TABLES} {self.schema} TO {role}",
            f"ALTER TABLE {self.schema}.ark_log ENABLE ROW LEVEL SECURITY",
        )
        backend = await self.backend_as(role)
        reading = Deferred.fromCoroutine(backend.events(0, 10))
        failure = await reading.addErrback(lambda failure: failure.value)
        self.assertIn("row-level security", str(failure))


class DefaultsTests(RoleTestCase):
    """
    What a role has been given by default does not change what the server does.
    """

    async def test_servers_stand_in_line(self) -> None:
        """
        Commits wait for each other, and all are written, whatever isolation and patience the role has.
        """
        for setting in (
            "default_transaction_isolation = 'serializable'",
            "default_transaction_isolation = 'repeatable read'",
            "lock_timeout = '1ms'",
            "standard_conforming_strings = off",
        ):
            role = self.role(setting=setting, may="LOGIN SUPERUSER")
            backends = [await self.backend_as(role) for _ in range(3)]
            for turn in range(20):
                writing = [
                    Deferred.fromCoroutine(backend.commit([change(key(f"{role}-{turn}-{number}", "'\\"))]))
                    for number, backend in enumerate(backends)
                ]
                for (outcome,) in await gatherResults(writing):
                    self.assertIsInstance(outcome, Committed)

    async def test_commits_are_flushed(self) -> None:
        """
        Also where the role says that they need not be.
        """
        backend = await self.backend_as(self.role(setting="synchronous_commit = off", may="LOGIN SUPERUSER"))
        sessions = backend._writer._sessions
        self.assertEqual(await sessions.query("SHOW synchronous_commit"), [(b"on",)])

    async def test_writers_of_long_ago_are_forgotten(self) -> None:
        """
        Each process is a new one; one that is still there makes itself known again.
        """
        backend = await self.backend_as("ark")
        self.server.sql(f"UPDATE {self.schema}.ark_writer SET written_at = now() - interval '8 days'")  # noqa: S608
        await self.backend_as("ark")
        known = self.server.sql(f"SELECT count(*) FROM {self.schema}.ark_writer").strip()  # noqa: S608
        self.assertEqual(known, "1")
        (outcome,) = await backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)


class DatabaseTests(RoleTestCase):
    """
    What is told of databases.
    """

    async def test_encodings(self) -> None:
        """
        One that does not know all characters is refused before anything is made in it.
        """
        for encoding in ("LATIN1", "SQL_ASCII"):
            name = f"{self.schema}_{encoding.lower()}"
            self.server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
            self.addCleanup(self.server.sql, f"DROP DATABASE {name} WITH (FORCE)")
            self.url = f"postgresql://ark@127.0.0.1:{self.server.port}/{name}"
            if encoding == "LATIN1":
                failure = await self.refused("ark")
                self.assertIn("LATIN1", str(failure))
                self.assertIn("UTF8", failure.remedy)
            else:
                await self.backend_as("ark")

    async def test_settings_that_may_lose_what_was_acknowledged_are_warned_about(self) -> None:
        """
        The server goes on all the same: whoever runs it may have a reason.
        """
        found: list[Any] = []
        observe: Callable[[Any], None] = found.append
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        await self.backend_as("ark")
        texts = [event.get("log_format") or "" for event in found]
        self.assertEqual([text[:19] for text in texts if "may be lost" in text], ["fsync of PostgreSQL"])


class ReasonTests(SynchronousTestCase):
    """
    What an operator is told when there is no connection.
    """

    def told(self, text: str) -> UnusableDatabase:
        """
        What becomes of an error of libpq.
        """
        error = DatabaseFault(text)
        return unusable(error, str(translate(error)), "db")

    def test_the_reason_of_each_address_is_told(self) -> None:
        """
        It may be the second one of a name that says what is wrong.
        """
        found = self.told(
            'connection to server at "db" (::1), port 5432 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?\n"
            'connection to server at "db" (127.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "a"\n'
            'connection to server at "db" (127.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "a"\n'
        )
        self.assertEqual(str(found).count("password authentication failed"), 1)
        self.assertIn("Connection refused; ", str(found))
        self.assertIn("password", found.remedy)
        self.assertFalse(found.passing)

    def test_limits_of_connections_may_pass(self) -> None:
        """
        Of a role and of a database, whose names do not make them missing.
        """
        for what in ('role "ark"', 'database "ark"'):
            found = self.told(
                f'connection to server at "db", port 5432 failed: FATAL:  too many connections for {what}'
            )
            self.assertTrue(found.passing)
            self.assertIn("limit of connections", found.remedy)

    def test_what_libpq_does_not_understand(self) -> None:
        """
        Waiting does not help it.
        """
        for text, word in (
            ('invalid integer value "abc" for connection option "port"', "Correct"),
            ('connection to server failed: FATAL:  unrecognized configuration parameter "a"', "Correct"),
            ("connection to server failed: channel binding required, but not supported", "channel_binding"),
        ):
            found = self.told(text)
            self.assertFalse(found.passing)
            self.assertIn(word, found.remedy)

    def test_what_takes_no_writes(self) -> None:
        """
        A standby may be promoted; it may also be a setting.
        """
        found = self.told('connection to server at "db", port 5432 failed: session is read-only')
        self.assertTrue(found.passing)
        self.assertIn("default_transaction_read_only", found.remedy)
