"""
What becomes of commits and reads when MySQL or the way to it fails.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from functools import partial
from os import kill
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pymysql
import trustme
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SkipTest

from ark.meta.records import MODIFIED, Committed, Mismatch, Range
from ark.storage import mysqlsession, served
from ark.storage.errors import (
    OutcomeUnknown,
    StorageError,
    StorageFull,
    TimedOut,
    Unavailable,
    UnusableDatabase,
)
from ark.storage.mysql import inspect, open_backend
from ark.storage.mysqlerrors import DATABASE_ERRORS, Unexpected, translate
from ark.storage.mysqlmigrate import schema_files
from ark.storage.mysqlsession import Session
from ark.storage.mysqlsettings import connection_settings
from ark.storage.mysqlwrite import Batch, hopeful_plan, settle, write_at_once
from ark.storage.testing import QUERIES, change, key
from tests.programs import NotInstalled
from tests.storage.lostconnections import (
    FailureTestCase,
    LossTestsMixin,
    LostConnectionTestsMixin,
    RestartTestsMixin,
)
from tests.storage.mysqlserver import MySQLServer, own_server
from tests.storage.smalldisk import fill, small_disk
from tests.storage.way import until

reactor: Any = default_reactor


class MySQLTestCase(FailureTestCase):
    """
    Has a backend over the server that tests share.
    """

    timeout = 90

    open_backend = staticmethod(open_backend)

    def session_at(self, url: str) -> Session:
        """
        A session of the test's own.
        """
        session = Session(connection_settings({"db_url": url}))
        self.addCleanup(session.close)
        return session

    def set_globally(self, server: MySQLServer, name: str, value: int) -> None:
        """
        Change a setting of the server until the test is over.
        """
        ((before,),) = server.sql(f"SELECT @@global.{name}")
        server.sql(f"SET GLOBAL {name} = {value}")
        self.addCleanup(server.sql, f"SET GLOBAL {name} = {before}")

    def start_server(self, *, at: Path | None = None, **configuration: str) -> MySQLServer:
        """
        A server of the test's own.
        """
        try:
            server = MySQLServer(parent=at, **configuration)
        except NotInstalled as error:
            raise SkipTest(str(error)) from None
        self.addCleanup(server.remove)
        return server


class CommitTests(LostConnectionTestsMixin, MySQLTestCase):
    """
    Commits whose connection is lost.
    """

    answer = b"@ark_revision"

    async def setUp(self) -> None:
        """
        A backend whose way to the server is under control.
        """
        self.server = own_server(SkipTest)
        self.url = self.server.url()
        self.name = self.url.rpartition("/")[2]
        self.way, self.backend = await self.by_way(self.url, self.server.port)
        self.other = await self.backend_at(self.url)

    def running(self, statement: str) -> list[int]:
        """
        The connections that are at a statement that begins so.
        """
        wanted = f"user = 'ark' AND db = '{self.name}' AND info LIKE '{statement}%'"
        rows = self.server.sql(f"SELECT id FROM information_schema.processlist WHERE {wanted}")  # noqa: S608
        return [row[0] for row in rows]

    async def test_a_lost_answer_to_a_batch_that_does_not_all_fit_is_found(self) -> None:
        """
        Either it was written, and what did not fit is told too, or nothing of it was.
        """
        (taken,) = await self.other.commit([change(key("taken"), text="in the way")])
        self.way.lose = b"in the way"
        wishes = [change(key("a")), change(key("taken")), change(key("b"))]
        try:
            outcomes = await self.backend.commit(wishes)
        except Unavailable:
            self.assertEqual(await self.other.count(Range(QUERIES)), 1)
        else:
            self.assertEqual([type(outcome) for outcome in outcomes], [Committed, Mismatch, Committed])
            self.assertEqual(outcomes[1].current, taken.version)
            page = await self.other.list(Range(QUERIES), 10)
            self.assertEqual(page.versions[:2], [outcomes[0].version, outcomes[2].version])
        self.assertEqual(self.way.lost, 1)

    async def hold(self) -> Callable[[], Any]:
        """
        See L{LostConnectionTestsMixin.hold}.
        """
        blocker: Any = pymysql.connect(unix_socket=str(self.server.folder / "socket"), user="root")
        blocker.cursor().execute(f"SELECT 1 FROM {self.name}.ark_meta FOR UPDATE")  # noqa: S608
        return blocker.close

    def end_waiting(self) -> list[int]:
        """
        See L{LostConnectionTestsMixin.end_waiting}.
        """
        found = self.running("SELECT revision INTO")
        for number in found:
            self.server.sql(f"KILL {number}")
        return found

    def test_what_was_asked_about_is_not_written_afterwards(self) -> None:
        """
        A batch that lingers in the database finds that it is not expected any more.
        """
        session = self.session_at(self.url)
        plan = hopeful_plan([change(key("a"))])
        assert plan is not None
        self.assertEqual(settle(session, Batch(b"w", 0)), 0)
        self.assertEqual(write_at_once(session, Batch(b"w", 1), plan), 1)
        self.assertEqual(settle(session, Batch(b"w", 1)), 2)
        self.assertEqual(settle(session, Batch(b"w", 2)), 0)
        plan = hopeful_plan([change(key("b"))])
        assert plan is not None
        failure = self.assertRaises(DATABASE_ERRORS, write_at_once, session, Batch(b"w", 2), plan)
        self.assertIsInstance(translate(failure, True), Unexpected)

    async def test_a_writer_that_was_forgotten_makes_itself_known_again(self) -> None:
        """
        It has written nothing for so long that others have dropped its row.
        """
        self.server.sql(f"DELETE FROM {self.name}.ark_writer")  # noqa: S608
        (outcome,) = await self.backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)

    async def test_a_deadlock_is_tried_again(self) -> None:
        """
        The server undoes a commit for the sake of another transaction.
        """
        await self.backend.commit([change(key("a"))])
        blocker: Any = pymysql.connect(
            unix_socket=str(self.server.folder / "socket"), user="root", database=self.name
        )
        cursor = blocker.cursor()
        cursor.execute("UPDATE ark_object SET previous = 1")
        # Of two, the server undoes the one that has done less.
        rows = ", ".join(f"('x', '', '{number}', 1)" for number in range(500))
        cursor.execute(f"INSERT INTO ark_deleted VALUES {rows}")  # noqa: S608
        writing = Deferred.fromCoroutine(self.backend.commit([change(key("a"), MODIFIED, 2)]))
        await until(lambda: self.running("INSERT INTO ark_object"), "the commit to wait")
        await deferToThread(cursor.execute, "SELECT 1 FROM ark_meta FOR UPDATE")
        blocker.rollback()
        blocker.close()
        (outcome,) = await writing
        self.assertIsInstance(outcome, Committed)
        ((status,),) = self.server.sql(
            "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"
        )
        self.assertGreater(status, 0)

    async def test_commits_of_others_are_noticed(self) -> None:
        """
        Nobody is told by the database, so each asks.
        """
        woken: list[int] = []
        self.backend.subscribe(lambda: woken.append(1))
        await self.other.commit([change(key("a"))])
        await until(lambda: woken, "a poll")


class OutageTests(RestartTestsMixin, MySQLTestCase):
    """
    A server that goes and comes back.
    """

    timeout = 180

    named = "MySQL"

    async def restarting(self) -> tuple[Any, Sequence[Callable[[], Any]], Callable[[], Any]]:
        """
        See L{RestartTestsMixin.restarting}.
        """
        self.patch(served, "SETTLING_SECONDS", 1.0)
        server = self.start_server()
        stops = [partial(server.stop, kill) for kill in (False, True)]
        return await self.backend_at(server.url()), stops, server.start

    async def test_a_server_that_hangs_is_not_waited_for(self) -> None:
        """
        What it wrote all the same is found when it goes on.
        """
        self.patch(mysqlsession, "ANSWER_SECONDS", 1)
        self.patch(mysqlsession, "CONNECT_SECONDS", 1)
        self.patch(served, "SETTLING_SECONDS", 1.0)
        server = self.start_server()
        backend = await self.backend_at(server.url())
        await backend.commit([change(key("a"))])
        kill(server.pid, signal.SIGSTOP)
        try:
            reading = Deferred.fromCoroutine(backend.list(Range(QUERIES), 10))
            writing = Deferred.fromCoroutine(backend.commit([change(key("b"))]))
            await self.assertFailure(reading, Unavailable)
            await self.assertFailure(writing, OutcomeUnknown)
        finally:
            kill(server.pid, signal.SIGCONT)
        (outcome,) = await backend.commit([change(key("b"))])
        current = await backend.get(key("b"))
        found = outcome.version if isinstance(outcome, Committed) else outcome.current
        self.assertEqual(found, current)
        self.assertEqual(await backend.count(Range(QUERIES)), 2)

    async def test_a_server_that_takes_no_writes_is_not_ready(self) -> None:
        """
        A replica, for one; its connections are given up, for its name may soon lead to another.
        """
        server = own_server(SkipTest)
        backend = await self.backend_at(server.url())
        self.set_globally(server, "read_only", 1)
        await self.assertFailure(Deferred.fromCoroutine(backend.ready()), Unavailable)
        for _ in range(2):
            writing = Deferred.fromCoroutine(backend.commit([change(key("a"))]))
            await self.assertFailure(writing, Unavailable)
        self.assertEqual(await backend.count(Range(QUERIES)), 0)
        server.sql("SET GLOBAL read_only = 0")
        (outcome,) = await backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)

    async def test_all_connections_are_taken(self) -> None:
        """
        What has one goes on, and who has none is told that nothing was written.
        """
        server = self.start_server(**{"max-connections": "12"})
        url = server.url()
        backend = await self.backend_at(url)
        await backend.commit([change(key("a"))])
        held: list[Session] = []
        while len(held) < 20:
            session = self.session_at(url)
            try:
                await deferToThread(session.run, b"SELECT 1")
            except Unavailable as error:
                self.assertIn("Too many connections", str(error))
                break
            held.append(session)
        failure = await self.assertFailure(Deferred.fromCoroutine(self.backend_at(url)), UnusableDatabase)
        self.assertTrue(failure.passing)
        (outcome,) = await backend.commit([change(key("b"))])
        self.assertIsInstance(outcome, Committed)
        for session in held:
            session.close()
        self.assertEqual(await backend.count(Range(QUERIES)), 2)

    async def test_a_limit_of_time(self) -> None:
        """
        A lock that others hold for too long is told as what it is: nothing was written.
        """
        server = own_server(SkipTest)
        url = server.url()
        backend = await self.backend_at(url)
        self.patch(
            mysqlsession,
            "_SETUP",
            mysqlsession._SETUP.replace(b"lock_wait_timeout = 10", b"lock_wait_timeout = 1"),
        )
        impatient = await self.backend_at(url)
        blocker: Any = pymysql.connect(unix_socket=str(server.folder / "socket"), user="root")
        blocker.cursor().execute(f"SELECT 1 FROM {url.rpartition('/')[2]}.ark_meta FOR UPDATE")  # noqa: S608
        await self.assertFailure(Deferred.fromCoroutine(impatient.commit([change(key("a"))])), TimedOut)
        blocker.close()
        (outcome,) = await backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)

    async def test_a_full_disk(self) -> None:
        """
        Writes are refused, nothing acknowledged is lost, and all goes on when there is room.
        """
        disk = small_disk(self, "size=200M")
        server = self.start_server(at=disk, **{"innodb-log-file-size": "16M", "innodb-fast-shutdown": "0"})
        backend = await self.backend_at(server.url())
        filler = fill(disk, 12_000_000)
        written: list[str] = []
        refused: StorageError | None = None
        while refused is None and len(written) < 400:
            try:
                await backend.commit([change(key(f"a{len(written)}"), text="x" * 100_000)])
                written.append(f"a{len(written)}")
            except StorageError as error:
                refused = error
        self.assertIsInstance(refused, (StorageFull, Unavailable, OutcomeUnknown))
        self.assertTrue(written)
        filler.unlink()
        try:
            page = await backend.list(Range(QUERIES), 1000)
        except Unavailable:
            # InnoDB may end the server rather than go on; whoever watches over it starts it again.
            server.stop(kill=True)
            server.start()
            page = await backend.list(Range(QUERIES), 1000)
        self.assertEqual(set(written) - {one.key.name for one in page.versions}, set())
        (outcome,) = await backend.commit([change(key("afterwards"))])
        self.assertIsInstance(outcome, Committed)


class LossTests(LossTestsMixin, MySQLTestCase):
    """
    A database that is older than what was seen of it: restored, or a replica that took over too early.
    """

    def place(self) -> str:
        """
        See L{LossTestsMixin.place}.
        """
        return own_server(SkipTest).url()

    def lose(self, url: str, revision: int) -> None:
        """
        See L{LossTestsMixin.lose}.
        """
        name = url.rpartition("/")[2]
        for table in ("ark_log", "ark_object"):
            own_server(SkipTest).sql(f"DELETE FROM {name}.{table} WHERE revision > {revision}")  # noqa: S608
        own_server(SkipTest).sql(f"UPDATE {name}.ark_meta SET revision = {revision}")  # noqa: S608


class OpeningTests(MySQLTestCase):
    """
    What is looked at before the first request.
    """

    async def refused(self, url: str) -> str:
        """
        Why a database cannot be opened.
        """
        failure = await self.assertFailure(Deferred.fromCoroutine(self.backend_at(url)), UnusableDatabase)
        return str(failure)

    async def test_settings_that_may_lose_what_was_acknowledged_are_warned_about(self) -> None:
        """
        The server goes on all the same: whoever runs it may have a reason.
        """
        server = own_server(SkipTest)
        self.set_globally(server, "innodb_flush_log_at_trx_commit", 2)
        found: list[Any] = []
        observe: Callable[[Any], None] = found.append
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        await self.backend_at(server.url())
        self.assertEqual(
            [event["name"] for event in found if "may be lost" in (event.get("log_format") or "")],
            ["innodb_flush_log_at_trx_commit"],
        )

    async def test_packets_must_have_room_for_a_batch(self) -> None:
        """
        Else commits would fail that are not even large.
        """
        server = own_server(SkipTest)
        url = server.url()
        self.set_globally(server, "max_allowed_packet", 1 << 20)
        self.assertIn("packets of 1048576 bytes", await self.refused(url))

    async def test_a_newer_schema_says_who_may_use_it(self) -> None:
        """
        An older server goes on beside a newer one as long as the schema allows it.
        """
        server = own_server(SkipTest)
        url = server.url()
        newest = max(schema_files())
        await self.backend_at(url)
        table = f"{url.rpartition('/')[2]}.ark_schema"
        server.sql(f"INSERT INTO {table} (version, oldest) VALUES ({newest + 1}, {newest})")  # noqa: S608
        await self.backend_at(url)
        server.sql(f"UPDATE {table} SET oldest = {newest + 1}")  # noqa: S608
        self.assertIn(f"knows version {newest + 1}", await self.refused(url))
        looking = Deferred.fromCoroutine(inspect({"db_url": url}, reactor))
        await self.assertFailure(looking, UnusableDatabase)

    async def test_a_schema_that_was_half_made_is_completed(self) -> None:
        """
        MySQL cannot undo a change of the schema when the next one fails.
        """
        server = own_server(SkipTest)
        url = server.url()
        await self.backend_at(url)
        name = url.rpartition("/")[2]
        server.sql(f"DELETE FROM {name}.ark_schema")  # noqa: S608
        server.sql(f"DROP TABLE {name}.ark_writer")
        backend = await self.backend_at(url)
        (outcome,) = await backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)

    async def test_the_schema_can_be_looked_at(self) -> None:
        """
        Without changing it: that is what C{ark-server migrate --check} does.
        """
        url = own_server(SkipTest).url()
        newest = max(schema_files())
        self.assertEqual(await inspect({"db_url": url}, reactor), (0, newest))
        self.assertEqual(await inspect({"db_url": url}, reactor), (0, newest))
        await self.backend_at(url)
        self.assertEqual(await inspect({"db_url": url}, reactor), (newest, newest))

    async def test_who_serves_need_not_own_the_tables(self) -> None:
        """
        An owner may migrate, and somebody else only use what is there.
        """
        server = own_server(SkipTest)
        url = server.url()
        await self.backend_at(url)
        server.sql("CREATE OR REPLACE USER clerk@'%' IDENTIFIED BY 'desk'")
        name = url.rpartition("/")[2]
        server.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO clerk@'%'")
        backend = await self.backend_at(url.replace("ark:secret@", "clerk:desk@"))
        (outcome,) = await backend.commit([change(key("a"))])
        self.assertIsInstance(outcome, Committed)
        self.assertEqual(await backend.compact(outcome.version.revision), 0)

    async def test_tables_of_another_program_are_left_alone(self) -> None:
        """
        They only have the same name.
        """
        server = own_server(SkipTest)
        url = server.url()
        server.sql(f"CREATE TABLE {url.rpartition('/')[2]}.ark_log (id INTEGER)")
        self.assertIn("did not make", await self.refused(url))

    async def test_a_wrong_password_is_told_without_it(self) -> None:
        """
        Nor is it in what the settings look like.
        """
        server = own_server(SkipTest)
        url = server.url().replace("secret", "hidden")
        told = await self.refused(url)
        self.assertIn("Access denied", told)
        self.assertNotIn("hidden", told + repr(connection_settings({"db_url": url})))

    async def test_encryption_is_insisted_on(self) -> None:
        """
        A server that does not offer it is not told the password.
        """
        server = own_server(SkipTest)
        self.assertIn("SSL is required", await self.refused(server.url() + "?ssl-mode=required"))

    async def test_the_servers_name_is_verified(self) -> None:
        """
        By the authority given, and for the host that was named.
        """
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        folder = Path(mkdtemp(prefix="ark-mariadb-tls-"))
        self.addCleanup(rmtree, folder)
        paths = {name: str(folder / name) for name in ("ca", "cert", "key")}
        authority.cert_pem.write_to_path(paths["ca"])
        certificate.cert_chain_pems[0].write_to_path(paths["cert"])
        certificate.private_key_pem.write_to_path(paths["key"])
        for path in (folder, *map(Path, paths.values())):
            path.chmod(0o755)
        server = self.start_server(**{f"ssl-{name}": path for name, path in paths.items()})
        verified = f"?ssl-ca={paths['ca']}&ssl-mode=verify-identity"
        url = server.url()
        backend = await self.backend_at(url.replace("127.0.0.1", "localhost") + verified)
        await backend.ready()
        ((encrypted,),) = server.sql(
            "SELECT count(*) FROM information_schema.processlist WHERE user = 'ark' AND db IS NOT NULL"
        )
        self.assertGreater(encrypted, 0)
        self.assertIn("certificate", (await self.refused(url + verified)).lower())
        await self.backend_at(f"{url}?ssl-ca={paths['ca']}")


class SizeTests(MySQLTestCase):
    """
    Texts larger than the server sends at once.
    """

    async def test_pages_are_as_long_as_fits_a_packet(self) -> None:
        """
        A page ends early, and says that more follows.
        """
        server = own_server(SkipTest)
        backend = await self.backend_at(server.url())
        for index in range(3):
            (outcome,) = await backend.commit([change(key(f"n{index}"), text="'" * 6_000_000)])
            self.assertIsInstance(outcome, Committed)
        for revision in (None, await backend.current_revision()):
            pages = []
            after, more = None, True
            while more:
                page = await backend.list_joined(Range(QUERIES, None, after), 10, revision)
                after, more = page.last, page.more
                pages.append(page)
            self.assertEqual([page.count for page in pages], [2, 1])
        versions = (await backend.list(Range(QUERIES), 10)).versions
        self.assertEqual(b",".join([v.body for v in versions]), b",".join([page.text for page in pages]))
