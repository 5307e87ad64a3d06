"""
One watch.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ark.meta.status import APIStatus
from ark.storage.errors import StorageError
from ark.watch.backlog import replay, send_present
from ark.watch.events import WatchEvent
from ark.watch.failures import status_of
from ark.watch.options import WatchOptions as WatchOptions
from ark.watch.representation import WatchStream

if TYPE_CHECKING:
    from ark.watch.cacher import Cacher
    from ark.watch.hub import Hub
    from ark.watch.view import View

SCAN_COST = 256
"""How many bytes take as long to write as it takes to look at an event."""


_STARTING, _SYNCED, _BEHIND, _READING, _CLOSED = range(5)


class Watcher:
    """
    A place in the log, and the stream on which what follows it is written.

    Writes nothing while the stream is paused, and goes on from its place when it is not:
    from the window if that still holds what follows, or else from storage, a page at a
    time, until it meets the window again.

    @ivar cursor: everything up to here was sent, unless the watcher is synced: then it
        is where the hub is.
    @ivar slot: for the timer wheel.
    """

    # An idle watcher should be small: there may be tens of thousands.
    __slots__ = (
        "_bookmarks",
        "_deadline",
        "_drain",
        "_finished",
        "_state",
        "_task",
        "cursor",
        "hub",
        "slot",
        "stream",
        "view",
    )

    _log = Logger()

    def __init__(self, hub: Hub, options: WatchOptions, stream: WatchStream) -> None:
        self.slot = 0
        self.stream = stream
        self.view: View = hub.view(options.predicate, options.representation)
        self.view.others[self] = None
        self.cursor = 0
        self.hub = hub
        self._state = _STARTING
        self._bookmarks = options.bookmarks
        self._deadline = hub.reactor.seconds() + options.timeout
        self._drain: Deferred[None] | None = None
        self._finished: Deferred[None] | None = None
        self._task: Deferred[None] | None = None
        hub.watchers += 1

    @property
    def closed(self) -> bool:
        """
        Whether the watch is over.
        """
        return self._state == _CLOSED

    def start(self, options: WatchOptions, cacher: Cacher, begun: Callable[[], None] | None = None) -> None:
        """
        Begin to write; C{options} are those that the watcher was made with, and C{begun} is
        called when what they ask for at first has been written.

        From here on whatever goes wrong is told by an ERROR event.
        """
        self.stream.on_drain(self._drained)
        self.stream.on_close(self.detach)
        if self.hub.stopped:
            self.close()
        if self.closed:
            return
        self._schedule(self.hub.reactor.seconds())
        if options.initial or not options.after:
            self._run(self._begin(options, cacher, begun))
            return
        if begun is not None:
            begun()
        self._continue_from(options.after)

    async def wait(self) -> None:
        """
        Return when the watch is over.  Cancelling ends it.
        """
        if self.closed:
            return
        finished: Deferred[None] = Deferred()
        self._finished = finished
        try:
            await finished
        finally:
            self._finished = None
            self.detach()

    # The end

    def close(self) -> None:
        """
        Finish the stream: the client may come again with the last revision it got.
        """
        if self._leave():
            self.stream.finish()

    def end(self) -> None:
        """
        Finish the stream, after a last bookmark where the client asked for bookmarks: it may go
        on from there elsewhere.
        """
        if self._bookmarks and not self.closed:
            self._send_bookmark()
        self.close()

    def detach(self) -> None:
        """
        The client has gone; the stream needs no finish.
        """
        self._leave()

    def fail(self, error: Exception) -> None:
        """
        Tell why the watch cannot go on, and end it.
        """
        if not self.closed:
            self.write(self.view.representation.error(status_of(error).to_dict()))
            self.close()

    def _leave(self) -> bool:
        if self.closed:
            return False
        self._state = _CLOSED
        self.hub.forget(self)
        self.stream.on_drain(None)
        self.stream.on_close(None)
        self.view.synced.pop(self, None)
        self.view.others.pop(self, None)
        self.hub.release(self.view)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        if self._finished is not None and not self._finished.called:
            self._finished.callback(None)
        return True

    # Being told

    def deliver(self, data: bytes, since: int) -> None:
        """
        Write what all synced watchers of a view get in this turn.

        @param since: where they were before.
        """
        if self._state != _SYNCED:
            return
        if self.stream.paused:
            self.fall_behind(since)
            return
        self.write(data)
        self._yield_to_client(self.hub.flushed)

    def _yield_to_client(self, cursor: int) -> None:
        if self.stream.paused:
            self.fall_behind(cursor)

    def fall_behind(self, cursor: int) -> None:
        """
        Go on alone from C{cursor}.
        """
        if self._state == _SYNCED:
            self._state = _BEHIND
            self.cursor = cursor
            self.view.synced.pop(self, None)
            self.view.others[self] = None
            if not self.stream.paused:
                self.hub.later(self)

    def catch_up(self) -> int:
        """
        Go one step towards the hub, if the client keeps up.

        @return: what it took, in bytes written or as good as.
        """
        if self._state != _BEHIND or self.stream.paused:
            return 0
        hub = self.hub
        if self.cursor >= hub.flushed:
            self._arrive()
            return 0
        resource = self.view.predicate.resource
        if self.cursor < hub.window.floor(resource):
            self._run(self._replay())
            return 0
        scan = self.view.scan
        events = hub.window.between(resource, self.cursor, hub.flushed, scan)
        lacking = self.view.lacking(events)
        if lacking:
            self._run(self._prepare(lacking))
            return len(events) * SCAN_COST
        cost = len(events) * SCAN_COST + self._step(
            events, hub.flushed if len(events) < scan else events[-1].revision
        )
        if self._state == _BEHIND and not self.stream.paused:
            if self.cursor >= hub.flushed:
                self._arrive()
            else:
                hub.later(self)
        return cost

    def _step(self, events: list[WatchEvent], last: int) -> int:
        """
        Write a chunk of C{events}; when they are through the cursor is at C{last}.
        """
        if not events:
            self.cursor = last
            return 0
        try:
            data, taken = self.view.shared_chunk(events)
        except CancelledError:
            raise
        except Exception as error:
            self._log.failure("An event could not be shown")
            self.fail(error)
            return 0
        self.cursor = last if taken == len(events) else events[taken - 1].revision
        if data:
            self.write(data)
        return len(data)

    def _arrive(self) -> None:
        if self.cursor > self.hub.flushed:
            self.hub.wait_for_revision(self)
            return
        self._state = _SYNCED
        self.view.others.pop(self, None)
        self.view.synced[self] = None

    def write(self, data: bytes) -> None:
        """
        Write to the stream, and go over to the view for what follows the first write.
        """
        # The stream may report its end from within: a task that writes here is not to
        # be cancelled then, but looks for itself.
        task, self._task = self._task, None
        self.view.traffic.add(self.view.representation.count(data), len(data))
        try:
            self.stream.write(data)
        except CancelledError:
            raise
        except Exception:
            self._log.failure("A watch could not be written")
            self._leave()
            self.stream.abort()
        if self.closed:
            return
        self._task = task
        representation = self.view.representation
        if representation.following is not representation:
            self._move(self.hub.follow_up(self.view))

    def _move(self, view: View) -> None:
        left = self.view
        if view is left:
            return
        members = view.synced if self._state == _SYNCED else view.others
        members[self] = None
        left.synced.pop(self, None)
        left.others.pop(self, None)
        self.view = view
        self.hub.release(left)

    # The client

    async def ready(self) -> None:
        """
        Wait until the client takes more.
        """
        while self.stream.paused and not self.closed:
            drain: Deferred[None] = Deferred()
            self._drain = drain
            await drain

    def _drained(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None:
            if not drain.called:
                drain.callback(None)
        elif self._state == _BEHIND:
            self.hub.later(self)

    # Timers

    def on_time(self, now: float) -> None:
        """
        A bookmark is due, or the end.
        """
        if now >= self._deadline:
            self.close()
            return
        self._send_bookmark()
        if not self.closed:
            self._schedule(now)

    def _schedule(self, now: float) -> None:
        when = self._deadline
        if self._bookmarks:
            when = self.hub.bookmarks.next_time(now, when)
        self.hub.wheel.schedule(self, when)

    def _send_bookmark(self) -> None:
        """
        Tell how far the watcher has come, if it is somewhere and its client keeps up.
        """
        hub = self.hub
        revision = hub.flushed if self._state == _SYNCED else self.cursor
        if self._state == _STARTING or self.stream.paused or revision > hub.flushed:
            return
        try:
            data = hub.bookmarks.frame(self.view.representation, revision)
        except CancelledError:
            raise
        except Exception as error:
            self._log.failure("A bookmark could not be shown")
            self.fail(error)
            return
        self.write(data)
        self._yield_to_client(hub.flushed)

    # Reading storage

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = Deferred.fromCoroutine(self._guard(work))
        if not task.called and not self.closed:
            self._task = task

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except CancelledError:
            if not self.closed:
                raise
        except Exception as error:
            if not isinstance(error, (APIStatus, StorageError)):
                self._log.failure("A watch failed")
            if not self.stream.paused:
                self._task = None
                self.fail(error)
                return
            self._run(self._fail_later(error))
        else:
            self._task = None

    async def _fail_later(self, error: Exception) -> None:
        await self.ready()
        self._task = None
        self.fail(error)

    async def _begin(self, options: WatchOptions, cacher: Cacher, begun: Callable[[], None] | None) -> None:
        started = self.hub.reactor.seconds()
        revision = await cacher.read_revision(options.after or 0)
        if options.initial:
            await send_present(self, cacher, revision)
            if options.initial_end and options.bookmarks and not self.closed:
                self.write(self.view.representation.bookmark(revision, True))
                self.hub.presented(self.view.predicate, self.hub.reactor.seconds() - started)
        if begun is not None:
            begun()
        self._continue_from(revision)

    async def _prepare(self, texts: list[bytes]) -> None:
        self._state = _READING
        await self.view.prepare(texts)
        self._continue_from(self.cursor)

    async def _replay(self) -> None:
        self._state = _READING
        await replay(self)
        self._continue_from(self.cursor)

    def _continue_from(self, cursor: int) -> None:
        if not self.closed:
            self._state = _BEHIND
            self.cursor = cursor
            self.hub.later(self)
