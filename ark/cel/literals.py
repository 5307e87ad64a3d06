"""
What the literals of an expression mean.

Follows cel-go's C{parser/unescape.go} and Go's C{strconv}.
"""

from __future__ import annotations

from typing import Any

from ark.cel.tokens import FLOAT, INT, STRING, UINT, Token
from ark.cel.values import Uint

_PLAIN = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "?": "?",
}
_HEX_DIGITS = {"x": 2, "X": 2, "u": 4, "U": 8}


def integer(text: str, negative: bool) -> int:
    """
    An int, in decimal or after C{0x} in hexadecimal.

    @raise ValueError: with what cel-go says of one that does not fit in 64 bits.
    """
    value = int(text, 16) if text.startswith("0x") else int(text)
    if negative:
        value = -value
    if not -(2**63) <= value < 2**63:
        raise ValueError("invalid int literal")
    return value


def unsigned(text: str) -> Uint:
    """
    A uint, which ends with a C{u}.

    @raise ValueError: with what cel-go says of one that does not fit in 64 bits.
    """
    digits = text[:-1]
    value = int(digits, 16) if digits.startswith("0x") else int(digits)
    if value >= 2**64:
        raise ValueError("invalid uint literal")
    return Uint(value)


def double(text: str, negative: bool) -> float:
    """
    A double.

    @raise ValueError: with what cel-go says of one that is too large.
    """
    value = float(text)
    if value == float("inf"):
        raise ValueError("invalid double literal")
    return -value if negative else value


def string(text: str) -> str:
    """
    The characters of a string literal with its quotes.

    @raise ValueError: for a code point that is none.
    """
    body, raw = _body(text)
    return body if raw or "\\" not in body else _unescaped(body, False)


def octets(text: str) -> bytes:
    """
    The octets of a bytes literal with its C{b} and quotes.

    @raise ValueError: for escapes that bytes do not have.
    """
    body, raw = _body(text[1:])
    if raw or "\\" not in body:
        return body.encode()
    return b"".join(_octet_parts(body))


def _body(text: str) -> tuple[str, bool]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = text[0] in "rR"
    if raw:
        text = text[1:]
    quotes = 3 if len(text) >= 6 and text[:3] in ('"""', "'''") else 1
    return text[quotes:-quotes], raw


def _unescaped(body: str, octet: bool) -> str:
    parts: list[str] = []
    position = 0
    while position < len(body):
        if body[position] != "\\":
            end = body.find("\\", position)
            end = len(body) if end < 0 else end
            parts.append(body[position:end])
            position = end
            continue
        letter, position = _escape(body, position + 1, octet)
        parts.append(letter)
    return "".join(parts)


def _octet_parts(body: str) -> list[bytes]:
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        if body[position] != "\\":
            parts.append(body[position].encode())
            position += 1
            continue
        letter, position = _escape(body, position + 1, True)
        parts.append(bytes((ord(letter),)))
    return parts


def _escape(body: str, position: int, octet: bool) -> tuple[str, int]:
    """
    The character of a sequence after its backslash, and where the text goes on.
    """
    letter = body[position]
    position += 1
    plain = _PLAIN.get(letter)
    if plain is not None:
        return plain, position
    if letter in "0123":
        code = int(body[position - 1 : position + 2], 8)
        return chr(code), position + 2
    if octet and letter in "uU":
        raise ValueError("unable to unescape string")
    count = _HEX_DIGITS[letter]
    code = int(body[position : position + count], 16)
    if not octet and (code > 0x10FFFF or 0xD800 <= code < 0xE000):
        raise ValueError("invalid unicode code point")
    return chr(code), position + count


def value_of(token: Token, negative: bool) -> Any:
    """
    What a literal means.

    @raise ValueError: if it means nothing, with what cel-go says.
    """
    if token.kind == INT:
        return integer(token.text, negative)
    if token.kind == UINT:
        return unsigned(token.text)
    if token.kind == FLOAT:
        return double(token.text, negative)
    if token.kind == STRING:
        return string(token.text)
    return octets(token.text)
