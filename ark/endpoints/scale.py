"""
GET, PUT and PATCH of the subresource C{/scale} (contract 10.5).

Follows C{ScaleREST} in C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go}:
whatever changes is written through the main resource, by its rules.
"""

from __future__ import annotations

from typing import Any

import orjson

from ark.apis.kind import Scale
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import Accepted, patch_type
from ark.endpoints.patch import TYPED_PATCHES, Patching
from ark.endpoints.representation import Forms
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send
from ark.endpoints.scope import Query, RequestScope, parse_query
from ark.endpoints.update import check_name
from ark.meta.options import get_options, patch_options, update_options
from ark.registry.codec import Object
from ark.registry.columns import compile_columns
from ark.registry.scale import SCALE, read_scale, scale_of, scale_to_change, with_scale
from ark.registry.schema import compile_schema
from ark.registry.store import Transform, WriteContext

_DECODER = Decoder(SCALE, compile_schema(SCALE))
_COLUMNS = compile_columns(SCALE)
_PATCHES = TYPED_PATCHES[:2]


def _paths(scope: RequestScope) -> Scale:
    paths = scope.kind.scale
    assert paths is not None, "the path was checked"
    return paths


def _answer(scope: RequestScope, request: Any, scale: Object, accepted: Accepted, query: Query) -> None:
    text = orjson.dumps(scale)
    if accepted.transform:
        include = (query.get("includeObject") or ("",))[0]
        text = Forms(SCALE, _COLUMNS, scope.now, None).form(accepted, include, False).object(text)
    send(request, 200, text, accepted)


async def get_scale(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Answer with an object's scale.
    """
    accepted = scope.accepted(request)
    query = parse_query(request.query)
    text = await scope.store.get(info.namespace, info.name, get_options(query).resource_version)
    _answer(scope, request, read_scale(orjson.loads(text), _paths(scope)), accepted, query)


async def update_scale(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Take over how many replicas a scale wants.
    """
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = update_options(query)
    context = scope.write_context(request, options)
    scale = _DECODER.decode(data, scope.body_type(request), options.field_validation, context.warnings)
    scope.store.match_namespace(info.namespace, scale["metadata"])
    check_name(scale, info.name)

    def replacement(current: Object | None) -> Object:
        return with_scale(_existing(scope, info, current), scale, _paths(scope))

    text = await _write(scope, info, replacement, context, scale["metadata"].get("uid") or "")
    _answer(scope, request, scale_of(orjson.loads(text), _paths(scope)), accepted, query)


async def patch_scale(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Patch an object's scale and take over how many replicas it wants then.
    """
    media_type = patch_type(request.header(b"content-type"), _PATCHES)
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = patch_options(query)
    context = scope.write_context(request, options)
    patching = Patching(_DECODER, media_type, data, options.field_validation, context.warnings)
    paths = _paths(scope)

    def patched(current: Object | None) -> Object:
        obj = _existing(scope, info, current)
        return with_scale(obj, patching(scale_to_change(obj, paths), info.name), paths)

    text = await _write(scope, info, patched, context)
    _answer(scope, request, scale_of(orjson.loads(text), paths), accepted, query)


def _existing(scope: RequestScope, info: RequestInfo, current: Object | None) -> Object:
    if current is None:
        raise scope.store.not_found(info.name)
    return current


async def _write(
    scope: RequestScope, info: RequestInfo, transform: Transform, context: WriteContext, uid: str = ""
) -> bytes:
    return (await scope.store.update(info.namespace, info.name, transform, context, uid=uid)).text
