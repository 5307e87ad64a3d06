"""
What a running server looks after from time to time: certificates, and figures that cost a query.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.config import ConfigError
from ark.interfaces import IStorageBackend, ITellsSize
from ark.meta.records import Range
from ark.storage.errors import StorageError

_log = Logger()


class Periodic(Service):
    """
    Does something again and again, whatever becomes of it.

    @param seconds: the time between two beginnings; what takes longer skips turns.
    @param at_once: begin without waiting that long.
    """

    def __init__(
        self, name: str, seconds: float, work: Callable[[], Any], reactor: Any, *, at_once: bool = False
    ) -> None:
        self.setName(name)  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._seconds = seconds
        self._work = work
        self._at_once = at_once
        self._loop = LoopingCall(self._once)
        self._loop.clock = reactor
        self._running: Deferred[Any] | None = None

    def startService(self) -> None:
        """
        Begin.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._loop.start(self._seconds, now=self._at_once)

    def stopService(self) -> Deferred[Any] | None:
        """
        End.

        @return: fires when what is under way has ended too.
        """
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        if self._loop.running:
            self._loop.stop()
        return self._running

    def _once(self) -> Deferred[Any]:
        done: Deferred[Any] = maybeDeferred(self._work)
        done.addErrback(self._failed)
        self._running = done
        return done

    def _failed(self, failure: Failure) -> None:
        if failure.check(StorageError) is None:  # type: ignore[no-untyped-call]  # Twisted's, without types
            _log.failure("{name} failed", failure, name=self.name)
        else:
            # What is away comes back, and there is a next time.
            _log.warn("{name} failed: {error}", name=self.name, error=failure.value)


class Pulse(Service):
    """
    Sees how late the reactor is: what keeps it for long keeps all requests waiting.

    @param observe: is told the seconds of each beat's lateness.
    """

    EVERY = 0.1

    def __init__(self, observe: Callable[[float], None], reactor: Any) -> None:
        self.setName("pulse")  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._observe = observe
        self._reactor = reactor
        self._next: Any = None

    def startService(self) -> None:
        """
        Begin.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._expect()

    def stopService(self) -> None:
        """
        End.
        """
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _expect(self) -> None:
        self._next = self._reactor.callLater(self.EVERY, self._beat, self._reactor.seconds() + self.EVERY)

    def _beat(self, due: float) -> None:
        self._observe(max(self._reactor.seconds() - due, 0.0))
        self._expect()


class FileWatch:
    """
    Tells whether files have changed since it was last asked.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._seen = self._look()

    def changed(self) -> bool:
        """
        Whether any file is another one, or has other content, than at the last call.
        """
        now = self._look()
        before, self._seen = self._seen, now
        return now != before

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_look_at(path) for path in self._paths]


def _look_at(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class FileReader:
    """
    Reads files again when they are others, and again and again for as long as they cannot be used:
    whoever replaces several of them needs a moment, and may never touch them again after that.

    @param what: what the files are, for the log.
    @param read: takes what is in them, or nothing of it.
    @ivar refused: why they cannot be used, so that what was read before is; empty when they are.
    """

    def __init__(self, what: str, paths: Iterable[str], read: Callable[[], None]) -> None:
        self._what = what
        self._files = FileWatch(paths)
        self._read = read
        self.refused = ""

    def look(self) -> None:
        """
        Read them, if that is to be done.
        """
        changed = self._files.changed()
        if (changed or self.refused) and self.attempt(self._read):
            _log.info("{what} were read again", what=self._what)

    def attempt(self, work: Callable[[], None]) -> bool:
        """
        Do something that needs them.

        @return: whether it could be done.  Why it could not is said in the log, once.
        """
        try:
            work()
        except (ConfigError, OSError, ValueError) as error:
            if str(error) != self.refused:
                _log.error("{what} are not taken; those before count: {why}", what=self._what, why=error)
            self.refused = str(error) or type(error).__name__
            return False
        self.refused = ""
        return True


class StoredObjects:
    """
    How many objects there are of each resource, as of the last count.

    @ivar floor: the oldest revision that could be read then.
    @ivar size: how many bytes the database took, L{None} where it does not tell.
    """

    def __init__(
        self,
        backend: IStorageBackend,
        count: Callable[[Range], Awaitable[int]],
        resources: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        """
        @param count: counts the objects of a range.
        @param resources: tells group and plural of each.
        """
        self._backend = backend
        self._count = count
        self._resources = resources
        self._counts: dict[tuple[str, str], float] = {}
        self.floor = 0
        self.size: int | None = None

    async def count(self) -> None:
        """
        Count them.
        """
        counts: dict[tuple[str, str], float] = {}
        for group, plural in self._resources():
            resource = f"{plural}.{group}" if group else plural
            counts[group, plural] = await self._count(Range(resource))
        self._counts = counts
        self.floor = await self._backend.compacted_revision()
        if ITellsSize.providedBy(self._backend):
            self.size = await ITellsSize(self._backend).size()

    def of(self, group: str, plural: str) -> float:
        """
        How many there were of one resource; 0 where it was not counted.
        """
        return self._counts.get((group, plural), 0)

    def by_group(self) -> dict[tuple[str, ...], float]:
        """
        By group and resource.
        """
        return {(group, plural): count for (group, plural), count in self._counts.items()}

    def by_resource(self) -> dict[tuple[str, ...], float]:
        """
        By the older form of a name, C{resource.group}.
        """
        return {
            (f"{plural}.{group}" if group else plural,): count
            for (group, plural), count in self._counts.items()
        }
