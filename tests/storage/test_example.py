"""
The backend of C{docs/examples} is what its page says: it can be installed, it is found, and
it keeps the contract.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

from twisted.trial.unittest import SynchronousTestCase

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "ark-journal"
_MOST_LINES = 300
_ASK = """
from ark.storage.registry import storage_factories
factory = storage_factories()["journal"]
import ark_journal
print(ark_journal.__file__)
print(factory.summary)
"""


class ExampleTests(SynchronousTestCase):
    """
    The example as a third party's package.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        Make a wheel of a copy, and install it into a folder of its own.
        """
        self.folder = Path(self.mktemp()).resolve()
        copytree(
            EXAMPLE, self.folder / "source", ignore=ignore_patterns("build", "*.egg-info", "__pycache__")
        )
        self.site = self.folder / "site"
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        self.run_to_end([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", "wheels", "./source"])
        (wheel,) = (self.folder / "wheels").glob("ark_journal-*-py3-none-any.whl")
        self.run_to_end([*pip, "install", "--no-deps", "--no-index", "--target", str(self.site), str(wheel)])

    def run_to_end(self, command: list[str]) -> str:
        """
        What a program prints, whose success is a part of the test.
        """
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(self.site), *sys.path))}
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_it_is_found_and_keeps_the_contract(self) -> None:
        """
        The server finds it by its word, and the conformance tests pass, along with its own.
        """
        where, summary = self.run_to_end([sys.executable, "-W", "ignore", "-c", _ASK]).splitlines()
        self.assertTrue(Path(where).is_relative_to(self.site), where)
        self.assertIn("appended to", summary)
        tests = self.folder / "source" / "tests" / "test_journal.py"
        told = self.run_to_end([sys.executable, "-m", "twisted.trial", str(tests)])
        self.assertIn("test_random_history", told)
        self.assertIn("PASSED", told)

    def test_it_is_short(self) -> None:
        """
        Short enough to be read in one go.
        """
        files = [*EXAMPLE.glob("ark_journal/*.py"), *EXAMPLE.glob("twisted/plugins/*.py")]
        self.assertLess(sum(len(path.read_text().splitlines()) for path in files), _MOST_LINES)
