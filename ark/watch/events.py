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

KEPT_MEMOS = 2048

_OVERHEAD = 700
"""About what an event's tuples, texts and places in containers take beside its bodies."""

Fields = Mapping[str, str]
ReadFields = Callable[[bytes], Fields]


class Memos:
    """
    Remembers which events keep derived bytes, and makes the oldest of them forget.

    A framed event is as big as its object, and is wanted again only by those who come
    a moment later.
    """

    def __init__(self, limit: int = KEPT_MEMOS) -> None:
        self._limit = limit
        self._kept: deque[WatchEvent] = deque()

    def keep(self, event: WatchEvent) -> None:
        """
        C{event} begins to remember.
        """
        self._kept.append(event)
        if len(self._kept) > self._limit:
            self._kept.popleft().forget()


class WatchEvent:
    """
    A version, the state it replaced, and what was derived of them.

    @ivar size: about how many bytes of memory it holds.
    """

    __slots__ = ("_memo", "_memos", "before", "revision", "size", "version")

    def __init__(self, version: Version, before: Version | None, memos: Memos | None = None) -> None:
        self.version = version
        self.before = before
        self.revision = version.revision
        self.size = _OVERHEAD + len(version.body) + (len(before.body) if before is not None else 0)
        self._memos = memos
        self._memo: dict[Any, Any] | None = None

    def forget(self) -> None:
        """
        Let go of everything derived; it is made again when asked for.
        """
        self._memo = None

    def _derived(self) -> dict[Any, Any]:
        memo = self._memo
        if memo is None:
            memo = self._memo = {}
            if self._memos is not None:
                self._memos.keep(self)
        return memo

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
        return found

    def _body(self, type: str) -> bytes:
        version, before = self.version, self.before
        if type != DELETED or version.event == DELETED or before is None:
            return version.body
        # The object left the selection: it is shown as it last matched, at the
        # revision of the change (contract 12.10).
        return with_revision(before.body, before.revision, version.revision)
