"""
A watch of the server's own, on all objects of one resource.

Named after the C{Reflector} of C{k8s.io/client-go/tools/cache}, whose work it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.http.streaming import Stream
from ark.meta.records import DELETED
from ark.watch.cacher import Cacher
from ark.watch.options import WatchOptions
from ark.watch.predicate import SelectionPredicate

WATCH_SECONDS = 3600.0
AGAIN_SECONDS = 1.0

_log = Logger()


class _Texts:
    """
    Shows an event as the text of its object, a line; deletions are not shown.
    """

    key = "ark.controllers.reflector"
    preparation = None

    @property
    def following(self) -> _Texts:
        return self

    def event(self, type: str, body: bytes) -> bytes:
        return b"" if type == DELETED else body + b"\n"

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        return b""

    def error(self, status: dict[str, Any]) -> bytes:
        _log.warn("a watch of the server ended: {message}", message=status.get("message"))
        return b""

    def count(self, data: bytes) -> int:
        return data.count(b"\n")


class _Lines(Stream):
    """
    Hands each line on at once.
    """

    def __init__(self, observe: Callable[[bytes], None]) -> None:
        self._observe = observe

    def write(self, data: bytes) -> None:
        for line in data.splitlines():
            try:
                self._observe(line)
            except Exception:
                # One object must not end the watch on all others.
                _log.failure("an object was not understood")


class Reflector:
    """
    Tells of each object that there is, and then of each that is new or has changed.

    What it tells may be told again: it begins anew when its watch ends.

    @param observe: called with the JSON text of an object.
    """

    def __init__(self, resource: str, observe: Callable[[bytes], None], cacher: Cacher, reactor: Any) -> None:
        self._options = WatchOptions(
            SelectionPredicate(resource), _Texts(), initial=True, timeout=WATCH_SECONDS
        )
        self._observe = observe
        self._cacher = cacher
        self._reactor = reactor
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """
        Begin.
        """
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(_ended)

    def stop(self) -> None:
        """
        End.
        """
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        while True:
            await self._cacher.watch(self._options, lambda: _Lines(self._observe))
            await deferLater(self._reactor, AGAIN_SECONDS)


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]  # Twisted's, without types
