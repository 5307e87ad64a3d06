"""
A MariaDB server of the tests' own, on loopback, gone when they are.

C{ARK_TEST_MYSQL} may name another server to test against, MySQL for one, as
C{mysql://USER:PASSWORD@HOST:PORT/}; the user must be allowed to create databases, which are
dropped at the end.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pymysql

from ark.storage.mysqlsettings import connection_settings
from tests.cluster.process import free_port
from tests.programs import MARIADB, NotInstalled

_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW, SHOW VIEW"
_PATIENCE = 60.0


def _user() -> tuple[dict[str, int], str]:
    """
    Who runs the server: somebody who may do nothing else, when we are root.
    """
    if os.geteuid():
        return {}, pwd.getpwuid(os.geteuid()).pw_name
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid}, entry.pw_name


class MySQLServer:
    """
    A running server.  Its users are C{root}, who may do everything, and C{ark}, who may do
    with a database of his what an ordinary owner may.
    """

    _databases = count(1)

    def __init__(self, *, parent: Path | None = None, **configuration: str) -> None:
        self._programs = MARIADB.require()
        self._as, self._name = _user()
        self.folder = Path(tempfile.mkdtemp(prefix="ark-mariadb-", dir=parent))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = {"innodb-flush-method": "fsync", **configuration}
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        done = subprocess.run(
            [
                str(self._programs["mariadb-install-db"]), "--no-defaults", f"--datadir={self.folder / 'data'}",
                "--auth-root-authentication-method=normal", "--skip-test-db",
            ],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **self._as,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}")
        self.start()
        self.sql("CREATE USER ark@'%' IDENTIFIED BY 'secret'")

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        options = {
            "datadir": self.folder / "data",
            "tmpdir": self.folder,
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "bind-address": "127.0.0.1",
            "port": self.port,
            "innodb-buffer-pool-size": "64M",
            **self._configuration,
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._programs["mariadbd"]), "--no-defaults", "--skip-name-resolve",
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.sql("SELECT 1")
                return
            except pymysql.err.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log_text = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"mariadbd did not start:\n{log_text[-3000:]}") from error
            time.sleep(0.05)

    def stop(self, kill: bool = False) -> None:
        """
        Stop it: in order, or as if its power were cut.
        """
        process, self._process = self._process, None
        if process is not None:
            process.kill() if kill else process.terminate()
            process.wait()

    def sql(self, text: str) -> tuple[tuple[Any, ...], ...]:
        """
        What a statement gives to C{root}.
        """
        connection: Any = pymysql.connect(
            unix_socket=str(self.folder / "socket"), user="root", autocommit=True, connect_timeout=5
        )
        try:
            cursor = connection.cursor()
            cursor.execute(text)
            rows: tuple[tuple[Any, ...], ...] = cursor.fetchall()
            return rows
        finally:
            connection.close()

    @property
    def pid(self) -> int:
        """
        Its process.
        """
        assert self._process is not None
        return self._process.pid

    def database(self) -> str:
        """
        The name of a new database.
        """
        name = f"ark_test_{next(self._databases)}"
        self.sql(f"CREATE DATABASE {name}")
        self.sql(f"GRANT {_RIGHTS} ON {name}.* TO ark@'%'")
        return name

    def url(self) -> str:
        """
        The URL of a new database.
        """
        return f"mysql://ark:secret@127.0.0.1:{self.port}/{self.database()}"

    def remove(self) -> None:
        """
        Stop it, and take its files away.
        """
        self.stop(kill=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class OtherServer:
    """
    A server that somebody else has started.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._settings = connection_settings({"db_url": url})
        self._databases: list[str] = []

    def sql(self, text: str) -> None:
        """
        Run a statement.
        """
        to = self._settings
        connection: Any = pymysql.connect(
            host=to.host, port=to.port, user=to.user, password=to.password, autocommit=True
        )
        connection.cursor().execute(text)
        connection.close()

    def url(self) -> str:
        """
        The URL of a new database.
        """
        self._databases.append(f"ark_test_{os.getpid()}_{len(self._databases)}")
        self.sql(f"CREATE DATABASE {self._databases[-1]}")
        return f"{self._url}/{self._databases[-1]}"

    def remove(self) -> None:
        """
        Drop the databases.
        """
        for name in self._databases:
            self.sql(f"DROP DATABASE {name}")


_shared: list[MySQLServer | OtherServer] = []


def shared_server(skip: Callable[[str], BaseException]) -> MySQLServer | OtherServer:
    """
    The server that tests share.

    @param skip: makes what is raised when there is none.
    """
    if not _shared:
        url = os.environ.get("ARK_TEST_MYSQL", "")
        try:
            server = OtherServer(url) if url else MySQLServer(**{"innodb-flush-method": "nosync"})
        except NotInstalled as error:
            raise skip(str(error)) from None
        atexit.register(server.remove)
        _shared.append(server)
    return _shared[0]


def own_server(skip: Callable[[str], BaseException]) -> MySQLServer:
    """
    The same, for tests that need one that is theirs to command.
    """
    server = shared_server(skip)
    if not isinstance(server, MySQLServer):
        raise skip("ARK_TEST_MYSQL names a server that the tests did not start")
    return server
