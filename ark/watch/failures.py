"""
How the end of a watch is told to its client.
"""

from __future__ import annotations

from ark.meta.status import APIStatus, expired, internal_error, service_unavailable
from ark.storage.errors import Compacted, StorageError


def status_of(error: Exception) -> APIStatus:
    """
    The Status that an ERROR event carries for what went wrong (contract 12.11).
    """
    if isinstance(error, APIStatus):
        return error
    if isinstance(error, Compacted):
        return expired(f"too old resource version: {error.revision} ({error.floor})")
    if isinstance(error, StorageError):
        return service_unavailable(str(error))
    return internal_error(str(error))
