"""
Resources of twisted.web and Klein applications answer requests of ours.
"""

from __future__ import annotations

from typing import Any

from klein import Klein
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.python.filepath import FilePath
from twisted.python.urlpath import URLPath
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.error import UnsupportedMethod
from twisted.web.http import CACHED, parse_qs
from twisted.web.iweb import IRequest
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory
from twisted.web.static import File
from twisted.web.util import Redirect
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ark.http.handling import handle
from ark.http.limits import Limits
from ark.http.request import ClientConnection, Request
from ark.http.webchannel import ResponseChannel
from ark.http.webrequest import MAX_FORM, MAX_PARAMETERS, Mount, WebRequest, render
from ark.meta.status import APIStatus
from ark.testing import Answer
from tests.http.edge import Edge, disconnect
from tests.http.h2client import Client

FORM = {"content-type": "application/x-www-form-urlencoded"}


def connection() -> ClientConnection:
    """
    A client over TLS.
    """
    made = ClientConnection("192.0.2.1", 40000)
    made.server_address = ("127.0.0.1", 6443)
    made.secure = True
    return made


def make_request(
    method: str = "GET", target: str = "/", body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[Request, Answer]:
    """
    A request whose body has arrived, and where its answer goes.
    """
    path, _, query = target.partition("?")
    fields = [(b"host", b"ark.example:6443")]
    fields += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    answer = Answer()
    request = Request(answer, connection(), (method, path, query), fields, dict(fields))
    request.body_limit = Limits().body_bytes
    request.audit_id = "audit-1"
    if body:
        request.body_received(body)
    request.body_finished()
    return request, answer


class Leaf(Resource):
    """
    Calls a function for each request.
    """

    isLeaf = True

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def render_GET(self, request: Any) -> Any:
        """
        What the function returns.
        """
        return self.function(request)

    render_POST = render_GET


class WebRequestTestCase(SynchronousTestCase):
    """
    Asks resources.
    """

    def setUp(self) -> None:
        """
        Stop the time.
        """
        self.clock = Clock()

    def start(self, request: Request, resource: Any, prefix: str = "") -> None:
        """
        Let a resource answer, as far as it does within this turn.
        """
        mount = Mount([segment.encode() for segment in prefix.split("/")[1:]], resource)

        async def dispatch(request: Request) -> None:
            await render(request, mount, self.clock)

        handle(request, dispatch)

    def ask(
        self,
        resource: Any,
        method: str = "GET",
        target: str = "/",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        prefix: str = "",
    ) -> Answer:
        """
        Make a request, and let everything happen that needs no time.
        """
        request, answer = make_request(method, target, body, headers)
        answer.request = request
        self.start(request, resource, prefix)
        self.clock.advance(0)
        return answer

    def seen(self, *args: Any, **more: Any) -> Any:
        """
        The request that a leaf gets.
        """
        requests: list[Any] = []

        def keep(request: Any) -> bytes:
            requests.append(request)
            return b""

        self.ask(Leaf(keep), *args, **more)
        return requests[0]

    def status(self, answer: Answer, code: int) -> dict[str, Any]:
        """
        The C{Status} of a failure.
        """
        self.assertEqual(answer.code, code, answer.body)
        status: dict[str, Any] = answer.json()
        self.assertEqual((status["kind"], status["code"]), ("Status", code))
        return status


class RequestTests(WebRequestTestCase):
    """
    What a resource sees of a request.
    """

    def test_it_is_an_irequest(self) -> None:
        """
        All that the interface declares is there.
        """
        origin, _ = make_request()
        request = WebRequest(origin, ResponseChannel(origin, Mount((), Resource()), self.clock), b"")
        self.assertTrue(verifyObject(IRequest, request))
        self.assertIs(request.origin, origin)

    def test_method_and_target_are_bytes_as_sent(self) -> None:
        """
        C{uri} and C{path} keep their escapes.
        """
        request = self.seen("GET", "/a%20b/c?x=1")
        self.assertEqual((request.method, request.uri, request.path), (b"GET", b"/a%20b/c?x=1", b"/a%20b/c"))
        self.assertEqual(request.clientproto, b"HTTP/1.1")

    def test_query_and_form_are_arguments(self) -> None:
        """
        As Twisted decodes them; the body can be read besides.
        """
        bodies = []

        def keep(request: Any) -> bytes:
            bodies.append(request.content.read())
            return repr(sorted(request.args.items())).encode()

        answer = self.ask(Leaf(keep), "POST", "/?q=a%20b&q=c", b"x=1&y=%2F", FORM)
        self.assertEqual(bodies, [b"x=1&y=%2F"])
        self.assertEqual(answer.body, b"[(b'q', [b'a b', b'c']), (b'x', [b'1']), (b'y', [b'/'])]")

    def test_forms_of_several_parts_are_arguments(self) -> None:
        """
        C{multipart/form-data}.
        """
        body = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=b"}
        self.assertEqual(self.seen("POST", "/", body, headers).args, {b"x": [b"1"]})

    def test_a_broken_form_is_refused(self) -> None:
        """
        With 400, before the resource is asked.
        """
        headers = {"content-type": "multipart/form-data"}
        answer = self.ask(Leaf(self.fail), "POST", "/", b"--b\r\n", headers)
        self.status(answer, 400)

    def test_more_parameters_than_can_be_read_in_a_turn_are_refused(self) -> None:
        """
        In the query as in the form, whichever sign divides them.
        """
        many = "a=1&" * (MAX_PARAMETERS + 1)
        for target, body, headers in (
            (f"/?{many}", "", {}),
            (f"/?{many.replace('&', ';')}", "", {}),
            ("/", many, FORM),
        ):
            answer = self.ask(Leaf(self.fail), "POST", target, body.encode(), headers)
            self.status(answer, 400)
        self.assertEqual(len(parse_qs(many.encode())[b"a"]), MAX_PARAMETERS + 1)

    def test_a_form_that_cannot_be_read_in_a_turn_is_refused(self) -> None:
        """
        With 413; a body that is no form may be larger.
        """
        body = b"x" * (MAX_FORM + 1)
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
            self.status(self.ask(Leaf(self.fail), "POST", "/", body, {"content-type": kind}), 413)
        self.assertEqual(self.ask(Leaf(lambda request: b""), "POST", "/", body).code, 200)

    def test_a_body_above_the_limit_is_refused(self) -> None:
        """
        With 413, before the resource is asked.
        """
        body = b"x" * (Limits().body_bytes + 1)
        self.status(self.ask(Leaf(self.fail), "POST", "/", body), 413)

    def test_header_fields_and_cookies_are_there(self) -> None:
        """
        By bytes and by text.
        """
        request = self.seen(headers={"x-one": "1", "cookie": "a=b; c=d"})
        self.assertEqual((request.getHeader(b"X-One"), request.getHeader("x-one")), (b"1", "1"))
        self.assertEqual((request.getCookie(b"a"), request.getCookie(b"c")), (b"b", b"d"))
        self.assertEqual(request.getAllHeaders()[b"x-one"], b"1")

    def test_who_talks_to_whom_is_known(self) -> None:
        """
        Addresses, names and whether it is TLS.
        """
        request = self.seen("GET", "/v1/greeting/x", prefix="/v1/greeting")
        self.assertEqual(request.getClientAddress(), IPv4Address("TCP", "192.0.2.1", 40000))
        self.assertEqual(request.getHost(), IPv4Address("TCP", "127.0.0.1", 6443))
        self.assertEqual(request.getRequestHostname(), b"ark.example")

    def test_addresses_may_be_of_ipv6(self) -> None:
        """
        They are told by their colons.
        """
        origin, _ = make_request()
        origin.connection.client_address = "2001:db8::1"
        channel = ResponseChannel(origin, None, self.clock)
        self.assertEqual(channel.getPeer(), IPv6Address("TCP", "2001:db8::1", 40000))

    def test_an_authority_of_http2_is_the_host(self) -> None:
        """
        Also when no C{Host} field was sent.
        """
        origin, _ = make_request()
        origin.raw_headers.clear()
        request = WebRequest(origin, ResponseChannel(origin, None, self.clock), b"")
        self.assertEqual(request.getHeader(b"host"), b"ark.example:6443")

    def test_urls_begin_with_https_while_the_request_runs(self) -> None:
        """
        C{URLPath} and C{prePathURL} lead back here.
        """
        urls: list[Any] = []

        def keep(request: Any) -> bytes:
            urls.extend((request.prePathURL(), request.URLPath(), request.isSecure()))
            return b""

        self.ask(Leaf(keep), target="/v1/greeting/x", prefix="/v1/greeting")
        self.assertEqual(urls[0], b"https://ark.example:6443/v1/greeting")
        self.assertEqual(str(urls[1]), str(URLPath.fromBytes(b"https://ark.example:6443/v1/greeting")))
        self.assertIs(urls[2], True)

    def test_sessions_are_refused(self) -> None:
        """
        Every request says who makes it.
        """
        answer = self.ask(Leaf(lambda request: request.getSession()))
        self.status(answer, 500)
        self.assertEqual(len(self.flushLoggedErrors(NotImplementedError)), 1)


class MountTests(WebRequestTestCase):
    """
    Where a resource stands.
    """

    def test_a_resource_stands_as_a_child_of_a_site_would(self) -> None:
        """
        The prefix lies before it, what follows is its own, decoded.
        """
        request = self.seen("GET", "/v1/greeting/a%20b/c", prefix="/v1/greeting")
        self.assertEqual((request.prepath, request.postpath), ([b"v1", b"greeting"], [b"a b", b"c"]))

    def test_children_are_found_below_the_prefix(self) -> None:
        """
        The resource itself answers at the prefix.
        """
        parent = Leaf(lambda request: b"parent")
        parent.isLeaf = False
        parent.putChild(b"child", Leaf(lambda request: b"child"))
        self.assertEqual(self.ask(parent, target="/v1/x", prefix="/v1/x").body, b"parent")
        self.assertEqual(self.ask(parent, target="/v1/x/child", prefix="/v1/x").body, b"child")
        self.assertEqual(self.ask(parent, target="/v1/x/none", prefix="/v1/x").code, 404)

    def test_a_root_resource_sees_the_whole_path(self) -> None:
        """
        Without a prefix.
        """
        request = self.seen("GET", "/a/b")
        self.assertEqual((request.prepath, request.postpath), ([], [b"a", b"b"]))


class ResponseTests(WebRequestTestCase):
    """
    What a resource answers.
    """

    def test_what_is_rendered_at_once_is_sent_whole(self) -> None:
        """
        Code, header fields and body in one; the protocol adds the length.
        """

        def answer_with(request: Any) -> bytes:
            request.setResponseCode(202)
            request.setHeader(b"X-Told", b"yes")
            request.setHeader("server", "me")
            request.addCookie(b"a", b"b")
            return b"hello"

        answer = self.ask(Leaf(answer_with))
        self.assertEqual((answer.code, answer.body, answer.stream), (202, b"hello", None))
        self.assertEqual(
            sorted(answer.headers),
            [
                (b"audit-id", b"audit-1"),
                (b"cache-control", b"no-cache, private"),
                (b"content-type", b"text/html"),
                (b"set-cookie", b"a=b"),
                (b"x-told", b"yes"),
            ],
        )

    def test_a_resource_says_itself_how_it_may_be_cached(self) -> None:
        """
        Its C{Cache-Control} is the only one.
        """

        def cacheable(request: Any) -> bytes:
            request.setHeader(b"cache-control", b"max-age=60")
            return b""

        self.assertEqual(self.ask(Leaf(cacheable)).header_values(b"cache-control"), [b"max-age=60"])

    def test_what_is_finished_in_the_same_turn_is_sent_whole(self) -> None:
        """
        Also when it was written in pieces.
        """

        def pieces(request: Any) -> Any:
            request.write(b"one ")
            request.write(b"two")
            request.finish()
            return NOT_DONE_YET

        answer = self.ask(Leaf(pieces))
        self.assertEqual((answer.body, answer.stream), (b"one two", None))

    def test_what_takes_longer_is_a_stream(self) -> None:
        """
        It begins at the end of the turn, and ends when the resource says so.
        """
        requests: list[Any] = []

        def first(request: Any) -> Any:
            requests.append(request)
            request.setHeader(b"content-length", b"7")
            request.write(b"one ")
            return NOT_DONE_YET

        answer = self.ask(Leaf(first))
        stream = answer.stream
        assert stream is not None
        self.assertEqual((answer.body, stream.finished), (b"one ", False))
        self.assertIsNone(answer.header(b"content-length"))
        requests[0].write(b"two")
        requests[0].finish()
        self.assertEqual((answer.body, stream.finished), (b"one two", True))

    def test_a_later_turn_may_answer_whole(self) -> None:
        """
        A resource that only waits has not begun its response.
        """
        requests: list[Any] = []

        def wait(request: Any) -> Any:
            requests.append(request)
            return NOT_DONE_YET

        answer = self.ask(Leaf(wait))
        self.assertEqual(answer.code, 0)
        requests[0].write(b"late")
        requests[0].finish()
        self.assertEqual((answer.code, answer.body, answer.stream), (200, b"late", None))

    def test_bodies_are_bytes(self) -> None:
        """
        Text is refused where it is written.
        """
        self.status(self.ask(Leaf(lambda request: "text")), 500)
        self.status(self.ask(Leaf(lambda request: request.write("text"))), 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)

    def test_finish_is_told(self) -> None:
        """
        C{notifyFinish} fires when the response is complete.
        """
        told: list[Any] = []

        def notified(request: Any) -> bytes:
            request.notifyFinish().addBoth(told.append)
            return b""

        self.ask(Leaf(notified))
        self.assertEqual(told, [None])

    def test_redirects_lead_on(self) -> None:
        """
        With Twisted's own resource.
        """
        answer = self.ask(Redirect(b"/elsewhere"))
        self.assertEqual((answer.code, answer.header(b"location")), (302, b"/elsewhere"))

    def test_what_the_client_has_is_not_sent_again(self) -> None:
        """
        C{setETag} and C{setLastModified} know the conditions of the request.
        """

        def tagged(request: Any) -> bytes:
            return b"" if request.setETag(b'"1"') is CACHED else b"body"

        def dated(request: Any) -> bytes:
            return b"" if request.setLastModified(1_000_000_000) is CACHED else b"body"

        self.assertEqual(self.ask(Leaf(tagged)).header(b"etag"), b'"1"')
        self.assertEqual(self.ask(Leaf(tagged), headers={"if-none-match": '"1"'}).code, 304)
        date = "Sun, 09 Sep 2001 01:46:40 GMT"
        self.assertEqual(self.ask(Leaf(dated)).header(b"last-modified"), date.encode())
        self.assertEqual(self.ask(Leaf(dated), headers={"if-modified-since": date}).code, 304)

    def test_bodies_may_be_encoded(self) -> None:
        """
        By Twisted's wrapper.
        """
        wrapped = EncodingResourceWrapper(Leaf(lambda request: b"hello"), [GzipEncoderFactory()])
        answer = self.ask(wrapped, headers={"accept-encoding": "gzip"})
        self.assertEqual(answer.header(b"content-encoding"), b"gzip")
        self.assertTrue(answer.body.startswith(b"\x1f\x8b"))

    def test_an_unknown_method_is_a_status(self) -> None:
        """
        405, and which methods there are.
        """
        answer = self.ask(Leaf(lambda request: b""), "DELETE")
        self.assertEqual(self.status(answer, 405)["reason"], "MethodNotAllowed")
        self.assertEqual(answer.header(b"allow"), b"GET, HEAD, POST")


class HeadTests(WebRequestTestCase):
    """
    The answer to C{HEAD} is that to C{GET} without its body.
    """

    def length(self, resource: Any) -> bytes | None:
        """
        The length in the answer to C{HEAD}.
        """
        answer = self.ask(resource, "HEAD")
        stream = answer.stream
        assert stream is not None
        self.assertEqual((answer.code, answer.body, stream.finished), (200, b"", True))
        return answer.header(b"content-length")

    def test_the_length_is_that_of_the_body(self) -> None:
        """
        Of what the resource would have sent.
        """
        self.assertEqual(self.length(Leaf(lambda request: b"hello")), b"5")

    def test_a_length_that_nobody_knows_is_not_told(self) -> None:
        """
        Zero would be a lie.
        """

        def pieces(request: Any) -> Any:
            request.write(b"hello")
            request.finish()
            return NOT_DONE_YET

        self.assertIsNone(self.length(Leaf(pieces)))

    def test_a_resource_without_head_is_asked_with_get(self) -> None:
        """
        As behind Twisted's site, and also when it answers later.
        """

        class OnlyGet(Leaf):
            def render(self, request: Any) -> Any:
                if request.method != b"GET":
                    raise UnsupportedMethod((b"GET",))
                return self.function(request)

        self.assertEqual(self.length(OnlyGet(lambda request: b"hello")), b"5")
        self.status(self.ask(OnlyGet(self.fail), "POST"), 405)


@implementer(IPushProducer)
class Numbers:
    """
    Writes a line whenever it is told to, unless it is paused.
    """

    def __init__(self, request: Any) -> None:
        self.request = request
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        """
        Remember it.
        """
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """
        Remember it.
        """
        self.calls.append("resume")

    def stopProducing(self) -> None:
        """
        Remember it.
        """
        self.calls.append("stop")


class ProducerTests(WebRequestTestCase):
    """
    Large bodies come as fast as the client reads.
    """

    def numbers(self) -> tuple[Numbers, Answer]:
        """
        A response with a push producer, that has begun.
        """
        made: list[Numbers] = []

        def produce(request: Any) -> Any:
            made.append(Numbers(request))
            request.registerProducer(made[0], True)
            request.write(b"0\n")
            return NOT_DONE_YET

        answer = self.ask(Leaf(produce))
        return made[0], answer

    def test_a_push_producer_is_paused_and_resumed(self) -> None:
        """
        As the stream is.
        """
        numbers, answer = self.numbers()
        assert answer.stream is not None
        answer.stream.pause()
        answer.stream.pause(False)
        self.assertEqual(numbers.calls, ["pause", "resume"])
        numbers.request.unregisterProducer()
        answer.stream.pause()
        numbers.request.finish()
        self.assertEqual((numbers.calls, answer.stream.finished), (["pause", "resume"], True))

    def test_a_producer_is_stopped_when_the_client_goes(self) -> None:
        """
        Once.
        """
        numbers, answer = self.numbers()
        assert answer.request is not None
        answer.request.disconnected()
        self.assertEqual(numbers.calls, ["stop"])

    def test_a_failing_producer_breaks_its_own_response_off(self) -> None:
        """
        What paused it never sees the failure: it carries other responses.
        """
        numbers, answer = self.numbers()
        numbers.pauseProducing = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        assert answer.stream is not None
        answer.stream.pause()
        self.assertTrue(answer.stream.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_file_is_sent(self) -> None:
        """
        By C{twisted.web.static}, whose pull producer writes the head itself.
        """
        folder = FilePath(self.mktemp())
        folder.makedirs()
        content = b"0123456789abcdef" * 20_000
        folder.child("big.bin").setContent(content)
        answer = self.ask(File(folder.path), target="/ui/big.bin", prefix="/ui")
        assert answer.stream is not None
        self.assertEqual((answer.body == content, answer.stream.finished), (True, True))
        part = self.ask(File(folder.path), target="/ui/big.bin", prefix="/ui", headers={"range": "bytes=1-4"})
        self.assertEqual((part.code, part.body), (206, b"1234"))
        self.assertEqual(part.header(b"content-range"), b"bytes 1-4/320000")


class FailureTests(WebRequestTestCase):
    """
    What a resource raises is the server's to answer.
    """

    def test_a_status_is_the_answer(self) -> None:
        """
        As it is.
        """

        def refuse(request: Any) -> bytes:
            raise APIStatus(409, "Conflict", "not now")

        self.assertEqual(self.status(self.ask(Leaf(refuse)), 409)["message"], "not now")

    def test_any_other_failure_is_logged_and_not_shown(self) -> None:
        """
        The client gets a C{Status}, and no traceback.
        """

        def break_down(request: Any) -> bytes:
            raise ValueError("secret")

        answer = self.ask(Leaf(break_down))
        self.status(answer, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_response_that_has_begun_is_broken_off(self) -> None:
        """
        So that nobody takes it for complete.
        """
        requests: list[Any] = []

        def begin(request: Any) -> Any:
            requests.append(request)
            request.write(b"one")
            return NOT_DONE_YET

        answer = self.ask(Leaf(begin))
        requests[0].loseConnection()
        assert answer.stream is not None
        self.assertTrue(answer.stream.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ConnectionAborted)), 1)

    def test_a_client_that_goes_is_told(self) -> None:
        """
        C{notifyFinish} fails; what is written later goes nowhere, and finishing is an
        error, as in Twisted.
        """
        requests: list[Any] = []
        told: list[Any] = []

        def wait(request: Any) -> Any:
            requests.append(request)
            request.notifyFinish().addErrback(told.append)
            return NOT_DONE_YET

        answer = self.ask(Leaf(wait))
        assert answer.request is not None
        answer.request.disconnected()
        told[0].trap(ConnectionLost)
        requests[0].write(b"late")
        self.assertRaises(RuntimeError, requests[0].finish)
        self.assertEqual((answer.code, self.clock.getDelayedCalls()), (0, []))

    def test_no_turn_is_left_when_the_client_goes(self) -> None:
        """
        Nothing begins a stream any more.
        """

        def begin(request: Any) -> Any:
            request.write(b"one")
            return NOT_DONE_YET

        request, answer = make_request()
        self.start(request, Leaf(begin))
        request.disconnected()
        self.assertEqual((self.clock.getDelayedCalls(), answer.stream), ([], None))


class KleinTests(WebRequestTestCase):
    """
    A Klein application answers.
    """

    def setUp(self) -> None:
        """
        Make an application with a route for each sort of answer.
        """
        super().setUp()
        self.waiting: list[Deferred[bytes]] = []
        self.cancelled: list[Any] = []
        self.app = app = Klein()

        @app.route("/")
        def root(request: Any) -> bytes:
            return b"root"

        @app.route("/names/<name>", methods=["GET", "POST"])
        def name(request: Any, name: str) -> str:
            return f"{name} {request.method.decode()}"

        @app.route("/waiting")
        def waiting(request: Any) -> Deferred[bytes]:
            made: Deferred[bytes] = Deferred(self.cancelled.append)
            self.waiting.append(made)
            return made

        @app.route("/coroutine")
        async def coroutine(request: Any) -> bytes:
            made: Deferred[bytes] = Deferred(self.cancelled.append)
            self.waiting.append(made)
            request.write(b"first ")
            return await made

        @app.route("/status")
        async def status(request: Any) -> bytes:
            raise APIStatus(409, "Conflict", "not now")

        @app.route("/failure")
        def failure(request: Any) -> bytes:
            raise ValueError("secret")

        @app.route("/child/", branch=True)
        def child(request: Any) -> Resource:
            return Leaf(lambda request: repr(request.postpath).encode())

    def get(self, tail: str, method: str = "GET") -> Answer:
        """
        Ask the application.
        """
        return self.ask(self.app.resource(), method, f"/v1/app{tail}", prefix="/v1/app")

    def test_routes_begin_at_the_prefix(self) -> None:
        """
        With a slash behind it or without.
        """
        self.assertEqual(self.get("").body, b"root")
        self.assertEqual(self.get("/").body, b"root")

    def test_segments_and_methods_are_matched(self) -> None:
        """
        Decoded; what does not match is Klein's to answer.
        """
        self.assertEqual(self.get("/names/a%20b").body, b"a b GET")
        self.assertEqual(self.get("/names/a", "POST").body, b"a POST")
        self.assertEqual(self.get("/names/a", "PUT").code, 405)
        self.assertEqual(self.get("/none").code, 404)

    def test_head_is_answered_without_a_body(self) -> None:
        """
        Klein adds it to every C{GET}.
        """
        answer = self.get("/", "HEAD")
        self.assertEqual((answer.code, answer.body), (200, b""))

    def test_a_deferred_is_waited_for(self) -> None:
        """
        Its result is the body, sent whole.
        """
        answer = self.get("/waiting")
        self.assertEqual(answer.code, 0)
        self.waiting[0].callback(b"done")
        self.assertEqual((answer.code, answer.body, answer.stream), (200, b"done", None))

    def test_a_coroutine_may_stream(self) -> None:
        """
        What it returns is the end of the body.
        """
        answer = self.get("/coroutine")
        self.assertEqual(answer.body, b"first ")
        self.waiting[0].callback(b"last")
        assert answer.stream is not None
        self.assertEqual((answer.body, answer.stream.finished), (b"first last", True))

    def test_resources_below_routes_answer(self) -> None:
        """
        With what Klein has left of the path.
        """
        self.assertEqual(self.get("/child/a/b").body, b"[b'a', b'b']")

    def test_failures_are_statuses(self) -> None:
        """
        Those that are one as they are, all others 500.
        """
        self.assertEqual(self.status(self.get("/status"), 409)["reason"], "Conflict")
        self.status(self.get("/failure"), 500)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_routes_are_cancelled_when_the_client_goes(self) -> None:
        """
        A Deferred as a coroutine, with nothing left in the log.
        """
        for tail in ("/waiting", "/coroutine"):
            answer = self.get(tail)
            assert answer.request is not None
            answer.request.disconnected()
        self.assertEqual(self.cancelled, self.waiting)
        self.assertEqual(len(self.cancelled), 2)

    def test_a_failure_behind_the_beginning_breaks_the_response_off(self) -> None:
        """
        Klein hands it over like any other.
        """
        answer = self.get("/coroutine")
        self.waiting[0].errback(ValueError("secret"))
        assert answer.stream is not None
        self.assertTrue(answer.stream.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class WireTests(SynchronousTestCase):
    """
    Over the protocols themselves.
    """

    def speak(self, resource: Any, request: bytes) -> tuple[Any, Any, Edge]:
        """
        Send a request of HTTP/1.1 to a resource.
        """
        edge = Edge()
        mount = Mount((), resource)

        async def answer(request: Request) -> None:
            await render(request, mount, edge.clock)

        edge.handler.answer = answer
        protocol, transport = edge.connect()
        protocol.dataReceived(request)
        edge.clock.advance(0)
        edge.clock.advance(0)
        return protocol, transport, edge

    def test_a_stream_is_framed_once(self) -> None:
        """
        By the protocol: Twisted's own chunks would be part of the body.
        """

        def begin(request: Any) -> Any:
            request.write(b"one")
            self.later = request
            return NOT_DONE_YET

        protocol, transport, edge = self.speak(Leaf(begin), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.later.write(b"two")
        self.later.finish()
        edge.clock.advance(0)
        head, _, body = transport.written.partition(b"\r\n\r\n")
        self.assertEqual(head.lower().count(b"transfer-encoding: chunked"), 1)
        self.assertEqual(body, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        disconnect(protocol)

    def test_a_whole_response_has_its_length_once(self) -> None:
        """
        Twisted's, the protocol's, or C{HEAD}'s.
        """
        for method in (b"GET", b"HEAD"):
            protocol, transport, edge = self.speak(
                Leaf(lambda request: b"hello"), method + b" / HTTP/1.1\r\nHost: a\r\n\r\n"
            )
            edge.clock.advance(0)
            head, _, body = transport.written.partition(b"\r\n\r\n")
            self.assertEqual(head.lower().count(b"content-length: 5"), 1, head)
            self.assertNotIn(b"chunked", head)
            self.assertEqual(body, b"hello" if method == b"GET" else b"")
            disconnect(protocol)

    def test_a_field_that_cannot_be_sent_is_a_failure(self) -> None:
        """
        The client gets 500, and not half a response.
        """

        def impossible(request: Any) -> bytes:
            request.setHeader(b"x-told", b"a\x00b")
            return b""

        protocol, transport, _ = self.speak(Leaf(impossible), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(transport.written.startswith(b"HTTP/1.1 500 "), transport.written)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        disconnect(protocol)

    def test_a_large_file_waits_for_the_client(self) -> None:
        """
        Over HTTP/2 no more of it is read than the client's window has room for.
        """
        edge = Edge()
        folder = FilePath(self.mktemp())
        folder.makedirs()
        folder.child("big.bin").setContent(b"0123456789abcdef" * 100_000)
        mount = Mount((), File(folder.path))
        edge.handler.answer = lambda request: render(request, mount, edge.clock)
        client = Client(edge)
        client.acknowledge = False
        stream = client.get(b"/big.bin")
        received = len(client.bodies[stream])
        self.assertEqual((received, stream in client.ended), (65535, False))
        client.acknowledge = True
        client.h2.acknowledge_received_data(received, stream)
        client.exchange()
        self.assertEqual((len(client.bodies[stream]), client.ended), (1_600_000, [stream]))
        head = client.request(b"/big.bin", b"HEAD")
        client.exchange()
        self.assertEqual(client.headers[head][b"content-length"], b"1600000")
        self.assertEqual(client.bodies.get(head, b""), b"")

    def test_a_reset_stream_is_a_client_that_goes(self) -> None:
        """
        Other streams of the connection go on.
        """
        edge = Edge()
        told: list[Any] = []

        def begin(request: Any) -> Any:
            request.notifyFinish().addErrback(told.append)
            request.write(b"one")
            return NOT_DONE_YET

        mount = Mount((), Leaf(begin))
        edge.handler.answer = lambda request: render(request, mount, edge.clock)
        client = Client(edge)
        stream = client.get(b"/")
        self.assertEqual((client.bodies[stream], told), (b"one", []))
        client.h2.reset_stream(stream)
        client.exchange()
        told[0].trap(ConnectionLost)
        self.assertEqual(client.bodies[client.get(b"/")], b"one")
