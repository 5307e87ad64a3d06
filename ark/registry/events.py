"""
The rules of events, which are served in the core group and, more strictly, in C{events.k8s.io}.

Follows C{k8s.io/kubernetes/pkg/apis/core/validation/events.go}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apis.kind import Kind
from ark.meta.fielderrors import invalid, required
from ark.meta.names import qualified_name
from ark.meta.status import Cause
from ark.meta.time import parse_rfc3339
from ark.registry.codec import Object, same_json
from ark.registry.strategy import Strategy

_LONGEST = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
# Kubernetes looks at the reason twice, and clients see both causes.
_FIXED = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
)
_BLANK: dict[str, Any] = {
    "metadata": {},
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


class EventStrategy(Strategy):
    """
    An event is in the namespace of what it is about, and says when, by whom and why it was written.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._kept = kind.kept_names
        self._strict = self.judges_metadata = bool(kind.kept_as)
        self._controller = "reportingController" if self._strict else "reportingComponent"
        names = {kept: name for name, kept in self._kept.items()}
        self.blank = {names.get(member, member): value for member, value in _BLANK.items()}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        All causes, under the names of the core group.
        """
        event = self._core(obj)
        causes = list(self._common(event))
        if self._strict:
            causes += _new(event) if old is None else _changed(event, self._core(old), self._controller)
        return causes

    def _core(self, obj: Object) -> Object:
        return {self._kept.get(member, member): value for member, value in obj.items()}

    def _common(self, event: Object) -> Iterator[Cause]:
        about = (event.get("involvedObject") or {}).get("namespace") or ""
        namespace = event["metadata"].get("namespace")
        if not event.get("eventTime"):
            fits = about == namespace if about else namespace == "default"
        else:
            fits = bool(about) or namespace in ("default", "kube-system")
        if not fits:
            yield invalid("involvedObject.namespace", about, "does not match event.namespace")
        if event.get("eventTime"):
            yield from self._reported(event)

    def _reported(self, event: Object) -> Iterator[Cause]:
        controller = event.get("reportingComponent") or ""
        if not controller:
            yield required(self._controller)
        for problem in qualified_name(controller):
            yield invalid(self._controller, controller, problem)
        for member, limit in _LONGEST.items():
            text = event.get(member) or ""
            if not text and member != "message":
                yield required(member)
            if len(text.encode()) > limit:
                yield invalid(member, "", f"can have at most {limit} characters")


def _series(event: Object) -> Iterator[Cause]:
    series = event.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")


def _new(event: Object) -> Iterator[Cause]:
    yield from _series(event)
    if not event.get("eventTime"):
        yield required("eventTime")
    if event.get("type") not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {event.get('type') or ''}")
    for member in ("firstTimestamp", "lastTimestamp", "count"):
        if event.get(member):
            yield invalid(member, "", "needs to be unset")
    source = event.get("source") or {}
    if source.get("component") or source.get("host"):
        yield invalid("source", "", "needs to be unset")


def _changed(event: Object, old: Object, controller: str) -> Iterator[Cause]:
    if not same_json(event.get("series"), old.get("series")):
        yield from _series(event)
    for member in _FIXED:
        new, before = event.get(member) or None, old.get(member) or None
        same = _same_time(new, before) if member == "eventTime" else same_json(new, before)
        if not same:
            path = controller if member == "reportingComponent" else member
            empty = "" if isinstance(before, str) and member != "eventTime" else None
            yield invalid(path, event.get(member, empty), "field is immutable")


def _same_time(new: str | None, old: str | None) -> bool:
    if not new or not old:
        return new == old
    return parse_rfc3339(new) == parse_rfc3339(old)
