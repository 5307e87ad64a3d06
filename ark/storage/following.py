"""
Moving a database that is being written: follow it, then cut over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ark.interfaces import IChangeFeed
from ark.storage.copying import Copier, CopyError, Progress
from ark.storage.errors import Compacted, OutcomeUnknown, StorageError, Unavailable
from ark.storage.marks import is_same_place, moved_mark, moved_to
from ark.storage.verifying import Digest, compare, compare_log

#: How long after a write it is copied at the latest.
POLL = 0.2
_RETRY = 1.0
#: With no more than this left to copy or to compare, writes may be held.
_CLOSE = 500
_ROUNDS = 100


class Follower:
    """
    Keeps a copy up to its source until somebody wants to cut over.
    """

    def __init__(self, copier: Copier, progress: Progress, reactor: Any) -> None:
        self._copier = copier
        self._progress = progress
        self._reactor = reactor
        self._wanted = False
        self._woken = False
        self._waiting: Deferred[None] | None = None

    def cut_over_now(self) -> None:
        """
        Stop following as soon as it can be done.
        """
        self._wanted = True
        self._wake()

    def _wake(self) -> None:
        self._woken = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def _wait(self, seconds: float) -> None:
        if not self._woken:
            waiting: Deferred[None] = Deferred()
            self._waiting = waiting
            call = self._reactor.callLater(seconds, self._wake)
            try:
                await waiting
            finally:
                self._waiting = None
                if call.active():
                    call.cancel()
        self._woken = False

    async def follow(self) -> None:
        """
        Copy what is written until L{cut_over_now} is called.

        @raise CopyError: it cannot go on.
        """
        copier = self._copier
        await copier.catch_up()
        await copier.open_for_reading()
        self._progress.say(f"The target has revision {copier.revision} and follows.")
        leave = self._subscribe()
        try:
            while not self._wanted:
                await self._step()
        finally:
            leave()

    def _subscribe(self) -> Callable[[], None]:
        source = self._copier.source.backend
        if IChangeFeed.providedBy(source):
            return IChangeFeed(source).subscribe(self._wake)
        return lambda: None

    async def _step(self) -> None:
        copier = self._copier
        try:
            await copier.catch_up()
            await self._wait(POLL)
        except (Unavailable, OutcomeUnknown) as error:
            self._progress.say(f"{error}; trying again")
            self._woken = False
            await self._wait(_RETRY)
            await self._resume()

    async def _resume(self) -> None:
        try:
            await self._copier.resume()
        except StorageError:
            # It is tried again when the next step fails, and nothing was written meanwhile.
            return

    async def cut_over(self) -> tuple[dict[str, Digest], float]:
        """
        Compare, hold the writes of the source, copy and compare what is left, and let the
        target be written.

        @return: what was compared, and for how many seconds nothing could be written.
        @raise CopyError: the databases differ; the source can be written again.
        """
        copier = self._copier
        verified = copier.revision
        digests = await compare(copier.source, copier.target, verified, self._progress)
        verified = await self._draw_near(verified)
        began = self._reactor.seconds()
        await copier.source.restores.set_mark(moved_mark(copier.target.name))
        try:
            await self._finish(verified)
        except BaseException:
            await copier.source.restores.set_mark("")
            raise
        # If the answer to this is lost, the source stays held: the target may have writes.
        await copier.target.restores.set_mark("")
        return digests, self._reactor.seconds() - began

    async def _draw_near(self, verified: int) -> int:
        """
        Go on until there is little left, to copy and to compare.
        """
        copier = self._copier
        for _ in range(_ROUNDS):
            await copier.catch_up()
            if copier.revision - verified <= _CLOSE:
                break
            await self._compare_log(verified)
            verified = copier.revision
        return verified

    async def _compare_log(self, after: int) -> None:
        copier = self._copier
        try:
            await compare_log(copier.source, copier.target, after, copier.revision, self._progress)
        except Compacted:
            raise CopyError(
                "The source drops history faster than it can be compared.",
                "Let its servers keep more of it with --history-retention and --history-events.",
            ) from None

    async def _finish(self, verified: int) -> None:
        copier = self._copier
        await copier.catch_up()
        last = await copier.source.backend.current_revision()
        if copier.revision != last:
            raise CopyError(
                f"The source is at revision {last}, but its log ends at {copier.revision}.",
                "Nothing was changed. Run this again.",
            )
        await self._compare_log(verified)


async def is_held(copier: Copier) -> bool:
    """
    Whether a cut-over has begun already.
    """
    return is_same_place(moved_to(await copier.source.restores.mark()), copier.target.name)
