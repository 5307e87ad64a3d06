"""
What some watchers see.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from ark.watch.events import WatchEvent
from ark.watch.predicate import SelectionPredicate
from ark.watch.representation import Representation

if TYPE_CHECKING:
    from ark.watch.watcher import Watcher

CHUNK = 128 * 1024
"""
About how many bytes are written to a watcher at once.  What all watchers of a turn have
been written before their streams could say stop is bounded by it.
"""

Chunk = tuple[bytes, int]

SCAN = 2000
PREPARED = 100
"""
How many events are looked at in one step, and how many where they have to be prepared.
"""


class Traffic:
    """
    What was sent to the watchers of a resource since the start.

    @ivar events: bookmarks and errors included.
    """

    __slots__ = ("bytes", "events")

    def __init__(self) -> None:
        self.events = 0
        self.bytes = 0

    def add(self, events: int, size: int) -> None:
        """
        Count events, and how many bytes they took.
        """
        self.events += events
        self.bytes += size


class View:
    """
    One predicate in one representation, and all watchers that have both.

    What they are sent is worked out once for all of them.

    @ivar synced: those who have been sent everything up to the last turn of the hub.
    @ivar others: those who have not, or who wait for a revision to come.
    @ivar traffic: counts what they are sent.
    """

    __slots__ = (
        "_chunk",
        "_chunk_place",
        "key",
        "others",
        "predicate",
        "preparation",
        "representation",
        "synced",
        "traffic",
    )

    def __init__(
        self, predicate: SelectionPredicate, representation: Representation, traffic: Traffic
    ) -> None:
        self.traffic = traffic
        self.predicate = predicate
        self.representation = representation
        self.preparation = representation.preparation
        self.key: Hashable = (predicate.key, representation.key)
        self.synced: dict[Watcher, None] = {}
        self.others: dict[Watcher, None] = {}
        self._chunk_place: tuple[int, int] | None = None
        self._chunk: Chunk = (b"", 0)

    @property
    def place(self) -> tuple[str | None, str | None]:
        """
        Namespace and name that an event must have to be seen, L{None} for any.
        """
        return self.predicate.namespace, self.predicate.name

    @property
    def scan(self) -> int:
        """
        How many events to look at in one step.
        """
        return SCAN if self.preparation is None else PREPARED

    def lacking(self, events: Sequence[WatchEvent]) -> list[bytes]:
        """
        What has to be prepared before C{events} can be looked at.
        """
        if self.preparation is None:
            return []
        return self.preparation.lacks(text for event in events for text in event.texts())

    async def prepare(self, texts: Iterable[bytes]) -> None:
        """
        Return when C{texts} can be shown and looked into.
        """
        if self.preparation is not None:
            await self.preparation.prepare(texts)

    def chunk(self, events: Sequence[WatchEvent]) -> Chunk:
        """
        What to write of C{events}, and how many of them that is.
        """
        frames: list[bytes] = []
        size = taken = 0
        representation = self.representation
        type_of = self.predicate.type_of
        for event in events:
            taken += 1
            type = type_of(event)
            if type is not None:
                frame = event.frame(type, representation)
                frames.append(frame)
                size += len(frame)
                if size >= CHUNK:
                    break
                representation = representation.following
        return b"".join(frames), taken

    def shared_chunk(self, events: Sequence[WatchEvent]) -> Chunk:
        """
        The same as L{chunk} for events of the window, kept until L{forget_chunk} for
        the next watcher at the same place.
        """
        place = (events[0].revision, events[-1].revision)
        if place != self._chunk_place:
            self._chunk = self.chunk(events)
            self._chunk_place = place
        return self._chunk

    def forget_chunk(self) -> None:
        """
        The turn is over.
        """
        self._chunk_place = None
        self._chunk = (b"", 0)
