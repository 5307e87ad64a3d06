"""
A connection to PostgreSQL that is asked one thing at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2.extensions import POLL_OK, POLL_WRITE
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from txpostgres.txpostgres import Connection

from ark.storage.postgresqldescriptor import ConnectionDescriptor
from ark.storage.postgresqlparameters import Row


class QueriedConnection(Connection):  # type: ignore[misc]  # txpostgres has no annotations
    """
    Connects, listens and closes as txpostgres does, and asks in a way of its own.

    A cursor of txpostgres takes the socket out of the reactor and puts itself there instead, for
    each statement, and tells two turns later what came.  Here the socket stays where it is, and who
    asked is told when the answer is read (C{docs/decisions/0012-asking-postgresql.md}).

    When it is lost while nothing is asked of it, it ends and tells nobody.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor=ConnectionDescriptor(reactor))
        self._asked: Any = None
        # Where txpostgres looks for whoever is to be told of an end
        self._pollingD: Any = None

    @property
    def closed(self) -> bool:
        """
        Whether nothing can be asked any more.
        """
        raw = self.pollable()
        return raw is None or bool(raw.closed)

    def connect(self, **settings: str) -> Deferred[Any]:
        """
        Connect.

        @param settings: by libpq's names.
        @raise psycopg2.Error: the result fails with it when that is not possible.
        """
        connected: Deferred[Any] = super().connect(**settings)
        return connected.addCallback(self._read_bytes)

    def _read_bytes(self, connected: Any) -> Any:
        psycopg2.extensions.register_type(psycopg2.extensions.BYTES, self._connection)
        return connected

    def ask(self, text: str, parameters: Sequence[Any] | None) -> Deferred[list[Row]]:
        """
        The rows that a statement gives, none if it gives nothing; texts as bytes.  Nothing else may be
        asked before they are there.

        @param parameters: L{None} for a text that is to be run as it is.
        @raise psycopg2.Error: it cannot be asked; what the database says fails the result.
        """
        cursor = self._connection.cursor()
        cursor.execute(text, parameters)
        answer: Deferred[list[Row]] = Deferred()
        self._pollingD = answer
        self._asked = cursor
        self._go_on()
        return answer

    def _go_on(self) -> None:
        cursor = self._asked
        try:
            state = self._connection.poll()
            if state == POLL_WRITE:
                self.reactor.addWriter(self)
            if state != POLL_OK:
                return
            result: Any = cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            result = Failure()  # type: ignore[no-untyped-call]
        # Whoever is told may ask the next thing.
        answer, self._pollingD, self._asked = self._pollingD, None, None
        if answer is not None:
            answer.callback(result)

    def doRead(self) -> None:
        """
        See L{twisted.internet.interfaces.IReadDescriptor}.
        """
        if self._asked is not None:
            self._go_on()
        elif self._pollingD is not None:
            super().doRead()
            return
        else:
            try:
                self._connection.poll()
            except psycopg2.Error:
                self.close()
                return
        self.checkForNotifies()

    def doWrite(self) -> None:
        """
        See L{twisted.internet.interfaces.IWriteDescriptor}.
        """
        if self._asked is None:
            super().doWrite()
        else:
            self.reactor.removeWriter(self)
            self._go_on()

    def continuePolling(self, swallowErrors: bool = False) -> None:
        """
        Go on with what is under way: the reactor lost the socket, and libpq knows why.
        """
        if self._asked is None:
            super().continuePolling(swallowErrors)
            return
        self._go_on()
        if self._asked is not None:
            self.reactor.addReader(self)

    def checkForNotifies(self) -> None:
        """
        Tell at once what was heard, instead of by a task of its own for each time.
        """
        heard = self._connection.notifies
        if heard:
            notifications = heard[:]
            del heard[:]
            for notification in notifications:
                for observer in self.getNotifyObservers():
                    observer(notification)

    def close(self) -> None:
        """
        End it; what was asked fails.
        """
        if self.pollable() is None:
            return
        self._asked = None
        try:
            super().close()
        finally:
            self.reactor.release()
