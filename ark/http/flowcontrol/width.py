"""
How many seats a request takes.

A list, and what a watch begins with, costs more the more objects there are
(C{k8s.io/apiserver/pkg/util/flowcontrol/request/list_work_estimator.go}); every other request takes
one seat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qs

from ark.endpoints.requestinfo import RequestInfo

OBJECTS_PER_SEAT = 100
MOST_SEATS = 10

_DIGITS = 19

Objects = Callable[[str, str], float]
"""Tells how many objects there are of a resource, by its group and plural; 0 where that is not known."""


def seats(info: RequestInfo, query: str, objects: Objects) -> int:
    """
    The seats of a list or a watch.
    """
    number = objects(info.group, info.resource)
    if number <= OBJECTS_PER_SEAT or info.name:
        return 1
    if query or info.verb == "watch":
        number = _read(number, info.verb, query)
    return max(1, min(MOST_SEATS, -int(-number // OBJECTS_PER_SEAT)))


def _read(number: float, verb: str, query: str) -> float:
    """
    How many of them are looked at.
    """
    given = parse_qs(query, keep_blank_values=True)
    if "metadata.name=" in (given.get("fieldSelector") or ("",))[0]:
        return 1
    if verb == "watch":
        return number if _begins_with_objects(given) else 0
    limit = (given.get("limit") or ("",))[0]
    if "Selector" in query or not (limit.isascii() and limit.isdigit() and len(limit) < _DIGITS):
        return number
    return min(number, int(limit)) if int(limit) else number


def _begins_with_objects(given: Mapping[str, Sequence[str]]) -> bool:
    wanted = given.get("sendInitialEvents")
    if wanted is not None:
        return wanted[0].lower() not in ("false", "0")
    return (given.get("resourceVersion") or ("",))[0] in ("", "0")
