"""
What a client asks of a watch.
"""

from __future__ import annotations

from typing import NamedTuple

from ark.watch.predicate import SelectionPredicate
from ark.watch.representation import Representation


class WatchOptions(NamedTuple):
    """
    One watch, as asked for.

    C{after} is the revision to go on from (L{None}: from now on; C{0}: from any).  With
    C{initial}, the objects that there are come first, in a state not older than
    C{after} (L{None}: the newest; C{0}: any); with C{initial_end} and C{bookmarks}, a
    bookmark tells where that state ends (contract 12.9, 12.13).  After C{timeout}
    seconds the stream is finished.
    """

    predicate: SelectionPredicate
    representation: Representation
    after: int | None = None
    initial: bool = False
    initial_end: bool = False
    bookmarks: bool = False
    timeout: float = 1800.0
