"""
Bringing a database to what a cluster has of a group's objects.

Each object keeps its uid, its times, its generation, its owners and its managed fields; only its
resourceVersion is new.  How far it has come is written down in the database, as of a copy of another database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from ark.interfaces import ICluster
from ark.meta.records import ADDED, DELETED, MODIFIED, Key, Version
from ark.meta.status import APIStatus
from ark.moving.objects import PAGE, Collection, count, digest, expired, kept, list_page, pages
from ark.registry.codec import Object
from ark.storage.copying import CopyError, Database, Progress
from ark.storage.marks import CopyState, copy_state, moved_to

HEAD_START = 100_000_000
"""
How far the first revision of the database is ahead of the cluster's.

Whoever comes with a resourceVersion of the cluster has to find that it is too old, and not
that it is another's: kube-apiserver's database goes on counting while the objects are moved.
"""

_PASSES = 5
_ATTEMPTS = 5


class Tally(NamedTuple):
    """
    What one pass found.

    @ivar objects: how many the cluster has.
    @ivar changed: how many of the database were not so.
    """

    objects: int = 0
    changed: int = 0

    def plus(self, other: Tally) -> Tally:
        """
        Both together.
        """
        return Tally(self.objects + other.objects, self.changed + other.changed)


class _Known(NamedTuple):
    revision: int
    digest: bytes


class _Batch:
    """
    Versions that are written in one transaction.
    """

    def __init__(self, collection: Collection, known: dict[Key, _Known], revision: int) -> None:
        self._collection = collection
        self._known = known
        self.revision = revision
        self.versions: list[Version] = []

    def take(self, obj: Object) -> None:
        """
        An object that the cluster has.
        """
        key, found = self._collection.key_of(obj), digest(obj)
        known = self._known.get(key)
        if known is not None and known.digest == found:
            return
        event = ADDED if known is None else MODIFIED
        self._add(obj, event, known.revision if known else 0)
        self._known[key] = _Known(self.revision, found)

    def drop(self, version: Version) -> None:
        """
        An object that the cluster has no more.
        """
        self._add(orjson.loads(version.body), DELETED, version.revision)
        del self._known[version.key]

    def _add(self, obj: Object, event: str, previous: int) -> None:
        self.revision += 1
        self.versions.append(self._collection.version_of(obj, self.revision, event, previous))


class Importer:
    """
    @param source: what to call the cluster in the database's mark.
    @ivar revision: the counter of the database.
    """

    revision: int
    _state: CopyState

    def __init__(
        self,
        cluster: ICluster,
        source: str,
        target: Database,
        collections: Sequence[Collection],
        progress: Progress,
    ) -> None:
        self._cluster = cluster
        self._source = source
        self._target = target
        self._collections = collections
        self._progress = progress

    async def begin(self, restart: bool = False) -> None:
        """
        Find out where to go on, or begin.

        @param restart: begin anew, whatever was imported before.
        @raise CopyError: the database is not for this.
        """
        mark = await self._target.restores.mark()
        state = copy_state(mark)
        if state is None and not await self._is_empty(mark):
            raise CopyError("The database is not empty.", "Name one that does not exist yet, or is empty.")
        if state is not None and state.source != self._source and not restart:
            raise CopyError(
                f"The database is an unfinished copy of {state.source}.",
                "Import from there, or add --restart to begin anew.",
            )
        if state is None or restart:
            await self._start_over()
        else:
            self._state = state
            self.revision = await self._target.backend.current_revision()
            self._progress.say(f"Going on from revision {self.revision}.")

    async def _is_empty(self, mark: str) -> bool:
        return not moved_to(mark) and (bool(mark) or await self._target.backend.current_revision() <= 1)

    async def _start_over(self) -> None:
        page = await list_page(self._cluster, self._collections[0], limit=1)
        floor = page.revision + HEAD_START
        self._state = CopyState(self._source, floor)
        await self._target.restores.wipe(floor, self._state.to_mark())
        self.revision = floor

    async def copy(self) -> Tally:
        """
        Copy until the database has what the cluster has: the last pass found nothing to do.

        @raise CopyError: the objects are still written to.
        """
        for number in range(_PASSES):
            tally = Tally()
            what = "objects to compare" if number else "objects to copy"
            self._progress.begin(what, sum([await count(self._cluster, each) for each in self._collections]))
            for collection in self._collections:
                tally = tally.plus(await self._bring(collection))
            if not tally.changed:
                return tally
        raise CopyError(
            "The objects are written to while they are copied.",
            "Stop the controllers that write them, or let the command keep them from it (without --no-hold).",
        )

    async def finish(self) -> None:
        """
        Let servers serve the database.
        """
        await self._target.restores.set_mark("")

    async def _bring(self, collection: Collection) -> Tally:
        for _ in range(_ATTEMPTS):
            try:
                return await self._bring_once(collection)
            except APIStatus as status:
                # The cluster dropped the history that a list needs which takes long.
                if not expired(status):
                    raise
        raise CopyError(
            f"The cluster cannot list {collection.resource} in the time that it keeps history for.",
            "Try again when it has less to do.",
        )

    async def _bring_once(self, collection: Collection) -> Tally:
        known = await self._known(collection)
        seen: set[Key] = set()
        objects = changed = 0
        async for page in pages(self._cluster, collection):
            batch = _Batch(collection, known, self.revision)
            for obj in page.items:
                batch.take(obj)
                seen.add(collection.key_of(obj))
            await self._write(batch)
            objects += len(page.items)
            changed += len(batch.versions)
            self._progress.advance(len(page.items))
        for gone in _some(sorted(known.keys() - seen), PAGE):
            changed += await self._drop(collection, known, gone)
        return Tally(objects, changed)

    async def _drop(self, collection: Collection, known: dict[Key, _Known], keys: Sequence[Key]) -> int:
        batch = _Batch(collection, known, self.revision)
        for key in keys:
            version = await self._target.backend.get(key)
            if version is not None:
                batch.drop(version)
        await self._write(batch)
        return len(batch.versions)

    async def _known(self, collection: Collection) -> dict[Key, _Known]:
        """
        What the database has already.
        """
        return {
            version.key: _Known(version.revision, digest(orjson.loads(version.body)))
            async for version in kept(self._target.backend, collection)
        }

    async def _write(self, batch: _Batch) -> None:
        if batch.versions:
            await self._target.restores.restore(batch.versions, batch.revision, self._state.to_mark())
            self.revision = batch.revision


def _some(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
