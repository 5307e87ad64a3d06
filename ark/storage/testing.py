"""
The conformance tests of L{ark.interfaces.IStorageBackend}, for any backend.

A backend's own test case is a few lines::

    class MyBackendTests(StorageBackendTestsMixin, TestCase):
        async def make_backend(self):
            return await my_factory.open({"my_option": self.mktemp()}, reactor)

Tests must not be overridden: what one of them says is what the server relies on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from ark.interfaces import IChangeFeed, IStorageBackend, ITellsSize
from ark.meta.records import (
    ADDED,
    DELETED,
    MODIFIED,
    Body,
    Change,
    Committed,
    Event,
    Key,
    Mismatch,
    Range,
    Version,
)
from ark.storage.errors import Compacted, StorageError
from ark.storage.testingrestore import RestoreTestsMixin

QUERIES = "queries.ark.mckinsey.com"
AGENTS = "agents.ark.mckinsey.com"


def key(name: str, namespace: str = "default", resource: str = QUERIES) -> Key:
    """
    A key for tests.
    """
    return Key(resource, namespace, name)


def change(where: Key, event: str = ADDED, expected: int = 0, text: str = "x") -> Change:
    """
    A change whose body says C{text}.
    """
    body = Body(b'{"metadata":{"resourceVersion":"', f'"}},"spec":{{"text":"{text}"}}}}'.encode())
    return Change(where, expected, event, body, b'{"app":"ark"}', f"uid-of-{where.name}")


class Model:
    """
    What a store must remember, kept the simplest way: every version, in order.
    """

    def __init__(self) -> None:
        self.revision = 1
        self.log: list[Version] = []

    def apply(self, wish: Change) -> Version | None:
        """
        The version that must come of a change, or L{None} when it must be refused.
        """
        current = self.at(wish.key, self.revision)
        found = current.revision if current else 0
        if wish.expected != found or (wish.event == DELETED and not found):
            return None
        self.revision += 1
        version = Version(
            wish.key,
            self.revision,
            wish.event,
            wish.body.at(self.revision),
            wish.labels,
            wish.uid,
            found,
        )
        self.log.append(version)
        return version

    def at(self, where: Key, revision: int) -> Version | None:
        """
        The version of a key that was live at C{revision}.
        """
        for version in reversed(self.log):
            if version.key == where and version.revision <= revision:
                return None if version.event == DELETED else version
        return None

    def live(self, range: Range, revision: int) -> list[Version]:
        """
        The versions of a range that were live at C{revision}, in key order.
        """
        newest = {version.key: version for version in self.log if version.revision <= revision}
        return [
            version
            for where, version in sorted(newest.items())
            if version.event != DELETED
            and where.resource == range.resource
            and range.namespace in (None, where.namespace)
            and (range.after is None or where[1:] > range.after)
        ]

    def event(self, version: Version) -> Event:
        """
        A version together with what it replaced.
        """
        before = [old for old in self.log if old.revision == version.previous]
        return Event(version, before[0] if before else None)


class StorageBackendTestsMixin(RestoreTestsMixin):
    """
    Mix into L{twisted.trial.unittest.TestCase} and define C{make_backend}.

    @cvar rounds: how many batches the random histories have.
    """

    rounds = 60

    async def make_backend(self) -> Any:
        """
        Open a new, empty store.
        """
        raise NotImplementedError("make_backend must return a new, empty store")

    async def open_backend(self) -> Any:
        """
        A store that is closed after the test.
        """
        backend = await self.make_backend()
        case: Any = self
        case.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def write(self, backend: Any, *changes: Change) -> list[Version]:
        """
        Commit changes that must all match.
        """
        case: Any = self
        versions = []
        for outcome in await backend.commit(changes):
            case.assertIsInstance(outcome, Committed)
            versions.append(outcome.version)
        return versions

    async def test_nothing_is_overridden(self) -> None:
        """
        The contract is whole: no test of it was replaced or taken out.
        """
        case: Any = self
        for name in dir(StorageBackendTestsMixin):
            if name.startswith("test_"):
                case.assertIs(getattr(type(self), name), getattr(StorageBackendTestsMixin, name), name)

    async def test_interface(self) -> None:
        """
        The backend has every method of the interfaces, with their parameters.
        """
        backend = await self.open_backend()
        verifyObject(IStorageBackend, backend)
        verifyObject(IChangeFeed, backend)

    async def test_new_store(self) -> None:
        """
        A new store is empty, at revision 1, and was never compacted.
        """
        case: Any = self
        backend = await self.open_backend()
        await backend.ready()
        case.assertEqual(await backend.current_revision(), 1)
        case.assertEqual(await backend.compacted_revision(), 0)
        case.assertIsNone(await backend.get(key("a")))
        case.assertEqual(await backend.list(Range(QUERIES), 10), (1, [], False))
        case.assertEqual(await backend.list_joined(Range(QUERIES), 10), (1, b"", 0, None, False))
        case.assertEqual(await backend.count(Range(QUERIES)), 0)
        case.assertEqual(await backend.events(1, 10), (1, []))

    async def test_empty_batch(self) -> None:
        """
        A batch of nothing does nothing.
        """
        case: Any = self
        backend = await self.open_backend()
        case.assertEqual(list(await backend.commit([])), [])
        case.assertEqual(await backend.current_revision(), 1)

    async def test_commit_and_get(self) -> None:
        """
        A version is given back as it was written, with its revision in the body.
        """
        case: Any = self
        backend = await self.open_backend()
        (version,) = await self.write(backend, change(key("a"), text="größe"))
        body = '{"metadata":{"resourceVersion":"2"},"spec":{"text":"größe"}}'.encode()
        case.assertEqual(version, Version(key("a"), 2, ADDED, body, b'{"app":"ark"}', "uid-of-a", 0))
        case.assertEqual(await backend.get(key("a")), version)
        case.assertEqual(await backend.current_revision(), 2)

    async def test_previous(self) -> None:
        """
        A version names the one it replaced; one that follows a deletion is new.
        """
        case: Any = self
        backend = await self.open_backend()
        versions = await self.write(
            backend,
            change(key("a")),
            change(key("a"), MODIFIED, 2),
            change(key("a"), DELETED, 3),
            change(key("a")),
        )
        case.assertEqual([version.previous for version in versions], [0, 2, 3, 0])

    async def test_mismatch(self) -> None:
        """
        A change that expects what is not so is refused and told what is.
        """
        case: Any = self
        backend = await self.open_backend()
        (current,) = await self.write(backend, change(key("a")))
        outcomes = await backend.commit(
            [
                change(key("a")),
                change(key("a"), MODIFIED, 7),
                change(key("b"), MODIFIED, 2),
                change(key("b"), DELETED, 0),
            ]
        )
        case.assertEqual(outcomes, [Mismatch(current), Mismatch(current), Mismatch(None), Mismatch(None)])
        case.assertEqual(await backend.current_revision(), 2)

    async def test_batch_sees_itself(self) -> None:
        """
        Each change is checked against what those before it in the batch leave behind.
        """
        case: Any = self
        backend = await self.open_backend()
        outcomes = await backend.commit(
            [
                change(key("a")),
                change(key("a")),
                change(key("a"), DELETED, 2),
                change(key("a"), MODIFIED, 2),
                change(key("b")),
            ]
        )
        written = [outcome.version for outcome in outcomes if isinstance(outcome, Committed)]
        case.assertEqual([version.revision for version in written], [2, 3, 4])
        case.assertEqual(outcomes[1], Mismatch(written[0]))
        case.assertEqual(outcomes[3], Mismatch(None))
        case.assertIsNone(await backend.get(key("a")))
        case.assertEqual(await backend.get(key("b")), written[2])

    async def test_large_batch(self) -> None:
        """
        Batches of any size are written whole, with consecutive revisions.
        """
        case: Any = self
        backend = await self.open_backend()
        for size in (1, 3, 64, 65, 200):
            before = await backend.current_revision()
            versions = await self.write(backend, *(change(key(f"n{size}-{i}")) for i in range(size)))
            case.assertEqual(
                [version.revision for version in versions], list(range(before + 1, before + size + 1))
            )
        case.assertEqual(await backend.count(Range(QUERIES)), 333)

    async def test_key_order(self) -> None:
        """
        Lists are in the order of the UTF-8 bytes of namespace, then name.
        """
        case: Any = self
        backend = await self.open_backend()
        places = [
            ("b", "a"),
            ("a", "z"),
            ("a", "B"),
            ("a-b", "a"),
            ("a", "é"),
            ("a", "a.b"),
            ("a", "\U0001f600"),
        ]
        await self.write(backend, *(change(key(name, namespace)) for namespace, name in places))
        page = await backend.list(Range(QUERIES), 100)
        expected = sorted(places, key=lambda place: (place[0].encode(), place[1].encode()))
        case.assertEqual([version.key[1:] for version in page.versions], expected)

    async def test_ranges_are_apart(self) -> None:
        """
        A range has its own resource and namespace only, and starts after its key.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(
            backend,
            *(change(key(name, space)) for space in ("a", "b") for name in ("x", "y")),
            change(key("x", "a", AGENTS)),
            change(key("x", "", AGENTS + "x")),
        )

        async def names(range: Range) -> list[tuple[str, str]]:
            page = await backend.list(range, 10)
            joined = await backend.list_joined(range, 10)
            case.assertEqual(joined.text, b",".join([version.body for version in page.versions]))
            case.assertEqual(await backend.count(range), joined.count)
            return [(version.key.namespace, version.key.name) for version in page.versions]

        case.assertEqual(await names(Range(QUERIES, "a")), [("a", "x"), ("a", "y")])
        case.assertEqual(await names(Range(QUERIES, None, ("a", "x"))), [("a", "y"), ("b", "x"), ("b", "y")])
        case.assertEqual(await names(Range(QUERIES, "b", ("a", "y"))), [("b", "x"), ("b", "y")])
        case.assertEqual(await names(Range(QUERIES, "b", ("b", "x"))), [("b", "y")])
        case.assertEqual(await names(Range(QUERIES, "a", ("b", "x"))), [])
        case.assertEqual(await names(Range(AGENTS)), [("a", "x")])
        case.assertEqual(await names(Range(QUERIES, "c")), [])

    async def test_pages(self) -> None:
        """
        Pages that start where the last one ended are the whole range, each key once.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(backend, *(change(key(f"n{i:02d}", f"s{i % 3}")) for i in range(30)))
        whole = (await backend.list(Range(QUERIES), 1000)).versions
        case.assertEqual(len(whole), 30)
        for limit in (1, 7, 29, 30, 31):
            after: tuple[str, str] | None = None
            found: list[Version] = []
            more = True
            while more:
                page = await backend.list(Range(QUERIES, None, after), limit)
                joined = await backend.list_joined(Range(QUERIES, None, after), limit)
                case.assertEqual((joined.count, joined.more), (len(page.versions), page.more))
                found += page.versions
                after, more = joined.last, page.more
                case.assertEqual(after, page.versions[-1].key[1:])
            case.assertEqual(found, whole)

    async def test_snapshot_pages(self) -> None:
        """
        Pages as of one revision do not see what was written since: not what was
        changed, nor what was deleted, deleted and made again, or new.
        """
        case: Any = self
        backend = await self.open_backend()
        first = await self.write(backend, *(change(key(f"n{i}")) for i in range(9)))
        at = await backend.current_revision()
        await self.write(
            backend,
            change(key("n1"), MODIFIED, 3),
            change(key("n2"), DELETED, 4),
            change(key("n3"), DELETED, 5),
            change(key("n3")),
            change(key("n3x")),
            change(key("n4"), MODIFIED, 6),
        )
        after: tuple[str, str] | None = None
        found: list[Version] = []
        more = True
        while more:
            page = await backend.list(Range(QUERIES, "default", after), 2, at)
            case.assertEqual(page.revision, at)
            found += page.versions
            after, more = (found[-1].key.namespace, found[-1].key.name), page.more
        case.assertEqual(found, first)

    async def test_random_history(self) -> None:
        """
        After random batches, every read at every revision says what the history says.
        """
        case: Any = self
        seed = random.randrange(1 << 32)
        try:
            await self._random_history(random.Random(seed))
        except case.failureException as error:
            raise case.failureException(f"seed {seed}: {error}") from error

    async def _random_history(self, dice: random.Random) -> None:
        case: Any = self
        backend = await self.open_backend()
        model = Model()
        keys = [key(f"n{i % 5}", f"s{i % 2}", (QUERIES, AGENTS)[i % 3 == 0]) for i in range(12)]
        for _ in range(self.rounds):
            batch = [self._random_change(dice, model, keys) for _ in range(dice.randint(1, 6))]
            for wish, outcome in zip(batch, await backend.commit(batch)):
                current = model.at(wish.key, model.revision)
                version = model.apply(wish)
                case.assertEqual(outcome, Committed(version) if version else Mismatch(current))
        case.assertEqual(await backend.current_revision(), model.revision)
        floor = model.revision // 3
        await self._compare(backend, model, dice, 1)
        await backend.compact(floor)
        await self._compare(backend, model, dice, floor)

    def _random_change(self, dice: random.Random, model: Model, keys: Sequence[Key]) -> Change:
        where = dice.choice(keys)
        current = model.at(where, model.revision)
        expected = current.revision if current else 0
        event = dice.choice((MODIFIED, MODIFIED, DELETED)) if current else ADDED
        if dice.random() < 0.1:
            expected = dice.choice((0, 1, 2, expected + 1))
        return change(where, event, expected, f"text {dice.random()}")

    async def _compare(self, backend: Any, model: Model, dice: random.Random, floor: int) -> None:
        case: Any = self
        for revision in range(floor, model.revision + 1):
            after = dice.choice((None, ("s0", "n2"), ("s1", "")))
            range_ = Range(dice.choice((QUERIES, AGENTS)), dice.choice((None, "s0", "s1")), after)
            limit = dice.randint(1, 12)
            expected = model.live(range_, revision)
            page = await backend.list(range_, limit, revision)
            case.assertEqual(page, (revision, expected[:limit], len(expected) > limit))
            joined = await backend.list_joined(range_, limit, revision)
            case.assertEqual(joined.text, b",".join([version.body for version in expected[:limit]]))
            case.assertEqual(joined.more, page.more)
            case.assertEqual(await backend.count(range_, revision), len(expected))
            where = key(f"n{dice.randint(0, 4)}", f"s{dice.randint(0, 1)}", range_.resource)
            case.assertEqual(await backend.get(where, revision), model.at(where, revision))
        for where in {version.key for version in model.log}:
            case.assertEqual(await backend.get(where), model.at(where, model.revision))
        await self._compare_events(backend, model, floor)

    async def _compare_events(self, backend: Any, model: Model, floor: int) -> None:
        case: Any = self
        reached, events = floor, []
        while True:
            page = await backend.events(reached, 7)
            if not page.events:
                break
            events += page.events
            reached = page.revision
        case.assertEqual(reached, model.revision)
        case.assertEqual(events, [model.event(each) for each in model.log if each.revision > floor])

    async def test_events_carry_what_was(self) -> None:
        """
        An event has the version it wrote and the one it replaced.
        """
        case: Any = self
        backend = await self.open_backend()
        added, modified, deleted = await self.write(
            backend, change(key("a")), change(key("a"), MODIFIED, 2), change(key("a"), DELETED, 3)
        )
        page = await backend.events(1, 10)
        case.assertEqual(page.revision, 4)
        case.assertEqual(page.events, [Event(added, None), Event(modified, added), Event(deleted, modified)])
        case.assertEqual(await backend.events(2, 1), (3, [Event(modified, added)]))

    async def test_compacted_reads(self) -> None:
        """
        Before the floor nothing can be read; at it and above, everything.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(backend, change(key("a")), change(key("a"), MODIFIED, 2), change(key("b")))
        await backend.compact(3)
        case.assertEqual(await backend.compacted_revision(), 3)
        for reading in (
            backend.get(key("a"), 2),
            backend.list(Range(QUERIES), 5, 2),
            backend.list_joined(Range(QUERIES), 5, 2),
            backend.count(Range(QUERIES), 2),
            backend.list(Range(QUERIES, "a", ("b", "c")), 5, 2),
            backend.events(2, 5),
        ):
            with case.assertRaises(Compacted) as caught:
                await reading
            case.assertEqual((caught.exception.revision, caught.exception.floor), (2, 3))
        case.assertEqual((await backend.get(key("a"), 3)).revision, 3)
        case.assertEqual(await backend.count(Range(QUERIES), 3), 1)
        case.assertEqual(len((await backend.events(3, 5)).events), 1)

    async def test_floor_only_rises(self) -> None:
        """
        The floor neither falls nor passes the newest revision.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(backend, change(key("a")), change(key("b")))
        await backend.compact(2)
        await backend.compact(1)
        case.assertEqual(await backend.compacted_revision(), 2)
        await backend.compact(99)
        case.assertEqual(await backend.compacted_revision(), 3)
        case.assertEqual(await backend.count(Range(QUERIES)), 2)

    async def test_compaction_drops(self) -> None:
        """
        Compaction drops what was replaced or deleted up to the floor, each version once.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(
            backend,
            change(key("a")),
            change(key("a"), MODIFIED, 2),
            change(key("b")),
            change(key("b"), DELETED, 4),
            change(key("a"), MODIFIED, 3),
            change(key("c")),
        )
        case.assertEqual(await backend.compact(4), 1)
        case.assertEqual(await backend.compact(4), 0)
        case.assertEqual(await backend.compact(6), 3)
        case.assertEqual((await backend.get(key("a"))).revision, 6)

    async def test_compaction_keeps_the_counter(self) -> None:
        """
        Compacting everything, the newest event a deletion, never gives a revision out twice.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(backend, change(key("a")), change(key("a"), DELETED, 2))
        await backend.compact(3)
        case.assertEqual(await backend.current_revision(), 3)
        case.assertIsNone(await backend.get(key("a")))
        (version,) = await self.write(backend, change(key("a")))
        case.assertEqual((version.revision, version.previous), (4, 0))
        case.assertEqual((await backend.events(3, 5)).events, [Event(version, None)])

    async def test_gets_of_one_turn(self) -> None:
        """
        Many reads at once each get their own answer.
        """
        case: Any = self
        backend = await self.open_backend()
        written = await self.write(backend, *(change(key(f"n{i}")) for i in range(70)))
        asked = [Deferred.fromCoroutine(backend.get(key(f"n{i}"))) for i in (*range(75), 3)]
        revision = Deferred.fromCoroutine(backend.current_revision())
        found = await gatherResults(asked)
        case.assertEqual(found, [*written, *[None] * 5, written[3]])
        case.assertEqual(await revision, 71)

    async def test_unusual_names(self) -> None:
        """
        Names are text of any sort: nothing in them has a meaning.
        """
        case: Any = self
        backend = await self.open_backend()
        names = ["it's", 'a"b', "a%b_c", "a\x1fb", "a,b", "система:masters", "a;--", "?1", ":name"]
        written = await self.write(backend, *(change(key(name, "")) for name in names))
        for version in written:
            case.assertEqual(await backend.get(version.key), version)
            case.assertEqual(await backend.get(version.key, version.revision), version)
        page = await backend.list(Range(QUERIES, ""), 100)
        case.assertEqual(page.versions, sorted(written))
        page = await backend.events(1, 100)
        case.assertEqual([event.version for event in page.events], written)

    async def test_subscribers_are_woken(self) -> None:
        """
        A subscriber is called after a commit, and no more once it has left.
        """
        from twisted.internet import reactor

        case: Any = self
        backend = await self.open_backend()
        woken: Deferred[None] = Deferred()
        calls: list[None] = []

        def wake() -> None:
            calls.append(None)
            if not woken.called:
                woken.callback(None)

        leave = backend.subscribe(wake)
        await self.write(backend, change(key("a")))
        await woken
        leave()
        count = len(calls)
        await self.write(backend, change(key("b")))
        await deferLater(reactor, 0)
        case.assertEqual(len(calls), count)

    async def test_size(self) -> None:
        """
        A store that tells how large it is takes some room; none has to tell.
        """
        case: Any = self
        backend = await self.open_backend()
        await self.write(backend, change(key("a")))
        if ITellsSize.providedBy(backend):
            case.assertGreater(await ITellsSize(backend).size(), 0)

    async def test_closed(self) -> None:
        """
        A closed store says so, and closing twice does nothing.
        """
        case: Any = self
        backend = await self.open_backend()
        await backend.close()
        await backend.close()
        for reading in (
            backend.get(key("a")),
            backend.commit([change(key("a"))]),
            backend.current_revision(),
            backend.ready(),
        ):
            with case.assertRaises(StorageError):
                await reading
