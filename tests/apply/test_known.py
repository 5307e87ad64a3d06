"""
Tests for L{ark.apply.known}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.known import Known


class KnownTests(SynchronousTestCase):
    """
    Results that are remembered.
    """

    def test_what_was_asked_of_comes_again(self) -> None:
        """
        The first time nobody knows that it does; equal keys are one.
        """
        known: Known[tuple[str, ...], int] = Known(2)
        self.assertFalse(known.comes_again(("a", "b")))
        self.assertFalse(known.comes_again(("b", "a")))
        self.assertTrue(known.comes_again(tuple("ab")))
        self.assertNotIn(("a", "b"), known)

    def test_what_was_asked_of_long_ago_is_forgotten(self) -> None:
        """
        Or there would be ever more of it.
        """
        known: Known[int, int] = Known(2)
        known.comes_again(0)
        for number in range(1, 100):
            known.comes_again(number)
        self.assertFalse(known.comes_again(0))

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
