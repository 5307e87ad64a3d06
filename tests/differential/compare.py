"""
The differences between two answers, each with the place where it was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.differential.player import Outcome

_ABSENT = "<absent>"
_STATUS_MEMBERS = ("reason", "message")


class Difference(NamedTuple):
    """
    One thing that two servers answered differently to the same request.

    @ivar where: C{code}, C{reason}, C{message}, C{causes}, C{details}, C{header NAME}, C{form}, or
        C{body PATH}, where indexes of lists are C{*}.
    @ivar left: what the first server said.
    @ivar right: what the second one said.
    """

    request: str
    where: str
    left: Any
    right: Any


def compare(outcome: Outcome, left: dict[str, Any], right: dict[str, Any]) -> list[Difference]:
    """
    All differences between the normalized answers to one request; the code first.
    """
    if left == right:
        return []
    found = list(_answers(left, right))
    return [Difference(str(outcome.request), where, one, other) for where, one, other in found]


def _answers(left: dict[str, Any], right: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if left["code"] != right["code"]:
        yield "code", _summary(left), _summary(right)
        return
    for name in sorted({*left["headers"], *right["headers"]}):
        one, other = left["headers"].get(name, _ABSENT), right["headers"].get(name, _ABSENT)
        if one != other:
            yield f"header {name}", one, other
    if left["form"] != right["form"]:
        yield "form", left["form"], right["form"]
    if _is_status(left["body"]) and _is_status(right["body"]):
        yield from _statuses(left["body"], right["body"])
    else:
        yield from _values("body", left["body"], right["body"])


def _statuses(left: dict[str, Any], right: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in _STATUS_MEMBERS:
        if left.get(name) != right.get(name):
            yield name, left.get(name, _ABSENT), right.get(name, _ABSENT)
    causes = [(status.get("details") or {}).get("causes", []) for status in (left, right)]
    if causes[0] != causes[1]:
        yield "causes", *causes
    details = [_details(left), _details(right)]
    if details[0] != details[1]:
        yield "details", *details
    rest = [
        {name: value for name, value in status.items() if name not in (*_STATUS_MEMBERS, "details")}
        for status in (left, right)
    ]
    yield from _values("body", *rest)


def _values(path: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if type(left) is not type(right):
        yield path, left, right
    elif isinstance(left, dict):
        for name in sorted({*left, *right}):
            if name not in left or name not in right:
                yield f"{path}.{name}", left.get(name, _ABSENT), right.get(name, _ABSENT)
            else:
                yield from _values(f"{path}.{name}", left[name], right[name])
    elif isinstance(left, list):
        if len(left) != len(right):
            yield f"{path} length", _lines(left), _lines(right)
            return
        for one, other in zip(left, right):
            yield from _values(f"{path}.*", one, other)
    elif left != right:
        yield path, left, right


def _details(status: dict[str, Any]) -> Any:
    details = status.get("details", _ABSENT)
    if not isinstance(details, dict):
        return details
    return {name: value for name, value in details.items() if name != "causes"}


def _is_status(body: Any) -> bool:
    return isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1"


def _summary(answer: dict[str, Any]) -> str:
    body = answer["body"]
    if _is_status(body):
        return f"{answer['code']} {body.get('reason', '')}: {body.get('message', '')}"
    return f"{answer['code']} {str(body)[:200]}"


def _lines(items: list[Any]) -> str:
    return f"{len(items)}: " + " | ".join(_line(item) for item in items)


def _line(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    inner = item.get("object") if "type" in item else item
    metadata = inner.get("metadata", {}) if isinstance(inner, dict) else {}
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return f"{item.get('type', '')} {name}".strip() or str(item)[:80]
