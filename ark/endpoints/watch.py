"""
A watch of a collection (contract 12.8 to 12.20).
"""

from __future__ import annotations

from random import uniform
from typing import Any

from ark.endpoints.list import list_options
from ark.endpoints.negotiation import PLAIN, PROTOBUF, STREAM_PROTOBUF
from ark.endpoints.representation import ProtobufForm
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import stream_headers
from ark.endpoints.scope import RequestScope, parse_query
from ark.endpoints.selection import Selection
from ark.meta.options import ListOptions
from ark.watch.options import WatchOptions
from ark.watch.predicate import SelectionPredicate

_SHORTEST, _LONGEST = 1800.0, 3600.0


def _predicate(scope: RequestScope, info: RequestInfo, options: ListOptions) -> SelectionPredicate:
    selection = Selection(scope.store, info.namespace, options)
    namespace = selection.namespace
    if not scope.kind.namespaced:
        namespace = ""
    return SelectionPredicate(
        scope.kind.resource,
        namespace,
        info.name or selection.name,
        labels=options.label_selector,
        fields=options.field_selector,
        read_fields=scope.store.fields,
    )


async def watch(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Send what changes, one event a line, until the client goes or the time is up.
    """
    accepted = scope.watched(request)
    query = parse_query(request.query)
    options = list_options(scope, query, watch=True)
    form, shown = scope.form(accepted, query), PLAIN
    websocket = request.wants_websocket
    if accepted.media_type == PROTOBUF and not websocket:
        form, shown = ProtobufForm(form), accepted._replace(media_type=STREAM_PROTOBUF)
    watching = WatchOptions(
        _predicate(scope, info, options),
        form,
        after=options.resource_version,
        initial=bool(options.send_initial_events),
        initial_end=bool(options.send_initial_events),
        bookmarks=options.allow_watch_bookmarks,
        timeout=float(options.timeout_seconds or uniform(_SHORTEST, _LONGEST)),
    )
    headers = stream_headers(request, shown, False)

    def start() -> Any:
        return request.start_websocket() if websocket else request.start_stream(200, headers)

    await scope.store.cacher.watch(watching, start, request.begun)
