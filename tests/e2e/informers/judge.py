"""
Which lists had to be, and which had not.

An informer lists once.  After that it goes on watching from where it was, whatever happens to its
connections, unless the server has forgotten what came after (410), or client-go itself gives up: it
lists again when a request for a watch fails in any other way than by a refused connection, when a
watch ends within a second without an event, or when what came of one cannot be read
(C{tools/cache/reflector.go}).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_SHORT = 1.05
_TOO_MANY = 429
_GONE = 410
_QUIET_ENDS = ("", "unexpected EOF", "closed by the client")

Request = Mapping[str, Any]


class Verdict(NamedTuple):
    """
    What the requests of an informer were.

    @ivar counts: how many of each sort.
    @ivar expired: the revisions that were gone when they were asked for, with the time.
    @ivar faults: what need not have been.
    """

    counts: Counter[str]
    expired: list[tuple[float, int]]
    faults: list[str]


def judge(name: str, requests: Sequence[Request]) -> Verdict:
    """
    Go through the requests of one informer, in the order in which they began.
    """
    verdict = Verdict(Counter(), [], [])
    reason = "first"
    before: Request | None = None
    for request in requests:
        verb = request["verb"]
        if verb == "check":
            verdict.counts["checks"] += 1
            continue
        if verb == "watch":
            verdict.counts["watches"] += 1
            reason = _after_watch(name, request, verdict) or reason
        elif not request["page"]:
            verdict.counts["lists"] += 1
            verdict.counts[f"{verb} after {reason or 'nothing'}"] += 1
            if not reason:
                verdict.faults.append(f"{name}: {request} after {before}")
            reason = _after_list(name, request, verdict)
        before = request
    return verdict


def _after_list(name: str, request: Request, verdict: Verdict) -> str:
    """
    Why the informer may list again after a list.
    """
    if request["verb"] == "watchlist" and request["code"] == 200:
        # From the bookmark on that ends its initial events it is a watch.
        return _after_watch(name, request, verdict) if request["initial"] else "a broken list"
    if request["code"] == 200 and request["error"] in ("", "closed by the client"):
        return ""
    if request["code"] >= 400:
        _answered(name, request, verdict)
    return "a broken list"


def _after_watch(name: str, request: Request, verdict: Verdict) -> str:
    """
    Why the informer may list after a watch; empty when it may not.
    """
    code = request["code"]
    if not code:
        return "" if request["refused"] or not request["error"] else "a broken request"
    if code != 200:
        return _answered(name, request, verdict)
    if request["told"]:
        return _told(name, request, verdict)
    if not request["end"]:
        return ""
    if not request["events"] and request["end"] - (request["initial"] or request["start"]) < _SHORT:
        return "a short watch"
    if _ends_quietly(request["error"]):
        return ""
    return "an unreadable end"


def _ends_quietly(error: str) -> bool:
    """
    Whether client-go takes an error for the end of a watch (C{IsProbableEOF}).
    """
    return error in _QUIET_ENDS or "connection reset by peer" in error or "EOF" in error


def _answered(name: str, request: Request, verdict: Verdict) -> str:
    if request["code"] == _GONE:
        return _gone(int(request["from"]), request["start"], verdict)
    if request["code"] == _TOO_MANY:
        return ""
    verdict.faults.append(f"{name}: {request} was answered with {request['code']}")
    return "an error"


def _told(name: str, request: Request, verdict: Verdict) -> str:
    event = json.loads(request["told"])
    if event["object"].get("code") == _GONE:
        revision = int(request["last"] or request["from"])
        return _gone(revision, request["end"] or request["start"], verdict)
    verdict.faults.append(f"{name}: {request}")
    return "an error"


def _gone(revision: int, when: float, verdict: Verdict) -> str:
    verdict.expired.append((when, revision))
    return "410"


def check_expired(
    name: str, expired: Sequence[tuple[float, int]], floors: Sequence[tuple[float, int]]
) -> list[str]:
    """
    A revision is gone only if history was dropped beyond it.

    @param floors: when history was seen to begin where.
    """
    faults = []
    for when, revision in expired:
        later = next((floor for time, floor in floors if time >= when), None)
        if later is not None and later <= revision:
            faults.append(f"{name}: revision {revision} was called gone while history began at {later}")
    return faults
