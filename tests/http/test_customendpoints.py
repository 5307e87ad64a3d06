"""
Plug-ins answer paths beside the API, behind the same door.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ark.authentication.userinfo import AUTHENTICATED_GROUP, UserInfo
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.http.customendpoints import BadEndpoint
from ark.interfaces import IAuthorizer, ICustomEndpoint, IServer
from ark.meta.status import APIStatus
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import registry

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-an-endpoint.md"
SOMEBODY = UserInfo("somebody", groups=(AUTHENTICATED_GROUP,))


@implementer(IPlugin, ICustomEndpoint)
class Endpoint:
    """
    Says what a function says.
    """

    def __init__(self, prefix: Any = "/v1/report", answer: Any = None, verb: Any = "get") -> None:
        self.prefix = prefix
        self.answer = answer or (lambda request: b"/".join(request.postpath))
        self.verb = verb
        self.servers: list[Any] = []

    def verb_for(self, request: Any) -> Any:
        """
        Always the same.
        """
        return self.verb

    def resource(self, server: Any) -> Resource:
        """
        A leaf.
        """
        self.servers.append(server)
        made = Resource()
        made.isLeaf = True
        made.render = self.answer  # type: ignore[method-assign]
        return made


@implementer(IAuthorizer)
class Recorder:
    """
    Allows what it is told to, and remembers what it was asked.
    """

    def __init__(self, *allowed: tuple[str, str]) -> None:
        self.allowed = allowed
        self.asked: list[Attributes] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        By verb and path.
        """
        self.asked.append(attributes)
        allowed = (attributes.verb, attributes.path) in self.allowed
        return Decision(ALLOW if allowed else NO_OPINION)


class EndpointTestCase(SynchronousTestCase):
    """
    Serves endpoints.
    """

    def serve(self, *endpoints: Any, **parts: Any) -> InMemoryServer:
        """
        A server that has these endpoints.
        """
        return InMemoryServer(registry(), custom_endpoints=endpoints, **parts)

    def status(self, answer: Answer, code: int, reason: str) -> dict[str, Any]:
        """
        The C{Status} of a failure.
        """
        self.assertEqual(answer.code, code, answer.body)
        status: dict[str, Any] = answer.json()
        self.assertEqual((status["kind"], status["reason"]), ("Status", reason))
        return status


class MountingTests(EndpointTestCase):
    """
    Whose path is whose.
    """

    def test_an_endpoint_answers_at_and_below_its_prefix(self) -> None:
        """
        And nowhere else.
        """
        server = self.serve(Endpoint())
        self.assertEqual(server.request("GET", "/v1/report").code, 200)
        self.assertEqual(server.request("GET", "/v1/report/").code, 200)
        self.assertEqual(server.request("GET", "/v1/report/a%20b/c").body, b"a b/c")
        for path in ("/v1", "/v1/", "/v1/reports", "/v1/repor", "/v2/report", "/v1/%72eport"):
            self.assertEqual(server.request("GET", path).code, 404, path)

    def test_several_endpoints_stand_side_by_side(self) -> None:
        """
        Each gets its own.
        """
        server = self.serve(
            Endpoint("/v1/one", lambda request: b"one"), Endpoint("/v1/two", lambda request: b"two")
        )
        self.assertEqual(server.request("GET", "/v1/one").body, b"one")
        self.assertEqual(server.request("GET", "/v1/two").body, b"two")

    def test_the_api_is_as_it_was(self) -> None:
        """
        Its own paths are not the endpoints'.
        """
        server = self.serve(Endpoint())
        for path in ("/version", "/api", "/apis", "/readyz", "/api/v1/namespaces", "/metrics"):
            self.assertEqual(server.request("GET", path).code, 200, path)

    def test_a_path_of_two_meanings_leads_nowhere(self) -> None:
        """
        The authorizer would judge one, the endpoint answer another.
        """
        asked: list[Any] = []
        server = self.serve(Endpoint(answer=asked.append))
        for tail in ("a%2Fb", "..", "a/../b", "%2e%2e/a", "./a", "a//b", "/a", "a%00", "%ff"):
            self.assertEqual(server.request("GET", f"/v1/report/{tail}").code, 404, tail)
        self.assertEqual(asked, [])

    def test_the_resource_is_made_once(self) -> None:
        """
        When the server starts, of the server.
        """
        endpoint = Endpoint()
        server = self.serve(endpoint)
        server.request("GET", "/v1/report")
        server.request("GET", "/v1/report")
        self.assertEqual(endpoint.servers, [server.application])
        self.assertTrue(verifyObject(IServer, server.application))
        self.assertTrue(verifyObject(ICustomEndpoint, endpoint))

    def refused(self, *endpoints: Any) -> str:
        """
        Why a server does not start.
        """
        return str(self.assertRaises(BadEndpoint, self.serve, *endpoints))

    def test_the_paths_of_the_api_are_taken(self) -> None:
        """
        Also what lies below them.
        """
        for prefix in ("/api", "/apis/x.example.com", "/openapi/v4", "/version", "/metrics", "/livez/x"):
            message = self.refused(Endpoint(prefix))
            self.assertEqual(
                message,
                f"tests.http.test_customendpoints.Endpoint wants {prefix}, which is the server's own",
            )

    def test_endpoints_do_not_share_a_path(self) -> None:
        """
        The same, one above the other, or below.
        """
        for one, other in (("/v1/a", "/v1/a"), ("/v1", "/v1/a"), ("/v1/a", "/v1")):
            self.assertIn(f"but {one} is of", self.refused(Endpoint(one), Endpoint(other)))
        self.serve(Endpoint("/v1/a"), Endpoint("/v1/ab"))

    def test_a_prefix_is_a_plain_path(self) -> None:
        """
        Absolute, without a slash at its end, escapes or dot segments.
        """
        for prefix in ("", "/", "v1", "/v1/", "/v1//a", "/v1/..", "/v1/%61", "/v1/<a>", "/a b", None):
            self.assertIn("which is not a path", self.refused(Endpoint(prefix)))

    def test_an_endpoint_that_has_no_resource_is_named(self) -> None:
        """
        The server does not start without it in silence.
        """

        class Broken(Endpoint):
            def resource(self, server: Any) -> Resource:
                raise RuntimeError("no index")

        self.assertIn("Broken has no resource for /v1/report: no index", self.refused(Broken()))


