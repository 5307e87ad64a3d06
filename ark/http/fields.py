"""
Header fields of responses, as bytes that are made once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from time import time

# Fields with a new value in every response would only fill the caches.
_VOLATILE = frozenset(
    (b"audit-id", b"content-length", b"date", b"etag", b"location", b"warning", b"last-modified")
)
_CACHED = 2048

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))


class FieldCache(dict[tuple[bytes, bytes], bytes]):
    """
    How fields are written, by name and value: asked for one that it does not know, it writes it, and
    remembers it unless it had better not.  The subclass says how.

    Asking raises C{ValueError} for a field that cannot be sent.

    @ivar names: the beginnings of fields, in the same way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names = _Names(self.encode_name)

    def __missing__(self, field: tuple[bytes, bytes]) -> bytes:
        name, value = field
        if value.translate(None, VALUE_BYTES):
            raise ValueError(f"not a value of a header field: {value!r}")
        written = self.encode(name, value)
        if name not in _VOLATILE and len(self) < _CACHED:
            self[field] = written
        return written

    def encode_name(self, name: bytes) -> bytes:
        """
        How this protocol begins a field.
        """
        raise NotImplementedError

    def encode(self, name: bytes, value: bytes) -> bytes:
        """
        How this protocol writes a field.

        @raise ValueError: its name is none in lower case.
        """
        raise NotImplementedError


class _Names(dict[bytes, bytes]):
    def __init__(self, encode: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, name: bytes) -> bytes:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a name of a header field in lower case: {name!r}")
        written = self._encode(name)
        if len(self) < _CACHED:
            self[name] = written
        return written


class DateField:
    """
    The C{Date} field, written once a second.
    """

    def __init__(self, cache: FieldCache) -> None:
        self._cache = cache
        self._second = 0
        self._written = b""

    def now(self) -> bytes:
        """
        The field for this second of the wall clock.
        """
        second = int(time())
        if second != self._second:
            self._second = second
            self._written = self._cache.encode(b"date", formatdate(second, usegmt=True).encode("ascii"))
        return self._written
