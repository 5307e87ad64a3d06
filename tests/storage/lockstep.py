"""
All back ends in lock-step: whatever is asked of them in whatever order, each says what a simple model says.

    python -m tests.storage.lockstep

plays as many histories as trust T7 wants.
"""

from __future__ import annotations

import os
import sys
import unittest
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.internet import reactor as running
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import blockingCallFromThread
from twisted.trial.unittest import SkipTest

from ark.interfaces import IRestores
from ark.meta.records import ADDED, DELETED, MODIFIED, Committed, Mismatch, Range
from ark.storage import memory, postgresql, sqlite
from ark.storage.errors import Compacted
from ark.storage.testing import AGENTS, QUERIES, Model, change, key
from tests.storage.postgresqlserver import shared_server

FULL = 500
SHORT = 20
STEPS = 50

_REACTOR: Any = running
_KEYS = [key(f"n{n}", f"s{n % 2}", (QUERIES, AGENTS)[n % 3 == 0]) for n in range(6)]
_EVENTS = (ADDED, MODIFIED, DELETED)
_WISHES = st.tuples(
    st.sampled_from(_KEYS),
    st.sampled_from(_EVENTS),
    st.sampled_from(("right", "right", "right", "none", "old")),
)
_RANGES = st.builds(
    Range,
    st.sampled_from((QUERIES, AGENTS)),
    st.sampled_from((None, "s0", "s1")),
    st.sampled_from((None, ("s0", "n2"), ("s1", ""), ("s1", "n5"))),
)
_FLOOR = -1
#: How far back; nothing means now.
_BACK = st.one_of(st.none(), st.just(_FLOOR), st.integers(0, 12))


