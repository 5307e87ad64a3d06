"""
What must be true when a standby takes over that did not have everything.

Then some revisions were told, and are gone.  Servers go on above them, and what follows belongs to what there was
before them.  So there are two logs with the same beginning, and whoever was told something was told it of one of
them: nobody of both without a word.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ark.meta.records import DELETED, Version
from tests.e2e.history import Event
from tests.histories import oracle
from tests.histories.checker import Checker, check_log
from tests.histories.judging import Played
from tests.histories.log import Log, State, place
from tests.histories.operations import OK, UNKNOWN, WRITES, Operation, registers
from tests.histories.selections import KEYS
from tests.histories.watchchecker import WatchChecker
from tests.histories.watchers import Connection

_LOST = "/lost"


class Loss(NamedTuple):
    """
    What was lost.

    @ivar before: the log of the PostgreSQL that died.
    @ivar died: when it had, in nanoseconds of the machine's steady clock.
    @ivar noticed: when servers noticed that something was lost.
    @ivar begins: above which revision they went on.
    """

    before: Log
    died: int
    noticed: int
    begins: int


class ForkedLog(Log):
    """
    Both logs in one: what was lost is there, and then all of a sudden is not.

    @ivar kept: the newest revision that both have.
    @ivar lost: what one of them had.
    @ivar fresh: what the other one has instead.
    """

    def __init__(self, loss: Loss, after: Log) -> None:
        before = loss.before
        same = sum(1 for _ in itertools.takewhile(_equal, zip(before.versions, after.versions)))
        self.lost, self.fresh = before.versions[same:], after.versions[same:]
        self.kept = before.versions[same - 1].revision if same else 0
        known = set(before.revisions)
        numbers = [*before.revisions, *(one for one in after.revisions if one not in known)]
        super().__init__([*before.versions, *self.fresh], numbers)
        for key in {place(one.key) for one in self.lost}:
            (version,) = before.during(key, self.kept, self.kept)
            states = self.states[key]
            states.insert(
                bisect_left(states, loss.begins, key=lambda state: state.revision),
                State(loss.begins, version),
            )
        gone = {one.uid for one in self.fresh if one.event == DELETED}
        # A life may have ended twice.
        self._ended = {one.uid: one for one in self.lost if one.event == DELETED}
        self._twice = self._ended.keys() & gone
        self.deletions.update({f"{uid}{_LOST}": self._ended[uid] for uid in self._twice})
        self._told: set[str] = set()

    def tell_apart(self, operations: Iterable[Operation], noticed: int) -> list[Operation]:
        """
        The operations, so that one can see which of two deletions of a life each was.
        """
        found = []
        for one in operations:
            if one.verb == "delete" and one.outcome == OK and one.uid in self._twice:
                if one.end < noticed:
                    one = one._replace(uid=f"{one.uid}{_LOST}")
                elif one.start < noticed:
                    one = one._replace(outcome=UNKNOWN)
            found.append(one)
        self._told = {
            one.uid if one.verb == "delete" else one.mark for one in found if one.outcome in (OK, UNKNOWN)
        }
        return found

    def events(self) -> list[Event]:
        """
        The same, without what was lost before anybody was told of it: a server has done such a thing again, or
        found that it cannot be done any more.
        """
        again = {one.mark for one in Log(self.fresh).events()}
        untold = {
            event.revision
            for one, event in zip(self.lost, Log(self.lost).events())
            if not (self._is_told(one) if one.event == DELETED else event.mark in self._told - again)
        }
        return [event for event in super().events() if event.revision not in untold]

    def _is_told(self, deletion: Version) -> bool:
        return (f"{deletion.uid}{_LOST}" if deletion.uid in self._twice else deletion.uid) in self._told


def judge_failover(played: Played, loss: Loss) -> list[str]:
    """
    What cannot be; nothing when all is well.
    """
    forked = ForkedLog(loss, played.log)
    impossible = [*(f"before: {fault}" for fault in check_log(loss.before)), *check_log(played.log)]
    if forked.fresh and forked.lost and forked.fresh[0].revision <= max(loss.before.revisions):
        first, last = forked.fresh[0].revision, max(loss.before.revisions)
        impossible.append(f"revision {first} was used again: up to {last} there were others")
    if not forked.lost:
        impossible.append("nothing was lost, so nothing can be said")
    if impossible:
        return impossible
    checker = Checker(forked.tell_apart(played.operations, loss.noticed), forked, played.floors)
    return [
        *checker.faults(),
        *_judge_watches(played, loss, checker),
        *_judge_registers(played, loss, forked),
    ]


def _judge_watches(played: Played, loss: Loss, checker: Checker) -> Iterator[str]:
    before = WatchChecker(loss.before, played.floors, checker.bounds)
    after = WatchChecker(played.log, played.floors, checker.bounds)
    sides: Counter[str] = Counter()
    fresh: list[Connection] = []
    for one in played.connections:
        start = _start(one)
        if start is None:
            # It broke off before anybody could know of what it told.
            faults = before.faults([one], 0) and after.faults([one], 0)
        elif start >= loss.begins:
            fresh.append(one)
            continue
        else:
            sides[one.lines[-1].digest if one.lines and one.lines[-1].type == "ERROR" else ""] += 1
            later = [line.revision for line in one.lines if line.revision >= loss.begins]
            faults = (
                before.faults([one], 0)
                if not later
                else [
                    f"watcher {one.watcher} went on from {start} to {later[0]}, and was not told that something was lost"
                ]
            )
        yield from faults
    if not sides["410"]:
        yield "no watch was told that something was lost"
    yield from after.faults(fresh, played.last)
    missing = {one.watcher for one in played.connections} - {one.watcher for one in fresh}
    yield from (f"watcher {watcher} did not begin anew" for watcher in sorted(missing))


def _start(one: Connection) -> int | None:
    """
    The revision from which a watch told what changed, if it came to that.
    """
    if one.after is not None:
        return one.after
    return next((line.revision for line in one.lines if line.initial_end), None)


def _judge_registers(played: Played, loss: Loss, forked: ForkedLog) -> Iterator[str]:
    """
    What Porcupine says of each side of the loss.
    """
    for side in (_told_before(played.operations, loss), _told_after(played.operations, loss, forked)):
        yield from oracle.ask(registers(list(side), KEYS)).faults()


def _told_before(operations: Sequence[Operation], loss: Loss) -> Iterator[Operation]:
    for one in operations:
        if one.end < loss.died:
            yield one
        elif one.start < loss.died and one.verb in WRITES:
            known = one.outcome == OK and 0 < one.revision < loss.begins
            yield one if known else one._replace(outcome=UNKNOWN)


def _told_after(operations: Sequence[Operation], loss: Loss, forked: ForkedLog) -> Iterator[Operation]:
    """
    Beginning with what there still was.  A write that began before may have been carried out afterwards.
    """
    moment = loss.noticed
    for key in forked.states:
        (version,) = loss.before.during(key, forked.kept, forked.kept)
        if version is not None:
            (told,) = Log([version]).events()
            yield Operation(-1, "create", key, moment, moment + 1, OK, version.revision, told.mark)
    for one in operations:
        if one.start > moment:
            yield one
        elif one.verb in WRITES and (one.end > loss.died or one.outcome == UNKNOWN):
            late = one._replace(start=moment + 2, end=max(one.end, moment + 3))
            if one.outcome == OK and one.revision >= loss.begins:
                yield late
            elif one.outcome == UNKNOWN or (one.outcome == OK and one.verb == "delete"):
                yield late._replace(outcome=UNKNOWN)


def _equal(pair: tuple[Version, Version]) -> bool:
    return pair[0] == pair[1]
