"""
Three servers on one PostgreSQL while something goes wrong: clients and watchers are told nothing that cannot be.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from tests.cluster.build import REPOSITORY, Unavailable, binary
from tests.histories.faults import POSSIBLE
from tests.histories.play import Plan, play
from tests.storage.postgresqlserver import find_programs

#: Which faults, with commas between; C{all} for each once.
_CHOSEN = os.environ.get("ARK_TEST_FAULTS", "kill")
_SEED = os.environ.get("ARK_TEST_SEED", "1")


def programs_or_skip() -> Path:
    """
    Where PostgreSQL is, if all can be had that a history needs.
    """
    programs = find_programs()
    if programs is None:
        raise SkipTest("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
    try:
        binary("porcupine")
        binary("toxiproxy")
        binary("crowd")
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error
    return programs


class HistoryTests(TestCase):
    """
    Histories as C{python -m tests.histories} plays them, but short.
    """

    timeout = 1800

    async def test_nothing_is_told_that_cannot_be(self) -> None:
        """
        Of every fault that is asked for.
        """
        programs = programs_or_skip()
        for fault in POSSIBLE if _CHOSEN == "all" else _CHOSEN.split(","):
            plan = Plan(fault, _SEED, seconds=12, watchers=40, rate=200)
            folder = Path(self.mktemp())
            folder.mkdir(parents=True)
            report = await deferToThread(play, plan, reactor, programs, folder.resolve())
            self.assertEqual([], report.faults, f"{fault}, seed {_SEED}: {report.line()}")
            self.assertGreater(report.figures["writes"], 50)
            self.assertGreater(report.figures["events"], 100)


class CommandTests(SynchronousTestCase):
    """
    C{python -m tests.histories} itself.
    """

    timeout = 180

    def test_a_signal_ends_it_and_all_that_it_started(self) -> None:
        """
        Both that of a terminal and that of a supervisor, in the middle of a history.
        """
        programs_or_skip()
        # PostgreSQL may run as somebody else, who must be able to enter it.
        folder = Path(mkdtemp(prefix="ark-histories-"))
        self.addCleanup(rmtree, folder)
        folder.chmod(0o755)
        command = [sys.executable, "-m", "tests.histories", "--fault=none", "--seconds=300", "--watchers=4"]
        for number in (signal.SIGINT, signal.SIGTERM):
            running = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "TMPDIR": str(folder)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                deadline = time.monotonic() + 90
                while not {"ark-server", "postgres", "crowd"} <= self._running(folder):
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.1)
                running.send_signal(number)
                _, error = running.communicate(timeout=60)
            finally:
                running.kill()
                running.wait()
            self.assertEqual(running.returncode, 130, error)
            self.assertIn("everything that was started is stopped", error)
            self.assertEqual(self._running(folder), set())
            self.assertEqual(list(folder.iterdir()), [])

    def _running(self, folder: Path) -> set[str]:
        """
        The programs that run with something of a folder.
        """
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(str(folder) in word for word in words):
                known = ("ark-server", "postgres", "crowd")
                found |= {name for name in known for word in words if word.endswith(name)}
        return found