class Stores:
    """
    An open store of each back end.
    """

    def __init__(self, openers: dict[str, Callable[[], Awaitable[Any]]]) -> None:
        self._openers = openers
        self._open = {name: self.call(opener) for name, opener in openers.items()}

    @staticmethod
    def call(work: Callable[[], Awaitable[Any]]) -> Any:
        """
        Have the reactor do something, from another thread.
        """
        return blockingCallFromThread(_REACTOR, lambda: Deferred.fromCoroutine(_coroutine(work)))

    def each(self, ask: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
        """
        What each says; what is compacted is told by its floor.
        """

        async def answer(backend: Any) -> Any:
            try:
                return await ask(backend)
            except Compacted as error:
                return error.revision, error.floor

        async def answers() -> list[Any]:
            return await gatherResults(
                [Deferred.fromCoroutine(answer(backend)) for backend in self._open.values()]
            )

        return dict(zip(self._open, self.call(answers)))

    def reopen(self) -> None:
        """
        Close and open those that keep what they have.
        """
        for name in self._open:
            if name != "memory":
                self.call(self._open[name].close)
                self._open[name] = self.call(self._openers[name])

    def empty(self) -> None:
        """
        Make each a new one.
        """

        async def wipe(backend: Any) -> None:
            restores: Any = IRestores(backend)
            await restores.wipe(0, "new")
            await restores.set_mark("")

        self.each(wipe)

    def close(self) -> None:
        """
        Close all.
        """
        for backend in self._open.values():
            self.call(backend.close)


async def _coroutine(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


class Machine(RuleBasedStateMachine):
    """
    What may be asked, in any order.
    """

    stores: Stores

    def __init__(self) -> None:
        super().__init__()
        self.stores.empty()
        self.model = Model()
        self.floor = 0
        self._written = 0

    def agree(self, expected: Any, ask: Callable[[Any], Awaitable[Any]]) -> None:
        """
        All say what is expected.
        """
        for name, said in self.stores.each(ask).items():
            if said != expected:
                raise AssertionError(f"{name} says {said!r}, not {expected!r}")

    def at(self, back: int | None) -> tuple[int, int | None]:
        """
        The revision that a read is about, and how it is asked for.
        """
        if back is None:
            return self.model.revision, None
        revision = max(self.floor if back == _FLOOR else self.model.revision - back, 1)
        return revision, revision

    def read(self, asked: int | None, expected: Any, ask: Callable[[Any], Awaitable[Any]]) -> None:
        """
        As L{agree}, but that nobody knows what was before the floor.
        """
        gone = asked is not None and asked < self.floor
        self.agree((asked, self.floor) if gone else expected, ask)

    @rule(wishes=st.lists(_WISHES, min_size=1, max_size=6))
    def commit(self, wishes: list[Any]) -> None:
        """
        A batch, parts of which may not match.
        """
        batch, expected = [], []
        for where, event, aim in wishes:
            self._written += 1
            current = self.model.at(where, self.model.revision)
            found = current.revision if current else 0
            wish = change(where, event, {"right": found, "none": 0, "old": 2}[aim], f"text {self._written}")
            version = self.model.apply(wish)
            batch.append(wish)
            expected.append(Committed(version) if version else Mismatch(current))
        self.agree(expected, lambda backend: _list(backend.commit(batch)))

    @rule(where=st.sampled_from(_KEYS), back=_BACK)
    def get(self, where: Any, back: int | None) -> None:
        """
        One object.
        """
        revision, asked = self.at(back)
        self.read(asked, self.model.at(where, revision), lambda backend: backend.get(where, asked))

    @rule(range=_RANGES, limit=st.integers(1, 8), back=_BACK)
    def list(self, range: Range, limit: int, back: int | None) -> None:
        """
        A page, in both forms, and how many there are.
        """
        revision, asked = self.at(back)
        live = self.model.live(range, revision)
        bodies, more = b",".join(version.body for version in live[:limit]), len(live) > limit
        self.read(asked, (revision, live[:limit], more), lambda backend: backend.list(range, limit, asked))
        self.read(asked, len(live), lambda backend: backend.count(range, asked))

        async def joined(backend: Any) -> Any:
            page = await backend.list_joined(range, limit, asked)
            return page.revision, page.text, page.more

        self.read(asked, (revision, bodies, more), joined)

    @rule(back=st.integers(_FLOOR, 12), limit=st.integers(1, 8))
    def events(self, back: int, limit: int) -> None:
        """
        What happened since.
        """
        after, _ = self.at(back)
        expected = [self.model.event(each) for each in self.model.log if each.revision > after][:limit]

        async def read(backend: Any) -> Any:
            return _list_of((await backend.events(after, limit)).events)

        self.read(after, expected, read)

    @rule(back=st.integers(0, 8))
    def compact(self, back: int) -> None:
        """
        Forget history.
        """
        revision, _ = self.at(back)
        self.floor = max(self.floor, revision)
        self.stores.each(lambda backend: backend.compact(revision))

    @rule(often=st.integers(0, 9))
    def reopen(self, often: int) -> None:
        """
        Start again, not as often as all else: it takes longer.
        """
        if not often:
            self.stores.reopen()

    @invariant()
    def counters(self) -> None:
        """
        The counter and the floor.
        """

        async def read(backend: Any) -> Any:
            return await backend.current_revision(), await backend.compacted_revision()

        self.agree((self.model.revision, self.floor), read)


async def _list(awaited: Awaitable[Any]) -> Any:
    return _list_of(await awaited)


def _list_of(found: Any) -> Any:
    return [*found]


def play(examples: int) -> None:
    """
    Play histories, in a thread that is not the reactor's.

    @raise AssertionError: with the shortest history in which one differs.
    """
    with stores() as opened:
        played = type("Machine", (Machine,), {"stores": opened})
        run_state_machine_as_test(
            played,
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


@contextmanager
def stores() -> Iterator[Stores]:
    """
    All that can be had here, and closed afterwards.
    """
    with TemporaryDirectory(prefix="ark-lockstep-") as folder:
        config = {"db_path": os.path.join(folder, "ark.db"), "ballast_bytes": 0}
        openers: dict[str, Callable[[], Awaitable[Any]]] = {
            "memory": lambda: memory.open_backend({}, _REACTOR),
            "sqlite": lambda: sqlite.open_backend(config, _REACTOR),
        }
        try:
            url = shared_server(SkipTest).url()
            openers["postgresql"] = lambda: postgresql.open_backend({"db_url": url}, _REACTOR)
        except SkipTest as error:
            print(error, file=sys.stderr)
        opened = Stores(openers)
        try:
            yield opened
        finally:
            opened.close()


def main() -> int:
    """
    Play as many as there should be.
    """
    os.environ["ARK_LOCKSTEP"] = str(FULL)
    suite = unittest.defaultTestLoader.loadTestsFromName("tests.storage.test_lockstep")
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
