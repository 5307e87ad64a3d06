"""
The recent end of the log, in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from ark.watch.events import WatchEvent

EVENTS = 50_000
BYTES = 128 * 1024 * 1024

_SHRINK_FROM = 1024


class _Series:
    """
    The events of one resource in order; the first C{gone} are in the window no longer.

    @ivar floor: everything of the resource after this revision is here.
    """

    __slots__ = ("events", "floor", "gone", "revisions")

    def __init__(self, floor: int) -> None:
        self.events: list[WatchEvent | None] = []
        self.revisions: list[int] = []
        self.floor = floor
        self.gone = 0

    def drop_first(self) -> None:
        self.floor = self.revisions[self.gone]
        self.events[self.gone] = None
        self.gone += 1
        # Seldom enough that dropping one costs the same however many there are.
        if self.gone >= _SHRINK_FROM and self.gone * 2 >= len(self.events):
            del self.events[: self.gone]
            del self.revisions[: self.gone]
            self.gone = 0


class Window:
    """
    The newest events, bounded in number and in bytes.

    Nobody can hold it back: a watcher that is too slow for it reads the log.  What is
    dropped is the oldest of all; a resource that saw few changes keeps what it has.

    @ivar max_events: how many events it holds at most.
    @ivar bytes: about how much memory it holds.
    """

    def __init__(self, max_events: int = EVENTS, max_bytes: int = BYTES) -> None:
        self.max_events = max_events
        self.bytes = 0
        self._max_bytes = max_bytes
        self._events: deque[WatchEvent] = deque()
        self._series: dict[str, _Series] = {}
        self._start = 0

    def __len__(self) -> int:
        return len(self._events)

    def reset(self, revision: int) -> None:
        """
        Begin anew: nothing up to C{revision} is here.
        """
        self._events.clear()
        self._series.clear()
        self._start = revision
        self.bytes = 0

    def append(self, event: WatchEvent) -> None:
        """
        Add the next event of the log.
        """
        resource = event.version.key.resource
        series = self._series.get(resource)
        if series is None:
            series = self._series[resource] = _Series(self._start)
        events = self._events
        events.append(event)
        series.events.append(event)
        series.revisions.append(event.revision)
        size = self.bytes + event.size
        while size > self._max_bytes or len(events) > self.max_events:
            oldest = events.popleft()
            size -= oldest.size
            self._series[oldest.version.key.resource].drop_first()
        self.bytes = size

    def floor(self, resource: str) -> int:
        """
        Every event of C{resource} after this revision, as far as the log was followed,
        is here.
        """
        series = self._series.get(resource)
        return self._start if series is None else series.floor

    def between(self, resource: str, after: int, last: int, limit: int) -> list[WatchEvent]:
        """
        The first C{limit} events of C{resource} above C{after}, up to C{last}.

        @param after: not below L{floor}.
        """
        series = self._series.get(resource)
        if series is None:
            return []
        first = bisect_right(series.revisions, after, series.gone)
        end = bisect_right(series.revisions, last, first)
        return [event for event in series.events[first : min(end, first + limit)] if event is not None]
