"""
Copying a database into another one as it is, in steps that may end at any moment.

How far it has come is written down in the target, in the same transaction as what was
copied; whoever comes back reads it there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from ark.interfaces import IRestores, IStorageBackend
from ark.storage.copysteps import LiveReader, LogReader, Step
from ark.storage.errors import Compacted
from ark.storage.marks import CopyState, copy_state, is_same_place, moved_to

_ATTEMPTS = 8


class CopyError(Exception):
    """
    A copy cannot go on.

    @ivar cause: one sentence that says why.
    @ivar remedy: one sentence that says what to do.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy


class Database(NamedTuple):
    """
    One end of a copy.

    @ivar name: where it is, without its password.
    """

    name: str
    backend: IStorageBackend
    restores: IRestores


class Progress(Protocol):
    """
    Is told how a copy goes.
    """

    def begin(self, what: str, total: int) -> None:
        """
        Something begins that has C{total} steps.
        """

    def advance(self, steps: int) -> None:
        """
        Some of them are done.
        """

    def say(self, text: str) -> None:
        """
        Something happened.
        """


class Copier:
    """
    Brings the target to where the source is.

    @ivar state: how far the copy has come.
    @ivar revision: the counter of the target.
    """

    state: CopyState
    revision: int

    def __init__(self, source: Database, target: Database, progress: Progress) -> None:
        self.source = source
        self.target = target
        self._progress = progress
        self._attempt = 0

    async def begin(self, restart: bool = False) -> bool:
        """
        Find out where to go on, or begin.

        @param restart: begin anew, whatever was copied before.
        @return: whether there is anything to do: a move that has ended is not begun again.
        @raise CopyError: the target is not for this copy.
        """
        mark = await self.target.restores.mark()
        state = copy_state(mark)
        moved = moved_to(await self.source.restores.mark())
        if moved and not is_same_place(moved, self.target.name):
            raise CopyError(f"The source was moved to {moved}.", "Copy from there.")
        if state is None:
            if moved and not mark:
                return False
            await self._check_empty(mark)
        elif not is_same_place(state.source, self.source.name) and not restart:
            raise CopyError(
                f"The target is an unfinished copy of {state.source}.",
                "Name that source, or add --restart to begin anew.",
            )
        if state is None or restart:
            await self._start_over()
        else:
            await self.resume()
            self._progress.say(f"Going on from revision {self.revision}.")
        return True

    async def is_level(self) -> bool:
        """
        Whether the target is no unfinished copy, and is at the revision of the source.
        """
        self.revision = await self.target.backend.current_revision()
        current = await self.source.backend.current_revision()
        return self.revision == current > 1 and not await self.target.restores.mark()

    async def _check_empty(self, mark: str) -> None:
        if mark and not moved_to(mark):
            # A backend's own: it was being emptied when that was interrupted.
            return
        if mark or await self.target.backend.current_revision() > 1:
            raise CopyError(
                "The target is not empty.", "Name a database that does not exist yet, or is empty."
            )

    async def resume(self) -> None:
        """
        Believe what the target says, and nothing that was thought before.

        @raise CopyError: somebody else finished the copy.
        """
        state = copy_state(await self.target.restores.mark())
        if state is None:
            raise CopyError("The target is not being copied into any more.", "See who finished the copy.")
        self.state = state
        self.revision = await self.target.backend.current_revision()

    async def _start_over(self) -> None:
        """
        Choose the oldest revision to copy, and empty the target.

        The first choice is the floor.  When the floor rises faster than what was live there
        can be copied, each further choice leaves more of the time that history is kept for.
        """
        if self._attempt == _ATTEMPTS:
            raise CopyError(
                "The source drops history faster than it can be copied.",
                "Let its servers keep more of it with --history-retention and --history-events.",
            )
        source = self.source.backend
        current = await source.current_revision()
        floor = max(await source.compacted_revision(), 1)
        base = current - ((current - floor) >> self._attempt)
        self._attempt += 1
        self.state = CopyState(self.source.name, base)
        await self.target.restores.wipe(base if base > 1 else 0, self.state.to_mark())
        self.revision = base

    async def catch_up(self) -> None:
        """
        Copy all that the source has.

        @raise CopyError: it drops history that was not copied yet.
        """
        while True:
            try:
                if not self.state.whole:
                    await self._copy_live()
                await self._copy_log()
                return
            except Compacted:
                if self.state.following:
                    raise CopyError(
                        f"The source dropped history after revision {self.revision} that was not copied yet.",
                        "Stop the servers that read the target, and run this again with --restart.",
                    ) from None
                self._progress.say("The source dropped history that was not copied yet: beginning anew.")
                await self._start_over()

    async def _copy_live(self) -> None:
        source = self.source
        reader = LiveReader(source.backend, await source.restores.resources(), self.state)
        total = 0
        for range_ in reader.ranges():
            # As of now: of the base it would cost more, and nothing but a bar depends on it.
            total += await source.backend.count(range_)
        self._progress.begin(f"objects as of revision {self.state.base}", total)
        await self._pump(reader.read)

    async def _copy_log(self) -> None:
        behind = await self.source.backend.current_revision() - self.revision
        if behind > 0:
            if not self.state.following:
                self._progress.begin(f"versions after revision {self.revision}", behind)
            await self._pump(LogReader(self.source.backend, self.revision, self.state).read)

    async def _pump(self, read: Callable[[], Awaitable[Step | None]]) -> None:
        """
        Read a step while the one before it is written.
        """
        reading: Deferred[Step | None] = Deferred.fromCoroutine(_awaited(read))
        try:
            while True:
                step = await reading
                if step is None:
                    return
                reading = Deferred.fromCoroutine(_awaited(read))
                await self._write(step)
        finally:
            reading.addErrback(lambda _: None)
            reading.cancel()

    async def _write(self, step: Step) -> None:
        await self.target.restores.restore(step.versions, step.revision, step.state.to_mark())
        self.state, self.revision = step.state, step.revision
        if not step.state.following:
            self._progress.advance(len(step.versions))

    async def open_for_reading(self) -> None:
        """
        Let servers read the target from now on.
        """
        if not self.state.following:
            self.state = self.state._replace(following=True)
            await self.target.restores.set_mark(self.state.to_mark())


async def _awaited(read: Any) -> Any:
    return await read()