class AuthorizationTests(EndpointTestCase):
    """
    Who may ask.
    """

    def test_alone_only_masters_may(self) -> None:
        """
        Whoever else asks is told what he may not.
        """
        server = self.serve(Endpoint())
        server.authenticator.user = SOMEBODY
        status = self.status(server.request("GET", "/v1/report/x"), 403, "Forbidden")
        self.assertEqual(status["message"], 'forbidden: User "somebody" cannot get path "/v1/report/x"')

    def test_it_is_a_path_with_the_verb_of_the_endpoint(self) -> None:
        """
        The path is the one that the endpoint sees.
        """
        recorder = Recorder(("search", "/v1/report/a b"))
        server = self.serve(Endpoint(verb="search"), authorizer=recorder)
        server.authenticator.user = SOMEBODY
        self.assertEqual(server.request("POST", "/v1/report/a%20b?watch=1").code, 200)
        self.assertEqual(recorder.asked, [Attributes(SOMEBODY, "search", "/v1/report/a b")])
        self.assertEqual(server.request("POST", "/v1/report/b").code, 403)

    def test_a_verb_of_resources_is_a_verb_only(self) -> None:
        """
        C{list} does not become C{watch}, and selects no name.
        """
        recorder = Recorder(("list", "/v1/report"))
        server = self.serve(Endpoint(verb="list"), authorizer=recorder)
        server.authenticator.user = SOMEBODY
        target = "/v1/report?watch=true&fieldSelector=metadata.name%3Da"
        self.assertEqual(server.request("GET", target).code, 200)
        self.assertEqual(recorder.asked, [Attributes(SOMEBODY, "list", "/v1/report")])

    def test_nobody_is_asked_for_before_it_is_known_who_may(self) -> None:
        """
        Neither the resource nor the body.
        """
        asked: list[Any] = []
        server = self.serve(Endpoint(answer=asked.append))
        server.authenticator.user = SOMEBODY
        self.assertEqual(server.request("POST", "/v1/report", b"x" * 5_000_000).code, 403)
        self.assertEqual(asked, [])

    def test_who_asks_is_known_to_the_endpoint(self) -> None:
        """
        C{request.origin.user}.
        """
        server = self.serve(Endpoint(answer=lambda request: request.origin.user.name.encode()))
        self.assertEqual(server.request("GET", "/v1/report").body, b"ark-admin")

    def test_an_endpoint_without_a_verb_fails(self) -> None:
        """
        Nothing is allowed by mistake.
        """
        for verb in ("", None):
            server = self.serve(Endpoint(verb=verb))
            self.status(server.request("GET", "/v1/report"), 500, "InternalError")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)


