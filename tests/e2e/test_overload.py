"""
The short form of L{tests.e2e.overload}.
"""

from __future__ import annotations

from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e import overload


class OverloadTests(SynchronousTestCase):
    """
    One test a case.
    """

    def setUp(self) -> None:
        """
        It takes files.
        """
        if not overload.may_open(2 * overload.SHORT.connections + 500):
            raise SkipTest("not enough files may be open here")

    def test_idle_connections(self) -> None:
        """
        See L{overload.idle_connections}.
        """
        self.assertEqual(overload.idle_connections(overload.SHORT).broken, [])

    def test_idle_watches(self) -> None:
        """
        See L{overload.idle_watches}.
        """
        self.assertEqual(overload.idle_watches(overload.SHORT).broken, [])

    def test_out_of_files(self) -> None:
        """
        See L{overload.out_of_files}.
        """
        self.assertEqual(overload.out_of_files(overload.SHORT).broken, [])

    def test_flood(self) -> None:
        """
        See L{overload.flood}.
        """
        self.assertEqual(overload.flood(overload.SHORT).broken, [])

    def test_slope(self) -> None:
        """
        See L{overload.slope}.
        """
        self.assertEqual(overload.slope(overload.SHORT).broken, [])

    def test_many_namespaces(self) -> None:
        """
        See L{overload.many_namespaces}.
        """
        self.assertEqual(overload.many_namespaces(overload.SHORT).broken, [])
