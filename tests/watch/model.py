"""
What a watch must tell of a log, worked out anew each time and in the plainest way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ark.meta.records import DELETED, Key, Version
from tests.watch.support import QUERIES

Selects = Callable[[Key, Mapping[str, Any]], bool]


class Told(NamedTuple):
    """
    What a client must be told of one change.

    @ivar body: the object, or anything that is equal when objects are.
    """

    type: str
    revision: int
    body: Any


class Heard(NamedTuple):
    """
    What a client was told.

    @ivar told: a bookmark's has its type.
    @ivar initial_end: whether a bookmark says that the initial events are over.
    """

    told: Told
    initial_end: bool = False


def parsed(version: Version) -> dict[str, Any]:
    """
    A version's object.
    """
    obj: dict[str, Any] = orjson.loads(version.body)
    return obj


class Model:
    """
    The log, and what follows from it.
    """

    def __init__(self, log: Sequence[Version], resource: str = QUERIES) -> None:
        """
        @param resource: what is watched.
        """
        self._log = log
        self._resource = resource

    def state(self, revision: int) -> dict[Key, Version]:
        """
        What was live at C{revision}.
        """
        state: dict[Key, Version] = {}
        for version in self._log:
            if version.revision <= revision:
                state.pop(version.key, None)
                if version.event != DELETED:
                    state[version.key] = version
        return state

    def present(self, selects: Selects, revision: int) -> list[Told]:
        """
        The ADDED events of a watch that starts with the state at C{revision}.
        """
        state = self.state(revision)
        chosen = [state[key] for key in sorted(state) if key.resource == self._resource]
        return [
            Told("ADDED", version.revision, parsed(version))
            for version in chosen
            if selects(version.key, parsed(version))
        ]

    def changes(self, selects: Selects, after: int) -> list[Told]:
        """
        What a watch is told of everything above C{after}.
        """
        told: list[Told] = []
        state: dict[Key, dict[str, Any]] = {}
        for version in self._log:
            key, old, new = version.key, state.get(version.key), parsed(version)
            if version.event == DELETED:
                del state[key]
            else:
                state[key] = new
            if version.revision <= after or key.resource != self._resource:
                continue
            was = old is not None and selects(key, old)
            is_now = version.event != DELETED and selects(key, new)
            if is_now:
                told.append(Told("MODIFIED" if was else "ADDED", version.revision, new))
            elif was:
                assert old is not None
                last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(version.revision)}}
                told.append(Told("DELETED", version.revision, last))
        return told


class Violation(AssertionError):
    """
    A client was told something wrong.
    """


def check_changes(
    expected: Sequence[Told], start: int, received: Iterable[Heard], newest: int
) -> tuple[list[int], int]:
    """
    What came after a revision is what had to come, in that order (W1 to W4, W6, W7).

    @param newest: no revision is higher.
    @return: from where the client can go on, and how much of C{expected} came.
    @raise Violation: it is not.
    """
    place, last = 0, start
    places = [start]
    for told, initial_end in received:
        following = expected[place] if place < len(expected) else None
        if told.type == "BOOKMARK":
            if initial_end:
                raise Violation("an end of initial events that was not asked for")
            if told.revision < last or (following is not None and following.revision <= told.revision):
                raise Violation(f"bookmark {told.revision} after {last}: events are missing")
            if told.revision > newest:
                raise Violation("a bookmark of the future")
        else:
            if told != following:
                raise Violation(f"after {last} came {told} instead of {following}")
            place += 1
        last = told.revision
        places.append(last)
    return places, place
