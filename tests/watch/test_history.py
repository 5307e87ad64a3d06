"""
Seeded random histories against a model: what trust's W1 to W12 ask of a watch.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.interfaces import IChangeFeed, IStorageBackend
from ark.meta.records import DELETED, EventPage, Key, Page, Version
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.storage.errors import Unavailable
from ark.storage.memory import MemoryBackend
from ark.watch.predicate import SelectionPredicate
from tests.watch.model import Heard, Model, Selects, Told, Violation, check_changes
from tests.watch.support import AGENTS, QUERIES, ClientStream, Fixture, HeadedForm, read_fields, revision_of

SEEDS = 24
STEPS = 260


@implementer(IStorageBackend, IChangeFeed)
class SlowBackend:
    """
    A backend that answers turns later, sometimes fails to read, and holds back news.
    """

    def __init__(self, inner: MemoryBackend, clock: Clock, dice: random.Random) -> None:
        self._inner = inner
        self._clock = clock
        self._dice = dice
        self.fails = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def _late(self) -> None:
        for _ in range(self._dice.randrange(4)):
            await deferLater(self._clock, 0)

    async def current_revision(self) -> int:
        await deferLater(self._clock, 0)
        return await self._inner.current_revision()

    async def events(self, after: int, limit: int) -> EventPage:
        await self._late()
        if self._dice.random() < self.fails:
            raise Unavailable("the database has gone")
        page = await self._inner.events(after, self._dice.choice((1, 3, limit)))
        await self._late()
        return page

    async def get(self, key: Key, revision: int | None = None) -> Version | None:
        await self._late()
        version = await self._inner.get(key, revision)
        await self._late()
        return version

    async def list(self, range: Any, limit: int, revision: int | None = None) -> Page:
        await self._late()
        page = await self._inner.list(range, 2, revision)
        await self._late()
        return page


class Selection(NamedTuple):
    """
    A predicate, and the same said in other words.
    """

    predicate: SelectionPredicate
    selects: Selects


def _labels(obj: Mapping[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = obj["metadata"].get("labels", {})
    return labels


def _label(text: str) -> SelectionPredicate:
    return SelectionPredicate(QUERIES, labels=parse_label_selector(text))


def _field(text: str, namespace: str | None = None, name: str | None = None) -> SelectionPredicate:
    fields = parse_field_selector(text)
    return SelectionPredicate(QUERIES, namespace, name, fields=fields, read_fields=read_fields)


SELECTIONS = (
    Selection(SelectionPredicate(QUERIES), lambda key, _: True),
    Selection(SelectionPredicate(QUERIES, "b"), lambda key, _: key.namespace == "b"),
    Selection(SelectionPredicate(QUERIES, "a", "n1"), lambda key, _: key[1:] == ("a", "n1")),
    Selection(_field("metadata.name=n2", None, "n2"), lambda key, _: key.name == "n2"),
    Selection(_label("team=x"), lambda _, obj: _labels(obj).get("team") == "x"),
    Selection(
        _label("team notin (x),tier"), lambda _, o: _labels(o).get("team") != "x" and "tier" in _labels(o)
    ),
    Selection(_field("spec.color=red"), lambda _, obj: obj["spec"].get("color") == "red"),
    Selection(_field("metadata.namespace!=a"), lambda key, _: key.namespace != "a"),
)


class Connection:
    """
    One watch of one client, and what must be true of what it got.
    """

    def __init__(self, world: World, selection: Selection, after: int | None, dice: random.Random) -> None:
        self.world = world
        self.selection = selection
        self.after = after
        self.initial = after is None
        self.pauses = dice.random() < 0.5
        self.stream = ClientStream(dice.randrange(1, 4) if self.pauses else None)
        self.headed = dice.random() < 0.3
        self.began_at = world.fixture.cacher.revision
        self.checked: list[int] = []
        self.end: Any = None
        world.fixture.watch(
            selection.predicate,
            stream=self.stream,
            representation=HeadedForm() if self.headed else None,
            after=after,
            initial=self.initial,
            initial_end=self.initial,
            bookmarks=True,
            timeout=dice.choice((20.0, 200.0)),
        )

    def check(self, complete: bool) -> None:
        """
        Compare all that came with the model.

        @param complete: whether everything must have come.
        """
        self.world.learn()
        received = self.stream.events
        if self.stream.written_while_paused:
            raise Violation("written to while paused")
        if any(event.get("first", False) != (self.headed and not i) for i, event in enumerate(received)
               if event["type"] not in ("BOOKMARK", "ERROR")) and received[0]["type"] != "BOOKMARK":  # fmt: skip
            raise Violation("the head is not just on the first event")
        self.checked = []
        if received and received[-1]["type"] == "ERROR":
            self.end = received.pop()["object"]
            self._check_error()
        start = self.after
        if start is None:
            start, received = self._check_initial(received)
            if start is None:
                if complete and self.end is None and not self.stream.closed:
                    raise Violation("the initial events did not end")
                return
        self._check_changes(start, received, complete)

    def _check_initial(self, received: list[dict[str, Any]]) -> tuple[int | None, list[dict[str, Any]]]:
        ends = [i for i, event in enumerate(received) if _is_initial_end(event)]
        if not ends:
            # What has come must begin the state of some revision of its time.
            told = [_told(event) for event in received]
            for revision in range(self.began_at, self.world.revision + 1):
                if self.world.model.present(self.selection.selects, revision)[: len(told)] == told:
                    return None, []
            raise Violation("the initial events are of no one revision")
        if len(ends) > 1:
            raise Violation("two ends of initial events")
        revision = revision_of(received[ends[0]])
        told = [_told(event) for event in received[: ends[0]]]
        if told != self.world.model.present(self.selection.selects, revision):
            raise Violation(f"the initial events are not the state at {revision}")
        if revision < self.began_at:
            raise Violation("the initial events are older than the watch")
        return revision, received[ends[0] + 1 :]

    def _check_changes(self, start: int, received: Sequence[dict[str, Any]], complete: bool) -> None:
        expected = self.world.model.changes(self.selection.selects, start)
        heard = [Heard(_told(event), _is_initial_end(event)) for event in received]
        self.checked, came = check_changes(expected, start, heard, self.world.revision)
        if complete and not self.stream.closed and came < len(expected):
            raise Violation(f"{expected[came]} has not come")

    def _check_error(self) -> None:
        code = self.end["code"]
        if code == 410 and self.after is not None:
            oldest = max([self.after, *(revision_of(event) for event in self.stream.events[:-1])])
            if oldest >= self.world.floor:
                raise Violation("410 above the floor")
        elif code not in (410, 503):
            raise Violation(f"failed: {self.end}")


def _is_initial_end(event: dict[str, Any]) -> bool:
    return event["type"] == "BOOKMARK" and "annotations" in event["object"]["metadata"]


def _told(event: dict[str, Any]) -> Told:
    return Told(event["type"], revision_of(event), event["object"])


class World:
    """
    Writers, watchers and faults of one seed.
    """

    def __init__(self, seed: int, slow: bool) -> None:
        self.dice = dice = random.Random(seed)
        clock = Clock()
        inner = MemoryBackend(clock)
        backend = SlowBackend(inner, clock, dice) if slow else inner
        sizes = {"window_events": dice.choice((1, 5, 40)), "cache_bytes": dice.choice((0, 2500, 4000, 10**6))}
        self.backend = backend
        self.fixture = Fixture(backend, clock, **sizes)
        self.fixture.cacher.hub.bookmarks.random = random.Random(seed)
        self.model = Model(self.fixture.log)
        self.floor = 0
        self.acknowledged = 1
        self.connections = [Connection(self, selection, None, dice) for selection in SELECTIONS]
        self.past: list[Connection] = []
        self.stale: Violation | None = None

    @property
    def revision(self) -> int:
        """
        The newest revision.
        """
        return self.fixture.log[-1].revision if self.fixture.log else 1

    def play(self) -> None:
        """
        Everything that happens, and the checks.
        """
        acts = (
            (self.write, 10),
            (self.write_elsewhere, 2),
            (self.read, 8),
            (self.stop_reading, 3),
            (self.reconnect, 2),
            (self.read_on, 4),
            (self.compact, 0.5),
            (self.let_time_pass, 0.7),
            (self.check, 0.7),
        )
        actions, weights = zip(*acts)
        for _ in range(STEPS):
            self.dice.choices(actions, weights)[0]()
            for _ in range(self.dice.choice((0, 0, 1, 1, 2, 8))):
                self.fixture.turn()
        self.end()

    def write(self) -> None:
        """
        Some own commits of one turn.
        """
        for key in self._keys(self.dice.choice((1, 1, 2, 6))):
            outcome = Deferred.fromCoroutine(self.fixture.cacher.commit(self._change(key)))
            outcome.addCallback(self._acknowledge)
            if self.dice.random() < 0.05:
                outcome.addErrback(lambda failure: None)
                outcome.cancel()
        # The model learns of commits in their order, be they acknowledged or not.
        while self.fixture.committer.waiting and self.dice.random() < 0.7:
            self.fixture.turn()
        self.learn()

    def write_elsewhere(self) -> None:
        """
        Commits of another process.
        """
        self._finish_own()
        for key in self._keys(self.dice.choice((1, 3, 12))):
            self._commit_at_once(key)

    def _finish_own(self) -> None:
        while self.fixture.committer.waiting:
            self.fixture.turn()
        self.learn()

    def _commit_at_once(self, key: Key) -> None:
        self.learn()
        done = Deferred.fromCoroutine(self.backend.commit([self._change(key)]))
        assert done.called
        self.learn()
        self.acknowledged = self.revision

    def learn(self) -> None:
        """
        Bring the model up to the store.
        """
        inner: MemoryBackend = getattr(self.backend, "_inner", self.backend)
        for revision in range(self.revision + 1, inner._revision + 1):
            version = inner._log[revision]
            self.fixture.log.append(version)
            if version.event == DELETED:
                del self.fixture.live[version.key]
            else:
                self.fixture.live[version.key] = version

    def _acknowledge(self, outcome: Any) -> None:
        self.learn()
        self.acknowledged = max(self.acknowledged, getattr(getattr(outcome, "version", None), "revision", 0))

    def _keys(self, number: int) -> list[Key]:
        dice = self.dice
        return [
            Key(
                dice.choice((QUERIES, QUERIES, QUERIES, AGENTS)),
                dice.choice("ab"),
                dice.choice(("n1", "n2", "n3")),
            )
            for _ in range(number)
        ]

    def _change(self, key: Key) -> Any:
        dice = self.dice
        labels = {name: dice.choice("xy") for name in ("team", "tier") if dice.random() < 0.6}
        return self.fixture.change(
            key.name,
            key.namespace,
            resource=key.resource,
            labels=labels,
            color=dice.choice(("red", "blue")),
            delete=dice.random() < 0.3,
            padding=dice.choice((0, 0, 200)),
        )

    def read(self) -> None:
        """
        Reads of the newest state; none may be older than what was acknowledged before.
        """
        for key in self._keys(self.dice.choice((1, 4))):
            self._read(key)

    def _read(self, key: Key) -> None:
        began = self.acknowledged

        def finish(found: Version | None) -> None:
            self.learn()
            self._check_read(key, began, found)

        Deferred.fromCoroutine(self.fixture.cacher.get(key)).addCallbacks(finish, lambda failure: None)

    def _check_read(self, key: Key, began: int, found: Version | None) -> None:
        for revision in range(began, self.revision + 1):
            if self.model.state(revision).get(key) == found:
                return
        self.stale = Violation(f"a read begun at {began} found {found}")

    def reconnect(self) -> None:
        """
        A client goes and comes again, from something it got before or from the state.
        """
        index = self.dice.randrange(len(self.connections))
        old = self.connections[index]
        old.check(False)
        old.stream.connection_lost()
        self.past.append(old)
        places = old.checked if old.end is None else []
        after = self.dice.choice(places) if places and self.dice.random() < 0.9 else None
        if places and self.dice.random() < 0.5:
            after = places[-1]
        self.connections[index] = Connection(self, old.selection, after, self.dice)

    def stop_reading(self) -> None:
        """
        Clients stop between writes, as when others on their connection fill it.
        """
        for connection in self.connections:
            if self.dice.random() < 0.3:
                connection.stream.set_paused(True)

    def read_on(self) -> None:
        """
        Clients that had stopped read on.
        """
        for connection in self.connections:
            if connection.stream.paused and self.dice.random() < 0.7:
                connection.stream.read_on(self.dice.choice((1, 2, 5, None)))

    def compact(self) -> None:
        """
        History is dropped, sometimes all of it.
        """
        self.learn()
        target = max(1, self.revision - self.dice.choice((0, 3, 30)))
        self.floor = max(self.floor, target)
        done = Deferred.fromCoroutine(self.backend.compact(target))
        assert done.called

    def let_time_pass(self) -> None:
        """
        Bookmarks and ends of watches.
        """
        if isinstance(self.backend, SlowBackend):
            self.backend.fails = self.dice.choice((0.0, 0.0, 0.3))
        for _ in range(8):
            self.fixture.clock.advance(self.dice.choice((0.3, 2.0, 9.0)))

    def check(self) -> None:
        """
        Nothing wrong has come so far.
        """
        self.learn()
        for connection in self.connections:
            connection.check(False)
        if self.stale is not None:
            raise self.stale

    def end(self) -> None:
        """
        When all is quiet and all read on, everything must have come.
        """
        if isinstance(self.backend, SlowBackend):
            self.backend.fails = 0.0
        self._finish_own()
        for _ in range(40):
            for connection in self.connections:
                connection.stream.read_on()
            self.fixture.settle()
            self.fixture.clock.advance(0.2)
        self.learn()
        for connection in self.connections:
            connection.check(True)
        for connection in self.past:
            connection.check(False)
        if self.stale is not None:
            raise self.stale
        if self.fixture.cacher.revision != self.revision:
            raise Violation("the log was not followed to its end")
        self.fixture.run(self.fixture.cacher.stop())


class HistoryTests(SynchronousTestCase):
    """
    Every client of every history is told exactly the log.
    """

    def _play(self, slow: bool) -> None:
        for seed in range(SEEDS):
            try:
                World(seed, slow).play()
            except Violation as violation:
                self.fail(f"seed {seed}: {violation}")

    def test_histories_over_an_immediate_backend(self) -> None:
        """
        W1 to W12 hold where storage answers at once, as an exclusive one does.
        """
        self._play(False)

    def test_histories_over_a_slow_and_failing_backend(self) -> None:
        """
        W1 to W12 hold where every answer takes turns, comes in small pages, or fails.
        """
        self._play(True)

    def tearDown(self) -> None:
        """
        A database that goes away is logged; that is not what is tested here.
        """
        self.flushLoggedErrors(Unavailable)
