"""
Tests for L{ark.storage.mysql}: it is held to the contract of every backend.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.storage.mysql import open_backend
from ark.storage.testing import StorageBackendTestsMixin
from tests.storage.mysqlserver import shared_server


class MySQLBackendTests(StorageBackendTestsMixin, TestCase):
    """
    The contract.
    """

    async def make_backend(self) -> Any:
        return await open_backend({"db_url": shared_server(SkipTest).url()}, reactor)
