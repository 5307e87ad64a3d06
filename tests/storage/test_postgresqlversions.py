"""
L{ark.storage.postgresql} is held to the contract over the versions of PostgreSQL that it supports.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from ark.storage.postgresql import open_backend
from ark.storage.testing import StorageBackendTestsMixin
from tests.storage.postgresqlversions import server_of, versions


def _tests_of(version: str) -> type[TestCase]:
    class VersionTests(StorageBackendTestsMixin, TestCase):
        # The packages may have to be fetched.
        timeout = 600

        async def make_backend(self) -> Any:
            return await open_backend({"db_url": server_of(version).url()}, reactor)

        async def test_it_is_that_version(self) -> None:
            """
            And no other that happens to be there.
            """
            self.assertEqual(server_of(version).sql("SHOW server_version").partition(".")[0], version)

    VersionTests.__name__ = VersionTests.__qualname__ = f"PostgreSQL{version}Tests"
    VersionTests.__doc__ = f"The contract, over PostgreSQL {version}."
    return VersionTests


for _version in versions():
    globals()[f"PostgreSQL{_version}Tests"] = _tests_of(_version)
