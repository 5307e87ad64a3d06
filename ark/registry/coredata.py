"""
What secrets and config maps may hold, and metadata of core kinds.

Follows C{ValidateSecret}, C{ValidateConfigMap} and C{ValidateObjectMeta} in C{k8s.io/kubernetes/pkg/apis/core/validation}.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ark.meta import objectmeta
from ark.meta.decoded import DecodeError
from ark.meta.fielderrors import invalid, required, too_long
from ark.meta.gotext import json_type
from ark.meta.serializer import decode_json
from ark.meta.status import Cause
from ark.registry.codec import Object

MOST_BYTES = 1024 * 1024
_LONGEST_KEY = 253
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_NO_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_REDACTED = "<secret contents redacted>"
_JSON_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
_UNQUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"
_ACCOUNT = "kubernetes.io/service-account.name"


def _key_problems(key: str) -> Iterator[str]:
    if len(key.encode()) > _LONGEST_KEY:
        yield f"must be no more than {_LONGEST_KEY} characters"
    if not _KEY.fullmatch(key):
        yield _NO_KEY
    if key in (".", ".."):
        yield f"must not be '{key}'"
    elif key.startswith(".."):
        yield "must not start with '..'"


def _key_causes(data: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for key in data:
        for problem in _key_problems(key):
            yield invalid(f"{path}[{key}]", key, problem)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def secret_causes(secret: Object) -> Iterator[Cause]:
    """
    What is wrong with a secret's keys, size and contents, by its type.
    """
    data = secret.get("data") or {}
    yield from _key_causes(data, "data")
    contents = {key: _decoded(text or "") for key, text in data.items()}
    for key, content in contents.items():
        if content is None:
            yield Cause("FieldValueInvalid", "Invalid value: must be base64 encoded", f"data[{key}]")
    if sum(len(content or b"") for content in contents.values()) > MOST_BYTES:
        yield too_long("data", MOST_BYTES)
    yield from _typed_causes(secret, contents)


def _typed_causes(secret: Object, contents: Mapping[str, bytes | None]) -> Iterator[Cause]:
    kind = secret.get("type")
    if kind in _JSON_KEYS:
        yield from _json_causes(contents, _JSON_KEYS[kind])
    elif kind == "kubernetes.io/service-account-token":
        if not (secret["metadata"].get("annotations") or {}).get(_ACCOUNT):
            yield required(f"metadata.annotations[{_ACCOUNT}]")
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in contents and "password" not in contents:
            yield required("data[username]")
            yield required("data[password]")
    elif kind == "kubernetes.io/ssh-auth":
        if not contents.get("ssh-privatekey"):
            yield required("data[ssh-privatekey]")
    elif kind == "kubernetes.io/tls":
        yield from (required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in contents)


def _json_causes(contents: Mapping[str, bytes | None], key: str) -> Iterator[Cause]:
    content = contents.get(key, None)
    if key not in contents:
        yield required(f"data[{key}]")
        return
    try:
        value = decode_json(content or b"").value
    except DecodeError as error:
        yield invalid(f"data[{key}]", _REDACTED, str(error))
        return
    if value is not None and not isinstance(value, dict):
        why = f"json: cannot unmarshal {json_type(value)} into Go value of type map[string]interface {{}}"
        yield invalid(f"data[{key}]", _REDACTED, why)


def config_map_causes(config_map: Object) -> Iterator[Cause]:
    """
    What is wrong with a config map's keys and size.
    """
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    for key in data:
        for problem in _key_problems(key):
            yield invalid(f"data[{key}]", key, problem)
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _key_causes(binary, "binaryData")
    size = sum(len((text or "").encode()) for text in data.values())
    size += sum(len(_decoded(text or "") or b"") for text in binary.values())
    if size > MOST_BYTES:
        yield too_long("", MOST_BYTES)


def finalizer_causes(obj: Object, old: Object | None = None) -> list[Cause]:
    """
    A finalizer names a domain, or is one of Kubernetes' own (C{validateKubeFinalizerName} in
    C{pkg/apis/core/validation/validation.go}).

    @param old: what is updated, of a kind whose rules for updates look at metadata twice.
    """
    finalizers = obj["metadata"].get("finalizers")
    if not finalizers:
        return []
    causes = [
        invalid(f"metadata.finalizers[{place}]", finalizer, _UNQUALIFIED)
        for place, finalizer in enumerate(finalizers)
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS
    ]
    return causes if old is None else [*causes, *objectmeta.finalizer_causes(finalizers), *causes]
