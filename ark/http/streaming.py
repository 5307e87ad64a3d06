"""
The body of a response that is written piece by piece, with back-pressure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer


@implementer(IConsumer)
class Stream:
    """
    Where the pieces of a body go.  Each protocol has a subclass.

    Writes of one turn of the reactor leave together with all others of the connection.
    Nothing that was written is ever dropped while the stream is open: who writes looks
    at L{paused} and comes back when told, by C{on_drain} or as an C{IPushProducer}.

    @ivar closed: the stream is finished or broken off; writes do nothing.
    @ivar paused: the client does not keep up; write again after the drain callback.
    """

    closed: bool = False
    paused: bool = False
    _drained: Callable[[], None] | None = None
    _closed_callback: Callable[[], None] | None = None
    _producer: Any = None
    _pulls: bool = False

    def write(self, data: bytes) -> None:
        """
        Send C{data} after all that was written before.
        """

    def finish(self) -> None:
        """
        The body is complete.
        """

    def abort(self) -> None:
        """
        Break off, so that the client sees that the body is not complete.
        """

    def on_drain(self, callback: Callable[[], None] | None) -> None:
        """
        Call C{callback} each time L{paused} becomes false again.
        """
        self._drained = callback

    def on_close(self, callback: Callable[[], None] | None) -> None:
        """
        Call C{callback} once when the client goes away or resets the stream before
        L{finish}.
        """
        self._closed_callback = callback
        if self.closed and callback is not None:
            self._closed_callback = None
            callback()

    def register_producer(self, producer: Any, streaming: bool = True) -> None:
        """
        Let C{producer} be paused and resumed as the client keeps up.

        @param streaming: false for an C{IPullProducer}, which is asked each time that
            there is room.
        @raise RuntimeError: there is a producer already.
        """
        if self._producer is not None:
            raise RuntimeError(f"{self!r} has a producer already")
        if self.closed:
            producer.stopProducing()
            return
        self._producer = producer
        self._pulls = not streaming
        if self._pulls:
            self._pull()
        elif self.paused:
            producer.pauseProducing()

    def unregister_producer(self) -> None:
        """
        The producer has no more to write.
        """
        self._producer = None

    registerProducer = register_producer
    unregisterProducer = unregister_producer

    def set_paused(self, paused: bool) -> None:
        """
        Called by the protocol when the client stops or begins to keep up.
        """
        if paused == self.paused or self.closed:
            return
        self.paused = paused
        if paused:
            if self._producer is not None and not self._pulls:
                self._producer.pauseProducing()
            return
        if self._producer is not None:
            if self._pulls:
                self._pull()
            else:
                self._producer.resumeProducing()
        if self._drained is not None and not self.paused and not self.closed:
            self._drained()

    def _pull(self) -> None:
        while self._producer is not None and not self.paused and not self.closed:
            self._producer.resumeProducing()

    def connection_lost(self) -> None:
        """
        Called by the protocol when nothing more can reach the client.
        """
        if self.closed:
            return
        self.closed = True
        self.paused = False
        producer, self._producer = self._producer, None
        callback, self._closed_callback = self._closed_callback, None
        self._drained = None
        if producer is not None:
            producer.stopProducing()
        if callback is not None:
            callback()
