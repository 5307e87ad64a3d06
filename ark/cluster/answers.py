"""
What the cluster's answers come to: objects, failures that it tells of, and what is neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import orjson
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectingCancelledError, ConnectionClosed
from twisted.web.client import RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived

from ark.cluster.errors import Unreachable
from ark.meta.status import APIStatus, Cause

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
}
_LONGEST_TEXT = 512


def read_object(body: bytes) -> dict[str, Any]:
    """
    The object that a body is.

    @raise Unreachable: it is none.
    """
    try:
        value = orjson.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unreachable("the answer is not a JSON object")
    return value


def refusal(code: int, body: bytes, retry_after: int) -> Exception:
    """
    What an answer with a code that is no success comes to.

    @return: an L{APIStatus} when the cluster itself refuses, L{Unreachable} when something
        between could not reach it.
    """
    try:
        status = orjson.loads(body)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return failure(status, code, retry_after)
    if code not in _REASONS:
        return Unreachable(f"the answer has the code {code} and is no Status")
    told = body[:_LONGEST_TEXT].decode("utf-8", "replace").strip()
    return APIStatus(code, _REASONS[code], told or _REASONS[code], retry_after=retry_after)


def failure(status: Mapping[str, Any], code: int = 500, retry_after: int = 0) -> APIStatus:
    """
    What a C{Status} tells.

    @param code: for one that has none.
    """
    details = status.get("details")
    details = dict(details) if isinstance(details, dict) else None
    causes = (details.pop("causes", None) or ()) if details else ()
    seconds = details.pop("retryAfterSeconds", None) if details else None
    return APIStatus(
        status.get("code") if isinstance(status.get("code"), int) else code,  # type: ignore[arg-type]
        str(status.get("reason") or ""),
        str(status.get("message") or ""),
        details=details,
        causes=[_cause(cause) for cause in causes if isinstance(cause, dict)],
        retry_after=seconds if isinstance(seconds, int) else retry_after,
    )


def _cause(cause: Mapping[str, Any]) -> Cause:
    reason, message, field = (str(cause.get(name) or "") for name in Cause._fields)
    return Cause(reason, message, field)


async def answered(asking: Awaitable[Any]) -> Any:
    """
    Wait for the answer to a request.

    @raise CancelledError: nobody waits for it any more.  Twisted tells of that as if the connection
        had failed.
    """
    try:
        return await asking
    except ConnectingCancelledError:
        raise CancelledError from None
    except (RequestTransmissionFailed, ResponseFailed) as error:
        if any(isinstance(reason.value, CancelledError) for reason in error.reasons):
            raise CancelledError from None
        raise


def was_cut(error: Exception) -> bool:
    """
    Whether a connection ended before there was an answer, as one does that was idle for too long.
    """
    if not isinstance(error, (RequestTransmissionFailed, ResponseNeverReceived)):
        return False
    return all(isinstance(reason.value, ConnectionClosed) for reason in error.reasons)


def why(error: Exception) -> str:
    """
    Why there was no answer, in a clause.
    """
    if (
        isinstance(error, (RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived))
        and error.reasons
    ):
        error = error.reasons[0].value
    if isinstance(error, VerificationError):
        return "its certificate is for another name"
    if isinstance(error, TLSError):
        told = error.args[0] if error.args else ()
        words = (
            told[0][-1] if isinstance(told, (list, tuple)) and told else str(error) or "the handshake failed"
        )
        return f"TLS: {words}"
    return str(error).rstrip(".") or type(error).__name__
