"""
Revisions, pages, selectors, watches and tables: sections 11, 12 and 14.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ark.meta import continuetoken
from ark.testing import InMemoryServer
from tests.endpoints.support import WIDGETS, ServerTestCase, registry

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"


class RevisionTests(ServerTestCase):
    """
    Of which time what is read is.
    """

    def setUp(self) -> None:
        """
        A server that remembers two changes without asking its storage.
        """
        self.server = InMemoryServer(registry(), cacher_options={"window_events": 2})

    def compact(self) -> None:
        """
        Forget all history.
        """
        done = Deferred.fromCoroutine(self.server.backend.compact(self.server.cacher.revision))
        self.server.settle()
        self.successResultOf(done)

    def test_a_get_may_ask_for_any_version_or_none_that_is_older(self) -> None:
        """
        Contract 11.1.
        """
        obj = self.create("a")
        revision = obj["metadata"]["resourceVersion"]
        for query in ("", "?resourceVersion=0", f"?resourceVersion={revision}"):
            self.assertEqual(self.request("GET", f"{WIDGETS}/a{query}").json(), obj)
        self.status(self.request("GET", f"{WIDGETS}/a?resourceVersion=x"), 400, "BadRequest")

    def test_lost_history_is_410(self) -> None:
        """
        Contract 11.4 and 12.3: a token of it comes with one for the rest.
        """
        for name in ("a", "b", "c"):
            self.create(name)
        page = self.request("GET", f"{WIDGETS}?limit=1").json()
        old = page["metadata"]["resourceVersion"]
        self.create("d")
        self.compact()
        status = self.status(
            self.request("GET", f"{WIDGETS}?resourceVersion={old}&resourceVersionMatch=Exact"), 410, "Expired"
        )
        self.assertEqual(status["message"], "The resourceVersion for the provided list is too old.")
        status = self.status(
            self.request("GET", f"{WIDGETS}?limit=1&continue={page['metadata']['continue']}"), 410, "Expired"
        )
        rest = self.request("GET", f"{WIDGETS}?continue={status['metadata']['continue']}").json()
        self.assertEqual([item["metadata"]["name"] for item in rest["items"]], ["b", "c", "d"])

    def test_a_watch_of_lost_history_ends_with_410(self) -> None:
        """
        Contract 12.11: one of the future waits.
        """
        old = self.create("a")["metadata"]["resourceVersion"]
        for name in ("b", "c", "d"):
            self.create(name)
        self.compact()
        watch = self.request("GET", f"{WIDGETS}?watch=1&resourceVersion={old}")
        self.assertEqual(watch.code, 200)
        event = watch.events()[0]
        self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 410))
        assert watch.stream is not None
        self.assertTrue(watch.stream.finished)
        future = self.request("GET", f"{WIDGETS}?watch=1&resourceVersion={self.server.cacher.revision + 1}")
        self.create("e")
        self.create("f")
        self.assertEqual([event["object"]["metadata"]["name"] for event in future.events()], ["f"])
        self.status(self.request("GET", f"{WIDGETS}?watch=1&resourceVersion=x"), 400, "BadRequest")


class SelectionTests(ServerTestCase):
    """
    Pages and selectors.
    """

    def names(self, query: str) -> list[str]:
        """
        The names of the widgets that a list holds.
        """
        answer = self.request("GET", f"{WIDGETS}?{query}")
        self.assertEqual(answer.code, 200, answer.body)
        return [item["metadata"]["name"] for item in answer.json()["items"]]

    def test_bad_tokens_are_400(self) -> None:
        """
        Contract 12.2.
        """
        for token in ("x", "e30", continuetoken.encode(5, "../a")):
            status = self.status(self.request("GET", f"{WIDGETS}?continue={token}"), 400, "BadRequest")
            self.assertIn("continue key is not valid", status["message"])

    def test_label_selectors_have_kubernetes_grammar(self) -> None:
        """
        Contract 12.6.
        """
        for name, labels in (("a", {"k": "1"}), ("b", {"k": "2"}), ("c", {})):
            body = self.widget(name)
            body["metadata"]["labels"] = labels
            self.assertEqual(self.request("POST", WIDGETS, body).code, 201)
        for selector, expected in (
            ("k", "ab"),
            ("!k", "c"),
            ("k=1", "a"),
            ("k==2", "b"),
            ("k!=1", "bc"),
            ("k in (1,2)", "ab"),
            ("k notin (1)", "bc"),
            ("k>1", "b"),
            ("k,k!=1", "b"),
        ):
            text = selector.replace("=", "%3D").replace(" ", "%20").replace(">", "%3E").replace("!", "%21")
            self.assertEqual("".join(self.names(f"labelSelector={text}")), expected, selector)
        self.status(self.request("GET", f"{WIDGETS}?labelSelector=k%20in%20("), 400, "BadRequest")


class WatchTests(ServerTestCase):
    """
    Streams.
    """

    def test_bookmarks_come_about_once_a_minute_and_before_the_end(self) -> None:
        """
        Contract 12.12.
        """
        watch = self.request(
            "GET", f"{WIDGETS}?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=100"
        )
        self.server.create_namespace("elsewhere")
        self.server.advance(75)
        events = watch.events()
        self.assertEqual({event["type"] for event in events}, {"BOOKMARK"})
        revision = str(self.server.cacher.revision)
        expected = {
            "kind": "Widget",
            "apiVersion": "probe.example.com/v1",
            "metadata": {"resourceVersion": revision},
        }
        self.assertEqual(events[-1]["object"], expected)
        self.server.create_namespace("also")
        self.server.advance(24)
        self.assertEqual(
            watch.events()[-1]["object"]["metadata"]["resourceVersion"], str(self.server.cacher.revision)
        )

    def test_reflectors_get_what_they_ask_for_by_default(self) -> None:
        """
        Contract 12.14.
        """
        self.create("a")
        asked = (
            "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&resourceVersion=&timeoutSeconds=312"
        )
        events = self.request("GET", f"{WIDGETS}?{asked}").events()
        self.assertEqual([event["type"] for event in events], ["ADDED", "BOOKMARK"])
        self.assertIn("k8s.io/initial-events-end", events[1]["object"]["metadata"]["annotations"])

    def test_who_says_no_time_has_half_an_hour_at_least(self) -> None:
        """
        Contract 12.15: and less than an hour, not all the same.
        """
        watches = [self.request("GET", f"{WIDGETS}?watch=1") for _ in range(20)]
        streams = [watch.stream for watch in watches if watch.stream is not None]
        self.server.clock.advance(1799)
        self.server.settle()
        self.assertEqual([stream.finished for stream in streams], [False] * 20)
        self.server.clock.advance(900)
        self.server.settle()
        self.assertLess(0, sum(stream.finished for stream in streams))
        self.assertLess(sum(stream.finished for stream in streams), 20)
        self.server.clock.advance(902)
        self.server.settle()
        self.assertEqual([stream.finished for stream in streams], [True] * 20)

    def test_a_client_that_does_not_read_holds_up_nobody(self) -> None:
        """
        Contract 12.16: and gets everything when it reads again.
        """
        self.server.pause_streams = True
        slow = self.request("GET", f"{WIDGETS}?watch=1")
        self.server.pause_streams = False
        quick = self.request("GET", f"{WIDGETS}?watch=1")
        for index in range(50):
            self.create(f"w{index}")
        self.assertEqual(len(quick.events()), 50)
        self.assertLess(len(slow.events()), 50)
        assert slow.stream is not None
        for _ in range(60):
            slow.stream.pause(False)
            self.server.settle()
        self.assertEqual(slow.events(), quick.events())


class TableTests(ServerTestCase):
    """
    What kubectl prints.
    """

    def table(self, target: str = WIDGETS) -> dict[str, Any]:
        """
        A target as a table.
        """
        answer = self.request("GET", target, accept=TABLE)
        self.assertEqual(answer.code, 200, answer.body)
        table: dict[str, Any] = answer.json()
        return table

    def test_the_name_comes_before_the_declared_columns(self) -> None:
        """
        Contract 14.2.
        """
        self.create("a")
        definitions = self.table()["columnDefinitions"]
        self.assertEqual([column["name"] for column in definitions], ["Name", "Size", "Age"])
        self.assertEqual((definitions[0]["format"], definitions[1]["type"]), ("name", "integer"))

    def test_cells_are_values_and_ages(self) -> None:
        """
        Contract 14.3.
        """
        self.create("a")
        self.server.advance(5)
        self.assertEqual(self.table()["rows"][0]["cells"], ["a", 3, "5s"])

    def test_rows_hold_as_much_of_the_object_as_is_asked_for(self) -> None:
        """
        Contract 14.4.
        """
        obj = self.create("a")
        self.assertEqual(self.table()["rows"][0]["object"]["kind"], "PartialObjectMetadata")
        self.assertEqual(self.table(f"{WIDGETS}?includeObject=Object")["rows"][0]["object"], obj)
        self.assertIsNone(self.table(f"{WIDGETS}?includeObject=None")["rows"][0]["object"])
        self.status(self.request("GET", f"{WIDGETS}?includeObject=x", accept=TABLE), 400, "BadRequest")

    def test_what_has_no_table_is_406(self) -> None:
        """
        Contract 14.5.
        """
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "get", "resource": "widgets"}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        self.status(self.request("POST", path, review, accept=TABLE), 406, "NotAcceptable")
