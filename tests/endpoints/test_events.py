"""
Events in the core group and in C{events.k8s.io}: the same objects under other names.  What kube-apiserver 1.36.3
answers to the same requests is what is expected here.
"""

from __future__ import annotations

from typing import Any

from ark.testing import Answer
from tests.endpoints.support import ServerTestCase

CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MOMENT = "2026-01-02T03:04:05.678901Z"


def new_event(**members: Any) -> dict[str, Any]:
    """
    An event as the new recorder writes it; L{None} takes a member out.
    """
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "x"},
        "eventTime": MOMENT,
        "type": "Normal",
        "reason": "Tried",
        "action": "Trying",
        "note": "hello",
        "reportingController": "example.com/c",
        "reportingInstance": "i",
        "regarding": {"kind": "Query", "name": "q", "namespace": "default"},
        **members,
    }
    return {name: value for name, value in event.items() if value is not None}


def old_event(**members: Any) -> dict[str, Any]:
    """
    An event as the old recorder writes it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "x"},
        "count": 2,
        "message": "hello",
        "source": {"component": "c"},
        "firstTimestamp": "2026-01-02T03:04:05Z",
        "involvedObject": {"kind": "Query", "name": "q", "namespace": "default"},
        **members,
    }


class EventTests(ServerTestCase):
    """
    Contract 21.1.
    """

    def post(self, path: str, event: dict[str, Any]) -> Answer:
        """
        Create an event.
        """
        return self.request("POST", path, event)

    def causes(self, event: dict[str, Any], path: str = NEW) -> list[str]:
        """
        The fields that are at fault.
        """
        status = self.status(self.post(path, event), 422, "Invalid")
        self.assertTrue(status["message"].startswith('Event "x" is invalid'), status["message"])
        return [cause["field"] for cause in status["details"]["causes"]]

    def test_what_is_written_in_one_group_is_read_in_the_other(self) -> None:
        """
        Members have their names there.
        """
        self.assertEqual(self.post(CORE, old_event()).code, 201)
        read = self.request("GET", f"{NEW}/x").json()
        self.assertEqual((read["apiVersion"], read["kind"]), ("events.k8s.io/v1", "Event"))
        self.assertEqual((read["note"], read["deprecatedCount"]), ("hello", 2))
        self.assertEqual(read["deprecatedSource"], {"component": "c"})
        self.assertEqual(read["regarding"]["name"], "q")
        self.assertFalse(read.keys() & {"message", "count", "source", "involvedObject"})
        self.assertEqual(self.request("DELETE", f"{NEW}/x").code, 200)
        made = self.post(NEW, new_event())
        self.assertEqual((made.code, made.json()["note"]), (201, "hello"))
        back = self.request("GET", f"{CORE}/x").json()
        self.assertEqual((back["apiVersion"], back["message"]), ("v1", "hello"))
        self.assertEqual(back["reportingComponent"], "example.com/c")
        self.assertEqual(back["source"], {})

    def test_lists_select_by_the_names_of_their_group(self) -> None:
        """
        Those of the other group are unknown; members do not say their kind.
        """
        self.post(NEW, new_event())
        for selector, count in (("regarding.name%3Dq", 1), ("reportingController!%3Dexample.com/c", 0)):
            listed = self.request("GET", f"{NEW}?fieldSelector={selector}").json()
            self.assertEqual(len(listed["items"]), count, selector)
            self.assertFalse([one for one in listed["items"] if "kind" in one])
        wrong = self.request("GET", f"{NEW}?fieldSelector=involvedObject.name%3Dq")
        self.status(wrong, 400, "BadRequest")

    def test_tables_are_alike(self) -> None:
        """
        In both groups.
        """
        self.post(CORE, old_event())
        tables = [self.request("GET", f"{path}/x", accept=TABLE).json() for path in (CORE, NEW)]
        core, new = (table["rows"][0]["cells"] for table in tables)
        self.assertEqual(core, new)
        self.assertIn("query/q", new)

    def test_new_events_say_who_when_and_why(self) -> None:
        """
        C{ValidateEventCreate}.
        """
        self.assertEqual(self.causes(new_event(eventTime=None)), ["eventTime"])
        lacking = new_event(reportingController=None, reportingInstance=None, action=None, reason=None)
        wanted = ["reportingController"] * 3 + ["reportingInstance", "action", "reason"]
        self.assertEqual(self.causes(lacking), wanted)
        self.assertEqual(self.causes(new_event(type="Odd")), ["type"])
        long = new_event(note="n" * 1025, reportingInstance="i" * 129)
        self.assertEqual(self.causes(long), ["reportingInstance", "message"])

    def test_new_events_have_nothing_of_the_old(self) -> None:
        """
        And a series begins with the second.
        """
        moment = "2026-01-02T03:04:05Z"
        old = {"deprecatedCount": 1, "deprecatedSource": {"host": "h"}, "deprecatedFirstTimestamp": moment}
        self.assertEqual(self.causes(new_event(**old)), ["firstTimestamp", "count", "source"])
        series = new_event(series={"count": 1})
        self.assertEqual(self.causes(series), ["series.count", "series.lastObservedTime"])

    def test_old_events_with_a_time_say_who_too(self) -> None:
        """
        C{legacyValidateEvent}, under the old name.
        """
        found = self.causes(old_event(eventTime=MOMENT, reason="R", action="A"), CORE)
        self.assertEqual(found, ["reportingComponent"] * 3 + ["reportingInstance"])

    def test_only_the_series_of_an_event_changes(self) -> None:
        """
        In the new group; in the old one everything may.
        """
        self.post(NEW, new_event())
        series = {"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:06.000000Z"}}
        self.assertEqual(self.request("PATCH", f"{NEW}/x", series, content_type=MERGE).code, 200)
        change = {"note": "other", "reportingController": "example.com/d"}
        status = self.status(self.request("PATCH", f"{NEW}/x", change, content_type=MERGE), 422, "Invalid")
        fields = [cause["field"] for cause in status["details"]["causes"]]
        self.assertEqual(fields, ["message", "reportingController"])
        same = {"eventTime": "2026-01-02T04:04:05.678901+01:00"}
        self.assertEqual(self.request("PATCH", f"{NEW}/x", same, content_type=MERGE).code, 200)
        changed = self.request("PATCH", f"{CORE}/x", {"message": "other"}, content_type=MERGE)
        self.assertEqual((changed.code, changed.json()["message"]), (200, "other"))

    def test_a_changed_reason_is_told_twice(self) -> None:
        """
        Among the causes, as it is looked at twice, and once in the message.
        """
        self.post(NEW, new_event())
        patch = {"reason": "Other", "type": "Warning"}
        answer = self.request("PATCH", f"{NEW}/x", patch, content_type=MERGE)
        causes = self.status(answer, 422, "Invalid")["details"]["causes"]
        self.assertEqual([cause["field"] for cause in causes], ["reason", "reason", "type"])

    def test_an_applier_of_both_groups_has_one_entry(self) -> None:
        """
        Whose time stays when it applies nothing new.
        """
        path, apply = f"{NEW}/x?fieldManager=me", "application/apply-patch+yaml"
        made = self.request("PATCH", path, new_event(), content_type=apply).json()
        (first,) = made["metadata"]["managedFields"]
        again = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "x"}, "action": "Trying"}
        done = self.request("PATCH", f"{CORE}/x?fieldManager=me", again, content_type=apply).json()
        (second,) = done["metadata"]["managedFields"]
        self.assertEqual((first["apiVersion"], second["apiVersion"]), ("events.k8s.io/v1", "v1"))
        self.assertEqual(second["time"], first["time"])
        self.assertEqual(second["fieldsV1"], {"f:action": {}})

    def test_what_is_empty_is_left_out_in_the_new_group(self) -> None:
        """
        It has no place for that.
        """
        self.post(CORE, old_event())
        self.assertEqual(self.request("GET", f"{CORE}/x").json()["reportingComponent"], "")
        self.assertFalse(
            self.request("GET", f"{NEW}/x").json().keys() & {"reportingController", "reportingInstance"}
        )
