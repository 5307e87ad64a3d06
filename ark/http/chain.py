"""
What every request passes, in order, before a verb handles it.

The order is that of C{DefaultBuildHandlerChain} in C{k8s.io/apiserver/pkg/server/config.go}:
audit id, authentication, audit, impersonation, priority and fairness, authorization, then the handler; around all
of it the deadline, the failure's answer and the metrics.  Contract 1.12, 1.14, 2, 15, 17.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from ark.authentication.union import memory_of
from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.authorization.attributes import refusal
from ark.authorization.impersonation import Impersonation
from ark.endpoints.negotiation import failure_form, wants_pretty
from ark.endpoints.requestinfo import BadPath, RequestInfo
from ark.endpoints.responses import page_not_found, send_status
from ark.http.asked import attributes_of, is_watch, makes_sense
from ark.http.auditing import Auditing
from ark.http.flowcontrol.control import FlowControl
from ark.http.impersonation import forget, is_wanted, wanted_user
from ark.http.inflight import Deadlines, InFlight
from ark.interfaces import IAuthenticator, IAuthorizer
from ark.meta.requestid import REQUEST_ID
from ark.meta.status import APIStatus, internal_error, timeout, too_many_requests
from ark.registry.codec import new_uid
from ark.registry.errors import status_of
from ark.storage.errors import StorageError

_log = Logger()

_WAITING = 0.25
"""The part of its time that a request may wait for its turn."""

_LEAVING = "The apiserver is shutting down, please try again later."
_COME_AGAIN = 5
_UNAUTHORIZED = 401
_EVEN_THEN = ("/readyz", "/livez", "/healthz", "/metrics")

_TIMED_OUT = "request did not complete within the allotted timeout"


class Handler(Protocol):
    """
    Knows what requests mean, and carries them out.
    """

    def info_of(self, request: Any) -> RequestInfo:
        """
        What a request asks for.

        @raise BadPath: nothing can be meant by its path.
        """

    def handle(self, request: Any, info: RequestInfo) -> Awaitable[None]:
        """
        Answer a request that may go on.
        """


class Observer(Protocol):
    """
    Is told of every request that was answered.
    """

    def observe_request(self, request: Any, info: RequestInfo, code: int, seconds: float) -> None:
        """
        A request was answered with C{code}, C{seconds} after its header was complete.
        """


def _unread(request: Any) -> RequestInfo:
    """
    What is known of a request whose path could not be understood.
    """
    return RequestInfo(request.method.lower(), request.path)


def _forget_credentials(request: Any) -> None:
    """
    Keep a token from whatever comes after.
    """
    del request.headers[b"authorization"]
    request.raw_headers = [field for field in request.raw_headers if field[0] != b"authorization"]


class Chain:
    """
    @ivar long_running: how many watches are open.
    @ivar leaving: whether requests are told to come again, elsewhere (contract 18.4).
    @ivar auditing: tells the audit log of requests; L{None} where there is none.
    @ivar flow_control: says whose turn it is; L{None} where all that C{in_flight} lets through
        go at once.
    """

    def __init__(
        self,
        handler: Handler,
        authenticator: IAuthenticator,
        authorizer: IAuthorizer,
        in_flight: InFlight,
        deadlines: Deadlines,
        observer: Observer,
    ) -> None:
        self._info_of = handler.info_of
        self._handle = handler.handle
        self._remembered = memory_of(authenticator)
        self._authenticate = authenticator.authenticate
        self._authorizer = authorizer
        self._impersonation = Impersonation(authorizer, deadlines.clock.seconds)
        self.in_flight = in_flight
        self._deadlines = deadlines
        self._observe = observer.observe_request
        self._seconds = deadlines.clock.seconds
        self.long_running = 0
        self.leaving = False
        self.flow_control: FlowControl | None = None
        self.auditing: Auditing | None = None

    @property
    def idle(self) -> bool:
        """
        Whether no request runs, nor a watch.
        """
        return not (self.long_running or self._deadlines.running)

    async def dispatch(self, request: Any) -> None:
        """
        Answer one request, whatever happens.
        """
        headers = request.headers
        given = headers.get(b"audit-id")
        request.audit_id = audit_id = given.decode("latin-1") if given else new_uid()
        REQUEST_ID.set(audit_id)
        turns: Any = self.flow_control or self.in_flight
        turn = None
        try:
            info = self._info_of(request)
            if info.verb == "list" and is_watch(info, request.query):
                info, request.route = info._replace(verb="watch"), None
            request.info = info
            if self.leaving and not info.path.startswith(_EVEN_THEN):
                raise too_many_requests(_LEAVING, _COME_AGAIN)
            user = request.user = self._remembered(request) or await self._authenticate(request)
            if b"authorization" in headers:
                _forget_credentials(request)
            if self.auditing is not None:
                request.audit = self.auditing.begin(request, attributes_of(request, info))
            if is_wanted(headers):
                user = await self._impersonate(request, info)
            masters = MASTERS_GROUP in user.groups
            if masters and request.audit is not None:
                request.audit.decision = ("allow", "")
            if info.verb == "watch":
                await self._watch(request, info, masters)
                return
            seconds = self._deadlines.add(request, request.query)
            turn = turns.enter(request, info)
            if turn.waiting is not None:
                await turns.wait(turn, seconds * _WAITING)
            if not masters:
                await self._authorize(request, info)
            await self._handle(request, info)
        except Exception as error:
            if not self._failed(request, error):
                raise
        finally:
            if turn is not None:
                turns.leave(turn)
            self._deadlines.running.pop(request, None)
            if request.audit is not None:
                request.audit.complete()
                # They know each other: the body would stay until the collector comes.
                request.audit = None
            info = request.info or _unread(request)
            self._observe(request, info, request.code, self._seconds() - request.received_at)

    def _failed(self, request: Any, error: Exception) -> bool:
        """
        Answer a request with what went wrong, unless nobody wants to know.
        """
        if isinstance(error, APIStatus):
            status = error
            if status.code == _UNAUTHORIZED:
                self._unauthorized(request, status)
        elif isinstance(error, StorageError):
            status = status_of(error)
        elif isinstance(error, CancelledError):
            if request.gone or not self._deadlines.expired(request):
                return False
            status = timeout(_TIMED_OUT)
        elif isinstance(error, BadPath):
            page_not_found(request)
            return True
        else:
            _log.failure("{request} failed", request=request)
            if request.audit is not None:
                request.audit.panicked = True
            status = internal_error("the server could not process the request; its log says why")
        self._fail(request, status)
        return True

    def _unauthorized(self, request: Any, status: APIStatus) -> None:
        connection = request.connection
        if connection.peer_certificate_der is None:
            # Who has nothing to show is not to ask for much at once.
            connection.is_last = True
        if self.auditing is not None and request.audit is None:
            asked = attributes_of(request, request.info or _unread(request))
            self.auditing.nobody(request, asked, status)

    async def _watch(self, request: Any, info: RequestInfo, masters: bool) -> None:
        """
        A watch takes seats only until it has begun.
        """
        flow_control, turn = self.flow_control, None
        self.long_running += 1
        try:
            if flow_control is not None:
                turn = flow_control.enter(request, info)
                request.begun = partial(flow_control.leave, turn)
                if turn.waiting is not None:
                    await flow_control.wait(turn, self._deadlines.seconds * _WAITING)
            if not masters:
                await self._authorize(request, info)
            if flow_control is not None and turn is not None and not info.resource:
                # What a plug-in sends for long begins at once.
                flow_control.leave(turn)
            await self._handle(request, info)
        finally:
            if flow_control is not None and turn is not None:
                flow_control.leave(turn)
            self.long_running -= 1

    async def _impersonate(self, request: Any, info: RequestInfo) -> UserInfo:
        """
        Go on as the user for whom the request acts.
        """
        wanted = wanted_user(request.raw_headers)
        if wanted is None:
            user: UserInfo = request.user
            return user
        forget(request)
        attributes, is_kept = attributes_of(request, info), makes_sense(request, info)
        found = await self._impersonation.impersonated(wanted, attributes, is_kept)
        request.user = found.user
        if request.audit is not None:
            request.audit.impersonated = found
        return found.user

    async def _authorize(self, request: Any, info: RequestInfo) -> None:
        attributes = attributes_of(request, info)
        decision = await self._authorizer.authorize(attributes)
        if request.audit is not None:
            request.audit.decision = ("allow" if decision.allowed else "forbid", decision.reason)
        if not decision.allowed:
            raise refusal(attributes, decision.reason)

    def _fail(self, request: Any, status: APIStatus) -> None:
        if request.code or request.gone:
            # The response has begun: the only thing left to tell is that it broke off.
            if not request.gone:
                request.break_off()
            return
        pretty = wants_pretty(request.query, request.header(b"user-agent"))
        send_status(request, status, failure_form(request.header(b"accept"), pretty))
