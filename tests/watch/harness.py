"""
Cachers over one store in memory, and clients that watch, in a time that stands still.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from ark.http.streaming import Stream
from ark.meta.records import (
    ADDED,
    DELETED,
    MODIFIED,
    Body,
    Change,
    Committed,
    EventPage,
    Key,
    Outcome,
    Page,
    Range,
    Version,
)
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.storage.committer import Committer
from ark.storage.memory import MemoryBackend
from ark.watch.cacher import Cacher
from ark.watch.options import WatchOptions
from ark.watch.predicate import SelectionPredicate
from tests.watch.support import QUERIES, read_fields

T = TypeVar("T")


def body(key: Key, labels: dict[str, str], color: str, number: int) -> Body:
    """
    An object in the shape in which objects are stored.
    """
    metadata = {"name": key.name, "namespace": key.namespace, "labels": labels}
    rest = orjson.dumps({"metadata": metadata, "spec": {"color": color, "number": number}})
    head = b'{"apiVersion":"v1","kind":"Query","metadata":{"resourceVersion":"'
    return Body(head, b'",' + rest[len(b'{"metadata":{') :])


def creation(name: str, namespace: str = "default", resource: str = QUERIES) -> Change:
    """
    The wish to create an object.
    """
    key = Key(resource, namespace, name)
    return Change(key, 0, ADDED, body(key, {}, "", 0), b"", "uid")


class PlainForm:
    """
    Events as lines of JSON; counts how many it made.
    """

    def __init__(self, key: str = "plain", following: PlainForm | None = None) -> None:
        self.key = key
        self.preparation = None
        self.following: PlainForm = following or self
        self.made = 0

    def event(self, type: str, body: bytes) -> bytes:
        self.made += 1
        return b'{"type":"%b","form":"%b","object":%b}\n' % (type.encode(), self.key.encode(), body)

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        return orjson.dumps({"type": "BOOKMARK", "revision": revision, "end": initial_end}) + b"\n"

    def error(self, status: dict[str, Any]) -> bytes:
        return orjson.dumps({"type": "ERROR", "object": status}) + b"\n"

    def count(self, data: bytes) -> int:
        return data.count(b"\n")


class ClientStream(Stream):
    """
    Keeps what is written; fails the test when something is written that must not be.
    """

    def __init__(self, pause_after: int | None = None) -> None:
        self.writes: list[bytes] = []
        self.finished = False
        self.aborted = False
        self.violations: list[str] = []
        self.pause_after = pause_after

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        if self.paused:
            self.violations.append("written while paused")
        if not data:
            self.violations.append("written nothing")
        self.writes.append(data)
        if self.pause_after is not None and len(self.writes) % self.pause_after == 0:
            self.set_paused(True)

    def finish(self) -> None:
        if self.closed:
            self.violations.append("finished twice")
        self.finished = self.closed = True

    def abort(self) -> None:
        self.aborted = self.closed = True

    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in b"".join(self.writes).splitlines()]

    def seen(self) -> list[tuple[str, int]]:
        """
        Type and revision of each event.
        """
        return [(event["type"], revision_of(event)) for event in self.events()]


def revision_of(event: dict[str, Any]) -> int:
    """
    The revision that an event tells; C{0} for an error.
    """
    if event["type"] == "BOOKMARK":
        return int(event["revision"])
    if event["type"] == "ERROR":
        return 0
    return int(event["object"]["metadata"]["resourceVersion"])


class LateBackend(MemoryBackend):
    """
    A store that answers later, its answers being of any moment in between.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        super().__init__(clock)
        self.clock = clock
        self.random = random

    async def _pass(self) -> None:
        await deferLater(self.clock, self.random.choice((0, 0.001, 0.002, 0.005)))

    async def commit(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        await self._pass()
        outcomes = await super().commit(changes)
        await self._pass()
        return outcomes

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        await self._pass()
        found = await super().get(key, revision)
        await self._pass()
        return found

    async def list(self, range: Range, limit: int, revision: int | None = None) -> Page:
        await self._pass()
        page = await super().list(range, limit, revision)
        await self._pass()
        return page

    async def events(self, after: int, limit: int) -> EventPage:
        await self._pass()
        page = await super().events(after, limit)
        await self._pass()
        return page

    async def current_revision(self) -> int:
        await self._pass()
        revision = await super().current_revision()
        await self._pass()
        return revision


class Replica:
    """
    One process: a committer and a Cacher.
    """

    def __init__(self, clock: Clock, backend: MemoryBackend, **options: Any) -> None:
        self.clock = clock
        self.backend = backend
        self.committer = Committer(backend, clock)
        self.cacher = Cacher(backend, self.committer, clock, **options)

    def settle(self, done: Deferred[Any] | None = None) -> None:
        """
        Let everything happen that needs no time to pass.
        """
        for _ in range(2000):
            if done is not None and done.called:
                return
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                return
            self.clock.advance(0)

    def begin(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Start C{work} and let it go as far as it goes.
        """
        done = Deferred.fromCoroutine(work)
        self.settle(done)
        return done

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """
        What C{work} returns or raises without time passing.
        """
        done = self.begin(work)
        results: list[Any] = []
        errors: list[Any] = []
        done.addCallbacks(results.append, errors.append)
        if errors:
            errors[0].raiseException()
        if not results:
            raise AssertionError("it waits")
        found: T = results[0]
        return found

    def start(self) -> Replica:
        self.run(self.cacher.start())
        self.settle()
        return self

    def write(
        self,
        name: str,
        event: str = ADDED,
        *,
        namespace: str = "default",
        resource: str = QUERIES,
        labels: dict[str, str] | None = None,
        color: str = "",
    ) -> Version:
        """
        Write an object, whatever its state, through this replica, and let watchers know.
        """
        key = Key(resource, namespace, name)
        current = self.run(self.backend.get(key))
        expected = current.revision if current is not None else 0
        number = self.cacher.revision
        text = body(key, labels or {}, color, number)
        if event == DELETED and current is not None:
            cut = current.body.index(b'",', current.body.index(b"resourceVersion"))
            text = Body(text.head, current.body[cut:])
        kept = orjson.dumps(labels) if labels else b""
        if event == DELETED and current is not None:
            kept = current.labels
        outcome = self.run(self.cacher.commit(Change(key, expected, event, text, kept, "uid")))
        if not isinstance(outcome, Committed):
            raise AssertionError(outcome)
        self.settle()
        return outcome.version

    def modify(self, name: str, **members: Any) -> Version:
        return self.write(name, MODIFIED, **members)

    def delete(self, name: str, **members: Any) -> Version:
        return self.write(name, DELETED, **members)

    def watch(self, after: int | None = None, **asked: Any) -> Client:
        """
        Begin a watch.
        """
        return Client(self, after, **asked)

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.settle()


class Client:
    """
    A watch and what it was sent.
    """

    def __init__(
        self,
        replica: Replica,
        after: int | None = None,
        *,
        resource: str = QUERIES,
        namespace: str | None = None,
        name: str | None = None,
        labels: str = "",
        fields: str = "",
        form: Any = None,
        pause_after: int | None = None,
        paused: bool = False,
        **options: Any,
    ) -> None:
        self.stream = ClientStream(pause_after)
        self.stream.paused = paused
        self.predicate = SelectionPredicate(
            resource,
            namespace,
            name,
            labels=parse_label_selector(labels),
            fields=parse_field_selector(fields),
            read_fields=read_fields,
        )
        asked = WatchOptions(self.predicate, form or PlainForm(), after, **options)
        self.done = replica.begin(replica.cacher.watch(asked, lambda: self.stream))
        self.failure: Any = None
        self.done.addErrback(self._failed)
        replica.settle()

    def _failed(self, failure: Any) -> None:
        self.failure = failure.value

    def seen(self) -> list[tuple[str, int]]:
        return self.stream.seen()
