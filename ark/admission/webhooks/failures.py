"""
How webhooks fail writes.

Follows C{k8s.io/apiserver/pkg/util/webhook/error.go} and
C{pkg/admission/plugin/webhook/errors/statuserror.go}; contract 16.6.
"""

from __future__ import annotations

from typing import Any

from ark.meta.gotext import quote
from ark.meta.status import APIStatus, Cause, bad_request, internal_error


class CallingFailed(Exception):
    """
    A webhook could not be called, or its answer not be used: its failure policy decides.

    @ivar code: the HTTP code that comes nearest to it.
    @ivar logged: what a log may have of it: nothing that the webhook said.
    """

    def __init__(self, webhook: str, why: str, code: int = 503, answered: bool = False) -> None:
        """
        @param answered: whether the reason is in the webhook's words.
        """
        super().__init__(f"failed calling webhook {quote(webhook)}: {why}")
        self.code = code
        self.logged = f"webhook {quote(webhook)} answered with {code}" if answered else str(self)

    def status(self) -> APIStatus:
        """
        The answer to the client where writes fail with the webhook.
        """
        return internal_error(str(self))


def dry_run_unsupported(webhook: str) -> APIStatus:
    """
    400: a webhook with side effects cannot be asked about something that is not to happen.
    """
    return bad_request(f"admission webhook {quote(webhook)} does not support dry run")


class Denied(APIStatus):
    """
    A webhook refused, and this is the answer to the client.
    """


def denial(webhook: str, status: dict[str, Any] | None) -> Denied:
    """
    The answer to the client when a webhook refused.

    @param status: what the webhook said of that.
    """
    told = status or {}
    denied = f"admission webhook {quote(webhook)} denied the request"
    reason = told.get("reason") or ""
    why = told.get("message") or reason
    message = f"{denied}: {why}" if why else f"{denied} without explanation"
    code = told.get("code") or 0
    details = told.get("details")
    known = None if details is None else {name: value for name, value in details.items() if name != "causes"}
    retry_after = int((known or {}).pop("retryAfterSeconds", 0) or 0)
    return Denied(
        code if code >= 400 else 400,
        reason,
        message,
        details=known,
        causes=[_cause(cause) for cause in (details or {}).get("causes") or ()],
        retry_after=retry_after,
    )


def _cause(cause: dict[str, Any]) -> Cause:
    return Cause(*(str(cause.get(member) or "") for member in ("reason", "message", "field")))
