"""
The checkers find every bug that is planted in servers of our own, over PostgreSQL.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.histories.broken import BUGS
from tests.histories.play import Plan, play
from tests.histories.test_play import programs_or_skip

#: Which bugs, with commas between.
_CHOSEN = os.environ.get("ARK_TEST_BUGS", "all")
_SEEDS = ("1", "2", "3")


class BrokenTests(TestCase):
    """
    Histories that broken servers play.
    """

    timeout = 1800

    async def test_every_bug_is_found(self) -> None:
        """
        Each of the twelve, in one short history, by whatever it is first seen.
        """
        programs = programs_or_skip()
        for bug in BUGS if _CHOSEN == "all" else _CHOSEN.split(","):
            for seed in _SEEDS:
                # The fewer objects, the sooner two meet at one.
                plan = Plan(BUGS[bug][1], seed, seconds=7.5, watchers=24, rate=400, broken=bug, kinds=1)
                folder = Path(self.mktemp())
                folder.mkdir(parents=True)
                report = await deferToThread(play, plan, reactor, programs, folder.resolve())
                # On a machine that is busy otherwise too little may happen for a bug to be in it.
                if report.faults or report.counts:
                    break
            self.assertTrue(report.faults, f"{bug} was not found: {report.line()}")
            # It is for the checkers to find; a server that falls over is broken in another way.
            self.assertEqual([fault for fault in report.faults if "traceback" in fault], [], bug)
            print(f"\n    {bug}: {len(report.faults)} faults, as {report.faults[0][:140]}", end=" ")
