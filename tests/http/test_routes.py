"""
The way that resource paths take past Klein's matching leads where Klein's would.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.authorization.standalone import StandaloneAuthorizer
from ark.endpoints.requestinfo import RequestInfo, parse
from ark.http.chain import Chain
from ark.http.inflight import Deadlines, InFlight
from ark.http.metrics import Metrics
from ark.http.root import Root
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, registry

NAMESPACE = "/api/v1/namespaces/default"
MERGE = {"content-type": "application/merge-patch+json"}
COLLECTIONS = (
    f"/apis/{GROUP}/v1/widgets",
    WIDGETS,
    "/api/v1/configmaps",
    f"{NAMESPACE}/configmaps",
    "/api/v1/namespaces",
)
COLLECTION_VERBS = (
    ("GET", "list"),
    ("HEAD", "list"),
    ("POST", "create"),
    ("DELETE", "deletecollection"),
)
OBJECT_VERBS = (
    ("GET", "get"),
    ("HEAD", "get"),
    ("PUT", "update"),
    ("PATCH", "patch"),
    ("DELETE", "delete"),
)
SUBRESOURCES = (f"{WIDGETS}/w/status", f"{NAMESPACE}/status", f"{NAMESPACE}/finalize")


def matched(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """
    The endpoint that Klein finds, and the segments that it hands over.
    """
    name, segments = Root.app.url_map.bind("localhost").match(path, method=method)
    return name, dict(segments)


def told(info: RequestInfo) -> dict[str, str]:
    """
    The same of the path as we read it.
    """
    names = ("group", "version", "namespace", "resource", "name", "subresource")
    return {name: getattr(info, name) for name in names if getattr(info, name)}


class MatchingTests(SynchronousTestCase):
    """
    Method and path mean the same to both.
    """

    def assert_same(self, method: str, path: str, verb: str) -> None:
        """
        One verb, one resource, one object.
        """
        name, segments = matched(method, path)
        info = parse(method, path)
        self.assertEqual((name, info.verb), (verb, verb), f"{method} {path}")
        if info.resource == "namespaces":
            # Its routes name the object only, which Kubernetes takes for the place too.
            segments.setdefault("resource", "namespaces")
            if info.subresource:
                segments["subresource"] = path.rpartition("/")[2]
            if "name" in segments:
                segments["namespace"] = segments["name"]
        self.assertEqual(segments, told(info), f"{method} {path}")

    def test_collections(self) -> None:
        """
        Of a group or of none, in a namespace, across all, and of the cluster.
        """
        for path in COLLECTIONS:
            for method, verb in COLLECTION_VERBS:
                self.assert_same(method, path, verb)

    def test_objects(self) -> None:
        """
        A namespace among them.
        """
        for path in COLLECTIONS:
            for method, verb in OBJECT_VERBS:
                self.assert_same(method, f"{path}/w", verb)

    def test_subresources(self) -> None:
        """
        Those of a namespace are not resources in it.
        """
        for path in SUBRESOURCES:
            for method, verb in OBJECT_VERBS[:-1]:
                self.assert_same(method, path, verb)

    def test_watches_by_path(self) -> None:
        """
        The old way to watch a collection or an object.
        """
        for path in COLLECTIONS:
            old = re.sub("/v1/", "/v1/watch/", path, count=1)
            self.assert_same("GET", old, "watch")
            self.assert_same("GET", f"{old}/w", "watch")

    def test_every_verb_is_declared(self) -> None:
        """
        None is reached on one way only.
        """
        declared = {rule.endpoint for rule in Root.app.url_map.iter_rules()}
        self.assertEqual(set(Root.verbs) - declared, set())
        tested = {verb for _, verb in (*COLLECTION_VERBS, *OBJECT_VERBS)} | {"watch"}
        self.assertEqual(set(Root.verbs), tested)


class ByKlein:
    """
    Lets Klein find the endpoint of every request.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.info_of = root.info_of

    async def handle(self, request: Any, info: RequestInfo) -> None:
        """
        Past no matching of Klein's.
        """
        await self.root.route(request)


