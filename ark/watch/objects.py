"""
Current objects in memory, kept current by the follower.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final

from ark.meta.records import DELETED, Key, Version

BYTES = 32 * 1024 * 1024

_LONGEST_ABSENT = 512
_OVERHEAD = 700
"""About what a version's tuples, texts and place in the mapping take beside its body."""


class Unknown(Enum):
    """
    The type of L{UNKNOWN}.
    """

    UNKNOWN = 0


UNKNOWN: Final = Unknown.UNKNOWN
"""Memory cannot tell whether there is such an object."""


class ObjectCache:
    """
    The objects used last, at most so many bytes of them; also that some do not exist.

    What it knows is true at the revision that the follower has reached, unless the
    version itself is newer: then it is what storage said meanwhile.

    @ivar bytes: about how much memory is held.
    """

    def __init__(self, max_bytes: int = BYTES) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._objects: OrderedDict[Key, Version | None] = OrderedDict()
        self._readers: dict[Key, int] = {}
        self._overtaken: set[Key] = set()

    def __len__(self) -> int:
        return len(self._objects)

    def find(self, key: Key) -> Version | Unknown | None:
        """
        The live version of C{key}; L{None} when it has none; L{UNKNOWN}.
        """
        objects = self._objects
        version = objects.get(key, UNKNOWN)
        if version is not UNKNOWN:
            objects.move_to_end(key)
        return version

    def peek(self, key: Key) -> Version | None:
        """
        The version of C{key} if it is in memory.  Does not count as use.
        """
        return self._objects.get(key)

    def clear(self) -> None:
        """
        Forget everything; reads under way will not be remembered.
        """
        self._overtaken.update(self._readers)
        self._objects.clear()
        self.bytes = 0

    def observe(self, version: Version) -> None:
        """
        The log has come to C{version}.
        """
        key = version.key
        if self._readers and key in self._readers:
            self._overtaken.add(key)
        known = self._objects.get(key)
        if known is not None and known.revision >= version.revision:
            return
        if known is None or version.event == DELETED:
            self._put(key, None if version.event == DELETED else version)
        else:
            self._objects[key] = version
            self._objects.move_to_end(key)
            self.bytes += len(version.body) + len(version.labels) - len(known.body) - len(known.labels)
            if self.bytes > self._max_bytes:
                self._fit()

    def begin_read(self, key: Key) -> None:
        """
        Storage is about to be asked for C{key}.
        """
        self._readers[key] = self._readers.get(key, 0) + 1

    def end_read(self, key: Key, version: Version | Unknown | None) -> None:
        """
        Storage has answered; L{UNKNOWN} when the answer must not be remembered.

        Nor is it when the log came to C{key} meanwhile: the answer may be older than
        what was known, even if memory has let it go again.
        """
        overtaken = key in self._overtaken
        left = self._readers[key] - 1
        if left:
            self._readers[key] = left
        else:
            del self._readers[key]
            self._overtaken.discard(key)
        if version is UNKNOWN or overtaken or key in self._objects:
            return
        # No object has so long a name, and whoever asks for one can ask for many.
        if version is not None or len(key.namespace) + len(key.name) <= _LONGEST_ABSENT:
            self._put(key, version)

    def _put(self, key: Key, version: Version | None) -> None:
        objects = self._objects
        old = objects.get(key, UNKNOWN)
        if old is not UNKNOWN:
            self.bytes -= _size(old)
            objects.move_to_end(key)
        objects[key] = version
        self.bytes += _size(version)
        if self.bytes > self._max_bytes:
            self._fit()

    def _fit(self) -> None:
        while self.bytes > self._max_bytes:
            _, oldest = self._objects.popitem(last=False)
            self.bytes -= _size(oldest)


def _size(version: Version | None) -> int:
    return _OVERHEAD if version is None else _OVERHEAD + len(version.body) + len(version.labels)
