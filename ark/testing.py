"""
Public doubles: a whole server in memory, and a client that needs no socket.

Everything here is the real thing but its outermost edge: the backend is
L{ark.storage.memory.MemoryBackend}, time is a L{twisted.internet.task.Clock}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from ark.apis.loader import KindRegistry
from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.authorization.standalone import StandaloneAuthorizer
from ark.controllers.definitions import Definitions
from ark.controllers.definitionstatus import DefinitionController
from ark.http.application import Application, ApplicationParts
from ark.http.handling import handle
from ark.http.limits import Limits
from ark.http.request import ClientConnection, Request
from ark.http.streaming import Stream
from ark.interfaces import IAuthenticator
from ark.meta.records import Key
from ark.registry.definitions.strategy import RESOURCE as DEFINITIONS
from ark.storage.committer import Committer
from ark.storage.memory import MemoryBackend
from ark.watch.cacher import Cacher

ADMIN = UserInfo("ark-admin", groups=(MASTERS_GROUP, "system:authenticated"))
EPOCH = 1_700_000_000.0


@implementer(IAuthenticator)
class FakeAuthenticator:
    """
    Everybody is C{user}.
    """

    def __init__(self, user: UserInfo = ADMIN) -> None:
        self.user = user

    async def authenticate(self, request: Any) -> UserInfo:
        """
        Always the same user.
        """
        return self.user


class MemoryStream(Stream):
    """
    Keeps what is written; can be told that its client stops reading.

    @ivar pauses: the client stops reading after every write.
    """

    def __init__(self, pauses: bool = False) -> None:
        self.written: list[bytes] = []
        self.pauses = pauses
        self.finished = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        """
        Keep C{data}.
        """
        if not self.closed:
            self.written.append(data)
            if self.pauses:
                self.set_paused(True)

    def finish(self) -> None:
        """
        The body is complete.
        """
        self.finished = self.closed = True

    def abort(self) -> None:
        """
        The body breaks off.
        """
        self.aborted = self.closed = True

    def pause(self, paused: bool = True) -> None:
        """
        The client stops reading, or reads again.
        """
        self.set_paused(paused)


class Answer:
    """
    The response to a request, as far as it has come.

    @ivar code: C{0} before there is one.
    @ivar stream: where the body goes when it is sent piece by piece.
    """

    def __init__(self, pauses: bool = False) -> None:
        self.code = 0
        self.pauses = pauses
        self.headers: list[tuple[bytes, bytes]] = []
        self.stream: MemoryStream | None = None
        self.was_reset = False
        self._body = b""
        self.request: Request | None = None

    # The half of a request that knows its protocol: L{ark.http.request.Exchange}.

    def respond(
        self, request: Request, code: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """
        Keep a whole response.
        """
        self.code, self.headers = code, list(headers)
        self._body = b"" if request.method == "HEAD" else body

    def start_stream(self, request: Request, code: int, headers: Sequence[tuple[bytes, bytes]]) -> Stream:
        """
        Keep the header, and collect the body.
        """
        self.code, self.headers = code, list(headers)
        self.stream = MemoryStream(self.pauses)
        return self.stream

    def want_body(self, request: Request) -> None:
        """
        The body has arrived already.
        """

    def reset(self, request: Request) -> None:
        """
        The response breaks off.
        """
        self.was_reset = True

    # What tests look at.

    def header(self, name: bytes) -> bytes | None:
        """
        The first header field of that name, in lower case.
        """
        return next((value for field, value in self.headers if field == name), None)

    def header_values(self, name: bytes) -> list[bytes]:
        """
        All header fields of that name.
        """
        return [value for field, value in self.headers if field == name]

    @property
    def body(self) -> bytes:
        """
        The body so far.
        """
        return self._body if self.stream is None else b"".join(self.stream.written)

    def json(self) -> Any:
        """
        The body as JSON.
        """
        return orjson.loads(self.body)

    def events(self) -> list[dict[str, Any]]:
        """
        The watch events so far.
        """
        return [orjson.loads(line) for line in self.body.splitlines()]


class InMemoryServer:
    """
    An application over a memory backend, its clock standing still until it is advanced.

    Besides the parts of an L{ApplicationParts}, a C{backend} and a C{clock} may be given
    that another server has already.

    @ivar pause_streams: whether clients of requests to come do not read at first.
    """

    def __init__(self, registry: KindRegistry, **parts: Any) -> None:
        self.clock: Clock = parts.pop("clock", None) or Clock()
        self.pause_streams = False
        self.backend: Any = parts.pop("backend", None) or MemoryBackend()
        self.committer = Committer(self.backend, self.clock)
        self.cacher = Cacher(self.backend, self.committer, self.clock, **parts.pop("cacher_options", {}))
        self.authenticator = FakeAuthenticator()
        self.application = Application(
            ApplicationParts(
                registry,
                self.cacher,
                parts.pop("authenticator", None) or self.authenticator,
                parts.pop("authorizer", None) or StandaloneAuthorizer(),
                self.clock,
                lambda: EPOCH + self.clock.seconds(),
                **parts,
            )
        )
        stores, clock = self.application.stores, self.clock
        self.definitions = Definitions(stores, self.cacher, clock)
        self.definition_controller = DefinitionController(
            stores, self.cacher, clock, lambda: EPOCH + clock.seconds()
        )
        self._run(self.cacher.start())
        if stores.of_resource(DEFINITIONS) is not None:
            self._run(self.definitions.start())
            self._run(self.definition_controller.start())
            self.application.follow(self.definitions.catch_up)
        if self._run(self.cacher.get(Key("namespaces", "", "default"))) is None:
            self.create_namespace("default")

    def _run(self, coroutine: Any) -> Any:
        done = Deferred.fromCoroutine(coroutine)
        self.settle()
        results: list[Any] = []
        done.addBoth(results.append)
        return results[0] if results else None

    def settle(self) -> None:
        """
        Let everything happen that needs no time to pass.
        """
        for _ in range(1000):
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                return
            self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """
        Let time pass, and all happen that it brings.
        """
        steps = max(1, int(seconds * 4))
        for _ in range(steps):
            self.clock.advance(seconds / steps)
            self.settle()

    def create_namespace(self, name: str) -> None:
        """
        Create a namespace.
        """
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        answer = self.request("POST", "/api/v1/namespaces", body)
        if answer.code != 201:
            raise AssertionError(answer.body)

    def request(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """
        Make a request and let it go as far as it goes without time passing.

        @param target: path and query.
        @param body: bytes, or a value to send as JSON.
        @param headers: a name that is there twice, written in two ways, is sent twice.
        """
        path, _, query = target.partition("?")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        given = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        fields = {b"host": b"localhost"}
        if data and method != "PATCH":
            fields[b"content-type"] = b"application/json"
        raw = [*(field for field in fields.items() if field[0] not in dict(given)), *given]
        fields.update(given)
        answer = Answer(self.pause_streams)
        request = Request(answer, ClientConnection("127.0.0.1"), (method, path, query), raw, fields)
        request.body_limit = Limits().body_bytes
        request.received_at = self.clock.seconds()
        if data:
            request.body_received(data)
        request.body_finished()
        answer.request = request
        handle(request, self.application.dispatch)
        self.settle()
        return answer
