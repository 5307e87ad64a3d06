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
from ark.endpoints.negotiation import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, patch_type
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope, parse_query
from ark.endpoints.update import check_name
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gotext import json_type
from ark.meta.gvk import GroupKind
from ark.meta.options import IGNORE, STRICT, patch_options
from ark.meta.serializer import DecodeError, decode_json
from ark.meta.status import APIStatus, bad_request, invalid
from ark.registry.codec import Object

Patcher = Callable[[Object], Object]

CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH)
TYPED_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)


def _strict_failure(text: bytes, why: str) -> APIStatus:
    cause = invalid_value("patch", text.decode("utf-8", "replace"), why)
    return invalid(GroupKind("", ""), "", (cause,))


class Patching:
    """
    Applies one patch to whatever version of the object is the newest.
    """

    def __init__(
        self, scope: RequestScope, media_type: str, data: bytes, validation: str, warnings: list[str]
    ) -> None:
        self._scope = scope
        self._validation = validation
        self._warnings = warnings
        try:
            self._patch, self._duplicates = decode_json(data)
        except DecodeError as error:
            raise bad_request(f"error decoding patch: {error}") from error
        self._apply = self._patcher(media_type)

    def _patcher(self, media_type: str) -> Patcher:
        patch = self._patch
        if media_type == JSON_PATCH:
            try:
                check_operations(patch)
            except InvalidPatch as error:
                raise bad_request(str(error)) from error
            self._problems = strict_errors(patch, self._duplicates)
            return self._json_patch
        if not isinstance(patch, dict):
            found = json_type(patch)
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {found} "
                "into Go value of type map[string]interface {}"
            )
        self._problems = [f'duplicate field "{path}"' for path in self._duplicates]
        if media_type == STRATEGIC_MERGE_PATCH:
            schema = self._scope.kind.schema
            return lambda current: _object(strategic_merge(current, patch, schema))
        return lambda current: _object(merge_patch(current, patch))

    def _json_patch(self, current: Object) -> Object:
        try:
            return _object(apply_json_patch(current, self._patch))
        except TooManyOperations as error:
            raise APIStatus(413, "RequestEntityTooLarge", str(error)) from error
        except InvalidPatch as error:
            raise bad_request(str(error)) from error
        except PatchFailed as error:
            message = "the server rejected our request due to an error in our request"
            raise APIStatus(422, "Invalid", message, details={}) from error

    def __call__(self, current: Object | None, name: str) -> Object:
        """
        The patched object, settled like one that a client sent.
        """
        if current is None:
            raise self._scope.store.not_found(name)
        patched = self._apply(current)
        self._settle(patched)
        check_name(patched, name)
        return patched

    def _settle(self, patched: Object) -> None:
        decoder = self._scope.decoder
        text = orjson.dumps(patched) if self._validation == STRICT else b""
        if patched.get("apiVersion") != self._scope.kind.api_version:
            raise bad_request(
                f"the API version in the data ({patched.get('apiVersion')}) does not match "
                f"the expected API version ({self._scope.kind.api_version})"
            )
        try:
            problems = [*self._problems, *decoder.prune(patched, ())]
        except APIStatus as status:
            raise _strict_failure(orjson.dumps(patched), status.message) from status
        if problems and self._validation != IGNORE:
            if self._validation == STRICT:
                raise _strict_failure(text, f"strict decoding error: {', '.join(problems)}")
            self._warnings.extend(problems)
        self._scope.store.processor.default(patched)


def _object(value: Any) -> Object:
    if not isinstance(value, dict):
        raise bad_request("the patched document is not an object")
    # Patches share structure with what they change; pruning and defaulting work in place.
    copy: Object = orjson.loads(orjson.dumps(value))
    return copy


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
    request.warnings = context.warnings
    patching = Patching(scope, media_type, data, options.field_validation, context.warnings)
    written = await scope.store.update(
        info.namespace, info.name, lambda current: patching(current, info.name), context, info.subresource
    )
    scope.answer(request, 200, written.text, accepted, query, context)
