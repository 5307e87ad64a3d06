"""
Tests of L{ark.controllers.events}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.authentication.userinfo import UserInfo
from ark.controllers.events import BURST, REFILL_SECONDS, WARNING, EventRecorder
from ark.controllers.garbagenodes import ObjectReference
from ark.testing import EPOCH, InMemoryServer

ABOUT = ObjectReference("v1", "ConfigMap", "default", "thing", "u-1")


class EventRecorderTests(SynchronousTestCase):
    """
    A controller says things.
    """

    registry = KindRegistry.load()

    def setUp(self) -> None:
        """
        A recorder.
        """
        self.server = InMemoryServer(self.registry)
        self.recorder = EventRecorder(
            self.server.application.stores,
            "some-controller",
            UserInfo("system:some"),
            lambda: EPOCH + self.server.clock.seconds(),
        )

    def say(self, message: str, about: ObjectReference = ABOUT) -> None:
        """
        Say something.
        """
        self.recorder.record(about, WARNING, "Because", message)
        self.server.settle()

    def events(self, namespace: str = "default") -> list[dict[str, Any]]:
        """
        What was written.
        """
        items: list[dict[str, Any]] = self.server.request(
            "GET", f"/api/v1/namespaces/{namespace}/events"
        ).json()["items"]
        return items

    def test_event_tells_all_that_kubernetes_tells(self) -> None:
        """
        As C{client-go} writes it.
        """
        self.say("look")
        (event,) = self.events()
        self.assertEqual(
            event["involvedObject"],
            {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "thing", "uid": "u-1"},
        )
        self.assertTrue(event["metadata"]["name"].startswith("thing."))
        self.assertEqual(
            (event["reason"], event["message"], event["type"], event["count"]),
            ("Because", "look", "Warning", 1),
        )
        self.assertEqual(event["source"], {"component": "some-controller"})
        self.assertEqual(event["reportingComponent"], "some-controller")

    def test_same_again_is_counted(self) -> None:
        """
        Also when somebody has deleted the event.
        """
        self.say("look")
        self.server.clock.advance(5)
        self.say("look")
        (event,) = self.events()
        self.assertEqual(event["count"], 2)
        self.assertNotEqual(event["firstTimestamp"], event["lastTimestamp"])
        self.server.request("DELETE", f"/api/v1/namespaces/default/events/{event['metadata']['name']}")
        self.say("look")
        (event,) = self.events()
        self.assertEqual(event["count"], 3)

    def test_what_has_no_namespace_is_told_in_default(self) -> None:
        """
        There events about such objects are looked for.
        """
        self.say("look", ABOUT._replace(namespace=""))
        (event,) = self.events()
        self.assertNotIn("namespace", event["involvedObject"])

    def test_nobody_is_told_too_much(self) -> None:
        """
        About one object there is a burst, and then one in a while.
        """
        for number in range(BURST + 5):
            self.say(f"look {number}")
        self.assertEqual(len(self.events()), BURST)
        self.say("another", ABOUT._replace(uid="u-2"))
        self.server.clock.advance(REFILL_SECONDS)
        self.say("again")
        self.say("and again")
        self.assertEqual(len(self.events()), BURST + 2)

    def test_event_that_cannot_be_written_is_no_harm(self) -> None:
        """
        The namespace may have gone.
        """
        self.say("look", ABOUT._replace(namespace="nowhere"))
        self.assertEqual(self.events(), [])
