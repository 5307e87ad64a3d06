"""
Kubernetes' storage scenarios of writes, over the whole server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.interfaces import IAdmissionPlugin
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import WIDGETS, ServerTestCase, registry

MERGE = "application/merge-patch+json"


@implementer(IAdmissionPlugin)
class Interference:
    """
    Does something behind the back of writes: after they read what there is, before they write.

    @ivar act: is called once, and forgotten.
    """

    reads_managed_fields = False

    def __init__(self) -> None:
        self.act: Callable[[], Any] | None = None

    def handles(self, operation: str) -> bool:
        """
        All changes of what there is.
        """
        return operation in ("UPDATE", "DELETE")

    async def admit(self, attributes: Attributes) -> None:
        """
        Changes nothing.
        """

    async def validate(self, attributes: Attributes) -> None:
        """
        The last moment before the write.
        """
        act, self.act = self.act, None
        if act is not None:
            act()


class WriteTestCase(ServerTestCase):
    """
    A server that others write to at the worst of moments.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.interference = Interference()
        self.server = InMemoryServer(registry(), admission_plugins=[self.interference])

    def patch(self, **spec: Any) -> Answer:
        """
        Change the widget C{a}.
        """
        return self.request("PATCH", f"{WIDGETS}/a", {"spec": spec}, content_type=MERGE)

    def delete(self, **preconditions: str) -> Answer:
        """
        Delete the widget C{a}.
        """
        return self.request("DELETE", f"{WIDGETS}/a", {"preconditions": preconditions})


class CreateTests(WriteTestCase):
    """
    New objects.
    """

    def test_a_new_object_has_a_revision(self) -> None:
        """
        RunTestCreate.
        """
        obj = self.create("a", color="red")
        self.assertEqual(obj["metadata"]["resourceVersion"], str(self.server.cacher.revision))
        self.assertEqual(self.request("GET", f"{WIDGETS}/a").json(), obj)

    def test_a_key_is_created_once(self) -> None:
        """
        RunTestCreateWithKeyExist.
        """
        obj = self.create("a", color="red")
        self.status(self.request("POST", WIDGETS, self.widget("a", color="blue")), 409, "AlreadyExists")
        self.assertEqual(self.request("GET", f"{WIDGETS}/a").json(), obj)

    def test_kinds_know_how_many_objects_they_have(self) -> None:
        """
        RunTestStats: as the remaining count of a page tells.
        """
        for count in range(1, 4):
            self.create(f"w{count}")
            page = self.request("GET", f"{WIDGETS}?limit=1").json()
            self.assertEqual(page["metadata"].get("remainingItemCount", 0), count - 1)
        self.request("DELETE", f"{WIDGETS}/w1")
        page = self.request("GET", f"{WIDGETS}?limit=1").json()
        self.assertEqual(page["metadata"]["remainingItemCount"], 1)


class UpdateTests(WriteTestCase):
    """
    Objects that are changed.
    """

    def test_a_change_makes_a_version_and_nothing_else_does(self) -> None:
        """
        RunTestGuaranteedUpdate: also not of what is missing, or under a uid that is another's.
        """
        obj = self.create("a", color="red")
        changed = self.patch(color="blue").json()
        self.assertGreater(
            int(changed["metadata"]["resourceVersion"]), int(obj["metadata"]["resourceVersion"])
        )
        self.assertEqual(self.patch(color="blue").json(), changed)
        other = {**changed, "metadata": {**changed["metadata"], "uid": "other"}}
        self.status(self.request("PUT", f"{WIDGETS}/a", other), 409, "Conflict")
        missing = self.request("PATCH", f"{WIDGETS}/zz", {"spec": {}}, content_type=MERGE)
        self.status(missing, 404, "NotFound")

    def test_the_second_of_two_updates_sees_the_first(self) -> None:
        """
        RunTestGuaranteedUpdateWithConflict and RunTestGuaranteedUpdateWithSuggestionAndConflict.
        """
        self.create("a", color="red")
        self.interference.act = lambda: self.patch(size=7)
        self.assertEqual(self.patch(color="blue").json()["spec"], {"color": "blue", "size": 7})

    def test_an_update_of_a_known_version_fails_when_another_was_first(self) -> None:
        """
        RunTestGuaranteedUpdateWithConflict.
        """
        obj = self.create("a", color="red")
        self.interference.act = lambda: self.patch(size=7)
        obj["spec"]["color"] = "blue"
        self.status(self.request("PUT", f"{WIDGETS}/a", obj), 409, "Conflict")
        self.assertEqual(self.request("GET", f"{WIDGETS}/a").json()["spec"], {"color": "red", "size": 7})

    def test_an_update_of_what_goes_meanwhile_finds_nothing(self) -> None:
        """
        RunTestGuaranteedUpdateWithConflict.
        """
        self.create("a")
        self.interference.act = self.delete
        self.status(self.patch(color="blue"), 404, "NotFound")


class DeleteTests(WriteTestCase):
    """
    Objects that go.
    """

    def test_what_is_deleted_is_gone(self) -> None:
        """
        RunTestUnconditionalDelete and RunTestDeleteWithSuggestionOfDeletedObject.
        """
        obj = self.create("a")
        self.assertEqual(self.delete().json()["details"]["uid"], obj["metadata"]["uid"])
        self.status(self.delete(), 404, "NotFound")

    def test_preconditions_decide(self) -> None:
        """
        RunTestConditionalDelete.
        """
        metadata = self.create("a")["metadata"]
        self.status(self.delete(uid="other"), 409, "Conflict")
        self.status(self.delete(resourceVersion="1"), 409, "Conflict")
        right = self.delete(uid=metadata["uid"], resourceVersion=metadata["resourceVersion"])
        self.assertEqual(right.code, 200)

    def test_a_change_on_the_way_is_deleted_too(self) -> None:
        """
        RunTestDeleteWithSuggestion, RunTestDeleteWithSuggestionAndConflict and RunTestDeleteWithConflict.
        """
        self.create("a")
        watch = self.request("GET", f"{WIDGETS}?watch=1")
        self.interference.act = lambda: self.patch(size=7)
        self.assertEqual(self.delete().code, 200)
        events = [(event["type"], event["object"]["spec"]["size"]) for event in watch.events()]
        self.assertEqual(events, [("ADDED", 3), ("MODIFIED", 7), ("DELETED", 7)])

    def test_a_finalizer_that_comes_on_the_way_holds(self) -> None:
        """
        RunTestValidateDeletionWithSuggestion and RunTestValidateDeletionWithOnlySuggestionValid.
        """
        self.create("a")
        held = {"metadata": {"finalizers": ["example.com/f"]}}
        self.interference.act = lambda: self.request("PATCH", f"{WIDGETS}/a", held, content_type=MERGE)
        self.assertEqual(self.delete().json()["kind"], "Widget")
        self.assertIn("deletionTimestamp", self.request("GET", f"{WIDGETS}/a").json()["metadata"])

    def test_preconditions_are_of_the_newest_version(self) -> None:
        """
        RunTestPreconditionalDeleteWithSuggestion and RunTestPreconditionalDeleteWithOnlySuggestionPass.
        """
        revision = self.create("a")["metadata"]["resourceVersion"]
        self.interference.act = lambda: self.patch(size=7)
        self.status(self.delete(resourceVersion=revision), 409, "Conflict")
        self.assertEqual(self.request("GET", f"{WIDGETS}/a").json()["spec"]["size"], 7)
