"""
Tests of memory after a start.
"""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from ark.memory import settle


class SettleTests(SynchronousTestCase):
    """
    L{ark.memory.settle}.
    """

    def test_collector_leaves_requests_alone(self) -> None:
        """
        The collector does not look so often that most of what it finds belongs to requests under
        way, and does look.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        settle()
        of_a_request, under_way = 50, 64
        self.assertGreater(gc.get_threshold()[0], of_a_request * under_way)
        self.assertIs(gc.isenabled(), True)
