"""
Tests of L{ark.http.tracing}, and of the spans that layers below make.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, Decision
from ark.http.tracing import RequestTracing
from ark.meta.records import ADDED, Body, Change, Key
from ark.storage.memory import MemoryBackend
from ark.storage.tracedcommitter import TracedCommitter
from ark.testing import Answer, InMemoryServer
from ark.tracing.context import TraceContext
from ark.tracing.span import SERVER, SPAN, Span, within

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
ALL = 1_000_000
NAMESPACE = "GET /api/v1/namespaces/{:namespace}/namespaces/{:name}"
"""As kube-apiserver names it: a namespace is in itself."""
ANN = UserInfo("ann", groups=("system:authenticated",))
MONITOR = UserInfo("monitor", groups=("system:monitoring", "system:authenticated"))


class KeptSpans(list[Span]):
    """
    Keeps spans that have ended.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.seconds = clock.seconds

    def add(self, span: Span) -> None:
        """
        See L{ark.tracing.span.Recorder.add}.
        """
        self.append(span)

    def named(self, name: str) -> Span:
        """
        The only span with a name.
        """
        (found,) = (span for span in self if span.name == name)
        return found


class Permissive:
    """
    Everybody may do all.
    """

    async def authorize(self, attributes: Any) -> Decision:
        """
        See L{ark.interfaces.IAuthorizer.authorize}.
        """
        return Decision(ALLOW, "")


