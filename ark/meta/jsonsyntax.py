"""
What Go says about JSON that it cannot read.

Follows the scanner of C{encoding/json}; clients know its texts.  Used only after a
document was refused, so it may be slow and looks no further than it must.
"""

from __future__ import annotations

import re

from ark.meta.gotext import quote

END = "unexpected end of JSON input"

_FARTHEST = 1 << 16

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HEX = re.compile(rb"[0-9a-fA-F]*")
_DIGITS = re.compile(rb"[0-9]*")
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}

_VALUE = "looking for beginning of value"
_KEY = "looking for beginning of object key string"


class _Refused(Exception):
    """
    The text of the error.
    """


def _quoted(byte: int) -> str:
    character = chr(byte)
    if character in "'\"":
        return "'\\''" if character == "'" else "'\"'"
    return f"'{quote(character)[1:-1]}'"


def _refuse(data: bytes, position: int, context: str) -> _Refused:
    return _Refused(f"invalid character {_quoted(data[position])} {context}")


def _string(data: bytes, position: int) -> int:
    match = _STRING.match(data, position)
    end = match.end() if match else position
    if end >= len(data):
        raise _Refused(END)
    byte = data[end]
    if byte == 0x22:
        return end + 1
    if byte != 0x5C:
        raise _refuse(data, end, "in string literal")
    if end + 1 >= len(data):
        raise _Refused(END)
    if data[end + 1] != ord("u"):
        raise _refuse(data, end + 1, "in string escape code")
    digits = _HEX.match(data, end + 2)
    after = digits.end() if digits else end + 2
    if after >= len(data):
        raise _Refused(END)
    raise _refuse(data, after, "in \\u hexadecimal character escape")


def _digits(data: bytes, position: int, context: str) -> int:
    match = _DIGITS.match(data, position)
    end = match.end() if match else position
    if end == position:
        raise _refuse(data, position, context)
    return end


def _number(data: bytes, position: int) -> int:
    if data[position] == ord("-"):
        position += 1
        if not chr(data[position]).isdigit():
            raise _refuse(data, position, "in numeric literal")
    position = position + 1 if data[position] == ord("0") else _digits(data, position, "in numeric literal")
    if data[position] == ord("."):
        position = _digits(data, position + 1, "after decimal point in numeric literal")
    if data[position] in b"eE":
        position += 1
        if data[position] in b"+-":
            position += 1
        position = _digits(data, position, "in exponent of numeric literal")
    return position


def _literal(data: bytes, position: int) -> int:
    word = _LITERALS[data[position]]
    for offset, byte in enumerate(word):
        if data[position + offset] != byte:
            context = f"in literal {word.decode()} (expecting '{chr(byte)}')"
            raise _refuse(data, position + offset, context)
    return position + len(word)


def _scalar(data: bytes, position: int, context: str) -> int:
    byte = data[position]
    if byte == 0x22:
        return _string(data, position)
    if context == _KEY:
        raise _refuse(data, position, context)
    if byte in _LITERALS:
        return _literal(data, position)
    if byte in b"-0123456789":
        return _number(data, position)
    raise _refuse(data, position, context)


class _Scanner:
    """
    Walks a document value by value; knows which brackets are open.
    """

    def __init__(self, data: bytes) -> None:
        # Go ends a document by feeding one more space, which a number cut short shows.
        self._data = data + b" "
        self._position = 0
        self._open: list[int] = []

    def _next(self) -> int:
        match = _SPACE.match(self._data, self._position)
        self._position = match.end() if match else self._position
        if self._position >= len(self._data):
            raise _Refused(END)
        return self._data[self._position]

    def _skip_scalar(self, context: str) -> None:
        self._position = _scalar(self._data, self._position, context)

    def scan(self) -> None:
        """
        Go through the document.

        @raise _Refused: at the first byte that does not belong there.
        """
        while True:
            byte = self._next()
            if byte in b"{[":
                self._open.append(byte)
                self._position += 1
                if self._next() == byte + 2:
                    self._position += 1
                    self._open.pop()
                elif byte == ord("{"):
                    self._key()
                    continue
                else:
                    continue
            else:
                self._skip_scalar(_VALUE)
            if self._close():
                return

    def _key(self) -> None:
        self._next()
        self._skip_scalar(_KEY)
        if self._next() != ord(":"):
            raise _refuse(self._data, self._position, "after object key")
        self._position += 1

    def _close(self) -> bool:
        """
        What follows a value: closing brackets, then a comma, or the end of all.
        """
        while self._open:
            byte = self._next()
            bracket = self._open[-1]
            if byte == ord(","):
                self._position += 1
                if bracket == ord("{"):
                    self._key()
                return False
            if byte != bracket + 2:
                where = "after object key:value pair" if bracket == ord("{") else "after array element"
                raise _refuse(self._data, self._position, where)
            self._position += 1
            self._open.pop()
        match = _SPACE.match(self._data, self._position)
        end = match.end() if match else self._position
        if end < len(self._data):
            raise _refuse(self._data, end, "after top-level value")
        return True


def syntax_error(data: bytes, near: int = 0) -> str | None:
    """
    The text of Go's error about a document; L{None} when Go would read it.

    @param near: where another reader failed.  A failure far inside a large document is
        described by the byte there alone.
    """
    if near > _FARTHEST:
        return f"invalid character {_quoted(data[near])}" if near < len(data) else END
    try:
        _Scanner(data).scan()
    except _Refused as refused:
        return str(refused)
    return None
