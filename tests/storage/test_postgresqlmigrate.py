"""
Tests for L{ark.storage.postgresqlmigrate}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from ark.interfaces import IRestores
from ark.meta.records import MODIFIED, SchemaState
from ark.storage import postgresqlmigrate
from ark.storage.postgresql import inspect, open_backend
from ark.storage.testing import change, key
from tests.storage.postgresqlserver import shared_server


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
        older = await self.opened(url)
        await older.commit([change(key("a"))])
        self.patch(postgresqlmigrate, "schema_files", lambda: files)
        self.assertEqual(await inspect({"db_url": url}, reactor), SchemaState(1, max(files)))
        newer = await self.opened(url)
        self.assertEqual(await inspect({"db_url": url}, reactor), SchemaState(max(files), max(files)))
        (outcome,) = await newer.commit([change(key("a"), MODIFIED, 2)])
        self.assertEqual(await older.get(key("a")), outcome.version)
        restores = IRestores(newer)
        await restores.set_mark("held")
        for backend in (older, newer):
            with self.assertRaisesRegex(Exception, "writes are held"):
                await backend.commit([change(key("b"))])
        await restores.set_mark("")
        for backend, name in ((older, "b"), (newer, "c")):
            await backend.commit([change(key(name))])
        self.assertEqual(await older.current_revision(), 5)
