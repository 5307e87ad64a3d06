"""
Tests for L{ark.watch.counts}.
"""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.records import ADDED, DELETED, MODIFIED, Change, Committed, Key, Range
from ark.storage.errors import Unavailable
from ark.storage.memory import MemoryBackend
from tests.watch.harness import Replica, body, creation
from tests.watch.support import QUERIES

_NAMESPACES = ("a", "b", "c")


class CountingBackend(MemoryBackend):
    """
    Keeps the ranges that it had to count; answers when it is told to.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.counted: list[Range] = []
        self.held: list[Deferred[None]] | None = None

    async def count(self, range: Range, revision: int | None = None) -> int:
        self.counted.append(range)
        number = await super().count(range, revision)
        if self.held is not None:
            self.held.append(Deferred())
            await self.held[-1]
        return number


class CountsTests(SynchronousTestCase):
    """
    Through a L{Cacher}, which follows the log.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = CountingBackend(self.clock)
        self.replica = Replica(self.clock, self.backend).start()
        self.random = Random(7)
        self.live: dict[Key, int] = {}

    def change(self) -> None:
        """
        Create, update or delete something, here or elsewhere.
        """
        key = Key(QUERIES, self.random.choice(_NAMESPACES), f"q{self.random.randrange(8)}")
        expected = self.live.get(key, 0)
        event = ADDED if not expected else self.random.choice((MODIFIED, DELETED))
        change = Change(key, expected, event, body(key, {}, "", 0), b"", "u")
        if self.random.random() < 0.5:
            outcome = self.replica.run(self.replica.cacher.commit(change))
        else:
            (outcome,) = self.replica.run(self.backend.commit([change]))
        assert isinstance(outcome, Committed)
        self.live[key] = 0 if event == DELETED else outcome.version.revision

    def count(self, namespace: str | None, revision: int | None = None) -> int:
        """
        What the replica says.
        """
        return int(self.replica.run(self.replica.cacher.count(Range(QUERIES, namespace), revision)))

    def test_agrees_with_storage(self) -> None:
        """
        At any moment, and as of any revision that is in the window.
        """
        for _ in range(300):
            self.change()
            namespace = self.random.choice((None, *_NAMESPACES))
            newest = self.replica.run(self.backend.current_revision())
            revision = self.random.choice((None, newest, self.random.randrange(1, newest + 1)))
            expected = self.replica.run(
                MemoryBackend.count(self.backend, Range(QUERIES, namespace), revision)
            )
            self.assertEqual(self.count(namespace, revision), expected)
        self.assertEqual(len(self.backend.counted), 1 + len(_NAMESPACES))

    def test_rests_are_counted(self) -> None:
        """
        What comes after a key is known to storage only.
        """
        for name in "abc":
            self.replica.run(self.replica.cacher.commit(creation(name)))
        rest = Range(QUERIES, "default", ("default", "a"))
        self.assertEqual(self.replica.run(self.replica.cacher.count(rest)), 2)
        self.assertEqual(self.backend.counted, [rest])

    def test_what_happens_while_it_is_counted(self) -> None:
        """
        Is not missed, and nobody counts a second time meanwhile.
        """
        self.replica.run(self.replica.cacher.commit(creation("a", "a")))
        self.backend.held = []
        counting = [self.replica.begin(self.replica.cacher.count(Range(QUERIES))) for _ in range(2)]
        self.replica.run(self.replica.cacher.commit(creation("b", "b")))
        (held,) = self.backend.held
        held.callback(None)
        self.assertEqual([self.successResultOf(each) for each in counting], [1, 1])
        self.assertEqual(self.count(None), 2)
        self.assertEqual(len(self.backend.counted), 1)

    def test_failure(self) -> None:
        """
        A count that failed is made once more, and kept when it is asked for again.
        """
        self.backend.held = []
        counting = self.replica.begin(self.replica.cacher.count(Range(QUERIES)))
        held, self.backend.held = self.backend.held, None
        held[0].errback(Unavailable("away"))
        self.assertEqual(self.successResultOf(counting), 0)
        self.assertEqual(self.count(None), 0)
        self.assertEqual(len(self.backend.counted), 3)
