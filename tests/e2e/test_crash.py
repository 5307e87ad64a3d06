"""
Histories across SIGKILL: the checker finds what it should, and our server gives it nothing to find.
"""

from __future__ import annotations

import os
import random

from twisted.trial.unittest import TestCase

from tests.cluster.ark import ArkServer
from tests.cluster.shared import obligatory
from tests.e2e.crash import crash
from tests.e2e.history import Event, Write, check_state, check_watch, check_writes

RUNS = int(os.environ.get("ARK_TEST_CRASHES", "3"))

LOG = [
    Event("ADDED", "a", "m1", 2),
    Event("MODIFIED", "a", "m2", 3),
    Event("ADDED", "b", "m3", 4),
    Event("DELETED", "a", "m2", 5),
]
WRITES = [
    Write("create", "a", "m1", 2, True),
    Write("update", "a", "m2", 3, True),
    Write("create", "b", "m3", 0, False),
    Write("delete", "a", "", 0, True),
]


class CheckerTests(TestCase):
    """
    Each kind of broken promise is found.
    """

    def test_true_histories_pass(self) -> None:
        """
        A write without an answer may be in the log.
        """
        self.assertEqual(check_writes(WRITES, LOG), [])
        self.assertEqual(check_watch(LOG[1:], LOG), [])
        self.assertEqual(check_state([Event("ADDED", "b", "m3", 4)], LOG), [])

    def test_lost_write_is_found(self) -> None:
        """
        An acknowledged write that the log does not hold.
        """
        self.assertTrue(check_writes(WRITES, [LOG[0], *LOG[2:]]))

    def test_lost_deletion_is_found(self) -> None:
        """
        An acknowledged delete that the log does not hold.
        """
        self.assertTrue(check_writes(WRITES, LOG[:3]))

    def test_reused_revision_is_found(self) -> None:
        """
        A write that the log holds under another revision than was told.
        """
        self.assertTrue(check_writes(WRITES, [LOG[0], LOG[1]._replace(revision=9), *LOG[2:]]))

    def test_missing_doubled_and_disordered_events_are_found(self) -> None:
        """
        A watcher that did not hear the log as it is.
        """
        self.assertTrue(check_watch([LOG[0], *LOG[2:]], LOG))
        self.assertTrue(check_watch([LOG[0], LOG[0], *LOG[1:]], LOG))
        self.assertTrue(check_watch([LOG[1], LOG[0]], LOG))

    def test_state_that_the_log_does_not_give_is_found(self) -> None:
        """
        A list that shows what was deleted.
        """
        self.assertTrue(check_state([Event("ADDED", "a", "m2", 3), Event("ADDED", "b", "m3", 4)], LOG))


class CrashTests(TestCase):
    """
    SIGKILL under eight writers and four watchers.
    """

    timeout = 300

    def test_nothing_acknowledged_is_lost(self) -> None:
        """
        After each kill the log holds every acknowledged write once, and each watcher heard exactly the log.
        """
        server = obligatory(lambda: ArkServer().start())
        self.addCleanup(server.remove)
        for run in range(RUNS):
            outcome = crash(server, f"trial-{run}", random.Random(run).uniform(0.3, 1.5))
            self.assertEqual([], outcome.faults)
            self.assertGreater(outcome.writes, 50)
