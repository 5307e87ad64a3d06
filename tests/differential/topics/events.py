"""
Events in both of their groups: what is written in one is read in the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.bodies import spoiled
from tests.differential.kinds import Kind
from tests.differential.steps import MERGE, Step, call, target
from tests.differential.topics.common import namespace
from tests.differential.topics.reads import TABLE

_APPLY = "application/apply-patch+yaml"
_STRATEGIC = "application/strategic-merge-patch+json"
_CORE = "/api/v1/namespaces/events/events"
_NEW = "/apis/events.k8s.io/v1/namespaces/events/events"
_MOMENT = "2020-01-02T03:04:05.678901Z"
_SECOND = "2020-01-02T03:04:05Z"
_WRONG: tuple[dict[str, Any], ...] = (
    {"eventTime": None},
    {"note": "n" * 1025, "reportingInstance": "i" * 129, "action": "a" * 129, "reason": "r" * 129},
    {"reportingController": "a b"},
    {"reportingController": "", "reportingInstance": "", "action": "", "reason": "", "type": "Odd"},
    {"deprecatedCount": 1, "deprecatedSource": {"component": "c"}},
    {"deprecatedFirstTimestamp": _SECOND, "deprecatedLastTimestamp": _SECOND},
    {"series": {"count": 1}},
    {"series": {"count": 2, "lastObservedTime": _MOMENT}},
    {"regarding": {"kind": "Query", "name": "q", "namespace": "elsewhere"}},
    {"regarding": {"kind": "Query", "name": "q"}},
)


def _new(name: str, **members: Any) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name},
        "eventTime": _MOMENT,
        "type": "Normal",
        "reason": "Tried",
        "action": "Trying",
        "note": "it tries",
        "reportingController": "example.com/tests",
        "reportingInstance": "one",
        "regarding": {"kind": "Query", "name": "q", "namespace": "events"},
        **members,
    }


def _old(name: str, **members: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name},
        "involvedObject": {"kind": "Query", "name": "q", "namespace": "events"},
        "message": "it tried",
        "source": {"component": "tests"},
        "firstTimestamp": _SECOND,
        "lastTimestamp": _SECOND,
        "count": 2,
        **members,
    }


def events(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Written by the old and the new recorder, patched, applied, selected and shown.
    """
    yield namespace("events")
    for members in _WRONG:
        yield call("POST", target(_NEW, dryRun="All"), _new("wrong", **members))
    for number in range(14):
        wrong = spoiled(_new(f"wrong-{number}"), rng)
        yield call("POST", target(_NEW, fieldValidation=rng.choice([None, "Strict"]), dryRun="All"), wrong)
    yield call("POST", _CORE, _old("timed", eventTime=_MOMENT))
    for path, body in ((_NEW, _new("new")), (_CORE, _old("old"))):
        yield call("POST", path, body)
    yield from _changed()
    yield from _read()


def _changed() -> Iterator[Step]:
    series = {"series": {"count": 2, "lastObservedTime": "2020-01-02T03:04:06.000000Z"}}
    yield call("PATCH", f"{_NEW}/new", series, content=_STRATEGIC)
    for change in (
        {"note": "other"},
        {"reason": "Other", "type": "Warning"},
        {"series": {"count": 1}},
        {"eventTime": "2020-01-02T03:04:05.678902Z"},
        {"eventTime": "2020-01-02T04:04:05.678901+01:00"},
        {"metadata": {"labels": {"a": "b"}}},
    ):
        yield call("PATCH", f"{_NEW}/new", change, content=MERGE)
    yield call("PATCH", f"{_CORE}/new", {"message": "changed in the core group"}, content=_STRATEGIC)
    yield call("PATCH", f"{_CORE}/old", {"count": 3}, content=_STRATEGIC)
    yield call("PATCH", f"{_NEW}/old", {"note": "changed"}, content=MERGE)
    applied = target(f"{_NEW}/applied", fieldManager="me")
    yield call("PATCH", applied, _new("applied"), content=_APPLY)
    partial = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "applied"}, "action": "Trying"}
    yield call("PATCH", target(f"{_CORE}/applied", fieldManager="me"), partial, content=_APPLY)


def _read() -> Iterator[Step]:
    for path in (_NEW, _CORE):
        for name in ("new", "old", "applied"):
            yield call("GET", f"{path}/{name}")
            yield call("GET", f"{path}/{name}", accept=TABLE)
        yield call("GET", path)
        yield call("GET", path, accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    for selector in (
        "regarding.name=q",
        "regarding.kind=Query,type!=Normal",
        "reportingController=example.com/tests",
        "reason=Tried",
        "involvedObject.name=q",
        "reportingComponent=x",
    ):
        yield call("GET", target(_NEW, fieldSelector=selector))
    yield call("GET", "/apis/events.k8s.io")
    yield call("GET", "/apis/events.k8s.io/v1")
    yield call("DELETE", f"{_NEW}/old")
    yield call("GET", f"{_CORE}/old")
    yield call("DELETE", target(_NEW, fieldSelector="metadata.name=new"))
    yield call("GET", f"{_CORE}/new")
