"""
Dropping old history.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ark.interfaces import IStorageBackend
from ark.storage.errors import StorageError
from ark.watch.aging import Aging

INTERVAL = 60.0
RETENTION = 600.0
EVENTS = 100_000


class Compactor:
    """
    Raises the floor of a backend as time goes by.

    What is kept: everything that became history in the last C{retention} seconds, and
    the newest C{events} versions however old they are (G6: a client that was away for
    less than either goes on where it was).  After a start nothing is dropped before
    C{retention} seconds, since nobody knows how old history is.

    @ivar floor: the revision that was last compacted to, C{0} for none.
    """

    _log = Logger()

    def __init__(
        self,
        backend: IStorageBackend,
        reactor: Any,
        *,
        interval: float = INTERVAL,
        retention: float = RETENTION,
        events: int = EVENTS,
    ) -> None:
        """
        @param interval: seconds between two looks; C{0} for never.
        """
        self.floor = 0
        self._backend = backend
        self._reactor = reactor
        self._interval = interval
        self._events = events
        self._aging = Aging(retention)
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._done: Deferred[Any] | None = None

    def start(self) -> None:
        """
        Begin to look.
        """
        if self._interval > 0:
            self._done = maybeDeferred(self._loop.start, self._interval)

    async def stop(self) -> None:
        """
        Look no more; return when a compaction that is under way has ended.
        """
        if self._loop.running:
            self._loop.stop()
        if self._done is not None:
            await self._done

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._compact())

    async def _compact(self) -> None:
        try:
            now = self._reactor.seconds()
            current = await self._backend.current_revision()
            target = min(self._aging.older(now, current), current - self._events)
            if target > self.floor:
                dropped = await self._backend.compact(target)
                self.floor = target
                self._log.debug("Dropped {dropped} versions up to {target}", dropped=dropped, target=target)
        except StorageError as error:
            self._log.warn("History was not compacted: {error}", error=error)
        except CancelledError:
            raise
        except Exception:
            self._log.failure("History was not compacted")
