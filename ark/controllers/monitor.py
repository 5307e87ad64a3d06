"""
Follows all objects of several resources in the order in which they change.

Does what the informers of C{k8s.io/client-go/tools/cache} do for a controller, but keeps
nothing itself, and loses no order between resources: there is one log.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ark.meta.records import Range, Version
from ark.storage.errors import Compacted, StorageError
from ark.watch.cacher import Cacher
from ark.watch.events import WatchEvent

PAGE = 500
TURN = 200
"""How many events are told in a turn of the reactor."""

AGAIN_SECONDS = 1.0

_log = Logger()


class Observer(Protocol):
    """
    Who is told.
    """

    def present(self, version: Version, /) -> None:
        """
        An object is there; it may have been told of before.
        """

    def complete(self, resource: str, present: set[str], /) -> None:
        """
        All objects of a resource have been told of: there are no others than these uids.
        """

    def changed(self, event: WatchEvent, /) -> None:
        """
        An object is new, has changed or has gone.
        """


class Monitor:
    """
    Tells an observer of the objects that there are, and then of every change.

    A resource is read anew when a part of the log was lost.  Resources may be added and
    taken away at any time.
    """

    def __init__(self, cacher: Cacher, reactor: Any, observer: Observer) -> None:
        self._cacher = cacher
        self._reactor = reactor
        self._observer = observer
        self._since: dict[str, int] = {}
        self._unread: dict[str, None] = {}
        self._pending: deque[WatchEvent] = deque()
        self._reading: Deferred[None] | None = None
        self._call: Any = None
        self._waiting: list[Deferred[None]] = []
        self._unlisten = cacher.hub.listen(self, self._since)

    def follow(self, resource: str) -> None:
        """
        Tell of C{resource} from now on.
        """
        if resource not in self._since:
            self._since[resource] = 0
            self._read_later(resource)

    def unfollow(self, resource: str) -> None:
        """
        Tell of C{resource} no more, but now of what has happened to it already.
        """
        pending, self._pending = self._pending, deque()
        for event in pending:
            if event.version.key.resource == resource:
                self._tell(event)
            else:
                self._pending.append(event)
        self._since.pop(resource, None)
        self._unread.pop(resource, None)

    def stop(self) -> None:
        """
        Tell of nothing more.
        """
        self._unlisten()
        self._since.clear()
        self._unread.clear()
        self._pending.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._reading is not None:
            self._reading.cancel()
        self._release()

    async def synced(self) -> None:
        """
        Return when everything that there was, and every change that was followed before
        the call, has been told.
        """
        while self._reading is not None or self._pending:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done

    # What the hub tells

    def entered(self, event: WatchEvent) -> None:
        """
        Keep an event of a resource that is followed for the next turn: this is called while somebody's
        write is answered.
        """
        self._pending.append(event)
        if self._call is None:
            self._schedule()

    def lost(self) -> None:
        """
        Read everything again.
        """
        self._pending.clear()
        for resource in self._since:
            self._read_later(resource)

    # Events

    def _schedule(self) -> None:
        # While a resource is read its events wait, and all others with them: order counts.
        if self._call is None and self._reading is None and self._pending:
            self._call = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        self._call = None
        for _ in range(min(TURN, len(self._pending))):
            self._tell(self._pending.popleft())
        self._schedule()
        if not self._pending:
            self._release()

    def _tell(self, event: WatchEvent) -> None:
        since = self._since.get(event.version.key.resource)
        if since is None or event.revision <= since:
            return
        try:
            self._observer.changed(event)
        except Exception:
            # One object must not keep all others from being told of.
            _log.failure("a change of {key} was not understood", key=event.version.key)

    # Reading what there is

    def _read_later(self, resource: str) -> None:
        self._unread[resource] = None
        if self._reading is None:
            if self._call is not None:
                self._call.cancel()
                self._call = None
            self._reading = Deferred.fromCoroutine(self._read_all())
            self._reading.addBoth(self._done)

    def _done(self, result: Any) -> None:
        self._reading = None
        if result is not None and not result.check(CancelledError):
            _log.failure("reading what there is failed", failure=result)
        self._release()
        self._schedule()

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)

    async def _read_all(self) -> None:
        # Let all that are added in this turn be read together.
        await deferLater(self._reactor, 0)
        while self._unread:
            resource = next(iter(self._unread))
            try:
                await self._read(resource)
            except Compacted:
                continue
            except StorageError as error:
                _log.warn("{resource} cannot be read: {error}", resource=resource, error=error)
                await deferLater(self._reactor, AGAIN_SECONDS)

    async def _read(self, resource: str) -> None:
        del self._unread[resource]
        try:
            revision, uids = await self._read_pages(resource)
        except StorageError:
            if resource in self._since:
                self._unread.setdefault(resource)
            raise
        if resource in self._since and resource not in self._unread:
            self._since[resource] = revision
            self._observer.complete(resource, uids)

    async def _read_pages(self, resource: str) -> tuple[int, set[str]]:
        uids: set[str] = set()
        after: tuple[str, str] | None = None
        revision: int | None = None
        while True:
            page = await self._cacher.list(Range(resource, None, after), PAGE, revision)
            revision = page.revision
            for version in page.versions:
                uids.add(version.uid)
                self._present(version)
            if not page.more or resource not in self._since:
                return revision, uids
            last = page.versions[-1].key
            after = (last.namespace, last.name)
            await deferLater(self._reactor, 0)

    def _present(self, version: Version) -> None:
        try:
            self._observer.present(version)
        except Exception:
            _log.failure("{key} was not understood", key=version.key)
