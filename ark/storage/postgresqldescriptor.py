"""
What the reactor watches of a connection to PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IReadWriteDescriptor)
class ConnectionDescriptor:
    """
    Stands between txpostgres and the reactor, as the reactor that a connection and its cursors know.

    libpq closes its socket by itself when the connection breaks, and may open another while it
    connects.  A reactor that watched that socket would go on holding its number, which is soon that
    of something else.  So the reactor watches a duplicate, which nobody closes but L{release}.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._descriptor = -1
        self._socket: tuple[int, int] | None = None
        self._reading: Any = None
        self._writing: Any = None

    # What txpostgres asks of a reactor

    def addReader(self, polling: Any) -> None:
        """
        Tell C{polling} when there is something to read.
        """
        if self._follow(polling):
            self._reading = polling
            self._reactor.addReader(self)

    def addWriter(self, polling: Any) -> None:
        """
        Tell C{polling} when something can be written.
        """
        if self._follow(polling):
            self._writing = polling
            self._reactor.addWriter(self)

    def removeReader(self, polling: Any) -> None:
        """
        Do not tell it any more.
        """
        if self._reading is polling:
            self._reading = None
            self._reactor.removeReader(self)

    def removeWriter(self, polling: Any) -> None:
        """
        Do not tell it any more.
        """
        if self._writing is polling:
            self._writing = None
            self._reactor.removeWriter(self)

    def callLater(self, seconds: float, call: Callable[..., Any], *given: Any) -> Any:
        """
        See L{twisted.internet.interfaces.IReactorTime.callLater}.
        """
        return self._reactor.callLater(seconds, call, *given)

    def release(self) -> None:
        """
        Watch nothing any more.
        """
        self._unwatch()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _follow(self, polling: Any) -> bool:
        """
        Have a duplicate of the socket that libpq uses now; C{False} if it uses none.
        """
        number = polling.fileno()
        if number < 0:
            # libpq gave its socket up; it says why when it is asked to go on.
            self._reactor.callLater(0, self._go_on, polling)
            return False
        status = os.fstat(number)
        socket = (status.st_dev, status.st_ino)
        if socket != self._socket:
            self._unwatch()
            if self._descriptor < 0:
                self._descriptor = os.dup(number)
            else:
                # The number stays: the reactor takes one that changes for a connection that was lost.
                os.dup2(number, self._descriptor, inheritable=False)
            self._socket = socket
        return True

    def _unwatch(self) -> None:
        self._reading = self._writing = self._socket = None
        if self._descriptor >= 0:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)

    def _go_on(self, polling: Any) -> None:
        if not polling.disconnected:
            polling.continuePolling(swallowErrors=True)

    # What the reactor asks

    def fileno(self) -> int:
        """
        See L{IReadWriteDescriptor}.
        """
        return self._descriptor

    def doRead(self) -> None:
        """
        See L{IReadWriteDescriptor}.
        """
        if self._reading is not None:
            self._reading.doRead()

    def doWrite(self) -> None:
        """
        See L{IReadWriteDescriptor}.
        """
        if self._writing is not None:
            self._writing.doWrite()

    def connectionLost(self, reason: Failure) -> None:
        """
        See L{IReadWriteDescriptor}.
        """
        polling = self._reading or self._writing
        self._unwatch()
        # Who is told may begin anew with another socket.
        if polling is not None:
            polling.connectionLost(reason)

    def logPrefix(self) -> str:
        """
        See L{IReadWriteDescriptor}.
        """
        return "postgresql"
