"""
Tests for L{ark.meta.protobuf}, L{ark.meta.protovalues} and L{ark.meta.protowire}.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.messages import delete_options_message, message_of
from ark.meta.protobuf import DecodeError, Message, close_envelope, compile_messages, open_envelope
from ark.meta.protowire import MAX_DEPTH, MAX_FIELDS

FEW = settings(derandomize=True, max_examples=300, deadline=None, database=None)

TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "Box": {
        "text": {"number": 1, "type": "string"},
        "sent": {"number": 2, "type": "string", "presence": "explicit"},
        "shown": {"number": 3, "type": "int32", "presence": "always"},
        "big": {"number": 4, "type": "int64"},
        "yes": {"number": 5, "type": "bool"},
        "blob": {"number": 6, "type": "bytes"},
        "texts": {"number": 7, "type": "string", "repeated": True},
        "labels": {"number": 8, "type": "string", "map": True},
        "blobs": {"number": 9, "type": "bytes", "map": True},
        "counts": {"number": 10, "type": "int32", "map": True},
        "amounts": {"number": 11, "type": "Quantity", "map": True},
        "box": {"number": 12, "type": "Box", "presence": "explicit"},
        "boxes": {"number": 13, "type": "Box", "repeated": True},
        "lid": {"number": 14, "type": "Lid", "presence": "always"},
        "at": {"number": 15, "type": "Time"},
        "exactly": {"number": 16, "type": "MicroTime", "presence": "explicit"},
        "port": {"number": 17, "type": "IntOrString", "presence": "explicit"},
        "fields": {"number": 18, "type": "FieldsV1", "presence": "explicit"},
        "amount": {"number": 19, "type": "Quantity", "presence": "explicit"},
    },
    "Lid": {
        "color": {"number": 1, "type": "string"},
        "sizes": {"number": 2, "type": "string", "repeated": True},
    },
}
BOX = compile_messages(TABLES)["Box"]
EMPTY: dict[str, Any] = {"shown": 0, "lid": {}}


@cache
def fixtures() -> list[dict[str, Any]]:
    """
    Bodies that Kubernetes wrote, and their JSON.
    """
    path = Path(__file__).with_name("protobuf_fixtures.yaml")
    read: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def varint(value: int) -> bytes:
    """
    An unsigned number.
    """
    written = b""
    while value > 0x7F:
        written += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return written + bytes((value,))


def number(field: int, value: int) -> bytes:
    """
    A field that is a number; negative ones take ten bytes.
    """
    return varint(field << 3) + varint(value & (1 << 64) - 1)


def piece(field: int, value: bytes) -> bytes:
    """
    A field that has a length.
    """
    return varint(field << 3 | 2) + varint(len(value)) + value


def message_for(kind: str, api_version: str) -> Message:
    """
    The message that a body of a type holds.
    """
    if kind == "DeleteOptions":
        return delete_options_message()
    message = message_of(api_version, kind)
    assert message is not None
    return message


def without_null(value: Any) -> Any:
    """
    A JSON value without members that are C{null}.
    """
    if isinstance(value, dict):
        return {name: without_null(member) for name, member in value.items() if member is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=200)
INT32 = st.integers(-(2**31), 2**31 - 1)


def boxes(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """
    Boxes as they are read: without zero values that are not seen.
    """
    members: dict[str, Any] = {
        "text": TEXTS.filter(bool),
        "sent": TEXTS,
        "shown": INT32,
        "big": st.integers(-(2**63), 2**63 - 1).filter(bool),
        "yes": st.just(True),
        "blob": st.sampled_from(["AA==", "/+8=", "aGVsbG8="]),
        "texts": st.lists(TEXTS, min_size=1),
        "labels": st.dictionaries(TEXTS, TEXTS, min_size=1),
        "counts": st.dictionaries(TEXTS, INT32, min_size=1),
        "amounts": st.dictionaries(TEXTS, st.sampled_from(["1", "2Gi"]), min_size=1),
        "lid": st.fixed_dictionaries({}, optional={"color": TEXTS.filter(bool)}),
        "at": st.sampled_from(["1970-01-01T00:00:00Z", "2026-11-21T08:00:00Z", "1969-12-31T23:59:59Z"]),
        "exactly": st.sampled_from(["2026-11-21T08:00:00.000001Z", "1969-12-31T23:59:59.999999Z"]),
        "port": st.one_of(INT32, TEXTS),
        "fields": st.sampled_from([{"f:a": {}}, {}]),
        "amount": st.sampled_from(["1", "2Gi"]),
    }
    if depth:
        members["boxes"] = st.lists(
            boxes(depth - 1).map(lambda box: {**EMPTY, **box}), min_size=1, max_size=2
        )
        members["box"] = boxes(depth - 1).map(lambda box: {**EMPTY, **box})
    return st.fixed_dictionaries({}, optional=members)


class FixtureTests(SynchronousTestCase):
    """
    What Kubernetes writes is read as Kubernetes reads it.
    """

    def test_bodies_become_the_json_of_go(self) -> None:
        """
        Field by field, for every kind: all fields, zero values and nothing at all.
        """
        for fixture in fixtures():
            api_version, kind, raw = open_envelope(fixture["body"])
            read = message_for(kind, api_version).decode(raw)
            self.assertEqual(
                {"kind": kind, "apiVersion": api_version, **read}, fixture["json"], fixture["name"]
            )

    def test_a_cut_body_is_never_read_as_a_whole_one(self) -> None:
        """
        It is malformed, or lacks fields that came later; no other error escapes.
        """
        for fixture in fixtures():
            api_version, kind, raw = open_envelope(fixture["body"])
            message, whole = message_for(kind, api_version), fixture["json"]
            for end in range(0, len(raw), 7):
                try:
                    read = message.decode(raw[:end])
                except DecodeError:
                    continue
                self.assertLessEqual(len(str(read)), len(str(whole)), fixture["name"])

    @FEW
    @given(st.data())
    def test_broken_bodies_raise_decode_errors_only(self, data: st.DataObject) -> None:
        """
        Whatever bytes are changed, the result is an object or a L{DecodeError}.
        """
        fixture = data.draw(st.sampled_from(fixtures()))
        message = message_for(fixture["json"]["kind"], fixture["json"]["apiVersion"])
        body = bytearray(fixture["body"])
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
        try:
            read = message.decode(open_envelope(bytes(body)).raw)
        except DecodeError:
            return
        self.assertIsInstance(read, dict)


class EncodeTests(SynchronousTestCase):
    """
    Objects are written as they are read.
    """

    def test_what_kubernetes_wrote_is_written_alike(self) -> None:
        """
        Of every kind with every field: what is read again is equal, but for C{null}, which
        is nothing.
        """
        for fixture in fixtures():
            raw = open_envelope(fixture["body"]).raw
            obj = fixture["json"]
            message = message_of(obj["apiVersion"], obj["kind"]) or delete_options_message()
            again = message.decode(message.encode(obj))
            self.assertEqual(without_null(again), without_null(message.decode(raw)), fixture["name"])
            if fixture["name"] == "Lease, every field":
                self.assertEqual(message.encode(message.decode(raw)), raw)

    @FEW
    @given(boxes())
    def test_any_value_survives(self, box: dict[str, Any]) -> None:
        """
        What was written is read again.
        """
        self.assertEqual(BOX.decode(BOX.encode(box)), {**EMPTY, **box})

    def test_what_no_field_is_for_is_left_out(self) -> None:
        """
        And so is C{null}.
        """
        self.assertEqual(BOX.encode({"bogus": 1, "text": None, "lid": None, "texts": None}), b"")

    def test_an_envelope_is_closed_as_kubernetes_does(self) -> None:
        """
        With its empty members.
        """
        body = close_envelope("v1", "Secret", b"raw")
        self.assertEqual(body, b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x03raw\x1a\0\x22\0")
        self.assertEqual(open_envelope(body), ("v1", "Secret", b"raw"))

    def test_times_keep_their_moment(self) -> None:
        """
        In any zone; a time has whole seconds, a micro time six digits.
        """
        for text, told in (
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
            ("2020-01-02T03:04:05.999999Z", "2020-01-02T03:04:05Z"),
            ("1960-01-02T03:04:05.5Z", "1960-01-02T03:04:05Z"),
        ):
            self.assertEqual(BOX.decode(BOX.encode({"at": text}))["at"], told)
        exact = "2020-01-02T03:04:05.123456Z"
        self.assertEqual(BOX.decode(BOX.encode({"exactly": exact}))["exactly"], exact)


class EnvelopeTests(SynchronousTestCase):
    """
    L{open_envelope}.
    """

    def refused(self, data: bytes) -> str:
        """
        The message of the error.
        """
        return str(self.assertRaises(DecodeError, open_envelope, data))

    def test_type_and_message_are_taken_out(self) -> None:
        """
        Content type and encoding, and fields to come, are passed over.
        """
        types = piece(1, b"v1") + piece(2, b"Secret")
        data = b"k8s\0" + piece(1, types) + piece(2, b"raw") + piece(3, b"") + piece(4, b"x") + number(9, 1)
        self.assertEqual(open_envelope(data), ("v1", "Secret", b"raw"))
        self.assertEqual(open_envelope(b"k8s\0" + piece(2, b"raw")), ("", "", b"raw"))
        self.assertEqual(open_envelope(b"k8s\0" + piece(1, types)), ("v1", "Secret", b""))

    def test_other_data_is_refused(self) -> None:
        """
        With the texts of Kubernetes.
        """
        self.assertEqual(self.refused(b""), "empty data")
        self.assertEqual(self.refused(b"k8s\0"), "empty body")
        prefix = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        for data in (b"{}", b"k8s", b"k8s\1abc"):
            self.assertEqual(self.refused(data), prefix)
        self.assertEqual(self.refused(b"k8s\0" + number(2, 1)), "proto: wrong wireType = 0 for field 2")
        self.assertEqual(self.refused(b"k8s\0\x0a\x05ab"), "unexpected EOF")
        self.refused(b"k8s\0" + piece(1, piece(2, b"\xff")))


class PresenceTests(SynchronousTestCase):
    """
    Which zero values JSON shows.
    """

    def test_zero_values_are_left_out_unless_they_must_be_there(self) -> None:
        """
        Sent or not; but what has explicit presence is there if it was sent.
        """
        self.assertEqual(BOX.decode(b""), EMPTY)
        zeros = piece(1, b"") + number(3, 0) + number(4, 0) + number(5, 0) + piece(6, b"") + piece(15, b"")
        self.assertEqual(BOX.decode(zeros), EMPTY)
        self.assertEqual(BOX.decode(piece(2, b"")), {**EMPTY, "sent": ""})
        self.assertEqual(BOX.decode(piece(12, b"")), {**EMPTY, "box": EMPTY})
        self.assertEqual(BOX.decode(piece(16, b"")), {**EMPTY, "exactly": None})
        self.assertEqual(BOX.decode(piece(17, b"")), {**EMPTY, "port": 0})
        self.assertEqual(BOX.decode(piece(18, b"")), {**EMPTY, "fields": None})
        self.assertEqual(BOX.decode(piece(19, b"")), {**EMPTY, "amount": "0"})

    def test_the_last_value_counts(self) -> None:
        """
        Of scalars, also if it is zero; messages are merged and lists grow.
        """
        self.assertEqual(BOX.decode(piece(1, b"a") + piece(1, b"b")), {**EMPTY, "text": "b"})
        self.assertEqual(BOX.decode(piece(1, b"a") + piece(1, b"")), EMPTY)
        lids = piece(14, piece(1, b"red") + piece(2, b"s")) + piece(14, piece(2, b"m"))
        self.assertEqual(BOX.decode(lids), {"shown": 0, "lid": {"color": "red", "sizes": ["s", "m"]}})

    def test_fields_come_in_any_order_among_unknown_ones(self) -> None:
        """
        Unknown fields of every wire type are skipped, groups with all that is in them.
        """
        unknown = (
            number(100, 7)
            + piece(101, b"xx")
            + varint(102 << 3 | 1)
            + b"8 bytes!"
            + varint(103 << 3 | 5)
            + b"four"
            + varint(104 << 3 | 3)
            + number(1, 1)
            + varint(105 << 3 | 3)
            + piece(1, b"inside")
            + varint(105 << 3 | 4)
            + varint(104 << 3 | 4)
        )
        self.assertEqual(
            BOX.decode(number(3, 2) + unknown + piece(1, b"a")), {**EMPTY, "shown": 2, "text": "a"}
        )


class ValueTests(SynchronousTestCase):
    """
    Each type of value.
    """

    def read(self, data: bytes, name: str) -> Any:
        """
        One member of a box.
        """
        return BOX.decode(data)[name]

    def refused(self, data: bytes) -> str:
        """
        The message of the error.
        """
        return str(self.assertRaises(DecodeError, BOX.decode, data))

    def test_numbers_are_signed_and_cut_as_in_go(self) -> None:
        """
        An C{int32} keeps the lower 32 bits.
        """
        for value in (1, -1, (1 << 31) - 1, -(1 << 31)):
            self.assertEqual(self.read(number(3, value), "shown"), value)
        self.assertEqual(self.read(number(3, (1 << 32) + 5), "shown"), 5)
        for value in (1, -1, (1 << 63) - 1, -(1 << 63)):
            self.assertEqual(self.read(number(4, value), "big"), value)
        self.assertIs(self.read(number(5, 2), "yes"), True)

    def test_bytes_are_base64(self) -> None:
        """
        With padding, in the standard alphabet.
        """
        self.assertEqual(self.read(piece(6, b"\xfb\xff"), "blob"), "+/8=")

    def test_texts_are_unicode(self) -> None:
        """
        As in JSON bodies, which cannot hold U+0000 here either.
        """
        self.assertEqual(
            self.read(piece(1, "Gr\u00fc\u00dfe \U0001f30d".encode()), "text"), "Gr\u00fc\u00dfe \U0001f30d"
        )
        self.assertIn("invalid UTF-8", self.refused(piece(1, b"\xff")))
        self.assertIn("invalid UTF-8", self.refused(piece(7, b"\xed\xa0\x80")))
        self.assertIn("\\x00", self.refused(piece(1, b"a\0b")))

    def test_maps_are_made_of_entries(self) -> None:
        """
        A key or a value that was not sent is zero; the last entry of a key counts.
        """
        entries = piece(8, piece(1, b"a") + piece(2, b"1")) + piece(8, piece(2, b"2") + piece(1, b"a"))
        self.assertEqual(
            self.read(entries + piece(8, b"") + piece(8, number(9, 1)), "labels"), {"a": "2", "": ""}
        )
        self.assertEqual(self.read(piece(9, piece(1, b"a") + piece(2, b"\0")), "blobs"), {"a": "AA=="})
        self.assertEqual(self.read(piece(9, piece(1, b"a")), "blobs"), {"a": ""})
        self.assertEqual(self.read(piece(10, piece(1, b"a") + number(2, 3)), "counts"), {"a": 3})
        self.assertEqual(self.read(piece(10, piece(1, b"a")), "counts"), {"a": 0})
        amounts = piece(11, piece(1, b"cpu") + piece(2, piece(1, b"500m"))) + piece(11, piece(1, b"memory"))
        self.assertEqual(self.read(amounts, "amounts"), {"cpu": "500m", "memory": "0"})
        self.assertEqual(self.refused(piece(8, number(1, 1))), "proto: wrong wireType = 0 for field 1")

    def test_times_are_rfc_3339(self) -> None:
        """
        Whole seconds, or six digits; the zero of Go is null, or left out.
        """
        self.assertEqual(self.read(piece(15, number(1, 0)), "at"), "1970-01-01T00:00:00Z")
        self.assertEqual(self.read(piece(15, number(1, -1) + number(2, 999)), "at"), "1969-12-31T23:59:59Z")
        self.assertEqual(self.read(piece(15, number(1, -62135596799)), "at"), "0001-01-01T00:00:01Z")
        self.assertNotIn("at", BOX.decode(piece(15, number(1, -62135596800) + number(2, 0))))
        exactly = piece(16, number(1, 1) + number(2, 1999))
        self.assertEqual(self.read(exactly, "exactly"), "1970-01-01T00:00:01.000001Z")
        self.assertEqual(self.read(piece(16, number(2, -1999)), "exactly"), "1969-12-31T23:59:59.999999Z")
        self.assertIsNone(self.read(piece(16, number(1, -62135596800)), "exactly"))

    def test_times_beyond_the_calendar_are_refused(self) -> None:
        """
        RFC 3339 has four digits for a year.
        """
        for seconds in (253402300800, -62135596801, (1 << 63) - 1, -(1 << 63)):
            for field in (15, 16):
                self.assertIn("year outside of range", self.refused(piece(field, number(1, seconds))))
        last = number(1, 253402300799) + number(2, 2_000_000_000)
        self.assertIn("year outside of range", self.refused(piece(16, last)))

    def test_int_or_string_is_what_its_type_says(self) -> None:
        """
        The other value is not looked at.
        """
        both = number(2, -7) + piece(3, b"web")
        self.assertEqual(self.read(piece(17, number(1, 0) + both), "port"), -7)
        self.assertEqual(self.read(piece(17, number(1, 1) + both), "port"), "web")
        self.assertEqual(self.read(piece(17, number(1, 1)), "port"), "")
        self.assertEqual(self.refused(piece(17, number(1, 2))), "impossible IntOrString.Type")

    def test_fields_v1_is_json(self) -> None:
        """
        It is held to the rules of JSON bodies, and to the depth of the whole object.
        """
        self.assertEqual(self.read(piece(18, piece(1, b'{"f:a":{}}')), "fields"), {"f:a": {}})
        self.refused(piece(18, piece(1, b"{")))
        deep = b"[" * 254 + b"]" * 254
        self.assertEqual(self.refused(piece(18, piece(1, deep))), "exceeded max depth")

    def test_a_field_of_another_wire_type_is_refused(self) -> None:
        """
        As in generated code.
        """
        self.assertEqual(self.refused(number(1, 1)), "proto: wrong wireType = 0 for field text")
        self.assertEqual(self.refused(piece(3, b"x")), "proto: wrong wireType = 2 for field shown")
        self.assertEqual(
            self.refused(varint(3 << 3 | 5) + b"four"), "proto: wrong wireType = 5 for field shown"
        )


class LimitTests(SynchronousTestCase):
    """
    Malformed and excessive messages.
    """

    def refused(self, data: bytes) -> str:
        """
        The message of the error.
        """
        return str(self.assertRaises(DecodeError, BOX.decode, data))

    def test_truncated_data_is_refused(self) -> None:
        """
        In a tag, a number, a length, a value, and inside a group.
        """
        group = varint(50 << 3 | 3)
        for data in (
            b"\x80",
            b"\x18",
            b"\x18\x80",
            b"\x0a",
            b"\x0a\x05abc",
            b"\x99\x06abc",
            b"\x9d\x06abc",
            group,
        ):
            self.assertEqual(self.refused(data), "unexpected EOF")

    def test_endless_numbers_are_refused(self) -> None:
        """
        A number has at most ten bytes.
        """
        self.assertEqual(self.refused(b"\x18" + b"\x80" * 11), "proto: integer overflow")
        self.assertEqual(self.refused(b"\x80" * 11), "proto: integer overflow")
        self.assertEqual(self.refused(b"\x0a" + varint((1 << 64) - 1)), "unexpected EOF")

    def test_tags_that_cannot_be_are_refused(self) -> None:
        """
        Field 0, numbers above 29 bits, wire types 6 and 7, and the end of no group.
        """
        self.assertIn("illegal tag 0", self.refused(b"\x00\x00"))
        self.assertIn("illegal tag 0", self.refused(b"\x02\x00"))
        self.assertIn("illegal tag", self.refused(varint(1 << 32) + b"\0"))
        self.assertEqual(self.refused(b"\x0e"), "proto: illegal wireType 6")
        self.assertEqual(self.refused(b"\x0f"), "proto: illegal wireType 7")
        self.assertEqual(self.refused(b"\x0c"), "proto: unexpected end of group")
        self.assertEqual(self.refused(b"\x0b\x14"), "proto: unexpected end of group")

    def test_depth_is_limited(self) -> None:
        """
        Of messages and of groups.
        """
        data = b""
        for _ in range(MAX_DEPTH - 2):  # the lid of the innermost is one more
            data = piece(12, data)
        self.assertEqual(BOX.decode(data)["shown"], 0)
        self.assertEqual(self.refused(piece(12, data)), "exceeded max depth")
        self.assertEqual(self.refused(b"\x0b" * (MAX_DEPTH + 1)), "exceeded max depth")

    def test_messages_side_by_side_are_not_deep(self) -> None:
        """
        Depth counts what is open.
        """
        self.assertEqual(len(BOX.decode(piece(13, b"") * 300)["boxes"]), 300)

    def test_the_number_of_fields_is_limited(self) -> None:
        """
        Known or not, at any depth and in groups, so that few bytes do not become much memory.
        """
        many = MAX_FIELDS // 2 + 1
        group = b"\x0b" + number(1, 1) * many + b"\x0c"
        for half in (piece(7, b""), number(99, 1)):
            self.assertEqual(self.refused(half * 2 * many), "proto: too many fields")
        self.assertEqual(self.refused(piece(12, piece(7, b"") * many) * 2), "proto: too many fields")
        self.assertEqual(self.refused(group * 2), "proto: too many fields")


class TableTests(SynchronousTestCase):
    """
    L{compile_messages}.
    """

    def test_a_wrong_table_is_named(self) -> None:
        """
        With the message and the field.
        """
        for entry, why in (
            ({"number": 1, "type": "float"}, "there is no type float"),
            ({"type": "string"}, "is not an entry of a table"),
            ({"number": 1, "type": "string", "presence": "maybe"}, "is not an entry of a table"),
            ({"number": 1, "type": "string", "optional": True}, "is not an entry of a table"),
            ({"number": 1, "type": "int32", "repeated": True}, "numbers cannot be repeated"),
        ):
            error = self.assertRaises(ValueError, compile_messages, {"A": {"b": entry}})
            self.assertEqual(str(error), f"A.b: {why}")
        twice = {"A": {name: {"number": 1, "type": "string"} for name in "bc"}}
        self.assertEqual(
            str(self.assertRaises(ValueError, compile_messages, twice)), "A.c: number 1 is taken"
        )
