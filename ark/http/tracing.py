"""
The spans of a request: one for all of it, and parts for who, may they, and what its verb does.

Names and attributes follow C{WithTracing} (C{k8s.io/apiserver/pkg/endpoints/filters/traces.go}) and the C{otelhttp}
that it uses.  The chain knows nothing of it: where requests are traced, it is given its parts in the wrappings below.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import getrandbits
from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.authorization.attributes import Attributes, Decision
from ark.endpoints.requestinfo import RequestInfo
from ark.http.chain import Handler, Observer
from ark.interfaces import IAuthenticator, IAuthorizer
from ark.tracing.configuration import MILLION
from ark.tracing.context import PARENT, STATE, TraceContext, read_context
from ark.tracing.span import SERVER, SPAN, Attribute, Recorder, Span, new_span_id, within

_TRUSTED = frozenset((MASTERS_GROUP, "system:monitoring"))
_TRACE_BITS = 128
_RATIO_BITS = 63
_FAILURES = 500
_VERBS = {
    "get": "Get",
    "list": "List",
    "watch": "WatchServer.HandleHTTP",
    "create": "Create",
    "update": "Update",
    "patch": "Patch",
    "delete": "Delete",
    "deletecollection": "Delete",
}
_MOST_TEXT = 1024


class RequestTracing:
    """
    Begins and ends the spans of requests.

    @param rate: how many in a million requests are traced that nobody decided on who may.
    """

    def __init__(self, recorder: Recorder, rate: int) -> None:
        self.recorder = recorder
        self._bound = (rate << _RATIO_BITS) // MILLION

    def begin(self, request: Any, user: UserInfo) -> Span | None:
        """
        The span of a request whose user is known.  What the request says of a trace counts only from those who may
        say so; from others it is no more than a link.
        """
        given = request.headers.get(PARENT)
        remote = read_context(given, request.headers.get(STATE)) if given is not None else None
        if remote is not None and not _TRUSTED.isdisjoint(user.groups):
            context = remote._replace(span_id=new_span_id())
            parent_id, link = remote.span_id, None
        else:
            context = self._new()
            parent_id, link = 0, remote
        if not context.sampled:
            # Those who are asked on the way shall know that nobody wants to know.
            return Span(None, context) if parent_id else None
        span = Span(self.recorder, context, started=request.received_at, parent_id=parent_id, kind=SERVER)
        span.link = link
        return span

    def _new(self) -> TraceContext:
        """
        The first place of a new trace, chosen as C{TraceIDRatioBased} does.
        """
        bound = self._bound
        trace_id = (getrandbits(_TRACE_BITS) or 1) if bound else 0
        sampled = bound > 0 and (trace_id & (1 << 64) - 1) >> 1 < bound
        return TraceContext(trace_id, new_span_id() if sampled else 0, sampled)

    def end(self, request: Any, info: RequestInfo, code: int) -> None:
        """
        The request of the current span was answered.
        """
        span = SPAN.get()
        if span is None or not span.recorded:
            return
        span.name = _name(request, info)
        span.attributes = _attributes(request, code)
        if code >= _FAILURES or not code:
            span.error = "" if code else "the client went away"
        span.end()


def _name(request: Any, info: RequestInfo) -> str:
    if not info.resource:
        return str(request.method)
    prefix = f"/apis/{info.group}" if info.group else "/api"
    parts = [f"{request.method} {prefix}/{info.version}"]
    if info.namespace:
        parts.append("namespaces/{:namespace}")
    parts.append(info.resource)
    if info.name:
        parts.append("{:name}")
    if info.subresource:
        parts.append(info.subresource)
    return "/".join(parts)[:_MOST_TEXT]


def _attributes(request: Any, code: int) -> dict[str, Attribute]:
    connection = request.connection
    host, port = connection.server_address
    client = request.client_address
    path = request.path[:_MOST_TEXT]
    found: dict[str, Attribute] = {
        "server.address": host,
        "server.port": port,
        "http.request.method": request.method,
        "url.scheme": "https" if connection.secure else "http",
        "network.peer.address": client,
        "network.peer.port": connection.client_port,
        "client.address": client,
        "url.path": path,
        "network.protocol.name": "http",
        "network.protocol.version": connection.protocol.partition("/")[2],
        "http.target": f"{path}?{request.query}"[:_MOST_TEXT] if request.query else path,
        "audit-id": request.audit_id[:_MOST_TEXT],
    }
    if agent := request.headers.get(b"user-agent"):
        found["user_agent.original"] = agent.decode("latin-1")[:_MOST_TEXT]
    if request.sent:
        found["http.response.body.size"] = request.sent
    if request.body_kept:
        found["http.request.body.size"] = request.body_kept
    if code:
        found["http.response.status_code"] = code
    return found


@implementer(IAuthenticator)
class TracedAuthenticator:
    """
    Begins the span of a request when it knows the user.
    """

    def __init__(self, authenticator: IAuthenticator, tracing: RequestTracing) -> None:
        self._authenticate: Callable[[Any], Any] = authenticator.authenticate
        self._begin = tracing.begin
        self._recorder = tracing.recorder

    async def authenticate(self, request: Any) -> UserInfo | None:
        """
        See L{IAuthenticator.authenticate}.
        """
        started = self._recorder.seconds()
        user: UserInfo | None = await self._authenticate(request)
        if user is None:
            return None
        span = self._begin(request, user)
        SPAN.set(span)
        if span is not None and span.recorded:
            part = span.child("authentication", {})
            part.started = started
            part.end()
        return user


@implementer(IAuthorizer)
class TracedAuthorizer:
    """
    Judges in a span.
    """

    def __init__(self, authorizer: IAuthorizer) -> None:
        self._authorize: Callable[[Attributes], Awaitable[Decision]] = authorizer.authorize

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        See L{IAuthorizer.authorize}.
        """
        judged = self._authorize(attributes)
        span = SPAN.get()
        if span is None or not span.recorded:
            return await judged
        return await within(span.child("authorization", {}), judged)


class TracedHandler:
    """
    Carries requests out in a span of their verb.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def info_of(self, request: Any) -> RequestInfo:
        """
        See L{Handler.info_of}.
        """
        # A connection may begin a request while it ends the one before.
        SPAN.set(None)
        return self._handler.info_of(request)

    async def handle(self, request: Any, info: RequestInfo) -> None:
        """
        See L{Handler.handle}.
        """
        handled = self._handler.handle(request, info)
        span = SPAN.get()
        verb = _VERBS.get(info.verb) if info.resource else None
        if verb is None or span is None or not span.recorded:
            await handled
            return
        fields: dict[str, Attribute] = {
            "audit-id": request.audit_id[:_MOST_TEXT],
            "api-group": info.group,
            "api-version": info.version,
            "resource": info.resource,
            "subresource": info.subresource,
            "namespace": info.namespace,
            "name": info.name,
            "verb": info.verb,
        }
        part = span.child(verb, {name: value for name, value in fields.items() if value})
        await within(part, handled)


class TracedObserver:
    """
    Ends the span of a request that was answered.
    """

    def __init__(self, observer: Observer, tracing: RequestTracing) -> None:
        self._observe = observer.observe_request
        self._end = tracing.end

    def observe_request(self, request: Any, info: RequestInfo, code: int, seconds: float) -> None:
        """
        See L{Observer.observe_request}.
        """
        self._observe(request, info, code, seconds)
        self._end(request, info, code)
