"""
What becomes of commits, reads and notifications when PostgreSQL or the way to it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest

from ark.meta.records import Committed, Mismatch, Range
from ark.storage.errors import StorageError, Unavailable, UnusableDatabase
from ark.storage.postgresql import open_backend
from ark.storage.testing import QUERIES, change, key
from tests.storage.lostconnections import (
    FailureTestCase,
    LossTestsMixin,
    LostConnectionTestsMixin,
    RestartTestsMixin,
)
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs, shared_server
from tests.storage.way import until

reactor: Any = default_reactor
CONTROL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ark-server' AND query LIKE '{}%'"


class PostgreSQLTestCase(FailureTestCase):
    """
    Has a backend over the server that tests share.
    """

    timeout = 60

    open_backend = staticmethod(open_backend)

    def start_server(self, **configuration: str) -> PostgreSQLServer:
        """
        A server of the test's own.
        """
        programs = find_programs()
        if programs is None:
            raise SkipTest("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
        server = PostgreSQLServer(programs, **configuration)
        self.addCleanup(server.remove)
        return server


class CommitTests(LostConnectionTestsMixin, PostgreSQLTestCase):
    """
    Commits whose connection is lost.
    """

    # The first column that ark_commit_v2 gives, an integer: nothing else is answered so.
    answer = b"place\0" + bytes(6) + (23).to_bytes(4, "big")

    async def hold(self) -> Callable[[], Any]:
        """
        See L{LostConnectionTestsMixin.hold}.
        """
        schema = self.url.rpartition("%3D")[2]
        blocked = self.server.background(
            f"SET search_path = {schema}; BEGIN; SELECT 1 FROM ark_meta FOR UPDATE; SELECT pg_sleep(1.5); COMMIT"  # noqa: S608
        )
        await until(lambda: "pg_sleep" in self.server.sql("SELECT query FROM pg_stat_activity"), "the lock")
        return blocked.wait

    def end_waiting(self) -> str:
        """
        See L{LostConnectionTestsMixin.end_waiting}.
        """
        return self.server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )

    async def setUp(self) -> None:
        """
        A backend whose way to the server is under control.
        """
        self.server = shared_server(SkipTest)
        self.url = self.server.url()
        self.way, self.backend = await self.by_way(self.url, self.server.port)
        self.other = await self.backend_at(self.url)

    async def test_a_lost_answer_to_a_batch_that_does_not_all_fit_is_found(self) -> None:
        """
        What did not fit is told too.
        """
        await self.other.commit([change(key("taken"))])
        self.way.lose = self.answer
        outcomes = await self.backend.commit([change(key("a")), change(key("taken")), change(key("b"))])
        self.assertEqual(self.way.lost, 1)
        self.assertEqual([type(outcome) for outcome in outcomes], [Committed, Mismatch, Committed])
        page = await self.other.list(Range(QUERIES), 10)
        self.assertEqual([version.key.name for version in page.versions], ["a", "b", "taken"])
        self.assertEqual(page.versions[0], outcomes[0].version)

    async def test_what_was_written_is_never_told_not_to_be(self) -> None:
        """
        Nor when it is known that a batch was written, and what it wrote cannot be read at once.
        """
        self.way.lose, self.way.later = self.answer, [b"old_revision"] * 2
        (outcome,) = await self.backend.commit([change(key("a"))])
        self.assertEqual(self.way.lost, 3)
        self.assertEqual(await self.other.get(key("a")), outcome.version)

    def test_what_was_asked_about_is_not_written_afterwards(self) -> None:
        """
        A batch that lingers in the database finds that it is not expected any more.
        """
        schema = self.url.rpartition("%3D")[2]
        nothing = ", ".join(["0", "true", "'{}'", "','", *("''" for _ in range(8))])

        def call(function: str, number: int, more: str = "") -> str:
            use = f"SET search_path = {schema}"
            return self.server.sql(f"{use}; SELECT * FROM {function}('w', {number}{more})")  # noqa: S608

        self.assertEqual(call("ark_settle_v1", 0).strip(), "|-1")
        call("ark_commit_v2", 1, f", {nothing}")
        self.assertEqual(call("ark_settle_v1", 1).strip(), "2|1")
        self.assertEqual(call("ark_settle_v1", 2).strip(), "|-1")
        refused = self.assertRaises(RuntimeError, call, "ark_commit_v2", 2, f", {nothing}")
        self.assertIn("is not expected", str(refused))


class ConnectionTests(PostgreSQLTestCase):
    """
    Connections that break while they are made.
    """

    async def test_what_breaks_while_it_is_made_leaves_nothing(self) -> None:
        """
        Each query fails as one whose database is away, whatever libpq had reached, and later ones find
        everything as if nothing had been.
        """
        server = shared_server(SkipTest)
        url = server.url()
        way, backend = await self.by_way(url, server.port)
        for round in range(12):
            way.shut = True
            way.cut()
            for _ in range(4):
                attempts = [Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(8)]
                for attempt in attempts:
                    await self.assertFailure(attempt, StorageError)
            way.shut = False
            attempts = [Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(8)]
            self.assertEqual(await gatherResults(attempts), [round] * 8)
            await backend.commit([change(key(f"a{round}"))])
        self.flushLoggedErrors()


class NotificationTests(PostgreSQLTestCase):
    """
    Being told of commits.
    """

    async def test_a_listener_that_is_cut_off_polls_and_comes_back(self) -> None:
        """
        Commits of others are noticed all the time.
        """
        server = shared_server(SkipTest)
        url = server.url()
        backend, other = await self.backend_at(url), await self.backend_at(url)
        woken: list[int] = []
        backend.subscribe(lambda: woken.append(1))
        await until(lambda: backend.hears, "the first notification")
        server.sql(CONTROL.format("LISTEN"))
        await until(lambda: not backend.hears, "the loss")
        del woken[:]
        await other.commit([change(key("a"))])
        await until(lambda: woken, "a poll")
        await until(lambda: backend.hears, "the connection")
        self.flushLoggedErrors()


class LossTests(LossTestsMixin, PostgreSQLTestCase):
    """
    A database that is older than what was seen of it.
    """

    def place(self) -> str:
        """
        See L{LossTestsMixin.place}.
        """
        return shared_server(SkipTest).url()

    def lose(self, url: str, revision: int) -> None:
        """
        See L{LossTestsMixin.lose}.
        """
        schema = url.rpartition("%3D")[2]
        shared_server(SkipTest).sql(
            f"SET search_path = {schema}; DELETE FROM ark_log WHERE revision > {revision}; "  # noqa: S608
            f"DELETE FROM ark_object WHERE revision > {revision}; UPDATE ark_meta SET revision = {revision}"
        )

    async def test_a_standby_that_takes_over_goes_on(self) -> None:
        """
        With a synchronous standby nothing that was acknowledged is lost.
        """
        server = self.start_server(wal_level="replica", max_wal_senders="4", hot_standby="on")
        standby = server.standby()
        self.addCleanup(standby.remove)
        server.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        server.sql("SELECT pg_reload_conf()")
        way, backend = await self.by_way(server.url(), server.port)
        versions = []
        for index in range(20):
            (outcome,) = await backend.commit([change(key(f"a{index}"))])
            versions.append(outcome.version)
        server.stop("immediate")
        standby.run("pg_ctl", "promote", "-w", "-D", str(standby.data))
        way.lead_to(standby.port)
        page = await backend.list(Range(QUERIES), 100)
        self.assertEqual(sorted(page.versions), sorted(versions))
        (outcome,) = await backend.commit([change(key("b"))])
        self.assertEqual(outcome.version.revision, versions[-1].revision + 1)
        self.flushLoggedErrors()


class OutageTests(RestartTestsMixin, PostgreSQLTestCase):
    """
    A server that goes and comes back.
    """

    timeout = 120

    named = "PostgreSQL"

    async def restarting(self) -> tuple[Any, Sequence[Callable[[], Any]], Callable[[], Any]]:
        """
        See L{RestartTestsMixin.restarting}.
        """
        server = self.start_server(fsync="on", full_page_writes="on")
        stops = [partial(server.stop, mode) for mode in ("fast", "immediate")]
        return await self.backend_at(server.url()), stops, server.start

    async def test_all_connections_end_at_once(self) -> None:
        """
        And nobody noticed before they are used: each query fails as one whose database is away, and what
        is opened afterwards works.
        """
        server = self.start_server()
        backend = await self.backend_at(server.url())
        for mode in ("fast", "immediate", "fast", "immediate"):
            await gatherResults([Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(8)])
            # The reactor stands still meanwhile.
            server.stop(mode)
            for _ in range(3):
                attempts = [Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(8)]
                for attempt in attempts:
                    await self.assertFailure(attempt, StorageError)
            server.start()
            (outcome,) = await backend.commit([change(key(f"{mode}{server.pid}"))])
            self.assertIsInstance(outcome, Committed)
        self.flushLoggedErrors()

    async def test_a_standby_is_not_ready(self) -> None:
        """
        A database that takes no writes says so.
        """
        server = shared_server(SkipTest)
        url = server.url()
        await self.backend_at(url)
        closed = url.replace("options=", f"options={quote('-cdefault_transaction_read_only=on ')}")
        await self.assertFailure(
            Deferred.fromCoroutine(self.backend_at(closed)), UnusableDatabase, Unavailable
        )
