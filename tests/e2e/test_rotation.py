"""
The short form of L{tests.e2e.rotation}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e import rotation


class RotationTests(SynchronousTestCase):
    """
    One test a case.
    """

    def test_replacements(self) -> None:
        """
        See L{rotation.replacements}.
        """
        self.assertEqual(rotation.replacements(rotation.SHORT).broken, [])

    def test_refusals(self) -> None:
        """
        See L{rotation.refusals}.
        """
        self.assertEqual(rotation.refusals(rotation.SHORT).broken, [])

    def test_authorities(self) -> None:
        """
        See L{rotation.authorities}.
        """
        self.assertEqual(rotation.authorities(rotation.SHORT).broken, [])
