"""
What writers were told and what watchers heard, and whether both can be true of one log.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Write(NamedTuple):
    """
    One write as its client saw it.

    @ivar verb: C{create}, C{update} or C{delete}.
    @ivar mark: what the write put into the object, so that its event is known again; empty for a delete.
    @ivar revision: the resourceVersion that the answer told, 0 for a delete or when there was no answer.
    @ivar known: whether there was an answer at all; without one the write may have happened or not.
    """

    verb: str
    name: str
    mark: str
    revision: int
    known: bool


class Event(NamedTuple):
    """
    One event of a watch.
    """

    type: str
    name: str
    mark: str
    revision: int


def check_watch(events: Sequence[Event], log: Sequence[Event]) -> list[str]:
    """
    A watcher, however often it came back, heard exactly the log from its first event to its last.
    """
    faults = [
        f"revision {after.revision} after {before.revision}"
        for before, after in itertools.pairwise(events)
        if after.revision <= before.revision
    ]
    if not events or faults:
        return faults
    first, last = events[0].revision, events[-1].revision
    expected = [event for event in log if first <= event.revision <= last]
    missing = {event.revision for event in expected} - {event.revision for event in events}
    faults += [f"event of revision {revision} was never heard" for revision in sorted(missing)]
    other = set(events) - set(expected)
    faults += [
        f"heard {event}, which is not in the log" for event in sorted(other, key=lambda one: one.revision)
    ]
    return faults


def check_writes(writes: Iterable[Write], log: Sequence[Event]) -> list[str]:
    """
    Every acknowledged write is in the log once, under the revision that was told; every event was somebody's write.
    """
    faults: list[str] = []
    by_mark: dict[str, list[Event]] = {}
    deletions: dict[str, int] = {}
    for event in log:
        if event.type == "DELETED":
            deletions[event.name] = deletions.get(event.name, 0) + 1
        else:
            by_mark.setdefault(event.mark, []).append(event)
    told: dict[str, Write] = {}
    deleted: dict[str, list[bool]] = {}
    for write in writes:
        if write.verb == "delete":
            deleted.setdefault(write.name, []).append(write.known)
        else:
            told[write.mark] = write
            faults += _faults_of(write, by_mark.get(write.mark, []))
    faults += [
        f"event of revision {found[0].revision} was nobody's write"
        for mark, found in by_mark.items()
        if mark not in told
    ]
    faults += _deletion_faults(deletions, deleted)
    return faults


def check_state(objects: Iterable[Event], log: Sequence[Event]) -> list[str]:
    """
    What a list shows at the end is what the log adds up to.
    """
    state: dict[str, Event] = {}
    for event in log:
        if event.type == "DELETED":
            state.pop(event.name, None)
        else:
            state[event.name] = event
    shown = {one.name: (one.mark, one.revision) for one in objects}
    wanted = {name: (event.mark, event.revision) for name, event in state.items()}
    differing = {name for name in {*shown, *wanted} if shown.get(name) != wanted.get(name)}
    return [f"{name} is {shown.get(name)}, by the log {wanted.get(name)}" for name in sorted(differing)]


def _faults_of(write: Write, found: Sequence[Event]) -> list[str]:
    if len(found) > 1:
        return [f"{write.mark} is in the log {len(found)} times"]
    if write.known and not found:
        return [f"{write.mark}, acknowledged as {write.revision}, is lost"]
    if write.known and found[0].revision != write.revision:
        return [f"{write.mark}, acknowledged as {write.revision}, is in the log as {found[0].revision}"]
    return []


def _deletion_faults(found: dict[str, int], told: dict[str, list[bool]]) -> list[str]:
    faults = []
    for name in sorted({*found, *told}):
        known = told.get(name, [])
        if not known.count(True) <= found.get(name, 0) <= len(known):
            faults.append(
                f"{name} was deleted {known.count(True)} to {len(known)} times, in the log {found.get(name, 0)}"
            )
    return faults
