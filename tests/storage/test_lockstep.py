"""
All back ends say the same, whatever is asked in whatever order.
"""

from __future__ import annotations

import os

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.storage.lockstep import SHORT, play


class LockStepTests(TestCase):
    """
    Trust T7: a machine of random steps, over memory, SQLite and PostgreSQL.
    """

    timeout = 1800.0

    async def test_all_agree(self) -> None:
        """
        Each answers as the model does: batches, reads of now and then, events, compaction, and starting again.
        """
        await deferToThread(play, int(os.environ.get("ARK_LOCKSTEP", SHORT)))
