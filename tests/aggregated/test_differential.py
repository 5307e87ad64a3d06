"""
The generated requests of L{tests.differential} through kube-apiserver: the same answers whether the kinds are ours
or definitions.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.cluster.cluster import read_definitions
from tests.cluster.shared import aggregated, definitions, oracle
from tests.differential.accepted import read_accepted, split
from tests.differential.kinds import read_kinds
from tests.differential.report import report
from tests.differential.run import program, run

SEED = int(os.environ.get("ARK_TEST_SEED", "1"))
TOPICS = (
    "creates",
    "metadata",
    "schemas",
    "updates",
    "patches",
    "subresources",
    "deletes",
    "lists",
    "selectors",
    "pages",
    "negotiation",
    "watching",
    "limits",
    "applies",
    "owners",
    "rules",
    "walk",
    "impersonation",
    "cases",
)
"""
Those about kinds that can be ours.
"""

_ACCEPTED = Path(__file__).with_name("accepted.yaml")


class DifferentialTests(TestCase):
    """
    What a client of kube-apiserver sees of us.
    """

    timeout = 900

    def test_every_remaining_difference_is_listed(self) -> None:
        """
        What is different on purpose, or because kube-apiserver stands between, is all that is different.
        """
        kinds = read_kinds(read_definitions(*definitions()))
        ours = aggregated(controllers=()).endpoint
        result = run(oracle().endpoint, ours, program(kinds, SEED, TOPICS))
        self.assertGreater(result.requests, 3000)
        left_over, _ = split(result.differences, [*read_accepted(), *read_accepted(_ACCEPTED)])
        self.assertEqual([], left_over[:1], f"seed {SEED}\n{report(left_over)}")
