"""
Tests for L{ark.meta.names}.
"""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta import names


class RuleTests(SynchronousTestCase):
    """
    Contract 5.7, 5.8.
    """

    def test_subdomains(self) -> None:
        """
        Labels joined by dots; the message carries the pattern.
        """
        for text in ("a", "a.b-c.1", "1", "a" * 63 + "." + "b" * 189):
            self.assertEqual(names.dns1123_subdomain(text), [])
        for text in ("", "A", "a_b", "-a", "a-", "a..b", "a.", "a\n", "é"):
            (problem,) = names.dns1123_subdomain(text)
            self.assertTrue(problem.startswith("a lowercase RFC 1123 subdomain must consist of"))
            self.assertTrue(
                problem.endswith(
                    "(e.g. 'example.com', regex used for validation is "
                    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                )
            )
        self.assertEqual(names.dns1123_subdomain("a" * 254), ["must be no more than 253 characters"])

    def test_labels(self) -> None:
        """
        Dots get a message of their own.
        """
        self.assertEqual(names.dns1123_label("a" * 63), [])
        self.assertEqual(names.dns1123_label("a" * 64), ["must be no more than 63 characters"])
        self.assertEqual(names.dns1123_label("a.b"), ["must not contain dots"])
        self.assertIn("'my-name',  or '123-abc', regex", names.dns1123_label("A")[0])

    def test_services_start_with_a_letter(self) -> None:
        """
        DNS-1035 is stricter.
        """
        self.assertEqual(names.name_is_dns1035_label("a1"), [])
        self.assertEqual(len(names.name_is_dns1035_label("1a")), 1)

    def test_label_keys(self) -> None:
        """
        A prefix is a subdomain, a name is any word; one slash at most.
        """
        for key in ("a", "A_b.c", "example.com/a", "1/2"):
            self.assertEqual(names.qualified_name(key), [])
        self.assertEqual(names.qualified_name("/a"), ["prefix part must be non-empty"])
        self.assertEqual(names.qualified_name("a/")[0], "name part must be non-empty")
        self.assertEqual(names.qualified_name("a" * 64), ["name part must be no more than 63 bytes"])
        self.assertTrue(names.qualified_name("E.x/a")[0].startswith("prefix part a lowercase RFC 1123"))
        self.assertTrue(names.qualified_name("a/b/c")[0].endswith("and '/' (e.g. 'example.com/MyName')"))

    def test_label_values(self) -> None:
        """
        May be empty.
        """
        for value in ("", "a", "A_b.c-1"):
            self.assertEqual(names.label_value(value), [])
        self.assertEqual(names.label_value("a" * 64), ["must be no more than 63 bytes"])
        for value in ("-a", "a-", "a b", "a\n", "é"):
            self.assertTrue(names.label_value(value)[0].startswith("a valid label must be an empty string"))

    def test_lengths_are_in_bytes(self) -> None:
        """
        A text of 40 two-byte letters is too long.
        """
        self.assertEqual(names.label_value("é" * 40)[0], "must be no more than 63 bytes")

    def test_prefixes_may_end_with_a_dash(self) -> None:
        """
        More follows them.
        """
        for judge in (names.name_is_dns_subdomain, names.name_is_dns_label, names.name_is_dns1035_label):
            self.assertEqual(judge("job-", True), [])
            self.assertEqual(len(judge("job-", False)), 1)

    def test_path_segments(self) -> None:
        """
        Names that only need to fit into a path.
        """
        self.assertEqual(names.path_segment_name("A:b_c"), [])
        self.assertEqual(names.path_segment_name(".."), ["may not be '..'"])
        self.assertEqual(names.path_segment_name("a/%"), ["may not contain '/'", "may not contain '%'"])


class GenerateTests(SynchronousTestCase):
    """
    Contract 5.5.
    """

    @settings(derandomize=True, max_examples=40, deadline=None, database=None)
    @given(st.from_regex(r"[a-z]{1,80}-", fullmatch=True), st.integers(0, 1000))
    def test_names_are_right_and_short(self, prefix: str, seed: int) -> None:
        """
        The first 58 characters, and five without vowels.
        """
        name = names.generate_name(prefix, Random(seed))
        self.assertEqual(names.dns1123_label(name), [])
        self.assertEqual(name[:-5], prefix[:58])
        self.assertLessEqual(set(name[-5:]), set("bcdfghjklmnpqrstvwxz2456789"))
