"""
Tests for L{tests.run}: what counts as failed, and that no test is forgotten.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from unittest import TestCase, TestResult

from twisted.python.modules import getModule
from twisted.trial.unittest import SynchronousTestCase

from tests.lanes import Ended
from tests.run import Told, Totals, count, read_result, report, skipped, suites

WELL = Ended(0, 12.0, 7.5, [])


class SuitesTests(SynchronousTestCase):
    """
    Which tests are run.
    """

    def test_every_module_is_in_one_suite(self) -> None:
        """
        All that Trial would find below C{tests}, and nothing twice.
        """
        listed = sorted(module for modules in suites().values() for module in modules)
        found = (one.name for one in getModule("tests").walkModules())
        self.assertEqual(listed, sorted(name for name in found if name.split(".")[-1].startswith("test_")))

    def test_unit_tests_begin(self) -> None:
        """
        They tell most, and what measures comes last.
        """
        names = list(suites())
        self.assertEqual(names[0], "unit")
        self.assertEqual(names[-2:], ["timed", "histories"])
        self.assertNotIn("tests.e2e.test_overload", suites()["e2e"])


class ResultTests(SynchronousTestCase):
    """
    What a suite's process hands back.
    """

    def read(self, how: Ended = WELL, totals: tuple[int, int, int] = (3, 0, 1)) -> Told:
        """
        What is told of a process that has written its result.
        """
        path = Path(self.mktemp())
        path.write_text(json.dumps({"totals": totals, "slowest": [[2.5, "tests.a"]]}))
        return read_result(path, how)

    def test_figures(self) -> None:
        """
        Counts, time and the slowest tests.
        """
        told = self.read()
        self.assertEqual(told, Told(Totals(3, 0, 1), [(2.5, "tests.a")], 12.0, 7.5))
        self.assertEqual(told.line(), "3 passed, 0 failed, 1 skipped; 12 s, processor 8 s")

    def test_what_is_left_behind_has_failed(self) -> None:
        """
        As one more test.
        """
        self.assertEqual(self.read(WELL._replace(left=["a", "b"])).totals, Totals(3, 1, 1))

    def test_a_run_that_broke_off_has_failed(self) -> None:
        """
        It has written nothing down.
        """
        self.patch(sys, "stdout", io.StringIO())
        self.assertEqual(read_result(Path(self.mktemp()), WELL._replace(code=-9)).totals, Totals(0, 1, 0))

    def test_the_slowest_of_all_suites(self) -> None:
        """
        In one list, before a line a suite.
        """
        totals = Totals(1, 0, 0)
        results = {
            "one": Told(totals, [(3.0, "a"), (1.0, "b")], 4.0, 1.0),
            "two": Told(totals, [(2.0, "c")], 2.0, 2.0),
        }
        self.assertEqual(
            list(report(results, 2)),
            [
                "The slowest tests, in seconds:",
                "    3.0 a",
                "    2.0 c",
                "one: 1 passed, 0 failed, 0 skipped; 4 s, processor 1 s",
                "two: 1 passed, 0 failed, 0 skipped; 2 s, processor 2 s",
            ],
        )
        self.assertEqual(len(list(report(results, 0))), 2)


class _Found(TestResult):
    """
    A result with a skipped test.
    """

    successes = 2

    def __init__(self, test: TestCase) -> None:
        super().__init__()
        self.skips = [(test, "no server")]


class CountTests(SynchronousTestCase):
    """
    Skipped tests.
    """

    def setUp(self) -> None:
        """
        A run of three tests.
        """
        self.result = _Found(self)

    def test_skipped_for_people(self) -> None:
        """
        A test that cannot run on a contributor's machine has not failed.
        """
        self.patch_ci("")
        self.assertEqual(count(self.result), Totals(2, 0, 1))
        self.assertEqual(list(skipped(self.result)), [f"skipped: {self.id()}: no server"])

    def test_skipped_in_a_pipeline(self) -> None:
        """
        There it has.
        """
        self.patch_ci("true")
        self.assertEqual(count(self.result), Totals(2, 1, 1))
        self.assertEqual(list(skipped(self.result)), [f"FAILED, as skipped in CI: {self.id()}: no server"])

    def patch_ci(self, value: str) -> None:
        """
        Set the variable for this test.
        """
        self.patch(os, "environ", {"CI": value})
