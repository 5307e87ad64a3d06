"""
A PostgreSQL server of the tests' own, on loopback, gone when they are.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests.cluster.process import Usage, free_port, usage_of
from tests.programs import POSTGRESQL, NotInstalled

_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def find_programs() -> Path | None:
    """
    The folder of the newest PostgreSQL that is installed, which it is now if it can be.
    """
    try:
        return POSTGRESQL.require()["initdb"].parent
    except NotInstalled:
        return None


def _user() -> tuple[dict[str, int], str]:
    """
    PostgreSQL does not run as root: then somebody who may do nothing else does.
    """
    if os.geteuid():
        return {}, pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}, name
    raise RuntimeError("PostgreSQL cannot run as root, and there is nobody else")


class PostgreSQLServer:
    """
    A running server.

    @ivar name: of its processes.

    @param primary: the port of the server that it follows.
    @param parent: the folder in which its own is; by default one for files of a time.
    @param configuration: what its configuration says otherwise.
    """

    name = "postgresql"
    _schemas = count(1)

    def __init__(
        self, programs: Path, primary: int = 0, *, parent: Path | None = None, **configuration: str
    ) -> None:
        self.programs = programs
        self._as, _ = _user()
        self.folder = Path(tempfile.mkdtemp(prefix="ark-postgresql-", dir=parent))
        self.data = self.folder / "data"
        self.port = free_port()
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        if primary:
            way = ("-h", "127.0.0.1", "-p", str(primary))
            self.run("pg_basebackup", "-R", "-c", "fast", *way, "-D", str(self.data))
        else:
            options = ("-U", "ark", "--auth=trust", "-E", "UTF8", "--locale=C", "-N")
            self.run("initdb", *options, "-D", str(self.data))
        given = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            **_DURABLE,
            **configuration,
        }
        with (self.data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in given.items())
        self.start()

    def run(self, program: str, *arguments: str) -> str:
        """
        What a program of PostgreSQL prints.
        """
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGUSER": "ark"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._as,  # type: ignore[call-overload]
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")
        return str(done.stdout)

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """
        Stop it: C{fast} or C{immediate}, as C{pg_ctl} means them.
        """
        self.run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.data))

    def sql(self, *texts: str) -> str:
        """
        What C{psql} prints of statements, each in a transaction of its own.
        """
        given = [word for text in texts for word in ("-c", text)]
        return self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-d", "postgres", "-AtXq", *given)

    def demand_password(self, user: str, password: str) -> None:
        """
        Let nobody in any more without one; L{sql} does not know it.
        """
        self.sql(f"ALTER ROLE {user} PASSWORD '{password}'")
        self.admit("host all all 127.0.0.1/32 scram-sha-256\n")

    def admit(self, rules: str) -> None:
        """
        Say who may come in, as C{pg_hba.conf} has it.
        """
        (self.data / "pg_hba.conf").write_text(rules)
        self.run("pg_ctl", "reload", "-D", str(self.data))

    def standby(self) -> PostgreSQLServer:
        """
        A server that follows this one.
        """
        return PostgreSQLServer(self.programs, self.port)

    @property
    def pid(self) -> int:
        """
        Its first process, the parent of all others.
        """
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def usage(self) -> Usage:
        """
        What it and its sessions have used, as far as they still are.
        """
        return usage_of(self.pid)

    def background(self, text: str) -> subprocess.Popen[bytes]:
        """
        Run statements beside the test.
        """
        command = [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.Popen(
            [*command, "-U", "ark", "-d", "postgres", "-AtXqc", text], stdout=subprocess.DEVNULL, cwd="/"
        )

    def url(self) -> str:
        """
        The URL of an empty place in the database.
        """
        schema = f"test_{next(self._schemas)}"
        self.sql(f"CREATE SCHEMA {schema}")
        return f"postgresql://ark@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def remove(self) -> None:
        """
        Stop it, and take its files away.
        """
        try:
            self.stop("immediate")
        except RuntimeError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)


_shared: list[PostgreSQLServer] = []


def shared_server(skip: Callable[[str], BaseException]) -> PostgreSQLServer:
    """
    The server that tests share.

    @param skip: makes what is raised when there is no PostgreSQL.
    """
    if not _shared:
        programs = find_programs()
        if programs is None:
            raise skip("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
        server = PostgreSQLServer(programs)
        atexit.register(server.remove)
        _shared.append(server)
    return _shared[0]
