"""
Tests for L{ark.storage.memory}: it is held to the contract of every backend.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from ark.storage.memory import MemoryBackend
from ark.storage.testing import StorageBackendTestsMixin


class MemoryBackendTests(StorageBackendTestsMixin, TestCase):
    """
    The contract.
    """

    async def make_backend(self) -> MemoryBackend:
        return MemoryBackend()
