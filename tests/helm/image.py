"""
The image, built and run with what a machine allows: Buildah, a base of Debian's packages in place of the one that
the Dockerfile names, and a file system that is read-only but for its volumes.

Nothing here needs a daemon, a registry of images or control groups; it needs root.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any
from unittest import SkipTest

from tests.helm.chart import REPOSITORY
from tests.programs import NotInstalled, Programs

BUILDAH = Programs("Buildah", "buildah mmdebstrap", ("buildah", "mmdebstrap"))
BASE = "localhost/ark-base"
IMAGE = "localhost/ark-apiserver:test"
_CACHE = REPOSITORY / ".cache" / "images"
_PACKAGES = "python3-venv,python3-pip,ca-certificates"
_AUTHORITIES = Path("/etc/ssl/certs")
_PIP_SETTINGS = ("index-url", "extra-index-url", "cert", "proxy", "trusted-host")


class NotBuilt(Exception):
    """
    A step failed; the message is what it said.
    """


class Image:
    """
    The image of this checkout.

    @ivar config: its configuration, by the names of the OCI image specification.
    @ivar root: its files.
    """

    config: dict[str, Any]
    root: Path

    def __init__(self, folder: Path) -> None:
        """
        @param folder: for files that builds need.
        """
        self._folder = folder
        self._name = f"ark-test-{os.getpid()}"
        _CACHE.mkdir(parents=True, exist_ok=True)
        settings = f'[storage]\ndriver = "vfs"\ngraphroot = "{_CACHE}/store"\nrunroot = "{_CACHE}/run"\n'
        configuration = folder / "storage.conf"
        configuration.write_text(settings)
        self._environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(configuration)}

    def build(self) -> None:
        """
        Build it with C{make image} and mount its files.

        @raise NotBuilt: it cannot be built.
        """
        with _alone():
            self._ensure_base()
            mounts = {_AUTHORITIES: _AUTHORITIES, self._pip_settings(): Path("/etc/pip.conf")}
            volumes = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
            flags = [
                "--isolation=chroot",
                "--pull-never",
                "--format=docker",
                f"--build-arg=BASE={BASE}",
                *volumes,
            ]
            self._run("make", "image", "BUILDERS=buildah", f"IMAGE={IMAGE}", f"ARGS={' '.join(flags)}")
            self._buildah("from", "--pull-never", "--name", self._name, IMAGE)
            self.root = Path(self._buildah("mount", self._name).strip())
            self.config = json.loads(self._buildah("inspect", "--type=image", IMAGE))["Docker"]["config"]

    def remove(self) -> None:
        """
        Drop it; its base stays for the next time.
        """
        for words in (("umount", self._name), ("rm", self._name), ("rmi", "--prune", IMAGE), ("rmi", IMAGE)):
            subprocess.run(["buildah", *words], env=self._environment, capture_output=True, check=False)

    def layer_size(self, path: str) -> int:
        """
        How many bytes a folder takes in a registry.
        """
        packed = f"tar -C {quote(str(self.root))} -c {quote(path.lstrip('/'))} | gzip -6 | wc -c"
        return int(self._run("sh", "-c", packed))

    def command(
        self, data: Path, *words: str, entrypoint: Sequence[str] | None = None, variables: Sequence[str] = ()
    ) -> list[str]:
        """
        What runs it with a folder as its volume, on the network of this machine.

        Its user is the one of the image, without capabilities and without a way to more; its files are read-only
        but for the volume and 16 MiB in C{/tmp}.

        @param entrypoint: another program of the image.
        @param variables: C{NAME=value}, beside those of the image.
        """
        program = self.config["Entrypoint"] if entrypoint is None else entrypoint
        return self.confined({"/data": data}, [*program, *words], variables)

    def confined(
        self, mounts: Mapping[str, Path], program: Sequence[str], variables: Sequence[str] = ()
    ) -> list[str]:
        """
        The same with any number of volumes, where they are in the image: there must be such a folder, unless
        it is in C{/var/run}.
        """
        user, _, group = self.config["User"].partition(":")
        root = quote(str(self.root))
        drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
        drop += ["--inh-caps=-all", "--bounding-set=-all"]
        known = [*self.config["Env"], *variables]
        inside = ["env", "-i", f"--chdir={self.config['WorkingDir']}", *known, *drop, *program]
        steps = [
            "mount --make-rprivate /",
            f"mount --bind {root} {root}",
            f"mount -t tmpfs -o size=16m,mode=1777 tmpfs {root}/tmp",
            f"mount -t tmpfs -o size=1m,mode=755 tmpfs {root}/run",
            f"mount --bind /dev {root}/dev",
            f"mount --bind /proc {root}/proc",
        ]
        for place, folder in mounts.items():
            # From outside, the link from /var/run would lead out of the image.
            target = f"{root}{quote(place.replace('/var/run/', '/run/'))}"
            steps += [f"mkdir -p {target}", f"mount --bind {quote(str(folder))} {target}"]
        steps += [
            f"mount -o remount,ro,bind {root}",
            f"exec chroot {root} {' '.join(map(quote, inside))}",
        ]
        return ["unshare", "--mount", "sh", "-c", " && ".join(steps)]

    def _ensure_base(self) -> None:
        if self._buildah("images", "--format={{.Name}}").split().count(BASE):
            return
        print("Making a base for images out of packages", file=sys.stderr, flush=True)
        files = self._folder / "base.tar"
        self._run("mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", _codename(), str(files))
        container = self._buildah("from", "scratch").strip()
        root = self._buildah("mount", container).strip()
        self._run("tar", "-C", root, "-xf", str(files))
        self._buildah(
            "config", "--env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container
        )
        self._buildah("commit", "--quiet", "--rm", container, BASE)
        files.unlink()

    def _pip_settings(self) -> Path:
        """
        How pip gets packages on this machine, for the build to do the same.
        """
        printed = self._run(sys.executable, "-m", "pip", "config", "list")
        found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
        kept = {name.rpartition(".")[2]: value.strip("'") for name, value in found.items()}
        lines = [f"{name} = {kept[name]}" for name in _PIP_SETTINGS if name in kept]
        path = self._folder / "pip.conf"
        path.write_text("\n".join(["[global]", *lines, ""]))
        return path

    def _buildah(self, *words: str) -> str:
        return self._run("buildah", *words)

    def _run(self, *words: str) -> str:
        return run(words, self._environment)


@cache
def built() -> Image:
    """
    One image for all tests.

    @raise SkipTest: it cannot be built here.
    """
    require_builder()
    files = Path(tempfile.mkdtemp(prefix="ark-image-"))
    atexit.register(shutil.rmtree, files, ignore_errors=True)
    image = Image(files)
    atexit.register(image.remove)
    image.build()
    return image


def run(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """
    What a command prints.

    @raise NotBuilt: it ended badly.
    """
    done = subprocess.run(
        words,
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise NotBuilt(f"{' '.join(words[:3])} ended with {done.returncode}: {last}")
    return done.stdout


def require_builder() -> None:
    """
    For tests that build.

    @raise SkipTest: nothing can be built here.
    """
    if os.geteuid() != 0:
        raise SkipTest("building and running an image without a daemon needs root")
    try:
        BUILDAH.require()
    except NotInstalled as error:
        raise SkipTest(str(error)) from error


def _codename() -> str:
    """
    The release of the distribution whose packages are at hand.
    """
    lines = Path("/etc/os-release").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return found["VERSION_CODENAME"].strip('"')


@contextmanager
def _alone() -> Iterator[None]:
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
