"""
What a watcher is given from outside: how events look, and where they go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Protocol


class Preparation(Protocol):
    """
    Gets texts ready that a representation, or a predicate's C{read_fields}, is to be given:
    those that can be made of them only with waiting.
    """

    def lacks(self, texts: Iterable[bytes], /) -> list[bytes]:
        """
        Those that are not ready.
        """

    async def prepare(self, texts: Iterable[bytes], /) -> None:
        """
        Return when all are ready; they stay so in this turn of the reactor at least.

        @raise Exception: they cannot be made; the watch ends with it.
        """


class Representation(Protocol):
    """
    The form in which the events of one watch are sent (contract 12.8, 12.18).

    Its methods are pure: equal arguments give equal bytes, which are made once and
    shared among all watchers whose representations have equal keys.
    """

    @property
    def key(self) -> Hashable:
        """
        Equal for representations that make equal bytes.
        """

    @property
    def preparation(self) -> Preparation | None:
        """
        L{None} where every text can be shown at once.
        """

    @property
    def following(self) -> Representation:
        """
        The form of the events after a stream's first; most often the same one.
        """

    def event(self, type: str, body: bytes, /) -> bytes:
        """
        One framed event about an object.
        """

    def bookmark(self, revision: int, initial_end: bool, /) -> bytes:
        """
        One framed bookmark, with the annotation of contract 12.13 if C{initial_end}.
        """

    def error(self, status: dict[str, Any], /) -> bytes:
        """
        One framed event that tells why the watch ends.
        """

    def count(self, data: bytes, /) -> int:
        """
        How many framed events C{data} is made of.
        """


class WatchStream(Protocol):
    """
    The part of L{ark.http.streaming.Stream} that a watcher uses.
    """

    @property
    def paused(self) -> bool:
        """
        Whether the client does not keep up.
        """

    def write(self, data: bytes, /) -> None:
        """
        Send C{data} after all that was written before.
        """

    def finish(self) -> None:
        """
        End the body.
        """

    def abort(self) -> None:
        """
        Break off, so that the client sees that the body is not complete.
        """

    def on_drain(self, callback: Callable[[], None] | None, /) -> None:
        """
        Call C{callback} each time C{paused} becomes false again.
        """

    def on_close(self, callback: Callable[[], None] | None, /) -> None:
        """
        Call C{callback} once when the client goes away before C{finish}.
        """
