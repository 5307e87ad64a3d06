"""
One event as all watchers share it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ark.meta.body import with_revision
from ark.meta.records import DELETED, Version
from ark.watch.representation import Representation

MEMO_BYTES = 64 * 1024 * 1024

_OVERHEAD = 700
"""About what an event's tuples, texts and places in containers take beside its bodies."""

_PARSED = 8
_FIELDS = 500
_FRAME = 200
"""About what parsed labels take for each byte of text, the fields of an object, and a frame beside its bytes."""

Fields = Mapping[str, str]
ReadFields = Callable[[bytes], Fields]


class Memos:
    """
    Counts the bytes that events keep of what was derived of them, and makes the oldest
    forget.

    A framed event is as big as its object, and is wanted again only by those who come
    a moment later.
    """

    def __init__(self, limit: int = MEMO_BYTES) -> None:
        self._limit = limit
        self._kept: deque[WatchEvent] = deque()
        self.bytes = 0

    def begin(self, event: WatchEvent) -> None:
        """
        C{event} begins to remember.
        """
        self._kept.append(event)

    def grow(self, event: WatchEvent, size: int) -> None:
        """
        C{event} remembers C{size} bytes more.
        """
        event.memo_size += size
        self.bytes += size
        while self.bytes > self._limit and len(self._kept) > 1:
            oldest = self._kept.popleft()
            self.bytes -= oldest.memo_size
            oldest.forget()


class WatchEvent:
    """
    A version, the state it replaced, and what was derived of them.

    @ivar size: about how many bytes of memory it holds.
    @ivar memo_size: about how many bytes more the derived take, as L{Memos} counts.
    """

    __slots__ = ("_memo", "_memos", "before", "memo_size", "revision", "size", "version")

    def __init__(self, version: Version, before: Version | None, memos: Memos | None = None) -> None:
        self.version = version
        self.before = before
        self.revision = version.revision
        self.size = _OVERHEAD + len(version.body) + (len(before.body) if before is not None else 0)
        self.memo_size = 0
        self._memos = memos
        self._memo: dict[Any, Any] | None = None

    def forget(self) -> None:
        """
        Let go of everything derived; it is made again when asked for.
        """
        self._memo = None
        self.memo_size = 0

    def _derived(self) -> dict[Any, Any]:
        memo = self._memo
        if memo is None:
            memo = self._memo = {}
            if self._memos is not None:
                self._memos.begin(self)
        return memo

    def _grown(self, size: int) -> None:
        if self._memos is not None:
            self._memos.grow(self, size)

    def labels(self, version: Version) -> Fields:
        """
        The labels of this event's version, or of the one before it.
        """
        if not version.labels:
            return {}
        memo = self._derived()
        found: Fields | None = memo.get(version.revision)
        if found is None:
            found = memo[version.revision] = orjson.loads(version.labels)
            self._grown(_PARSED * len(version.labels))
        return found

    def fields(self, version: Version, read: ReadFields) -> Fields:
        """
        What C{read} finds in this event's version, or in the one before it.
        """
        memo = self._derived()
        place = (version.revision, read)
        found: Fields | None = memo.get(place)
        if found is None:
            found = memo[place] = read(version.body)
            self._grown(_FIELDS)
        return found

    def frame(self, type: str, representation: Representation) -> bytes:
        """
        The bytes that tell a watcher of this event as C{type}.
        """
        memo = self._derived()
        place = (type, representation.key)
        found: bytes | None = memo.get(place)
        if found is None:
            found = memo[place] = representation.event(type, self._body(type))
            self._grown(_FRAME + len(found))
        return found

    def texts(self) -> list[bytes]:
        """
        All that may be shown or looked into of this event.
        """
        if self.before is None:
            return [self.version.body]
        return [self.version.body, self.before.body, self._body(DELETED)]

    def _body(self, type: str) -> bytes:
        version, before = self.version, self.before
        if type != DELETED or version.event == DELETED or before is None:
            return version.body
        # The object left the selection: it is shown as it last matched, at the
        # revision of the change (contract 12.10).
        return with_revision(before.body, before.revision, version.revision)
