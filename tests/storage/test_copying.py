"""
Tests for L{ark.storage.copying}, L{ark.storage.following} and L{ark.storage.verifying}.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from ark.interfaces import IRestores
from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Key, Range, Version
from ark.storage.copying import Copier, CopyError, Database
from ark.storage.errors import OutcomeUnknown, Unavailable, UnusableDatabase
from ark.storage.following import Follower, is_held
from ark.storage.marks import check_servable, copy_state, moved_mark, moved_to
from ark.storage.memory import MemoryBackend
from ark.storage.mysql import open_backend as open_mysql
from ark.storage.postgresql import open_backend as open_postgresql
from ark.storage.sqlite import open_backend as open_sqlite
from ark.storage.sqlite import open_beside
from ark.storage.verifying import compare
from tests.storage.mysqlserver import shared_server as mysql_server
from tests.storage.postgresqlserver import shared_server

RESOURCES = ("agents.ark.mckinsey.com", "namespaces", "queries.ark.mckinsey.com")


class Told:
    """
    Keeps what a copy says of itself.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.steps: list[int] = []

    def begin(self, what: str, total: int) -> None:
        """
        Kept.
        """
        self.texts.append(what)

    def advance(self, steps: int) -> None:
        """
        Kept.
        """
        self.steps.append(steps)

    def say(self, text: str) -> None:
        """
        Kept.
        """
        self.texts.append(text)


class Failing:
    """
    An L{IRestores} that fails once, before or after a certain write.
    """

    def __init__(self, restores: Any, left: int, written: bool) -> None:
        self._restores = restores
        self._left = left
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._restores, name)

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        Fail, or pass it on.
        """
        self._left -= 1
        if self._left or self._written:
            await self._restores.restore(versions, revision, mark)
        if not self._left:
            raise OutcomeUnknown("the answer was lost") if self._written else Unavailable("nobody answers")


class Spoiling(Failing):
    """
    An L{IRestores} that does not write what it was given.
    """

    def __init__(self, restores: Any) -> None:
        super().__init__(restores, 0, written=True)

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        Write other bodies.
        """
        spoilt = [version._replace(body=version.body.replace(b"text", b"test")) for version in versions]
        await self._restores.restore(spoilt, revision, mark)


class History:
    """
    Writes at random, from a seed.
    """

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._live: dict[Key, int] = {}
        self._count = 0

    async def write(self, backend: Any, changes: int) -> None:
        """
        So many, each in a batch of its own.
        """
        for _ in range(changes):
            (outcome,) = await backend.commit([self._change()])
            assert isinstance(outcome, Committed)
            version = outcome.version
            if version.event == DELETED:
                del self._live[version.key]
            else:
                self._live[version.key] = version.revision

    def _change(self) -> Change:
        dice = self._dice
        self._count += 1
        key = Key(dice.choice(RESOURCES), f"s{dice.randint(0, 2)}", f"n{dice.randint(0, 9)}-ä")
        revision = self._live.get(key, 0)
        event = dice.choice((MODIFIED, MODIFIED, DELETED)) if revision else ADDED
        text = f'"}},"text":"größe {self._count}"}}'.encode()
        body = Body(b'{"metadata":{"resourceVersion":"', text)
        return Change(key, revision, event, body, b'{"app":"ark"}' * (self._count % 2), f"uid-{self._count}")


def database(name: str, backend: Any) -> Database:
    """
    One end of a copy.
    """
    return Database(name, backend, IRestores(backend))


