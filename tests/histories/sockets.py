"""
Many connections in one thread, and the lines that come through them.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from typing import Any

_IDLE = 0.5


class Loop:
    """
    Does in one thread what is ready and what is due.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """
        Do something when a time has passed.
        """
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), work))

    def watch(self, socket: Any, events: int, work: Callable[[], None]) -> None:
        """
        Do something whenever a socket is ready.
        """
        if socket in self._selector.get_map():
            self._selector.modify(socket, events, work)
        else:
            self._selector.register(socket, events, work)

    def forget(self, socket: Any) -> None:
        """
        It is not of interest any more.
        """
        if socket in self._selector.get_map():
            self._selector.unregister(socket)

    def _is_watched(self, key: selectors.SelectorKey) -> bool:
        """
        Whether what was ready at the beginning of a turn is still of interest.
        """
        try:
            return self._selector.get_key(key.fileobj) == key
        except (KeyError, ValueError):
            return False

    def turn(self) -> None:
        """
        Do what is ready, or wait for it a while, and what is due.
        """
        wait = max(self._due[0][0] - time.monotonic(), 0) if self._due else _IDLE
        for key, _ in self._selector.select(min(wait, _IDLE)):
            if self._is_watched(key):
                key.data()
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()


class LineReader:
    """
    The lines of one chunked answer of HTTP/1.1.

    @ivar code: of the answer, when its head has come.
    @ivar ended: whether it came to its end.
    """

    def __init__(self) -> None:
        self.code = 0
        self.ended = False
        self._data = b""
        self._line = b""

    def feed(self, data: bytes) -> list[bytes]:
        """
        The lines that have become complete.
        """
        self._data += data
        if not self.code:
            head, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return []
            self.code, self._data = int(head[9:12]), rest
        if self.code != 200:
            return []
        parts = [self._line]
        place = 0
        while (end := self._data.find(b"\r\n", place)) >= 0:
            size = int(self._data[place:end], 16)
            following = end + 2 + size + 2
            if following > len(self._data):
                break
            parts.append(self._data[end + 2 : following - 2])
            place = following
            self.ended = not size
        self._data = self._data[place:]
        *lines, self._line = b"".join(parts).split(b"\n")
        return lines