class AnswerTests(SynchronousTestCase):
    """
    What each verb answers is the same on both ways.
    """

    def setUp(self) -> None:
        """
        Two servers that differ in nothing else.
        """
        self.fast = InMemoryServer(registry())
        self.klein = InMemoryServer(registry())
        application = self.klein.application
        application.chain = Chain(
            ByKlein(application.root),
            self.klein.authenticator,
            StandaloneAuthorizer(),
            InFlight(0, 0),
            Deadlines(self.klein.clock, 60.0),
            Metrics(),
        )

    def seen(self, answer: Answer) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """
        All of an answer but what is random.
        """
        headers = sorted(field for field in answer.headers if field[0] != b"audit-id")
        return answer.code, headers, re.sub(rb'"uid":"[^"]*"', b'"uid":""', answer.body)

    def both(
        self, code: int, method: str, target: str, body: Any = None, headers: Any = None
    ) -> tuple[Answer, Answer]:
        """
        Ask both servers.
        """
        answers = (
            self.fast.request(method, target, body, headers),
            self.klein.request(method, target, body, headers),
        )
        self.assertEqual(self.seen(answers[0]), self.seen(answers[1]), f"{method} {target}")
        self.assertEqual(answers[0].code, code, answers[0].body)
        return answers

    def test_verbs_on_objects(self) -> None:
        """
        From its creation to its end, with one that is not there.
        """
        widget = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Widget",
            "metadata": {"name": "w"},
            "spec": {"size": 1},
        }
        self.both(201, "POST", WIDGETS, widget)
        self.both(409, "POST", WIDGETS, widget)
        self.both(200, "GET", f"{WIDGETS}/w")
        self.both(200, "HEAD", f"{WIDGETS}/w")
        self.both(404, "GET", f"{WIDGETS}/none")
        fast, klein = self.both(200, "PATCH", f"{WIDGETS}/w", b'{"spec":{"size":2}}', MERGE)
        version = fast.json()["metadata"]["resourceVersion"]
        self.assertEqual(klein.json()["metadata"]["resourceVersion"], version)
        widget["metadata"] = {"name": "w", "resourceVersion": version}
        self.both(200, "PUT", f"{WIDGETS}/w", widget)
        self.both(409, "PUT", f"{WIDGETS}/w", widget)
        self.both(200, "PATCH", f"{WIDGETS}/w/status", b'{"status":{"phase":"done"}}', MERGE)
        self.both(200, "GET", f"{WIDGETS}/w/status")
        self.both(200, "DELETE", f"{WIDGETS}/w")

    def test_verbs_on_collections(self) -> None:
        """
        With what their queries ask for.
        """
        for name in ("a", "b"):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
            self.both(201, "POST", f"{NAMESPACE}/configmaps", body)
        self.both(200, "GET", "/api/v1/configmaps")
        self.both(200, "GET", f"{NAMESPACE}/configmaps?limit=1")
        self.both(400, "GET", f"{NAMESPACE}/configmaps?labelSelector=%21%21")
        self.both(200, "DELETE", f"{NAMESPACE}/configmaps?fieldSelector=metadata.name%3Da")
        self.both(200, "GET", f"{NAMESPACE}/configmaps")

    def test_watches(self) -> None:
        """
        Asked for by the query or by the path, they tell the same.
        """
        targets = (f"{WIDGETS}?watch=true", WIDGETS.replace("/v1/", "/v1/watch/"))
        opened = [self.both(200, "GET", target) for target in targets]
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {}}
        self.both(201, "POST", WIDGETS, body)
        for fast, klein in opened:
            self.assertEqual([event["type"] for event in fast.events()], ["ADDED"])
            self.assertEqual(self.seen(fast), self.seen(klein))

    def test_verbs_on_namespaces(self) -> None:
        """
        They are objects and places.
        """
        self.both(200, "GET", "/api/v1/namespaces")
        self.both(200, "GET", NAMESPACE)
        self.both(200, "GET", f"{NAMESPACE}/status")
        self.both(200, "PATCH", f"{NAMESPACE}/status", b'{"metadata":{"labels":{"a":"b"}}}', MERGE)
        self.both(200, "PATCH", NAMESPACE, b'{"metadata":{"labels":{"a":"b"}}}', MERGE)
        self.both(403, "DELETE", NAMESPACE)
