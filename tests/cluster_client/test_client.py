"""
Tests for L{ark.cluster.client}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseNeverReceived
from zope.interface.verify import verifyObject

from ark import __version__
from ark.cluster.access import Access
from ark.cluster.client import AT_ONCE, Cluster
from ark.cluster.errors import Unreachable
from ark.interfaces import ICluster
from ark.meta.status import APIStatus
from tests.cluster_client.wire import Wire

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MAPS = "/api/v1/namespaces/default/configmaps"
STATUS = {
    "kind": "Status",
    "status": "Failure",
    "reason": "Conflict",
    "message": "it has changed",
    "code": 409,
    "details": {"name": "x", "kind": "configmaps", "causes": [{"reason": "a", "message": "b", "field": "c"}]},
}


class ClusterTests(TestCase):
    """
    A request is answered with an object, with the failure that the cluster tells, or as unreachable.
    """

    access = Access("https://kube:6443/base", token="hidden")

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.cluster = self.make(self.access)

    def make(self, access: Access) -> Cluster:
        """
        A client that talks to the test.
        """
        return Cluster(access, self.clock, self.clock.seconds, environ={}, agent=self.wire)

    def ask(self, *arguments: Any, **options: Any) -> Deferred[dict[str, Any]]:
        """
        Make a request.
        """
        return Deferred.fromCoroutine(self.cluster.request(*arguments, **options))

    def refusal(self, code: int, body: Any, **headers: str) -> APIStatus:
        """
        What an answer is told as.
        """
        asking = self.ask("PATCH", MAPS + "/x", {})
        self.wire.last.answer(body, code, **headers)
        return self.failureResultOf(asking, APIStatus).value

    def unreachable(self, asking: Deferred[Any]) -> str:
        """
        Why there was no answer; it never shows a secret.
        """
        failure = self.failureResultOf(asking, Unreachable)
        self.assertNotIn("hidden", failure.getTraceback())
        return str(failure.value)

    def test_is_a_cluster(self) -> None:
        """
        It has all that the interface names.
        """
        verifyObject(ICluster, self.cluster)

    def test_what_is_sent(self) -> None:
        """
        The path goes below the server's, with query, body, media type, and who asks with what.
        """
        asking = self.ask(
            "POST", MAPS, {"a": 1}, query={"dryRun": "All", "x": "a b"}, content_type="application/x"
        )
        sent = self.wire.last
        self.assertEqual(sent.uri, f"https://kube:6443/base{MAPS}?dryRun=All&x=a+b")
        self.assertEqual((sent.method, json.loads(sent.body)), ("POST", {"a": 1}))
        fields = {name.lower(): values for name, values in sent.headers.getAllRawHeaders()}
        self.assertEqual(fields[b"authorization"], [b"Bearer hidden"])
        self.assertEqual(fields[b"user-agent"], [f"ark-apiserver/{__version__}".encode()])
        self.assertEqual(fields[b"content-type"], [b"application/x"])
        self.assertEqual(fields[b"accept"], [b"application/json"])
        self.assertEqual(fields[b"host"], [b"kube:6443"])
        sent.answer({"kind": "ConfigMap"}, 201)
        self.assertEqual(self.successResultOf(asking), {"kind": "ConfigMap"})

    def test_failures_that_the_cluster_tells(self) -> None:
        """
        A Status comes out as it is.
        """
        error = self.refusal(409, STATUS)
        self.assertEqual((error.code, error.reason, error.message), (409, "Conflict", "it has changed"))
        self.assertEqual(error.details, {"name": "x", "kind": "configmaps"})
        self.assertEqual(error.causes[0].field, "c")
        slow = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 7}}
        self.assertEqual(self.refusal(429, slow).retry_after, 7)

    def test_failures_without_a_status(self) -> None:
        """
        What kube-apiserver says in plain text is a failure too.
        """
        error = self.refusal(404, b"404 page not found\n")
        self.assertEqual((error.code, error.reason, error.message), (404, "NotFound", "404 page not found"))
        self.assertEqual(self.refusal(429, b"busy", retry_after="3").retry_after, 3)

    def test_what_is_no_answer(self) -> None:
        """
        A failure of something between, or an answer that cannot be read, is none.
        """
        for code, body, words in (
            (502, b"<html>", "code 502"),
            (302, b"", "code 302"),
            (200, b"<html>", "not a JSON object"),
            (200, b"[]", "not a JSON object"),
        ):
            asking = self.ask("GET", MAPS)
            self.wire.last.answer(body, code)
            self.assertIn(words, self.unreachable(asking))
        asking = self.ask("GET", MAPS)
        response = self.wire.last.begin()
        response.send(b'{"a":')
        response.end(ConnectionLost())
        self.assertIn("was lost", self.unreachable(asking))
        asking = self.ask("GET", MAPS)
        self.wire.last.fail(ConnectionRefusedError())
        self.assertIn("refused", self.unreachable(asking))

    def test_deadline(self) -> None:
        """
        The whole answer must be there in time; what is under way then is let go.
        """
        asking = self.ask("GET", MAPS, timeout=3)
        self.clock.advance(3)
        self.assertTrue(self.wire.last.cancelled)
        self.assertIn("within 3 seconds", self.unreachable(asking))
        asking = self.ask("GET", MAPS, timeout=3)
        response = self.wire.last.begin()
        self.clock.advance(3)
        self.assertTrue(response.transport.disconnecting)
        self.unreachable(asking)

    def test_closed_connections(self) -> None:
        """
        When the connection was closed meanwhile, what may be made twice is made once more.
        """
        cut = ResponseNeverReceived([Failure(ConnectionLost())])
        for method, path, again in (
            ("GET", MAPS, True),
            ("PUT", MAPS + "/x", True),
            ("POST", REVIEWS, True),
            ("POST", MAPS, False),
            ("PATCH", MAPS + "/x", False),
        ):
            self.wire.exchanges.clear()
            asking = self.ask(method, path, {"a": 1})
            self.wire.last.fail(cut)
            if not again:
                self.unreachable(asking)
                continue
            self.assertEqual(self.wire.last.body, b'{"a":1}')
            self.wire.last.fail(cut)
            self.unreachable(asking)
            self.assertEqual(len(self.wire.exchanges), 2)

    def test_retry_after(self) -> None:
        """
        A cluster that says when to come back is asked again then, if there is time.
        """
        asking = self.ask("GET", MAPS, timeout=10)
        self.wire.last.answer(b"busy", 429, retry_after="2")
        self.clock.advance(1.9)
        self.assertEqual(len(self.wire.exchanges), 1)
        self.clock.advance(0.1)
        self.wire.last.answer({"kind": "Status", "code": 503}, 503, retry_after="9")
        self.assertEqual(self.failureResultOf(asking, APIStatus).value.code, 503)
        asking = self.ask("POST", MAPS, {})
        self.wire.last.answer(b"busy", 429, retry_after="1")
        self.assertEqual(self.failureResultOf(asking, APIStatus).value.code, 429)

    def test_new_credentials(self) -> None:
        """
        Who was unknown asks once more when there is a newer token.
        """
        token = Path(self.mktemp())
        token.write_text("old")
        self.cluster = self.make(Access("https://kube", token_file=str(token)))
        asking = self.ask("POST", MAPS, {})
        token.write_text("newer")
        self.wire.last.answer({"kind": "Status", "code": 401}, 401)
        self.assertEqual(self.wire.last.headers.getRawHeaders("authorization"), ["Bearer newer"])
        self.wire.last.answer({"kind": "Status", "code": 401}, 401)
        self.assertEqual(self.failureResultOf(asking, APIStatus).value.code, 401)
        self.assertEqual(len(self.wire.exchanges), 2)

    def test_time_of_day(self) -> None:
        """
        The cluster's clock is read off its answer, whatever that is.
        """
        asking = Deferred.fromCoroutine(self.cluster.time_of_day())
        self.wire.last.answer({}, 403, Date="Sat, 21 Nov 2026 12:00:00 GMT")
        self.assertEqual(self.successResultOf(asking), 1795262400.0)
        for headers in ({}, {"Date": "noon"}):
            asking = Deferred.fromCoroutine(self.cluster.time_of_day())
            self.wire.last.answer({}, **headers)
            self.unreachable(asking)

    def test_paths_that_are_none(self) -> None:
        """
        What could be taken for another request is not sent.
        """
        for path in ("/a b", "/a\r\nHost: x", "/é", "a"):
            self.cluster = self.make(Access("https://kube"))
            self.unreachable(self.ask("GET", path))
        self.assertEqual(self.wire.exchanges, [])

    def test_not_all_at_once(self) -> None:
        """
        Only so many requests are under way at a time; the others follow.
        """
        asking = [self.ask("GET", MAPS) for _ in range(AT_ONCE + 1)]
        self.assertEqual(len(self.wire.exchanges), AT_ONCE)
        self.wire.exchanges[0].answer({})
        self.successResultOf(asking[0])
        self.assertEqual(len(self.wire.exchanges), AT_ONCE + 1)

    def test_cancelling(self) -> None:
        """
        A request that nobody waits for any more is let go, and its turn with it.
        """
        asking = self.ask("GET", MAPS)
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertTrue(self.wire.last.cancelled)
