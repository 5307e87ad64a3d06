"""
Deletion of owners, by the cluster's own garbage collector: the same becomes of dependents whether they are ours or
definitions, with owners and dependents on both sides.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.cluster.shared import CONTROLLERS, aggregated, oracle
from tests.e2e.cascade import add_tests


class CascadeTests(TestCase):
    """
    One test a scenario of L{tests.e2e.cascade}.
    """

    timeout = 600


add_tests(CascadeTests, lambda: (oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint))
