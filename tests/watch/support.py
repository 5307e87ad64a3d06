"""
A small cluster in memory for the tests of L{ark.watch}: one store, one clock, clients.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ark.http.streaming import Stream
from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Key, Version
from ark.storage.committer import Committer
from ark.storage.memory import MemoryBackend
from ark.watch.cacher import Cacher
from ark.watch.options import WatchOptions
from ark.watch.predicate import SelectionPredicate

QUERIES = "queries.ark.mckinsey.com"
AGENTS = "agents.ark.mckinsey.com"

_T = TypeVar("_T")


class PlainForm:
    """
    Events as Kubernetes' JSON lines.
    """

    key = "plain"
    preparation = None

    @property
    def following(self) -> PlainForm:
        return self

    def event(self, type: str, body: bytes) -> bytes:
        return b'{"type":"%b","object":%b}\n' % (type.encode(), body)

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        return self.event("BOOKMARK", orjson.dumps({"metadata": metadata}))

    def error(self, status: dict[str, Any]) -> bytes:
        return self.event("ERROR", orjson.dumps(status))

    def count(self, data: bytes) -> int:
        return data.count(b"\n")


class HeadedForm(PlainForm):
    """
    The first event of a stream says so, as a table's columns do.
    """

    def __init__(self) -> None:
        self.key = "headed"
        self._rest = PlainForm()

    @property
    def following(self) -> PlainForm:
        return self._rest

    def event(self, type: str, body: bytes) -> bytes:
        return b'{"first":true,' + super().event(type, body)[1:]


class ClientStream(Stream):
    """
    A client that keeps what it gets, and stops reading when told to.

    @ivar pause_after: stop reading after so many writes; L{None} for never.
    """

    def __init__(self, pause_after: int | None = None) -> None:
        self.writes: list[bytes] = []
        self.pause_after = pause_after
        self.finished = False
        self.aborted = False
        self.written_while_paused = 0

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        self.written_while_paused += self.paused and b'"ERROR"' not in data
        self.writes.append(data)
        if self.pause_after is not None:
            self.pause_after -= 1
            if self.pause_after <= 0:
                self.set_paused(True)

    def read_on(self, pause_after: int | None = None) -> None:
        """
        Read again.
        """
        self.pause_after = pause_after
        self.set_paused(False)

    def finish(self) -> None:
        self.finished = self.closed = True

    def abort(self) -> None:
        self.aborted = self.closed = True

    @property
    def events(self) -> list[dict[str, Any]]:
        """
        All events so far.
        """
        return [orjson.loads(line) for data in self.writes for line in data.splitlines()]

    def brief(self) -> list[tuple[str, str, int]]:
        """
        Type, name and revision of all events so far.
        """
        return [(event["type"], name_of(event), revision_of(event)) for event in self.events]


def name_of(event: dict[str, Any]) -> str:
    """
    The name of an event's object.
    """
    name: str = event["object"].get("metadata", {}).get("name", "")
    return name


def revision_of(event: dict[str, Any]) -> int:
    """
    The revision of an event's object.
    """
    return int(event["object"].get("metadata", {}).get("resourceVersion", 0))


def read_fields(body: bytes) -> dict[str, str]:
    """
    The selectable field of the tests' kind.
    """
    return {"spec.color": orjson.loads(body)["spec"].get("color", "")}


class Fixture:
    """
    A store followed by a L{Cacher}, and the clients that watch it.
    """

    def __init__(self, backend: Any = None, clock: Clock | None = None, **options: Any) -> None:
        self.clock = clock or Clock()
        self.backend = backend or MemoryBackend(self.clock)
        self.committer = Committer(self.backend, self.clock)
        self.cacher = Cacher(self.backend, self.committer, self.clock, **options)
        self.live: dict[Key, Version] = {}
        self.log: list[Version] = []
        self.run(self.cacher.start())

    def settle(self) -> None:
        """
        Let everything happen that needs no time to pass.
        """
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def turn(self) -> None:
        """
        Let one turn of the reactor pass.
        """
        now = self.clock.seconds()
        due = [call for call in self.clock.getDelayedCalls() if call.getTime() <= now]
        for call in due:
            if call.active():
                self.clock.calls.remove(call)
                call.called = True
                call.func(*call.args, **call.kw)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """
        Run a coroutine that needs no time to pass.
        """
        results: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        self.settle()
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        outcome: _T = result
        return outcome

    def begin(self, work: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """
        Start a coroutine.
        """
        return Deferred.fromCoroutine(work)

    def change(
        self,
        name: str,
        namespace: str = "ns",
        *,
        resource: str = QUERIES,
        labels: Mapping[str, str] | None = None,
        color: str = "",
        delete: bool = False,
        padding: int = 0,
    ) -> Change:
        """
        A change of an object from what it is now; it is created when it is not there.
        """
        key = Key(resource, namespace, name)
        old = self.live.get(key)
        if delete and old is not None:
            cut = b'"resourceVersion":"%d"' % old.revision
            head, _, tail = old.body.partition(cut)
            body = Body(head + b'"resourceVersion":"', b'"' + tail)
            return Change(key, old.revision, DELETED, body, old.labels, "u")
        metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
        spec = {"color": color, "padding": "x" * padding, "resourceVersion": str(len(self.log))}
        tail = b'",%b,"spec":%b}' % (orjson.dumps(metadata)[1:], orjson.dumps(spec))
        text = orjson.dumps(labels) if labels else b""
        head = b'{"apiVersion":"v1","kind":"T","metadata":{"resourceVersion":"'
        event = MODIFIED if old else ADDED
        return Change(key, old.revision if old else 0, event, Body(head, tail), text, "u")

    def note(self, outcome: Any) -> None:
        """
        Remember what came of a change.
        """
        if isinstance(outcome, Committed):
            version = outcome.version
            self.log.append(version)
            if version.event == DELETED:
                del self.live[version.key]
            else:
                self.live[version.key] = version

    def write(self, name: str, namespace: str = "ns", **options: Any) -> int:
        """
        Change an object through the cacher; returns the revision.
        """
        outcome = self.run(self.cacher.commit(self.change(name, namespace, **options)))
        self.note(outcome)
        assert isinstance(outcome, Committed)
        return outcome.version.revision

    def write_elsewhere(self, name: str, namespace: str = "ns", **options: Any) -> int:
        """
        Change an object as another process would; returns the revision.
        """
        (outcome,) = self.run(self.backend.commit([self.change(name, namespace, **options)]))
        self.note(outcome)
        assert isinstance(outcome, Committed)
        return outcome.version.revision

    def watch(
        self,
        predicate: SelectionPredicate | None = None,
        *,
        stream: ClientStream | None = None,
        representation: Any = None,
        **options: Any,
    ) -> tuple[ClientStream, Deferred[None]]:
        """
        Begin a watch; returns its stream, and what fires when it is over.
        """
        stream = stream or ClientStream()
        watching = WatchOptions(
            predicate or SelectionPredicate(QUERIES), representation or PlainForm(), **options
        )
        done = Deferred.fromCoroutine(self.cacher.watch(watching, lambda: stream))
        done.addErrback(lambda failure: None if stream.closed else failure)
        return stream, done
