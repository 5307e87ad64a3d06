"""
All that our own checkers ask of a history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.histories.checker import Checker, Floors, check_log
from tests.histories.log import Log
from tests.histories.operations import Operation
from tests.histories.watchchecker import WatchChecker
from tests.histories.watchers import Connection


class Played(NamedTuple):
    """
    A history.

    @ivar last: the revision that every watcher was to hear of.
    """

    operations: Sequence[Operation]
    connections: Sequence[Connection]
    log: Log
    floors: Floors
    last: int


def judge(played: Played) -> list[str]:
    """
    What cannot be; nothing when all is well.
    """
    impossible = check_log(played.log)
    checker = Checker(played.operations, played.log, played.floors)
    faults = [*impossible, *checker.faults()]
    if impossible:
        # Nobody can be told rightly of what cannot have been.
        return faults
    watching = WatchChecker(played.log, played.floors, checker.bounds)
    return [*faults, *watching.faults(played.connections, played.last)]
