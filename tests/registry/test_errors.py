"""
What clients are told when storage fails.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.errors import status_of
from ark.storage.errors import Compacted, OutcomeUnknown, StorageError, StorageFull, TimedOut, Unavailable


class StatusTests(SynchronousTestCase):
    """
    The Status of each error.
    """

    def told(self, error: StorageError) -> tuple[int, str, int]:
        """
        Code, reason and after how many seconds to come back.
        """
        status = status_of(error)
        return status.code, status.reason, status.retry_after

    def test_nothing_was_written(self) -> None:
        """
        A client may send the same again, and is told when.
        """
        self.assertEqual(self.told(Unavailable("away")), (503, "ServiceUnavailable", 1))
        self.assertEqual(self.told(TimedOut("late")), (504, "Timeout", 1))

    def test_an_unknown_outcome(self) -> None:
        """
        A client that sends the same again by itself, as client-go does at C{Retry-After}, would be told 409 of
        its own write: so nothing is said of when.
        """
        self.assertEqual(self.told(OutcomeUnknown("lost")), (504, "Timeout", 0))

    def test_what_no_haste_mends(self) -> None:
        """
        A full disk, and history that was dropped.
        """
        self.assertEqual(self.told(StorageFull("full")), (507, "InsufficientStorage", 0))
        self.assertEqual(self.told(Compacted(1, 2)), (410, "Expired", 0))
