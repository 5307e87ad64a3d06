"""
DELETE of an object or of a collection (contract 8).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from ark.endpoints.decode import parse_delete_options, parse_failure
from ark.endpoints.list import Listing, list_options
from ark.endpoints.negotiation import TYPED_BODIES, body_type
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import Query, RequestScope, parse_query
from ark.meta.options import EXACT, DeleteOptions, delete_options
from ark.meta.serializer import DecodeError
from ark.meta.status import APIStatus, bad_request, success


async def _read_options(scope: RequestScope, request: Any, query: Query) -> DeleteOptions:
    data = await request.read_body()
    if not data:
        return delete_options(query, None)
    media_type = body_type(request.header(b"content-type"), TYPED_BODIES)
    try:
        value = await scope.read(parse_delete_options, data, media_type)
    except DecodeError as error:
        raise bad_request(parse_failure(error)) from error
    return delete_options(query, value)


async def delete(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Delete an object; answer with a C{Status}, or with the object while it stays.
    """
    accepted = scope.accepted(request)
    query = parse_query(request.query)
    options = await _read_options(scope, request, query)
    context = scope.delete_context(request, options)
    done = await scope.store.delete(info.namespace, info.name, options, context)
    if not done.gone or scope.store.strategy.returns_deleted:
        code = 202 if not done.gone and options.orphan_dependents is False else 200
        scope.answer(request, code, done.text, accepted, query)
        return
    uid = orjson.loads(done.text)["metadata"]["uid"]
    text = orjson.dumps(success(scope.kind.gr, info.name, uid))
    scope.answer(request, 200, text, accepted._replace(transform=""), query)


async def deletecollection(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Delete every object of a namespace that the selectors match; answer with their list.
    """
    accepted = scope.accepted(request)
    query = parse_query(request.query)
    wanted = list_options(scope, query)
    if wanted.resource_version and not wanted.resource_version_match:
        # C{DeleteCollection} in C{registry/generic/registry/store.go} lists by pages: at that very revision.
        wanted = replace(wanted, resource_version_match=EXACT)
    listing = Listing(scope, info, wanted)
    form = scope.form(accepted, query, of_list=True)
    options = await _read_options(scope, request, query)
    context = scope.delete_context(request, options)
    context.of_collection = True
    items: list[bytes] = []
    async for page in listing.pages():
        for version in page:
            items.append(form.item(version.body))
            try:
                await scope.store.delete(version.key.namespace, version.key.name, options, context)
            except APIStatus as status:
                if status.code != 404:
                    raise
    text = form.list_open + b",".join(items) + form.list_close(*listing.closing())
    scope.answer(request, 200, text, accepted._replace(transform=""), query)
