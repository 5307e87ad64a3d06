"""
Tests for L{ark.storage.postgresqlmigrate}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest, TestCase

from ark.interfaces import IRestores
from ark.meta.records import MODIFIED, SchemaState
from ark.storage import postgresqlmigrate
from ark.storage.postgresql import inspect, open_backend
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlsession import Session
from ark.storage.postgresqlsettings import connection_settings
from ark.storage.testing import change, key
from tests.storage.postgresqlserver import shared_server


class OlderServer:
    """
    One of the first release, which knows the schema of version 1 and nothing else.
    """

    def __init__(self, url: str) -> None:
        self._server = shared_server(SkipTest)
        self._schema = url.rpartition("%3D")[2]
        self._batch = 0
        self.sql("SELECT * FROM ark_settle_v1('older', 0)")

    def sql(self, text: str) -> str:
        """
        What a statement gives.
        """
        return self._server.sql(f"SET search_path = {self._schema}; {text}").strip()

    def create(self, name: str) -> int:
        """
        Write a new object, and give its revision.
        """
        where, _, _ = key(name)
        members = (where, "default", name)
        keys = ", ".join(f"ARRAY['{member}']" for member in members)
        rest = """ARRAY[0::bigint], ARRAY['ADDED'], ARRAY['u'], ARRAY[''], ARRAY['{"r":"'], ARRAY['"}']"""
        row = self.sql(
            f"SELECT * FROM ark_commit_v1('older', {self._batch + 1}, 0, ARRAY[0], {keys}, {rest})"  # noqa: S608
        )
        self._batch += 1
        return int(row.split("|")[0])

    def get(self, name: str) -> int:
        """
        The revision of a live object.
        """
        where, _, _ = key(name)
        call = f"ark_get_v1(ARRAY['{where}'], ARRAY['default'], ARRAY['{name}'])"
        return int(self.sql(f"SELECT revision FROM {call} WHERE place = 1"))  # noqa: S608


class MigrationTests(TestCase):
    """
    From one version of the schema to the next.
    """

    async def opened(self, url: str) -> Any:
        """
        A store that is closed after the test.
        """
        backend = await open_backend({"db_url": url}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def test_from_version_1(self) -> None:
        """
        What was written stays; a server of the release before goes on beside the one that migrated,
        and is held like that one.
        """
        url = shared_server(SkipTest).url()
        files = postgresqlmigrate.schema_files()
        self.patch(postgresqlmigrate, "schema_files", lambda: {1: files[1]})
        session = Session(reactor)
        await session.open(Hosts(connection_settings({"db_url": url}), reactor), 15)
        await postgresqlmigrate.migrate(session, 15)
        session.close()
        older = OlderServer(url)
        self.assertEqual(older.create("a"), 2)
        self.patch(postgresqlmigrate, "schema_files", lambda: files)
        self.assertEqual(await inspect({"db_url": url}, reactor), SchemaState(1, max(files)))
        newer = await self.opened(url)
        self.assertEqual(await inspect({"db_url": url}, reactor), SchemaState(max(files), max(files)))
        (outcome,) = await newer.commit([change(key("a"), MODIFIED, 2)])
        self.assertEqual(older.get("a"), outcome.version.revision)
        restores = IRestores(newer)
        await restores.set_mark("held")
        with self.assertRaisesRegex(Exception, "writes are held"):
            await newer.commit([change(key("b"))])
        with self.assertRaisesRegex(Exception, "writes are held"):
            older.create("b")
        await restores.set_mark("")
        self.assertEqual(older.create("b"), 4)
        await newer.commit([change(key("c"))])
        self.assertEqual(older.get("c"), 5)

    async def test_many_at_once(self) -> None:
        """
        One server makes the schema, and the others find it made.
        """
        url = shared_server(SkipTest).url()
        opening = [Deferred.fromCoroutine(open_backend({"db_url": url}, reactor)) for _ in range(6)]
        for backend in await gatherResults(opening):
            await backend.close()
