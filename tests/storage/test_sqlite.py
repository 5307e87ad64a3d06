"""
Tests for L{ark.storage.sqlite}: the contract of every backend, alone and with others.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from ark.storage.sqlite import open_backend
from ark.storage.testing import StorageBackendTestsMixin


class SQLiteBackendTests(StorageBackendTestsMixin, TestCase):
    """
    The contract, with the file to itself.
    """

    async def make_backend(self) -> Any:
        return await open_backend({"db_path": self.mktemp(), "ballast_bytes": 4096}, reactor)


class SharedSQLiteBackendTests(StorageBackendTestsMixin, TestCase):
    """
    The contract, as one of several processes.
    """

    async def make_backend(self) -> Any:
        return await open_backend({"db_path": self.mktemp(), "ballast_bytes": 4096, "workers": 2}, reactor)
