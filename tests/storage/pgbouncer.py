"""
A PgBouncer in transaction mode before a PostgreSQL of the tests, gone when they are.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

from tests.cluster.process import Process, free_port
from tests.programs import PGBOUNCER
from tests.storage.postgresqlserver import PostgreSQLServer

_CONFIGURATION = """\
[databases]
postgres = host=127.0.0.1 port={server} dbname=postgres user=ark connect_query='SET search_path = {schema}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
; Lets everybody in, as the user that is named above.
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_login_retry = 0.2
unix_socket_dir =
ignore_startup_parameters = options
{user}
"""


class PgBouncer:
    """
    A pooler that gives a connection to somebody else after each transaction.

    @ivar url: of the database behind it.
    @ivar log: what it says.
    """

    def __init__(self, server: PostgreSQLServer) -> None:
        """
        @raise tests.programs.NotInstalled: it is not there, and could not be installed.
        """
        program = PGBOUNCER.require()["pgbouncer"]
        self.folder = Path(tempfile.mkdtemp(prefix="ark-pgbouncer-"))
        self.port = free_port()
        schema = server.url().rpartition("%3D")[2]
        # It does not run as root.
        user = "" if os.geteuid() else f"user = {_somebody(self.folder)}"
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(server=server.port, schema=schema, port=self.port, user=user)
        )
        self._process = Process("pgbouncer", [str(program), str(configuration)], self.folder)
        self.log = self._process.log
        self._process.wait_until(self._answers, 20)
        self.url = f"postgresql://ark@127.0.0.1:{self.port}/postgres"

    def _answers(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port)).close()
        return True

    def remove(self) -> None:
        """
        Stop it, and take its files away.
        """
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _somebody(folder: Path) -> str:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        return name
    raise RuntimeError("PgBouncer cannot run as root, and there is nobody else")
