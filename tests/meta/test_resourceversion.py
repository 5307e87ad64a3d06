"""
Tests for L{ark.meta.resourceversion}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.meta.resourceversion import parse_resource_version
from ark.meta.status import APIStatus


class ParseTests(SynchronousTestCase):
    """
    Contract 11.3.
    """

    def test_unset_any_and_certain_revisions_differ(self) -> None:
        """
        Nothing, C{0} and a number mean different things.
        """
        self.assertEqual([parse_resource_version(text) for text in ("", "0", "17")], [None, 0, 17])

    def test_other_texts_are_bad_requests(self) -> None:
        """
        Negative numbers as well.
        """
        for text in ("x", "-1", "1.5", "0x1", "18446744073709551616", "\u0661"):
            status = self.assertRaises(APIStatus, parse_resource_version, text)
            self.assertEqual(status.code, 400)
            self.assertTrue(
                status.message.startswith(
                    f'invalid resource version: resourceVersion: Invalid value: "{text}": strconv.ParseUint'
                )
            )
