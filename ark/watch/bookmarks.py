"""
When bookmarks are sent, and their bytes (contract 12.12).
"""

from __future__ import annotations

from collections.abc import Hashable
from random import Random

from ark.watch.representation import Representation

EVERY_SECONDS = 60.0
JITTER_SECONDS = 5.0
BEFORE_END_SECONDS = 2.0


class Bookmarks:
    """
    What all watchers share of bookmarks.

    @ivar random: spreads them.
    """

    def __init__(self) -> None:
        self.random = Random()
        self._key: Hashable = None
        self._frame = b""

    def next_time(self, now: float, deadline: float) -> float:
        """
        When a watch wants its next bookmark: about a minute from now, the last one shortly
        before the deadline; after that, the deadline.

        Watchers that began together drift apart.
        """
        last = deadline - BEFORE_END_SECONDS
        if last <= now:
            return deadline
        return min(now + EVERY_SECONDS - JITTER_SECONDS * self.random.random(), last)

    def frame(self, representation: Representation, revision: int) -> bytes:
        """
        A bookmark's bytes.  Many watchers get the same one at about the same time.
        """
        key = (representation.key, revision)
        if self._key != key:
            self._frame = representation.bookmark(revision, False)
            self._key = key
        return self._frame
