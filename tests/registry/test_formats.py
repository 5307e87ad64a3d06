"""
Tests of L{ark.registry.formats}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.formats import effective_format, format_check

EXAMPLES = {
    "bsonobjectid": ("507f1f77bcf86cd799439011", "507f"),
    "byte": ("YWJj", "YWJ"),
    "cidr": ("10.0.0.0/8", "10.0.0.0/33"),
    "creditcard": ("4111 1111 1111 1111", "4111 1111 1111 1112"),
    "date": ("2024-02-29", "2023-02-29"),
    "date-time": ("2024-02-29T23:59:59.5+01:00", "2024-02-29 23:59:59Z"),
    "duration": ("1h30m", "soon"),
    "email": ("Ann <ann@example.com>", "ann@"),
    "hexcolor": ("#fff", "#ffff"),
    "hostname": ("a.example.com", "-a"),
    "ipv4": ("01.2.3.4", "1.2.3"),
    "ipv6": ("fe80::1", "1.2.3.4"),
    "isbn": ("978-0321751041", "978-0321751042"),
    "isbn10": ("0-321-75104-3", "0321751044"),
    "isbn13": ("9780321751041", "0321751043"),
    "k8s-long-name": ("a.b-c", "a..b"),
    "k8s-short-name": ("a-b", "A"),
    "mac": ("aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee"),
    "rgbcolor": ("rgb(1, 2, 255)", "rgb(1,2,256)"),
    "ssn": ("123-45-6789", "123456789"),
    "uri": ("https://example.com/a?b#c", "example.com/a"),
    "uuid": ("00000000-0000-1000-8000-000000000000", "00000000"),
    "uuid3": ("00000000-0000-3000-8000-000000000000", "00000000-0000-1000-8000-000000000000"),
    "uuid4": ("00000000-0000-4000-8000-000000000000", "00000000-0000-4000-c000-000000000000"),
    "uuid5": ("00000000-0000-5000-8000-000000000000", "00000000-0000-4000-8000-000000000000"),
}


class FormatTests(SynchronousTestCase):
    """
    Formats are judged as Kubernetes judges them.
    """

    def test_examples(self) -> None:
        """
        Each format takes a text of its form and refuses another.
        """
        for name, (good, bad) in EXAMPLES.items():
            check = format_check(name)
            assert check is not None, name
            self.assertTrue(check(good), name)
            self.assertFalse(check(bad), name)

    def test_a_password_is_any_text(self) -> None:
        """
        The format only tells how to show it.
        """
        check = format_check("password")
        assert check is not None
        self.assertTrue(check(""))

    def test_unknown_formats_do_not_count(self) -> None:
        """
        Formats count for the types that they are about, and only if they are known.
        """
        self.assertEqual(effective_format("date-time", "string"), "date-time")
        self.assertEqual(effective_format("banana", "string"), "")
        self.assertEqual(effective_format("int32", "integer"), "int32")
        self.assertEqual(effective_format("int32", "number"), "")
        self.assertEqual(effective_format("date", "boolean"), "")

    def test_hostile_texts_take_no_time(self) -> None:
        """
        No text makes a check slow.
        """
        for name in EXAMPLES:
            check = format_check(name)
            assert check is not None
            for text in ("a" * 5000, "a." * 3000, "1" * 4000 + "!", '"' * 3000, "00:" * 2000):
                check(text)
