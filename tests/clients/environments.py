"""
Where clients that are no Go modules live: an environment of its own for each, made from its pins.

They land in C{.cache/clients} of the repository and are made again only when a pin or a source changes.  What
cannot be made here is a reason to skip.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import SkipTest

from tests.cluster.build import REPOSITORY, Unavailable

CLIENTS = REPOSITORY / "tests" / "clients"
ENVIRONMENTS = REPOSITORY / ".cache" / "clients"


def python_program(folder: str) -> list[str]:
    """
    The command of a client's C{program.py} in a virtual environment of its C{requirements.txt}.

    @raise unittest.SkipTest: when the environment cannot be made here.
    """
    return [str(python_environment(folder) / "bin/python"), "-m", f"tests.clients.{folder}.program"]


def python_environment(folder: str) -> Path:
    """
    The virtual environment of a client's C{requirements.txt}, which sees these tests too.

    @raise unittest.SkipTest: when it cannot be made here.
    """
    return _environment(CLIENTS / folder, _make_python)


def node_program(folder: str) -> list[str]:
    """
    The command of a client's C{program.mjs} with the packages of its C{package-lock.json}.

    @raise unittest.SkipTest: when there is no Node, or the packages cannot be had.
    """
    made = node_packages(CLIENTS / folder)
    return [_tool("node", "Node"), str(made / "program.mjs")]


def node_packages(source: Path) -> Path:
    """
    A copy of a folder, with the packages of its C{package-lock.json}.

    @raise unittest.SkipTest: when they cannot be had.
    """
    return _environment(source, _make_node)


def java_program(folder: str) -> list[str]:
    """
    The command of a client's program, made of its C{pom.xml} and sources.

    @raise unittest.SkipTest: when there is no Java or Maven, or the libraries cannot be had.
    """
    made = _environment(CLIENTS / folder, _make_java)
    # A client that lives for seconds need not be compiled as well as one that lives for days.
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return [
        _tool("java", "Java"),
        *flags,
        "-cp",
        f"{made}/target/classes:{made}/target/lib/*",
        "clients.Program",
    ]


def _make_python(source: Path, target: Path) -> None:
    _run(sys.executable, "-m", "venv", str(target))
    python = str(target / "bin/python")
    pins = str(source / "requirements.txt")
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins)
    (packages,) = target.glob("lib/python*/site-packages")
    (packages / "tests.pth").write_text(f"{REPOSITORY}\n")


def _make_node(source: Path, target: Path) -> None:
    npm = _tool("npm", "npm")
    _tool("node", "Node")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules"))
    _run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", folder=target)


def _make_java(source: Path, target: Path) -> None:
    maven = _tool("mvn", "Maven")
    _tool("java", "Java")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("target"))
    _run(maven, "--batch-mode", "--quiet", "package", folder=target)


def _environment(source: Path, make: Callable[[Path, Path], None]) -> Path:
    found = _made(source, make)
    if isinstance(found, Path):
        return found
    raise SkipTest(found)


@cache
def _made(source: Path, make: Callable[[Path, Path], None]) -> Path | str:
    """
    Where the environment is, or why there is none: asked for once a run, as it may take minutes to fail.
    """
    folder = source.name
    target = ENVIRONMENTS / folder
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with _locked(ENVIRONMENTS / f"{folder}.lock"):
        stamp = ENVIRONMENTS / f"{folder}.stamp"
        wanted = _fingerprint(source, make)
        if target.exists() and stamp.exists() and stamp.read_text() == wanted:
            return target
        shutil.rmtree(target, ignore_errors=True)
        print(f"making the environment of {folder} (a minute the first time)", file=sys.stderr, flush=True)
        try:
            make(source, target)
        except Unavailable as error:
            return f"{folder} cannot be tried: {error}"
        stamp.write_text(wanted)
    return target


def _fingerprint(source: Path, make: Callable[[Path, Path], None]) -> str:
    """
    What an environment was made from; Python's programs run from their sources.
    """
    names: Sequence[Path] = [source / "requirements.txt"]
    digest = hashlib.sha256()
    if make is _make_python:
        digest.update(sys.version.encode())
        digest.update(str(REPOSITORY).encode())
    else:
        skipped = {"node_modules", "target", "__pycache__"}
        names = sorted(one for one in source.rglob("*") if one.is_file() and not skipped & set(one.parts))
    for name in names:
        digest.update(str(name.relative_to(source)).encode())
        digest.update(name.read_bytes())
    return digest.hexdigest()


def _tool(name: str, title: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{title} is not installed")
    return found


def _run(*command: str, folder: Path | None = None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        ["nice", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()[-3:]
        raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {' '.join(said)}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
