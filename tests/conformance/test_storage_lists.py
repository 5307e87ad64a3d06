"""
Kubernetes' storage scenarios of reads, over the whole server.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ark.meta.records import ADDED, Body, Change, Key
from tests.endpoints.support import BASE, GROUP, WIDGETS, ServerTestCase

MERGE = "application/merge-patch+json"


class ListTestCase(ServerTestCase):
    """
    Reads lists.
    """

    def read(self, query: str = "", target: str = WIDGETS) -> dict[str, Any]:
        """
        A list.
        """
        answer = self.request("GET", f"{target}?{query}")
        self.assertEqual(answer.code, 200, answer.body)
        read: dict[str, Any] = answer.json()
        return read

    def names(self, query: str = "", target: str = WIDGETS) -> str:
        """
        The names of a list.
        """
        return " ".join(item["metadata"]["name"] for item in self.read(query, target)["items"])

    def pages(self, query: str) -> list[str]:
        """
        The names of each page.
        """
        pages, token = [], ""
        while True:
            page = self.read(f"{query}&continue={token}")
            pages.append(" ".join(item["metadata"]["name"] for item in page["items"]))
            token = page["metadata"].get("continue", "")
            if not token:
                return pages

    def create_all(self, names: str, **spec: Any) -> None:
        """
        Create widgets.
        """
        for name in names.split():
            self.create(name, **spec)

    def run_now(self, coroutine: Any) -> Any:
        """
        What a coroutine returns.
        """
        done = Deferred.fromCoroutine(coroutine)
        self.server.settle()
        return self.successResultOf(done)


class RevisionTests(ListTestCase):
    """
    Of which time.
    """

    def test_gets_by_revision(self) -> None:
        """
        RunTestGet.
        """
        obj = self.create("a")
        revision = int(obj["metadata"]["resourceVersion"])
        for query in ("", "resourceVersion=0", f"resourceVersion={revision}"):
            self.assertEqual(self.request("GET", f"{WIDGETS}/a?{query}").json(), obj)
        self.status(self.request("GET", f"{WIDGETS}/zz"), 404, "NotFound")
        future = self.request("GET", f"{WIDGETS}/a?resourceVersion={revision + 1}")
        self.assertEqual(future.code, 0)
        self.create("b")
        self.assertEqual(future.json(), obj)

    def test_lists_by_revision_match_limit_and_selector(self) -> None:
        """
        RunTestList and RunTestListResourceVersionMatch.
        """
        self.create("a", color="red")
        self.create("b", color="blue")
        then = self.server.cacher.revision
        self.create("c", color="red")
        self.request("DELETE", f"{WIDGETS}/a")
        now = self.server.cacher.revision
        for query, names, revision in (
            ("", "b c", now),
            ("resourceVersion=0", "b c", now),
            (f"resourceVersion={then}", "b c", now),
            (f"resourceVersion={then}&resourceVersionMatch=NotOlderThan", "b c", now),
            (f"resourceVersion={then}&resourceVersionMatch=Exact", "a b", then),
            (f"resourceVersion={then}&limit=1", "a", then),
            (f"resourceVersion={then}&resourceVersionMatch=Exact&limit=1", "a", then),
            (f"resourceVersion={then}&resourceVersionMatch=Exact&fieldSelector=spec.color%3Dred", "a", then),
            ("fieldSelector=spec.color%3Dred", "c", now),
            ("limit=1&fieldSelector=spec.color%3Dred", "c", now),
            ("fieldSelector=metadata.name%3Db", "b", now),
            ("fieldSelector=metadata.name%3Da", "", now),
        ):
            self.assertEqual(self.names(query), names, query)
            self.assertEqual(self.read(query)["metadata"]["resourceVersion"], str(revision), query)

    def test_a_list_holds_what_was_written_before(self) -> None:
        """
        RunTestConsistentList: by whomever; and a revision of the future is waited for.
        """
        key = Key(f"widgets.{GROUP}", "default", "a")
        body = self.widget("a")
        body["metadata"].update(namespace="default", uid="u")
        store = self.server.application.stores.get(GROUP, "v1", "widgets")
        assert store is not None
        change = Change(key, 0, ADDED, store.codec.encode(body), b"", "u")
        self.run_now(self.server.backend.commit([change]))
        self.assertEqual(self.names(), "a")
        waiting = self.request("GET", f"{WIDGETS}?resourceVersion={self.server.cacher.revision + 1}")
        self.assertEqual(waiting.code, 0)
        self.create("b")
        self.assertEqual(len(waiting.json()["items"]), 2)

    def test_how_far_history_is_lost_is_known(self) -> None:
        """
        RunTestCompactRevision.
        """
        self.create_all("a b c")
        revision = self.server.cacher.revision
        self.run_now(self.server.backend.compact(revision - 1))
        self.assertEqual(self.run_now(self.server.backend.compacted_revision()), revision - 1)
        old = self.request("GET", f"{WIDGETS}?resourceVersion={revision - 2}&resourceVersionMatch=Exact")
        self.status(old, 410, "Expired")
        self.assertEqual(self.names(f"resourceVersion={revision - 1}&resourceVersionMatch=Exact"), "a b")


class ScopeTests(ListTestCase):
    """
    Of which objects.
    """

    def setUp(self) -> None:
        """
        Namespaces whose names begin alike.
        """
        super().setUp()
        for namespace in ("n", "n-1"):
            self.server.create_namespace(namespace)
            for name in ("a", "a-1"):
                target = f"{BASE}/namespaces/{namespace}/widgets"
                self.assertEqual(self.request("POST", target, self.widget(name, color="red")).code, 201)

    def test_names_that_begin_alike_are_apart(self) -> None:
        """
        RunTestGetListRecursivePrefix and RunTestNamespaceScopedList.
        """
        in_n = f"{BASE}/namespaces/n/widgets"
        self.assertEqual(self.names("", in_n), "a a-1")
        self.assertEqual(self.names("", f"{BASE}/widgets"), "a a-1 a a-1")
        self.assertEqual(self.names("fieldSelector=metadata.name%3Da", in_n), "a")
        self.assertEqual(self.names("fieldSelector=spec.color%3Dred,metadata.name%3Da-1", in_n), "a-1")
        self.assertEqual(self.names("fieldSelector=metadata.namespace%3Dn-1", f"{BASE}/widgets"), "a a-1")
        self.assertEqual(self.names("fieldSelector=spec.color%3Dblue", in_n), "")

    def test_one_object_as_a_list(self) -> None:
        """
        RunTestGetListNonRecursive.
        """
        in_n = f"{BASE}/namespaces/n/widgets"
        for query in ("", "&resourceVersion=0", f"&resourceVersion={self.server.cacher.revision}"):
            self.assertEqual(self.names(f"fieldSelector=metadata.name%3Da{query}", in_n), "a")
            self.assertEqual(self.names(f"fieldSelector=metadata.name%3Dzz{query}", in_n), "")


class PageTests(ListTestCase):
    """
    Piece by piece.
    """

    def test_pages_follow_each_other(self) -> None:
        """
        RunTestListContinuation: each tells how much remains.
        """
        self.create_all("a b c d e")
        first = self.read("limit=2")
        self.assertEqual(first["metadata"]["remainingItemCount"], 3)
        self.assertEqual(self.pages("limit=2"), ["a b", "c d", "e"])

    def test_pages_are_filled_from_all(self) -> None:
        """
        RunTestListPaginationRareObject and RunTestListContinuationWithFilter.
        """
        self.create_all(" ".join(f"w{index:03}" for index in range(120)))
        self.create("w060x", color="blue")
        self.create("w119x", color="blue")
        self.assertEqual(self.pages("limit=1&fieldSelector=spec.color%3Dblue"), ["w060x", "w119x"])

    def test_pages_are_one_snapshot_while_others_write(self) -> None:
        """
        RunTestListPaging.
        """
        self.create_all("a b c d")
        page = self.read("limit=2")
        self.request("DELETE", f"{WIDGETS}/c")
        self.create("bb")
        rest = self.read(f"limit=2&continue={page['metadata']['continue']}")
        self.assertEqual([item["metadata"]["name"] for item in rest["items"]], ["c", "d"])
        self.assertEqual(rest["metadata"]["resourceVersion"], page["metadata"]["resourceVersion"])

    def test_the_rest_can_be_had_of_the_newest_state(self) -> None:
        """
        RunTestListInconsistentContinuation.
        """
        self.create_all("a b c")
        token = self.read("limit=1")["metadata"]["continue"]
        self.request("DELETE", f"{WIDGETS}/b")
        self.create("d")
        self.run_now(self.server.backend.compact(self.server.cacher.revision))
        status = self.status(self.request("GET", f"{WIDGETS}?continue={token}"), 410, "Expired")
        rest = self.read(f"limit=1&continue={status['metadata']['continue']}")
        self.assertEqual([item["metadata"]["name"] for item in rest["items"]], ["c"])
        self.assertEqual(self.names(f"continue={rest['metadata']['continue']}"), "d")


class StoredDataTests(ListTestCase):
    """
    What is stored in another form, or in none.
    """

    def put(self, name: str, body: Body) -> None:
        """
        Store a text behind the server's back.
        """
        change = Change(Key(f"widgets.{GROUP}", "default", name), 0, ADDED, body, b"", "u")
        self.run_now(self.server.backend.commit([change]))

    def test_another_form_is_written_anew(self) -> None:
        """
        RunTestGuaranteedUpdateChecksStoredData: here with a member that the schema does not know any more.
        """
        store = self.server.application.stores.get(GROUP, "v1", "widgets")
        assert store is not None
        body = self.widget("a", size=3, old=1)
        body["metadata"].update(namespace="default", uid="u", generation=1)
        self.put("a", store.codec.encode(body))
        patched = self.request("PATCH", f"{WIDGETS}/a", {"spec": {"size": 4}}, content_type=MERGE)
        self.assertEqual(patched.json()["spec"], {"size": 4})

    def test_what_cannot_be_read_is_told(self) -> None:
        """
        RunTestTransformationFailure: it is never taken for nothing, nor written over.
        """
        self.put(
            "a", Body(b'{"apiVersion":"probe.example.com/v1","metadata":{"resourceVersion":"', b'"} broken')
        )
        refused = self.request("GET", f"{WIDGETS}?fieldSelector=spec.color%3Dred")
        self.status(refused, 500, "InternalError")
        patch = self.request("PATCH", f"{WIDGETS}/a", {"spec": {"size": 4}}, content_type=MERGE)
        self.status(patch, 500, "InternalError")
        self.status(self.request("POST", WIDGETS, self.widget("a")), 500, "InternalError")
        self.flushLoggedErrors()

    def test_nothing_follows_an_error_in_a_watch(self) -> None:
        """
        RunTestWatchError and RunWatchErrorIsBlockingFurtherEvents.
        """
        watch = self.request("GET", f"{WIDGETS}?watch=1&fieldSelector=spec.color%3Dred")
        self.create("a", color="red")
        self.put(
            "b", Body(b'{"apiVersion":"probe.example.com/v1","metadata":{"resourceVersion":"', b'"} broken')
        )
        self.create("c", color="red")
        self.assertEqual([event["type"] for event in watch.events()], ["ADDED", "ERROR"])
        assert watch.stream is not None
        self.assertTrue(watch.stream.finished)
        self.flushLoggedErrors()
