"""
Three servers on one PostgreSQL while something goes wrong: clients and watchers are told nothing that cannot be.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from tests.cluster.build import Unavailable, binary
from tests.histories.faults import FAULTS
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
        for fault in FAULTS if _CHOSEN == "all" else _CHOSEN.split(","):
            plan = Plan(fault, _SEED, seconds=12, watchers=40, rate=200)
            folder = Path(self.mktemp())
            folder.mkdir(parents=True)
            report = await deferToThread(play, plan, reactor, programs, folder.resolve())
            self.assertEqual([], report.faults, f"{fault}, seed {_SEED}: {report.line()}")
            self.assertGreater(report.figures["writes"], 50)
            self.assertGreater(report.figures["events"], 100)
