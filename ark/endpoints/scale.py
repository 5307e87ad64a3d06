"""
GET, PUT and PATCH of the subresource C{/scale} (contract 10.5).

Follows C{ScaleREST} in C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go}:
whatever changes is written through the main resource, by its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ark.apis.kind import Scale
from ark.apply.managedfields import ManagedFields
from ark.endpoints.apply import read_configuration
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import APPLY_PATCH, Accepted, Negotiator, body_type, patch_type
from ark.endpoints.patch import CUSTOM_PATCHES, Patching
from ark.endpoints.representation import Forms
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send
from ark.endpoints.scope import Query, RequestScope, parse_query
from ark.endpoints.update import check_name
from ark.meta.options import get_options, patch_options, update_options
from ark.registry.codec import Object, with_own_metadata
from ark.registry.columns import compile_columns
from ark.registry.scale import SCALE, ScalePart, read_scale, scale_of, scale_to_change
from ark.registry.schema import compile_schema
from ark.registry.store import WriteContext
from ark.registry.updating import Target

_DECODER = Decoder(SCALE, compile_schema(SCALE))
# A scale has a message, whatever it is of.
_NEGOTIATOR = Negotiator(typed=True)
_COLUMNS = compile_columns(SCALE)

Tracked = tuple[Object, ManagedFields]


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
    accepted = _NEGOTIATOR.answer(request)
    query = parse_query(request.query)
    text = await scope.store.get(info.namespace, info.name, get_options(query).resource_version)
    _answer(scope, request, read_scale(orjson.loads(text), _paths(scope)), accepted, query)


async def update_scale(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Take over how many replicas a scale wants.
    """
    accepted = _NEGOTIATOR.answer(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = update_options(query)
    context = scope.write_context(request, options)
    media_type = body_type(request.header(b"content-type"), _DECODER.media_types)
    scale = _DECODER.decode(data, media_type, options.field_validation, context.warnings)
    scope.store.match_namespace(info.namespace, scale["metadata"])
    check_name(scale, info.name)

    def replacement(live: Object, managed: ManagedFields) -> Tracked:
        new = with_own_metadata(scale)
        tracked = scope.store.scale_tracker().update(
            scale_to_change(live, _paths(scope)), new, managed, context.field_manager
        )
        # A scale always says how many there are.
        new.setdefault("status", {"replicas": 0})
        return new, tracked

    uid = scale["metadata"].get("uid") or ""
    text = await _write(scope, info, replacement, context, uid)
    _answer(scope, request, scale_of(orjson.loads(text), _paths(scope)), accepted, query)


async def patch_scale(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Patch an object's scale and take over how many replicas it wants then.
    """
    media_type = patch_type(request.header(b"content-type"), CUSTOM_PATCHES)
    accepted = _NEGOTIATOR.answer(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = patch_options(query, apply=media_type == APPLY_PATCH)
    context = scope.write_context(request, options)
    paths, tracker = _paths(scope), scope.store.scale_tracker()
    if media_type == APPLY_PATCH:
        config, _ = read_configuration(data)

        def changed(scale: Object, managed: ManagedFields) -> Tracked:
            return tracker.apply(scale, config, managed, context.field_manager, options.force)
    else:
        patching = Patching(_DECODER, media_type, data, options.field_validation, context.warnings)

        def changed(scale: Object, managed: ManagedFields) -> Tracked:
            new = patching(scale, info.name, managed)
            return new, tracker.update(scale, new, managed, context.field_manager)

    def patched(live: Object, managed: ManagedFields) -> Tracked:
        new, managed = changed(scale_to_change(live, paths), managed)
        check_name(new, info.name)
        return new, managed

    text = await _write(scope, info, patched, context)
    _answer(scope, request, scale_of(orjson.loads(text), paths), accepted, query)


async def _write(
    scope: RequestScope,
    info: RequestInfo,
    change: Callable[[Object, ManagedFields], Tracked],
    context: WriteContext,
    uid: str = "",
) -> bytes:
    """
    Write the scale that C{change} makes of a stored object's, and who set it.
    """
    store = scope.store
    entries = store.scale_entries()

    def propose(live: Object | None, managed: ManagedFields) -> Tracked:
        if live is None:
            raise store.not_found(info.name)
        scale, owned = change(live, entries.of_scale(managed))
        store.match_namespace(info.namespace, scale["metadata"])
        return scale, owned

    part = ScalePart(_paths(scope), entries)
    target = Target(store.key(info.namespace, info.name), "scale", uid, part)
    return (await store.replace(target, propose, context)).text
