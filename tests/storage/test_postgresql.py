"""
Tests for L{ark.storage.postgresql}: it is held to the contract of every backend.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.storage.postgresql import open_backend
from ark.storage.testing import StorageBackendTestsMixin
from tests.storage.postgresqlserver import shared_server


class PostgreSQLBackendTests(StorageBackendTestsMixin, TestCase):
    """
    The contract.
    """

    async def make_backend(self) -> Any:
        return await open_backend({"db_url": shared_server(SkipTest).url()}, reactor)
