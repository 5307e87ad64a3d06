"""
What watchers of a history heard.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """
    One event as it came.

    @ivar type: as the event says; C{FAILED} for an answer that was no stream.
    @ivar digest: of the object; of an error its code.
    @ivar moment: when it came, in nanoseconds of the machine's steady clock.
    """

    type: str
    revision: int
    digest: str
    initial_end: bool
    moment: int


class Connection(NamedTuple):
    """
    One watch.

    @ivar after: the revision that it was to go on from; L{None} to begin with what there is.
    @ivar started: when it was asked for.
    """

    watcher: int
    selection: int
    replica: int
    after: int | None
    started: int
    lines: list[Line]
