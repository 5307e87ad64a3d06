"""
Tests for L{ark.meta.known}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.meta.known import Known


class KnownTests(SynchronousTestCase):
    """
    Results that are remembered.
    """

    def test_what_is_kept_is_found(self) -> None:
        """
        And given back at once.
        """
        known: Known[str, list[int]] = Known(2)
        value = [1]
        self.assertIs(known.keep("a", value), value)
        self.assertIs(known.get("a"), value)

    def test_never_more_than_so_many_are_kept(self) -> None:
        """
        When there are too many all go, and those that come again are remembered again.
        """
        known: Known[int, int] = Known(3)
        for number in range(20):
            known.keep(number, number)
            self.assertLessEqual(len(known), 3)
            self.assertEqual(known.get(number), number)
