"""
Tests of how watches end when the server does (contract 18.4).
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ark.testing import Answer
from tests.endpoints.support import WIDGETS, ServerTestCase


class WindDownTests(ServerTestCase):
    """
    L{ark.watch.hub.Hub.wind_down} (contract 18.4).
    """

    def _watch(self, query: str = "") -> Answer:
        return self.request("GET", f"{WIDGETS}?watch=1{query}")

    def _ended(self, watches: list[Answer]) -> int:
        return sum(watch.stream is not None and watch.stream.finished for watch in watches)

    def test_a_last_bookmark_tells_where_to_go_on(self) -> None:
        """
        To those who asked for bookmarks; a change of the same moment comes before it.
        """
        asked, plain = self._watch("&allowWatchBookmarks=true"), self._watch()
        created = self.create()
        Deferred.fromCoroutine(self.server.cacher.hub.wind_down())
        self.assertEqual(self._ended([asked, plain]), 2)
        self.assertEqual([event["type"] for event in plain.events()], ["ADDED"])
        *before, bookmark = asked.events()
        self.assertIn("ADDED", [event["type"] for event in before])
        self.assertEqual(bookmark["type"], "BOOKMARK")
        version = bookmark["object"]["metadata"]["resourceVersion"]
        self.assertGreaterEqual(int(version), int(created["metadata"]["resourceVersion"]))

    def test_many_do_not_end_at_once(self) -> None:
        """
        Those that still run are told of what happens.
        """
        watches = [self._watch() for _ in range(250)]
        done = Deferred.fromCoroutine(self.server.cacher.hub.wind_down())
        self.assertEqual(self._ended(watches), 100)
        self.create()
        self.assertEqual(sum(bool(watch.events()) for watch in watches), 150)
        self.server.advance(1)
        self.successResultOf(done)
        self.assertEqual(self._ended(watches), 250)

    def test_no_watch_begins_any_more(self) -> None:
        """
        It ends as soon as it has begun.
        """
        Deferred.fromCoroutine(self.server.cacher.hub.wind_down())
        self.assertEqual(self._ended([self._watch()]), 1)


class LeavingTests(ServerTestCase):
    """
    C{--shutdown-send-retry-after} (contract 18.4).
    """

    def test_come_again_elsewhere(self) -> None:
        """
        429 with C{Retry-After: 5}, but for those who look after the server.
        """
        chain = self.server.application.chain
        self.assertTrue(chain.idle)
        chain.leaving = True
        answer = self.request("GET", WIDGETS)
        self.status(answer, 429, "TooManyRequests")
        self.assertEqual(answer.header(b"retry-after"), b"5")
        for path in ("/livez", "/readyz", "/metrics"):
            self.assertEqual(self.request("GET", path).code, 200, path)
