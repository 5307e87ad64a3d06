"""
Sizes: bodies at and above the limits, answers that are compressed, deep nesting, long names of things.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import JSON_PATCH, MERGE, YAML, Call, Step, call, encode, target
from tests.differential.topics.common import SPEC, namespace

_BODY_LIMIT = 3 << 20


def limits(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    What is too large, and what is large enough for compression.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("limits")
    path = kind.path("limits")
    yield call("POST", path, kind.object("small", SPEC))
    yield from _compressed(kind)
    for size in (_BODY_LIMIT - 2, _BODY_LIMIT, _BODY_LIMIT + 1, 2 * _BODY_LIMIT):
        for method, where, content in (
            ("POST", path, "application/json"),
            ("POST", path, YAML),
            ("PUT", f"{path}/small", "application/json"),
            ("PATCH", f"{path}/small", MERGE),
            ("PATCH", f"{path}/small", JSON_PATCH),
            ("DELETE", f"{path}/small", "application/json"),
        ):
            yield call(method, where, raw=b" " * size, content=content)
    yield call("POST", path, kind.object("large", {**SPEC, "free": {"text": "x" * (2 << 20)}}))
    yield call("GET", target(path, fieldSelector="metadata.name=large"))
    yield call("DELETE", f"{path}/large")
    for depth in (100, 900, 9000, 11000):
        yield call("POST", target(path, dryRun="All"), raw=_nested(kind, depth))
    grow = [{"op": "copy", "from": "/spec/free", "path": f"/spec/free/c{number}"} for number in range(24)]
    yield call(
        "PATCH",
        f"{path}/small",
        [{"op": "add", "path": "/spec/free", "value": {"a": "x" * 100}}, *grow],
        content=JSON_PATCH,
    )
    yield call("GET", target(f"{path}/small", fieldManager="x" * 5000))


def _compressed(kind: Kind) -> Iterator[Step]:
    path = kind.path("limits")
    for number in range(4):
        noted: dict[str, Any] = {"annotations": {"note": "a long note " * 4000}}
        yield call("POST", path, kind.object(f"noted-{number}", SPEC, metadata=noted))
    for where in (path, f"{path}/noted-1", f"{path}?limit=2", f"{path}?limit=3"):
        for accepted in ("gzip", "gzip, deflate", "identity", "br", "gzip;q=0", "*", "GZIP"):
            yield Call("GET", where, {"Accept-Encoding": accepted})
    yield Call("GET", path, {"Accept-Encoding": "gzip", "Accept": YAML})
    for number in range(4):
        yield call("DELETE", f"{path}/noted-{number}")


def _nested(kind: Kind, depth: int) -> bytes:
    """
    JSON whose lists stand that deep in each other.
    """
    body = encode(kind.object("deep", {**SPEC, "free": {"deep": "HERE"}}))
    return body.replace(b'"HERE"', b"[" * depth + b"]" * depth)
