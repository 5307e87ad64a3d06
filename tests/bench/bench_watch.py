"""
CPU of following the log, of point reads and of telling watchers.

Run as C{python -m tests.bench.bench_watch}; prints microseconds, the best of three.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from time import process_time
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ark.http.streaming import Stream
from ark.meta.records import ADDED, MODIFIED, Body, Change, Key
from ark.meta.selectors import EVERYTHING, parse_label_selector
from ark.storage.committer import Committer
from ark.storage.memory import MemoryBackend
from ark.watch.cacher import Cacher
from ark.watch.options import WatchOptions
from ark.watch.predicate import SelectionPredicate

RESOURCE = "queries.ark.mckinsey.com"
HEAD = b'{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Query","metadata":{"resourceVersion":"'
TAIL = b'","name":"q","labels":{"app":"ark","tier":"a"}},"spec":{"input":"%b"}}' % (b"x" * 2400)
LABELS = orjson.dumps({"app": "ark", "tier": "a"})


class _Form:
    key = "plain"
    preparation = None

    @property
    def following(self) -> _Form:
        return self

    def event(self, type: str, body: bytes) -> bytes:
        return b'{"type":"%b","object":%b}\n' % (type.encode(), body)

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        return b""

    def error(self, status: dict[str, Any]) -> bytes:
        return b""

    def count(self, data: bytes) -> int:
        return data.count(b"\n")


class _Sink(Stream):
    size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)


class _Bench:
    """
    A Cacher over a store in memory, and what drives its time.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.backend = MemoryBackend(self.clock)
        self.cacher = Cacher(self.backend, Committer(self.backend, self.clock), self.clock)
        self.revisions: dict[Key, int] = {}
        self.run(self.cacher.start())

    def run(self, work: Any) -> Any:
        done = Deferred.fromCoroutine(work)
        self.settle()
        return done

    def settle(self) -> None:
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def change(self, number: int) -> Change:
        key = Key(RESOURCE, "default", f"q{number}")
        expected = self.revisions.get(key, 0)
        return Change(key, expected, MODIFIED if expected else ADDED, Body(HEAD, TAIL), LABELS, "u")

    def write(self, numbers: range) -> None:
        done = [Deferred.fromCoroutine(self.cacher.commit(self.change(number))) for number in numbers]
        self.settle()
        for one in done:
            one.addCallback(self._note)

    def _note(self, outcome: Any) -> None:
        self.revisions[outcome.version.key] = outcome.version.revision

    def watch(self, count: int, selector: Callable[[int], str] | None = None, **options: Any) -> list[_Sink]:
        sinks = [_Sink() for _ in range(count)]
        form = _Form()
        for number, sink in enumerate(sinks):
            labels = parse_label_selector(selector(number)) if selector else EVERYTHING
            predicate = SelectionPredicate(RESOURCE, labels=labels)
            asked = WatchOptions(predicate, form, bookmarks=True, **options)
            Deferred.fromCoroutine(self.cacher.watch(asked, lambda sink=sink: sink))  # type: ignore[misc]
        self.settle()
        return sinks


def _best(work: Callable[[], int]) -> float:
    """
    Microseconds a unit; C{work} returns how many it did.
    """
    results = []
    for _ in range(3):
        began = process_time()
        units = work()
        results.append((process_time() - began) / units * 1e6)
    return min(results)


def _writes(watchers: int, selector: Callable[[int], str] | None, batch: int) -> float:
    """
    Microseconds a commit, in batches, with so many watchers.
    """
    bench = _Bench()
    bench.watch(watchers, selector)
    bench.write(range(batch))

    def work() -> int:
        for _ in range(max(1, 2000 // batch)):
            bench.write(range(batch))
        return max(1, 2000 // batch) * batch

    return _best(work)


def _fan_out() -> None:
    bare = {batch: _writes(0, None, batch) for batch in (1, 32)}
    print(f"commit and follow, alone {bare[1]:.1f}, in batches of 32 {bare[32]:.1f}")
    cases: list[tuple[str, Callable[[int], str] | None]] = [
        ("no selector", None),
        ("one selector", lambda number: "app=ark"),
        ("each its selector", lambda number: f"app=ark,tier notin (t{number})"),
    ]
    for name, selector in cases:
        for batch in (1, 32):
            took = _writes(500, selector, batch) - bare[batch]
            print(f"event to each of 500 watchers, {name}, {batch} at once: {took / 500:.2f}")


def _reads() -> None:
    bench = _Bench()
    bench.write(range(100))
    keys = [Key(RESOURCE, "default", f"q{number}") for number in range(100)]

    def work() -> int:
        for _ in range(500):
            for key in keys:
                try:
                    bench.cacher.get(key).send(None)
                except StopIteration:
                    pass
        return 500 * 100

    print(f"get from memory {_best(work):.2f}")


def _replays() -> None:
    bench = _Bench()
    for _ in range(20):
        bench.write(range(500))

    def window() -> int:
        bench.watch(1, after=1)
        return 10_000

    def present() -> int:
        bench.watch(10, initial=True)
        return 5_000

    print(f"replay from the window, an event {_best(window):.2f}")
    print(f"initial events, an object {_best(present):.2f}")


def _memory() -> None:
    bench = _Bench()
    bench.watch(10)
    form, predicate = _Form(), SelectionPredicate(RESOURCE)
    sinks = [_Sink() for _ in range(2000)]
    for sink in sinks:
        sink.on_drain(None)
        sink.on_close(None)

    async def request() -> None:
        await Deferred()

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    requests = [Deferred.fromCoroutine(request()) for _ in sinks]
    requested, before = tracemalloc.get_traced_memory()[0] - before, tracemalloc.get_traced_memory()[0]
    kept = [
        Deferred.fromCoroutine(
            bench.cacher.watch(WatchOptions(predicate, form, bookmarks=True), lambda sink=sink: sink)  # type: ignore[misc]
        )
        for sink in sinks
    ]
    bench.settle()
    taken = tracemalloc.get_traced_memory()[0] - before - requested
    print(f"idle watch, bytes beside its stream and request {taken / len(requests):.0f}")
    del kept
    tracemalloc.stop()


def main() -> None:
    """
    Print all figures.
    """
    print(f"microseconds of CPU, Python {sys.version.split()[0]}, objects of {len(HEAD) + len(TAIL)} bytes")
    _reads()
    _fan_out()
    _replays()
    _memory()


if __name__ == "__main__":
    main()
