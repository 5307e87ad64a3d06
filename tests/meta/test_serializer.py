"""
Tests for L{ark.meta.serializer}, L{ark.meta.jsonsyntax} and L{ark.meta.yamltext}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.serializer import (
    MAX_DEPTH,
    Decoded,
    DecodeError,
    decode_json,
    decode_yaml,
    encode_json,
    encode_yaml,
)

FEW = settings(derandomize=True, max_examples=80, deadline=None, database=None)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(-9.5, 9.5) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def whole(value: Any) -> Any:
    """
    A value as it is once stored: floats without a fraction are integers.
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


class _Case(SynchronousTestCase):
    def refused(self, read: Callable[[bytes], Decoded], data: bytes) -> str:
        """
        The message of the error that reading must raise.
        """
        return str(self.assertRaises(DecodeError, read, data))


class JSONTests(_Case):
    """
    L{decode_json}.
    """

    @FEW
    @given(VALUES, st.booleans())
    def test_values_read_back_the_same(self, value: Any, ascii_only: bool) -> None:
        """
        However they were written, and none of them has a member twice.
        """
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        self.assertEqual(decode_json(text), Decoded(whole(value), []))

    def test_doubled_members_are_named_in_order(self) -> None:
        """
        The last one counts; those that were overwritten with their object are named too.
        """
        decoded = decode_json(
            b'{"spec": {"a": 1, "a": {"x": 1, "x": 2}, "l": [0, {"b": 1, "b": 2}]}, "spec": {}, "z": {"": 1, "": 2}}'
        )
        self.assertEqual(decoded.duplicates, ["spec.a", "spec.a.x", "spec.l[1].b", "spec", "z."])
        self.assertEqual(decoded.value, {"spec": {}, "z": {"": 2}})

    def test_escaped_quotes_do_not_hide_doubled_members(self) -> None:
        """
        A quote can be written with two letters or with six.
        """
        self.assertEqual(decode_json(b'{"a":"\\u0022\\u0022","b":"\\"","b":1}').duplicates, ["b"])
        self.assertEqual(decode_json(b'{"a":"\\u0022\\u0022","b":"\\""}').duplicates, [])
        self.assertEqual(decode_json(b'{"\\u0061":1,"a":2}').duplicates, ["a"])

    def test_as_many_doubled_members_as_kubernetes_names(self) -> None:
        """
        A hundred.
        """
        members = ",".join(f'"m{number}":1,"m{number}":2' for number in range(150))
        self.assertEqual(len(decode_json(f"{{{members}}}".encode()).duplicates), 100)

    def test_numbers_become_what_kubernetes_stores(self) -> None:
        """
        No fraction: an integer.  Beyond int64: a float.
        """
        value = decode_json(
            b'[1.0, -0, 9223372036854775807, 9223372036854775808, 1e2, {"a": 2.0}, "1.0"]'
        ).value
        self.assertEqual(value, [1, 0, (1 << 63) - 1, float(1 << 63), 100, {"a": 2}, "1.0"])
        self.assertEqual([type(each) for each in value[:5]], [int, int, int, float, int])

    def test_errors_are_those_of_go(self) -> None:
        """
        Clients know the texts of C{encoding/json}.
        """
        reasons = {
            b"": "unexpected end of JSON input",
            b'{"a":': "unexpected end of JSON input",
            b'{"a': "unexpected end of JSON input",
            b"{a": "invalid character 'a' looking for beginning of object key string",
            b'{"a" 1}': "invalid character '1' after object key",
            b'{"a":1 "b"}': "invalid character '\"' after object key:value pair",
            b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
            b"[1 2]": "invalid character '2' after array element",
            b"[1,]": "invalid character ']' looking for beginning of value",
            b"{}x": "invalid character 'x' after top-level value",
            b"'a'": "invalid character '\\'' looking for beginning of value",
            b'"\x01"': "invalid character '\\x01' in string literal",
            b'"\\q"': "invalid character 'q' in string escape code",
            b'"\\u12g"': "invalid character 'g' in \\u hexadecimal character escape",
            b"tru ": "invalid character ' ' in literal true (expecting 'e')",
            b"nulL": "invalid character 'L' in literal null (expecting 'l')",
            b"-": "invalid character ' ' in numeric literal",
            b"1.": "invalid character ' ' after decimal point in numeric literal",
            b"1e+": "invalid character ' ' in exponent of numeric literal",
            b"NaN": "invalid character 'N' looking for beginning of value",
            b"\xef\xbb\xbf{}": "invalid character 'ï' looking for beginning of value",
        }
        for data, reason in reasons.items():
            self.assertEqual(self.refused(decode_json, data), reason, data)

    def test_what_cannot_be_stored_is_refused(self) -> None:
        """
        Where Go reads on: half characters, NUL, infinity, bottomless documents.
        """
        deep = MAX_DEPTH + 1
        for data in (
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"\\ud800"',
            b'"\\udc00\\ud800"',
            b'{"a\\u0000":1}',
            b'"\\\\\\u0000"',
            b"1e400",
            b"[" * deep + b"]" * deep,
            b'{"a":' * deep + b"1.0" + b"}" * deep,
            b"[" * 100_000,
        ):
            self.refused(decode_json, data)
        self.assertEqual(decode_json(b'"\\\\u0000"').value, "\\u0000")

    def test_the_deepest_document_can_be_written_again(self) -> None:
        """
        The limit is the encoder's.
        """
        data = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
        self.assertEqual(encode_json(decode_json(data).value), data)

    def test_an_error_far_inside_is_found_without_a_search(self) -> None:
        """
        A large broken document must not cost more than a good one.
        """
        message = self.refused(decode_json, b"[" + b"1," * 100_000 + b"x]")
        self.assertEqual(message, "invalid character 'x'")

    @FEW
    @given(st.text(alphabet='{}[]:,"\\u01-.e truefalsn\n', max_size=16))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """
        Python's own decoder agrees which texts are JSON, NUL and infinity aside.
        """
        try:
            expected = json.loads(text)
        except ValueError:
            self.refused(decode_json, text.encode())
            return
        try:
            self.assertEqual(decode_json(text.encode()).value, whole(expected))
        except DecodeError:
            self.assertTrue("\\u" in text or "e" in text)

    def test_pretty_text_is_indented_by_two(self) -> None:
        """
        For people with curl.
        """
        self.assertEqual(encode_json({"a": [1]}), b'{"a":[1]}')
        self.assertEqual(encode_json({"a": [1]}, pretty=True), b'{\n  "a": [\n    1\n  ]\n}')


