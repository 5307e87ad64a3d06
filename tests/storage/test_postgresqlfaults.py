"""
What PostgreSQL refuses, and how connections to it are protected and led.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import trustme
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from ark.meta.records import MODIFIED, Committed, Range
from ark.storage.errors import StorageFull, TimedOut, Unavailable, UnusableDatabase
from ark.storage.postgresql import open_backend
from ark.storage.postgresqlsession import Sessions
from ark.storage.testing import QUERIES, change, key
from tests.cluster.process import free_port
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs, shared_server
from tests.storage.smalldisk import fill, small_disk
from tests.storage.way import Way, until

reactor: Any = default_reactor
_LARGE = "x" * 100_000
_DISK = "size=220M"


class FaultTestCase(TestCase):
    """
    Has servers and backends that are gone after the test.
    """

    timeout = 120

    async def backend_at(self, url: str, **options: str) -> Any:
        """
        A backend that is closed after the test.
        """
        backend = await open_backend({"db_url": url, **options}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    def start_server(self, *, at: Path | None = None, **configuration: str) -> PostgreSQLServer:
        """
        A server of the test's own.
        """
        programs = find_programs()
        if programs is None:
            raise SkipTest("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
        server = PostgreSQLServer(programs, parent=at, **configuration)
        self.addCleanup(server.remove)
        return server

    async def check_refused(self, url: str, word: str, **options: str) -> UnusableDatabase:
        """
        A backend cannot be opened, for a reason that has a word in it.
        """
        opening = Deferred.fromCoroutine(open_backend({"db_url": url, **options}, reactor))
        failure: UnusableDatabase = await self.assertFailure(opening, UnusableDatabase)
        self.assertIn(word, str(failure))
        return failure


class RefusalTests(FaultTestCase):
    """
    A database that says no.
    """

    async def test_all_connections_are_taken(self) -> None:
        """
        What has one goes on; who has none is told that nothing was written, and gets one when there is one.
        """
        server = self.start_server(max_connections="12", superuser_reserved_connections="1")
        server.sql("CREATE ROLE plain LOGIN")
        server.sql("GRANT ALL ON DATABASE postgres TO plain")
        url = server.url()
        schema = url.rpartition("%3D")[2]
        server.sql(f"GRANT ALL ON SCHEMA {schema} TO plain")
        backend = await self.backend_at(url.replace("ark@", "plain@"))
        await backend.commit([change(key("a"))])
        others = [
            subprocess.Popen(
                [str(server.programs / "psql"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "plain", "-d", "postgres"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for _ in range(12)
        ]  # fmt: skip
        count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'plain'"
        try:
            await until(lambda: int(server.sql(count)) >= 11, "the connections")
            reads = [Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(8)]
            answers = [await read.addErrback(lambda failure: failure.value) for read in reads]
            refused = [answer for answer in answers if isinstance(answer, Unavailable)]
            self.assertTrue(refused)
            self.assertIn("too many", f"{refused[0]}".replace("remaining connection slots", "too many"))
            self.assertEqual({answer for answer in answers if answer not in refused} - {1}, set())
            (outcome,) = await backend.commit([change(key("b"))])
            self.assertIsInstance(outcome, Committed)
            failure = await self.check_refused(url.replace("ark@", "plain@"), "connection")
            self.assertTrue(failure.passing)
        finally:
            for other in others:
                other.kill()
                other.wait()
                assert other.stdin is not None
                other.stdin.close()
        await until(lambda: int(server.sql(count)) < 8, "their ends")
        reads = [Deferred.fromCoroutine(backend.count(Range(QUERIES))) for _ in range(4)]
        self.assertEqual(await gatherResults(reads), [2] * 4)
        self.flushLoggedErrors()

    async def test_a_full_disk(self) -> None:
        """
        Writes are refused, or PostgreSQL ends and comes back; reads go on, nothing acknowledged is lost, and
        writes go on when there is room.
        """
        disk = small_disk(self, _DISK)
        server = self.start_server(
            at=disk, wal_keep_size="0", max_wal_size="64MB", fsync="on", restart_after_crash="on"
        )
        backend = await self.backend_at(server.url())
        written = []
        filler = fill(disk, 30_000_000)
        refused: list[Exception] = []
        for number in range(400):
            try:
                (outcome,) = await backend.commit([change(key(f"a{number}"), text=_LARGE)])
                written.append(outcome.version)
            except (StorageFull, Unavailable) as error:
                refused.append(error)
                break
        self.assertTrue(refused, "the disk was not full")
        self.assertTrue(written)
        filler.unlink()

        async def readable() -> Any:
            try:
                return await backend.list(Range(QUERIES), 1000)
            except Unavailable:
                return None

        page = None
        while page is None:
            page = await readable()
        self.assertEqual({one.key.name for one in written} - {one.key.name for one in page.versions}, set())
        outcome = None
        while outcome is None:
            try:
                (outcome,) = await backend.commit([change(key("afterwards"))])
            except (StorageFull, Unavailable):
                continue
        self.assertIsInstance(outcome, Committed)
        self.flushLoggedErrors()

    async def test_a_server_that_becomes_a_standby(self) -> None:
        """
        Its connections are given up, so that the next ones find the one that takes writes.
        """
        server = self.start_server()
        backend = await self.backend_at(server.url())
        await backend.commit([change(key("a"))])
        server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        server.sql("SELECT pg_reload_conf()")
        refused = (
            "SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'"
        )
        await until(lambda: server.sql(refused).strip() == "1", "the setting")
        await self.assertFailure(Deferred.fromCoroutine(backend.commit([change(key("b"))])), Unavailable)
        for _ in range(2):
            # No host takes writes any more.
            await self.assertFailure(Deferred.fromCoroutine(backend.commit([change(key("b"))])), Unavailable)
        server.sql(
            "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only"
        )
        server.sql("SELECT pg_reload_conf()")
        await until(lambda: server.sql(refused).strip() == "0", "the setting")
        (outcome,) = await backend.commit([change(key("b"))])
        self.assertIsInstance(outcome, Committed)
        self.flushLoggedErrors()

    async def test_limits_of_time(self) -> None:
        """
        A lock that others hold, and a statement that takes too long, are told as what they are: nothing was written.
        """
        server = shared_server(SkipTest)
        for setting in ("lock_timeout", "statement_timeout"):
            url = server.url()
            schema = url.rpartition("%3D")[2]
            backend = await self.backend_at(url)
            await backend.commit([change(key("a"))])
            for session in backend._writer._sessions._free:
                await session.query(f"SET {setting} = '200ms'", None, 5)
            blocked = server.background(
                f"SET search_path = {schema}; BEGIN; SELECT 1 FROM ark_meta FOR UPDATE; SELECT pg_sleep(1.5); COMMIT"  # noqa: S608
            )
            await until(lambda: "pg_sleep" in server.sql("SELECT query FROM pg_stat_activity"), "the lock")
            await self.assertFailure(Deferred.fromCoroutine(backend.commit([change(key("b"))])), TimedOut)
            await deferToThread(blocked.wait)
            (outcome,) = await backend.commit([change(key("b"))])
            self.assertIsInstance(outcome, Committed)

    async def test_a_deadlock_is_tried_again(self) -> None:
        """
        PostgreSQL undoes a commit for the sake of another transaction.
        """
        server = self.start_server(deadlock_timeout="1s")
        url = server.url()
        schema = url.rpartition("%3D")[2]
        backend = await self.backend_at(url)
        await backend.commit([change(key("a"))])
        # It waits longer before it looks for a deadlock, so that it is not the one to be undone.
        blocked = server.background(
            f"SET search_path = {schema}; SET deadlock_timeout = '20s'; BEGIN; "  # noqa: S608
            "SELECT 1 FROM ark_object FOR UPDATE; SELECT pg_sleep(0.5); SELECT 1 FROM ark_meta FOR UPDATE; COMMIT"
        )
        await until(lambda: "pg_sleep" in server.sql("SELECT query FROM pg_stat_activity"), "the lock")
        (outcome,) = await backend.commit([change(key("a"), MODIFIED, 2)])
        self.assertIsInstance(outcome, Committed)
        await deferToThread(blocked.wait)
        self.assertIn("deadlock detected", (server.folder / "log").read_text())

    async def test_waiting_for_a_turn_has_an_end(self) -> None:
        """
        When all connections are at something that takes too long.
        """
        server = shared_server(SkipTest)
        backend = await self.backend_at(server.url(), postgres_pool_size="1")
        self.patch(backend._readers, "_timeout", 0.5)
        slow = Deferred.fromCoroutine(backend._readers.query("SELECT pg_sleep(5)"))
        waiting = Deferred.fromCoroutine(backend.count(Range(QUERIES)))
        await self.assertFailure(slow, TimedOut)
        await waiting.addErrback(lambda failure: failure.trap(TimedOut))
        self.assertEqual(await backend.count(Range(QUERIES)), 0)
        self.assertIsInstance(backend._readers, Sessions)


class HostTests(FaultTestCase):
    """
    Several hosts, of which one takes writes.
    """

    async def test_the_one_that_takes_writes_is_found(self) -> None:
        """
        Behind one where nobody answers, one that swallows everything, and a standby; after a failover the other.
        """
        server = self.start_server(wal_level="replica", max_wal_senders="4", hot_standby="on")
        standby = server.standby()
        self.addCleanup(standby.remove)
        server.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        server.sql("SELECT pg_reload_conf()")
        hole = Way(server.port)
        self.addCleanup(lambda: Deferred.fromCoroutine(hole.close()))
        hole.silent = True
        url = server.url()
        ports = [free_port(), hole.port, standby.port, server.port]
        hosts = ",".join(f"localhost:{port}" for port in ports)
        backend = await self.backend_at(url.replace(f"127.0.0.1:{server.port}", hosts))
        (outcome,) = await backend.commit([change(key("a"))])
        server.stop("immediate")
        await deferToThread(standby.run, "pg_ctl", "promote", "-w", "-D", str(standby.data))
        (after,) = await backend.commit([change(key("b"))])
        self.assertEqual(after.version.revision, outcome.version.revision + 1)
        page = await backend.list(Range(QUERIES), 10)
        self.assertEqual([one.key.name for one in page.versions], ["a", "b"])
        self.flushLoggedErrors()


class EncryptionTests(FaultTestCase):
    """
    TLS, with an authority of the test's own.
    """

    def setUp(self) -> None:
        """
        A server that lets only those in that show a certificate of its user.
        """
        self.authority = trustme.CA()
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        self.folder = folder
        self.server = self.start_server()
        own = self.authority.issue_cert("localhost")
        data = self.server.data
        for name, blob in (
            ("server.crt", b"".join(blob.bytes() for blob in own.cert_chain_pems)),
            ("server.key", own.private_key_pem.bytes()),
            ("ca.crt", self.authority.cert_pem.bytes()),
        ):
            (data / name).write_bytes(blob)
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
            (data / name).chmod(0o600)
        self.authority.cert_pem.write_to_path(folder / "ca.crt")
        trustme.CA().cert_pem.write_to_path(folder / "other.crt")
        self.url = self.server.url().replace("127.0.0.1", "localhost")
        for name, value in (("ssl", "on"), ("ssl_ca_file", "ca.crt")):
            self.server.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.server.admit("hostssl all ark all cert\nhost all all 127.0.0.1/32 reject\n")

    def client(self, name: str, **given: Any) -> dict[str, str]:
        """
        The options of a client with a certificate of its own.
        """
        issued = self.authority.issue_cert(f"{name}@example.com", common_name=name)
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        private.write_bytes(issued.private_key_pem.bytes())
        private.chmod(0o600)
        return {
            "postgres_sslmode": "verify-full",
            "postgres_sslrootcert": str(self.folder / "ca.crt"),
            "postgres_sslcert": str(certificate),
            "postgres_sslkey": str(private),
            **given,
        }

    async def test_both_sides_are_verified(self) -> None:
        """
        All connections are encrypted; one to the same address by another name is refused, and so is another
        authority, and a client of another name.
        """
        backend = await self.backend_at(self.url, **self.client("ark"))
        await backend.commit([change(key("a"))])
        rows = await backend._readers.query(
            "SELECT bool_and(ssl), bool_and(client_dn LIKE '%%CN=ark%%') FROM pg_stat_ssl "
            "JOIN pg_stat_activity USING (pid) WHERE application_name = 'ark-server'"
        )
        self.assertEqual(rows, [(True, True)])
        named = self.url.replace("localhost", "127.0.0.1")
        failure = await self.check_refused(named, "does not match host name", **self.client("ark"))
        self.assertFalse(failure.passing)
        other = self.client("ark", postgres_sslrootcert=str(self.folder / "other.crt"))
        await self.check_refused(self.url, "certificate verify failed", **other)
        await self.check_refused(self.url, "certificate authentication failed", **self.client("mallory"))

    async def test_without_encryption_nobody_comes_in(self) -> None:
        """
        The server's rules decide, and its words are told.
        """
        await self.check_refused(self.url, "pg_hba.conf", postgres_sslmode="disable")
