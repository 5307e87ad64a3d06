"""
Header fields of responses, as bytes that are made once.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate

# Fields with a new value in every response would only fill the caches.
_VOLATILE = frozenset(
    (b"audit-id", b"content-length", b"date", b"etag", b"location", b"warning", b"last-modified")
)
_CACHED = 2048

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))


class FieldCache:
    """
    Remembers how fields are written.  The subclass says how.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], bytes] = {}
        self._names: dict[bytes, bytes] = {}
        self.get = self._known.get

    def encode_name(self, name: bytes) -> bytes:
        """
        How this protocol begins a field.
        """
        raise NotImplementedError

    def encode(self, name: bytes, value: bytes) -> bytes:
        """
        How this protocol writes a field, whose C{name} it has written before.
        """
        raise NotImplementedError

    def name(self, name: bytes) -> bytes:
        """
        The beginning of a field.

        @raise ValueError: not a name in lower case.
        """
        written = self._names.get(name)
        if written is None:
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"not a name of a header field in lower case: {name!r}")
            written = self.encode_name(name)
            if len(self._names) < _CACHED:
                self._names[name] = written
        return written

    def add(self, field: tuple[bytes, bytes]) -> bytes:
        """
        Write a field that L{get} does not know.

        @raise ValueError: it cannot be sent.
        """
        name, value = field
        if value.translate(None, VALUE_BYTES):
            raise ValueError(f"not a value of a header field: {value!r}")
        written = self.encode(name, value)
        if name not in _VOLATILE and len(self._known) < _CACHED:
            self._known[name, value] = written
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
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._written = self._cache.encode(b"date", formatdate(second, usegmt=True).encode("ascii"))
        return self._written
