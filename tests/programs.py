"""
Programs of others that tests start: where they are, and how they come onto the machine.

What is missing is installed from the distribution's packages where that can be done without
asking anybody: as root, with apt-get.  Elsewhere the tests that need it are skipped, and say
what to install.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOCK = Path(__file__).resolve().parents[1] / ".cache" / "packages.lock"


class NotInstalled(Exception):
    """
    A program is not there; the message says how to get it.
    """


@dataclass(frozen=True)
class Programs:
    """
    Programs that come together.

    @ivar title: what people call them.
    @ivar packages: the packages of Debian and Ubuntu that have them, between spaces.
    @ivar names: the programs; all must be there.
    @ivar patterns: where they may be besides the search path; of several the last counts.
    """

    title: str
    packages: str
    names: Sequence[str]
    patterns: Sequence[str] = ()

    def find(self) -> dict[str, Path] | None:
        """
        The path of each program, or L{None} when one is missing.
        """
        found: dict[str, Path] = {}
        for folder in self._folders():
            for name in self.names:
                path = folder / name
                if name not in found and os.access(path, os.X_OK):
                    found[name] = path.resolve()
        return found if len(found) == len(self.names) else None

    def _folders(self) -> Iterator[Path]:
        for pattern in self.patterns:
            folders = Path("/").glob(pattern.lstrip("/"))
            yield from sorted(
                folders, key=lambda path: [(len(part), part) for part in path.parts], reverse=True
            )
        yield from map(Path, os.get_exec_path())

    def require(self) -> dict[str, Path]:
        """
        The path of each program, after installing them if need be.

        @raise NotInstalled: they are not there, and could not be installed.
        """
        found = self.find()
        if found is None and can_install():
            with _installing():
                found = self.find()
                if found is None:
                    print(f"Installing {self.packages} for the tests", file=sys.stderr, flush=True)
                    install(self.packages)
                    found = self.find()
        if found is None:
            raise NotInstalled(
                f"{self.title} is not installed (on Debian and Ubuntu: apt-get install {self.packages})"
            )
        return found


POSTGRESQL = Programs(
    "PostgreSQL", "postgresql", ("initdb", "pg_ctl", "psql"), ("/usr/lib/postgresql/*/bin",)
)
PGBOUNCER = Programs("PgBouncer", "pgbouncer", ("pgbouncer",), ("/usr/sbin", "/usr/bin"))
# The packages with the programs alone, without the service that would be started.
MARIADB = Programs(
    "MariaDB",
    "mariadb-server-core mariadb-client-core",
    ("mariadbd", "mariadb-install-db", "my_print_defaults"),
    ("/usr/sbin", "/usr/bin"),
)
PROMETHEUS = Programs("Prometheus", "prometheus", ("promtool",), ("/usr/bin",))
FAKETIME = Programs("libfaketime", "faketime", ("faketime",), ("/usr/bin",))


@contextmanager
def _installing() -> Iterator[None]:
    """
    Wait until no other suite of tests installs: apt-get does not wait for another that fetches lists.
    """
    _LOCK.parent.mkdir(exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def can_install() -> bool:
    """
    Whether packages can be installed without asking anybody.
    """
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: str) -> None:
    """
    Install packages, with fresh lists when they are not found in those that are there.  Whether
    that helped is for the caller to see.
    """
    # Programs of services are wanted, not the services: as in single-user mode, none is started.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    wanted = ["install", "--yes", "--no-install-recommends", *packages.split()]
    for arguments in (wanted, ["update"], wanted):
        done = subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if arguments is wanted and not done.returncode:
            return
    print("\n".join(done.stdout.splitlines()[-5:]), file=sys.stderr, flush=True)
