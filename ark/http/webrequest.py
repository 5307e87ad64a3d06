"""
Our request as an C{IRequest}, for Klein and for the resources of L{twisted.web}.

L{twisted.web.server.Request} is taken whole, so that a resource meets what it would meet
behind Twisted's own site, and Klein's adapters find it.  Ours is what it takes for its
connection, L{ark.http.webchannel.ResponseChannel}, as Twisted does it for its HTTP/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.error import UnsupportedMethod
from twisted.web.iweb import IRequest
from twisted.web.resource import getChildForRequest
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as TwistedRequest
from zope.interface import implementer

from ark.http.refusal import status_response
from ark.http.request import Request
from ark.http.webchannel import ResponseChannel
from ark.meta.status import APIStatus, bad_request, too_large

MAX_PARAMETERS = 1000
MAX_FORM = 128 * 1024

_log = Logger()

_NOT_ALLOWED = "the server does not allow this method on the requested resource"


async def render(request: Request, site: Mount, reactor: Any) -> None:
    """
    Let the resource of C{site} answer; returns when the response is complete.

    The body is read first, as far as the request's limit lets it be.  What the resource
    raises is raised here; when that happens behind the beginning of the response,
    the caller has to break it off.

    @param reactor: C{IReactorTime}.
    @raise APIStatus: 400, there are more than L{MAX_PARAMETERS}, or the form is not one;
        413, it is longer than L{MAX_FORM}; what L{Request.read_body} raises.
    """
    body = await request.read_body()
    _check_parameters(request, body)
    channel = ResponseChannel(request, site, reactor)
    WebRequest(request, channel, body).receive()
    await channel.answered


def _check_parameters(request: Request, body: bytes) -> None:
    """
    Twisted decodes them in one go, and would take a second for a form of 3 MiB made for that.
    """
    count = request.query.count("&") + request.query.count(";")
    kind = (request.header(b"content-type") or b"").lower()
    encoded = b"form-urlencoded" in kind
    if request.method == "POST" and (encoded or b"form-data" in kind):
        if len(body) > MAX_FORM:
            raise too_large(MAX_FORM)
        if encoded:
            count += body.count(b"&") + body.count(b";")
    if count > MAX_PARAMETERS:
        raise bad_request(f"the request has more than {MAX_PARAMETERS} parameters")


class Mount:
    """
    Where a resource stands: what Twisted's request knows as its site.

    @ivar segments: of the path that leads to the resource.
    """

    displayTracebacks = False

    def __init__(self, segments: Sequence[bytes], resource: Any) -> None:
        self.segments = tuple(segments)
        self.resource = resource

    def getResourceFor(self, request: Any) -> Any:
        """
        The resource, or one of its children.
        """
        count = len(self.segments)
        request.site = self
        request.prepath, request.postpath = request.postpath[:count], request.postpath[count:]
        request.sitepath = list(request.prepath)
        if self.resource.isLeaf and not request.postpath:
            # Klein sends the client from the empty path to C{/}: here they are the same.
            request.postpath = [b""]
        return getChildForRequest(self.resource, request)  # type: ignore[no-untyped-call]  # Twisted's, without types


@implementer(IRequest)
class WebRequest(TwistedRequest):
    """
    One request of ours, for one resource.

    What is written is sent as it is; what the resource raises becomes the answer that it
    would become anywhere else in the server.  A method that the resource does not know is
    answered with a C{Status}; a C{HEAD} that it does not know is a C{GET} whose body is
    not sent.

    @ivar origin: the request as the rest of the server knows it; C{origin.user} says who asks.
    """

    def __init__(self, origin: Request, channel: ResponseChannel, body: bytes) -> None:
        # By the size too: Twisted reads the content type more freely than we do.
        super().__init__(channel, parsePOSTFormSubmission=len(body) <= MAX_FORM)  # type: ignore[no-untyped-call]  # Twisted's, without types
        self.origin = origin
        self.content = BytesIO()
        self.content.write(body)
        channel.lost = self.connectionLost
        fields = self.requestHeaders
        for name, value in origin.raw_headers:
            fields.addRawHeader(name, value)
        host = origin.header(b"host")
        if host is not None and not fields.hasHeader(b"host"):
            fields.addRawHeader(b"host", host)
        self.parseCookies()  # type: ignore[no-untyped-call]  # Twisted's, without types

    @property
    def chunked(self) -> int:
        """
        Never: our protocols frame the body.
        """
        return 0

    @chunked.setter
    def chunked(self, value: int) -> None:
        """
        Twisted sets it for HTTP/1.1.
        """

    def receive(self) -> None:
        """
        Find the resource and let it answer.
        """
        origin = self.origin
        target = f"{origin.path}?{origin.query}" if origin.query else origin.path
        self.requestReceived(  # type: ignore[no-untyped-call]  # Twisted's, without types
            origin.method.encode(), target.encode(), origin.connection.protocol.encode()
        )

    def render(self, resrc: Any) -> None:
        """
        Let a resource answer.

        @raise TypeError: it has returned something else than bytes.
        """
        body = self._rendered(resrc)
        if body is NOT_DONE_YET:
            return
        if not isinstance(body, bytes):
            raise TypeError(f"{resrc!r} rendered {type(body).__name__}, and not bytes")
        response: Any = self
        if body or self.method != b"HEAD":
            # Who answers a HEAD without a body may have said how long it would be.
            response.setHeader(b"content-length", b"%d" % len(body))
        response.write(body)
        response.finish()

    def _rendered(self, resrc: Any) -> Any:
        try:
            return resrc.render(self)
        except UnsupportedMethod as error:
            if self.method == b"HEAD" and b"GET" in error.allowedMethods:
                self.method = b"GET"
                return resrc.render(self)
            return self._refused(error.allowedMethods)

    def _refused(self, allowed: Sequence[bytes]) -> bytes:
        fields, body = status_response(APIStatus(405, "MethodNotAllowed", _NOT_ALLOWED, details={}))
        self.setResponseCode(405)
        for name, value in (*fields, (b"allow", b", ".join(sorted(allowed)))):
            self.responseHeaders.setRawHeaders(name, [value])
        return body

    def processingFailed(self, reason: Failure) -> Failure:
        """
        The resource has failed: L{render} raises why.
        """
        channel = getattr(self, "channel", None)
        if channel is None:
            _log.failure("{request} failed when it was over", failure=reason, request=self.origin)
        else:
            channel.refuse(reason)
            self.finish()  # type: ignore[no-untyped-call]  # Twisted's, without types
        return reason

    def getSession(self, sessionInterface: Any = None, forceNotSecure: bool = False) -> Any:
        """
        There are none: who asks is told by every request.

        @raise NotImplementedError: always.
        """
        raise NotImplementedError("sessions are not kept: every request says who makes it")
