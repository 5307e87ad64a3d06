"""
Things to be done, each once however often it is asked for, and again later when they fail.

Follows what C{k8s.io/client-go/util/workqueue} promises to its users.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Hashable
from itertools import count
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

FIRST_RETRY = 0.005
LAST_RETRY = 1000.0
WORKERS = 20
"""How many things are done at the same time (C{ConcurrentGCSyncs} of kube-controller-manager)."""

_TURN = 50
"""How many things are begun in a turn of the reactor: others want theirs."""

_log = Logger()

Item = TypeVar("Item", bound=Hashable)


class WorkQueue(Generic[Item]):
    """
    Calls C{work} with each thing that was added, never twice at a time with the same one.

    What is added while it is being done is done once more afterwards.  Where C{work}
    answers true or fails it is tried again, after twice the time of the last attempt.

    @param name: for the log.
    @param work: does it, and tells whether it must be tried again.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Item], Awaitable[bool]],
        reactor: Any,
        *,
        workers: int = WORKERS,
    ) -> None:
        self._name = name
        self._work = work
        self._reactor = reactor
        self._workers = workers
        self._ready: dict[Item, None] = {}
        self._running: dict[Item, Deferred[bool]] = {}
        self._again: set[Item] = set()
        self._attempts: dict[Item, int] = {}
        self._due: dict[Item, float] = {}
        self._heap: list[tuple[float, int, Item]] = []
        self._order = count()
        self._call: Any = None
        self._started = False

    def __len__(self) -> int:
        return len(self._ready) + len(self._running) + len(self._due)

    def start(self) -> None:
        """
        Begin; what was added before waits until then.
        """
        self._started = True
        self._schedule()

    def stop(self) -> None:
        """
        Break off what is being done, and forget the rest.
        """
        self._started = False
        self._ready.clear()
        self._again.clear()
        self._attempts.clear()
        self._due.clear()
        self._heap.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        for running in list(self._running.values()):
            running.cancel()

    def add(self, item: Item) -> None:
        """
        Let C{item} be done soon.
        """
        if item in self._running:
            self._again.add(item)
            return
        self._due.pop(item, None)
        self._ready[item] = None
        self._schedule()

    def retry_all(self) -> None:
        """
        Wait no longer with what has failed: something has changed.
        """
        self._attempts.clear()
        for item in list(self._due):
            self.add(item)

    def _add_later(self, item: Item) -> None:
        if item in self._ready or item in self._due:
            return
        attempt = self._attempts.get(item, 0)
        self._attempts[item] = attempt + 1
        # Beyond that many doublings it is the longest wait anyhow.
        due = self._reactor.seconds() + min(FIRST_RETRY * 2 ** min(attempt, 40), LAST_RETRY)
        self._due[item] = due
        heapq.heappush(self._heap, (due, next(self._order), item))

    def _schedule(self) -> None:
        if not self._started:
            return
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        now = self._reactor.seconds()
        if self._ready and len(self._running) < self._workers:
            when = now
        elif self._heap:
            when = max(now, self._heap[0][0])
        else:
            return
        if self._call is not None:
            if self._call.getTime() <= when:
                return
            self._call.cancel()
        self._call = self._reactor.callLater(when - now, self._turn)

    def _turn(self) -> None:
        self._call = None
        now = self._reactor.seconds()
        while self._heap and self._heap[0][0] <= now:
            due, _, item = heapq.heappop(self._heap)
            if self._due.get(item) == due:
                del self._due[item]
                self._ready[item] = None
        for _ in range(_TURN):
            if not self._ready or len(self._running) >= self._workers:
                break
            item = next(iter(self._ready))
            del self._ready[item]
            self._begin(item)
        self._schedule()

    def _begin(self, item: Item) -> None:
        running = Deferred.fromCoroutine(self._do(item))
        if not running.called:
            self._running[item] = running
        running.addBoth(self._done, item)

    async def _do(self, item: Item) -> bool:
        try:
            return await self._work(item)
        except CancelledError:
            raise
        except Exception as error:
            _log.warn("{name}: {item} will be tried again: {error}", name=self._name, item=item, error=error)
            return True

    def _done(self, result: Any, item: Item) -> None:
        self._running.pop(item, None)
        if not self._started:
            return
        if result is True:
            self._add_later(item)
        else:
            self._attempts.pop(item, None)
        if item in self._again:
            self._again.discard(item)
            self.add(item)
        self._schedule()
