"""
GET of one object (contract 1.2, 11.1).
"""

from __future__ import annotations

from typing import Any

from ark.endpoints.negotiation import PLAIN
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send
from ark.endpoints.scope import NO_QUERY, RequestScope, parse_query
from ark.meta.options import get_options


async def get(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Answer with one object.
    """
    accepted = scope.accepted(request)
    query, minimum = NO_QUERY, None
    if request.query:
        query = parse_query(request.query)
        minimum = get_options(query).resource_version
    body = await scope.store.get(info.namespace, info.name, minimum)
    if accepted is PLAIN:
        send(request, 200, body)
    else:
        scope.answer(request, 200, body, accepted, query)
