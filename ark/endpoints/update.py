"""
PUT of an object or of its status (contract 6, 10).
"""

from __future__ import annotations

from typing import Any

from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope, parse_query
from ark.meta.options import update_options
from ark.meta.status import bad_request
from ark.registry.codec import Object, with_own_metadata


def check_name(obj: Object, name: str) -> None:
    """
    Refuse an object whose name is not the path's (contract 6.3).

    @raise ark.meta.status.APIStatus: 400.
    """
    given = obj["metadata"].get("name") or ""
    if not given:
        raise bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")


async def update(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Replace an object and answer with it: 200, or 201 where it was created.
    """
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = update_options(query)
    media_type = scope.body_type(request)
    context = scope.write_context(request, options)
    context.may_create = scope.creation(request, info)
    obj = await scope.read(scope.decoder.decode, data, media_type, options.field_validation, context.warnings)
    metadata = obj["metadata"]
    scope.store.match_namespace(info.namespace, metadata)
    check_name(obj, info.name)

    def replacement(current: Object | None) -> Object:
        return with_own_metadata(obj)

    uid = metadata.get("uid") or ""
    written = await scope.store.update(
        info.namespace,
        info.name,
        replacement,
        context,
        info.subresource,
        uid,
        shares=not scope.kind.typed,
    )
    scope.answer(request, 201 if written.created else 200, written.text, accepted, query)
