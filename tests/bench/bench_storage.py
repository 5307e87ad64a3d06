"""
What storage costs: CPU of all threads of the process, and of the database's, an operation.

Run with C{python -m tests.bench.bench_storage [--backend sqlite|postgresql|mysql]
[--folder FOLDER]};
the folder decides the disk.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from ark.meta.records import ADDED, MODIFIED, Body, Change, Committed, Key, Range
from ark.storage.committer import Committer
from ark.storage.registry import find_storage_factory
from tests.bench.databases import BACKENDS, fresh_database
from tests.cluster.process import usage_of

RESOURCE = "queries.ark.mckinsey.com"
OBJECTS = 10_000
_HEAD = b'{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Query","metadata":{"resourceVersion":"'
_TAIL = b'"},"spec":{"input":"' + b"x" * 1900 + b'"}}'


def _change(number: int, expected: int) -> Change:
    event = MODIFIED if expected else ADDED
    key = Key(RESOURCE, "default", f"query-{number:06d}")
    return Change(
        key, expected, event, Body(_HEAD, _TAIL), b'{"app":"ark"}', "0f8fad5b-d9cb-469f-a165-70867728950e"
    )


class _Meter:
    """
    @param pid: the first process of the database, if it has processes of its own.
    """

    def __init__(self, pid: int = 0) -> None:
        self._pid = pid

    def _read(self) -> tuple[float, float, float]:
        mine = resource.getrusage(resource.RUSAGE_SELF)
        theirs = usage_of(self._pid).cpu if self._pid else 0.0
        return mine.ru_utime + mine.ru_stime, theirs, perf_counter()

    async def measure(self, title: str, count: int, work: Callable[[], Awaitable[Any]]) -> None:
        """
        Do the work, and print what it cost.
        """
        before = self._read()
        await work()
        cpu, database, wall = ((end - start) / count * 1e6 for start, end in zip(before, self._read()))
        beside = f" + {database:8.2f} in the database" if self._pid else ""
        print(f"{title:<52} {cpu:8.2f} us CPU{beside} {wall:8.2f} us wall", flush=True)


class _Load:
    """
    Writes all objects over and over, each from its newest revision.
    """

    def __init__(self, backend: Any, reactor: Any) -> None:
        self.backend = backend
        self.reactor = reactor
        self.revisions = [0] * OBJECTS
        self.next = 0

    def batch(self, size: int) -> list[Change]:
        """
        The next changes; a stride spreads them over the pages of the pointers.
        """
        numbers = [(self.next + step) * 7919 % OBJECTS for step in range(size)]
        self.next += size
        return [_change(number, self.revisions[number]) for number in numbers]

    def note(self, outcomes: Sequence[Any]) -> None:
        """
        Remember the new revisions.
        """
        for outcome in outcomes:
            assert isinstance(outcome, Committed)
            self.revisions[int(outcome.version.key.name[6:])] = outcome.version.revision

    async def batches(self, size: int, count: int) -> None:
        """
        C{count} changes in batches, one after another.
        """
        for _ in range(count // size):
            self.note(await self.backend.commit(self.batch(size)))

    async def clients(self, number: int, count: int) -> None:
        """
        C{count} changes from C{number} clients, each waiting for its answer, in groups.
        """
        committer = Committer(self.backend, self.reactor)

        async def client() -> None:
            for _ in range(count // number):
                self.note([await committer.commit(*self.batch(1))])

        await gatherResults([Deferred.fromCoroutine(client()) for _ in range(number)])

    async def gets(self, number: int, count: int) -> None:
        """
        C{count} reads, C{number} in each turn.
        """
        for turn in range(count // number):
            keys = [
                Key(RESOURCE, "default", f"query-{(turn * number + i) * 7919 % OBJECTS:06d}")
                for i in range(number)
            ]
            await gatherResults([Deferred.fromCoroutine(self.backend.get(key)) for key in keys])

    async def pages(self, limit: int, revision: int | None, joined: bool) -> None:
        """
        Every object, in pages.
        """
        after: tuple[str, str] | None = None
        more = True
        while more:
            range_ = Range(RESOURCE, "default", after)
            if joined:
                page = await self.backend.list_joined(range_, limit, revision)
                after, more = page.last, page.more
            else:
                rows = await self.backend.list(range_, limit, revision)
                after, more = rows.versions[-1].key[1:], rows.more

    async def events(self, after: int, limit: int) -> None:
        """
        Everything that happened after a revision.
        """
        while True:
            page = await self.backend.events(after, limit)
            if not page.events:
                return
            after = page.revision


async def _bench(reactor: Any, kind: str, folder: str) -> None:
    with fresh_database(kind, Path(folder)) as database:
        backend = await find_storage_factory(kind).open(database.config, reactor)
        await _all(backend, reactor, _Meter(database.pid).measure)
        await backend.close()


async def _all(backend: Any, reactor: Any, measure: Callable[..., Awaitable[None]]) -> None:
    load = _Load(backend, reactor)
    await measure("create, batches of 50", OBJECTS, lambda: load.batches(50, OBJECTS))
    for size in (1, 8, 64, 256):
        count = 2_000 if size == 1 else 20_480
        await measure(f"update, batches of {size}", count, lambda: load.batches(size, count))  # noqa: B023
    await measure("update, 64 clients through the committer", 20_480, lambda: load.clients(64, 20_480))
    for number in (1, 64):
        await measure(f"get, {number} a turn", 12_800, lambda: load.gets(number, 12_800))  # noqa: B023
    at = await backend.current_revision() - 500
    for title, revision in (("now", None), ("500 revisions ago", at)):
        for limit, joined in ((500, True), (10_000, True), (500, False)):
            for state in ("first", "again"):
                await measure(
                    f"list{'_joined' * joined} {title}, pages of {limit}, {state}",
                    OBJECTS,
                    lambda: load.pages(limit, revision, joined),  # noqa: B023
                )
            # A commit makes SQLite's readers forget their pages.
            load.note(await backend.commit(load.batch(1)))
    await measure("events, pages of 500", 10_000, lambda: load.events(at - 9_500, 500))
    floor = await backend.current_revision()
    await measure("compact, a dropped version", floor - OBJECTS, lambda: backend.compact(floor))


def main(reactor: Any, *arguments: str) -> Any:
    """
    Run the benchmark.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="sqlite", choices=BACKENDS)
    parser.add_argument("--folder", help="where SQLite's file is")
    options = parser.parse_args(arguments)
    place = tempfile.mkdtemp(dir=options.folder)
    done: Deferred[None] = Deferred.fromCoroutine(_bench(reactor, options.backend, place))
    return done.addBoth(lambda result: (shutil.rmtree(place), result)[1])


if __name__ == "__main__":
    react(main, sys.argv[1:])
