"""
Kubernetes' storage scenarios of watches, over the whole server.
"""

from __future__ import annotations

from typing import Any

from ark.testing import Answer
from tests.endpoints.support import BASE, WIDGETS, ServerTestCase

MERGE = "application/merge-patch+json"
NAMESPACES = "/api/v1/namespaces"
END = "k8s.io/initial-events-end"


class WatchTestCase(ServerTestCase):
    """
    Watches.
    """

    def watch(self, query: str = "", target: str = WIDGETS) -> Answer:
        """
        Begin a watch.
        """
        answer = self.request("GET", f"{target}?watch=1&{query}")
        self.assertEqual(answer.code, 200, answer.body)
        return answer

    def told(self, watch: Answer) -> list[str]:
        """
        Types and names of the events so far; a bookmark behind initial events is C{END}.
        """
        told = []
        for event in watch.events():
            metadata = event["object"]["metadata"]
            if END in metadata.get("annotations", {}):
                told.append("END")
            else:
                told.append(f"{event['type']} {metadata.get('name', '')}".strip())
        return told

    def patch(self, name: str, **spec: Any) -> None:
        """
        Change a widget.
        """
        answer = self.request("PATCH", f"{WIDGETS}/{name}", {"spec": spec}, content_type=MERGE)
        self.assertEqual(answer.code, 200, answer.body)

    def delete(self, name: str) -> None:
        """
        Delete a widget.
        """
        self.assertEqual(self.request("DELETE", f"{WIDGETS}/{name}").code, 200)


class EventTests(WatchTestCase):
    """
    What is told.
    """

    def test_additions_changes_and_deletions_are_told_by_selector(self) -> None:
        """
        RunTestWatch and RunTestDeleteTriggerWatch.
        """
        everything, red = self.watch(), self.watch("fieldSelector=spec.color%3Dred")
        self.create("a", color="blue")
        self.patch("a", color="red")
        self.patch("a", size=4)
        self.patch("a", color="green")
        self.delete("a")
        self.assertEqual(
            self.told(everything), ["ADDED a", "MODIFIED a", "MODIFIED a", "MODIFIED a", "DELETED a"]
        )
        self.assertEqual(self.told(red), ["ADDED a", "MODIFIED a", "DELETED a"])

    def test_a_deletion_has_a_revision_of_its_own(self) -> None:
        """
        RunTestWatchDeleteEventObjectHaveLatestRV.
        """
        created = int(self.create("a")["metadata"]["resourceVersion"])
        watch = self.watch(f"resourceVersion={created}")
        self.delete("a")
        revision = int(watch.events()[0]["object"]["metadata"]["resourceVersion"])
        self.assertGreater(revision, created)
        self.assertEqual(revision, self.server.cacher.revision)

    def test_watches_by_namespace_name_and_field(self) -> None:
        """
        RunTestNamespaceScopedWatch.
        """
        self.server.create_namespace("other")
        elsewhere = f"{BASE}/namespaces/other/widgets"
        watches = {
            "all": self.watch(target=f"{BASE}/widgets"),
            "namespace": self.watch(),
            "name": self.watch("fieldSelector=metadata.name%3Da"),
            "field": self.watch("fieldSelector=spec.color%3Dred"),
            "both": self.watch("fieldSelector=metadata.name%3Da,spec.color%3Dred"),
            "elsewhere": self.watch("fieldSelector=metadata.namespace%3Dother", f"{BASE}/widgets"),
        }
        self.create("a", color="blue")
        self.create("b", color="red")
        self.request("POST", elsewhere, self.widget("a", color="red"))
        self.assertEqual(
            {name: self.told(watch) for name, watch in watches.items()},
            {
                "all": ["ADDED a", "ADDED b", "ADDED a"],
                "namespace": ["ADDED a", "ADDED b"],
                "name": ["ADDED a"],
                "field": ["ADDED b"],
                "both": [],
                "elsewhere": ["ADDED a"],
            },
        )

    def test_watches_of_kinds_without_namespaces(self) -> None:
        """
        RunTestClusterScopedWatch.
        """
        here = f"resourceVersion={self.server.cacher.revision}"
        everything = self.watch(here, NAMESPACES)
        one = self.watch(f"{here}&fieldSelector=metadata.name%3Dn2", NAMESPACES)
        active = self.watch(f"{here}&fieldSelector=status.phase%3DActive", NAMESPACES)
        for name in ("n1", "n2"):
            self.server.create_namespace(name)
        self.assertEqual(self.told(everything), ["ADDED n1", "ADDED n2"])
        self.assertEqual(self.told(one), ["ADDED n2"])
        self.assertEqual(self.told(active), ["ADDED n1", "ADDED n2"])
        self.request("DELETE", f"{NAMESPACES}/n2")
        self.assertEqual(self.told(active), ["ADDED n1", "ADDED n2", "DELETED n2"])


