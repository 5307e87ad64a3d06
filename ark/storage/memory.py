"""
A backend that keeps everything in this process's memory and forgets it at exit.

For tests and try-outs.  It keeps the whole contract of
L{ark.interfaces.IStorageBackend} but durability, and answers without suspending.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zope.interface import implementer

from ark.interfaces import IChangeFeed, IRestores, IStorageBackend
from ark.meta.records import (
    DELETED,
    Change,
    Committed,
    Event,
    EventPage,
    JoinedPage,
    Key,
    Mismatch,
    Outcome,
    Page,
    Range,
    Version,
)
from ark.storage.changefeed import ChangeFeed
from ark.storage.errors import Compacted, Unavailable
from ark.storage.marks import HELD
from ark.storage.memoryrestore import MemoryRestore

_Place = tuple[str, str]


@implementer(IStorageBackend, IChangeFeed)
class MemoryBackend:
    """
    The log as a dictionary by revision, and each key's history as a list of revisions.

    @param reactor: where to call subscribers from, a turn after the commit.  Without it
        they are called before L{commit} returns.
    @ivar marked: the mark (L{IRestores}).
    """

    def __init__(self, reactor: Any = None) -> None:
        self.marked = ""
        self._feed = ChangeFeed(reactor)
        self._closed = False
        self.reset(0)

    def reset(self, floor: int) -> None:
        """
        See L{IRestores.wipe}.
        """
        self._revision = max(floor, 1)
        self._floor = self._swept = floor
        self._log: dict[int, Version] = {}
        self._histories: dict[str, dict[_Place, list[int]]] = {}
        self._places: dict[str, list[_Place]] = {}

    def __conform__(self, interface: Any) -> Any:
        return MemoryRestore(self) if interface is IRestores else None

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        See L{IChangeFeed.subscribe}.
        """
        return self._feed.subscribe(wake)

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """
        See L{IStorageBackend.commit}.  Durable until the process ends.
        """
        self._check_open()
        if self.marked:
            raise Unavailable(HELD)
        before = self._revision
        outcomes = [self._apply(change) for change in changes]
        if self._revision != before:
            self._feed.notify()
        return outcomes

    def _apply(self, change: Change) -> Outcome:
        current = self._live(change.key)
        if change.expected != (current.revision if current else 0):
            return Mismatch(current)
        if current is None and change.event == DELETED:
            return Mismatch(None)
        self._revision += 1
        version = Version(
            change.key,
            self._revision,
            change.event,
            change.body.at(self._revision),
            change.labels,
            change.uid,
            change.expected,
        )
        self._append(version)
        return Committed(version)

    def _append(self, version: Version) -> None:
        resource, *place = version.key
        where = (place[0], place[1])
        histories = self._histories.setdefault(resource, {})
        if where not in histories:
            histories[where] = []
            insort(self._places.setdefault(resource, []), where)
        histories[where].append(version.revision)
        self._log[version.revision] = version

    def put_back(self, versions: Sequence[Version], revision: int) -> None:
        """
        See L{IRestores.restore}.
        """
        for version in versions:
            self._append(version)
        self._revision = revision
        self._feed.notify()

    def resources(self) -> list[str]:
        """
        See L{IRestores.resources}.
        """
        return sorted(resource for resource, histories in self._histories.items() if histories)

    def _live(self, key: Key, revision: int | None = None) -> Version | None:
        history = self._histories.get(key.resource, {}).get((key.namespace, key.name), ())
        index = len(history) if revision is None else bisect_right(history, revision)
        if not index:
            return None
        version = self._log[history[index - 1]]
        return None if version.event == DELETED else version

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        """
        See L{IStorageBackend.get}.
        """
        self._check_readable(revision)
        return self._live(key, revision)

    def _scan(self, range: Range, revision: int | None) -> Iterator[Version]:
        places = self._places.get(range.resource, [])
        start = bisect_right(places, range.after) if range.after is not None else 0
        if range.namespace is not None:
            start = max(start, bisect_left(places, (range.namespace, "")))
        for index in range_of(start - 1, len(places) - 1):
            namespace, name = places[index]
            if range.namespace is not None and namespace != range.namespace:
                return
            version = self._live(Key(range.resource, namespace, name), revision)
            if version is not None:
                yield version

    def _page(self, range: Range, limit: int, revision: int | None) -> tuple[list[Version], bool]:
        self._check_readable(revision)
        versions: list[Version] = []
        for version in self._scan(range, revision):
            if len(versions) == limit:
                return versions, True
            versions.append(version)
        return versions, False

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        """
        See L{IStorageBackend.list}.
        """
        versions, more = self._page(range, limit, revision)
        return Page(self._at(revision), versions, more)

    async def list_joined(self, range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        See L{IStorageBackend.list_joined}.
        """
        versions, more = self._page(range, limit, revision)
        text = b",".join([version.body for version in versions])
        last = (versions[-1].key.namespace, versions[-1].key.name) if versions else None
        return JoinedPage(self._at(revision), text, len(versions), last, more)

    async def count(self, range: Range, revision: int | None = None) -> int:
        """
        See L{IStorageBackend.count}.
        """
        self._check_readable(revision)
        return sum(1 for _ in self._scan(range, revision))

    async def events(self, after: int, limit: int) -> EventPage:
        """
        See L{IStorageBackend.events}.
        """
        self._check_open()
        if after < self._floor:
            raise Compacted(after, self._floor)
        last = max(after, min(after + limit, self._revision))
        versions = [self._log[revision] for revision in range_of(after, last)]
        return EventPage(last, [Event(version, self._log.get(version.previous)) for version in versions])

    async def current_revision(self) -> int:
        """
        See L{IStorageBackend.current_revision}.
        """
        self._check_open()
        return self._revision

    async def compact(self, revision: int) -> int:
        """
        See L{IStorageBackend.compact}.
        """
        self._check_open()
        self._floor = max(self._floor, min(revision, self._revision))
        target = min(self._floor, self._revision - 1)
        dropped = 0
        for number in range_of(self._swept, target):
            version = self._log.get(number)
            if version is None:
                continue
            doomed = [version.previous] if version.previous else []
            if version.event == DELETED:
                doomed.append(number)
            dropped += len(doomed)
            self._drop(version.key, doomed)
        self._swept = max(self._swept, target)
        return dropped

    def _drop(self, key: Key, doomed: Sequence[int]) -> None:
        place = (key.namespace, key.name)
        histories = self._histories[key.resource]
        for number in doomed:
            del self._log[number]
            histories[place].remove(number)
        if not histories[place]:
            del histories[place]
            places = self._places[key.resource]
            del places[bisect_left(places, place)]

    async def compacted_revision(self) -> int:
        """
        See L{IStorageBackend.compacted_revision}.
        """
        self._check_open()
        return self._floor

    async def ready(self) -> None:
        """
        See L{IStorageBackend.ready}.
        """
        self._check_open()

    async def close(self) -> None:
        """
        See L{IStorageBackend.close}.  What was stored is gone.
        """
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")

    def _check_readable(self, revision: int | None) -> None:
        self._check_open()
        if revision is not None and revision < self._floor:
            raise Compacted(revision, self._floor)

    def _at(self, revision: int | None) -> int:
        return self._revision if revision is None else revision


def range_of(after: int, last: int) -> range:
    """
    The revisions above C{after}, up to and including C{last}.
    """
    return range(after + 1, last + 1)


async def open_backend(config: Mapping[str, Any], reactor: Any) -> MemoryBackend:
    """
    A new, empty store.  Reads no options.
    """
    return MemoryBackend(reactor)
