"""
Failures as Kubernetes tells them: the C{Status} object, its reasons and causes.

Contract clauses 2.1 to 2.5.  Messages follow C{k8s.io/apimachinery/pkg/api/errors} and
C{k8s.io/apimachinery/pkg/util/validation/field}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ark.meta.gotext import quote
from ark.meta.gvk import GroupKind, GroupResource


class Cause(NamedTuple):
    """
    One entry of C{details.causes}.
    """

    reason: str
    message: str
    field: str

    def to_dict(self) -> dict[str, str]:
        """
        The entry as JSON members; empty ones are left out.
        """
        return {name: value for name, value in zip(self._fields, self) if value}


class APIStatus(Exception):
    """
    A request failed, and this is the answer.

    @ivar retry_after: seconds, sent as the C{Retry-After} header too.
    @ivar continuation: a continue token for C{metadata.continue} (contract 12.3).
    @ivar nosniff: whether a browser is told, of a code of which it usually is not, to guess no media type.
    """

    nosniff = False

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        causes: Sequence[Cause] = (),
        retry_after: int = 0,
        continuation: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.causes = tuple(causes)
        self.retry_after = retry_after
        self.continuation = continuation

    def to_dict(self) -> dict[str, Any]:
        """
        The C{Status} object.
        """
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continuation} if self.continuation else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        details = {name: value for name, value in (self.details or {}).items() if value}
        if self.causes:
            details["causes"] = [cause.to_dict() for cause in self.causes]
        if self.retry_after:
            details["retryAfterSeconds"] = self.retry_after
        if details or self.details is not None:
            status["details"] = details
        status["code"] = self.code
        return status


def success(resource: GroupResource, name: str, uid: str) -> dict[str, Any]:
    """
    The C{Status} that answers a finished deletion (contract 2.6).
    """
    members = (("name", name), ("group", resource.group), ("kind", resource.resource), ("uid", uid))
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {member: value for member, value in members if value},
    }


def _about(resource: GroupResource, name: str) -> dict[str, Any]:
    return {"name": name, "group": resource.group, "kind": resource.resource}


def bad_request(message: str) -> APIStatus:
    """
    400: the request itself is wrong.
    """
    return APIStatus(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> APIStatus:
    """
    401: nobody knows who asks.
    """
    return APIStatus(401, "Unauthorized", message)


def forbidden(resource: GroupResource, name: str, why: str, causes: Sequence[Cause] = ()) -> APIStatus:
    """
    403 about an object, or about a resource when C{name} is empty.
    """
    subject = f"{resource} {quote(name)} is forbidden" if name else f"{resource} is forbidden"
    return APIStatus(403, "Forbidden", f"{subject}: {why}", details=_about(resource, name), causes=causes)


def not_found(resource: GroupResource, name: str) -> APIStatus:
    """
    404: no such object.
    """
    return APIStatus(404, "NotFound", f"{resource} {quote(name)} not found", details=_about(resource, name))


def already_exists(resource: GroupResource, name: str) -> APIStatus:
    """
    409: the name is taken.
    """
    message = f"{resource} {quote(name)} already exists"
    return APIStatus(409, "AlreadyExists", message, details=_about(resource, name))


def conflict(resource: GroupResource, name: str, why: str) -> APIStatus:
    """
    409: the object is not what the request expected.
    """
    message = f"Operation cannot be fulfilled on {resource} {quote(name)}: {why}"
    return APIStatus(409, "Conflict", message, details=_about(resource, name))


MODIFIED_MEANWHILE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def method_not_supported(resource: GroupResource, action: str) -> APIStatus:
    """
    405: the resource does not do C{action}.
    """
    message = f'{action} is not supported on resources of kind "{resource}"'
    details = {"group": resource.group, "kind": resource.resource}
    return APIStatus(405, "MethodNotAllowed", message, details=details)


def no_such_resource() -> APIStatus:
    """
    404: a path of the built-in API that leads nowhere.
    """
    message = "the server could not find the requested resource"
    return APIStatus(404, "NotFound", message, details={})


def method_not_allowed() -> APIStatus:
    """
    405: a path that is known, but not with this method.
    """
    message = "the server does not allow this method on the requested resource"
    return APIStatus(405, "MethodNotAllowed", message, details={})


def not_acceptable(accepted: Iterable[str]) -> APIStatus:
    """
    406: nothing that the client accepts can be made.
    """
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return APIStatus(406, "NotAcceptable", message)


def expired(message: str, continuation: str = "") -> APIStatus:
    """
    410: the revision asked for is before the floor.
    """
    return APIStatus(410, "Expired", message, continuation=continuation)


def too_large(limit: int) -> APIStatus:
    """
    413: the request body is over the limit.
    """
    return APIStatus(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_media_type(accepted: Iterable[str]) -> APIStatus:
    """
    415: the body is in a format that is not read here.
    """
    message = (
        "the body of the request was in an unknown format - "
        f"accepted media types include: {', '.join(accepted)}"
    )
    return APIStatus(415, "UnsupportedMediaType", message)


def invalid(kind: GroupKind, name: str, causes: Sequence[Cause]) -> APIStatus:
    """
    422: the object, or the options, break a rule.  Each cause's message is joined to its field.
    """
    # What stands twice among the causes is told once, as C{ErrorList.ToAggregate} does.
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f"{kind} {quote(name)} is invalid: {joined}" if texts else f"{kind} {quote(name)} is invalid"
    details = {"name": name, "group": kind.group, "kind": kind.kind}
    return APIStatus(422, "Invalid", message, details=details, causes=causes)


def too_many_requests(message: str, retry_after: int) -> APIStatus:
    """
    429: come back after C{retry_after} seconds.
    """
    return APIStatus(429, "TooManyRequests", message, retry_after=retry_after)


def internal_error(message: str) -> APIStatus:
    """
    500: the server failed.
    """
    cause = Cause("", message, "")
    text = f"Internal error occurred: {message}"
    return APIStatus(500, "InternalError", text, causes=(cause,))


def service_unavailable(message: str, retry_after: int = 1) -> APIStatus:
    """
    503: the database is away; nothing was done.
    """
    return APIStatus(503, "ServiceUnavailable", message, retry_after=retry_after)


def timeout(message: str, causes: Sequence[Cause] = (), retry_after: int = 0) -> APIStatus:
    """
    504: it did not happen in time.
    """
    return APIStatus(
        504, "Timeout", f"Timeout: {message}", details={}, causes=causes, retry_after=retry_after
    )
