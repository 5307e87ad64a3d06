"""
The conformance tests of L{ark.interfaces.IRestores}, which a backend need not provide.

L{ark.storage.testing.StorageBackendTestsMixin} has them; they are skipped where the backend
cannot be adapted to the interface.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from ark.interfaces import IRestores
from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Event, Key, Range, Version
from ark.storage.errors import Compacted, StorageError, Unavailable

_QUERIES = "queries.ark.mckinsey.com"
_AGENTS = "agents.ark.mckinsey.com"
_MARK = '{"a mark":"größe \'quoted\'"}'


def _version(revision: int, name: str, event: str = ADDED, previous: int = 0) -> Version:
    body = f'{{"metadata":{{"name":"{name}","resourceVersion":"{revision}"}},"text":"größe"}}'.encode()
    where = Key(_QUERIES, "default", name)
    return Version(where, revision, event, body, b'{"app":"ark"}', f"uid-of-{name}", previous)


def _change(name: str, event: str = ADDED, expected: int = 0, resource: str = _QUERIES) -> Change:
    body = Body(b'{"metadata":{"resourceVersion":"', b'"}}')
    return Change(Key(resource, "default", name), expected, event, body, b"", f"uid-of-{name}")


class RestoreTestsMixin:
    """
    Part of L{ark.storage.testing.StorageBackendTestsMixin}.
    """

    async def _restorable(self) -> tuple[Any, Any]:
        case: Any = self
        backend = await case.open_backend()
        restores = IRestores(backend, None)
        if restores is None:
            raise SkipTest("the backend does not provide IRestores")
        return backend, restores

    async def test_restoring_interface(self) -> None:
        """
        What the backend can be adapted to has every method of the interface.
        """
        _, restores = await self._restorable()
        verifyObject(IRestores, restores)

    async def test_resources_of_the_log(self) -> None:
        """
        Resources are known as long as the log has a version of theirs, be it a deletion.
        """
        case: Any = self
        backend, restores = await self._restorable()
        case.assertEqual(list(await restores.resources()), [])
        await backend.commit(
            [_change("a"), _change("b", resource=_AGENTS), _change("b", DELETED, 3, _AGENTS)]
        )
        await backend.commit([_change("c", resource="a.b"), _change("d")])
        case.assertEqual(list(await restores.resources()), ["a.b", _AGENTS, _QUERIES])
        await backend.compact(await backend.current_revision())
        case.assertEqual(list(await restores.resources()), ["a.b", _QUERIES])

    async def test_a_mark_holds_commits(self) -> None:
        """
        With a mark nothing is committed, and all else goes on; without it everything is as before.
        """
        case: Any = self
        backend, restores = await self._restorable()
        case.assertEqual(await restores.mark(), "")
        await restores.set_mark("")
        await backend.commit([_change("a"), _change("a", MODIFIED, 2), _change("z")])
        for mark in ("another one", _MARK):
            await restores.set_mark(mark)
            case.assertEqual(await restores.mark(), mark)
        for wish in (_change("b"), _change("a", DELETED, 3)):
            with case.assertRaises(Unavailable):
                await backend.commit([wish])
        await backend.ready()
        case.assertEqual(await backend.current_revision(), 4)
        case.assertEqual((await backend.get(Key(_QUERIES, "default", "a"))).revision, 3)
        case.assertEqual(await backend.compact(3), 1)
        await restores.set_mark("")
        case.assertEqual(await restores.mark(), "")
        (outcome,) = await backend.commit([_change("b")])
        case.assertIsInstance(outcome, Committed)
        case.assertEqual(outcome.version.revision, 5)

    async def test_restored_history(self) -> None:
        """
        A store has what it was given at the revisions that it was given, and goes on from there.
        """
        case: Any = self
        backend, restores = await self._restorable()
        await backend.commit([_change("before"), _change("gone", resource=_AGENTS)])
        await restores.wipe(40, "begun")
        case.assertEqual((await restores.mark(), list(await restores.resources())), ("begun", []))
        case.assertEqual((await backend.current_revision(), await backend.compacted_revision()), (40, 40))
        live = [_version(31, "a", MODIFIED, 12), _version(7, "b")]
        await restores.restore(live, 40, "all that was live")
        later = [
            _version(41, "a", MODIFIED, 31),
            _version(42, "c"),
            _version(43, "b", DELETED, 7),
            _version(44, "c", DELETED, 42),
            _version(45, "c"),
        ]
        await restores.restore(later[:3], 43, "some of the log")
        await restores.restore(later[3:], 45, _MARK)
        case.assertEqual(await restores.mark(), _MARK)
        with case.assertRaises(Unavailable):
            await backend.commit([_change("d")])
        await restores.set_mark("")
        await self._compare_restored(backend, live, later)
        outcomes = await backend.commit([_change("c", MODIFIED, 45), _change("b"), _change("a", DELETED, 41)])
        case.assertEqual([outcome.version.revision for outcome in outcomes], [46, 47, 48])

    async def _compare_restored(self, backend: Any, live: list[Version], later: list[Version]) -> None:
        case: Any = self
        old, new = live
        case.assertEqual(await backend.list(Range(_QUERIES), 9), (45, [later[0], later[4]], False))
        case.assertEqual(await backend.list(Range(_QUERIES), 9, 40), (40, live, False))
        case.assertEqual(await backend.list(Range(_QUERIES), 9, 42), (42, [later[0], new, later[1]], False))
        case.assertEqual(await backend.get(Key(_QUERIES, "default", "a"), 40), old)
        events = [Event(version, before) for version, before in zip(later, (old, None, new, later[1], None))]
        case.assertEqual(await backend.events(40, 9), (45, events))
        with case.assertRaises(Compacted):
            await backend.events(39, 9)

    async def test_restored_versions_are_compacted(self) -> None:
        """
        Compaction drops of what was restored what it would have dropped where it comes from.
        """
        case: Any = self
        backend, restores = await self._restorable()
        await restores.wipe(10, "begun")
        await restores.restore([_version(4, "a", MODIFIED, 3), _version(9, "b")], 10, "on")
        later = [_version(11, "a", MODIFIED, 4), _version(12, "b", DELETED, 9), _version(13, "c")]
        await restores.restore(later, 14, "on")
        await restores.set_mark("")
        case.assertEqual(await backend.compact(11), 1)
        case.assertEqual(await backend.compact(14), 2)
        case.assertEqual(await backend.list(Range(_QUERIES), 9), (14, [later[0], later[2]], False))

    async def test_restoring_needs_a_mark(self) -> None:
        """
        What is in use cannot be restored by mistake: nothing is written then.
        """
        case: Any = self
        backend, restores = await self._restorable()
        await backend.commit([_change("b")])
        with case.assertRaises(StorageError):
            await restores.restore([_version(7, "a")], 7, "one")
        case.assertEqual((await restores.mark(), await backend.current_revision()), ("", 2))
        case.assertIsNone(await backend.get(Key(_QUERIES, "default", "a")))
        await restores.wipe(0, "begun")
        case.assertEqual((await backend.current_revision(), await backend.compacted_revision()), (1, 0))
        case.assertEqual(await backend.events(1, 9), (1, []))

    async def test_restoring_wakes_subscribers(self) -> None:
        """
        Whoever follows the log learns of what is restored.
        """
        backend, restores = await self._restorable()
        await restores.wipe(0, "begun")
        woken: Deferred[None] = Deferred()

        def wake() -> None:
            if not woken.called:
                woken.callback(None)

        leave = backend.subscribe(wake)
        await restores.restore([_version(2, "a")], 2, "one")
        await woken
        leave()
