"""
POST to a collection (contract 5).
"""

from __future__ import annotations

from typing import Any

from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope, parse_query
from ark.meta.options import create_options


async def create(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Create an object and answer with it, 201.
    """
    accepted = scope.accepted(request)
    media_type = scope.body_type(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = create_options(query)
    context = scope.write_context(request, options)
    obj = await scope.read(scope.decoder.decode, data, media_type, options.field_validation, context.warnings)
    written = await scope.store.create(info.namespace, obj, context)
    scope.answer(request, 201, written.text, accepted, query)
