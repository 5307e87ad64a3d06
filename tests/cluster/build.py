"""
Make the programs that the tests compare us with, out of pinned Go modules.

The binaries land in C{.cache/bin} of the repository and are made again only when a source, a pin or the
toolchain changes.  Without Go nothing can be made: that is a reason to skip on a contributor's machine and a
failure where C{CI=true}.

Run C{python -m tests.cluster.build} to make all of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import SkipTest

REPOSITORY = Path(__file__).resolve().parents[2]
BINARIES = REPOSITORY / ".cache" / "bin"
KUBERNETES_VERSION = "1.36.3"

_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_KUBERNETES_FLAGS = " ".join(
    f"-X {package}.git{member}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for member, value in (("Version", f"v{KUBERNETES_VERSION}"), ("Major", _MAJOR), ("Minor", _MINOR))
)


class Unavailable(Exception):
    """
    A program cannot be made here; the message is one sentence that says why.
    """


class Program(NamedTuple):
    """
    One binary: where its module is, which package of it, and the linker flags on top of C{-s -w}.

    @ivar sources: the folders of the module that it is made from.
    """

    name: str
    module: Path
    package: str
    flags: str = ""
    sources: tuple[str, ...] = (".",)


_CLIENTS = REPOSITORY / "tests/clients"
_CHECKERS = REPOSITORY / "tests/helm/tools"
_TOXIPROXY = REPOSITORY / "tests/cluster/toxiproxy"


def _client(folder: str) -> Program:
    """
    A program of ours that tries a client's library.
    """
    return Program(f"clients-{folder}", _CLIENTS, f"./{folder}", sources=(folder, "rule"))


def _command(name: str, package: str, flags: str = "") -> Program:
    """
    Somebody else's command, out of a module that the clients' module pins.
    """
    return Program(f"clients-{name}", _CLIENTS, package, flags, sources=())


def _checker(name: str, package: str) -> Program:
    """
    Somebody else's command that judges manifests.
    """
    return Program(name, _CHECKERS, package, sources=())


PROGRAMS = {
    program.name: program
    for program in (
        Program("etcd", REPOSITORY / "tests/cluster/etcd", "."),
        Program("kube", REPOSITORY / "tests/cluster/kubernetes", "./cmd/kube", _KUBERNETES_FLAGS),
        Program("kubectl", REPOSITORY / "tests/cluster/kubernetes", "./cmd/kubectl", _KUBERNETES_FLAGS),
        Program("cel", REPOSITORY / "tests/cel/oracle", "."),
        Program("load", REPOSITORY / "tests/bench/load", "."),
        Program("informers", REPOSITORY / "tests/e2e/informers", "."),
        Program("applyoracle", REPOSITORY / "tests/apply/oracle", "."),
        Program("porcupine", REPOSITORY / "tests/histories/porcupine", "."),
        Program("crowd", REPOSITORY / "tests/histories/crowd", "."),
        Program("toxiproxy", _TOXIPROXY, "github.com/Shopify/toxiproxy/v2/cmd/server", sources=()),
        *map(_client, ("clientgo", "controllerruntime", "flux", "argocd")),
        _command("helm3", "helm.sh/helm/v3/cmd/helm"),
        _command("helm4", "helm.sh/helm/v4/cmd/helm"),
        _command("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
        _checker("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
        _checker("kube-score", "github.com/zegl/kube-score/cmd/kube-score"),
    )
}


def binary(name: str) -> Path:
    """
    The path of a program, made first if it is missing or out of date.

    @raise Unavailable: when there is no Go, or it cannot make the program.
    """
    program = PROGRAMS[name]
    target = BINARIES / name
    BINARIES.mkdir(parents=True, exist_ok=True)
    with _locked(BINARIES / f"{name}.lock"):
        stamp = BINARIES / f"{name}.stamp"
        wanted = _fingerprint(program)
        if not (target.exists() and stamp.exists() and stamp.read_text() == wanted):
            _compile(program, target)
            stamp.write_text(wanted)
    return target


def require(*names: str) -> list[Path]:
    """
    The paths of several programs, for C{setUpClass} of a test case that cannot run without them.

    @raise SkipTest: when one of them cannot be made, unless C{CI=true}.
    """
    try:
        return [binary(name) for name in names]
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error


def _compile(program: Program, target: Path) -> None:
    go = shutil.which("go") or _usual_go()
    if go is None:
        raise Unavailable(f"{program.name} is made from Go sources and there is no go command")
    command = [go, "build", "-trimpath", "-ldflags", f"-s -w {program.flags}".rstrip(), "-o", str(target)]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    print(f"building {program.name} (a few minutes the first time)", file=sys.stderr, flush=True)
    done = subprocess.run(
        ["nice", *command, program.package],
        cwd=program.module,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"go build ended with {done.returncode}"]
        raise Unavailable(f"{program.name} cannot be built: {last[0]}")


def _usual_go() -> str | None:
    usual = Path("/usr/local/go/bin/go")
    return str(usual) if usual.exists() else None


def _fingerprint(program: Program) -> str:
    """
    What a binary was made from: pins, sources and flags.  The toolchain is pinned by C{go.mod}.
    """
    digest = hashlib.sha256(program.flags.encode())
    paths = {path for name in ("go.mod", "go.sum") if (path := program.module / name).exists()}
    for folder in program.sources:
        paths.update((program.module / folder).rglob("*.go"))
    for path in sorted(paths):
        digest.update(str(path.relative_to(program.module)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """
    Make everything; the exit code is 1 only where the programs are obligatory.
    """
    try:
        for name in PROGRAMS:
            print(binary(name))
    except Unavailable as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
