"""
What a conversion webhook is asked, and what of its answer is believed.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ark.meta.decoded import DecodeError
from ark.meta.gotext import json_marshal, quote
from ark.meta.objectmeta import annotation_causes, validate_labels
from ark.meta.serializer import decode_json
from ark.meta.status import Cause

Object = dict[str, Any]

_GROUP = "apiextensions.k8s.io"
_REVIEW_VERSIONS = ("v1", "v1beta1")
_GO_TYPES = {str: "string", bool: "bool", int: "int64", float: "float64", list: "[]interface {}"}
_CHECKS = {
    "labels": lambda found: validate_labels(found, "metadata.labels"),
    "annotations": lambda found: annotation_causes(found, "metadata.annotation"),
}


class BadReview(Exception):
    """
    The answer cannot be used.
    """


def review_version(known: Sequence[str]) -> str:
    """
    The first of the versions that a webhook knows which is known here too.

    @raise BadReview: there is none.
    """
    for version in known:
        if version in _REVIEW_VERSIONS:
            return version
    raise BadReview("no supported conversion review versions")


def request(objects: Sequence[Object], api_version: str, version: str, uid: str) -> bytes:
    """
    The text of a C{ConversionReview} that asks for objects in C{api_version}.
    """
    return orjson.dumps(
        {
            "kind": "ConversionReview",
            "apiVersion": f"{_GROUP}/{version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": objects},
            "response": {"uid": "", "convertedObjects": None, "result": {"metadata": {}}},
        }
    )


def converted_objects(data: bytes, version: str, uid: str) -> list[Any]:
    """
    The objects of the answer to such a review.

    @raise BadReview: it is none, or says that the conversion failed.
    """
    try:
        review = decode_json(data).value
    except DecodeError as error:
        raise BadReview(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(review, dict):
        raise BadReview(f"Object 'Kind' is missing in '{json_marshal(review)}'")
    response = review.get("response")
    if version == "v1":
        _check_type(review, version)
    if not isinstance(response, dict):
        raise BadReview("no response provided")
    if version == "v1" and response.get("uid") != uid:
        raise BadReview(f"expected response.uid={quote(uid)}, got {quote(str(response.get('uid') or ''))}")
    told = response.get("result")
    result = told if isinstance(told, dict) else {}
    status = result.get("status") or ""
    if status != "Success":
        raise BadReview(result.get("message") or f"response.result.status was '{status}', not 'Success'")
    found = response.get("convertedObjects")
    return found if isinstance(found, list) else []


def _check_type(review: Object, version: str) -> None:
    group, _, found = str(review.get("apiVersion") or "").rpartition("/")
    if (group, found, review.get("kind")) != (_GROUP, version, "ConversionReview"):
        wanted = f"{_GROUP}/{version}, Kind=ConversionReview"
        got = f"{review.get('apiVersion') or '/'}, Kind={review.get('kind') or ''}"
        raise BadReview(f"expected webhook response of {wanted}, got {got}")


def check(original: Object, converted: Any, api_version: str) -> None:
    """
    Whether a converted object is the same object in another version.

    @raise BadReview: it is not.
    """
    if not isinstance(converted, dict) or not converted.get("kind"):
        raise BadReview(f"Object 'Kind' is missing in '{json_marshal(converted)}'")
    for what, wanted, found in (
        ("groupVersion", api_version, converted.get("apiVersion") or ""),
        ("kind", original["kind"], converted["kind"]),
    ):
        if wanted != found:
            raise BadReview(f"invalid {what} (expected {wanted}, received {found})")


def restored(original: Object, converted: Object) -> Object:
    """
    A converted object with the metadata of the original, but for labels and annotations,
    which a conversion may change.

    @raise BadReview: it is another object, or its labels or annotations are wrong.
    """
    metadata = converted.get("metadata")
    own = original["metadata"]
    told = metadata if isinstance(metadata, dict) else {}
    for what, member in (("name", "name"), ("namespace", "namespace"), ("UID", "uid")):
        wanted, found = own.get(member) or "", told.get(member) or ""
        if wanted != found:
            raise BadReview(f"must have the same {what}: {wanted} != {found}")
    if not isinstance(metadata, dict):
        raise BadReview("missing metadata in converted object")
    kept = {name: value for name, value in own.items() if name not in _CHECKS}
    for member in _CHECKS:
        found = metadata.get(member)
        if found is not None:
            kept[member] = _texts(member, found, own.get(member) or {})
    return {**converted, "metadata": kept}


def _texts(member: str, found: Any, before: Object) -> Object:
    if not isinstance(found, dict):
        raise BadReview(f"invalid metadata.{member} of type {_go_type(found)} in converted object")
    for name, value in found.items():
        if not isinstance(value, str):
            told = f"metadata.{member}[{name}] must be a string, but is {_go_type(value)}"
            raise BadReview(f"{told} in converted object")
    causes: list[Cause] = _CHECKS[member](found) if found != before else []
    if causes:
        texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
        raise BadReview(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return found


def _go_type(value: Any) -> str:
    return "<nil>" if value is None else _GO_TYPES.get(type(value), "map[string]interface {}")
