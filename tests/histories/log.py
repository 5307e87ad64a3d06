"""
What really happened, by the database alone.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from ark.meta.records import DELETED, Key, Version
from tests.e2e.history import Event

QUERIES = "queries.ark.mckinsey.com"


def digest(value: Any) -> str:
    """
    What two objects share when their content is equal.
    """
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def mark_of(value: Any) -> str:
    """
    What the last writer of an object put into it: into its spec, or into its status for that generation of it.
    """
    told = (value.get("status") or {}).get("response", {}).get("content", "")
    mark, _, generation = told.partition("@")
    if generation and generation == str(value["metadata"].get("generation")):
        return str(mark)
    return str(value["spec"].get("sessionId", ""))


def place(key: Key) -> str:
    """
    A key as operations name it.
    """
    return f"{key.namespace}/{key.name}"


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

    @ivar versions: of the kind whose history is played.
    @ivar revisions: of all kinds.
    @ivar objects: the decoded body of each version by its revision.
    """

    def __init__(self, versions: Iterable[Version], revisions: Sequence[int] = ()) -> None:
        self.versions = [one for one in versions if one.key.resource == QUERIES]
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

    def events(self) -> list[Event]:
        """
        The log as L{tests.e2e.history} knows it.
        """
        return [
            Event(one.event, place(one.key), mark_of(self.objects[one.revision]), one.revision)
            for one in self.versions
        ]
