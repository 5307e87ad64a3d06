"""
PostgreSQL servers of other versions than the one that is installed.

They come in packages of npm (C{postgresqls/package.json}) that have a server's programs and no
client's: C{psql} is that of the installed one.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from unittest import SkipTest

from tests.clients.environments import node_packages
from tests.storage.postgresqlserver import PostgreSQLServer, find_programs

PACKAGES = Path(__file__).with_name("postgresqls")


def versions() -> list[str]:
    """
    Those that are pinned.
    """
    pinned = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    return [name.rpartition("-")[2] for name in pinned]


@cache
def server_of(version: str) -> PostgreSQLServer:
    """
    The server of a version that tests share.

    @raise unittest.SkipTest: it cannot be had.
    """
    installed = find_programs()
    if installed is None:
        raise SkipTest("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
    package = node_packages(PACKAGES) / "node_modules" / f"postgresql-{version}"
    # Whoever the server runs as may not get to where the packages are.
    folder = Path(tempfile.mkdtemp(prefix=f"ark-postgresql-{version}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    shutil.copytree(package / "native", folder / "native")
    for link in json.loads((folder / "native/pg-symlinks.json").read_text()):
        place = folder / link["target"]
        place.unlink(missing_ok=True)
        place.symlink_to(os.path.relpath(folder / link["source"], place.parent))
    programs = folder / "native/bin"
    for program in programs.iterdir():
        program.chmod(0o755)
    (programs / "psql").symlink_to(installed / "psql")
    server = PostgreSQLServer(programs)
    atexit.register(server.remove)
    return server
