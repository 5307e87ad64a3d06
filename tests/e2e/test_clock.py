"""
The short form of L{tests.e2e.clock}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e import clock
from tests.e2e.wrongclock import SHORT


class ClockTests(SynchronousTestCase):
    """
    One test a case.
    """

    def test_jumps(self) -> None:
        """
        See L{clock.jumps}.
        """
        self.assertEqual(clock.jumps(SHORT).broken, [])

    def test_ends(self) -> None:
        """
        See L{tests.e2e.clockends.ends}.
        """
        self.assertEqual(clock.ends(SHORT).broken, [])

    def test_speeds(self) -> None:
        """
        See L{clock.speeds}.
        """
        self.assertEqual(clock.speeds(SHORT).broken, [])

    def test_leases(self) -> None:
        """
        See L{tests.e2e.clockends.leases}.
        """
        self.assertEqual(clock.leases(SHORT).broken, [])
