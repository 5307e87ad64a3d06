"""
Answers of the edge itself, to requests that no handler gets to see.
"""

from __future__ import annotations

import orjson

from ark.meta.status import APIStatus, bad_request


class Refused(Exception):
    """
    A request that is not handed on; the connection closes after the answer where the
    protocol can no longer tell where the next request begins.

    @ivar status: the answer.
    """

    def __init__(self, status: APIStatus) -> None:
        super().__init__(status.message)
        self.status = status


def malformed(why: str) -> Refused:
    """
    400: this is not HTTP as we read it.
    """
    return Refused(bad_request(f"malformed HTTP request: {why}"))


def header_too_large() -> Refused:
    """
    431: the header fields are too many or too long.
    """
    status = APIStatus(431, "BadRequest", "the header fields of the request are too large")
    return Refused(status)


def too_slow(what: str) -> APIStatus:
    """
    408: the client does not send what it began.
    """
    return APIStatus(408, "Timeout", f"Timeout: the {what} of the request did not arrive in time")


def status_response(status: APIStatus) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """
    Header fields and body of the C{Status} object.
    """
    headers = [
        (b"cache-control", b"no-cache, private"),
        (b"content-type", b"application/json"),
    ]
    if status.retry_after:
        headers.append((b"retry-after", b"%d" % status.retry_after))
    return headers, orjson.dumps(status.to_dict())
