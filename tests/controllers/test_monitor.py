"""
Tests of L{ark.controllers.monitor}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.controllers.monitor import PAGE, Monitor
from ark.meta.records import Version
from ark.testing import InMemoryServer
from ark.watch.events import WatchEvent


class Heard:
    """
    Keeps what it is told.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def present(self, version: Version) -> None:
        """
        An object is there.
        """
        self.lines.append(f"present {version.key.name}")

    def complete(self, resource: str, present: set[str]) -> None:
        """
        There are no others.
        """
        self.lines.append(f"complete {resource} {len(present)}")

    def changed(self, event: WatchEvent) -> None:
        """
        An object changed; one of them cannot be understood.
        """
        version = event.version
        self.lines.append(f"{version.event} {version.key.name}")
        if version.key.name == "bad":
            raise ValueError("bad")


class MonitorTests(SynchronousTestCase):
    """
    Two resources are followed.
    """

    registry = KindRegistry.load()

    def setUp(self) -> None:
        """
        A server, and a monitor of what is there.
        """
        self.server = InMemoryServer(self.registry)
        self.heard = Heard()
        self.monitor = Monitor(self.server.cacher, self.server.clock, self.heard)
        self.addCleanup(self.monitor.stop)

    def put(self, name: str, plural: str = "configmaps") -> None:
        """
        Create something.
        """
        kind = {"configmaps": "ConfigMap", "secrets": "Secret"}[plural]
        body: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
        answer = self.server.request("POST", f"/api/v1/namespaces/default/{plural}", body)
        self.assertEqual(answer.code, 201)

    def delete(self, name: str) -> None:
        """
        Delete it.
        """
        self.server.request("DELETE", f"/api/v1/namespaces/default/configmaps/{name}")

    def follow(self, *resources: str) -> None:
        """
        Follow, and read what there is.
        """
        for resource in resources:
            self.monitor.follow(resource)
        self.server.settle()

    def take(self) -> list[str]:
        """
        What was told since.
        """
        self.server.settle()
        lines, self.heard.lines = self.heard.lines, []
        return lines

    def test_objects_come_first_and_changes_after(self) -> None:
        """
        In the order in which they happen, across resources.
        """
        self.put("one")
        self.follow("configmaps", "secrets")
        self.assertEqual(self.take(), ["present one", "complete configmaps 1", "complete secrets 0"])
        self.put("two", "secrets")
        self.delete("one")
        self.put("three")
        self.assertEqual(self.take(), ["ADDED two", "DELETED one", "ADDED three"])

    def test_nothing_is_told_twice_nor_lost_while_it_is_read(self) -> None:
        """
        A write may come at any point of the reading of many pages.
        """
        for number in range(PAGE + 1):
            self.put(f"c-{number:04}")
        self.monitor.follow("configmaps")
        for number in range(6):
            self.put(f"late-{number}")
            self.server.clock.advance(0)
        told = [line.split()[1] for line in self.take() if not line.startswith("complete")]
        self.assertEqual(len(told), len(set(told)))
        self.assertEqual(len(told), PAGE + 7)

    def test_what_is_not_understood_does_not_stop_the_rest(self) -> None:
        """
        It is logged.
        """
        self.follow("configmaps")
        self.put("bad")
        self.put("good")
        self.assertEqual(self.take()[1:], ["ADDED bad", "ADDED good"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_lost_log_is_made_up_for(self) -> None:
        """
        What is there is told again, and what is not told is not there.
        """
        self.put("one")
        self.follow("configmaps")
        self.take()
        self.server.cacher.hub._lost()
        self.assertEqual(self.take(), ["present one", "complete configmaps 1"])
        self.delete("one")
        self.assertEqual(self.take(), ["DELETED one"])

    def test_resources_come_and_go(self) -> None:
        """
        Those that nobody follows are not told of.
        """
        self.follow("configmaps")
        self.take()
        self.monitor.unfollow("configmaps")
        self.put("one")
        self.assertEqual(self.take(), [])
        self.follow("configmaps")
        self.assertEqual(self.take(), ["present one", "complete configmaps 1"])

    def test_stopping_leaves_nothing_behind(self) -> None:
        """
        Neither while it reads nor later.
        """
        self.put("one")
        self.monitor.follow("configmaps")
        self.monitor.stop()
        self.put("two")
        self.assertEqual(self.take(), [])
