"""
What really happened, by the database alone.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ark.meta.records import DELETED, Key, Version
from tests.e2e.history import Event
from tests.histories.selections import MARK, WRITTEN

_RESOURCES = {written.resource: written.plural for written in WRITTEN}


def digest(value: Any) -> str:
    """
    What two objects share when their content is equal.
    """
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def _way_to_mark(template: Mapping[str, Any]) -> list[str]:
    for name, value in template.items():
        if value == MARK:
            return [name]
        if isinstance(value, Mapping) and (way := _way_to_mark(value)):
            return [name, *way]
    return []


_WAYS = {written.kind: (_way_to_mark(written.spec), _way_to_mark(written.status)) for written in WRITTEN}


def _follow(value: Any, way: Sequence[str]) -> str:
    for name in way:
        value = (value or {}).get(name)
    return str(value or "")


def mark_of(value: Any) -> str:
    """
    What the last writer of an object put into it: into its spec, or into its status for that generation of it.
    """
    spec, status = _WAYS[value["kind"]]
    mark, _, generation = _follow(value.get("status"), status).partition("@") if status else ("", "", "")
    if generation and generation == str(value["metadata"].get("generation")):
        return mark
    return _follow(value.get("spec"), spec)


def place(key: Key) -> str:
    """
    A key as operations name it.
    """
    return f"{_RESOURCES[key.resource]}/{key.namespace}/{key.name}"


class State(NamedTuple):
    """
    What a key held from a revision on.

    @ivar revision: of the change.
    @ivar version: L{None} for nothing.
    """

    revision: int
    version: Version | None


class Log:
    """
    Every version there ever was, in order.

    @ivar versions: of the kinds whose history is played.
    @ivar revisions: of all kinds.
    @ivar objects: the decoded body of each version by its revision.
    """

    def __init__(self, versions: Iterable[Version], revisions: Sequence[int] = ()) -> None:
        self.versions = [one for one in versions if one.key.resource in _RESOURCES]
        self.revisions = list(revisions) or [one.revision for one in self.versions]
        self.objects: dict[int, Any] = {one.revision: orjson.loads(one.body) for one in self.versions}
        self.states: dict[str, list[State]] = {}
        self.deletions: dict[str, Version] = {}
        self.marked: dict[str, Version] = {}
        for one in self.versions:
            gone = one.event == DELETED
            self.states.setdefault(place(one.key), [State(0, None)]).append(
                State(one.revision, None if gone else one)
            )
            if gone:
                self.deletions[one.uid] = one
            else:
                self.marked[mark_of(self.objects[one.revision])] = one

    def during(self, key: str, first: int, last: int) -> list[Version | None]:
        """
        What a key held at one time or another between two revisions.
        """
        states = self.states.get(key, [State(0, None)])
        begin = max(bisect_right(states, first, key=lambda state: state.revision) - 1, 0)
        end = bisect_right(states, last, key=lambda state: state.revision)
        return [state.version for state in states[begin : max(end, begin + 1)]]

    def present(self, resource: str, revision: int) -> list[Version]:
        """
        What there was of a kind at a revision, in the order of keys.
        """
        begin = f"{_RESOURCES[resource]}/"
        found = [
            version
            for key in self.states
            if key.startswith(begin)
            for version in self.during(key, revision, revision)
            if version is not None
        ]
        return sorted(found, key=lambda version: version.key)

    def events(self) -> list[Event]:
        """
        The log as L{tests.e2e.history} knows it.
        """
        return [
            Event(one.event, place(one.key), mark_of(self.objects[one.revision]), one.revision)
            for one in self.versions
        ]
