"""
Header compression of HTTP/2 (RFC 7541).

Reading takes the decoder in Rust of the C{jh2} package.  Its module is private, so that
only this module imports it; C{jh2}'s public decoder, in Python, stands in when it has gone.
Writing needs no table: docs/decisions/0003-http2-of-our-own.md says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import jh2.hpack
from jh2.hpack.huffman_constants import REQUEST_CODES_LENGTH

from ark.http.fields import DateField, FieldCache
from ark.http.h2frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFault

Fields = list[tuple[bytes, bytes, bool]]


class PythonDecoder:
    """
    C{jh2}'s public decoder, with the face of the one in Rust.
    """

    def __init__(self, limit: int) -> None:
        self._decoder = jh2.hpack.Decoder(limit)

    def decode(self, block: bytes, raw: bool) -> Fields:
        """
        Name, value, and whether it may never be indexed.
        """
        return [(field[0], field[1], not field.indexable) for field in self._decoder.decode(block, raw)]


try:
    from jh2._hazmat import Decoder, HPACKError, OversizedHeaderListError
except ImportError:  # pragma: no cover
    from jh2.hpack import HPACKError, OversizedHeaderListError

    Decoder = PythonDecoder

_TABLE_SIZE = 4096

# Sent once, before the first header block of a connection: our dynamic table is empty
# and stays so, whatever the client allows.
NO_TABLE = b"\x20"


class HeaderDecoder:
    """
    Reads the header blocks of one connection, in order.
    """

    __slots__ = ("_decoder",)

    def __init__(self, limit: int) -> None:
        """
        @param limit: the size of a header list above which the connection ends.
        """
        self._decoder: Any = Decoder(limit)

    def decode(self, block: bytes) -> Fields:
        """
        The fields of a block: name, value, and whether it may never be indexed.

        @raise ConnectionFault: it cannot be read; later blocks cannot either.
        """
        doubtful = _check_form(block)
        try:
            fields: Fields = self._decoder.decode(block, True)
        except OversizedHeaderListError:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "header list") from None
        except HPACKError:
            raise ConnectionFault(COMPRESSION_ERROR, "header block") from None
        if doubtful:
            _check_padding(block, fields)
        return fields


def list_size(fields: Fields) -> int:
    """
    The size of a header list as RFC 9113 (6.5.2) counts it.
    """
    return sum([len(name) + len(value) + 32 for name, value, _ in fields])


def harmless_size(limit: int) -> int:
    """
    How long a block may be whose list cannot be larger than C{limit}, whatever is in it.
    """
    # A byte of a block stands for one entry of the table at most.
    return limit // _TABLE_SIZE


# Fields that the table has, then the beginning of one of which it has the name: up to the length of
# the value, where that is a byte.
_FIELDS = re.compile(rb"[\x81-\xfe]*(?:[\x01-\x0e\x11-\x1e\x41-\x7e]([\x00-\x7e\x80-\xfe]))?").match


def _check_form(block: bytes) -> bool:
    """
    Walk over a block without reading it.

    The decoder panics on a block that ends too early, and lets a change of the table's
    size pass anywhere (RFC 7541, 4.2).

    @return: whether the padding of a string has to be looked at.
    @raise ConnectionFault: the form is wrong.
    """
    position = 0
    doubtful = False
    while True:
        fields: Any = _FIELDS(block, position)
        position = fields.end()
        if not fields.lastindex:
            break
        length = block[position - 1]
        position += length & 0x7F
        if position > len(block):
            raise ConnectionFault(COMPRESSION_ERROR, "a header block that ends too early")
        # Padding is ones.  Most strings end in a one, and are not looked at.
        if length & 0x80 and not block[position - 1] & 1:
            doubtful = True
    return doubtful if position == len(block) else _walk(block, position) or doubtful


def _walk(block: bytes, position: int) -> bool:
    """
    As L{_check_form}, from C{position} on and for fields of any form.
    """
    size = len(block)
    started = position > 0
    doubtful = False
    while position < size:
        first = block[position]
        if 0x80 < first < 0xFF:
            position += 1
        elif first & 0x80:
            position = _skip_integer(block, position, 0x7F)
        elif first & 0xE0 == 0x20:
            if started:
                raise ConnectionFault(COMPRESSION_ERROR, "a change of the table's size behind a field")
            position = _skip_integer(block, position, 0x1F)
            continue
        else:
            for start, end in _strings(block, position):
                doubtful = doubtful or bool(block[start] & 0x80 and not block[end - 1] & 1)
                position = end
        started = True
    return doubtful


def _strings(block: bytes, position: int) -> list[tuple[int, int]]:
    """
    Begin and end of the one or two strings of a literal at C{position}.
    """
    first = block[position]
    mask = 0x3F if first & 0x40 else 0x0F
    named = first & mask
    start = position + 1 if named < mask else _skip_integer(block, position, mask)
    end = _skip_string(block, start)
    if named:
        return [(start, end)]
    return [(start, end), (end, _skip_string(block, end))]


def _skip_integer(block: bytes, position: int, mask: int) -> int:
    if block[position] & mask != mask:
        return position + 1
    for following in range(position + 1, min(position + 6, len(block))):
        if block[following] < 0x80:
            return following + 1
    raise ConnectionFault(COMPRESSION_ERROR, "an integer")


def _skip_string(block: bytes, position: int) -> int:
    size = len(block)
    end = size + 1
    if position < size:
        length = block[position] & 0x7F
        if length < 0x7F:
            end = position + 1 + length
        else:
            end = _skip_integer(block, position, 0x7F)
            for shift, byte in enumerate(block[position + 1 : end]):
                length += (byte & 0x7F) << 7 * shift
            end += length
    if end > size:
        raise ConnectionFault(COMPRESSION_ERROR, "a header block that ends too early")
    return end


def _check_padding(block: bytes, fields: Fields) -> None:
    """
    The decoder takes any padding of a Huffman string; only ones are allowed (RFC 7541,
    5.2).

    @raise ConnectionFault: other padding.
    """
    position = index = 0
    while position < len(block):
        first = block[position]
        if first & 0x80:
            position = _skip_integer(block, position, 0x7F)
        elif first & 0xE0 == 0x20:
            position = _skip_integer(block, position, 0x1F)
            continue
        else:
            strings = _strings(block, position)
            position = strings[-1][1]
            for (start, end), decoded in zip(strings, fields[index][2 - len(strings) : 2]):
                if block[start] & 0x80 and not _well_padded(block[start:end], decoded):
                    raise ConnectionFault(COMPRESSION_ERROR, "the padding of a string")
        index += 1


def _well_padded(string: bytes, decoded: bytes | bool) -> bool:
    if not decoded or isinstance(decoded, bool):
        return True
    bits: int = sum([REQUEST_CODES_LENGTH[byte] for byte in decoded])
    padding = (1 << -bits % 8) - 1
    return bool(string[-1] & padding == padding)


_STATIC_NAMES = {
    b"age": 21,
    b"allow": 22,
    b"cache-control": 24,
    b"content-encoding": 26,
    b"content-length": 28,
    b"content-type": 31,
    b"date": 33,
    b"etag": 34,
    b"expires": 36,
    b"last-modified": 44,
    b"location": 46,
    b"retry-after": 53,
    b"server": 54,
    b"vary": 59,
    b"www-authenticate": 61,
}


def _integer(value: int, mask: int, prefix: int) -> bytes:
    if value < mask:
        return bytes((prefix | value,))
    written = bytearray((prefix | mask,))
    value -= mask
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


class ResponseFields(FieldCache):
    """
    Writes fields of responses as literals without indexing.
    """

    def encode_name(self, name: bytes) -> bytes:
        """
        The beginning of a literal without indexing (RFC 7541, 6.2.2).
        """
        index = _STATIC_NAMES.get(name, 0)
        head = _integer(index, 0x0F, 0)
        return head if index else head + _integer(len(name), 0x7F, 0) + name

    def encode(self, name: bytes, value: bytes) -> bytes:
        """
        The literal of a field.
        """
        length = len(value)
        return self.names[name] + (_BYTES[length] if length < 0x7F else _integer(length, 0x7F, 0)) + value


_BYTES = [bytes((value,)) for value in range(0x80)]

_STATIC_STATUS = {200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14}


class _Statuses(dict[int, bytes]):
    def __missing__(self, code: int) -> bytes:
        index = _STATIC_STATUS.get(code)
        written = bytes((0x80 | index,)) if index else _integer(8, 0x0F, 0) + b"\x03%d" % code
        self[code] = written
        return written


_fields = ResponseFields()
_written = _fields.__getitem__
_date = DateField(_fields)
_statuses = _Statuses()
_LENGTH = _integer(28, 0x0F, 0)


def response_block(code: int, headers: Iterable[tuple[bytes, bytes]], length: int | None) -> bytes:
    """
    The header block of a response.

    @param length: of the body, where it is known.
    @raise ValueError: a field cannot be sent.
    """
    parts = [_statuses[code], _date.now(), *map(_written, headers)]
    if length is not None:
        digits = b"%d" % length
        parts += (_LENGTH, _BYTES[len(digits)], digits)
    return b"".join(parts)
