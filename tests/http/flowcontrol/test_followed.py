"""
Tests of L{ark.http.flowcontrol.followed}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.cluster.memory import MemoryCluster
from ark.http.flowcontrol.control import FlowControl
from ark.http.flowcontrol.followed import LEVELS, SCHEMAS, FollowedFlows


def _level(name: str, shares: int, **queuing: int) -> dict[str, Any]:
    limited = {
        "nominalConcurrencyShares": shares,
        "limitResponse": {"type": "Queue", "queuing": queuing},
    }
    return {"metadata": {"name": name}, "spec": {"type": "Limited", "limited": limited}}


class FollowedFlowsTests(SynchronousTestCase):
    """
    What a cluster says of priority and fairness (contract 17.2).
    """

    def setUp(self) -> None:
        """
        A cluster with a level and a schema.
        """
        clock = Clock()
        self.cluster = MemoryCluster(clock)
        self.control = FlowControl(100, clock, lambda group, plural: 0)
        self.cluster.put(LEVELS, _level("ours", 95, queues=8, handSize=2, queueLengthLimit=5))
        spec = {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "ours"}}
        self.cluster.put(SCHEMAS, {"metadata": {"name": "ours"}, "spec": spec})
        self.followed = FollowedFlows(self.cluster, self.control)

    def test_the_cluster_says(self) -> None:
        """
        Its levels and schemas count, and those that there must always be.
        """
        self.followed.start()
        self.addCleanup(self.followed.stop)
        nominal = {name: level.nominal for name, level in self.control.levels.items()}
        self.assertEqual(nominal, {"exempt": 0, "catch-all": 5, "ours": 95})
        names = [schema.name for schema in self.control._schemas]
        self.assertEqual(names, ["exempt", "ours", "catch-all"])
        self.cluster.put(LEVELS, _level("ours", 5, queues=8, handSize=2, queueLengthLimit=5))
        self.assertEqual(self.control.levels["ours"].nominal, 50)

    def test_as_in_a_new_cluster_until_it_says(self) -> None:
        """
        While it cannot be reached, or read, the defaults count.
        """
        self.cluster.down = True
        self.followed.start()
        self.addCleanup(self.followed.stop)
        self.assertIn("workload-low", self.control.levels)

    def test_what_makes_no_sense_does_not_count(self) -> None:
        """
        One object that cannot be used leaves the others in force.
        """
        self.cluster.put(LEVELS, _level("bad", 5, queues=2, handSize=5, queueLengthLimit=5))
        self.followed.start()
        self.addCleanup(self.followed.stop)
        self.assertEqual(set(self.control.levels), {"exempt", "catch-all", "ours"})
