"""
PATCH of an object or of its status (contract 7).

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/patch.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ark.admission.attributes import UPDATE
from ark.apply.jsonpatch import (
    InvalidPatch,
    PatchFailed,
    TooManyOperations,
    apply_json_patch,
    check_shape,
    check_types,
    strict_errors,
)
from ark.apply.managedfields import ManagedFields
from ark.apply.mergepatch import merge_patch
from ark.apply.strategicmerge import strategic_merge
from ark.endpoints.apply import apply
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    patch_type,
)
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
from ark.registry.codec import Object, with_own_metadata
from ark.registry.updating import Target

Patcher = Callable[[Object], Any]

CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
TYPED_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)

_WHOLE = ("", "/metadata")


def _undecodable(text: bytes, why: str) -> APIStatus:
    cause = invalid_value("patch", json_marshal(orjson.loads(text)), why)
    return invalid(GroupKind("", ""), "", (cause,))


class Patching:
    """
    Applies one patch to whatever version of the object is the newest.

    @ivar shares: whether the patched object may have parts of the object and of the patch in it,
        which nobody then changes in place.
    @ivar is_sound: whether each member of the object is known to be settled.
    """

    def __init__(
        self, decoder: Decoder, media_type: str, data: bytes, validation: str, warnings: list[str]
    ) -> None:
        self._decoder = decoder
        self._validation = validation
        self._warnings = warnings
        self._data = data
        self._media_type = media_type
        self.shares = False
        self.is_sound = False
        self._apply: Patcher | None = None
        self._sees_managed = b"managedFields" in data or b"\\" in data

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
                if self._validation != IGNORE:
                    check_types(patch)
                check_shape(patch)
            except InvalidPatch as error:
                raise bad_request(str(error)) from error
            self._problems = strict_errors(patch, self._duplicates)
            if not self._sees_managed:
                self._sees_managed = any(
                    one.get(name) in _WHOLE for one in patch if one for name in ("path", "from")
                )
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
        has_nulls = b"null" in self._data
        return lambda current: merge_patch(current, patch, has_nulls)

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

    def __call__(self, current: Object, name: str, managed: ManagedFields) -> Object:
        """
        The patched object, settled like one that a client sent.

        C{metadata.managedFields} are in it only if the patch may be about them.

        @raise APIStatus: 400, 413, 422.
        """
        if self._apply is None:
            self._apply = self._patcher()
        is_sound = self.is_sound
        if self._sees_managed and managed:
            current = with_own_metadata(current)
            current["metadata"]["managedFields"] = managed.members()
            is_sound = False
        patched = self._shared(self._apply, current, is_sound)
        if patched is None:
            # Pruning and defaulting work in place.
            text = orjson.dumps(self._apply(current))
            patched = orjson.loads(text)
            self._settle(patched, text, managed)
        check_name(patched, name)
        return patched

    def _shared(self, apply: Patcher, current: Object, is_sound: bool) -> Object | None:
        """
        The patched object with parts of C{current}; L{None} if there is anything to settle or to tell.
        """
        if not self.shares or self._problems:
            return None
        patched: Object = apply(current)
        if patched.get("metadata") is current["metadata"]:
            patched["metadata"] = dict(patched["metadata"])
        changed = patched
        if is_sound:
            # A merge patch leaves the members alone that it does not name.
            changed = {name: patched[name] for name in self._patch if name in patched}
        return patched if self._decoder.is_fit(patched, changed) else None

    def _settle(self, patched: Object, text: bytes, managed: ManagedFields) -> None:
        decoder = self._decoder
        if decoder.kind.typed:
            # What a built-in kind's object does not say of its type comes from the request.
            for member, told in (("apiVersion", decoder.kind.api_version), ("kind", decoder.kind.kind)):
                patched[member] = patched.get(member) or told
        try:
            if not patched.get("kind"):
                shown = json_marshal(orjson.loads(text))
                raise WrongType(f"Object 'Kind' is missing in '{shown}'")
            problems = [*self._problems, *decoder.fit(patched, ())]
        except WrongType as error:
            raise _undecodable(self._whole(text, managed), str(error)) from error
        if problems and self._validation != IGNORE:
            if self._validation == STRICT:
                why = f"strict decoding error: {', '.join(problems)}"
                raise _undecodable(self._whole(text, managed), why)
            self._warnings.extend(problems)

    def _whole(self, text: bytes, managed: ManagedFields) -> bytes:
        """
        The patched object's text with the entries that were left out of it.
        """
        if self._sees_managed or not managed:
            return text
        patched = orjson.loads(text)
        if isinstance(patched.get("metadata"), dict):
            patched["metadata"]["managedFields"] = managed.members()
        return orjson.dumps(patched)


async def patch(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Patch an object and answer with it.
    """
    supported = TYPED_PATCHES if scope.kind.typed else CUSTOM_PATCHES
    media_type = patch_type(request.header(b"content-type"), supported)
    if media_type == APPLY_PATCH:
        await apply(scope, request, info)
        return
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = patch_options(query)
    context = scope.write_context(request, options)
    patching = Patching(scope.decoder, media_type, data, options.field_validation, context.warnings)
    store = scope.store
    # What is stored in another version is pruned for that, in place.
    is_merged = media_type == MERGE_PATCH and not scope.kind.typed and not store.converts

    def patched(live: Object | None, managed: ManagedFields) -> tuple[Object, ManagedFields]:
        if live is None:
            raise store.not_found(info.name)
        patching.shares = is_merged and not store.is_admitted(UPDATE, info.subresource)
        patching.is_sound = store.recent.is_sound(target.key, live)
        new = patching(live, info.name, managed)
        store.match_namespace(info.namespace, new["metadata"])
        return new, store.tracked(live, new, managed, context, info.subresource)

    target = Target(store.key(info.namespace, info.name), info.subresource, shares=is_merged)
    written = await store.replace(target, patched, context)
    scope.answer(request, 200, written.text, accepted, query)
