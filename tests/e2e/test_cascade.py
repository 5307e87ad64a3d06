"""
Deletion of owners: the same becomes of their dependents as in Kubernetes.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.cluster.shared import ark, oracle
from tests.e2e.__main__ import CONTROLLERS
from tests.e2e.cascade import add_tests


class CascadeTests(TestCase):
    """
    21.4: one test a scenario.
    """

    timeout = 600


add_tests(CascadeTests, lambda: (oracle(controllers=CONTROLLERS).endpoint, ark(1).endpoint))
