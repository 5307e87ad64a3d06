"""
What a client is told when storage fails: the only mapper from storage errors to Status.
"""

from __future__ import annotations

from ark.meta.status import APIStatus, expired, internal_error, service_unavailable, timeout
from ark.storage.errors import Compacted, OutcomeUnknown, StorageError, StorageFull, TimedOut, Unavailable

LIST_TOO_OLD = "The resourceVersion for the provided list is too old."


def status_of(error: StorageError) -> APIStatus:
    """
    The answer for an error that a backend raised (contract 2.2, 11.4).

    C{Unavailable}, C{TimedOut} and C{StorageFull} promise that nothing was written, so that
    C{Retry-After} may be told, at which client-go sends the same request again.  After
    C{OutcomeUnknown} the client has to look, and is told no such thing.
    """
    if isinstance(error, Compacted):
        return expired(LIST_TOO_OLD)
    if isinstance(error, TimedOut):
        return timeout(f"storage did not answer in time: {error}", retry_after=1)
    if isinstance(error, Unavailable):
        return service_unavailable(f"storage is unavailable: {error}")
    if isinstance(error, StorageFull):
        return APIStatus(507, "InsufficientStorage", f"storage is full, nothing was written: {error}")
    if isinstance(error, OutcomeUnknown):
        return timeout(f"the request may or may not have been carried out: {error}")
    return internal_error(str(error))
