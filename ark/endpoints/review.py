"""
POST of a review, which is answered and not kept (contract 15.7).

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/create.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ark.apis.kind import Kind
from ark.apis.messages import message_of
from ark.apply.managedfields import NOTHING
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import METADATA_ONLY, Negotiator, body_type
from ark.endpoints.representation import Forms
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send
from ark.endpoints.scope import manager_of, parse_query
from ark.meta.options import create_options
from ark.meta.status import bad_request, method_not_allowed, no_such_resource
from ark.meta.time import rfc3339
from ark.registry.codec import Object
from ark.registry.columns import compile_columns
from ark.registry.fieldtracking import Tracking
from ark.registry.reviews import Review
from ark.registry.schema import compile_schema
from ark.registry.strategy import Strategy

_NEGOTIATOR = Negotiator(METADATA_ONLY, typed=True)


class _Asked(Strategy):
    """
    Reviews have nothing set that Go's types do not have from the start.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        members = kind.schema["properties"]
        self.blank = {name: {} for name in ("metadata", "spec", "status") if name in members}


class ReviewScope:
    """
    One kind of review, as its endpoint sees it.
    """

    def __init__(self, kind: Kind, review: Review, now: Callable[[], float]) -> None:
        self.kind = kind
        self.review = review
        self.decoder = Decoder(kind, compile_schema(kind))
        self.forms = Forms(kind, compile_columns(kind), now, None)
        self._message = message_of(kind.api_version, kind.kind)
        tracking = Tracking(_Asked(kind), {kind.version: kind}.get, lambda: rfc3339(now()))
        self._tracker = tracking.tracker("")

    def track(self, obj: Object, manager: str) -> None:
        """
        Say in a review who set its fields, as in every object (contract 13.1).
        """
        managed = self._tracker.update(None, obj, NOTHING, manager)
        if managed:
            obj["metadata"]["managedFields"] = orjson.loads(managed.text)

    def as_in_go(self, obj: Object) -> Object:
        """
        A review as Go shows it: without members that were sent empty and mean nothing.
        """
        message = self._message
        if message is None:
            return obj
        shown = message.decode(message.encode(obj))
        if "status" not in obj:
            shown.pop("status", None)
        _keep_nulls(obj.get("spec") or {}, shown.get("spec") or {})
        return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **shown}


def _keep_nulls(sent: Object, shown: Object) -> None:
    # Protocol buffers do not tell a list that is not there from an empty one.
    for name, values in (sent.get("extra") or {}).items():
        if values is None:
            shown["extra"][name] = None


async def review(scope: ReviewScope, request: Any, info: RequestInfo) -> None:
    """
    Answer a review with itself, its status filled in, 201.

    @raise ark.meta.status.APIStatus: 400, 404, 405, 406, 415, 422.
    """
    if info.name or bool(info.namespace) is not scope.kind.namespaced:
        raise no_such_resource()
    if info.verb != "create":
        raise method_not_allowed()
    accepted = _NEGOTIATOR.answer(request)
    media_type = body_type(request.header(b"content-type"), scope.decoder.media_types)
    data = await request.read_body()
    options = create_options(parse_query(request.query))
    warnings: list[str] = []
    request.warnings = warnings
    obj = scope.decoder.decode(data, media_type, options.field_validation, warnings)
    obj = scope.as_in_go(obj)
    _match_namespace(obj, info.namespace)
    scope.track(obj, options.field_manager or manager_of(request.header(b"user-agent")))
    text = orjson.dumps(await scope.review(obj, request.user))
    if accepted.transform:
        text = scope.forms.form(accepted, "", False).object(text)
    send(request, 201, text, accepted)


def _match_namespace(obj: Object, namespace: str) -> None:
    metadata = obj["metadata"]
    given = metadata.pop("namespace", "")
    if not namespace:
        return
    if given not in ("", namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    metadata["namespace"] = namespace
