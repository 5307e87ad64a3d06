"""
What is remembered of paths never says anything else than the paths themselves.
"""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.endpoints.requestinfo import BadPath, RequestInfo, parse
from ark.http import knownroutes
from ark.http.root import Root
from ark.testing import InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, registry, widget_manifest

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
SEGMENTS = (
    "", ".", "..", ".a", "a", "b", "%61", "%2f", "watch", "namespaces", "status", "scale", "finalize",
    "default", "widgets", "configmaps", "v1", "api", "apis", GROUP,
)  # fmt: skip
PREFIXES = (
    "/api/v1", f"/apis/{GROUP}/v1", "/api/v1/watch", "/api/v1/namespaces", "/api/v1/namespaces/default",
    f"/apis/{GROUP}/v1/namespaces/default", f"/apis/{GROUP}/v1/namespaces/default/widgets",
    "/api/v1/namespaces/default/configmaps", "/apis", "/api", "",
)  # fmt: skip
MERGE = {"content-type": "application/merge-patch+json"}


def request(method: str, path: str) -> Any:
    """
    As much of a request as its path is read from.
    """
    return SimpleNamespace(method=method, path=path, route=None)


def read(root: Root, method: str, path: str) -> tuple[RequestInfo | None, bool]:
    """
    What a path is taken for, and whether it was remembered.
    """
    asked = request(method, path)
    try:
        return root.info_of(asked), asked.route is not None
    except BadPath:
        return None, asked.route is not None


class PathTests(SynchronousTestCase):
    """
    Paths, without going on.
    """

    def setUp(self) -> None:
        self.server = InMemoryServer(registry())
        self.root = self.server.application.root

    def test_what_was_asked_before_changes_nothing(self) -> None:
        """
        Of any paths in any order, ever so odd.
        """
        random = Random(7)
        remembered = 0
        for _ in range(30_000):
            tail = random.choices(SEGMENTS, k=random.randrange(4))
            method, path = random.choice(METHODS), "/".join((random.choice(PREFIXES), *tail)) or "/"
            info, known = read(self.root, method, path)
            remembered += known
            try:
                self.assertEqual(info, parse(method, path), path)
            except BadPath:
                self.assertIsNone(info, path)
        self.assertGreater(remembered, 500)

    def test_another_name_is_known(self) -> None:
        """
        In the same place of the same method.
        """
        for method, first, second in (
            ("GET", f"{WIDGETS}/a", f"{WIDGETS}/b"),
            ("PATCH", f"{WIDGETS}/a/status", f"{WIDGETS}/b/status"),
            ("POST", WIDGETS, WIDGETS),
            ("POST", f"{WIDGETS}/a", f"{WIDGETS}/b"),
            ("GET", WIDGETS, WIDGETS),
            ("DELETE", WIDGETS, WIDGETS),
        ):
            self.assertFalse(read(self.root, method, first)[1])
            self.assertEqual(read(self.root, method, second), (parse(method, second), True))
        for method, path in (
            ("PUT", f"{WIDGETS}/a"),
            ("GET", f"{WIDGETS}/a/status"),
            ("GET", f"/apis/{GROUP}/v1/widgets"),
            ("GET", WIDGETS.replace("default", "other") + "/a"),
        ):
            self.assertFalse(read(self.root, method, path)[1], path)

    def test_what_is_refused_is_not_kept(self) -> None:
        """
        Nor what is not served, so that each such request is looked at.
        """
        for method, path in (
            ("GET", f"{WIDGETS}/.."),
            ("GET", f"/apis/{GROUP}/v1/widgets/a"),
            ("PATCH", f"{WIDGETS}/a/scale"),
            ("DELETE", f"{WIDGETS}/a/status"),
            ("OPTIONS", f"{WIDGETS}/a"),
            ("GET", f"/apis/{GROUP}/v1/namespaces/default/gadgets/a"),
        ):
            for _ in range(2):
                self.assertFalse(read(self.root, method, path)[1], path)

    def test_names_that_need_reading_are_read(self) -> None:
        """
        Those that are no names, and those that say something else than they show.
        """
        read(self.root, "GET", f"{WIDGETS}/a")
        for name in ("", ".", "..", "%61", "a%2fb", "a%00", "a/", "b/c", "status/"):
            self.assertFalse(read(self.root, "GET", f"{WIDGETS}/{name}")[1], name)

    def test_no_more_is_kept_than_there_is_room_for(self) -> None:
        """
        And nothing that a client made long.
        """
        self.patch(knownroutes, "MOST", 10)
        self.setUp()
        known = self.root._routes._known
        for number in range(100):
            namespace = WIDGETS.replace("default", f"n{number}")
            self.assertFalse(read(self.root, "GET", f"{namespace}/a")[1])
            self.assertTrue(read(self.root, "GET", f"{namespace}/b")[1])
            self.assertLessEqual(len(known), 10)
        known.clear()
        namespace = WIDGETS.replace("default", "n" * knownroutes.LONGEST)
        for _ in range(2):
            self.assertFalse(read(self.root, "GET", f"{namespace}/a")[1])
        self.assertFalse(known)


