"""
Our server against kube-apiserver: several thousand requests, no difference that is not explained.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import TestCase

from tests.cluster.cluster import read_definitions
from tests.cluster.shared import ark, definitions, oracle
from tests.differential.accepted import read_accepted, split
from tests.differential.kinds import read_kinds
from tests.differential.report import report
from tests.differential.run import NO_CONTROLLERS, program, run

SEED = int(os.environ.get("ARK_TEST_SEED", "1"))


class DifferentialTests(TestCase):
    """
    What is different on purpose stands in C{docs/reference/differences.md}.
    """

    timeout = 900

    def test_every_remaining_difference_is_listed(self) -> None:
        """
        Codes, reasons, messages, causes, headers and bodies are equal or on the list of accepted differences.
        """
        kinds = read_kinds(read_definitions(*definitions()))
        result = run(
            oracle().endpoint,
            ark(controllers=NO_CONTROLLERS).endpoint,
            program(kinds, SEED),
        )
        self.assertGreater(result.requests, 3000)
        left_over, _ = split(result.differences, read_accepted())
        self.assertEqual([], left_over[:1], f"seed {SEED}\n{report(left_over)}")
