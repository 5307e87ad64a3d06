"""
Three servers on one PostgreSQL.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

from tests.cluster.ark import ArkServer
from tests.cluster.client import Endpoint
from tests.cluster.network import Link, Network
from tests.histories.database import Database
from tests.histories.failover import Loss
from tests.histories.selections import NAMESPACES
from tests.storage.postgresqlserver import PostgreSQLServer
from tests.storage.way import Way

REPLICAS = 3
_CONNECTIONS = "60"
_TRACEBACK = re.compile(r"^.*Traceback(?:.*\n){1,40}?(?=\S*\d{4}-|\Z)", re.MULTILINE)


class Scene:
    """
    A PostgreSQL, the way to it, and servers, all of which come to harm.

    Its methods block, and must not be called in the reactor's thread.

    @ivar database: what is asked past the servers.
    @ivar way: the servers' way to PostgreSQL.
    @ivar replication: the standby's.
    @ivar doors: ways to the servers, when clients go by them.
    @ivar hearing: what looks at single messages of PostgreSQL on their way, if anything does.
    """

    hearing: Way | None = None

    def __init__(self, reactor: Any, postgresql: PostgreSQLServer, *, frames: bool = False) -> None:
        """
        @param frames: see L{Way}.
        """
        self._reactor = reactor
        self.postgresql = postgresql
        self.standby: PostgreSQLServer | None = None
        self._network = Network()
        if frames:
            self.hearing = blockingCallFromThread(reactor, Way, postgresql.port, reactor, frames)
        self.way = self._network.link(self.hearing.port if self.hearing else postgresql.port)
        self.replication = self._network.link(postgresql.port)
        self._url = postgresql.url()
        self.database = Database(postgresql, self._url)
        self.replicas: list[ArkServer] = []
        self.doors: list[Link] = []

    def start(self, flags: Sequence[str], doors: bool = False, broken: str = "") -> None:
        """
        Start the servers.

        @param doors: whether clients go by ways to them.
        @param broken: see L{tests.histories.broken}.
        """
        program = [sys.executable, str(Path(__file__).with_name("broken.py")), broken] if broken else []
        url = self._url.replace(str(self.postgresql.port), str(self.way.port))
        options = ["--storage=postgresql", f"--db-url={url}", "--postgres-pool-size=4", *flags]
        self.replicas = [ArkServer(flags=options, program=program) for _ in range(REPLICAS)]
        self.replicas[0].start()
        self.database.keep_all()
        with ThreadPoolExecutor(REPLICAS) as pool:
            list(pool.map(ArkServer.start, self.replicas[1:]))
        if doors:
            ports = [int(replica.endpoint.url.rpartition(":")[2]) for replica in self.replicas]
            self.doors = [self._network.link(port) for port in ports]
        client = self.replicas[0].endpoint.connect()
        for name in NAMESPACES:
            body = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%b"}}' % name.encode()
            answer = client.request("POST", "/api/v1/namespaces", {"Content-Type": "application/json"}, body)
            if answer.code != 201:
                raise AssertionError(answer)
        client.close()

    @property
    def endpoints(self) -> list[Endpoint]:
        """
        Where clients go.
        """
        found = [replica.endpoint for replica in self.replicas]
        for number, door in enumerate(self.doors):
            found[number] = found[number]._replace(url=f"https://127.0.0.1:{door.port}")
        return found

    def follow(self, *, synchronous: bool = True) -> None:
        """
        Give PostgreSQL a standby.

        @param synchronous: whether commits wait for it.
        """
        self.standby = PostgreSQLServer(self.postgresql.programs, self.replication.port)
        if synchronous:
            self.postgresql.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.postgresql.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """
        PostgreSQL dies, and the standby takes over.
        """
        assert self.standby is not None
        self.postgresql.stop("immediate")
        self._died = time.monotonic_ns()
        self.standby.run("pg_ctl", "promote", "-w", "-D", str(self.standby.data))
        self.way.lead_to(self.standby.port)
        self.database.server = self.standby

    def loss(self) -> Loss:
        """
        What L{promote} took away.
        """
        noticed, begins = next(iter(self.database.read_floors()), (self._died, 0))
        self.postgresql.start()
        return Loss(Database(self.postgresql, self._url).read_log(), self._died, noticed, begins)

    def complaints(self) -> list[str]:
        """
        What servers logged that nobody had thought of: whatever goes wrong around them is no reason for that.
        """
        return [
            f"replica {number} logged a traceback:\n{text[:2000]}"
            for number, replica in enumerate(self.replicas)
            for text in _TRACEBACK.findall((replica.folder / "ark-server.log").read_text(errors="replace"))
        ]

    def remove(self) -> None:
        """
        End everything.
        """
        for replica in self.replicas:
            replica.remove()
        self._network.remove()
        if self.hearing is not None:
            blockingCallFromThread(self._reactor, Deferred.fromCoroutine, self.hearing.close())
        for server in (self.standby, self.postgresql):
            if server is not None:
                server.remove()


@contextlib.contextmanager
def scene(reactor: Any, postgresql: PostgreSQLServer, *, frames: bool = False) -> Iterator[Scene]:
    """
    A scene that is gone afterwards.
    """
    try:
        made = Scene(reactor, postgresql, frames=frames)
    except BaseException:
        postgresql.remove()
        raise
    try:
        yield made
    finally:
        made.remove()


def configuration() -> dict[str, str]:
    """
    What PostgreSQL is told: commits last, few connections, and it may have a standby.
    """
    return {
        "fsync": "on",
        "full_page_writes": "on",
        "max_connections": _CONNECTIONS,
        "wal_level": "replica",
        "max_wal_senders": "4",
        "hot_standby": "on",
        "deadlock_timeout": "200ms",
        # What is not written at once is written late, and lost when there is no later.
        "wal_writer_delay": "10s",
    }
