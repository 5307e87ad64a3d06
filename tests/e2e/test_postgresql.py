"""
The server as a process over PostgreSQL, while that is away, silent, not there yet, or behind a pooler.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.cluster.ark import ArkServer
from tests.cluster.process import NotReady, free_port
from tests.e2e.outage import (
    FRESH,
    PATIENCE,
    QUERIES,
    Listening,
    OutageTestsMixin,
    create,
    send,
    start_ark,
    through_network,
    wait_for,
)
from tests.programs import NotInstalled
from tests.storage.pgbouncer import PgBouncer
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs

CANARY = "canary-7f3a9b"


def start_postgresql(**configuration: str) -> PostgreSQLServer:
    """
    A PostgreSQL of a test's own.
    """
    programs = find_programs()
    if programs is None:
        raise SkipTest("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
    return PostgreSQLServer(programs, **configuration)


class OutageTests(OutageTestsMixin, SynchronousTestCase):
    """
    A PostgreSQL that goes and comes back.
    """

    def start_database(self) -> tuple[str, dict[str, Callable[[], Any]], Callable[[], Any]]:
        """
        See L{OutageTestsMixin.start_database}.
        """
        postgresql = start_postgresql()
        self.addCleanup(postgresql.remove)
        stops = {mode: partial(postgresql.stop, mode) for mode in ("fast", "immediate")}
        return postgresql.url(), stops, postgresql.start


class WayTests(SynchronousTestCase):
    """
    A way to PostgreSQL that does not break, but leads nowhere.
    """

    def test_silence_is_a_timeout(self) -> None:
        """
        Reads end after 15 seconds with 504, and so does a write; a watch goes on when the way is open again.
        """
        postgresql = start_postgresql()
        way, url = through_network(self, postgresql)
        server = start_ark(url)
        self.addCleanup(server.remove)
        client, *others = (server.endpoint.connect(3 * PATIENCE) for _ in range(4))
        first = create(client, "first")
        watch = Listening(server.endpoint, first.json()["metadata"]["resourceVersion"])
        with way.toxic("timeout", timeout=0), ThreadPoolExecutor(3) as pool:
            asked = [
                pool.submit(send, others[0], "GET", QUERIES),
                pool.submit(send, others[1], "GET", f"{QUERIES}/never-was"),
                pool.submit(create, others[2], "lost"),
            ]
            listed, got, written = [answer.result() for answer in asked]
            for answer in (listed, got, written):
                self.assertEqual((answer.code, answer.json()["reason"]), (504, "Timeout"), answer.body)
            for answer in (listed, got):
                self.assertEqual(answer.header("retry-after"), "1")
            self.assertEqual(send(client, "GET", "/livez").code, 200)
        wait_for(lambda: send(client, "GET", QUERIES).code == 200, "the database")
        answer = create(client, "second")
        self.assertEqual(answer.code, 201, answer.body)
        wait_for(lambda: ("ADDED", "second") in watch.heard, "the event")
        # What became of the one in between, nobody had to know; but a watch and a list tell the same of it.
        names = {item["metadata"]["name"] for item in client.get(QUERIES)["items"]}
        self.assertEqual({name for _, name in watch.heard} | {"first"}, names)


class FailoverTests(SynchronousTestCase):
    """
    A standby that takes over without having had everything.
    """

    def test_what_was_lost_is_told(self) -> None:
        """
        Watches end with 410 on every server, lost objects are gone, and no revision is used twice.
        """
        postgresql = start_postgresql(wal_level="replica", max_wal_senders="4", hot_standby="on")
        way, url = through_network(self, postgresql)
        servers = [start_ark(url) for _ in range(2)]
        for server in servers:
            self.addCleanup(server.remove)
        standby = postgresql.standby()
        self.addCleanup(standby.remove)
        lost, watches = self._write(servers, postgresql, standby)
        postgresql.stop("immediate")
        standby.start()
        standby.run("pg_ctl", "promote", "-w", "-D", str(standby.data))
        way.lead_to(standby.port)
        self._look(servers, lost, watches)

    def _write(
        self, servers: Sequence[ArkServer], postgresql: PostgreSQLServer, standby: PostgreSQLServer
    ) -> tuple[int, list[Listening]]:
        """
        The revision of the last that the standby does not get, and watches that have heard of it.
        """
        client = servers[0].endpoint.connect(PATIENCE)
        kept = create(client, "kept").json()["metadata"]["resourceVersion"]
        caught_up = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
        wait_for(lambda: postgresql.sql(caught_up).strip() == "1", "the standby")
        standby.stop()
        watches = [Listening(server.endpoint, kept) for server in servers]
        last = 0
        for number in range(5):
            last = int(create(client, f"lost-{number}").json()["metadata"]["resourceVersion"])
        for watch in watches:
            wait_for(lambda at=watch: len(at.heard) == 5, "what will be lost")
        client.close()
        return last, watches

    def _look(self, servers: Sequence[ArkServer], lost: int, watches: Sequence[Listening]) -> None:
        for number, (server, watch) in enumerate(zip(servers, watches)):
            client = server.endpoint.connect(PATIENCE)
            wait_for(lambda at=client: send(at, "GET", QUERIES).code == 200, "the database")
            found = client.get(QUERIES)
            self.assertGreater(int(found["metadata"]["resourceVersion"]), lost)
            names = {item["metadata"]["name"] for item in found["items"]}
            self.assertEqual(names, {"kept", *(f"new-{index}" for index in range(number))})
            wait_for(lambda at=watch: at.ended, "the end of the watch")
            self.assertEqual(watch.heard[5:], [("ERROR", "")])
            for query in ("", "?resourceVersion=0"):
                self.assertEqual(send(client, "GET", f"{QUERIES}/lost-0{query}").code, 404)
            again = [
                json.loads(part)
                for part in client.stream("GET", f"{QUERIES}?watch=1&resourceVersion={lost}")
                if isinstance(part, bytes)
            ]
            self.assertEqual([event["object"]["code"] for event in again], [410])
            client.close()
            client = server.endpoint.connect(PATIENCE)
            answer = create(client, f"new-{number}")
            self.assertGreater(int(answer.json()["metadata"]["resourceVersion"]), lost)
            client.close()


class StartTests(SynchronousTestCase):
    """
    Starting a server over a database that is not there, or lets nobody in.
    """

    def start_in_vain(self, flags: Sequence[str]) -> tuple[float, str]:
        """
        After how many seconds a server gives up, and what it says.
        """
        server = ArkServer(flags=flags)
        self.addCleanup(server.remove)
        began = time.monotonic()
        failure = self.assertRaises(NotReady, server.start)
        self.assertIn("ended with 4", str(failure))
        return time.monotonic() - began, str(failure)

    def test_a_database_that_comes_later(self) -> None:
        """
        It is waited for, and the log says so.
        """
        postgresql = start_postgresql()
        self.addCleanup(postgresql.remove)
        url = postgresql.url()
        postgresql.stop()
        server = ArkServer(flags=[f"--storage={url}"])
        self.addCleanup(server.remove)
        log = server.folder / "ark-server.log"

        def come() -> None:
            wait_for(lambda: log.exists() and "Waiting for the database" in log.read_text(), "the server")
            postgresql.start()

        coming = threading.Thread(target=come)
        coming.start()
        server.start()
        coming.join()
        client = server.endpoint.connect()
        self.addCleanup(client.close)
        self.assertEqual(create(client, "first").code, 201)

    def test_a_database_that_does_not_come(self) -> None:
        """
        The server says where it looked, what was wrong, and gives up when it was told to.
        """
        port = free_port()
        flags = [f"--storage=postgresql://ark@127.0.0.1:{port}/ark", "--storage-wait=2s"]
        seconds, text = self.start_in_vain(flags)
        self.assertIn("Connection refused", text)
        self.assertIn("the server at 127.0.0.1 can be reached", text)
        self.assertGreater(seconds, 1)

    def test_what_waiting_does_not_mend(self) -> None:
        """
        A database that does not exist, and a password that is wrong, are told at once; the password is not.
        """
        postgresql = start_postgresql()
        self.addCleanup(postgresql.remove)
        _, text = self.start_in_vain(
            [f"--storage=postgresql://ark@127.0.0.1:{postgresql.port}/nowhere", "--storage-wait=80s"]
        )
        self.assertIn("Create the database", text)
        postgresql.demand_password("ark", "right")
        wrong = f"--storage=postgresql://ark:{CANARY}@127.0.0.1:{postgresql.port}/postgres"
        _, text = self.start_in_vain([wrong, "--storage-wait=80s"])
        self.assertIn("Check the user and the password", text)
        self.assertNotIn(CANARY, text)


class PasswordTests(SynchronousTestCase):
    """
    A password in a file.
    """

    def test_nobody_sees_it(self) -> None:
        """
        Neither in the list of processes with their environment, nor in logs, errors and metrics, at the most
        talkative and while the database is away.
        """
        postgresql = start_postgresql()
        self.addCleanup(postgresql.remove)
        url = postgresql.url()
        postgresql.demand_password("ark", CANARY)
        file = Path(self.mktemp()).resolve()
        file.write_text(f"{CANARY}\n")
        self.patch(os, "environ", {**os.environ, "ARK_POSTGRES_PASSWORD_FILE": str(file)})
        server = start_ark(url, "--v=10")
        self.addCleanup(server.remove)
        client = server.endpoint.connect(PATIENCE)
        self.addCleanup(client.close)
        self.assertEqual(create(client, "first").code, 201)
        seen = [send(client, "GET", target).body for target in ("/metrics", "/readyz?verbose", "/configz")]
        postgresql.stop("immediate")
        seen += [send(client, method, target, body).body for method, target, body in FRESH]
        seen.append(send(client, "GET", "/readyz/storage").body)
        process = Path(f"/proc/{server.processes[0].pid}")
        seen += [(process / name).read_bytes() for name in ("cmdline", "environ", "comm")]
        seen += [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        for text in seen:
            self.assertNotIn(CANARY.encode(), text)


class PoolerTests(SynchronousTestCase):
    """
    PgBouncer in transaction mode, where nobody can listen.
    """

    def test_servers_ask_once_a_second(self) -> None:
        """
        What one writes is heard of at the other within two, and a metric says why.
        """
        postgresql = start_postgresql()
        self.addCleanup(postgresql.remove)
        try:
            pooler = PgBouncer(postgresql)
        except NotInstalled as error:
            raise SkipTest(str(error)) from None
        self.addCleanup(pooler.remove)
        servers = [start_ark(pooler.url) for _ in range(2)]
        for server in servers:
            self.addCleanup(server.remove)
        clients = [server.endpoint.connect(PATIENCE) for server in servers]
        first = create(clients[0], "first")
        self.assertEqual(first.code, 201, first.body)
        watch = Listening(servers[1].endpoint, first.json()["metadata"]["resourceVersion"])
        for number in range(5):
            began = time.monotonic()
            self.assertEqual(create(clients[0], f"a-{number}").code, 201)
            wait_for(lambda count=number: len(watch.heard) > count, "the event")
            self.assertLess(time.monotonic() - began, 2)
            self.assertEqual(clients[1].get(f"{QUERIES}/a-{number}")["metadata"]["name"], f"a-{number}")
        self.assertEqual(watch.heard, [("ADDED", f"a-{number}") for number in range(5)])
        for client in clients:
            self.assertIn(b"\nark_storage_notifications 0", send(client, "GET", "/metrics").body)
