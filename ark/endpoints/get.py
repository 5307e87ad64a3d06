"""
GET of one object (contract 1.2, 11.1).
"""

from __future__ import annotations

from typing import Any

from ark.endpoints.negotiation import PLAIN
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send
from ark.endpoints.scope import NO_QUERY, RequestScope, parse_query
from ark.meta.resourceversion import parse_resource_version


async def get(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Answer with one object.
    """
    accepted = scope.accepted(request)
    query = parse_query(request.query)
    minimum = None
    if query is not NO_QUERY:
        text = (query.get("resourceVersion") or ("",))[0]
        minimum = parse_resource_version(text) if text else None
    body = await scope.store.get(info.namespace, info.name, minimum)
    if accepted is PLAIN:
        send(request, 200, body)
    else:
        scope.answer(request, 200, body, accepted, query)
