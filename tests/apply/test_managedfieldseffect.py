"""
Tests for L{ark.apply.managedfieldseffect}: what writes did to owners is known again.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldtracker import ANCIENT, MAX_UPDATE_MANAGERS
from tests.apply.owners import OFTEN, SPEC, TEXT, V1, V2, History, Trackers, schema_of


class RememberedTests(SynchronousTestCase):
    """
    What earlier writes to other objects did to owners is not used where it does not hold.
    """

    def setUp(self) -> None:
        """
        Many objects of one kind, and one more.
        """
        trackers = Trackers()
        self.earlier = [History(trackers=trackers) for _ in range(OFTEN)]
        self.other = History(trackers=trackers)
        self.versions = trackers.versions

    def write(self, manager: str, spec: Any, **members: Any) -> None:
        """
        Write the same to the many.
        """
        for history in self.earlier:
            history.update(manager, spec, **members)

    def write_all(self, manager: str, spec: Any, **members: Any) -> None:
        """
        Write the same to all, who have the same owners then.
        """
        self.write(manager, spec, **members)
        self.other.update(manager, spec, **members)
        self.assertEqual({history.managed.text for history in self.earlier}, {self.other.managed.text})

    def test_times_are_those_of_the_object(self) -> None:
        """
        Entries that are alike but for the time stay as old as they are.
        """
        self.other.second = 30
        for manager, spec in (("m", {"a": "x"}), ("n", {"a": "x", "b": "x"}), ("m", {"a": "y", "b": "x"})):
            self.write(manager, spec)
            self.other.update(manager, spec)
        for history, wanted in ((self.earlier[-1], ["01", "02"]), (self.other, ["31", "32"])):
            self.assertEqual([entry["time"][-3:-1] for entry in history.managed.members()], wanted)

    def test_order_is_that_of_the_times(self) -> None:
        """
        Who has written last stands last.
        """
        self.write_all("m", {"a": "x"})
        self.write_all("n", {"a": "x", "b": "x"})
        for manager, last in (("m", "y"), ("n", "y"), ("m", "z")):
            self.write_all(manager, {"a": last, "b": last} if manager == "n" else {"a": last, "b": "x"})
            self.assertEqual(self.other.managed.members()[-1]["manager"], manager)

    def test_another_writer_is_another_owner(self) -> None:
        """
        The same change by somebody else is theirs, and through a subresource another entry.
        """
        self.write_all("m", {"a": "x"})
        self.write("m", {"a": "y"})
        self.other.update("n", {"a": "y"})
        self.assertEqual(self.other.fields("n", "Update"), {"f:spec": {"f:a": {}}})
        self.assertEqual(self.other.fields("m", "Update"), {"f:spec": {}})
        self.write("m", {"a": "y"}, status={"phase": "x"})
        self.other.update("m", {"a": "y"}, subresource="status", status={"phase": "x"})
        status = {"f:status": {".": {}, "f:phase": {}}}
        self.assertIsNone(self.earlier[-1].fields("m", "Update", subresource="status"))
        self.assertEqual(self.other.fields("m", "Update", subresource="status"), status)

    def test_who_changes_the_same_again_owns_no_more(self) -> None:
        """
        Not what holds it either, which somebody else has made.
        """
        self.write_all("m", {"a": "x"})
        for value in "yzyz" * OFTEN:
            self.write_all("n", {"a": value})
            self.assertEqual(self.other.fields("n", "Update"), {"f:spec": {"f:a": {}}})

    def test_what_is_not_written_is_looked_at_each_time(self) -> None:
        """
        Values that do not fit look like others that do.
        """
        self.write_all("m", {"a": "x"})
        self.write("m", {"a": "y"}, status={"phase": "x"})
        self.assertEqual(self.other.update("m", {"a": "y"}, status={"phase": []}), [])

    def test_entries_of_other_versions_are_compared_in_them(self) -> None:
        """
        However often the same was written.
        """
        for history in self.earlier:
            history.update("m", {"first": "x"}, V2)
            history.update("n", {"a": "y"})
            self.assertEqual(history.fields("m", "Update", V2), {"f:spec": {}})
            self.assertEqual(history.fields("n", "Update"), {"f:spec": {"f:a": {}}})

    def test_schema_that_has_changed_is_asked(self) -> None:
        """
        Also where nothing changes but what the schema says of the entries.
        """
        for value in "122":
            self.write_all("m", {"map": {"x": value}})
        self.write("m", {"map": {"x": "3"}})
        whole = {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": TEXT}
        self.versions.schemas[V1] = schema_of({**SPEC, "map": whole})
        unchanged, *_ = self.earlier
        unchanged.update("m", {"map": {"x": "3"}})
        self.other.update("m", {"map": {"x": "3"}})
        for history in (unchanged, self.other):
            self.assertEqual(history.fields("m", "Update"), {"f:spec": {".": {}, "f:map": {}}})

    def test_too_many_updaters_are_put_together_by_their_times(self) -> None:
        """
        The oldest of each object, although all have done the same.
        """
        managers = [f"m{index:02}" for index in range(MAX_UPDATE_MANAGERS)]
        for history in (*self.earlier, self.other):
            history.update("m", {"b": "x"})
            labels = {}
            for manager in managers[::-1] if history is self.other else managers:
                labels[manager] = "x"
                history.update(manager, {"b": "x"}, metadata={"name": "t", "labels": dict(labels)})
        for history, kept in ((self.earlier[-1], managers[1:]), (self.other, managers[:-1])):
            found = {entry["manager"] for entry in history.managed.members()}
            self.assertEqual(found, {ANCIENT, *kept})
