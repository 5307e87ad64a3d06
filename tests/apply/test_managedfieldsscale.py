"""
Tests for L{ark.apply.managedfieldsscale}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.managedfieldsscale import ScaleEntries
from tests.apply.owners import V1, V2, History


class ScaleTests(SynchronousTestCase):
    """
    The count of replicas has one owner, in the object and in its scale.
    """

    def setUp(self) -> None:
        """
        An object whose count C{m} has set.
        """
        self.history = History()
        self.history.apply("m", {"a": "x", "replicas": 1})
        self.entries = ScaleEntries(V1, {V1: (("f", "spec"), ("f", "replicas")), V2: ()}.get)

    def test_owners_are_those_of_the_object(self) -> None:
        """
        Others do not show.
        """
        self.history.apply("n", {"b": "x"})
        (entry,) = self.entries.of_scale(self.history.managed).members()
        self.assertEqual((entry["manager"], entry["apiVersion"]), ("m", "autoscaling/v1"))
        self.assertEqual(entry["fieldsV1"], {"f:spec": {"f:replicas": {}}})

    def test_who_scales_takes_it_from_the_object(self) -> None:
        """
        The owner keeps the rest; what did not change hands stays as it was.
        """
        unchanged = self.entries.of_scale(self.history.managed)
        self.assertEqual(
            self.entries.of_object(self.history.managed, unchanged).members(),
            self.history.managed.members(),
        )
        scaled = History()
        scaled.apply("s", {"replicas": 1})
        (other,) = self.entries.of_scale(scaled.managed).entries.items()
        managed = self.entries.of_object(self.history.managed, type(self.history.managed)(dict([other])))
        self.history.managed = managed
        self.assertEqual(self.history.fields("m"), {"f:spec": {"f:a": {}}})
        self.assertEqual(self.history.fields("s"), {"f:spec": {"f:replicas": {}}})

    def test_who_is_told_of_twice_is_not_after_the_next_write(self) -> None:
        """
        Who sets the count in a scale, and members in the object, has two entries then. Any write, whatever
        it changes, leaves the one that counts.
        """
        managed = {}
        for way in ("update", "apply"):
            history = History()
            history.update("m", {"a": "x", "replicas": 1})
            history.apply("n", {"replicas": 1})
            scale = History()
            scale.update("m", {"replicas": 1})
            history.managed = self.entries.of_object(history.managed, self.entries.of_scale(scale.managed))
            self.assertEqual([entry["manager"] for entry in history.managed.members()].count("m"), 2)
            if way == "apply":
                history.apply("o", {})
            else:
                history.update("m", {"a": "x", "replicas": 1})
            managed[way] = [entry["manager"] for entry in history.managed.members()]
        self.assertEqual(managed, {"update": ["m"], "apply": ["o", "m"]})
