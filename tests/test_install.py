"""
What C{make install} does to the machine, and to the checkout that it is said in.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.test_plugins import copied


class InstallTests(SynchronousTestCase):
    """
    C{make install}, without what the package asks for: that is this environment's.
    """

    def setUp(self) -> None:
        """
        A checkout in which something was built before, and a place to install to.
        """
        if which("make") is None:
            raise SkipTest("make is not here")
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checkout = copied(Path(folder.name).resolve() / "checkout")
        left = self.checkout / "build" / "lib" / "ark" / "left.py"
        left.parent.mkdir(parents=True)
        left.touch()
        self.place = Path(folder.name).resolve() / "place"
        self.environ = {**os.environ, "PIP_NO_DEPS": "1", "PIP_NO_COMPILE": "1"}
        self.environ["PIP_NO_BUILD_ISOLATION"] = "0"
        self.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))

    def install(self, *variables: str) -> None:
        """
        Say it.
        """
        command = ["make", "install", f"PYTHON={sys.executable}", *variables]
        said = subprocess.run(
            command, cwd=self.checkout, env=self.environ, capture_output=True, text=True, check=False
        )
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def version(self, program: Path) -> str:
        """
        The first line that the installed program says of itself.
        """
        said = subprocess.run(
            [program, "--version"], cwd="/", env=self.environ, capture_output=True, text=True, check=False
        )
        return (said.stdout + said.stderr).partition("\n")[0]

    def test_nothing_is_left_in_the_checkout(self) -> None:
        """
        Who installs is often root, and whoever has the checkout could not write there afterwards.  And what was
        built there before does not become part of what is installed.
        """
        before = sorted(self.checkout.rglob("*"))
        self.install(f"PREFIX={self.place}")
        self.assertEqual(sorted(self.checkout.rglob("*")), before)
        self.assertRegex(self.version(self.place / "bin" / "ark-server"), r"^ark-server \d")
        self.assertEqual(list(self.place.rglob("left.py")), [])

    def test_what_is_put_together_elsewhere_runs_where_it_goes(self) -> None:
        """
        C{DESTDIR} is where packagers collect files; no program says that it is run from there.
        """
        self.install(f"DESTDIR={self.place}", "PREFIX=/usr/local")
        programs = self.place / "usr" / "local" / "lib" / "ark-apiserver" / "bin"
        first, _, _ = (programs / "ark-server").read_text().partition("\n")
        self.assertIn("/usr/local/lib/ark-apiserver/bin/python", first)
        self.assertNotIn(str(self.place), first)
        linked = os.readlink(self.place / "usr" / "local" / "bin" / "ark-server")
        self.assertEqual(linked, "/usr/local/lib/ark-apiserver/bin/ark-server")
