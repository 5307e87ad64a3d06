"""
The body of a watch, as it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from ark.cluster.errors import Unreachable

LONGEST_LINE = 64 * 1024 * 1024

Event = dict[str, Any]


class WatchStream(Protocol):
    """
    Takes a watch apart into its events, one a line, wherever the network has cut it.

    @param observe: called with the events of what came in one piece.  What it raises ends the
        stream.
    @param silence: after so many seconds without a byte the connection is taken for dead.
        kube-apiserver sends a bookmark a minute.
    @ivar ended: fires when the stream has ended as streams do; fails with what it was ended by.
    """

    def __init__(self, observe: Callable[[list[Event]], None], reactor: Any, silence: float) -> None:
        self._observe = observe
        self._reactor = reactor
        self._silence = silence
        self._rest: list[bytes] = []
        self._size = 0
        self._quiet: Any = None
        self.ended: Deferred[None] = Deferred(lambda _: self._close())

    def connectionMade(self) -> None:
        """
        The body begins.
        """
        self._quiet = self._reactor.callLater(self._silence, self._too_quiet)

    def dataReceived(self, data: bytes) -> None:
        """
        A piece came.
        """
        if self.ended.called:
            return
        self._quiet.reset(self._silence)
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._size += len(data)
            if self._size > LONGEST_LINE:
                self._end(Unreachable(f"an event is longer than {LONGEST_LINE} bytes"))
            self._rest.append(data)
            return
        lines = b"".join([*self._rest, head]).split(b"\n")
        self._rest, self._size = [rest], len(rest)
        try:
            self._observe([_event(line) for line in lines if line.strip()])
        except Exception as error:
            self._end(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        There is no more.
        """
        self._stop_clock()
        if self.ended.called:
            return
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.ended.callback(None)
        else:
            self.ended.errback(Unreachable("the watch broke off"))

    def _too_quiet(self) -> None:
        self._quiet = None
        self._end(Unreachable(f"the watch was silent for {self._silence:g} seconds"))

    def _end(self, error: Exception) -> None:
        self._close()
        if not self.ended.called:
            self.ended.errback(error)

    def _close(self) -> None:
        self._stop_clock()
        if self.transport is not None:
            self.transport.loseConnection()

    def _stop_clock(self) -> None:
        quiet, self._quiet = self._quiet, None
        if quiet is not None and quiet.active():
            quiet.cancel()


def _event(line: bytes) -> Event:
    try:
        event = orjson.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise Unreachable("the watch sent what is no event")
    return event
