"""
What a watcher is sent that is not in the window: the objects there are, and older events.

Read from storage a page at a time, no faster than the client takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.task import deferLater

from ark.meta.records import ADDED, Page, Range, Version
from ark.watch.events import WatchEvent
from ark.watch.view import CHUNK, Chunk

if TYPE_CHECKING:
    from ark.watch.cacher import Cacher
    from ark.watch.watcher import Watcher

LIST_PAGE = 500

_Item = TypeVar("_Item")


async def send_present(watcher: Watcher, cacher: Cacher, revision: int) -> None:
    """
    Send what the watcher's predicate selects as of C{revision}, in key order, as ADDED.

    @raise ark.storage.errors.Compacted: C{revision} was dropped before the last page.
    """
    where = watcher.view.predicate.range
    while not watcher.closed:
        page = await _present(watcher, cacher, where, revision)
        view = watcher.view
        for versions in _parts(page.versions, view.scan):
            await view.prepare(version.body for version in versions)
            await _send(watcher, list(filter(view.predicate.matches, versions)), _added)
        if not page.more:
            return
        last = page.versions[-1].key
        where = where._replace(after=(last.namespace, last.name))


async def _present(watcher: Watcher, cacher: Cacher, where: Range, revision: int) -> Page:
    single = watcher.view.predicate.single
    if single is None:
        return await watcher.hub.take_turns(cacher.list, where, LIST_PAGE, revision)
    version = await cacher.get_at(single, revision)
    return Page(revision, [] if version is None else [version], False)


def _added(watcher: Watcher, versions: list[Version]) -> Chunk:
    representation = watcher.view.representation
    frames: list[bytes] = []
    size = 0
    for version in versions:
        frames.append(representation.event(ADDED, version.body))
        representation = representation.following
        size += len(frames[-1])
        if size >= CHUNK:
            break
    return b"".join(frames), len(frames)


async def replay(watcher: Watcher) -> None:
    """
    Bring the watcher's cursor forward until the window holds what follows.

    @raise ark.storage.errors.Compacted: what follows is gone.
    """
    hub = watcher.hub
    resource = watcher.view.predicate.resource
    while not watcher.closed and watcher.cursor < hub.window.floor(resource):
        page = await hub.read_log(watcher.cursor)
        events = [
            WatchEvent(version, before) for version, before in page.events if version.key.resource == resource
        ]
        for part in _parts(events, watcher.view.scan):
            await _send(watcher, part, _replayed)
        watcher.cursor = page.revision


def _replayed(watcher: Watcher, events: list[WatchEvent]) -> Chunk:
    data, taken = watcher.view.chunk(events)
    watcher.cursor = events[taken - 1].revision
    return data, taken


def _parts(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    """
    C{items} in lists of at most C{size}; an empty one if there are none.
    """
    yield items[:size]
    for start in range(size, len(items), size):
        yield items[start : start + size]


def _texts(items: list[Any]) -> Iterator[bytes]:
    for item in items:
        yield from item.texts() if isinstance(item, WatchEvent) else (item.body,)


async def _send(watcher: Watcher, items: list[Any], chunk: Callable[[Watcher, list[Any]], Chunk]) -> None:
    """
    Write C{items}, a chunk a turn.  C{chunk} makes the next one when it can be written.
    """
    while True:
        await watcher.ready()
        if not items or watcher.closed:
            return
        if watcher.view.preparation is not None:
            await watcher.view.prepare(_texts(items))
            if watcher.stream.paused:
                continue
        data, taken = chunk(watcher, items)
        items = items[taken:]
        if data:
            watcher.write(data)
        # Others want their turn, also when the next page is at hand.
        await deferLater(watcher.hub.reactor, 0)
