"""
Whether what watchers heard is what the log has to tell them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ark.meta.records import ADDED
from tests.histories.checker import Bounds, Floors
from tests.histories.log import Log, digest
from tests.histories.selections import SELECTIONS
from tests.histories.watchers import Connection, Line
from tests.watch.model import Heard, Model, Told, Violation, check_changes

_LEAVING = ("503", "504", "429")


class WatchChecker:
    """
    What each selection is told of a log.

    @param floors: what had been dropped, and when.
    @param bounds: what was known, and when.
    """

    def __init__(self, log: Log, floors: Floors | None = None, bounds: Bounds | None = None) -> None:
        self._log = log
        self._floors = floors or Floors()
        self._bounds = bounds or Bounds([], [])
        self._newest = max(log.revisions, default=0)
        self._digests = {revision: digest(value) for revision, value in log.objects.items()}
        self._expected = [[_digested(told) for told in changes] for changes in _changes(log)]
        self._revisions = [[told.revision for told in expected] for expected in self._expected]

    def faults(self, connections: Iterable[Connection], last: int) -> list[str]:
        """
        What cannot be.

        @param last: everything up to this revision every watcher was to hear of in the end.
        """
        faults: list[str] = []
        ends: dict[int, int] = {}
        wanted: dict[int, int] = {}
        for one in connections:
            ends.setdefault(one.watcher, 0)
            revisions = self._revisions[one.selection]
            place = bisect_right(revisions, last)
            wanted[one.watcher] = revisions[place - 1] if place else 0
            try:
                ends[one.watcher] = max(ends[one.watcher], self._check(one))
            except Violation as violation:
                faults.append(
                    f"watcher {one.watcher} of selection {one.selection} on replica {one.replica} "
                    f"from {one.after}: {violation}"
                )
        faults += [
            f"watcher {watcher} had heard up to {end} only, not {wanted[watcher]}"
            for watcher, end in sorted(ends.items())
            if end < wanted[watcher]
        ]
        return faults

    def _check(self, one: Connection) -> int:
        """
        The last revision that it heard of.
        """
        lines, after = list(one.lines), one.after
        if lines and lines[-1].type in ("ERROR", "FAILED"):
            self._check_end(one, lines.pop())
        if after is None:
            end = next((index for index, line in enumerate(lines) if line.initial_end), None)
            if end is None:
                self._check_beginning(one, lines)
                return 0
            after = lines[end].revision
            initial, lines = lines[:end], lines[end + 1 :]
            if [_told(line) for line in initial] != self._present(one, after):
                raise Violation(f"the initial events are not the state at {after}")
            if after < self._bounds.first(one.started):
                raise Violation(f"the initial events are of {after}, though newer ones were known before")
        begin = bisect_right(self._revisions[one.selection], after)
        heard = [Heard(_told(line), line.initial_end) for line in lines]
        expected = self._expected[one.selection]
        # As many more than what came as show that nothing is missing before a bookmark.
        places, _ = check_changes(expected[begin : begin + len(heard) + 1], after, heard, self._newest)
        return places[-1]

    def _present(self, one: Connection, revision: int) -> list[Told]:
        selection = SELECTIONS[one.selection]
        return [
            Told(ADDED, version.revision, self._digests[version.revision])
            for version in self._log.present(selection.written.resource, revision)
            if selection.selects(version.key, self._log.objects[version.revision])
        ]

    def _check_beginning(self, one: Connection, lines: Sequence[Line]) -> None:
        """
        Initial events that broke off: they belong to the state at one revision.
        """
        told = [_told(line) for line in lines]
        if not told:
            return
        first = max(line.revision for line in lines)
        revisions = [first, *(revision for revision in self._revisions[one.selection] if revision > first)]
        if not any(self._present(one, revision)[: len(told)] == told for revision in revisions):
            raise Violation("the initial events are of no one revision")

    def _check_end(self, one: Connection, line: Line) -> None:
        if line.digest == "410" and one.after is not None:
            heard = max([one.after, *(other.revision for other in one.lines[:-1])])
            if heard >= self._floors.at(line.moment):
                raise Violation(f"410 at {heard}, which was not too old")
        elif line.digest not in (*_LEAVING, "410"):
            raise Violation(f"failed with {line.digest}")


def lasts(log: Log) -> list[int]:
    """
    The revision of the last that each selection is told of a log.
    """
    return [changes[-1].revision if changes else 0 for changes in _changes(log)]


def _changes(log: Log) -> Iterator[list[Told]]:
    """
    What each selection is told of a log.
    """
    for selection in SELECTIONS:
        resource = selection.written.resource
        own = [version for version in log.versions if version.key.resource == resource]
        yield Model(own, resource).changes(selection.selects, 0)


def delays(connections: Iterable[Connection], written: dict[int, int]) -> Iterator[float]:
    """
    How many seconds after its acknowledgement each event came, of watches that were open by then.

    @param written: when each revision was acknowledged.
    """
    for one in connections:
        for line in one.lines:
            moment = written.get(line.revision)
            if moment is not None and line.type in ("ADDED", "MODIFIED", "DELETED") and moment > one.started:
                yield (line.moment - moment) / 1e9


def _digested(told: Told) -> Told:
    return told._replace(body=digest(told.body))


def _told(line: Line) -> Told:
    return Told(line.type, line.revision, line.digest)
