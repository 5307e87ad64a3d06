"""
Whether what clients were told can be true of the log.

Every write tells its revision, so each answer names its place in one order of all writes, and
that order can be looked at directly: an answer must be true at some moment between the newest
revision that anybody knew of before the request was sent, and the oldest that came about
after the answer had come.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from ark.meta.records import ADDED, DELETED, Version
from tests.e2e.history import Write, check_writes
from tests.histories.log import Log, digest, mark_of, place
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    EXISTS,
    EXPIRED,
    OK,
    UNKNOWN,
    WRITES,
    Item,
    Operation,
)
from tests.histories.selections import KEYS

NEVER = 1 << 62


class Floors:
    """
    Up to where history had been dropped, and when.

    @param raised: moment and revision of each time that it was, in order.
    """

    def __init__(self, raised: Sequence[tuple[int, int]] = ()) -> None:
        self._moments = [moment for moment, _ in raised]
        self._revisions = list(itertools.accumulate((revision for _, revision in raised), max))

    def at(self, moment: int) -> int:
        """
        The floor at a moment.
        """
        index = bisect_right(self._moments, moment)
        return self._revisions[index - 1] if index else 0


class Bounds:
    """
    Between which revisions an answer can have been true.

    @param known: start, end and revision of each answer that shows that a revision was there.
    @param written: the same of each that brought one about.
    """

    def __init__(self, known: list[tuple[int, int, int]], written: list[tuple[int, int, int]]) -> None:
        by_end = sorted((end, revision) for _, end, revision in known)
        self._ends = [end for end, _ in by_end]
        self._newest = list(itertools.accumulate((revision for _, revision in by_end), max))
        by_start = sorted(((start, revision) for start, _, revision in written), reverse=True)
        oldest = list(itertools.accumulate((revision for _, revision in by_start), min))
        self._starts = [start for start, _ in reversed(by_start)]
        self._oldest = oldest[::-1]

    def first(self, start: int) -> int:
        """
        The newest revision that was known before a request was sent.
        """
        index = bisect_left(self._ends, start)
        return self._newest[index - 1] if index else 0

    def last(self, end: int) -> int:
        """
        The newest revision that there can have been when an answer came.
        """
        index = bisect_right(self._starts, end)
        return self._oldest[index] - 1 if index < len(self._starts) else NEVER


class Checker:
    """
    The operations of a history beside its log.

    @ivar bounds: what the answers show.
    """

    def __init__(self, operations: Sequence[Operation], log: Log, floors: Floors | None = None) -> None:
        self._operations = operations
        self._log = log
        self._floors = floors or Floors()
        known, written = [], []
        for one in operations:
            revision = self._revision(one)
            if revision and one.fresh and one.outcome == OK:
                known.append((one.start, one.end, revision))
                if one.verb in WRITES:
                    written.append((one.start, one.end, revision))
        self.bounds = Bounds(known, written)

    def faults(self) -> list[str]:
        """
        What cannot be; nothing when all is well.  Of the log itself see L{check_log}.
        """
        return [
            *check_writes(self._writes(), self._log.events()),
            *itertools.chain.from_iterable(map(self._check, self._operations)),
        ]

    def _revision(self, one: Operation) -> int:
        if one.verb == "delete":
            deletion = self._log.deletions.get(one.uid)
            return deletion.revision if deletion is not None else 0
        return one.revision

    def _writes(self) -> Iterator[Write]:
        for one in self._operations:
            if one.verb in WRITES and one.outcome in (OK, UNKNOWN):
                mark = "" if one.verb == "delete" else one.mark
                yield Write(one.verb, one.key, mark, one.revision, one.outcome == OK)

    def _check(self, one: Operation) -> Iterator[str]:
        if one.outcome == OK and one.verb in WRITES:
            yield from self._check_write(one)
        elif one.outcome == OK and one.verb == "get":
            yield from self._check_get(one)
        elif one.outcome == OK:
            yield from self._check_list(one)
        elif one.outcome in (ABSENT, EXISTS, CONFLICT):
            yield from self._check_refusal(one)
        elif one.outcome == EXPIRED and (one.minimum or NEVER) >= self._floors.at(one.end):
            yield f"{_name(one)} was told that {one.minimum} is too old, which it was not"

    def _check_write(self, one: Operation) -> Iterator[str]:
        if one.verb == "delete":
            version = self._log.deletions.get(one.uid)
        else:
            version = self._log.marked.get(one.mark)
        if version is None:
            yield f"{_name(one)} was acknowledged, and is not in the log"
            return
        if version.revision <= self.bounds.first(one.start):
            yield f"{_name(one)} is {version.revision}, though newer ones were known before it"
        added = version.event == ADDED
        if place(version.key) != one.key or added != (
            one.verb == "create" or (added and one.verb == "apply")
        ):
            yield f"{_name(one)} is in the log as {version.event} of {place(version.key)}"
        if one.expected and version.previous != one.expected:
            yield f"{_name(one)} expected {one.expected}, and replaced {version.previous}"
        if one.digest and one.verb != "delete" and one.digest != digest(self._log.objects[version.revision]):
            yield f"{_name(one)} was answered with another object than the log holds"

    def _check_get(self, one: Operation) -> Iterator[str]:
        first, last = self._window(one)
        found = [one_of for one_of in self._log.during(one.key, first, last) if one_of is not None]
        for version in found:
            if version.revision == one.revision:
                yield from self._check_content(
                    _name(one), Item(one.key, one.revision, one.mark), one.digest, version
                )
                return
        yield f"{_name(one)} found revision {one.revision}, which was not there from {first} to {last}"

    def _check_content(self, name: str, item: Item, found: str, version: Version) -> Iterator[str]:
        value = self._log.objects[version.revision]
        if item.mark != mark_of(value) or (found and found != digest(value)):
            yield f"{name} found another object under {item.revision} than the log holds"

    def _check_list(self, one: Operation) -> Iterator[str]:
        first, last = self._window(one)
        if not first <= one.revision <= last:
            yield f"{_name(one)} told revision {one.revision}, which was not from {first} to {last}"
        found = {item.key: item for item in one.items}
        expected = {}
        for key in KEYS[one.key]:
            (version,) = self._log.during(key, one.revision, one.revision)
            if version is not None:
                expected[key] = version
        for key in sorted({*found, *expected}):
            if key not in found or key not in expected or found[key].revision != expected[key].revision:
                yield f"{_name(one)} at {one.revision} showed {found.get(key)}; by the log {expected.get(key)}"
            else:
                yield from self._check_content(_name(one), found[key], "", expected[key])

    def _check_refusal(self, one: Operation) -> Iterator[str]:
        first, last = self._window(one)
        for version in self._log.during(one.key, first, last):
            if one.outcome == ABSENT and version is None:
                return
            if one.outcome == EXISTS and version is not None:
                return
            if (
                one.outcome == CONFLICT
                and one.expected
                and (version is None or version.revision != one.expected)
            ):
                return
        yield f"{_name(one)} was told {one.outcome}, which was not so from {first} to {last}"

    def _window(self, one: Operation) -> tuple[int, int]:
        """
        Between which revisions the answer to a request must be true.
        """
        last = self.bounds.last(one.end)
        if one.fresh:
            return self.bounds.first(one.start), last
        minimum = one.minimum or 0
        return minimum, minimum if one.exact else last


def check_log(log: Log) -> list[str]:
    """
    A log that can have come about: no revision twice, each version on top of the one before, one life an uid.
    """
    faults = [
        f"revision {after} comes after {before}"
        for before, after in itertools.pairwise(log.revisions)
        if after <= before
    ]
    live: dict[str, Version] = {}
    lives: set[str] = set()
    for one in log.versions:
        key = place(one.key)
        faults += _chain_faults(one, live.get(key), log.objects)
        if one.event == DELETED:
            live.pop(key, None)
            continue
        if one.event == ADDED and one.uid in lives:
            faults.append(f"{one.revision} begins another life of uid {one.uid}")
        lives.add(one.uid)
        live[key] = one
    return faults


def _chain_faults(one: Version, before: Version | None, objects: dict[int, Any]) -> Iterator[str]:
    metadata = objects[one.revision]["metadata"]
    if one.previous != (before.revision if before is not None else 0):
        yield f"{one.revision} replaces {one.previous}, but {place(one.key)} was {before and before.revision}"
    if (one.event == ADDED) != (before is None):
        yield f"{one.revision} is {one.event} of {place(one.key)}, which was {before and before.revision}"
    if metadata["resourceVersion"] != str(one.revision) or metadata["uid"] != one.uid:
        yield f"{one.revision} holds an object of revision {metadata['resourceVersion']}"
    if before is None or one.event == ADDED:
        return
    old = objects[before.revision]["metadata"]
    if (old["uid"], old["creationTimestamp"]) != (metadata["uid"], metadata["creationTimestamp"]):
        yield f"{one.revision} changes uid or creationTimestamp"
    specs = objects[before.revision]["spec"], objects[one.revision]["spec"]
    if one.event != DELETED and metadata["generation"] != old["generation"] + (specs[0] != specs[1]):
        yield f"{one.revision} has generation {metadata['generation']} after {old['generation']}"


def _name(one: Operation) -> str:
    return f"{one.verb} of {one.key} by client {one.client} at {one.start}"