class StartTests(WatchTestCase):
    """
    Where watches begin.
    """

    def test_any_version_begins_with_what_there_is(self) -> None:
        """
        RunTestWatchFromZero: a change comes as an addition, and what went is not told.
        """
        self.create("a")
        self.patch("a", size=4)
        self.create("b")
        self.delete("b")
        watch = self.watch("resourceVersion=0")
        self.assertEqual(self.told(watch), ["ADDED a"])
        self.assertEqual(watch.events()[0]["object"]["spec"]["size"], 4)

    def test_a_revision_is_gone_on_from(self) -> None:
        """
        RunTestWatchFromNonZero.
        """
        revision = self.create("a")["metadata"]["resourceVersion"]
        self.patch("a", size=4)
        self.assertEqual(self.told(self.watch(f"resourceVersion={revision}")), ["MODIFIED a"])

    def test_a_watch_answers_before_there_is_anything_to_tell(self) -> None:
        """
        RunTestWatchInitializationSignal.
        """
        watch = self.watch()
        self.assertEqual((watch.code, watch.events()), (200, []))

    def test_initial_events_bookmark_and_following(self) -> None:
        """
        RunWatchSemantics: each revision with and without initial events and bookmarks.
        """
        self.create("a")
        self.create("b")
        revision = self.server.cacher.revision
        initial = ["ADDED a", "ADDED b"]
        watches: list[tuple[Answer, list[str]]] = []
        for start in ("", "0", str(revision), "1"):
            for bookmarks in ("true", "false"):
                for wanted in ("true", "false"):
                    watch = self.watch(
                        f"resourceVersion={start}&sendInitialEvents={wanted}&allowWatchBookmarks={bookmarks}"
                        "&resourceVersionMatch=NotOlderThan"
                    )
                    expected = list(initial) if wanted == "true" or start == "1" else []
                    if wanted == "true" and bookmarks == "true":
                        expected.append("END")
                    self.assertEqual(self.told(watch), expected, (start, bookmarks, wanted))
                    watches.append((watch, expected))
        self.create("c")
        for watch, expected in watches:
            self.assertEqual(self.told(watch), [*expected, "ADDED c"])

    def test_initial_events_are_of_the_present(self) -> None:
        """
        RunWatchSemanticInitialEventsExtended: changed and deleted objects as they are now.
        """
        self.create("a")
        revision = self.server.cacher.revision
        self.create("b")
        self.patch("a", size=4)
        self.delete("b")
        asked = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        watch = self.watch(f"{asked}&resourceVersion={revision}")
        self.assertEqual(self.told(watch), ["ADDED a", "END"])
        self.assertEqual(watch.events()[0]["object"]["spec"]["size"], 4)

    def test_the_bookmark_behind_one_object_has_the_revision_of_all(self) -> None:
        """
        RunWatchListMatchSingle.
        """
        self.create("a")
        self.create("b")
        asked = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        watch = self.watch(f"{asked}&fieldSelector=metadata.name%3Da")
        self.assertEqual(self.told(watch), ["ADDED a", "END"])
        bookmark = watch.events()[-1]["object"]["metadata"]
        self.assertEqual(bookmark["resourceVersion"], str(self.server.cacher.revision))

    def test_without_a_revision_there_are_initial_events(self) -> None:
        """
        RunSendInitialEventsBackwardCompatibility: though nobody asked.
        """
        self.create("a")
        self.assertEqual(self.told(self.watch()), ["ADDED a"])
        self.assertEqual(self.told(self.watch("resourceVersion=0")), ["ADDED a"])


class BookmarkTests(WatchTestCase):
    """
    How far a watch is.
    """

    def test_a_quiet_watch_is_told_how_far_it_is(self) -> None:
        """
        RunOptionalTestProgressNotify: by a bookmark with a revision and nothing else.
        """
        revision = self.create("a")["metadata"]["resourceVersion"]
        watch = self.watch(f"resourceVersion={revision}&allowWatchBookmarks=true")
        self.server.create_namespace("elsewhere")
        self.server.advance(75)
        bookmark = watch.events()[-1]
        self.assertEqual(bookmark["type"], "BOOKMARK")
        self.assertEqual(
            bookmark["object"]["metadata"], {"resourceVersion": str(self.server.cacher.revision)}
        )

    def test_bookmarks_come_before_the_end_to_those_who_want_them(self) -> None:
        """
        RunTestWatchDispatchBookmarkEvents.
        """
        revision = self.create("a")["metadata"]["resourceVersion"]
        asked = f"resourceVersion={revision}&timeoutSeconds=4"
        wanted, unwanted = self.watch(f"{asked}&allowWatchBookmarks=true"), self.watch(asked)
        self.server.create_namespace("elsewhere")
        self.server.advance(5)
        self.assertEqual([event["type"] for event in wanted.events()][-1:], ["BOOKMARK"])
        self.assertEqual(unwanted.events(), [])

    def test_no_bookmark_is_ahead_of_its_watch(self) -> None:
        """
        RunTestOptionalWatchBookmarksWithCorrectResourceVersion.
        """
        watch = self.watch("allowWatchBookmarks=true&resourceVersion=0")
        for index in range(40):
            self.create(f"w{index}")
            self.server.advance(7)
        revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in watch.events()]
        self.assertIn("BOOKMARK", [event["type"] for event in watch.events()])
        self.assertEqual(revisions, sorted(revisions))
        self.assertEqual(len([name for name in self.told(watch) if name.startswith("ADDED")]), 40)


class ClientTests(WatchTestCase):
    """
    Clients that are slow, or go.
    """

    def test_events_wait_for_a_client_that_is_slow_to_begin(self) -> None:
        """
        RunTestDelayedWatchDelivery and RunTestWatcherTimeout: and it holds up nobody.
        """
        self.server.pause_streams = True
        slow = self.watch()
        self.server.pause_streams = False
        quick = self.watch()
        for index in range(30):
            self.create(f"w{index}")
        self.assertEqual(len(quick.events()), 30)
        assert slow.stream is not None
        for _ in range(40):
            slow.stream.pause(False)
            self.server.settle()
        self.assertEqual(slow.events(), quick.events())

    def test_a_client_that_goes_ends_its_watch(self) -> None:
        """
        RunTestWatchContextCancel.
        """
        watch = self.watch()
        assert watch.request is not None
        watch.request.disconnected()
        self.server.settle()
        self.create("a")
        self.assertEqual(watch.events(), [])
