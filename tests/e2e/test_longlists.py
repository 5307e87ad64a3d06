"""
The short form of L{tests.e2e.longlists}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e import longlists


class LongListTests(SynchronousTestCase):
    """
    One test a case.
    """

    def test_long_lists(self) -> None:
        """
        See L{longlists.long_lists}.
        """
        self.assertEqual(longlists.long_lists(longlists.SHORT).broken, [])

    def test_stuck_watches(self) -> None:
        """
        See L{longlists.stuck_watches}.
        """
        self.assertEqual(longlists.stuck_watches(longlists.SHORT).broken, [])