class RequestTracingTests(SynchronousTestCase):
    """
    A server in memory that traces.
    """

    def start(self, rate: int = ALL, user: UserInfo = ANN, registry: KindRegistry | None = None) -> None:
        """
        Start it.
        """
        self.clock = Clock()
        self.spans = KeptSpans(self.clock)
        self.server = InMemoryServer(
            registry or KindRegistry.typed(),
            clock=self.clock,
            authorizer=Permissive(),
            tracing=RequestTracing(self.spans, rate),
        )
        self.server.authenticator.user = user
        self.spans.clear()

    def get(self, target: str = "/api/v1/namespaces/default", **headers: str) -> Answer:
        """
        The answer to a GET.
        """
        return self.server.request(
            "GET", target, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    def test_request_has_a_span_with_parts(self) -> None:
        """
        Named as kube-apiserver names them.
        """
        self.start()
        answer = self.get("/api/v1/namespaces/default?pretty=1", user_agent="tests")
        span = self.spans.named(NAMESPACE)
        self.assertEqual((span.kind, span.parent_id, span.error, span.link), (SERVER, 0, None, None))
        self.assertEqual(
            {part.name for part in self.spans if part.parent_id == span.context.span_id},
            {"authentication", "authorization", "Get"},
        )
        self.assertEqual({part.context.trace_id for part in self.spans}, {span.context.trace_id})
        told = span.attributes
        self.assertEqual(told["http.target"], "/api/v1/namespaces/default?pretty=1")
        self.assertEqual(told["url.path"], "/api/v1/namespaces/default")
        self.assertEqual(told["http.request.method"], "GET")
        self.assertEqual(told["http.response.status_code"], 200)
        self.assertEqual(told["http.response.body.size"], len(answer.body))
        self.assertEqual(told["user_agent.original"], "tests")
        self.assertEqual(told["client.address"], "127.0.0.1")
        assert answer.request is not None
        self.assertEqual(told["audit-id"], answer.request.audit_id)
        self.assertEqual(self.spans.named("Get").attributes["name"], "default")

    def test_names_tell_what_was_asked_and_not_of_whom(self) -> None:
        """
        So that they can be counted.
        """
        self.start()
        for target, name in (
            ("/api/v1/namespaces/default/configmaps", "GET /api/v1/namespaces/{:namespace}/configmaps"),
            ("/api/v1/namespaces/default/secrets/s", "GET /api/v1/namespaces/{:namespace}/secrets/{:name}"),
            ("/version", "GET"),
            ("/api/v1/namespaces/default/status", f"{NAMESPACE}/status"),
        ):
            self.spans.clear()
            self.get(target)
            self.spans.named(name)

    def test_trace_goes_on_for_those_who_may_say_so(self) -> None:
        """
        Administrators and monitoring; also when nobody else is traced.
        """
        self.start(0, MONITOR)
        self.get(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1")
        span = self.spans.named(NAMESPACE)
        self.assertEqual((span.context.trace_id, span.parent_id), (int(TRACE, 16), int(PARENT, 16)))
        self.assertEqual(span.context.state, b"a=1")

    def test_sampling_of_the_parent_counts(self) -> None:
        """
        Not the rate.
        """
        self.start(ALL, MONITOR)
        self.get(traceparent=f"00-{TRACE}-{PARENT}-00")
        self.assertEqual(self.spans, [])

    def test_trace_of_others_is_a_link(self) -> None:
        """
        From one whose beginning is here; and makes nobody trace.
        """
        self.start()
        self.get(traceparent=f"00-{TRACE}-{PARENT}-01")
        span = self.spans.named(NAMESPACE)
        self.assertEqual(span.parent_id, 0)
        self.assertNotEqual(span.context.trace_id, int(TRACE, 16))
        self.assertEqual(span.link, TraceContext(int(TRACE, 16), int(PARENT, 16), True))
        self.start(0)
        self.get(traceparent=f"00-{TRACE}-{PARENT}-01")
        self.assertEqual(self.spans, [])

    def test_rate_is_kept(self) -> None:
        """
        About so many, and all or none at the ends.
        """
        self.start(250_000)
        for _ in range(400):
            self.get("/version")
        number = sum(span.name == "GET" for span in self.spans)
        self.assertTrue(50 <= number <= 150, number)

    def test_failures_are_told(self) -> None:
        """
        Of 5xx only, as C{otelhttp} does; and none who is not known is traced.
        """
        self.start()
        self.get("/api/v1/namespaces/none")
        self.assertIsNone(self.spans.named(NAMESPACE).error)
        self.assertIsNotNone(self.spans.named("Get").error)
        self.spans.clear()
        self.server.request("POST", "/api/v1/namespaces", b"{")
        self.assertEqual(
            self.spans.named("POST /api/v1/namespaces").attributes["http.response.status_code"], 400
        )

    def test_watch_is_a_span_until_it_ends(self) -> None:
        """
        With the name that kube-apiserver has for it.
        """
        self.start()
        self.get("/api/v1/namespaces?watch=1&timeoutSeconds=5")
        self.assertNotIn("WatchServer.HandleHTTP", [span.name for span in self.spans])
        self.server.advance(6)
        span = self.spans.named("WatchServer.HandleHTTP")
        self.assertGreaterEqual(span.ended - span.started, 5)

    def test_request_without_a_trace_does_not_get_that_of_another(self) -> None:
        """
        Even if it begins where the other one ends.
        """
        self.start(0, MONITOR)
        SPAN.set(Span(self.spans, TraceContext(1, 2, True)))
        self.addCleanup(SPAN.set, None)
        self.get()
        self.get("/api/v1/namespaces/default%2fx")
        self.assertEqual(self.spans, [])


class PartTests(SynchronousTestCase):
    """
    Spans that layers below make.
    """

    def setUp(self) -> None:
        """
        A span that code runs in.
        """
        self.clock = Clock()
        self.spans = KeptSpans(self.clock)
        self.span = Span(self.spans, TraceContext(1, 2, True, b"a=1"))
        SPAN.set(self.span)
        self.addCleanup(SPAN.set, None)

    def test_commit_lasts_until_the_change_is_durable(self) -> None:
        """
        What it is about is said, not what is in it.
        """
        committer = TracedCommitter(MemoryBackend(), self.clock)
        change = Change(Key("secrets", "ns", "s"), 0, ADDED, Body(b'{"data":"', b'"}'), b"", "u")
        done = Deferred.fromCoroutine(committer.commit(change))
        self.assertNoResult(done)
        self.clock.advance(3)
        self.successResultOf(done)
        commit = self.spans.named("Commit")
        self.assertEqual(commit.ended - commit.started, 3)
        self.assertEqual(
            commit.attributes, {"resource": "secrets", "namespace": "ns", "name": "s", "type": "ADDED"}
        )

    def test_part_hands_on_its_own_place(self) -> None:
        """
        In the same trace, with its state.
        """
        part = self.span.child("Call", {})
        self.assertEqual(part.context, TraceContext(1, part.context.span_id, True, b"a=1"))
        self.assertNotEqual(part.context.span_id, 2)
        self.assertEqual(part.parent_id, 2)

    def test_what_nobody_wants_to_know_is_not_kept(self) -> None:
        """
        But its place is handed on.
        """
        unwanted = Span(None, TraceContext(1, 2, False))
        part = unwanted.child("Call", {})
        part.end()
        self.assertEqual(self.spans, [])
        self.assertEqual(part.context.headers(), {b"traceparent": [b"00-%032x-%016x-00" % (1, 2)]})

    def test_failure_is_named_and_not_told(self) -> None:
        """
        Its text may repeat what somebody sent.
        """

        async def fails() -> None:
            raise ValueError("password1")

        part = self.span.child("Call", {})
        self.failureResultOf(Deferred.fromCoroutine(within(part, fails())), ValueError)
        self.assertEqual(part.error, "ValueError")
        self.assertIs(SPAN.get(), self.span)
