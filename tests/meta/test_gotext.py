"""
Tests for L{ark.meta.gotext}.
"""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.gotext import format_float, json_float, json_marshal, json_type, parse_int, parse_uint, quote

FEW = settings(derandomize=True, max_examples=60, deadline=None, database=None)


class QuoteTests(SynchronousTestCase):
    """
    L{quote} is C{strconv.Quote}.
    """

    def test_printable_text_is_only_put_in_quotes(self) -> None:
        """
        Letters of any script stay as they are.
        """
        self.assertEqual(quote("é 🙂"), '"é 🙂"')

    def test_others_are_escaped(self) -> None:
        """
        Quotes, control characters and spaces that are none get Go's escapes.
        """
        self.assertEqual(
            quote('a"\\\n\x00\x7f\u200b\u00a0\U000e0001'), r'"a\"\\\n\x00\x7f\u200b\u00a0\U000e0001"'
        )


class NumberTests(SynchronousTestCase):
    """
    Numbers as Go writes and reads them.
    """

    def test_floats_for_people(self) -> None:
        """
        C{%v} turns to exponents from a million on and below a ten-thousandth.
        """
        texts = {1.0: "1", 0.5: "0.5", 123456.0: "123456", 1e6: "1e+06", 1234567.0: "1.234567e+06"}
        texts |= {0.0001: "0.0001", 0.00001: "1e-05", -2.5e20: "-2.5e+20", 0.0: "0"}
        for value, text in texts.items():
            self.assertEqual(format_float(value), text)
        self.assertEqual(format_float(float("-inf")), "-Inf")
        self.assertEqual(format_float(float("nan")), "NaN")

    def test_floats_in_json(self) -> None:
        """
        C{encoding/json} writes positions up to 10 to the 21st.
        """
        texts = {1.0: "1", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-7"}
        for value, text in texts.items():
            self.assertEqual(json_float(value), text)

    @FEW
    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_floats_read_back_the_same(self, value: float) -> None:
        """
        Both texts mean the number that they were made from.
        """
        self.assertEqual((float(format_float(value)), float(json_float(value))), (value, value))

    def test_integers_that_are_none(self) -> None:
        """
        Only ASCII digits and a sign make a number, and 64 bits hold it.
        """
        for text in ("", "x", "1_0", " 7", "٣", "1.0", "+"):
            error = self.assertRaises(ValueError, parse_int, text)
            self.assertEqual(str(error), f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
        for text in ("9223372036854775808", "9" * 5000):
            error = self.assertRaises(ValueError, parse_int, text)
            self.assertIn("value out of range", str(error))
        self.assertEqual(parse_int("-9223372036854775808"), -(1 << 63))
        self.assertEqual(parse_int("+5"), 5)

    def test_unsigned_integers(self) -> None:
        """
        No sign, and one bit more.
        """
        self.assertEqual(parse_uint("18446744073709551615"), (1 << 64) - 1)
        for text in ("-1", "+1"):
            self.assertRaises(ValueError, parse_uint, text)
        self.assertIn("out of range", str(self.assertRaises(ValueError, parse_uint, "18446744073709551616")))


class JSONTests(SynchronousTestCase):
    """
    Values as C{json.Marshal} writes them.
    """

    def test_members_are_sorted_and_markup_escaped(self) -> None:
        """
        Go escapes what could end a script in a page.
        """
        self.assertEqual(
            json_marshal({"b": 1.0, "a": "<&>\u2028", "1.0": "1.0"}),
            '{"1.0":"1.0","a":"\\u003c\\u0026\\u003e\\u2028","b":1}',
        )
        self.assertEqual(json_marshal({"b": 1, "a": 2}, ordered=True), '{"b":1,"a":2}')

    @FEW
    @given(st.recursive(st.text() | st.integers(-9, 9) | st.floats(-9, 9), st.lists, max_leaves=9))
    def test_text_reads_back_the_same(self, value: object) -> None:
        """
        Escaping and renumbering change nothing.
        """
        self.assertEqual(orjson.loads(json_marshal(value)), value)

    def test_types_have_the_names_of_the_decoder(self) -> None:
        """
        As in C{cannot unmarshal number into}.
        """
        values = [True, 1, 1.5, "", {}, [], None]
        self.assertEqual(
            list(map(json_type, values)), ["bool", "number", "number", "string", "object", "array", "null"]
        )
