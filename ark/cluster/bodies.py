"""
The bodies of requests that are made, and of their answers.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
class Body:
    """
    A request's body that is there already; it may be sent again.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """
        Write it all at once.
        """
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        It is written already.
        """

    def resumeProducing(self) -> None:
        """
        It is written already.
        """

    def stopProducing(self) -> None:
        """
        It is written already.
        """


class Collected(Protocol):
    """
    Takes the body of an answer, but no more than C{limit} bytes.

    @ivar whole: fires with the body, or fails with C{ValueError} when that is larger, or with what the
        connection was lost by.
    """

    def __init__(self, limit: int) -> None:
        self._pieces: list[bytes] = []
        self._limit = self._left = limit
        self.whole: Deferred[bytes] = Deferred(lambda _: self._stop())

    def _stop(self) -> None:
        lose = getattr(self.transport, "loseConnection", None)
        if lose is not None:
            lose()

    def dataReceived(self, data: bytes) -> None:
        """
        A piece came.
        """
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
        elif not self.whole.called:
            self.whole.errback(ValueError(f"the answer is larger than {self._limit} bytes"))
            self._stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        There is no more.
        """
        if self.whole.called:
            return
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.whole.callback(b"".join(self._pieces))
        else:
            self.whole.errback(reason)
