"""
What is said of webhooks that cannot be reached or do not answer with success.

The words are those of C{k8s.io/client-go/rest} (C{transformResponse}) and of
C{NewGenericServerResponse} in C{k8s.io/apimachinery/pkg/api/errors}.
"""

from __future__ import annotations

from typing import Any

import orjson
from OpenSSL.SSL import Error as TLSError
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from ark.meta.gotext import quote

LONGEST_TEXT = 2048
"""
How much of a text that explains a failure is passed on.
"""

_UNKNOWN = "unknown"
_SAID = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, "
    "but may still be processing the request",
}


class CallFailed(Exception):
    """
    A webhook did not answer, or not with success.

    @ivar code: the code of its answer; 503 where there was none.
    @ivar answered: whether the message is the webhook's own, which does not belong into logs.
    """

    def __init__(self, message: str, code: int = 503, answered: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.answered = answered


def refusal(code: int, content_type: str, body: bytes) -> CallFailed:
    """
    What an answer with a code that is no success comes to.
    """
    told = _UNKNOWN
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type or media_type.startswith("text/"):
        told = body[:LONGEST_TEXT].decode("utf-8", "replace").strip()
    status = _failure(body)
    if status is not None:
        return CallFailed(str(status.get("message") or ""), int(status.get("code") or 0), True)
    return CallFailed(_words(code, told), code, True)


def _failure(body: bytes) -> dict[str, Any] | None:
    """
    The C{Status} that a body is, if it tells of a failure.
    """
    try:
        found = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or (found.get("kind"), found.get("status")) != ("Status", "Failure"):
        return None
    return found


def _words(code: int, told: str) -> str:
    if code in (403, 415):
        return told
    if code == 406:
        unable = "the server was unable to respond with a content type that the client supports"
        return unable if told in ("", _UNKNOWN) else told
    said = _SAID.get(code)
    if said is None and code >= 500:
        said = f"an error on the server ({quote(told)}) has prevented the request from succeeding"
    return said or f"the server responded with the status code {code} but did not return more information"


def reason(error: Exception, place: str) -> str:
    """
    Why there was no answer from C{place}, C{host:port}.
    """
    if isinstance(error, (ResponseFailed, ResponseNeverReceived)) and error.reasons:
        error = error.reasons[0].value
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {place}: connect: connection refused"
    if isinstance(error, DNSLookupError):
        return f"dial tcp: lookup {place.rpartition(':')[0]}: no such host"
    if isinstance(error, TLSError):
        told = _tls_reason(error)
        unknown = "unable to get local issuer certificate" in told or "certificate verify failed" in told
        if unknown:
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        return f"tls: {told}"
    if type(error).__name__ == "VerificationError":
        return f"tls: failed to verify certificate: x509: certificate is not valid for {place.rpartition(':')[0]}"
    if isinstance(error, ConnectError) and not str(error):
        return type(error).__name__
    return str(error) or type(error).__name__


def _tls_reason(error: TLSError) -> str:
    told = error.args[0] if error.args else ()
    if isinstance(told, (list, tuple)) and told:
        return str(told[0][-1])
    return str(error) or "handshake failed"
