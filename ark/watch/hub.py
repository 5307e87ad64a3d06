"""
Who is told of what, and when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ark.interfaces import IStorageBackend
from ark.meta.records import EventPage
from ark.watch.bookmarks import Bookmarks
from ark.watch.events import WatchEvent
from ark.watch.follower import PAGE, Follower
from ark.watch.predicate import SelectionPredicate
from ark.watch.representation import Representation
from ark.watch.timerwheel import TimerWheel
from ark.watch.view import Traffic, View
from ark.watch.window import Window

if TYPE_CHECKING:
    from ark.watch.watcher import Watcher

READERS = 4
"""How many watchers may read storage at the same time; the rest wait their turn."""

_AT_ONCE = 100
_BATCHES = 100
_BETWEEN = 0.1
"""A hundred watches end at once, then as many a tenth of a second later, but all within ten seconds."""

_TURN_STEPS = 256
_TURN_COST = 4 * 1024 * 1024

_T = TypeVar("_T")
_Place = tuple["str | None", "str | None"]


class Topic:
    """
    The views that are about one resource, or one namespace or name of it.

    @ivar pending: the events that they have not been sent yet.
    """

    __slots__ = ("pending", "views")

    def __init__(self) -> None:
        self.views: dict[View, None] = {}
        self.pending: list[WatchEvent] = []


class Listener(Protocol):
    """
    A part of this process that wants to know of everything.  Must not block or raise.
    """

    def entered(self, event: WatchEvent, /) -> None:
        """
        An event has come, the next one of the log.
        """

    def lost(self) -> None:
        """
        Events before those to come are gone unread.
        """


class Hub:
    """
    Sends each watcher what it watches, once a reactor turn.

    @ivar flushed: every synced watcher has been sent everything up to here.
    @ivar traffic: what the watchers of each resource were sent.
    @ivar presented: told how many seconds it took until a watcher had all that there was, and knew it.
    @ivar watchers: how many there are.
    @ivar stopped: whether no watch may begin any more.
    """

    _log = Logger()

    def __init__(self, backend: IStorageBackend, reactor: Any, window: Window, follower: Follower) -> None:
        self.reactor = reactor
        self.window = window
        self.wheel = TimerWheel(reactor)
        self.bookmarks = Bookmarks()
        self.flushed = 0
        self.watchers = 0
        self.stopped = False
        self._backend = backend
        self._follower = follower
        self._readers = DeferredSemaphore(READERS)
        self._topics: dict[str, dict[_Place, Topic]] = {}
        self.traffic: dict[str, Traffic] = {}
        self.presented: Callable[[SelectionPredicate, float], None] = _ignore
        self._views: dict[Any, View] = {}
        self._listeners: dict[Listener, Container[str] | None] = {}
        self._dirty: list[Topic] = []
        self._ahead: dict[Watcher, None] = {}
        self._later: deque[Watcher] = deque()
        self._call: Any = None
        follower.entered = self._entered
        follower.advanced = self._schedule
        follower.lost = self._lost

    def stop(self) -> None:
        """
        End every watch, also those that are still to come.
        """
        self.stopped = True
        self._end(tuple(self._views.values()))
        self.wheel.stop()
        if self._call is not None and self._call.active():
            self._call.cancel()

    async def wind_down(self) -> None:
        """
        End every watch as in L{stop}, but tell each first how far it came, and not all at once:
        who was watching comes again elsewhere.
        """
        self.stopped = True
        self._flush()
        views = tuple(self._views.values())
        watchers = [watcher for view in views for watcher in (*view.synced, *view.others)]
        batch = max(_AT_ONCE, -(-len(watchers) // _BATCHES))
        for begin in range(0, len(watchers), batch):
            if begin:
                await deferLater(self.reactor, _BETWEEN)
            self._flush()
            for watcher in watchers[begin : begin + batch]:
                watcher.end()
        self.stop()

    def close_resource(self, resource: str) -> None:
        """
        End the watches of a resource that is served no longer, or otherwise (contract
        12.20).  Those that keep up are first told of what happened before.
        """
        self._flush()
        self._end([view for view in self._views.values() if view.predicate.resource == resource])

    def _end(self, views: Sequence[View]) -> None:
        for view in views:
            for watcher in (*view.synced, *view.others):
                watcher.close()

    # Views

    def view(self, predicate: SelectionPredicate, representation: Representation) -> View:
        """
        The view that watchers of equal predicate and representation share.
        """
        view = self._views.get((predicate.key, representation.key))
        if view is None:
            traffic = self.traffic.setdefault(predicate.resource, Traffic())
            view = View(predicate, representation, traffic)
            self._views[view.key] = view
            topics = self._topics.setdefault(predicate.resource, {})
            topics.setdefault(view.place, Topic()).views[view] = None
        return view

    def watching(self) -> Iterator[tuple[SelectionPredicate, int]]:
        """
        What is watched, and by how many.  The same predicate may come more than once.
        """
        for view in self._views.values():
            yield view.predicate, len(view.synced) + len(view.others)

    def follow_up(self, view: View) -> View:
        """
        The view of those who have been sent something by C{view}.
        """
        following = view.representation.following
        return view if following.key == view.representation.key else self.view(view.predicate, following)

    def release(self, view: View) -> None:
        """
        A watcher has left C{view}.
        """
        if view.synced or view.others or self._views.get(view.key) is not view:
            return
        del self._views[view.key]
        topics = self._topics[view.predicate.resource]
        topic = topics[view.place]
        del topic.views[view]
        if not topic.views:
            del topics[view.place]
            if not topics:
                del self._topics[view.predicate.resource]

    # Turns

    def listen(self, listener: Listener, resources: Container[str] | None = None) -> Callable[[], object]:
        """
        Tell C{listener} of every event at once, in the order of the log.

        @param resources: those it wants to know of, which may become others; L{None} for all.
        @return: call it to tell no more.
        """
        self._listeners[listener] = resources
        return lambda: self._listeners.pop(listener, None)

    def _schedule(self) -> None:
        if self._call is None:
            self._call = self.reactor.callLater(0, self._turn)

    def _entered(self, event: WatchEvent) -> None:
        resource, namespace, name = event.version.key
        for listener, wanted in self._listeners.items():
            if wanted is None or resource in wanted:
                listener.entered(event)
        topics = self._topics.get(resource)
        if topics is None:
            return
        for place in ((None, None), (namespace, None), (namespace, name), (None, name)):
            topic = topics.get(place)
            if topic is not None:
                if not topic.pending:
                    self._dirty.append(topic)
                topic.pending.append(event)

    def later(self, watcher: Watcher) -> None:
        """
        Let C{watcher} catch up in the next turn.
        """
        self._later.append(watcher)
        self._schedule()

    def wait_for_revision(self, watcher: Watcher) -> None:
        """
        Let C{watcher} catch up when its cursor has been reached.
        """
        self._ahead[watcher] = None

    def forget(self, watcher: Watcher) -> None:
        """
        C{watcher} is over.
        """
        self.watchers -= 1
        self.wheel.cancel(watcher)
        self._ahead.pop(watcher, None)

    def _turn(self) -> None:
        self._call = None
        self._flush()
        if self._ahead:
            for watcher in [one for one in self._ahead if one.cursor <= self.flushed]:
                del self._ahead[watcher]
                self._later.append(watcher)
        self._catch_up()
        if self._later:
            self._schedule()

    def _flush(self) -> None:
        since, self.flushed = self.flushed, self._follower.revision
        dirty, self._dirty = self._dirty, []
        for topic in dirty:
            events, topic.pending = topic.pending, []
            # Who is sent something may go over to another view of the same topic, and
            # must not be sent it there again.
            for view, watchers in [(view, tuple(view.synced)) for view in topic.views if view.synced]:
                self._deliver(view, watchers, events, since)

    def _deliver(self, view: View, watchers: Sequence[Watcher], events: list[WatchEvent], since: int) -> None:
        if view.preparation is not None and view.lacking(events):
            for watcher in watchers:
                watcher.fall_behind(since)
            return
        try:
            data, taken = view.chunk(events)
        except CancelledError:
            raise
        except Exception as error:
            self._log.failure("An event could not be shown")
            for watcher in watchers:
                watcher.fail(error)
            return
        if taken < len(events):
            for watcher in watchers:
                watcher.fall_behind(since)
        elif data:
            for watcher in watchers:
                watcher.deliver(data, since)

    def _catch_up(self) -> None:
        """
        Let those who are behind go a step each, in turn, and leave time to others.
        """
        cost = 0
        views: dict[View, None] = {}
        for _ in range(min(_TURN_STEPS, len(self._later))):
            watcher = self._later.popleft()
            views[watcher.view] = None
            cost += watcher.catch_up()
            if cost > _TURN_COST:
                break
        for view in views:
            view.forget_chunk()

    def _lost(self) -> None:
        """
        The follower has skipped a part of the log: nobody may miss that silently.
        """
        for listener in self._listeners:
            listener.lost()
        since = self.flushed
        for topic in self._dirty:
            topic.pending = []
        self._dirty = []
        for view in tuple(self._views.values()):
            for watcher in tuple(view.synced):
                watcher.fall_behind(since)
        self._schedule()

    # What watchers share

    async def take_turns(self, read: Callable[..., Awaitable[_T]], *arguments: Any) -> _T:
        """
        Call C{read} when not too many read storage already.
        """
        await self._readers.acquire()
        try:
            return await read(*arguments)
        finally:
            self._readers.release()

    async def read_log(self, after: int) -> EventPage:
        """
        A page of the log for a watcher whose events have left the window.

        @raise ark.storage.errors.Compacted: they have left storage too.
        """
        return await self.take_turns(self._backend.events, after, PAGE)


def _ignore(_predicate: SelectionPredicate, _seconds: float) -> None:
    pass
