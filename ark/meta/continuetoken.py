"""
Continue tokens: where the next page of a list starts, and at which revision.

Contract 12.1 to 12.3; follows C{k8s.io/apiserver/pkg/storage/continue.go}.
"""

from __future__ import annotations

import base64
import posixpath
import re
from typing import Any, NamedTuple

import orjson

from ark.meta.gotext import json_type
from ark.meta.jsonsyntax import syntax_error
from ark.meta.status import APIStatus, bad_request

LATEST = -1
"""
The revision of a token that goes on at the newest state instead of a snapshot.
"""

_VERSION = "meta.k8s.io/v1"
_INVALID = "invalid continue token: continue key is not valid"
_BOUND = 1 << 63
_FOREIGN = re.compile(rb"[^A-Za-z0-9_-]")


class Continuation(NamedTuple):
    """
    What a token says: go on at C{revision} (L{LATEST}: the newest) with the first key
    that is not before C{start}.

    C{start} is relative to the list, without a slash in front: C{namespace/name\\0} or,
    for a list within one namespace, C{name\\0}.  C{left} tells how many objects follow, if
    that was known; Kubernetes' own servers neither write nor read it.
    """

    revision: int
    start: str
    left: int | None = None

    def after(self, namespace: str | None = None) -> tuple[str, str]:
        """
        The C{(namespace, name)} that the last page ended with.

        C{namespace} is the namespace that the list is in, C{""} for cluster-scoped
        resources and L{None} for a list of all namespaces.
        """
        key = self.start.removesuffix("\0")
        if namespace is not None:
            return namespace, key
        before, _, name = key.partition("/")
        return before, name


def encode(revision: int, start: str, left: int | None = None) -> str:
    """
    A token that goes on behind the key C{start}, which is relative to the list's prefix.

    @param left: how many objects follow, if that is known.
    """
    members = {"v": _VERSION, "rv": revision, "start": f"{start}\0"}
    if left is not None:
        members["left"] = left
    text = orjson.dumps(members)
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _bad(why: str) -> APIStatus:
    return bad_request(f"{_INVALID}: {why}" if why else _INVALID)


def _unpack(token: str) -> bytes:
    raw = token.encode("utf-8", "replace")
    foreign = _FOREIGN.search(raw)
    if foreign is not None:
        raise _bad(f"illegal base64 data at input byte {foreign.start()}")
    if len(raw) % 4 == 1:
        raise _bad(f"illegal base64 data at input byte {len(raw) - 1}")
    return base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))


def _fits(value: Any) -> bool:
    return not isinstance(value, int) or -_BOUND <= value < _BOUND


def _read(text: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _bad(syntax_error(text, error.pos) or "the token is not valid UTF-8") from None
    if not isinstance(members, dict):
        raise _bad(f"json: cannot unmarshal {json_type(members)} into Go value of type storage.continueToken")
    for name, wanted, go_type in (("v", str, "string"), ("rv", int, "int64"), ("start", str, "string")):
        value = members.get(name)
        if value is None or (type(value) is wanted and _fits(value)):
            continue
        found = json_type(value)
        if wanted is int and found == "number":
            found = f"number {value}"
        raise _bad(
            f"json: cannot unmarshal {found} into Go struct field continueToken.{name} of type {go_type}"
        )
    return members


def decode(token: str) -> Continuation:
    """
    Read a token that any replica wrote at any time.

    @raise ark.meta.status.APIStatus: 400, nobody wrote this token, or it leads out of
        its list (contract 12.2).
    """
    members = _read(_unpack(token))
    version = members.get("v") or ""
    if version != _VERSION:
        raise bad_request(f"{_INVALID}: server does not recognize this encoded version {version}")
    revision: int = members.get("rv") or 0
    if not revision:
        raise _bad(f"incorrect encoded start resourceVersion (version {_VERSION})")
    start: str = members.get("start") or ""
    if not start:
        raise _bad(f"encoded start key empty (version {_VERSION})")
    key = start if start.startswith("/") else f"/{start}"
    if key.startswith("//") or posixpath.normpath(key) != key:
        raise _bad(start)
    left = members.get("left")
    return Continuation(revision, key[1:], left if type(left) is int and left > 0 else None)
