"""
The one way to storage for all above it, with a memory of what is recent and in use.

The name is Kubernetes' own (C{k8s.io/apiserver/pkg/storage/cacher}).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.interfaces import IStorageBackend
from ark.meta.records import (
    Change,
    Committed,
    JoinedPage,
    Key,
    Outcome,
    Page,
    Range,
    Version,
)
from ark.meta.status import APIStatus, Cause, timeout
from ark.storage.committer import Committer
from ark.storage.errors import Unavailable
from ark.watch import objects, window
from ark.watch.follower import PATIENCE, Follower
from ark.watch.hub import Hub
from ark.watch.objects import UNKNOWN, ObjectCache, Unknown
from ark.watch.options import WatchOptions
from ark.watch.representation import WatchStream
from ark.watch.watcher import Watcher
from ark.watch.window import Window


class Cacher:
    """
    Reads, writes and watches objects for this process.

    @param window_events: how many recent events are kept in memory.
    @param window_bytes: about how many bytes these may take.
    @param cache_bytes: about how many bytes of objects are kept for L{get}.
    @ivar window: the recent events.
    @ivar hub: the watches.
    """

    def __init__(
        self,
        backend: IStorageBackend,
        committer: Committer,
        reactor: Any,
        *,
        window_events: int = window.EVENTS,
        window_bytes: int = window.BYTES,
        cache_bytes: int = objects.BYTES,
    ) -> None:
        self._backend = backend
        self._committer = committer
        self._stopped = False
        self._objects = ObjectCache(cache_bytes)
        self.window = Window(window_events, window_bytes)
        self._follower = Follower(backend, reactor, self.window, self._objects)
        self.hub = Hub(backend, reactor, self.window, self._follower)

    @property
    def revision(self) -> int:
        """
        Up to which revision the log was followed; C{0} before L{start}.
        """
        return self._follower.revision

    async def start(self) -> None:
        """
        Read the recent end of the log, and begin to follow it.

        @raise ark.storage.errors.StorageError: it cannot be read.
        """
        await self._follower.start()

    async def stop(self) -> None:
        """
        End all watches and follow no more.
        """
        self._stopped = True
        self.hub.stop()
        await self._follower.stop()

    # Writing

    async def commit(self, change: Change) -> Outcome:
        """
        Write one change, together with all others that wait.

        When this returns L{Committed}, the event has been brought to the window and to
        what L{get} answers, after all that came before it.

        @raise ark.storage.errors.StorageError: as L{Committer.commit}.
        """
        outcome = await self._committer.commit(change)
        if type(outcome) is Committed and not self._follower.offer(outcome.version):
            await self._reach(outcome.version.revision)
        return outcome

    async def _reach(self, revision: int) -> None:
        """
        Wait for what is committed already, as long as it takes.

        To fail here would tell a client that its write failed.
        """
        while not await self._follower.reach(revision):
            if self._stopped:
                return

    # Reading

    async def get(self, key: Key, minimum: int | None = None) -> Version | None:
        """
        The live version of C{key}, L{None} when there is none.

        @param minimum: L{None} for a state not older than any write acknowledged
            before; C{0} for any that is at hand; otherwise one not older than that
            revision (contract 11.1).
        @raise APIStatus: 504, C{minimum} did not come in time (contract 11.5).
        """
        follower = self._follower
        if minimum is None:
            current = follower.current.immediate()
            if current is None:
                return await self._get_shared(key)
            found = self._objects.find(key) if current <= follower.revision else UNKNOWN
        else:
            if minimum > follower.revision:
                await self.read_revision(minimum)
            found = self._objects.find(key) if minimum <= follower.revision else UNKNOWN
        if isinstance(found, Unknown):
            return await self._load(key)
        return found

    async def get_recent(self, key: Key) -> Version | None:
        """
        The same as a moment ago, which costs no question to storage: while that tells of each
        commit at once.  Otherwise the newest.
        """
        return await self.get(key, 0 if self._follower.is_told else None)

    async def _get_shared(self, key: Key) -> Version | None:
        """
        The same when only storage knows what the newest revision is.
        """
        if isinstance(self._objects.find(key), Unknown):
            return await self._load(key)
        current = await self._follower.current.read()
        # Memory may have moved on, or let go of it, while storage was asked.
        found = self._objects.find(key) if current <= self._follower.revision else UNKNOWN
        return await self._load(key) if isinstance(found, Unknown) else found

    async def _load(self, key: Key) -> Version | None:
        cache = self._objects
        cache.begin_read(key)
        found: Version | Unknown | None = UNKNOWN
        try:
            found = version = await self._backend.get(key)
        finally:
            cache.end_read(key, found)
        return version

    async def get_at(self, key: Key, revision: int | None) -> Version | None:
        """
        The live version of C{key} as of C{revision}; L{None} for now.

        @raise ark.storage.errors.Compacted: C{revision} is before the floor.
        """
        if revision is None:
            return await self.get(key)
        if revision == self._follower.revision:
            # What is live was so ever since it was written.  Of what is not, nothing is
            # known: it may be gone since a revision that was not followed yet.
            version = self._objects.peek(key)
            if version is not None and version.revision <= revision:
                return version
        return await self._backend.get(key, revision)

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        """
        As L{IStorageBackend.list}; without C{revision}, no write acknowledged before is
        missing.
        """
        return await self._backend.list(range, limit, revision)

    async def list_joined(self, range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        As L{IStorageBackend.list_joined}; see L{list}.
        """
        return await self._backend.list_joined(range, limit, revision)

    async def count(self, range: Range, revision: int | None = None) -> int:
        """
        As L{IStorageBackend.count}; see L{list}.  At once for whole resources and namespaces
        that were counted before.
        """
        if range.after is None:
            at = await self._follower.current.read() if revision is None else revision
            if await self._follower.reach(at, PATIENCE):
                counted = await self._follower.counts.count(range.resource, range.namespace, at)
                if counted is not None:
                    return counted
        return await self._backend.count(range, revision)

    async def read_revision(self, minimum: int = 0) -> int:
        """
        The newest revision of any process.

        @param minimum: wait for it when it does not exist yet.
        @raise APIStatus: 504, it did not come within 3 seconds (contract 11.5).
        """
        current = await self._follower.current.read()
        if current >= minimum:
            return current
        if await self._follower.reach(minimum, PATIENCE):
            return self._follower.revision
        if self._stopped:
            raise Unavailable("the server is shutting down")
        raise too_large_resource_version(minimum, self._follower.revision)

    async def catch_up(self) -> None:
        """
        Return when everything has been followed that was written, by any process, before
        the call; or when that takes longer than is sensible.
        """
        await self._follower.reach(await self._follower.current.read(), PATIENCE)

    # Watching

    async def watch(
        self,
        options: WatchOptions,
        open_stream: Callable[[], WatchStream],
        begun: Callable[[], None] | None = None,
    ) -> None:
        """
        Send events until the client goes, the time is up or the server stops.

        Cancelling ends the watch and frees all it holds.

        @param open_stream: called when nothing can be refused any more; what goes wrong
            later is told by an ERROR event.
        @param begun: called when all that was there at first has been sent.
        @raise APIStatus: 504, the objects are asked for as of a revision that did not
            come within 3 seconds.
        """
        if options.initial and options.after:
            await self.read_revision(options.after)
        watcher = Watcher(self.hub, options, open_stream())
        watcher.start(options, self, begun)
        # A watch may last for an hour; what it was asked by is not needed any more.
        del options, open_stream, begun
        await watcher.wait()


def too_large_resource_version(wanted: int, current: int) -> APIStatus:
    """
    504: a revision that does not exist (contract 11.5).
    """
    cause = Cause("ResourceVersionTooLarge", "Too large resource version", "")
    message = f"Too large resource version: {wanted}, current: {current}"
    return timeout(message, (cause,), retry_after=1)
