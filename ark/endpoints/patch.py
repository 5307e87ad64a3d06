"""
PATCH of an object or of its status (contract 7).

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/patch.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ark.apply.jsonpatch import (
    InvalidPatch,
    PatchFailed,
    TooManyOperations,
    apply_json_patch,
    check_operations,
    strict_errors,
)
from ark.apply.mergepatch import merge_patch
from ark.apply.strategicmerge import strategic_merge
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, patch_type
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope, parse_query
from ark.endpoints.update import check_name
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gotext import json_marshal, json_type
from ark.meta.gvk import GroupKind
from ark.meta.objectmeta import WrongType
from ark.meta.options import IGNORE, STRICT, patch_options
from ark.meta.serializer import DecodeError, decode_json
from ark.meta.status import APIStatus, bad_request, invalid
from ark.registry.codec import Object

Patcher = Callable[[Object], Any]

CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH)
TYPED_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)


def _undecodable(text: bytes, why: str) -> APIStatus:
    cause = invalid_value("patch", json_marshal(orjson.loads(text)), why)
    return invalid(GroupKind("", ""), "", (cause,))


class Patching:
    """
    Applies one patch to whatever version of the object is the newest.
    """

    def __init__(
        self, decoder: Decoder, media_type: str, data: bytes, validation: str, warnings: list[str]
    ) -> None:
        self._decoder = decoder
        self._validation = validation
        self._warnings = warnings
        self._data = data
        self._media_type = media_type
        self._apply: Patcher | None = None

    def _patcher(self) -> Patcher:
        try:
            self._patch, self._duplicates = decode_json(self._data)
        except DecodeError as error:
            raise bad_request(f"error decoding patch: {error}") from error
        patch, media_type = self._patch, self._media_type
        if media_type == JSON_PATCH:
            if patch is None:
                self._patch = patch = []
            try:
                check_operations(patch)
            except InvalidPatch as error:
                raise bad_request(str(error)) from error
            self._problems = strict_errors(patch, self._duplicates)
            return self._json_patch
        if patch is None and media_type == MERGE_PATCH:
            raise bad_request("Invalid JSON Patch")
        if not isinstance(patch, dict):
            found = json_type(patch)
            start = "" if media_type == STRATEGIC_MERGE_PATCH else "error decoding patch: "
            raise bad_request(
                f"{start}json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
            )
        self._problems = [f'duplicate field "{path}"' for path in self._duplicates]
        if media_type == STRATEGIC_MERGE_PATCH:
            schema = self._decoder.kind.schema
            return lambda current: strategic_merge(current, patch, schema)
        return lambda current: merge_patch(current, patch)

    def _json_patch(self, current: Object) -> Any:
        try:
            return apply_json_patch(current, self._patch)
        except TooManyOperations as error:
            raise APIStatus(413, "RequestEntityTooLarge", str(error)) from error
        except InvalidPatch as error:
            raise bad_request(str(error)) from error
        except PatchFailed as error:
            message = "the server rejected our request due to an error in our request"
            raise APIStatus(422, "Invalid", message, details={}) from error

    def __call__(self, current: Object, name: str) -> Object:
        """
        The patched object, settled like one that a client sent.

        @raise APIStatus: 400, 413, 422.
        """
        if self._apply is None:
            self._apply = self._patcher()
        # Patches share structure with what they change; pruning and defaulting work in place.
        text = orjson.dumps(self._apply(current))
        patched: Object = orjson.loads(text)
        self._settle(patched, text)
        check_name(patched, name)
        return patched

    def _settle(self, patched: Object, text: bytes) -> None:
        decoder = self._decoder
        try:
            if not patched.get("kind") and not decoder.kind.typed:
                shown = json_marshal(orjson.loads(text))
                raise WrongType(f"Object 'Kind' is missing in '{shown}'")
            problems = [*self._problems, *decoder.fit(patched, ())]
        except WrongType as error:
            raise _undecodable(text, str(error)) from error
        if problems and self._validation != IGNORE:
            if self._validation == STRICT:
                raise _undecodable(text, f"strict decoding error: {', '.join(problems)}")
            self._warnings.extend(problems)


async def patch(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Patch an object and answer with it.
    """
    supported = TYPED_PATCHES if scope.kind.typed else CUSTOM_PATCHES
    media_type = patch_type(request.header(b"content-type"), supported)
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = patch_options(query)
    context = scope.write_context(request, options)
    patching = Patching(scope.decoder, media_type, data, options.field_validation, context.warnings)

    def patched(current: Object | None) -> Object:
        if current is None:
            raise scope.store.not_found(info.name)
        return patching(current, info.name)

    written = await scope.store.update(info.namespace, info.name, patched, context, info.subresource)
    scope.answer(request, 200, written.text, accepted, query)
