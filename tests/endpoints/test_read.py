"""
GET, LIST and WATCH: contract sections 1, 11, 12 and 14.
"""

from __future__ import annotations

from typing import Any

from tests.endpoints.support import BASE, GROUP, WIDGETS, ServerTestCase

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def names(answer: Any) -> list[str]:
    """
    The names in a list.
    """
    return [item["metadata"]["name"] for item in answer.json()["items"]]


class GetTests(ServerTestCase):
    """
    One object.
    """

    def test_answers_with_what_was_stored(self) -> None:
        """
        The bytes of the write are those of the read.
        """
        created = self.request("POST", WIDGETS, self.widget(color="red"))
        self.assertEqual(self.request("GET", f"{WIDGETS}/w").body, created.body)

    def test_headers_are_kubernetes(self) -> None:
        """
        1.12.
        """
        self.create()
        answer = self.request("GET", f"{WIDGETS}/w", audit_id="x-1")
        self.assertEqual(answer.header(b"audit-id"), b"x-1")
        self.assertEqual(answer.header(b"cache-control"), b"no-cache, private")
        self.assertEqual(answer.header(b"content-type"), b"application/json")

    def test_head_is_get_without_a_body(self) -> None:
        """
        1.17.
        """
        self.create()
        answer = self.request("HEAD", f"{WIDGETS}/w")
        self.assertEqual((answer.code, answer.body), (200, b""))

    def test_a_future_revision_times_out(self) -> None:
        """
        11.5: after three seconds.
        """
        self.create()
        answer = self.request("GET", f"{WIDGETS}/w?resourceVersion=99999")
        self.assertEqual(answer.code, 0)
        self.server.advance(3.1)
        status = self.status(answer, 504, "Timeout")
        self.assertEqual(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge")
        self.assertEqual(answer.header(b"retry-after"), b"1")

    def test_paths_that_lead_nowhere_are_plain_404(self) -> None:
        """
        1.15.
        """
        for path in ("/apis/nope/v1/widgets", f"{BASE}/nopes", "/nope", f"{BASE}/widgets/w"):
            answer = self.request("GET", path)
            self.assertEqual((answer.code, answer.body), (404, b"404 page not found\n"), path)

    def test_wrong_methods_are_405(self) -> None:
        """
        1.15, 10.1 and 1.17.
        """
        self.create()
        status = self.status(self.request("POST", f"{WIDGETS}/w/status", {}), 405, "MethodNotAllowed")
        self.assertEqual(status["message"], f'create is not supported on resources of kind "widgets.{GROUP}"')
        self.status(self.request("PUT", WIDGETS, {}), 400, "BadRequest")
        self.status(self.request("DELETE", f"{WIDGETS}/w/status"), 405, "MethodNotAllowed")
        self.status(self.request("GET", f"{WIDGETS}/w/nope"), 404, "NotFound")

    def test_only_a_get_watches_a_built_in_kind(self) -> None:
        """
        1.17: the path of a watch makes none of a write.
        """
        for tail in ("", "/m"):
            path = f"/api/v1/watch/namespaces/default/configmaps{tail}"
            for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD"):
                answer = self.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
                self.assertEqual((answer.code, answer.stream), (405, None), (method, path))

    def test_two_slashes_are_not_one(self) -> None:
        """
        1.1: whoever judged a path before us took it for no object.
        """
        self.create()
        self.status(self.request("GET", f"{BASE}/namespaces/default/widgets//w"), 404, "NotFound")
        self.status(self.request("DELETE", f"{BASE}/namespaces/default/widgets//w"), 404, "NotFound")
        self.assertEqual(self.request("GET", f"{BASE}//namespaces/default/widgets").code, 404)
        maps = "/api/v1/namespaces/default/configmaps"
        for path in (f"{maps}//m", f"{maps}/m//status", "/api/v1//namespaces/default/configmaps/m"):
            status = self.status(self.request("DELETE", path), 404, "NotFound")
            self.assertEqual(status["message"], "the server could not find the requested resource")

    def test_names_that_fit_into_no_path_are_bad_requests(self) -> None:
        """
        C{ValidatePathSegmentName}; where a name is not read it is not judged.
        """
        self.create()
        status = self.status(self.request("GET", f"{WIDGETS}/o%2500"), 400, "BadRequest")
        self.assertEqual(status["message"], "Name parameter invalid: \"o%00\": may not contain '%'")
        self.status(self.request("DELETE", f"{WIDGETS}/.."), 400, "BadRequest")
        self.status(self.request("POST", f"{WIDGETS}/..", self.widget()), 409, "AlreadyExists")

    def test_one_object_as_table_and_as_metadata(self) -> None:
        """
        14.1 and 1.8.
        """
        obj = self.create(size=4)
        self.server.advance(75)
        table = self.request("GET", f"{WIDGETS}/w", accept=TABLE).json()
        self.assertEqual([c["name"] for c in table["columnDefinitions"]], ["Name", "Size", "Age"])
        self.assertEqual(table["rows"][0]["cells"], ["w", 4, "75s"])
        self.assertEqual(table["rows"][0]["object"]["kind"], "PartialObjectMetadata")
        self.assertEqual(table["metadata"]["resourceVersion"], obj["metadata"]["resourceVersion"])
        partial = self.request("GET", f"{WIDGETS}/w", accept=PARTIAL).json()
        self.assertEqual(partial["metadata"], obj["metadata"])
        self.assertEqual(set(partial), {"kind", "apiVersion", "metadata"})


class ListTests(ServerTestCase):
    """
    A collection.
    """

    def fill(self, count: int) -> None:
        """
        Create widgets C{w00}, C{w01} and so on, every third of them red.
        """
        for index in range(count):
            self.create(f"w{index:02}", color="red" if index % 3 == 0 else "blue")

    def test_items_of_typed_kinds_do_not_say_their_kind(self) -> None:
        """
        11.6: as Go's types leave it out; those of custom resources do.
        """
        items = self.request("GET", "/api/v1/namespaces").json()["items"]
        self.assertEqual(next(iter(items[0])), "metadata")
        self.assertIn("spec", items[0])
        self.create()
        (widget,) = self.request("GET", WIDGETS).json()["items"]
        self.assertEqual(widget["kind"], "Widget")

    def test_an_empty_list_has_items(self) -> None:
        """
        11.6.
        """
        listed = self.request("GET", WIDGETS).json()
        self.assertEqual((listed["kind"], listed["items"]), ("WidgetList", []))
        self.assertEqual(listed["metadata"]["continue"], "")
        self.assertEqual(int(listed["metadata"]["resourceVersion"]), self.server.cacher.revision)

    def test_pages_are_one_snapshot(self) -> None:
        """
        12.1 and 12.4: what is written between pages is not seen.
        """
        self.fill(7)
        first = self.request("GET", f"{WIDGETS}?limit=3")
        metadata = first.json()["metadata"]
        self.assertEqual((names(first), metadata["remainingItemCount"]), (["w00", "w01", "w02"], 4))
        self.request("DELETE", f"{WIDGETS}/w04")
        self.create("w031")
        second = self.request("GET", f"{WIDGETS}?limit=3&continue={metadata['continue']}")
        self.assertEqual(names(second), ["w03", "w04", "w05"])
        self.assertEqual(second.json()["metadata"]["resourceVersion"], metadata["resourceVersion"])
        third = self.request("GET", f"{WIDGETS}?limit=3&continue={second.json()['metadata']['continue']}")
        self.assertEqual((names(third), third.json()["metadata"]["continue"]), (["w06"], ""))

    def test_selectors_fill_pages_with_what_matches(self) -> None:
        """
        12.5: and no remaining count is told.
        """
        self.fill(9)
        page = self.request("GET", f"{WIDGETS}?limit=2&fieldSelector=spec.color=red")
        self.assertEqual(names(page), ["w00", "w03"])
        self.assertNotIn("remainingItemCount", page.json()["metadata"])
        token = page.json()["metadata"]["continue"]
        rest = self.request("GET", f"{WIDGETS}?limit=2&fieldSelector=spec.color=red&continue={token}")
        self.assertEqual(names(rest), ["w06"])

    def test_exact_reads_see_the_past(self) -> None:
        """
        11.2.
        """
        self.fill(2)
        revision = self.server.cacher.revision
        self.request("DELETE", f"{WIDGETS}/w00")
        exact = self.request("GET", f"{WIDGETS}?resourceVersion={revision}&resourceVersionMatch=Exact")
        self.assertEqual(names(exact), ["w00", "w01"])
        self.assertEqual(exact.json()["metadata"]["resourceVersion"], str(revision))
        self.assertEqual(names(self.request("GET", f"{WIDGETS}?resourceVersion={revision}")), ["w01"])

    def test_all_namespaces_are_listed_by_namespace_and_name(self) -> None:
        """
        11.7.
        """
        self.server.create_namespace("a")
        self.create("z")
        self.request("POST", WIDGETS.replace("default", "a"), self.widget("y"))
        listed = self.request("GET", f"{BASE}/widgets?limit=1")
        self.assertEqual(names(listed), ["y"])
        token = listed.json()["metadata"]["continue"]
        self.assertEqual(names(self.request("GET", f"{BASE}/widgets?limit=1&continue={token}")), ["z"])

    def test_the_only_name_may_lie_before_the_token(self) -> None:
        """
        12.4: a page has what follows the last one, however it is selected.
        """
        for name in ("a", "b", "c"):
            self.create(name)
        token = self.request("GET", f"{WIDGETS}?limit=2").json()["metadata"]["continue"]
        selected = [
            names(self.request("GET", f"{WIDGETS}?fieldSelector=metadata.name={name}&continue={token}"))
            for name in ("a", "b", "c")
        ]
        self.assertEqual(selected, [[], [], ["c"]])

    def test_a_query_that_is_no_text_is_refused(self) -> None:
        """
        The message is no other program's.
        """
        status = self.status(self.request("GET", f"{WIDGETS}?labelSelector=n%ff"), 400, "BadRequest")
        self.assertEqual(status["message"], "invalid query: it is not UTF-8")

    def test_a_long_list_is_streamed(self) -> None:
        """
        More than a page leaves in pieces that make one list.
        """
        self.fill(60)
        from ark.endpoints import list as listing

        self.patch(listing, "PAGE", 7)
        answer = self.request("GET", WIDGETS)
        self.assertIsNotNone(answer.stream)
        self.assertEqual(len(names(answer)), 60)
        table = self.request("GET", WIDGETS, accept=TABLE)
        self.assertEqual(len(table.json()["rows"]), 60)

    def test_a_slow_client_holds_back_a_long_list(self) -> None:
        """
        Memory is bounded: pages are read as the client takes them.
        """
        self.fill(30)
        from ark.endpoints import list as listing

        self.patch(listing, "PAGE", 5)
        self.server.pause_streams = True
        answer = self.request("GET", WIDGETS)
        assert answer.stream is not None
        self.assertFalse(answer.stream.finished)
        for _ in range(10):
            answer.stream.pause(False)
            self.server.settle()
        self.assertEqual(len(names(answer)), 30)

    def test_unknown_fields_cannot_be_selected(self) -> None:
        """
        12.7.
        """
        status = self.status(self.request("GET", f"{WIDGETS}?fieldSelector=spec.size=1"), 400, "BadRequest")
        self.assertEqual(status["message"], "field label not supported: spec.size")


class WatchTests(ServerTestCase):
    """
    A stream of changes.
    """

    def test_starts_with_what_there_is_and_follows(self) -> None:
        """
        12.8 and 12.9.
        """
        self.create("a")
        watch = self.request("GET", f"{WIDGETS}?watch=1")
        self.create("b")
        self.request("DELETE", f"{WIDGETS}/a")
        self.assertEqual(
            [(event["type"], event["object"]["metadata"]["name"]) for event in watch.events()],
            [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")],
        )
        self.assertEqual(watch.header(b"content-type"), b"application/json")

    def test_goes_on_from_a_revision(self) -> None:
        """
        12.9: only what came after it.
        """
        self.create("a")
        revision = self.server.cacher.revision
        self.create("b")
        watch = self.request("GET", f"{WIDGETS}?watch=true&resourceVersion={revision}")
        self.assertEqual([event["object"]["metadata"]["name"] for event in watch.events()], ["b"])

    def test_initial_events_end_with_a_bookmark(self) -> None:
        """
        12.13.
        """
        self.create("a")
        watch = self.request(
            "GET",
            f"{WIDGETS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
            "&resourceVersionMatch=NotOlderThan",
        )
        self.assertEqual([event["type"] for event in watch.events()], ["ADDED", "BOOKMARK"])
        bookmark = watch.events()[1]["object"]
        self.assertEqual(bookmark["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})
        self.assertEqual(int(bookmark["metadata"]["resourceVersion"]), self.server.cacher.revision)

    def test_a_table_of_a_built_in_kind_ends_with_a_row_that_is_printed(self) -> None:
        """
        Cells are null only where a definition's columns find nothing.
        """
        asked = "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        cells = {}
        for path in (WIDGETS, "/api/v1/namespaces/default/secrets", "/api/v1/namespaces/default/events"):
            watch = self.request("GET", path + asked, accept=TABLE)
            (bookmark,) = watch.events()
            cells[path.rpartition("/")[2]] = bookmark["object"]["rows"][0]["cells"]
        self.assertEqual(cells["secrets"], ["", "", 0, "<unknown>"])
        self.assertEqual(set(cells["widgets"]), {"", None})
        self.assertNotIn(None, cells["events"])

    def test_selectors_turn_changes_into_comings_and_goings(self) -> None:
        """
        12.10.
        """
        self.create("a", color="red")
        watch = self.request("GET", f"{WIDGETS}?watch=1&fieldSelector=spec.color=blue")
        merge = "application/merge-patch+json"
        self.request("PATCH", f"{WIDGETS}/a", {"spec": {"color": "blue"}}, content_type=merge)
        gone = self.request("PATCH", f"{WIDGETS}/a", {"spec": {"color": "red"}}, content_type=merge).json()
        events = watch.events()
        self.assertEqual([event["type"] for event in events], ["ADDED", "DELETED"])
        self.assertEqual(events[1]["object"]["spec"]["color"], "blue")
        self.assertEqual(
            events[1]["object"]["metadata"]["resourceVersion"], gone["metadata"]["resourceVersion"]
        )

    def test_ends_when_the_time_is_up(self) -> None:
        """
        12.15.
        """
        watch = self.request("GET", f"{WIDGETS}?watch=1&timeoutSeconds=5")
        assert watch.stream is not None
        self.server.advance(4)
        self.assertFalse(watch.stream.finished)
        self.server.advance(2)
        self.assertTrue(watch.stream.finished)

    def test_a_table_is_headed_once(self) -> None:
        """
        12.18.
        """
        self.create("a")
        self.create("b")
        watch = self.request("GET", f"{WIDGETS}?watch=1", accept=TABLE)
        tables = [event["object"] for event in watch.events()]
        self.assertEqual([len(t["columnDefinitions"] or ()) for t in tables], [3, 0])
        self.assertEqual([t["rows"][0]["cells"][0] for t in tables], ["a", "b"])

    def test_one_object_is_not_watched_by_its_path(self) -> None:
        """
        1.2: the parameter is ignored there.
        """
        obj = self.create("a")
        self.assertEqual(self.request("GET", f"{WIDGETS}/a?watch=1").json(), obj)
