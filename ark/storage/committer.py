"""
Group commit: many requests' changes in one transaction.

While a batch commits, the next one fills.  There are no timers: a change that finds the
committer idle leaves at the end of the same reactor turn, together with all that were
read from the network in that turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred

from ark.interfaces import IStorageBackend
from ark.meta.records import DELETED, Change, Committed, Outcome
from ark.storage.errors import StorageError, StorageFull, Unavailable

MAX_CHANGES = 512
MAX_BYTES = 8 * 1024 * 1024

_Waiter = tuple[Change, "Deferred[Outcome]"]


class Committer:
    """
    Queues changes and writes them in batches, one batch at a time, in the order given.

    @param on_batch: called with the number of changes and the seconds of each batch.
    @ivar waiting: how many changes wait for a batch to take them.
    @ivar full: whether storage had no room when it was last to write more than deletions.
    """

    def __init__(
        self,
        backend: IStorageBackend,
        reactor: Any,
        *,
        max_changes: int = MAX_CHANGES,
        max_bytes: int = MAX_BYTES,
        on_batch: Callable[[int, float], None] | None = None,
    ) -> None:
        self._backend = backend
        self._reactor = reactor
        self._max_changes = max_changes
        self._max_bytes = max_bytes
        self._on_batch = on_batch
        self._queue: deque[_Waiter] = deque()
        self._running = False
        self._stopped = False
        self._idle: list[Deferred[None]] = []
        self.full = False

    @property
    def waiting(self) -> int:
        """
        How many changes no batch has taken yet.
        """
        return len(self._queue)

    async def commit(self, change: Change) -> Outcome:
        """
        Write one change and return when it is durable, or was found not to match.

        Cancelling takes the change back only while no batch has taken it.

        @raise StorageError: as L{IStorageBackend.commit}; L{Unavailable} after L{stop}.
        """
        if self._stopped:
            raise Unavailable("the server is shutting down")
        done: Deferred[Outcome] = Deferred()
        self._queue.append((change, done))
        if not self._running:
            self._running = True
            self._reactor.callLater(0, self._start)
        return await done

    async def stop(self) -> None:
        """
        Take no more changes, and return when all that were taken are answered.
        """
        self._stopped = True
        if self._running:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle

    def _start(self) -> None:
        Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        batch, pending = self._leave()
        while batch:
            outcomes = await pending
            # The next batch leaves first: the disk works while the clients are told.
            following, pending = self._leave()
            _answer(batch, outcomes)
            if not following:
                following, pending = self._leave()
            batch = following
        self._running = False
        idle, self._idle = self._idle, []
        for waiter in idle:
            waiter.callback(None)

    def _leave(self) -> tuple[list[_Waiter], Deferred[Sequence[Outcome | Exception]]]:
        batch = self._take()
        if not batch:
            return batch, Deferred()
        return batch, Deferred.fromCoroutine(self._timed([change for change, _ in batch]))

    async def _timed(self, changes: list[Change]) -> Sequence[Outcome | Exception]:
        began = perf_counter()
        outcomes = await self._write(changes)
        if self._on_batch is not None:
            self._on_batch(len(changes), perf_counter() - began)
        return outcomes

    def _take(self) -> list[_Waiter]:
        batch: list[_Waiter] = []
        size = 0
        queue = self._queue
        while queue and len(batch) < self._max_changes:
            change, done = queue[0]
            size += len(change.body.head) + len(change.body.tail)
            if batch and size > self._max_bytes:
                break
            queue.popleft()
            if not done.called:
                batch.append((change, done))
        return batch

    async def _write(self, changes: list[Change]) -> Sequence[Outcome | Exception]:
        try:
            outcomes = await self._backend.commit(changes)
            if self.full:
                self.full = not any(
                    isinstance(outcome, Committed) and outcome.version.event != DELETED
                    for outcome in outcomes
                )
            return outcomes
        except StorageFull as full:
            self.full = True
            return await self._write_deletions(changes, full)
        except Exception as error:
            return [error] * len(changes)

    async def _write_deletions(
        self, changes: list[Change], full: StorageFull
    ) -> Sequence[Outcome | Exception]:
        """
        A full store may take deletions when they come alone: it has given up its ballast for them.
        """
        deletions = [change for change in changes if change.event == DELETED]
        if not deletions:
            return [full] * len(changes)
        try:
            outcomes = iter(await self._backend.commit(deletions))
        except StorageError as error:
            return [error] * len(changes)
        return [next(outcomes) if change.event == DELETED else full for change in changes]


def _answer(batch: Sequence[_Waiter], outcomes: Sequence[Outcome | Exception]) -> None:
    for (_, done), outcome in zip(batch, outcomes):
        if done.called:
            continue
        if isinstance(outcome, Exception):
            done.errback(outcome)
        else:
            done.callback(outcome)
