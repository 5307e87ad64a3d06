"""
PostgreSQL behind PgBouncer in transaction mode.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.interfaces import IStorageBackend
from ark.storage.postgresql import open_backend
from ark.storage.testing import StorageBackendTestsMixin, change, key
from tests.programs import NotInstalled
from tests.storage.pgbouncer import PgBouncer
from tests.storage.postgresqlserver import shared_server
from tests.storage.way import until

reactor: Any = default_reactor


class PoolerTests(StorageBackendTestsMixin, TestCase):
    """
    Everything that is asked of a backend, and that others' commits are heard of all the same.
    """

    timeout = 60

    async def make_backend(self) -> IStorageBackend:
        """
        A backend over an empty database.
        """
        return await open_backend({"db_url": self.pooler().url}, reactor)

    def pooler(self) -> PgBouncer:
        """
        A pooler of the test's own.
        """
        try:
            pooler = PgBouncer(shared_server(SkipTest))
        except NotInstalled as error:
            raise SkipTest(str(error)) from None
        self.addCleanup(pooler.remove)
        return pooler

    async def test_commits_of_others_are_noticed(self) -> None:
        """
        Within a second, and the pooler has nothing to complain of.
        """
        pooler = self.pooler()
        backend, other = [await open_backend({"db_url": pooler.url}, reactor) for _ in range(2)]
        try:
            woken: list[int] = []
            backend.subscribe(lambda: woken.append(1))
            for number in range(3):
                del woken[:]
                await other.commit([change(key(f"a{number}"))])
                await until(lambda: woken, "a poll")
            self.assertFalse(backend.hears)
        finally:
            await backend.close()
            await other.close()
        self.assertNotIn("not linked", pooler.log.read_text())