class CopyTestsMixin:
    """
    What is true whatever is copied to whatever.
    """

    async def make_source(self) -> Any:
        """
        An empty store.
        """
        raise NotImplementedError

    async def make_target(self) -> Any:
        """
        Another one.
        """
        raise NotImplementedError

    async def ends(self) -> tuple[Database, Database]:
        """
        Both, closed after the test.
        """
        case: Any = self
        found = []
        for name, make in (("source", self.make_source), ("target", self.make_target)):
            backend = await make()
            case.addCleanup(lambda backend=backend: Deferred.fromCoroutine(backend.close()))
            found.append(database(name, backend))
        return found[0], found[1]

    def copier(self, source: Database, target: Database) -> Copier:
        """
        A process that copies.
        """
        self.told = Told()
        return Copier(source, target, self.told)

    async def finish(self, copier: Copier) -> None:
        """
        End a copy as the command does, and read from both at every revision.
        """
        case: Any = self
        await copier.catch_up()
        await compare(copier.source, copier.target, copier.revision, self.told)
        await copier.target.restores.set_mark("")
        source, target = copier.source.backend, copier.target.backend
        last = await source.current_revision()
        case.assertEqual(await target.current_revision(), last)
        floor = await target.compacted_revision()
        case.assertGreaterEqual(floor, await source.compacted_revision())
        for revision in range(max(floor, 1), last + 1):
            for resource in RESOURCES:
                ours = await source.list(Range(resource), 1000, revision)
                case.assertEqual(await target.list(Range(resource), 1000, revision), ours)
        after = max(floor, 1)
        case.assertEqual(await target.events(after, 10000), await source.events(after, 10000))

    async def test_everything_is_copied(self) -> None:
        """
        State and history above the floor, at every revision; and the target goes on from there.
        """
        case: Any = self
        source, target = await self.ends()
        history = History(1)
        await history.write(source.backend, 150)
        await source.backend.compact(60)
        copier = self.copier(source, target)
        case.assertTrue(await copier.begin())
        await self.finish(copier)
        await history.write(target.backend, 20)
        case.assertEqual(await target.backend.current_revision(), 171)

    async def test_a_store_that_was_never_compacted(self) -> None:
        """
        Its whole history is copied; so is one that is empty, and one that was compacted to its end.
        """
        for changes, floor in ((40, 0), (0, 0), (40, 41)):
            source, target = await self.ends()
            await History(2).write(source.backend, changes)
            if floor:
                await source.backend.compact(floor)
            copier = self.copier(source, target)
            await copier.begin()
            await self.finish(copier)

    async def test_copying_again_and_again(self) -> None:
        """
        Whatever step failed, written or not, the next process goes on where that one was.
        """
        case: Any = self
        for step in range(1, 12):
            source, target = await self.ends()
            await History(step).write(source.backend, 60)
            await source.backend.compact(40)
            restores = Failing(target.restores, step, written=bool(step % 2))
            copier = self.copier(source, target._replace(restores=restores))
            await copier.begin()
            try:
                await copier.catch_up()
            except (OutcomeUnknown, Unavailable):
                pass
            state = copy_state(await target.restores.mark())
            assert state is not None
            copier = self.copier(source, target)
            case.assertTrue(await copier.begin())
            case.assertEqual(copier.state, state)
            await self.finish(copier)

    async def test_history_that_goes_while_it_is_copied(self) -> None:
        """
        When the floor rises over what is being copied, the copy begins anew with less history.
        """
        case: Any = self
        source, target = await self.ends()
        await History(3).write(source.backend, 100)
        copier = self.copier(source, target)
        await copier.begin()
        case.assertEqual(copier.state.base, 1)
        await source.backend.compact(30)
        await self.finish(copier)
        case.assertEqual(copier.state.base, 30 + (101 - 30) // 2 + 1)
        case.assertIn("beginning anew", " ".join(self.told.texts))

    async def test_a_target_in_use_is_refused(self) -> None:
        """
        As are the copy of something else, and a source that was moved to somewhere else.
        """
        case: Any = self
        source, target = await self.ends()
        await History(4).write(target.backend, 3)
        with case.assertRaisesRegex(CopyError, "not empty"):
            await self.copier(source, target).begin(restart=True)
        other, unfinished = await self.ends()
        await self.copier(other._replace(name="another one"), unfinished).begin()
        with case.assertRaisesRegex(CopyError, "unfinished copy of another one"):
            await self.copier(source, unfinished).begin()
        case.assertTrue(await self.copier(source, unfinished).begin(restart=True))
        await source.restores.set_mark(moved_mark("elsewhere"))
        with case.assertRaisesRegex(CopyError, "moved to elsewhere"):
            await self.copier(source, unfinished).begin()

    async def test_a_wipe_that_was_interrupted(self) -> None:
        """
        The target has a mark of its backend's own: nobody serves it, and the copy begins.
        """
        case: Any = self
        source, target = await self.ends()
        await History(11).write(source.backend, 5)
        await History(12).write(target.backend, 5)
        await target.restores.set_mark('{"wiping":true}')
        with case.assertRaisesRegex(UnusableDatabase, "unfinished copy of another one"):
            await check_servable(target.backend)
        copier = self.copier(source, target)
        case.assertTrue(await copier.begin())
        await self.finish(copier)

    async def test_cutting_over(self) -> None:
        """
        What is written while it is followed is copied; then the source takes no writes any
        more, and the target goes on.
        """
        case: Any = self
        source, target = await self.ends()
        history = History(5)
        await history.write(source.backend, 50)
        copier = self.copier(source, target)
        await copier.begin()
        with case.assertRaisesRegex(UnusableDatabase, "unfinished copy"):
            await check_servable(target.backend)
        follower = Follower(copier, self.told, reactor)
        following = Deferred.fromCoroutine(follower.follow())
        await self.eventually(lambda: "follows" in " ".join(self.told.texts))
        await check_servable(target.backend)
        await history.write(source.backend, 30)
        await self.eventually(lambda: copier.revision == 81)
        case.assertEqual(await target.backend.current_revision(), 81)
        follower.cut_over_now()
        await following
        await history.write(source.backend, 7)
        digests, _ = await follower.cut_over()
        case.assertEqual(set(digests), set(RESOURCES))
        case.assertEqual(moved_to(await source.restores.mark()), "target")
        with case.assertRaises(Unavailable):
            await history.write(source.backend, 1)
        with case.assertRaisesRegex(UnusableDatabase, "moved to target"):
            await check_servable(source.backend)
        await check_servable(target.backend)
        case.assertEqual(await target.backend.events(1, 1000), await source.backend.events(1, 1000))
        case.assertFalse(await self.copier(source, target).begin())

    async def test_cutting_over_under_writes(self) -> None:
        """
        Whoever writes is refused at some moment: all that was acknowledged before is in the
        target, and nothing else.
        """
        case: Any = self
        source, target = await self.ends()
        history = History(13)
        await history.write(source.backend, 20)
        writers = [Deferred.fromCoroutine(self.write_on(source.backend, number)) for number in range(4)]
        copier = self.copier(source, target)
        await copier.begin()
        follower = Follower(copier, self.told, reactor)
        follower.cut_over_now()
        await follower.follow()
        await follower.cut_over()
        written = [await writer for writer in writers]
        events = (await target.backend.events(1, 10**6)).events
        known = {event.version.key.name: event.version.revision for event in events[20:]}
        case.assertEqual(known, {name: revision for part in written for name, revision in part.items()})
        case.assertEqual(await target.backend.current_revision(), await source.backend.current_revision())

    async def write_on(self, backend: Any, number: int) -> dict[str, int]:
        """
        Create objects until that is refused, and return their revisions.
        """
        found: dict[str, int] = {}
        body = Body(b'{"metadata":{"resourceVersion":"', b'"}}')
        while True:
            name = f"w{number}-{len(found)}"
            try:
                (outcome,) = await backend.commit(
                    [Change(Key(RESOURCES[0], "", name), 0, ADDED, body, b"", name)]
                )
            except Unavailable:
                return found
            found[name] = outcome.version.revision
            await deferLater(reactor, 0.002)

    async def test_a_cut_over_that_was_interrupted(self) -> None:
        """
        Writes are held, and whoever held them is gone: the next process ends what was begun.
        """
        case: Any = self
        source, target = await self.ends()
        await History(6).write(source.backend, 20)
        copier = self.copier(source, target)
        await copier.begin()
        await copier.catch_up()
        await copier.open_for_reading()
        await source.restores.set_mark(moved_mark("target"))
        copier = self.copier(source, target)
        case.assertTrue(await copier.begin())
        case.assertTrue(await is_held(copier))
        await Follower(copier, self.told, reactor).cut_over()
        case.assertEqual(
            (await target.restores.mark(), moved_to(await source.restores.mark())), ("", "target")
        )

    async def test_a_failed_cut_over_gives_the_source_back(self) -> None:
        """
        The target turns out to be different when writes are held already.
        """
        case: Any = self
        source, target = await self.ends()
        history = History(7)
        await history.write(source.backend, 20)
        copier = self.copier(source, target)
        await copier.begin()
        await copier.catch_up()
        await copier.open_for_reading()
        copier.target = target._replace(restores=Spoiling(target.restores))
        await history.write(source.backend, 1)
        marks = []
        held = source.restores.set_mark
        case.patch(source.restores, "set_mark", lambda mark: (marks.append(mark), held(mark))[1])
        with case.assertRaisesRegex(CopyError, "The databases differ"):
            await Follower(copier, self.told, reactor).cut_over()
        case.assertEqual(marks, [moved_mark("target"), ""])
        await history.write(source.backend, 1)
        case.assertIsNotNone(copy_state(await target.restores.mark()))

    async def eventually(self, condition: Any) -> None:
        """
        Wait, in the reactor's own time, until C{condition} is true.
        """
        while not condition():
            await deferLater(reactor, 0.005)


class MemoryToMemoryTests(CopyTestsMixin, TestCase):
    """
    Without any database.
    """

    async def make_source(self) -> Any:
        return MemoryBackend(reactor)

    make_target = make_source

    async def test_another_user_goes_on(self) -> None:
        """
        A copy that was begun, or a cut-over, as a user who may not end it.
        """
        source, target = await self.ends()
        await History(7).write(source.backend, 5)
        source = source._replace(name="postgresql://reader:***@db/ark?sslmode=require")
        target = target._replace(name="mysql://reader@other/ark")
        copier = self.copier(source, target)
        await copier.begin()
        await copier.catch_up()
        source = source._replace(name="postgresql://owner@db/ark?sslmode=require")
        copier = self.copier(source, target._replace(name="mysql://owner:***@other/ark"))
        self.assertTrue(await copier.begin())
        await source.restores.set_mark(moved_mark(target.name))
        self.assertTrue(await copier.begin())
        self.assertTrue(await is_held(copier))
        with self.assertRaisesRegex(CopyError, "moved to mysql"):
            await self.copier(source, target._replace(name="mysql://reader@third/ark")).begin()


class SQLiteToMemoryTests(CopyTestsMixin, TestCase):
    """
    From a file.
    """

    async def make_source(self) -> Any:
        return await open_sqlite({"db_path": f"{self.mktemp()}.db", "ballast_bytes": 0}, reactor)

    async def make_target(self) -> Any:
        return MemoryBackend(reactor)


class PostgreSQLToSQLiteTests(SQLiteToMemoryTests):
    """
    From PostgreSQL to a file.
    """

    make_target = SQLiteToMemoryTests.make_source

    async def make_source(self) -> Any:
        return await open_postgresql({"db_url": shared_server(SkipTest).url()}, reactor)


class SQLiteToPostgreSQLTests(SQLiteToMemoryTests):
    """
    From a file to PostgreSQL.
    """

    make_target = PostgreSQLToSQLiteTests.make_source


class MySQLToPostgreSQLTests(SQLiteToPostgreSQLTests):
    """
    From MySQL or MariaDB to PostgreSQL.
    """

    async def make_source(self) -> Any:
        return await open_mysql({"db_url": mysql_server(SkipTest).url()}, reactor)


class PostgreSQLToMySQLTests(PostgreSQLToSQLiteTests):
    """
    From PostgreSQL to MySQL or MariaDB.
    """

    make_target = MySQLToPostgreSQLTests.make_source


class VerifyingTests(TestCase):
    """
    A byte that is not what it was is found, whichever version has it.
    """

    async def changed(self, statement: str) -> CopyError:
        """
        What is said of a copy in which a statement has changed something.
        """
        source = database("source", MemoryBackend())
        await History(8).write(source.backend, 80)
        await source.backend.compact(40)
        path = Path(f"{self.mktemp()}.db")
        backend = await open_sqlite({"db_path": str(path), "ballast_bytes": 0}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        target = database("target", backend)
        copier = Copier(source, target, Told())
        await copier.begin()
        await copier.catch_up()
        await compare(source, target, 81, Told())
        connection = dbapi2.connect(str(path), isolation_level=None)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute(statement).rowcount, 1)
        with self.assertRaises(CopyError) as caught:
            await compare(source, target, 81, Told())
        return caught.exception

    async def test_body_of_what_is_live(self) -> None:
        """
        One byte of a body.
        """
        error = await self.changed(
            "UPDATE ark_log SET body = replace(body, 'text', 'tect') WHERE revision = "
            "(SELECT max(revision) FROM ark_object WHERE resource = 'namespaces')"
        )
        self.assertIn("The databases differ in namespaces", error.cause)

    async def test_body_of_what_was_replaced(self) -> None:
        """
        A version that was live at the floor only.
        """
        await self.changed(
            "UPDATE ark_log SET body = body || ' ' WHERE revision = (SELECT min(previous) FROM ark_log WHERE "
            "revision > 40 AND previous BETWEEN 1 AND 40)"
        )

    async def test_labels_and_uid(self) -> None:
        """
        What is beside the body.
        """
        newest = "(SELECT max(revision) FROM ark_log)"
        await self.changed(f"UPDATE ark_log SET labels = '{{}}' WHERE revision = {newest}")  # noqa: S608 - a constant
        await self.changed(f"UPDATE ark_log SET uid = 'x' WHERE revision = {newest}")  # noqa: S608 - a constant

    async def test_a_pointer(self) -> None:
        """
        An object that is not there any more although its log is.
        """
        error = await self.changed(
            "DELETE FROM ark_object WHERE revision = (SELECT max(revision) FROM ark_object)"
        )
        self.assertIn("objects", error.cause)

    async def test_a_resource_more(self) -> None:
        """
        Something that the source does not know.
        """
        error = await self.changed("INSERT INTO ark_object VALUES ('zebras', '', 'a', 81)")
        self.assertIn("zebras: the source has 0 objects", error.cause)


class BesideTests(TestCase):
    """
    A SQLite file that a server has open.
    """

    async def opened(self) -> tuple[Any, Any]:
        """
        The server's backend, and the one beside it.
        """
        path = f"{self.mktemp()}.db"
        server = await open_sqlite({"db_path": path, "ballast_bytes": 0}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(server.close()))
        beside = await open_beside({"db_path": path}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(beside.close()))
        return server, beside

    async def test_reads_what_is_written(self) -> None:
        """
        The counter and the log, as of now.
        """
        server, beside = await self.opened()
        await History(9).write(server, 5)
        self.assertEqual(await beside.current_revision(), 6)
        self.assertEqual(await beside.events(1, 10), await server.events(1, 10))

    async def test_holds_the_writes_of_the_server(self) -> None:
        """
        And lets them go on.
        """
        server, beside = await self.opened()
        history = History(10)
        await history.write(server, 5)
        await IRestores(beside).set_mark("held")
        with self.assertRaisesRegex(Unavailable, "writes are held"):
            await history.write(server, 1)
        await server.ready()
        await IRestores(beside).set_mark("")
        await history.write(server, 1)
        self.assertEqual(await server.current_revision(), 7)

    async def test_what_is_not_there_is_refused(self) -> None:
        """
        And not made.
        """
        path = f"{self.mktemp()}.db"
        with self.assertRaisesRegex(UnusableDatabase, "is not there"):
            await open_beside({"db_path": path}, reactor)
        self.assertFalse(Path(path).exists())
