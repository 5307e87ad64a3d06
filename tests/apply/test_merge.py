"""
Tests for L{ark.apply.merge} and L{ark.apply.fieldtracker}.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldtracker import ANCIENT, BEFORE_FIRST_APPLY, MAX_UPDATE_MANAGERS
from ark.apply.lastapplied import LAST_APPLIED
from ark.meta.status import APIStatus
from tests.apply.owners import SPEC, TEXT, V1, V2, History, TwoVersions, schema_of


class UpdateTests(SynchronousTestCase):
    """
    Who owns what after writes that do not apply (contract 13.5).
    """

    def setUp(self) -> None:
        """
        Start without an object.
        """
        self.history = History()

    def test_creator_owns_what_it_sets_and_the_containers(self) -> None:
        """
        Also the maps and lists that it makes (contract 13.2), and nothing that the server
        knows itself (13.3).
        """
        self.history.update("m", {"a": "x", "set": ["v"]})
        wanted = {"f:spec": {".": {}, "f:a": {}, "f:set": {".": {}, 'v:"v"': {}}}}
        self.assertEqual(self.history.fields("m", "Update"), wanted)

    def test_creation_that_sets_nothing_has_no_entry(self) -> None:
        """
        There is nothing to own (contract 13.18).
        """
        self.assertEqual(self.history.update("m"), [])

    def test_who_changes_a_value_takes_it_over(self) -> None:
        """
        The others keep what stayed as it was.
        """
        self.history.update("m", {"a": "x", "b": "y"})
        self.history.update("n", {"a": "z", "b": "y"})
        self.assertEqual(self.history.fields("m", "Update"), {"f:spec": {".": {}, "f:b": {}}})
        self.assertEqual(self.history.fields("n", "Update"), {"f:spec": {"f:a": {}}})

    def test_equal_values_are_not_taken_over(self) -> None:
        """
        A write that changes nothing gives nobody anything, and is not dated.
        """
        before = self.history.update("m", {"a": "x"})
        self.assertEqual(self.history.update("n", {"a": "x"}), before)
        self.assertEqual(self.history.update("m", {"a": "x"}), before)

    def test_what_is_removed_belongs_to_nobody(self) -> None:
        """
        Whoever removes it; an entry without fields goes.
        """
        self.history.update("m", {"a": "x"})
        self.history.update("n", {"a": "x", "b": "y"})
        self.history.update("m", {"a": "x"})
        self.assertIsNone(self.history.fields("n", "Update"))

    def test_entries_of_one_manager_are_joined(self) -> None:
        """
        They are dated by the last write that gave it anything.
        """
        self.history.update("m", {"a": "x"})
        (entry,) = self.history.update("m", {"a": "x", "b": "y"})
        self.assertEqual(entry["time"], "2026-01-01T00:00:01Z")
        self.assertEqual(entry["fieldsV1"], {"f:spec": {".": {}, "f:a": {}, "f:b": {}}})

    def test_subresources_have_entries_of_their_own(self) -> None:
        """
        What a write does not reach it does not own (contract 13.7).
        """
        self.history.update("m", {"a": "x"}, status={"phase": "ignored"})
        self.assertEqual(self.history.fields("m", "Update"), {"f:spec": {".": {}, "f:a": {}}})
        self.history.live = self.history.thing(spec={"a": "x"})
        self.history.update("m", subresource="status", status={"phase": "x"})
        wanted = {"f:status": {".": {}, "f:phase": {}}}
        self.assertEqual(self.history.fields("m", "Update", subresource="status"), wanted)

    def test_no_more_than_ten_updaters_are_told_apart(self) -> None:
        """
        The oldest are put together (contract 13.6); appliers are not counted.
        """
        self.history.apply("applier", {"b": "x"})
        for index in range(MAX_UPDATE_MANAGERS + 2):
            labels = {f"l{number}": "x" for number in range(index + 1)}
            self.history.update(f"m{index:02}", {"b": "x"}, metadata={"name": "t", "labels": labels})
        managers = [entry["manager"] for entry in self.history.managed.members()]
        self.assertEqual(managers, ["applier", ANCIENT, *(f"m{index:02}" for index in range(3, 12))])
        ancient = self.history.fields(ANCIENT, "Update")["f:metadata"]["f:labels"]
        self.assertEqual(ancient, {".": {}, "f:l0": {}, "f:l1": {}, "f:l2": {}})

    def test_what_does_not_fit_is_owned_by_nobody(self) -> None:
        """
        No entries are better than wrong ones.
        """
        self.history.update("m", {"a": "x", "items": [{"name": "n"}]})
        self.assertEqual(self.history.update("m", {"a": "x", "items": [5]}), [])

    def test_what_is_not_written_has_to_fit_too(self) -> None:
        """
        Or it is as with what is written.
        """
        self.history.update("m", {"a": "x"})
        self.assertEqual(self.history.update("m", {"a": "y"}, status={"phase": []}), [])

    def test_unknown_manager(self) -> None:
        """
        A manager without a name has one all the same (contract 13.4).
        """
        self.assertEqual(self.history.update("", {"a": "x"})[0]["manager"], "unknown")


class RequestedTests(SynchronousTestCase):
    """
    Entries that clients write themselves (contract 13.8).
    """

    def setUp(self) -> None:
        """
        Start with an object of C{m}.
        """
        self.history = History()
        self.before = self.history.update("m", {"a": "x"})

    def asked(self, entries: Any, **members: Any) -> list[dict[str, Any]]:
        """
        The entries after an update that asks for some.
        """
        metadata = {"name": "t", "managedFields": entries}
        return self.history.update("n", members.pop("spec", {"a": "x"}), metadata=metadata, **members)

    def test_entries_replace_those_there_are(self) -> None:
        """
        So owners can be dropped.
        """
        wanted = [{**self.before[0], "manager": "other"}]
        self.assertEqual(self.asked(wanted), wanted)

    def test_none_or_an_empty_one_forgets_all(self) -> None:
        """
        From then on nothing is tracked until something is applied.
        """
        self.assertEqual(self.asked([{}]), [])
        self.assertEqual(self.history.update("m", {"a": "y"}), [])
        self.history.apply("applier", {"b": "x"})
        wanted = {"f:spec": {".": {}, "f:a": {}}}
        self.assertEqual(self.history.fields(BEFORE_FIRST_APPLY, "Update"), wanted)

    def test_what_means_nothing_is_not_looked_at(self) -> None:
        """
        A client that does not know better loses nothing.
        """
        self.assertEqual(self.asked([{"manager": "x"}]), self.before)
        self.assertEqual(self.asked(None), self.before)

    def test_subresources_do_not_take_them(self) -> None:
        """
        They are the main resource's.
        """
        self.history.live = self.history.thing(spec={"a": "x"})
        live = copy.deepcopy(self.history.live)
        new = {**live, "metadata": {"name": "t", "managedFields": [{}]}, "status": {"phase": "x"}}
        tracker = self.history.tracker(subresource="status")
        managed = tracker.update(live, new, self.history.managed, "s")
        self.assertEqual([entry["manager"] for entry in managed.members()], ["m", "s"])
        self.assertNotIn("managedFields", new["metadata"])


class ApplyTests(SynchronousTestCase):
    """
    What an applied configuration does (contract 13.11).
    """

    def setUp(self) -> None:
        """
        Start without an object.
        """
        self.history = History()

    def spec(self) -> Any:
        """
        What the object holds now.
        """
        assert self.history.live is not None
        return self.history.live.get("spec")

    def conflict(self, *arguments: Any, **named: Any) -> APIStatus:
        """
        The refusal of a configuration.
        """
        status: APIStatus = self.assertRaises(APIStatus, self.history.apply, *arguments, **named)
        self.assertEqual((status.code, status.reason), (409, "Conflict"))
        return status

    def test_leaves_are_owned_and_containers_are_not(self) -> None:
        """
        But items and what is empty are (contract 13.2).
        """
        self.history.apply("m", {"a": "x", "set": ["v"], "items": [{"name": "n"}], "map": {}})
        items = {'k:{"name":"n"}': {".": {}, "f:name": {}}}
        wanted = {"f:spec": {"f:a": {}, "f:items": items, "f:map": {}, "f:set": {'v:"v"': {}}}}
        self.assertEqual(self.history.fields("m"), wanted)

    def test_what_is_not_applied_any_more_goes(self) -> None:
        """
        Fields, members of sets, items of lists.
        """
        self.history.apply("m", {"a": "x", "set": ["v", "w"], "items": [{"name": "n"}, {"name": "o"}]})
        self.history.apply("m", {"set": ["w"], "items": [{"name": "o"}]})
        self.assertEqual(self.spec(), {"set": ["w"], "items": [{"name": "o"}]})

    def test_what_others_own_stays(self) -> None:
        """
        Both applied it; one gives it up.
        """
        self.history.apply("m", {"a": "x", "b": "y"})
        self.history.apply("n", {"a": "x"})
        self.history.apply("m", {"b": "y"})
        self.assertEqual(self.spec(), {"a": "x", "b": "y"})
        self.history.apply("n", {"b": "y"})
        self.assertEqual(self.spec(), {"b": "y"})

    def test_what_nobody_owns_stays(self) -> None:
        """
        Only what the applier itself has set is taken away.
        """
        self.history.update("u", {"items": [{"name": "n", "value": "x"}]})
        self.history.apply("m", {"items": [{"name": "n"}]})
        self.history.apply("m", {"a": "x"})
        self.assertEqual(self.spec(), {"a": "x", "items": [{"name": "n", "value": "x"}]})

    def test_conflicts_are_told(self) -> None:
        """
        In the words of contract 13.12.
        """
        self.history.apply("m", {"a": "x", "items": [{"name": "n", "value": "1"}]})
        self.history.update("u", {**self.spec(), "b": "y"})
        status = self.conflict("n", {"a": "z"})
        self.assertEqual(status.message, 'Apply failed with 1 conflict: conflict with "m": .spec.a')
        status = self.conflict("n", {"a": "z", "b": "z", "items": [{"name": "n", "value": "2"}]})
        self.assertEqual(
            status.message,
            'Apply failed with 3 conflicts: conflicts with "m":\n- .spec.a\n- .spec.items[name="n"].value\n'
            'conflicts with "u" using g/v1:\n- .spec.b',
        )
        self.assertEqual(
            [cause.to_dict() for cause in status.causes],
            [
                {"reason": "FieldManagerConflict", "message": message, "field": path}
                for message, path in (
                    ('conflict with "m"', ".spec.a"),
                    ('conflict with "m"', '.spec.items[name="n"].value'),
                    ('conflict with "u" using g/v1', ".spec.b"),
                )
            ],
        )

    def test_force_takes_over(self) -> None:
        """
        The other one loses what it had.
        """
        self.history.apply("m", {"a": "x", "b": "y"})
        self.history.apply("n", {"a": "z"}, force=True)
        self.assertEqual(self.history.fields("m"), {"f:spec": {"f:b": {}}})
        self.assertEqual(self.spec(), {"a": "z", "b": "y"})

    def test_atomic_maps_have_one_owner(self) -> None:
        """
        They are replaced as a whole (contract 13.13).
        """
        self.history.apply("m", {"whole": {"x": "1"}})
        self.conflict("n", {"whole": {"y": "2"}})
        self.history.apply("n", {"whole": {"y": "2"}}, force=True)
        self.assertEqual(self.spec(), {"whole": {"y": "2"}})

    def test_what_changes_nothing_is_not_dated(self) -> None:
        """
        Applied once more; and the entry of one who shares what is there has no time.
        """
        before = self.history.apply("m", {"a": "x"})
        self.assertEqual(self.history.apply("m", {"a": "x"}), before)
        shared = self.history.apply("n", {"a": "x"})
        self.assertEqual([entry.get("time") for entry in shared], [None, before[0]["time"]])

    def test_order_of_items_is_the_configurations(self) -> None:
        """
        With others in their places (contract 13.13).
        """
        self.history.update("u", {"set": ["a", "b"]})
        self.history.apply("m", {"set": ["c", "a"]})
        self.assertEqual(self.spec(), {"set": ["c", "a", "b"]})

    def test_wrong_configurations_are_refused(self) -> None:
        """
        Another kind, entries, and what the schema does not know (contract 13.9, 13.10).
        """
        for config, code, message in (
            ({"kind": "X", "apiVersion": "g/v1"}, 400, "invalid object type: g/v1, Kind=X"),
            ({"kind": "Thing", "apiVersion": "a/b/c"}, 400, "invalid object type: /, Kind="),
            ({}, 400, "invalid object type: /, Kind="),
            (self.history.thing(metadata={"managedFields": []}), 400, "metadata.managedFields must be nil"),
            (
                self.history.thing(spec={"c": 1}),
                500,
                "failed to create typed patch object (/t; g/v1, Kind=Thing): "
                ".spec.c: field not declared in schema",
            ),
        ):
            tracker = self.history.tracker()
            status = self.assertRaises(
                APIStatus, tracker.apply, None, config, self.history.managed, "m", False
            )
            self.assertEqual((status.code, status.message), (code, message))


class KubectlTests(SynchronousTestCase):
    """
    Objects that kubectl has applied itself before (contract 13.15).
    """

    def setUp(self) -> None:
        """
        An object with the annotation of C{kubectl apply}.
        """
        self.history = History()
        text = '{"apiVersion":"g/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"x","b":"y"}}'
        self.annotated = {"name": "t", "annotations": {LAST_APPLIED: text}}
        self.history.update("kubectl-client-side-apply", {"a": "x", "b": "y"}, metadata=self.annotated)

    def test_what_it_has_applied_is_no_conflict(self) -> None:
        """
        Only for kubectl, and only where the value is still the one of the annotation.
        """
        self.assertRaises(APIStatus, self.history.apply, "other", {"a": "z"})
        self.history.apply("kubectl", {"a": "z"})
        assert self.history.live is not None
        self.assertEqual(self.history.live["spec"], {"a": "z", "b": "y"})
        self.history.update("u", {"a": "z", "b": "changed"}, metadata=self.history.live["metadata"])
        self.assertRaises(APIStatus, self.history.apply, "kubectl", {"a": "z", "b": "mine"})

    def test_annotation_is_kept_in_step(self) -> None:
        """
        With what kubectl applies; others leave it alone.
        """
        self.history.apply("kubectl", {"a": "<z>"})
        assert self.history.live is not None
        self.assertEqual(
            self.history.live["metadata"]["annotations"][LAST_APPLIED],
            '{"apiVersion":"g/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"\\u003cz\\u003e"}}\n',
        )
        before = self.history.live["metadata"]
        self.history.apply("other", {"a": "y"}, force=True)
        self.assertEqual(self.history.live["metadata"], before)


class VersionTests(SynchronousTestCase):
    """
    Owners who name fields in different versions, or by earlier schemas.
    """

    def test_fields_are_compared_in_the_version_of_their_owner(self) -> None:
        """
        A field that two versions name differently is one field.
        """
        history = History()
        history.apply("m", {"a": "x"})
        status = self.assertRaises(APIStatus, history.apply, "n", {"first": "y"}, V2)
        self.assertEqual(status.message, 'Apply failed with 1 conflict: conflict with "m": .spec.a')
        history.update("u", {"first": "z"}, V2)
        self.assertEqual(history.fields("u", "Update", V2), {"f:spec": {"f:first": {}}})
        self.assertIsNone(history.fields("m"))

    def test_applier_may_change_its_version(self) -> None:
        """
        It keeps one entry, and what it had in the other version goes if it is not applied.
        """
        history = History()
        history.apply("m", {"a": "x", "b": "y"})
        history.apply("m", {"b": "y"}, V2)
        assert history.live is not None
        self.assertEqual(history.live["spec"], {"b": "y"})
        self.assertEqual([entry["apiVersion"] for entry in history.managed.members()], [V2])

    def test_versions_that_are_gone_are_forgotten(self) -> None:
        """
        Their entries say nothing any more; the others stay.
        """
        history = History()
        history.update("m", {"a": "x"})
        history.update("n", {"first": "x", "b": "y"}, V2)
        del history.versions.schemas[V2]
        history.update("m", {"a": "z", "b": "y"})
        self.assertEqual([entry["apiVersion"] for entry in history.managed.members()], [V1])

    def test_what_has_become_atomic_belongs_to_those_who_had_some_of_it(self) -> None:
        """
        A schema may change under the entries.
        """
        versions = TwoVersions()
        history = History(versions)
        history.apply("m", {"map": {"x": "1"}})
        whole = {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": TEXT}
        versions.schemas[V1] = schema_of({**SPEC, "map": whole})
        history.apply("n", {"a": "x"})
        self.assertEqual(history.fields("m"), {"f:spec": {"f:map": {}}})