class AnswerTests(EndpointTestCase):
    """
    What the chain does for every request, it does for these.
    """

    def test_failures_are_statuses(self) -> None:
        """
        Those that are one as they are; others are logged, and 500.
        """

        def conflict(request: Any) -> bytes:
            raise APIStatus(409, "Conflict", "not now")

        def broken(request: Any) -> bytes:
            raise ValueError("secret")

        server = self.serve(Endpoint("/v1/conflict", conflict), Endpoint("/v1/broken", broken))
        answer = server.request("GET", "/v1/conflict")
        self.assertEqual(self.status(answer, 409, "Conflict")["message"], "not now")
        answer = server.request("GET", "/v1/broken")
        self.status(answer, 500, "InternalError")
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_body_that_is_too_large_is_refused(self) -> None:
        """
        With 413.
        """
        server = self.serve(Endpoint())
        self.assertEqual(server.request("POST", "/v1/report", b"x" * 5_000_000).code, 413)

    def waiting(self, verb: str) -> tuple[InMemoryServer, Answer, list[Any]]:
        """
        A request whose endpoint waits, and what becomes of it.
        """
        app = Klein()
        cancelled: list[Any] = []

        @app.route("/")
        def wait(request: Any) -> Deferred[None]:
            return Deferred(cancelled.append)

        endpoint = Endpoint(verb=verb)
        endpoint.resource = lambda server: app.resource()  # type: ignore[method-assign]
        server = self.serve(endpoint, request_timeout=60.0)
        return server, server.request("GET", "/v1/report"), cancelled

    def test_a_request_that_takes_too_long_is_cancelled(self) -> None:
        """
        504 for the client, a cancellation for the endpoint.
        """
        server, answer, cancelled = self.waiting("get")
        server.advance(62)
        self.status(answer, 504, "Timeout")
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(server.application.chain.in_flight.running, {True: 0, False: 0})

    def test_what_is_called_a_watch_may_last(self) -> None:
        """
        It has no deadline, and does not count among the requests in flight.
        """
        server, answer, cancelled = self.waiting("watch")
        server.advance(600)
        self.assertEqual((answer.code, cancelled), (0, []))
        self.assertEqual(server.application.chain.long_running, 1)
        assert answer.request is not None
        answer.request.disconnected()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(server.application.chain.long_running, 0)

    def test_a_stream_reaches_the_client_piece_by_piece(self) -> None:
        """
        Until the endpoint finishes it.
        """
        requests: list[Any] = []

        def begin(request: Any) -> Any:
            requests.append(request)
            request.write(b"one\n")
            return NOT_DONE_YET

        server = self.serve(Endpoint(answer=begin, verb="watch"))
        answer = server.request("GET", "/v1/report")
        self.assertEqual((answer.code, answer.body), (200, b"one\n"))
        requests[0].write(b"two\n")
        requests[0].finish()
        assert answer.stream is not None
        self.assertEqual((answer.body, answer.stream.finished), (b"one\ntwo\n", True))

    def test_requests_are_counted(self) -> None:
        """
        Under no label that a client could invent.
        """
        server = self.serve(Endpoint(verb="made-up"))
        server.request("GET", "/v1/report/anything")
        text = server.request("GET", "/metrics").body
        self.assertIn(b'verb="OTHER"', text)
        self.assertNotIn(b"anything", text)
        self.assertNotIn(b"made-up", text)

    def test_an_endpoint_reads_objects_through_the_server(self) -> None:
        """
        By C{IServer}.
        """
        app = Klein()

        class Names(Endpoint):
            def resource(self, server: IServer) -> Any:
                @app.route("/<namespace>")
                async def names(request: Any, namespace: str) -> str:
                    store = server.stores.of_resource("namespaces")
                    version = await store.cacher.get(store.key("", namespace), None)
                    return "there" if version is not None else "not there"

                return app.resource()

        server = self.serve(Names())
        self.assertEqual(server.request("GET", "/v1/report/default").body, b"there")
        self.assertEqual(server.request("GET", "/v1/report/none").body, b"not there")


class HowToTests(EndpointTestCase):
    """
    What the documentation shows works.
    """

    def test_the_example_answers(self) -> None:
        """
        Executed as it stands on the page.
        """
        blocks = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
        names: dict[str, Any] = {}
        exec(compile(dedent("   " + blocks[0].lstrip()), str(HOW_TO), "exec"), names)
        greeting = names["Greeting"]()
        self.assertTrue(verifyObject(ICustomEndpoint, greeting))
        self.assertIn(f"from my_package.{greeting.prefix.split('/')[-1]} import Greeting", blocks[1])
        server = self.serve(greeting)
        for path in (greeting.prefix, f"{greeting.prefix}/"):
            answer = server.request("GET", path)
            self.assertEqual((answer.code, answer.body), (200, b"hello\n"))
