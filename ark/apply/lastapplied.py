"""
The annotation in which C{kubectl apply} keeps what it applied, on objects that kubectl now
applies on the server.

Follows C{lastappliedmanager.go} and C{lastappliedupdater.go} in
C{k8s.io/apimachinery/pkg/util/managedfields/internal}; contract 13.15.
"""

from __future__ import annotations

from typing import Any

import orjson

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.typedschema import TypedError, TypedSchema
from ark.meta.gotext import json_marshal

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_ANNOTATIONS_LENGTH = 256 * 1024

Object = dict[str, Any]


def last_applied(obj: Object) -> str:
    """
    What the annotation of an object holds; empty when there is none.
    """
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    return text if isinstance(text, str) else ""


def with_last_applied(obj: Object, config: Object) -> Object:
    """
    A copy of an object whose annotation tells of C{config}, or that has none if it would be
    too long.
    """
    metadata = dict(config.get("metadata") or {})
    if isinstance(metadata.get("annotations"), dict):
        kept = {name: text for name, text in metadata["annotations"].items() if name != LAST_APPLIED}
        metadata["annotations"] = kept
    text = json_marshal({**config, "metadata": metadata}) + "\n"
    annotations = {**obj["metadata"]["annotations"], LAST_APPLIED: text}
    if sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items()) > (
        _ANNOTATIONS_LENGTH
    ):
        del annotations[LAST_APPLIED]
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def applied_by_client(live: Object, schema: TypedSchema, version: str) -> FieldSet:
    """
    The fields of an object that are as the annotation says: kubectl has set them before,
    and owns them whatever C{managedFields} say.
    """
    try:
        config = orjson.loads(last_applied(live))
        if config["apiVersion"] != version:
            return EMPTY
        schema.check(live)
        schema.check(config)
    except (ValueError, KeyError, TypeError, TypedError):
        return EMPTY
    found = schema.compare(config, live)
    fields = schema.field_set(config).difference(found.modified)
    return fields.difference(found.added).difference(found.removed)