class KindTests(SynchronousTestCase):
    """
    Kinds come and go.
    """

    def setUp(self) -> None:
        self.registry = registry()
        self.server = InMemoryServer(self.registry)
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
        self.assertEqual([self.server.request("POST", WIDGETS, body).code for _ in range(2)], [201, 409])

    def serve(self, kinds: KindRegistry) -> None:
        """
        Serve these from now on.
        """
        self.server.application.stores.serve(kinds)
        self.server.settle()

    def without_widgets(self) -> KindRegistry:
        """
        All other kinds.
        """
        return KindRegistry(kind for kind in self.registry if kind.plural != "widgets")

    def codes(self) -> list[int]:
        """
        What each method answers.
        """
        patch = b'{"spec":{"size":2}}'
        answers = [self.server.request("GET", f"{WIDGETS}/w") for _ in range(2)]
        answers += [self.server.request("PATCH", f"{WIDGETS}/w", patch, MERGE) for _ in range(2)]
        return [answer.code for answer in answers]

    def test_what_is_served_no_more_is_not_found(self) -> None:
        """
        However often it was asked for before; and it is again once it is served again.
        """
        self.assertEqual(self.codes(), [200] * 4)
        self.serve(self.without_widgets())
        self.assertEqual(self.codes(), [404] * 4)
        self.serve(self.registry)
        self.assertEqual(self.codes(), [200] * 4)

    def test_every_request_of_a_deprecated_version_is_warned(self) -> None:
        """
        Not only the first; and none is that leads nowhere.
        """
        manifest = widget_manifest()
        manifest["spec"]["versions"][0]["deprecated"] = True
        others = KindRegistry.typed()
        self.serve(KindRegistry((*others, *KindRegistry.from_manifests([manifest]))))
        for path, warned in ((f"{WIDGETS}/w", 1), (WIDGETS, 1), (f"/apis/{GROUP}/v1/widgets/w", 0)):
            for _ in range(3):
                answer = self.server.request("GET", path)
                self.assertEqual(len(answer.header_values(b"warning")), warned, path)

    def test_a_watch_is_no_list(self) -> None:
        """
        Though its path is the same; nor is a list a watch.
        """
        for _ in range(2):
            self.assertEqual(self.server.request("GET", WIDGETS).json()["kind"], "WidgetList")
            opened = self.server.request("GET", f"{WIDGETS}?watch=true")
            self.assertEqual([event["type"] for event in opened.events()], ["ADDED"])
            self.assertEqual(self.server.application.chain.long_running, 1)
            assert opened.request is not None
            self.assertEqual((opened.request.info.verb, opened.request.route), ("watch", None))
            opened.request.disconnected()
            self.server.settle()

    def test_a_request_under_way_sees_what_is_served_when_it_is_its_turn(self) -> None:
        """
        A kind may go while it is found out whether a client may ask for it.
        """
        root = self.server.application.root
        asked = [request("GET", f"{WIDGETS}/w") for _ in range(2)]
        infos = [root.info_of(one) for one in asked]
        route = asked[-1].route
        self.assertIsNotNone(route)
        called: list[Any] = []

        def endpoint(scope: Any, *_: Any) -> Any:
            called.append(scope)

        route.endpoint = endpoint
        root.handle(asked[-1], infos[-1])
        self.assertEqual(called, [route.scope])
        self.serve(self.without_widgets())
        root.handle(asked[-1], infos[-1]).close()
        self.assertEqual(len(called), 1)

    def test_another_schema_counts_at_once(self) -> None:
        """
        A kind that was changed has another scope.
        """
        scope = self.server.application.root._scopes[GROUP, "v1", "widgets"]
        self.assertEqual(self.codes(), [200] * 4)
        self.serve(self.without_widgets())
        self.serve(registry())
        self.assertEqual(self.codes(), [200] * 4)
        asked = request("GET", f"{WIDGETS}/w")
        self.server.application.root.info_of(asked)
        self.assertIsNot(asked.route.scope, scope)
