"""
L{ark.http.hpack}
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis.strategies import binary, booleans, integers, lists, text, tuples
from jh2._hazmat import Encoder
from jh2.hpack import Decoder as ClientDecoder
from twisted.trial.unittest import SynchronousTestCase

from ark.http.h2frames import ConnectionFault
from ark.http.hpack import HeaderDecoder, PythonDecoder, response_block

_VALUES = text("abcXYZ 0123456789/=-é%", max_size=200).map(lambda value: value.encode())
_FIELDS = lists(
    tuples(text("abcdefgh-", min_size=1, max_size=140).map(str.encode), _VALUES, booleans()), max_size=8
)


class HeaderDecoderTests(SynchronousTestCase):
    """
    Header blocks of clients.
    """

    @given(lists(_FIELDS, min_size=1, max_size=4), booleans())
    @settings(max_examples=200, deadline=None)
    def test_reads_what_an_encoder_wrote(
        self, blocks: list[list[tuple[bytes, bytes, bool]]], huffman: bool
    ) -> None:
        """
        Over several blocks, which share a table.
        """
        encoder, decoder = Encoder(), HeaderDecoder(1 << 20)
        for fields in blocks:
            read = decoder.decode(encoder.encode(fields, huffman))
            self.assertEqual([field[:2] for field in read], [field[:2] for field in fields])

    def test_public_decoder_can_stand_in(self) -> None:
        """
        Should the one in Rust be gone one day: the same fields, the same flags.
        """
        fields = [(b":method", b"GET", False), (b"authorization", b"secret", True), (b"x-a", b"b", False)]
        encoder, rust, python = Encoder(), HeaderDecoder(1 << 20), PythonDecoder(1 << 20)
        for _ in range(2):
            block = encoder.encode(fields)
            self.assertEqual(python.decode(block, True), rust.decode(block))

    @given(_FIELDS, booleans(), integers(0, 2000), integers(0, 2000), binary(max_size=3))
    @settings(max_examples=500, deadline=None)
    def test_damaged_blocks_are_connection_errors(
        self, fields: list[tuple[bytes, bytes, bool]], huffman: bool, cut: int, at: int, damage: bytes
    ) -> None:
        """
        Whatever comes, nothing but a ConnectionFault is raised: above all no panic of the
        decoder, which is no C{Exception}.
        """
        block = Encoder().encode(fields, huffman)
        for damaged in (block[:cut], block[:at] + damage + block[at + len(damage) :], damage + block):
            try:
                HeaderDecoder(1 << 20).decode(damaged)
            except ConnectionFault as fault:
                self.assertIn(fault.code, (0x9, 0xB))

    def test_blocks_that_end_too_early(self) -> None:
        """
        At every byte of a literal with long name and value.
        """
        block = b"\x00\x7f\x10" + b"n" * 143 + b"\x7f\x10" + b"v" * 143
        self.assertEqual(HeaderDecoder(1 << 20).decode(block), [(b"n" * 143, b"v" * 143, False)])
        for end in range(1, len(block)):
            self.assertRaises(ConnectionFault, HeaderDecoder(1 << 20).decode, block[:end])

    def test_table_changes_come_first(self) -> None:
        """
        RFC 7541, 4.2.
        """
        self.assertEqual(len(HeaderDecoder(1 << 20).decode(b"\x20\x3f\xe1\x1f\x82")), 1)
        self.assertRaises(ConnectionFault, HeaderDecoder(1 << 20).decode, b"\x82\x20")
        self.assertRaises(ConnectionFault, HeaderDecoder(1 << 20).decode, b"\x3f\xe2\x1f\x82")

    def test_padding_is_ones(self) -> None:
        """
        RFC 7541, 5.2: C{a} is 00011, padded by 111.
        """
        self.assertEqual(HeaderDecoder(1 << 20).decode(b"\x00\x81\x1f\x81\x1f"), [(b"a", b"a", False)])
        for block in (b"\x00\x81\x18\x81\x1f", b"\x00\x81\x1f\x81\x1e", b"\x82\x00\x81\x1f\x82\x1f\xff"):
            self.assertRaises(ConnectionFault, HeaderDecoder(1 << 20).decode, block)

    def test_lists_above_the_limit(self) -> None:
        """
        Are not built.
        """
        block = Encoder().encode([(b"x", b"y" * 1000, False)])
        self.assertRaises(ConnectionFault, HeaderDecoder(500).decode, block)


class ResponseBlockTests(SynchronousTestCase):
    """
    Header blocks of responses.
    """

    def test_any_client_reads_it(self) -> None:
        """
        Also one that allows no table; twice, because what was written is remembered.
        """
        headers = [
            (b"content-type", b"application/json"),
            (b"x-long-" + b"n" * 200, b"v" * 300),
            (b"audit-id", b"1"),
        ]
        for code in (200, 201, 409, 503):
            for _ in range(2):
                decoder = ClientDecoder()
                decoder.header_table_size = 0
                read = [
                    tuple(field)
                    for field in decoder.decode(b"\x20" + response_block(code, headers, 1234), True)
                ]
                self.assertEqual(read[0], (b":status", b"%d" % code))
                self.assertEqual(read[1][0], b"date")
                self.assertEqual(read[2:], [*headers, (b"content-length", b"1234")])

    def test_fields_that_cannot_be_sent(self) -> None:
        """
        Line ends, NUL, and names in upper case.
        """
        for field in ((b"warning", b"a\nb"), (b"x", b"a\x00"), (b"X-A", b"1"), (b"x a", b"1"), (b"", b"1")):
            self.assertRaises(ValueError, response_block, 200, [field], 0)
