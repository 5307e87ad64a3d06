"""
Tests for L{ark.cluster.memory}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ark.cluster.errors import Unreachable
from ark.cluster.memory import JSON_PATCH, MERGE_PATCH, MemoryCluster
from ark.interfaces import ICluster, IInformer
from ark.meta.status import APIStatus, unauthorized

NAMESPACES = "/api/v1/namespaces"
SECRETS = "/api/v1/secrets"
IN_DEFAULT = "/api/v1/namespaces/default/secrets"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def secret(name: str, **members: Any) -> dict[str, Any]:
    """
    A secret without a namespace.
    """
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **members}


class MemoryClusterTests(TestCase):
    """
    A cluster in memory keeps objects as kube-apiserver does.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)

    def do(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """
        A request that is answered at once.
        """
        return self.successResultOf(
            Deferred.fromCoroutine(self.cluster.request(method, path, body, **options))
        )

    def refusal(self, *request: Any, **options: Any) -> APIStatus:
        """
        What a request is refused with.
        """
        asking = Deferred.fromCoroutine(self.cluster.request(*request, **options))
        return self.failureResultOf(asking, APIStatus).value

    def test_is_a_cluster(self) -> None:
        """
        It and its informers have all that their interfaces name.
        """
        verifyObject(ICluster, self.cluster)
        verifyObject(IInformer, self.cluster.informer(SECRETS))

    def test_create_then_get_and_list(self) -> None:
        """
        What was created is found by its own path, and in both collections.
        """
        made = self.do("POST", IN_DEFAULT, secret("a"))
        self.assertEqual(made["metadata"]["namespace"], "default")
        self.assertEqual(made["metadata"]["resourceVersion"], "1")
        self.assertEqual(self.do("GET", f"{IN_DEFAULT}/a"), made)
        for path in (SECRETS, IN_DEFAULT):
            self.assertEqual(self.do("GET", path)["items"], [made])
        self.assertEqual(self.do("GET", "/api/v1/namespaces/other/secrets")["items"], [])

    def test_refusals(self) -> None:
        """
        What does not fit is refused with kube-apiserver's codes.
        """
        self.do("POST", IN_DEFAULT, secret("a"))
        stale = {**secret("a"), "metadata": {"name": "a", "resourceVersion": "99"}}
        for code, request in (
            (409, ("POST", IN_DEFAULT, secret("a"))),
            (404, ("GET", f"{IN_DEFAULT}/b")),
            (404, ("GET", "/nothing")),
            (409, ("PUT", f"{IN_DEFAULT}/a", stale)),
            (404, ("DELETE", f"{IN_DEFAULT}/b")),
            (405, ("DELETE", IN_DEFAULT)),
            (409, ("DELETE", f"{IN_DEFAULT}/a", {"preconditions": {"uid": "another"}})),
            (415, ("PATCH", f"{IN_DEFAULT}/a", {})),
        ):
            self.assertEqual(self.refusal(*request).code, code, request)

    def test_update_keeps_identity_and_counts(self) -> None:
        """
        An update has a new version and the old uid; one that changes nothing has neither.
        """
        made = self.do("POST", IN_DEFAULT, secret("a"))
        updated = self.do("PUT", f"{IN_DEFAULT}/a", {**made, "data": {"x": "eA=="}})
        self.assertEqual(updated["metadata"]["resourceVersion"], "2")
        self.assertEqual(updated["metadata"]["uid"], made["metadata"]["uid"])
        self.assertEqual(self.do("PUT", f"{IN_DEFAULT}/a", updated), updated)

    def test_patches(self) -> None:
        """
        Merge and JSON patches change what they name, on C{/status} the status only.
        """
        self.do("POST", IN_DEFAULT, secret("a", data={"x": "1", "y": "2"}))
        patched = self.do("PATCH", f"{IN_DEFAULT}/a", {"data": {"x": None}}, content_type=MERGE_PATCH)
        self.assertEqual(patched["data"], {"y": "2"})
        operations = [{"op": "replace", "path": "/data/y", "value": "3"}]
        patched = self.do("PATCH", f"{IN_DEFAULT}/a", operations, content_type=JSON_PATCH)
        self.assertEqual(patched["data"], {"y": "3"})
        both = {"data": {"y": "4"}, "status": {"ready": True}}
        patched = self.do("PATCH", f"{IN_DEFAULT}/a/status", both, content_type=MERGE_PATCH)
        self.assertEqual((patched["data"], patched["status"]), ({"y": "3"}, {"ready": True}))
        operations = [{"op": "test", "path": "/data/y", "value": "9"}]
        refused = self.refusal("PATCH", f"{IN_DEFAULT}/a", operations, content_type=JSON_PATCH)
        self.assertEqual(refused.code, 422)

    def test_finalizers_hold_an_object(self) -> None:
        """
        An object with finalizers goes when the last of them does.
        """
        held = secret("a")
        held["metadata"]["finalizers"] = ["x/y"]
        self.do("POST", IN_DEFAULT, held)
        dying = self.do("DELETE", f"{IN_DEFAULT}/a")
        self.assertIn("deletionTimestamp", dying["metadata"])
        free = {"metadata": {"finalizers": None}}
        self.do("PATCH", f"{IN_DEFAULT}/a", free, content_type=MERGE_PATCH)
        self.assertIsNone(self.cluster.find(SECRETS, "a", "default"))

    def test_what_is_handed_out_is_a_copy(self) -> None:
        """
        Changing an answer changes nothing in the cluster.
        """
        self.cluster.put(IN_DEFAULT, secret("a"))["data"] = {}
        self.do("GET", f"{IN_DEFAULT}/a")["data"] = {}
        self.assertNotIn("data", self.cluster.find(SECRETS, "a", "default") or {})

    def test_answers(self) -> None:
        """
        A function answers reviews, or refuses them.
        """
        self.cluster.answer(REVIEWS, lambda body: {"status": {"authenticated": body["spec"]["token"] == "t"}})
        self.assertEqual(
            self.do("POST", REVIEWS, {"spec": {"token": "t"}}), {"status": {"authenticated": True}}
        )

        def refuse(body: Any) -> dict[str, Any]:
            raise unauthorized()

        self.cluster.answer(REVIEWS, refuse)
        self.assertEqual(self.refusal("POST", REVIEWS, {}).code, 401)

    def test_answers_that_take_too_long(self) -> None:
        """
        An answer may come later, but not after the timeout.
        """
        coming: Deferred[dict[str, Any]] = Deferred()
        self.cluster.answer(REVIEWS, lambda body: coming)
        asking = Deferred.fromCoroutine(self.cluster.request("POST", REVIEWS, {}, timeout=3))
        self.assertNoResult(asking)
        self.clock.advance(3)
        self.failureResultOf(asking, Unreachable)

    def test_requests_are_remembered(self) -> None:
        """
        Also those that did not reach it.
        """
        self.cluster.down = True
        asking = Deferred.fromCoroutine(self.cluster.request("GET", SECRETS, query={"limit": "1"}))
        self.failureResultOf(asking, Unreachable)
        self.assertEqual(self.cluster.requests[-1][:2], ("GET", SECRETS))
        self.assertEqual(self.cluster.requests[-1].query, {"limit": "1"})


class MemoryInformerTests(TestCase):
    """
    Informers of a cluster in memory know at once what is in it.
    """

    def setUp(self) -> None:
        self.cluster = MemoryCluster(Clock())
        self.told: list[int] = []

    def started(self, path: str, query: dict[str, str] | None = None) -> Any:
        """
        An informer that has been started and tells C{told} how many objects it has.
        """
        informer = self.cluster.informer(path, query)
        informer.subscribe(lambda: self.told.append(len(informer.items())))
        informer.start()
        return informer

    def test_follows(self) -> None:
        """
        It has what was there, and tells of what comes, changes and goes.
        """
        self.cluster.put(NAMESPACES, {"metadata": {"name": "b"}})
        informer = self.started(NAMESPACES)
        self.assertTrue(informer.synced)
        self.cluster.put(NAMESPACES, {"metadata": {"name": "a"}})
        self.assertEqual([obj["metadata"]["name"] for obj in informer.items()], ["a", "b"])
        self.cluster.put(NAMESPACES, {"metadata": {"name": "a"}, "x": 1})
        self.assertEqual(informer.get("", "a")["x"], 1)
        self.cluster.remove(NAMESPACES, "b")
        self.assertIsNone(informer.get("", "b"))
        self.assertEqual(self.told, [1, 2, 2, 1])

    def test_selects(self) -> None:
        """
        It has what its path and selectors choose, and loses what they no longer do.
        """
        informer = self.started(IN_DEFAULT, {"labelSelector": "a=b"})
        labelled = {"metadata": {"name": "x", "labels": {"a": "b"}}}
        self.cluster.put(IN_DEFAULT, labelled)
        self.cluster.put("/api/v1/namespaces/other/secrets", labelled)
        self.assertEqual(len(informer.items()), 1)
        self.cluster.put(IN_DEFAULT, {"metadata": {"name": "x"}})
        self.assertEqual(len(informer.items()), 0)
        self.assertEqual(self.told, [0, 1, 0])

    def test_misses_nothing_while_the_cluster_is_down(self) -> None:
        """
        While it is down nothing is told; after that, all of it.
        """
        informer = self.started(NAMESPACES)
        self.cluster.down = True
        self.cluster.put(NAMESPACES, {"metadata": {"name": "a"}})
        self.assertIsNone(informer.get("", "a"))
        self.cluster.down = False
        self.assertIsNotNone(informer.get("", "a"))
        self.assertEqual(self.told, [0, 1])

    def test_waits(self) -> None:
        """
        One that was started while the cluster is down is synced when it is up.
        """
        self.cluster.down = True
        informer = self.started(NAMESPACES)
        waiting = Deferred.fromCoroutine(informer.wait())
        given_up = Deferred.fromCoroutine(informer.wait())
        given_up.addErrback(lambda failure: None)
        given_up.cancel()
        self.assertNoResult(waiting)
        self.cluster.down = False
        self.successResultOf(waiting)
        self.successResultOf(Deferred.fromCoroutine(informer.wait()))

    def test_stops(self) -> None:
        """
        A stopped one keeps what it has, and is told nothing.
        """
        informer = self.started(NAMESPACES)
        self.cluster.put(NAMESPACES, {"metadata": {"name": "a"}})
        informer.stop()
        self.cluster.remove(NAMESPACES, "a")
        self.cluster.down = False
        self.assertIsNotNone(informer.get("", "a"))
