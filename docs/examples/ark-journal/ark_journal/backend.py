"""
The backend: what is committed goes to the journal first, then into memory.

The journal has the calls that change what is in memory, and reading it is making them
again: they have the same outcomes each time.  Reads are those of the server's own backend
that keeps everything in memory.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

from ark.meta.records import Body, Change, Key, Outcome, Range, Version
from ark.storage.errors import OutcomeUnknown, StorageFull, Unavailable, UnusableDatabase
from ark.storage.memory import MemoryBackend
from ark.storage.shielding import shielded
from ark_journal.journal import Journal

_ALL = sys.maxsize


class JournalBackend(MemoryBackend):
    """
    One server's storage.

    @param slack: how many calls the journal may have before compaction makes it anew.
    """

    def __init__(self, path: str, reactor: Any, slack: int = 100_000) -> None:
        super().__init__(reactor)
        self._reactor = reactor
        self._journal = Journal(path)
        self._slack = slack
        self._lock = DeferredLock()
        self._broken = ""

    def __conform__(self, interface: Any) -> Any:
        """
        Not to C{IRestores}, as memory is: the journal would not know of it.
        """
        return None

    async def start(self) -> None:
        for call, *given in await self._in_thread(self._journal.open):
            if call == "commit":
                await super().commit([_change(fields) for fields in given[0]])
            elif call == "compact":
                await super().compact(given[0])
            else:
                floor, revision, versions = given
                self.reset(floor)
                self.put_back([_version(fields) for fields in versions], revision)

    def _in_thread(self, work: Callable[..., Any], *given: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *given)

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        outcomes: Sequence[Outcome] = await self._in_turn(self._commit(changes))
        return outcomes

    async def _in_turn(self, work: Coroutine[Any, Any, Any]) -> Any:
        # Done to its end even if whoever waits for it is cancelled.
        async def alone() -> Any:
            async with self._lock:
                return await work

        return await shielded(Deferred.fromCoroutine(alone()))

    async def _commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if changes:
            await self._write_down(["commit", [_change_fields(change) for change in changes]])
        return await super().commit(changes)

    async def _write_down(self, record: Any) -> None:
        await self.ready()
        try:
            await self._in_thread(self._journal.append, record)
        except OSError as error:
            try:
                await self._in_thread(self._journal.take_back)
            except OSError:
                # Only a new start, which reads what there is, can tell.
                self._broken = f"the journal could not be written: {error}"
                raise OutcomeUnknown(self._broken) from error
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("the disk is full") from error
            raise Unavailable(f"the journal cannot be written: {error}") from error

    async def compact(self, revision: int) -> int:
        dropped: int = await self._in_turn(self._compact(revision))
        return dropped

    async def _compact(self, revision: int) -> int:
        floor = min(revision, await self.current_revision())
        await self._write_down(["compact", floor])
        dropped = await super().compact(floor)
        if self._journal.records > self._slack:
            await self._in_thread(self._journal.replace, await self._snapshot())
        return dropped

    async def _snapshot(self) -> list[Any]:
        # What was live at the floor, and the log above it.
        floor, revision = await self.compacted_revision(), await self.current_revision()
        kept: list[Version] = []
        for resource in self.resources():
            kept += (await self.list(Range(resource), _ALL, floor)).versions
        kept += [event.version for event in (await self.events(max(floor, 1), revision)).events]
        kept.sort(key=lambda version: version.revision)
        return ["restore", floor, revision, [_version_fields(version) for version in kept]]

    async def ready(self) -> None:
        await super().ready()
        if self._broken:
            raise Unavailable(self._broken)

    async def close(self) -> None:
        async with self._lock:
            if not self._closed:
                self._journal.close()
            await super().close()


def _change_fields(change: Change) -> list[Any]:
    key, expected, event, body, labels, uid = change
    return [*key, expected, event, body.head.decode(), body.tail.decode(), labels.decode(), uid]


def _change(fields: Sequence[Any]) -> Change:
    *key, expected, event, head, tail, labels, uid = fields
    return Change(Key(*key), expected, event, Body(head.encode(), tail.encode()), labels.encode(), uid)


def _version_fields(version: Version) -> list[Any]:
    key, revision, event, body, labels, uid, previous = version
    return [*key, revision, event, body.decode(), labels.decode(), uid, previous]


def _version(fields: Sequence[Any]) -> Version:
    *key, revision, event, body, labels, uid, previous = fields
    return Version(Key(*key), revision, event, body.encode(), labels.encode(), uid, previous)


async def open_backend(config: Mapping[str, Any], reactor: Any) -> JournalBackend:
    """
    Open the journal at C{config["db_path"]}.

    @raise UnusableDatabase: it cannot be.
    """
    if int(config.get("workers") or 1) > 1:
        raise UnusableDatabase("processes cannot share a journal", "Use --workers=1.")
    backend = JournalBackend(config["db_path"], reactor)
    await backend.start()
    return backend
