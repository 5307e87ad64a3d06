"""
Asking for the newest revision, and waiting for one.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred

from ark.interfaces import IStorageBackend


class CurrentRevision:
    """
    The newest revision of a backend, asked for as seldom as is correct.

    An answer serves only those who wanted it before it was asked for: a commit that was
    acknowledged before a read began is never missed by that read.
    """

    def __init__(self, backend: IStorageBackend, reactor: Any) -> None:
        self._backend = backend
        self._reactor = reactor
        self._suspends = False
        self._waiting: list[Deferred[int]] = []
        self._asking = False

    async def probe(self) -> int:
        """
        The revision; and find out whether the backend knows it without suspending.
        """
        answer = Deferred.fromCoroutine(self._backend.current_revision())
        self._suspends = not answer.called
        revision: int = await answer
        return revision

    def immediate(self) -> int | None:
        """
        The revision, if the backend knows it without suspending; L{None} if one must
        L{read} it.

        @raise ark.storage.errors.StorageError: the backend cannot tell.
        """
        if self._suspends:
            return None
        work = self._backend.current_revision()
        try:
            work.send(None)
        except StopIteration as done:
            return int(done.value)
        work.close()
        self._suspends = True
        return None

    async def read(self) -> int:
        """
        The revision.  Calls of one reactor turn share one question; while it is under
        way the next one gathers.

        @raise ark.storage.errors.StorageError: the backend cannot tell.
        """
        known = self.immediate()
        if known is not None:
            return known
        answer: Deferred[int] = Deferred()
        self._waiting.append(answer)
        if not self._asking:
            self._asking = True
            self._reactor.callLater(0, self._start)
        return await answer

    def _start(self) -> None:
        Deferred.fromCoroutine(self._ask())

    async def _ask(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                revision = await self._backend.current_revision()
            except Exception as error:
                _answer(waiting, error)
            else:
                _answer(waiting, revision)
        self._asking = False


def _answer(waiting: list[Deferred[int]], result: int | Exception) -> None:
    for deferred in waiting:
        if deferred.called:
            continue
        if isinstance(result, Exception):
            deferred.errback(result)
        else:
            deferred.callback(result)


class RevisionWaiters:
    """
    Those who wait until a revision is reached.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._heap: list[tuple[int, int, Deferred[bool]]] = []
        self._order = count()

    def reached(self, revision: int) -> None:
        """
        Everything up to C{revision} is here.
        """
        heap = self._heap
        while heap and heap[0][0] <= revision:
            _, _, deferred = heappop(heap)
            if not deferred.called:
                deferred.callback(True)

    async def wait(self, revision: int, seconds: float) -> bool:
        """
        Wait for C{revision}, but no longer than C{seconds}.

        @return: whether it was reached.
        """
        deferred: Deferred[bool] = Deferred()
        entry = (revision, next(self._order), deferred)
        heappush(self._heap, entry)
        patience = self._reactor.callLater(seconds, deferred.callback, False)
        reached = False
        try:
            reached = await deferred
        finally:
            if patience.active():
                patience.cancel()
            if not reached and entry in self._heap:
                self._heap.remove(entry)
                heapify(self._heap)
        return reached

    def stop(self) -> None:
        """
        Nothing more will be reached.
        """
        heap, self._heap = self._heap, []
        for _, _, deferred in heap:
            if not deferred.called:
                deferred.callback(False)
