"""
A database of a measurement's own, as durable as one that is relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.process import Usage, usage_of
from tests.programs import NotInstalled
from tests.storage.mysqlserver import MySQLServer
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs

BACKENDS = ("sqlite", "postgresql", "mysql")


class Database(NamedTuple):
    """
    An empty database.

    @ivar name: of its processes.
    @ivar server: has its processes; L{None} if it has none of its own.
    @ivar config: what opens it, as C{IStorageBackendFactory.open} is told.
    """

    name: str
    server: Any
    config: dict[str, Any]

    @property
    def flags(self) -> list[str]:
        """
        What C{ark-server} is told.
        """
        options = {"storage": self.name, **self.config}
        return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]

    @property
    def pid(self) -> int:
        """
        The first of its processes, C{0} if there are none.
        """
        return int(self.server.pid) if self.server else 0

    def usage(self) -> Usage:
        """
        What its processes have used.
        """
        return usage_of(self.pid)


@contextmanager
def fresh_database(backend: str, folder: Path) -> Iterator[Database]:
    """
    A database that goes away again.

    @param folder: where the file is, when it is one.
    """
    if backend == "sqlite":
        yield Database(backend, None, {"db_path": str(folder / "measured.db")})
        return
    server = _started(backend)
    try:
        yield Database(backend, server, {"db_url": server.url()})
    finally:
        server.remove()


def _started(backend: str) -> PostgreSQLServer | MySQLServer:
    if backend == "mysql":
        try:
            return MySQLServer()
        except NotInstalled as error:
            raise SystemExit(str(error)) from None
    programs = find_programs()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
    return PostgreSQLServer(programs, fsync="on", full_page_writes="on")
