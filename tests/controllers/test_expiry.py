"""
Tests of L{ark.controllers.expiry}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ark.controllers.expiry import EventExpiry
from ark.meta.time import rfc3339
from ark.testing import EPOCH
from tests.endpoints.support import ServerTestCase

EVENTS = "/api/v1/namespaces/default/events"


class EventExpiryTests(ServerTestCase):
    """
    Events go, an hour after they were written last.
    """

    def setUp(self) -> None:
        """
        A server, and an hour.
        """
        super().setUp()
        self.jump = 0.0
        self.begin()

    def begin(self) -> None:
        """
        Begin to look after events.
        """
        store = self.server.application.stores.of_resource("events")
        assert store is not None
        clock = self.server.clock
        self.expiry = EventExpiry(store, 3600, (clock, lambda: EPOCH + clock.seconds() + self.jump))

    def post(self, name: str, **members: Any) -> None:
        """
        Write an event.
        """
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name},
            "involvedObject": {"kind": "Widget", "namespace": "default", "name": "a"},
            **members,
        }
        answer = self.request("POST", EVENTS, body)
        self.assertEqual(answer.code, 201, answer.body)

    def names(self) -> list[str]:
        """
        Sweep, and tell what is left.
        """
        done = Deferred.fromCoroutine(self.expiry.sweep())
        self.server.settle()
        self.successResultOf(done)
        return [item["metadata"]["name"] for item in self.request("GET", EVENTS).json()["items"]]

    def test_old_events_go(self) -> None:
        """
        Those that nobody wrote since.
        """
        self.post("old")
        self.assertEqual(self.names(), ["old"])
        self.server.advance(1800)
        self.post("young")
        self.assertEqual(self.names(), ["old", "young"])
        self.server.advance(1801)
        self.assertEqual(self.names(), ["young"])

    def test_an_event_that_was_there_is_as_old_as_it_says(self) -> None:
        """
        By the newest time that it tells.
        """
        later = rfc3339(EPOCH + 3000)
        self.post("repeated", lastTimestamp=later)
        self.post("series", series={"count": 2, "lastObservedTime": later.replace("Z", ".000000Z")})
        self.post("once")
        self.server.advance(3000)
        self.begin()
        self.server.advance(1000)
        self.assertEqual(self.names(), ["repeated", "series"])
        self.server.advance(3000)
        self.assertEqual(self.names(), [])

    def test_setting_the_clock_makes_no_event_older_or_younger(self) -> None:
        """
        They stay for the same hour as without.
        """
        for days in (400, -400, 1, -1):
            self.post(f"before {days}".replace(" ", ""))
            self.assertEqual(len(self.names()), 1)
            self.jump += days * 86400
            self.server.advance(1800)
            self.post(f"after{days}")
            self.assertEqual(len(self.names()), 2)
            self.server.advance(1801)
            self.assertEqual(self.names(), [f"after{days}"])
            self.server.advance(1800)
            self.assertEqual(self.names(), [])

    def test_an_event_that_comes_later_is_as_old_as_it_is(self) -> None:
        """
        Whatever its times say: whoever wrote it had another clock.
        """
        ages = {name: rfc3339(EPOCH + days * 86400) for name, days in (("past", -400), ("future", 400))}
        for name, time in ages.items():
            self.post(name, lastTimestamp=time, firstTimestamp=time)
        self.assertEqual(self.names(), ["future", "past"])
        self.server.advance(3601)
        self.assertEqual(self.names(), [])

    def test_an_event_that_is_written_again_stays(self) -> None:
        """
        It need not say when that was.
        """
        self.names()
        self.post("again")
        self.server.advance(1800)
        event = self.request("GET", f"{EVENTS}/again").json()
        self.assertEqual(self.request("PUT", f"{EVENTS}/again", {**event, "count": 2}).code, 200)
        self.assertEqual(self.names(), ["again"])
        self.server.advance(1801)
        self.assertEqual(self.names(), ["again"])
        self.server.advance(1801)
        self.assertEqual(self.names(), [])

    def test_many_events_go_page_by_page(self) -> None:
        """
        And watches are told.
        """
        for index in range(1100):
            self.post(f"e{index}")
        self.begin()
        self.server.advance(3601)
        watch = self.request("GET", f"{EVENTS}?watch=1&resourceVersion={self.server.cacher.revision}")
        self.assertEqual(self.names(), [])
        self.assertEqual([event["type"] for event in watch.events()], ["DELETED"] * 1100)
