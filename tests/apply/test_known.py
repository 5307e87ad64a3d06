"""
Tests for L{ark.apply.known}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.known import Recurring


class RecurringTests(SynchronousTestCase):
    """
    What is worth remembering.
    """

    def test_what_was_asked_of_comes_again(self) -> None:
        """
        The first time nobody knows that it does; equal keys are one.
        """
        known: Recurring[tuple[str, ...], int] = Recurring(2)
        self.assertFalse(known.comes_again(("a", "b")))
        self.assertFalse(known.comes_again(("b", "a")))
        self.assertTrue(known.comes_again(tuple("ab")))
        self.assertNotIn(("a", "b"), known)

    def test_what_was_asked_of_long_ago_is_forgotten(self) -> None:
        """
        Or there would be ever more of it.
        """
        known: Recurring[int, int] = Recurring(2)
        known.comes_again(0)
        for number in range(1, 100):
            known.comes_again(number)
        self.assertFalse(known.comes_again(0))
