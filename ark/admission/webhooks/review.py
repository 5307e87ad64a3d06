"""
What an admission webhook is asked, and what of its answer is believed.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go}; contract 16.3
and 16.5.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple
from unicodedata import category

import orjson

from ark.admission.attributes import Attributes
from ark.meta.decoded import DecodeError
from ark.meta.gotext import json_marshal, json_type, quote
from ark.meta.serializer import decode_json, decode_yaml

GROUP = "admission.k8s.io"
KNOWN_VERSIONS = ("v1", "v1beta1")

_TYPE = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
_UNKNOWN_TYPE = "couldn't get version/kind; json parse error: "
_MEMBERS: dict[str, tuple[type, str]] = {
    "uid": (str, "types.UID"),
    "allowed": (bool, "bool"),
    "status": (dict, "v1.Status"),
    "patch": (str, "[]uint8"),
    "patchType": (str, "v1.PatchType"),
    "auditAnnotations": (dict, "map[string]string"),
    "warnings": (list, "[]string"),
}
_STATUS_MEMBERS: dict[str, tuple[type, str]] = {
    "status": (str, "string"),
    "message": (str, "string"),
    "reason": (str, "v1.StatusReason"),
    "details": (dict, "v1.StatusDetails"),
    "code": (int, "int32"),
}


class Undecodable(Exception):
    """
    The answer is no C{AdmissionReview}.
    """


class BadReview(Exception):
    """
    The answer is one, but not to what was asked.
    """


class Response(NamedTuple):
    """
    What a webhook said.

    @ivar status: why it refused, members of a C{Status}; L{None} if it did not say.
    @ivar patch: empty if there is none.
    """

    allowed: bool
    status: dict[str, Any] | None
    patch: bytes
    patch_type: str
    annotations: dict[str, str]
    warnings: Sequence[str]


class Request:
    """
    The question about a write as it is now, for any number of webhooks.

    @ivar attributes: the write.
    """

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes

    @cached_property
    def _rest(self) -> bytes:
        return orjson.dumps(_members(self.attributes))[1:]

    def text(self, uid: str, version: str) -> bytes:
        """
        The text of an C{AdmissionReview} of a version.
        """
        return b'{"kind":"AdmissionReview","apiVersion":"%b/%b","request":{"uid":"%b",%b}\n' % (
            GROUP.encode(),
            version.encode(),
            uid.encode(),
            self._rest,
        )


def _members(attributes: Attributes) -> dict[str, Any]:
    asked, below = (attributes.asked or attributes).named, attributes.subresource
    members: dict[str, Any] = {**attributes.named, "subResource": below}
    members.update(requestKind=asked["kind"], requestResource=asked["resource"], requestSubResource=below)
    members.update(name=attributes.name, namespace=attributes.namespace)
    told = {name: value for name, value in members.items() if value}
    user = attributes.user
    return {
        **told,
        "operation": attributes.operation,
        "userInfo": {} if user is None else user.to_dict(),
        "object": attributes.object,
        "oldObject": attributes.old_object,
        "dryRun": attributes.dry_run,
        "options": attributes.operation_options,
    }


def read_response(data: bytes, uid: str, version: str, mutating: bool) -> Response:
    """
    The answer to a question.

    @raise Undecodable: it cannot be read.
    @raise BadReview: it cannot be believed.
    """
    review = _decoded(data, version)
    response = review.get("response")
    if response is None:
        raise BadReview("webhook response was absent")
    found = _typed(response, "AdmissionResponse.response", _MEMBERS)
    status = found.get("status")
    if status is not None:
        _typed(status, "Status.response.status", _STATUS_MEMBERS)
    patch, patch_type = _patch(found), found.get("patchType")
    if version == "v1":
        if (found.get("uid") or "") != uid:
            raise BadReview(f"expected response.uid={quote(uid)}, got {quote(found.get('uid') or '')}")
        _check_type(review)
        _check_patch(patch, patch_type, mutating)
    elif patch:
        patch_type = "JSONPatch"
    return Response(
        bool(found.get("allowed")),
        status,
        patch if mutating else b"",
        patch_type or "",
        _texts(found.get("auditAnnotations"), "auditAnnotations"),
        tuple(
            filter(_can_be_told, _texts(dict(enumerate(found.get("warnings") or ())), "warnings").values())
        ),
    )


def _decoded(data: bytes, version: str) -> dict[str, Any]:
    decode = decode_json if data.lstrip()[:1] == b"{" else decode_yaml
    try:
        review = decode(data).value
    except DecodeError as error:
        raise Undecodable(f"{_UNKNOWN_TYPE}{error}") from None
    if review is None:
        return {}
    if not isinstance(review, dict):
        raise Undecodable(_no_object(review))
    kind, said = review.get("kind") or "AdmissionReview", review.get("apiVersion") or f"{GROUP}/{version}"
    group, _, found = said.rpartition("/")
    known = group == GROUP and found in KNOWN_VERSIONS
    if kind == "Status" and (known or said == "v1"):
        raise Undecodable(f"converting (v1.Status) to ({version}.AdmissionReview): unknown conversion")
    if kind != "AdmissionReview" or not known:
        where = 'in scheme "pkg/runtime/scheme.go:111"'
        raise Undecodable(f"no kind {quote(kind)} is registered for version {quote(said)} {where}")
    if found != version:
        what = f"({found}.AdmissionReview) to ({version}.AdmissionReview)"
        raise Undecodable(f"converting {what}: unknown conversion")
    return review


def _no_object(found: Any) -> str:
    told = f"json: cannot unmarshal {json_type(found)} into Go value of type {_TYPE}"
    return f"{_UNKNOWN_TYPE}{told}"


def _typed(found: Any, place: str, members: dict[str, tuple[type, str]]) -> dict[str, Any]:
    struct, _, path = place.partition(".")
    if not isinstance(found, dict):
        into = {"AdmissionResponse": "AdmissionReview", "Status": "AdmissionResponse"}[struct]
        told = f"json: cannot unmarshal {json_type(found)} into Go struct field {into}.{path} of type v1.{struct}"
        raise Undecodable(told)
    for name, (wanted, go_type) in members.items():
        value = found.get(name)
        if value is not None and type(value) is not wanted:
            told = f"json: cannot unmarshal {json_type(value)} into Go struct field {struct}.{path}.{name}"
            raise Undecodable(f"{told} of type {go_type}")
    return found


def _texts(found: dict[Any, Any] | None, name: str) -> dict[Any, str]:
    for value in (found or {}).values():
        if not isinstance(value, str) and value is not None:
            told = f"json: cannot unmarshal {json_type(value)} into Go struct field"
            raise Undecodable(f"{told} AdmissionResponse.response.{name} of type string")
    return {key: value or "" for key, value in (found or {}).items()}


def _can_be_told(warning: str) -> bool:
    """
    Whether a warning fits into a header (C{NewWarningHeader} in C{apimachinery/pkg/util/net}).
    """
    return bool(warning) and not any(category(each) == "Cc" for each in warning)


def _patch(found: dict[str, Any]) -> bytes:
    text: str = found.get("patch") or ""
    try:
        # Go takes line ends in, and nothing else that is not of the alphabet.
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise Undecodable(f"illegal base64 data at input byte {_wrong_byte(text)}") from None


def _wrong_byte(text: str) -> int:
    """
    Where Go's decoder stops (C{decodeQuantum} in C{encoding/base64}).
    """
    taken = 0
    for place, character in enumerate(text):
        if character in "\r\n":
            continue
        if character == "=":
            return place if taken % 4 < 2 else _wrong_end(text, place, taken % 4)
        if not (character.isascii() and (character.isalnum() or character in "+/")):
            return place
        taken += 1
    return len(text) - taken % 4


def _wrong_end(text: str, place: int, taken: int) -> int:
    rest = [at for at in range(place + 1, len(text)) if text[at] not in "\r\n"]
    if taken == 2:
        if not rest:
            return len(text)
        if text[rest[0]] != "=":
            return rest[0] - 1
        rest = rest[1:]
    return rest[0] if rest else len(text)


def _check_type(review: dict[str, Any]) -> None:
    group, _, version = str(review.get("apiVersion") or "").rpartition("/")
    if (group, version, review.get("kind")) != (GROUP, "v1", "AdmissionReview"):
        got = f"{review.get('apiVersion') or '/'}, Kind={review.get('kind') or ''}"
        raise BadReview(f"expected webhook response of {GROUP}/v1, Kind=AdmissionReview, got {got}")


def _check_patch(patch: bytes, patch_type: str | None, mutating: bool) -> None:
    if not mutating:
        if patch:
            raise BadReview("validating webhook may not return response.patch")
        if patch_type is not None:
            raise BadReview("validating webhook may not return response.patchType")
    elif patch and patch_type is None:
        raise BadReview("webhook returned response.patch but not response.patchType")
    elif patch_type is not None and not patch:
        raise BadReview("webhook returned response.patchType but not response.patch")
    elif patch_type == "":
        raise BadReview('webhook returned invalid response.patchType of ""')


def operations_of(patch: bytes) -> Any:
    """
    The operations of a JSON patch.

    @raise ValueError: it is no JSON.
    """
    return decode_json(patch).value


def patched_object(found: Any) -> dict[str, Any]:
    """
    What a patch made of an object, if it still is one.

    @raise ValueError: it is not.
    """
    if not isinstance(found, dict):
        raise ValueError(_no_object(found))
    if not found.get("kind"):
        raise ValueError(f"Object 'Kind' is missing in '{json_marshal(found)}'")
    return found
