"""
Tests for L{ark.meta.selectors} and L{ark.meta.labelparser}.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.selectors import (
    EVERY_FIELD,
    EVERYTHING,
    MAX_REQUIREMENTS,
    MAX_VALUES,
    parse_field_selector,
    parse_label_selector,
)
from ark.meta.status import APIStatus

FEW = settings(derandomize=True, max_examples=80, deadline=None, database=None)

WORDS = st.sampled_from(["a", "b", "in", "x/y", "1", "-3"])
TERMS = st.one_of(
    WORDS,
    st.builds("!{}".format, WORDS),
    st.builds(
        "{}{}{}".format, WORDS, st.sampled_from(["=", "==", "!=", " = "]), st.sampled_from(["", "a", "1"])
    ),
    st.builds(
        "{} {} ({})".format, WORDS, st.sampled_from(["in", "notin"]), st.sampled_from(["a", "a,b", ""])
    ),
)


class LabelTests(SynchronousTestCase):
    """
    Contract 12.6.
    """

    def takes(self, text: str, **labels: str) -> bool:
        """
        Whether a selector takes labels, by both ways to ask.
        """
        selector = parse_label_selector(text)
        taken = selector.matches(labels)
        self.assertEqual(selector.matches_json(orjson.dumps(labels) if labels else b""), taken)
        return taken

    def test_nothing_asked_takes_everything(self) -> None:
        """
        Blank text is no requirement.
        """
        for text in ("", "  "):
            self.assertIs(parse_label_selector(text), EVERYTHING)
        self.assertTrue(EVERYTHING.empty)
        self.assertTrue(self.takes("", a="1"))

    def test_operators(self) -> None:
        """
        C{!=} and C{notin} take objects without the label too.
        """
        taken = [
            "a",
            "!b",
            "a=1",
            "a==1",
            "a!=2",
            "b!=1",
            "a in (1,2)",
            "a notin (2,3)",
            "b notin (1)",
            "a>0",
            "a<2",
        ]
        refused = [
            "b",
            "!a",
            "a=2",
            "a!=1",
            "a in (2)",
            "b in (1)",
            "a notin (1)",
            "a>1",
            "a<1",
            "b>0",
            "b=",
            "a=",
        ]
        for text in taken:
            self.assertTrue(self.takes(text, a="1"), text)
        for text in refused:
            self.assertFalse(self.takes(text, a="1"), text)
        self.assertFalse(self.takes("a>0", a="one"))
        self.assertTrue(self.takes("a,b!=2,a in (1)", a="1"))

    def test_empty_values_are_values(self) -> None:
        """
        C{a=} asks for the empty value.
        """
        for text in ("a=", "a in ()", "a in (,x)", "a==", "a in (x,)"):
            self.assertTrue(self.takes(text, a=""), text)

    def test_keywords_can_be_keys_and_values(self) -> None:
        """
        C{in} is a word like others where no operator can stand.
        """
        self.assertTrue(self.takes("in in (in,notin)", **{"in": "notin"}))

    def test_requirements_are_sorted(self) -> None:
        """
        By key, and values within a set.
        """
        selector = parse_label_selector("c,b in (z,y,z),!a")
        self.assertEqual(
            [tuple(each) for each in selector.requirements],
            [("a", "!", ()), ("b", "in", ("y", "z")), ("c", "exists", ())],
        )
        self.assertEqual(str(selector), "!a,b in (y,z),c")

    def test_errors_are_those_of_kubernetes(self) -> None:
        """
        Clients see the parser's text in a 400.
        """
        start = "unable to parse requirement: "
        reasons = {
            "a=b=c": "found '=', expected: ',' or 'end of string'",
            "a,": "found '', expected: identifier after ','",
            ",a": "found ',', expected: !, identifier, or 'end of string'",
            "a b": f"{start}found 'b', expected: in, notin, =, ==, !=, gt, lt",
            "!=": "found '!=', expected: !, identifier, or 'end of string'",
            "!,a": f"{start}found ',', expected: identifier",
            "a in b": f"{start}found 'b' expected: '('",
            "a in (": f"{start}found '', expected: ',', ')' or identifier",
            "a in (b": f"{start}found '', expected: ',' or ')'",
            "a in (b,=": f"{start}found '=', expected: ',', or identifier",
            "a=!": f"{start}found '!', expected: identifier",
            "a>x": f"{start}values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
        }
        for text, reason in reasons.items():
            status = self.assertRaises(APIStatus, parse_label_selector, text)
            self.assertEqual((status.code, status.message), (400, reason))
        for text, path in (("a_/b", "<nil>"), ("a=-", "values[0][a]"), ("a in (b,-)", "values[0][a]")):
            status = self.assertRaises(APIStatus, parse_label_selector, text)
            self.assertIn(f'{start}{path}: Invalid value: "', status.message)

    def test_selectors_have_limits(self) -> None:
        """
        So many requirements and values, no more.
        """
        many = ",".join(["a"] * MAX_REQUIREMENTS)
        self.assertEqual(len(parse_label_selector(many).requirements), MAX_REQUIREMENTS)
        values = ",".join(f"v{number}" for number in range(MAX_VALUES + 1))
        for text in (f"{many},b", f"a in ({values})"):
            self.assertEqual(self.assertRaises(APIStatus, parse_label_selector, text).code, 400)

    def test_what_is_behind_a_mistake_is_not_read(self) -> None:
        """
        However long it is, nobody waits for it.
        """
        for text in ("a," * 400_000, "a=(" + "," * 800_000, f"a in ({'v,' * 400_000}"):
            steps = 0

            def step(*_: Any) -> Any:
                nonlocal steps
                steps += 1
                return step

            before = sys.gettrace()
            sys.settrace(step)
            try:
                status = self.assertRaises(APIStatus, parse_label_selector, text)
            finally:
                sys.settrace(before)
            self.assertEqual(status.code, 400)
            self.assertLess(steps, 200_000)

    @FEW
    @given(st.lists(TERMS, max_size=4), st.dictionaries(WORDS, st.sampled_from(["", "a", "1"])))
    def test_text_reads_back_the_same(self, terms: list[str], labels: dict[str, str]) -> None:
        """
        A selector and its text take the same labels.
        """
        try:
            selector = parse_label_selector(",".join(terms))
        except APIStatus as status:
            self.assertEqual(status.code, 400)
            return
        again = parse_label_selector(str(selector))
        self.assertEqual(str(again), str(selector))
        self.assertEqual(again.matches(labels), selector.matches(labels))

    @FEW
    @given(st.text(alphabet="ab=!,() in\t<>é\0", max_size=20))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """
        Nothing but a 400 comes of a wrong text.
        """
        try:
            parse_label_selector(text).matches({})
        except APIStatus as status:
            self.assertEqual(status.code, 400)


class FieldTests(SynchronousTestCase):
    """
    Contract 12.7.
    """

    def test_operators(self) -> None:
        """
        A field that is not there is empty.
        """
        fields = {"metadata.name": "a", "spec.color": "red"}
        for text in (
            "",
            "metadata.name=a",
            "spec.color==red,metadata.name!=b",
            "spec.size=",
            "spec.size!=1",
            ",,",
        ):
            self.assertTrue(parse_field_selector(text).matches(fields), text)
        for text in ("metadata.name=b", "spec.color!=red", "spec.size=1", "metadata.name=a,spec.color=blue"):
            self.assertFalse(parse_field_selector(text).matches(fields), text)

    def test_nothing_asked_takes_everything(self) -> None:
        """
        Terms without a name and a value are none.
        """
        for text in ("", ",", "=", "=="):
            self.assertIs(parse_field_selector(text), EVERY_FIELD)

    def test_one_name_is_known(self) -> None:
        """
        Lists of one name are read by that name.
        """
        selector = parse_field_selector("metadata.name==a,metadata.namespace!=b")
        self.assertEqual(selector.exact("metadata.name"), "a")
        self.assertIsNone(selector.exact("metadata.namespace"))

    def test_values_are_escaped(self) -> None:
        """
        A backslash stands before commas, equals signs and itself.
        """
        selector = parse_field_selector(r"a=x\,y\=z\\,b!=1")
        self.assertEqual(
            [tuple(each) for each in selector.requirements], [("a", "=", ("x,y=z\\",)), ("b", "!=", ("1",))]
        )
        self.assertEqual(str(selector), r"a=x\,y\=z\\,b!=1")

    def test_errors_are_those_of_kubernetes(self) -> None:
        """
        Clients see the parser's text in a 400.
        """
        reasons = {
            "bad": "invalid selector: 'bad'; can't understand 'bad'",
            "a=1,bad": "invalid selector: 'a=1,bad'; can't understand 'bad'",
            "a=b=c": "invalid field selector: unescaped character in value: 61",
            r"a=\x": r"invalid field selector: invalid escape sequence: \x",
            "a=b\\": "invalid field selector: invalid escape sequence: \\",
        }
        for text, reason in reasons.items():
            status = self.assertRaises(APIStatus, parse_field_selector, text)
            self.assertEqual((status.code, status.message), (400, reason))

    def test_fields_that_a_kind_does_not_offer(self) -> None:
        """
        The first of them is named.
        """
        selector = parse_field_selector("metadata.name=a,spec.size=1")
        status = self.assertRaises(APIStatus, selector.require, {"metadata.name"})
        self.assertEqual((status.code, status.message), (400, "field label not supported: spec.size"))
        selector.require({"metadata.name", "spec.size"})

    def test_selectors_have_limits(self) -> None:
        """
        So many requirements, no more.
        """
        text = ",".join(["a=1"] * (MAX_REQUIREMENTS + 1))
        self.assertEqual(self.assertRaises(APIStatus, parse_field_selector, text).code, 400)
