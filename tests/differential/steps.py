"""
What a program of requests is made of.

A program never looks at an answer: whatever a later request needs of an earlier one (a resourceVersion, a uid,
a continue token) is kept under a name, for each server apart, and written as C{$(name)}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Union
from urllib.parse import quote, urlencode

JSON = "application/json"
YAML = "application/yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Call(NamedTuple):
    """
    One request and its whole answer.

    @ivar keep: name to the path in the answer's body whose value it gets, as C{metadata.uid}.
    """

    method: str
    target: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    keep: Mapping[str, str] = {}

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.body[:300].decode(errors='replace')}"
        headers = "".join(f" [{name}: {value}]" for name, value in self.headers.items())
        return f"{self.method} {self.target}{headers}{body}"


class Watches(NamedTuple):
    """
    Several watches opened at once; each needs a C{timeoutSeconds}.  The program goes on when all have answered
    and their initial events have come.
    """

    targets: Sequence[str]
    headers: Mapping[str, str] = {}


class Gather(NamedTuple):
    """
    Wait until all watches that are open have ended.
    """


Step = Union[Call, Watches, Gather]


def target(path: str, **query: Any) -> str:
    """
    A request target; parameters that are C{None} are left out and a list repeats its parameter.
    """
    pairs = [
        (name.rstrip("_"), one)
        for name, value in query.items()
        if value is not None
        for one in (value if isinstance(value, (list, tuple)) else [value])
    ]
    if not pairs:
        return path
    return f"{path}?{urlencode(pairs, quote_via=quote, safe='$()')}"


def call(
    method: str,
    where: str,
    value: Any = None,
    *,
    content: str | None = JSON,
    accept: str | None = None,
    keep: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> Call:
    """
    A call whose body is C{value} as JSON, or C{raw} as it is.
    """
    body = raw if raw is not None else None if value is None else encode(value)
    headers = {}
    if body is not None and content is not None:
        headers["Content-Type"] = content
    if accept is not None:
        headers["Accept"] = accept
    return Call(method, where, headers, body, keep or {})


def encode(value: Any) -> bytes:
    """
    JSON as a client would send it.
    """
    return json.dumps(value, ensure_ascii=False).encode()


def merged(*programs: Iterable[Step]) -> list[Step]:
    """
    Programs one after the other.
    """
    return [step for program in programs for step in program]