class YAMLTests(_Case):
    """
    L{decode_yaml} and L{encode_yaml}.
    """

    def test_scalars_mean_what_they_mean_to_kubernetes(self) -> None:
        """
        YAML 1.1 booleans, numbers of 1.2, no times and no base 60.
        """
        meanings = {
            "yes": True, "Off": False, "y": True, "N": False, "tRUE": "tRUE", "~": None, "": None, "NULL": None,
            "0x1F": 31, "017": 15, "0o17": 15, "0b11": 3, "-0x1": -1, "08": 8, "1_000": 1000, "1e3": 1000, ".5": 0.5,
            "5.": 5, "+1": 1, "1e": "1e", "--1": "--1", "12:30:45": "12:30:45", "2020-01-02": "2020-01-02",
            "2020-01-02T03:04:05Z": "2020-01-02T03:04:05Z", "1.2.3": "1.2.3", "9223372036854775808": float(1 << 63),
            "1e400": "1e400", "'1'": "1", '"yes"': "yes", "!!str 1": "1", "!!int '1'": 1, "!!float 1": 1,
        }  # fmt: skip
        for text, value in meanings.items():
            decoded = decode_yaml(f"a: {text}\n".encode()).value["a"]
            self.assertEqual((decoded, type(decoded)), (value, type(value)), text)

    def test_keys_become_texts(self) -> None:
        """
        JSON has no others.
        """
        decoded = decode_yaml(b"1: a\n0x10: b\ntrue: c\n1.5: d\n.inf: e\n2020-01-02: f\n")
        self.assertEqual(list(decoded.value), ["1", "16", "true", "1.5", ".inf", "2020-01-02"])

    def test_doubled_members_are_named(self) -> None:
        """
        With the line of the value, as the parser of Kubernetes does.
        """
        decoded = decode_yaml(b"spec:\n  a: 1\n  a: 2\n  l:\n  - b: 1\n    b: 2\nspec2: 1\n")
        self.assertEqual(
            decoded.duplicates, ['line 3: key "a" already set in map', 'line 6: key "b" already set in map']
        )
        self.assertEqual(decoded.value["spec"]["a"], 2)

    def test_json_is_yaml(self) -> None:
        """
        Also where a flow mapping is not quite JSON.
        """
        self.assertEqual(decode_yaml(b'{"a":1,"a":2}'), Decoded({"a": 2}, ["a"]))
        self.assertEqual(decode_yaml(b" {a: [b, 'c']}").value, {"a": ["b", "c"]})

    def test_only_the_first_document_is_read(self) -> None:
        """
        As go-yaml does.
        """
        self.assertEqual(decode_yaml(b"---\na: 1\n---\nb: 2\n").value, {"a": 1})
        self.assertIsNone(decode_yaml(b"# nothing\n").value)

    def test_aliases_are_copies(self) -> None:
        """
        Changing one place must not change the other; C{<<} merges.
        """
        value = decode_yaml(b"a: &x {k: [1]}\nb: *x\nc:\n  <<: [*x, {k: 2, l: 3}]\n  m: 4\n").value
        self.assertEqual(value, {"a": {"k": [1]}, "b": {"k": [1]}, "c": {"k": [1], "l": 3, "m": 4}})
        value["a"]["k"].append(2)
        self.assertEqual(value["b"], {"k": [1]})

    def test_bombs_are_refused(self) -> None:
        """
        Nesting and aliases are limited before memory is used.
        """
        layers = [f"l{depth}: &l{depth} [{','.join([f'*l{depth - 1}'] * 9)}]" for depth in range(1, 9)]
        bomb = "\n".join(["l0: &l0 [x,x,x,x,x,x,x,x,x]", *layers]).encode()
        self.assertEqual(self.refused(decode_yaml, bomb), "yaml: document contains excessive aliasing")
        self.assertEqual(self.refused(decode_yaml, b"[" * 60_000), "yaml: exceeded max depth")
        growing = "\n".join(["a0: &a0 x", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))])
        self.assertEqual(self.refused(decode_yaml, growing.encode()), "yaml: exceeded max depth")
        self.assertEqual(self.refused(decode_yaml, b"&a [*a]"), "yaml: anchor 'a' value contains itself")

    def test_what_has_no_json_form_is_refused(self) -> None:
        """
        And what is no YAML.
        """
        for data in (b"a: .inf", b"a: .nan", b"[1]: a", b"~: a", b'a: "\\0"', b"a: [", b"a: b: c", b"\t- x", b"*x",
                     b"\xff", b"<<: 1", b"a: !!int x", b"a: \x01", b"a: &x 1\n---\n*x: ]"):  # fmt: skip
            try:
                decode_yaml(data)
            except DecodeError:
                continue
            self.assertTrue(data.startswith(b"a: &x"), data)

    @FEW
    @given(VALUES)
    def test_values_read_back_the_same(self, value: Any) -> None:
        """
        What is written means the same to us.
        """
        self.assertEqual(decode_yaml(encode_yaml(value)).value, whole(value))

    def test_text_is_that_of_kubernetes(self) -> None:
        """
        Sorted, lists not indented, texts quoted where they would mean something else.
        """
        value = {"b": ["yes", {"y": None, "x": 1.5}], "a": {}, "c": "1\n2\n", "d": "12:30", "e": "é: f"}
        self.assertEqual(
            encode_yaml(value).decode(),
            'a: {}\nb:\n- "yes"\n- x: 1.5\n  "y": null\nc: |\n  1\n  2\nd: "12:30"\ne: \'é: f\'\n',
        )
        self.assertEqual(encode_yaml("a"), b"a\n")

    def test_shared_values_are_written_in_each_place(self) -> None:
        """
        Kubernetes writes no anchors.
        """
        shared = ["x"]
        self.assertNotIn(b"&", encode_yaml({"a": shared, "b": shared}))
        self.assertEqual(orjson.loads(orjson.dumps({"a": shared})), {"a": ["x"]})
