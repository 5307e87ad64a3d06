"""
Asking a cluster for its judgement: C{TokenReview} and C{SubjectAccessReview}.

Follows C{WithExponentialBackoff} in C{k8s.io/apiserver/pkg/util/webhook}.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ark.cluster.errors import Unreachable
from ark.cluster.waiting import Waiting
from ark.interfaces import ICluster
from ark.meta.status import APIStatus

Judgement = TypeVar("Judgement")

_ATTEMPTS = 5
_FIRST_DELAY = 0.5
_FACTOR = 1.5
_JITTER = 0.2
_DEADLINE = 10.0
_AT_ONCE = 200
_ERROR = "<error>"
_AGAIN = frozenset(("InternalError", "Timeout", "TooManyRequests", "ServerTimeout"))


class Reviewer:
    """
    Creates reviews of one kind, several times when it has to.

    Up to five attempts are made, half a second apart and then half as much more each time,
    as long as the cluster cannot be reached or says that it may do better later.  All of them
    together take no longer than ten seconds.  No more than two hundred reviews are under way at
    once; others wait their turn, so that a flood of requests here is none in the cluster.

    @ivar requests: how often the cluster was asked, by the code of its answer;
        C{<error>} where there was none.
    """

    def __init__(
        self,
        cluster: ICluster,
        reactor: Any,
        group: str,
        kind: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        @param reactor: C{IReactorTime}.
        @param chance: a number from 0 to 1, another one each time.
        """
        self._cluster = cluster
        self._reactor = reactor
        self._api_version = f"{group}/v1"
        self._kind = kind
        self._path = f"/apis/{group}/v1/{kind.lower()}s"
        self._chance = chance
        self._room = _Room(_AT_ONCE)
        self.requests: Counter[str] = Counter()

    async def review(self, spec: dict[str, Any]) -> dict[str, Any]:
        """
        The C{status} of a review of C{spec}.

        @raise APIStatus: the cluster refused to judge.
        @raise Unreachable: it gave no answer, or none that makes sense.
        """
        body = {"apiVersion": self._api_version, "kind": self._kind, "spec": spec}
        end = self._reactor.seconds() + _DEADLINE
        await self._enter()
        try:
            return await self._attempt(body, end)
        finally:
            self._room.release()

    async def _enter(self) -> None:
        entered = self._room.acquire()
        if not entered.called:
            entered.addTimeout(_DEADLINE, self._reactor)
        try:
            await entered
        except TimeoutError:
            raise Unreachable("too many reviews wait for their answers") from None

    async def _attempt(self, body: dict[str, Any], end: float) -> dict[str, Any]:
        delay, left = _FIRST_DELAY, _ATTEMPTS
        while True:
            left -= 1
            try:
                return await self._ask(body, end)
            except (APIStatus, Unreachable) as error:
                pause = delay * (1 + _JITTER * self._chance())
                late = self._reactor.seconds() + pause >= end
                if late or not left or not _may_pass(error):
                    raise
            await deferLater(self._reactor, pause, _nothing)
            delay *= _FACTOR

    async def _ask(self, body: dict[str, Any], end: float) -> dict[str, Any]:
        timeout = end - self._reactor.seconds()
        if timeout <= 0:
            raise Unreachable(f"there is no time left for a {self._kind}")
        try:
            answer = await self._cluster.request("POST", self._path, body, timeout=timeout)
        except APIStatus as status:
            self.requests[str(status.code)] += 1
            raise
        except Unreachable:
            self.requests[_ERROR] += 1
            raise
        judgement = answer.get("status")
        if not isinstance(judgement, dict):
            self.requests[_ERROR] += 1
            raise Unreachable(f"the answer to a {self._kind} has no status")
        self.requests["201"] += 1
        return judgement


class _Room(DeferredSemaphore):
    """
    Lets in one after the other, also those who leave at once: each would let in the next from within its own
    leaving, until the stack ends and those behind wait for ever.
    """

    _left = 0

    def release(self) -> None:
        """
        Leave it.
        """
        self._left += 1
        if self._left > 1:
            # Whoever let this one in goes on with the next.
            return
        while self._left:
            super().release()
            self._left -= 1


def _nothing() -> None:
    pass


def _may_pass(error: Exception) -> bool:
    if isinstance(error, APIStatus):
        return error.reason in _AGAIN or bool(error.retry_after)
    return True


class Shared(Generic[Judgement]):
    """
    Questions that several ask at once, put only once.
    """

    def __init__(self) -> None:
        self._asked: dict[Hashable, _Question[Judgement]] = {}

    async def of(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, Judgement]]) -> Judgement:
        """
        The answer to a question, which is C{ask}'s unless the same one is waited for already.

        Who is cancelled does not disturb the others; when nobody waits any more, C{ask} is
        cancelled.
        """
        question = self._asked.get(key)
        if question is None:
            question = self._asked[key] = _Question(lambda: self._asked.pop(key, None))
            question.begin(ask())
        return await question.answer()


class _Question(Generic[Judgement]):
    """
    One question and who waits for its answer.
    """

    def __init__(self, done: Callable[[], object]) -> None:
        self._done = done
        self._waiting: Waiting[Judgement] = Waiting(self._abandoned)
        self._asking: Deferred[Judgement] | None = None
        self._outcome: Any = None
        self._is_over = False

    def begin(self, asking: Coroutine[Any, Any, Judgement]) -> None:
        """
        Ask.
        """
        self._asking = Deferred.fromCoroutine(asking)
        self._asking.addBoth(self._finish)

    def answer(self) -> Deferred[Judgement]:
        """
        Fires with the answer.
        """
        waiter = self._waiting.wait()
        if self._is_over:
            self._waiting.tell(self._outcome)
        return waiter

    def _abandoned(self) -> None:
        if self._asking is not None:
            self._done()
            self._asking.cancel()

    def _finish(self, outcome: Judgement | Failure) -> None:
        self._is_over = True
        self._outcome = outcome
        self._done()
        self._waiting.tell(outcome)
