"""
Resource versions: decimal texts of one unsigned 64-bit counter (contract 11).
"""

from __future__ import annotations

from ark.meta.fielderrors import invalid
from ark.meta.gotext import parse_uint
from ark.meta.status import bad_request


def parse_resource_version(text: str) -> int | None:
    """
    The revision that a request names: L{None} when it names none, C{0} for "any".

    @raise ark.meta.status.APIStatus: 400, it is not a number (contract 11.3).
    """
    if not text:
        return None
    if text == "0":
        return 0
    try:
        return parse_uint(text)
    except ValueError as error:
        cause = invalid("resourceVersion", text, str(error))
        raise bad_request(f"invalid resource version: {cause.field}: {cause.message}") from None
