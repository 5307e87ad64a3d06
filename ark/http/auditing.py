"""
Tells the audit log of requests.

As C{k8s.io/apiserver/pkg/endpoints/filters/audit.go}: a request is told of when it has come and when it
has been answered, a watch also when its answer begins; one whose client is nobody known, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ark.audit.event import MOST_BODY, Asked, Body, Noted
from ark.audit.log import AuditLog
from ark.audit.policy import (
    NONE,
    PANIC,
    REQUEST_RECEIVED,
    RESPONSE_COMPLETE,
    RESPONSE_STARTED,
    Policy,
    Told,
)
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.authorization.impersonation import Impersonated
from ark.meta.status import APIStatus

DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"

_FAILED = 400
_SERVER_ERROR = 500
_DELETIONS = frozenset(("delete", "deletecollection"))
_LEFT = "Connection closed early"
_NOBODY = UserInfo("")


class Auditing:
    """
    @param now: the time of day.
    """

    def __init__(self, policy: Policy, logs: Sequence[AuditLog], now: Callable[[], float]) -> None:
        """
        @param logs: one or more, each told of the same.
        """
        self._policy = policy
        self._now = now
        self._logs = logs
        self.note = logs[0].note if len(logs) == 1 else self._note_all

    def _note_all(self, noted: Noted) -> None:
        for log in self._logs:
            log.note(noted)

    def begin(self, request: Any, attributes: Attributes) -> RequestAudit | None:
        """
        A request has come, and it is known whose it is.

        @return: to be told of the rest; L{None} when nothing is told of it.
        """
        told = self._policy.of(attributes)
        if told.level == NONE:
            return None
        audit = RequestAudit(self, told, request, attributes, self._now())
        audit.listen()
        audit.note(REQUEST_RECEIVED)
        return audit

    def nobody(self, request: Any, attributes: Attributes, status: APIStatus) -> None:
        """
        A request was refused since it is not known whose it is.

        @param attributes: with any user.
        @param status: the refusal.
        """
        attributes = attributes._replace(user=_NOBODY)
        told = self._policy.of(attributes)
        if told.level != NONE:
            audit = RequestAudit(self, told, request, attributes, self._now())
            audit.refused(status)

    def time(self) -> float:
        """
        The time of day.
        """
        return self._now()


class RequestAudit:
    """
    What is told of one request.

    @ivar panicked: whether the server itself failed at it.
    @ivar decision: what was said of whether it is allowed, and why.
    @ivar impersonated: for whom it acts; L{None} when it is for nobody else.
    """

    def __init__(
        self, auditing: Auditing, told: Told, request: Any, attributes: Attributes, now: float
    ) -> None:
        self._auditing = auditing
        self._told = told
        self._request = request
        self._response: Body | None = None
        self.panicked = False
        self.decision: tuple[str, str] | None = None
        self.impersonated: Impersonated | None = None
        uri = f"{request.path}?{request.query}" if request.query else request.path
        self._asked = Asked(
            request.audit_id,
            uri,
            attributes,
            request.header(b"user-agent") or b"",
            now,
            request.client_address,
            request.header_values(b"x-forwarded-for"),
            request.header(b"x-real-ip"),
        )

    def listen(self) -> None:
        """
        See what is answered from now on, as far as it is told.
        """
        request, verb = self._request, self._asked.attributes.verb
        respond, start_stream = request.respond, request.start_stream

        def responded(code: int, headers: Any, body: bytes) -> None:
            if code >= _FAILED or self._told.has_response or verb in _DELETIONS:
                self._response = _body(headers, body)
            respond(code, headers, body)

        def started(code: int, headers: Any) -> Any:
            stream = start_stream(code, headers)
            if verb == "watch":
                self.note(RESPONSE_STARTED, code=code)
            elif self._told.has_response:
                self._collect(stream, headers)
            return stream

        request.respond, request.start_stream = responded, started

    def _collect(self, stream: Any, headers: Any) -> None:
        write, pieces, size = stream.write, bytearray(), 0

        def collecting(data: bytes) -> None:
            nonlocal size
            size += len(data)
            if size <= MOST_BODY:
                pieces.extend(data)
            write(data)

        def whole() -> Body:
            return _body(headers, bytes(pieces))._replace(whole=size <= MOST_BODY)

        stream.write = collecting
        self._whole = whole

    _whole: Callable[[], Body] | None = None

    def refused(self, status: APIStatus) -> None:
        """
        Nothing but this refusal is told of the request.
        """
        self._response = Body(orjson.dumps(status.to_dict()))
        self.note(RESPONSE_STARTED, code=status.code)

    def complete(self) -> None:
        """
        The request has been answered, or will not be.
        """
        request = self._request
        # They refer to each other.
        del request.respond, request.start_stream
        if self._whole is not None:
            self._response = self._whole()
        if self.panicked:
            self.note(PANIC, code=_SERVER_ERROR)
        elif request.code:
            self.note(RESPONSE_COMPLETE, code=request.code)
        else:
            self.note(RESPONSE_COMPLETE, code=200, message=_LEFT)

    def note(self, stage: str, code: int = 0, message: str = "") -> None:
        """
        Have a stage written, if it is one that is told.
        """
        told = self._told
        if stage in told.omitted:
            return
        if not code:
            noted = Noted(told, self._asked, stage, self._asked.received)
        else:
            noted = Noted(
                told,
                self._asked,
                stage,
                self._auditing.time(),
                self.impersonated,
                code,
                message,
                self._sent(),
                self._response,
                self._annotations(),
            )
        self._auditing.note(noted)

    def _sent(self) -> Body | None:
        request = self._request
        if not request.body_kept or not request.body_complete or not request.info.resource:
            return None
        return Body(request.body, (request.header(b"content-type") or b"").decode("latin-1"))

    def _annotations(self) -> dict[str, str]:
        request = self._request
        annotations: dict[str, str] = {}
        if self.decision is not None:
            annotations[DECISION], annotations[REASON] = self.decision
        annotations.update(request.annotations)
        if self._told.has_request:
            annotations.update(request.request_annotations)
        return annotations


def _body(headers: Any, data: bytes) -> Body:
    found = dict(headers)
    kind = found.get(b"content-type", b"").decode("latin-1")
    gzipped, whole = found.get(b"content-encoding") == b"gzip", len(data) <= MOST_BODY
    return Body(data if whole else b"", kind, gzipped, whole)
