"""
Tests for L{ark.cluster.webhook} and L{ark.cluster.webhookfailures}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.resource import Resource

from ark.cluster.webhook import Address, CallFailed, Connections, Webhook, WebhookClient, by_name
from ark.cluster.webhookfailures import LONGEST_TEXT, reason, refusal
from tests.cluster_client.wire import Wire

URL = "https://hook.example.com/review"


class Hook(Resource):
    """
    Answers as it is told.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.answer: Callable[[Any], bytes] = lambda request: b"{}"
        self.asked: list[bytes] = []

    def render_POST(self, request: Any) -> bytes:
        """
        Answer.
        """
        self.asked.append(request.uri)
        return self.answer(request)

    def render_GET(self, request: Any) -> bytes:
        """
        Nobody gets anything here.
        """
        raise AssertionError("it was sent on")


class Flaky:
    """
    An agent whose first connections were closed meanwhile.
    """

    def __init__(self, agent: Any, times: int, error: Exception) -> None:
        self._agent = agent
        self._times = times
        self._error = error

    def request(self, *given: Any, **named: Any) -> Any:
        """
        Fail, or do it.
        """
        if self._times:
            self._times -= 1
            return fail(ResponseNeverReceived([Failure(self._error)]))  # type: ignore[no-untyped-call]
        return self._agent.request(*given, **named)


class WebhookClientTests(SynchronousTestCase):
    """
    One webhook in memory.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.hook = Hook()
        self.agent = RequestTraversalAgent(self.hook)

    def post(self, agent: Any = None, limit: int = 1000) -> Any:
        """
        The answer, or the failure's text.
        """
        client = WebhookClient(Webhook(URL, None, b""), Clock(), agent or self.agent, limit)
        results: list[Any] = []
        done = Deferred.fromCoroutine(client.post(b"{}", 5))
        done.addBoth(results.append)
        self.agent.flush()
        (found,) = results
        if isinstance(found, Failure):
            found.trap(CallFailed)  # type: ignore[no-untyped-call]
            return str(found.value)
        return found

    def test_the_time_is_told(self) -> None:
        """
        In the query.
        """
        self.assertEqual(self.post(), b"{}")
        self.assertEqual(self.hook.asked, [b"/review?timeout=5s"])

    def test_redirections_are_not_followed(self) -> None:
        """
        Else a webhook could have the server ask anybody (CVE-2020-8561).
        """
        for code in (301, 302, 303, 307, 308):

            def answer(request: Any, code: int = code) -> bytes:
                request.setResponseCode(code)
                request.setHeader(b"location", b"https://elsewhere.example.com/")
                return b""

            self.hook.answer = answer
            told = f"the server responded with the status code {code} but did not return more information"
            self.assertEqual(self.post(), told)
        self.assertEqual(len(self.hook.asked), 5)

    def test_answers_may_not_be_too_large(self) -> None:
        """
        What is beyond the limit is not kept.
        """
        self.hook.answer = lambda request: b"x" * 1001
        self.assertEqual(self.post(), f'Post "{URL}?timeout=5s": the answer is larger than 1000 bytes')

    def test_no_answer_at_all(self) -> None:
        """
        A success with nothing in it is a failure.
        """
        self.hook.answer = lambda request: b""
        self.assertIn("0-length response with status code: 200", self.post())

    def test_who_does_not_wait_any_more(self) -> None:
        """
        Is not told that the webhook failed, for which the failure policy might forgive it.
        """
        client = WebhookClient(Webhook(URL, None, b""), Clock(), Wire())
        asking = Deferred.fromCoroutine(client.post(b"{}", 5))
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_a_connection_that_was_closed_meanwhile(self) -> None:
        """
        The next one is tried, once.
        """
        self.assertEqual(self.post(Flaky(self.agent, 1, ConnectionDone())), b"{}")
        self.assertIn("Connection was closed cleanly", self.post(Flaky(self.agent, 2, ConnectionDone())))
        self.assertIn("odd", self.post(Flaky(self.agent, 1, ValueError("odd"))))


class WebhookTests(SynchronousTestCase):
    """
    Where webhooks are: contract 16.9.
    """

    def test_an_origin_is_shared(self) -> None:
        """
        By webhooks with the same address and authorities.
        """
        one, other = (Webhook.of({"url": f"https://a.example.com:8443/{path}"}) for path in ("x", "y"))
        self.assertEqual(one.origin, other.origin)
        self.assertEqual(one.origin.url, "https://a.example.com:8443")
        bundled = Webhook.of({"url": "https://a.example.com:8443/x", "caBundle": "eA=="})
        self.assertNotEqual(one.origin, bundled.origin)

    def test_names_of_services(self) -> None:
        """
        A cluster's name service knows them.

        Contract 16.9.
        """
        found = self.successResultOf(Deferred.fromCoroutine(by_name("ns", "hook", 8443)))
        self.assertEqual(found, Address("hook.ns.svc", 8443))

    def test_authorities_that_are_none(self) -> None:
        """
        They are told of when somebody asks.
        """
        webhook = Webhook("https://127.0.0.1:1/x", None, b"no certificate")
        client = WebhookClient(webhook, Clock(), Connections(webhook.origin, Clock(), by_name).agent)
        failure = self.failureResultOf(Deferred.fromCoroutine(client.post(b"{}")), CallFailed)
        self.assertIn(
            "unable to load root certificates: unable to parse bytes as PEM block", str(failure.value)
        )


class FailureTests(SynchronousTestCase):
    """
    In the words of client-go.
    """

    def test_texts_explain_some_codes(self) -> None:
        """
        As far as they are texts, and not too long.
        """
        for code, content_type, body, told in (
            (403, "text/plain", b" no ", "no"),
            (403, "application/json", b"{}", "unknown"),
            (404, "text/plain", b"no", "the server could not find the requested resource"),
            (
                406,
                "application/json",
                b"{}",
                "the server was unable to respond with a content type that the client supports",
            ),
            (406, "text/plain", b"no", "no"),
            (502, "", b"woe", 'an error on the server ("woe") has prevented the request from succeeding'),
            (
                418,
                "text/plain",
                b"tea",
                "the server responded with the status code 418 but did not return more information",
            ),
        ):
            failed = refusal(code, content_type, body)
            self.assertEqual((str(failed), failed.code), (told, code))
        self.assertEqual(len(str(refusal(403, "text/plain", b"x" * 9999))), LONGEST_TEXT)

    def test_a_status_tells_more(self) -> None:
        """
        Its message and code count.
        """
        failed = refusal(
            500, "application/json", b'{"kind":"Status","status":"Failure","message":"woe","code":418}'
        )
        self.assertEqual((str(failed), failed.code), ("woe", 418))

    def test_reasons(self) -> None:
        """
        Also where they are wrapped.
        """
        for error, told in (
            (ConnectionRefusedError(), "dial tcp h:1: connect: connection refused"),
            (DNSLookupError(), "dial tcp: lookup h: no such host"),
            (ResponseFailed([Failure(ValueError("odd"))]), "odd"),  # type: ignore[no-untyped-call]
            (ValueError(), "ValueError"),
        ):
            self.assertEqual(reason(error, "h:1"), told)
