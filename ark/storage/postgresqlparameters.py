"""
A connection to PostgreSQL over which values travel beside the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, PollingStatus, abc
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from ark.storage.postgresqldescriptor import ConnectionDescriptor
from ark.storage.postgresqlerrors import DatabaseFault

Row = tuple[Any, ...]

# The types of values that are not texts, by their numbers in C{pg_type}.
_READERS: dict[int, Callable[[bytes], Any]] = {
    16: lambda text: text == b"t",
    **dict.fromkeys((20, 21, 23), int),
}


class ParameterConnection:
    """
    A connection of libpq as psycopg 3 gives it, in the reactor.

    psycopg2 writes values into the statement, where the database has to look for their end letter by
    letter.  Here they are sent as they are (C{docs/decisions/0013-batches-beside-the-statement.md}).

    When it is lost while nothing is asked of it, it ends and tells nobody.

    @ivar disconnected: whether it was ended.
    """

    def __init__(self, reactor: Any) -> None:
        self.disconnected = True
        self._descriptor = ConnectionDescriptor(reactor)
        self._libpq: abc.PGconn | None = None
        self._connecting = False
        self._waiting: Deferred[Any] | None = None
        self._writing = False
        self._rows: list[Row] = []
        self._fault: DatabaseFault | None = None

    @property
    def closed(self) -> bool:
        """
        Whether nothing can be asked any more.
        """
        return self._libpq is None or self._libpq.status == ConnStatus.BAD

    def connect(self, **settings: str) -> Deferred[Any]:
        """
        Connect.

        @param settings: by libpq's names.
        @raise DatabaseFault: the result fails with it when that is not possible.
        """
        self.disconnected = False
        self._connecting = True
        self._libpq = pq.PGconn.connect_start(_connection_text(settings))
        waiting: Deferred[Any] = Deferred()
        self._waiting = waiting
        self._go_on_connecting()
        return waiting

    def ask(self, text: str, parameters: Sequence[Any] | None) -> Deferred[list[Row]]:
        """
        The rows that a statement gives, none if it gives nothing; texts as bytes.  Nothing else may be
        asked before they are there.

        @param parameters: texts, bytes in UTF-8, numbers, booleans, lists of these and L{None}, in place
            of each C{%s}; L{None} for a text that is to be run as it is, of one statement or several.
        @raise DatabaseFault: it cannot be asked; what the database says fails the result.
        """
        libpq = self._libpq
        if libpq is None:
            raise DatabaseFault("the connection was ended")
        waiting: Deferred[list[Row]] = Deferred()
        try:
            if parameters is None:
                libpq.send_query(text.encode())
            else:
                libpq.send_query_params(_numbered(text), [_sent(value) for value in parameters])
            self._rows, self._fault = [], None
            self._waiting = waiting
            self._flush(libpq)
        except psycopg.Error as error:
            self._waiting = None
            raise DatabaseFault(str(error)) from error
        return waiting

    def close(self) -> None:
        """
        End it; what was asked fails.
        """
        self._end(ConnectionLost())

    def _end(self, why: Exception) -> None:
        libpq, self._libpq = self._libpq, None
        self.disconnected = True
        self._descriptor.release()
        if libpq is not None:
            libpq.finish()
        self._tell(why)

    def _tell(self, answer: Any) -> None:
        # Whoever is told may ask the next thing.
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        if isinstance(answer, Exception):
            waiting.errback(answer)
        else:
            waiting.callback(answer)

    # Connecting

    def _go_on_connecting(self) -> None:
        libpq = self._libpq
        if libpq is None:
            return
        status = libpq.connect_poll()
        if status == PollingStatus.READING:
            self._descriptor.removeWriter(self)
            self._descriptor.addReader(self)
        elif status == PollingStatus.WRITING:
            self._descriptor.removeReader(self)
            self._descriptor.addWriter(self)
        elif status == PollingStatus.OK:
            self._connecting = False
            libpq.nonblocking = 1
            self._descriptor.removeWriter(self)
            self._descriptor.addReader(self)
            self._tell(self)
        else:
            self._connecting = False
            self._end(DatabaseFault(libpq.error_message.decode("utf-8", "replace")))

    # Asking

    def _flush(self, libpq: abc.PGconn) -> None:
        if libpq.flush():
            self._writing = True
            self._descriptor.addWriter(self)
        elif self._writing:
            self._writing = False
            self._descriptor.removeWriter(self)

    def _take(self, libpq: abc.PGconn) -> None:
        """
        What has come.
        """
        while self._waiting is not None and not libpq.is_busy():
            result = libpq.get_result()
            if result is None:
                self._tell(self._rows if self._fault is None else self._fault)
            elif result.status == ExecStatus.FATAL_ERROR:
                code = result.error_field(DiagnosticField.SQLSTATE)
                self._fault = DatabaseFault(
                    result.error_message.decode("utf-8", "replace"), code.decode() if code else None
                )
            else:
                self._rows = _rows_of(result)
        libpq.notifies()

    def _lost(self, error: Exception) -> None:
        self._end(self._fault or DatabaseFault(str(error)))

    # What the reactor tells, by the descriptor

    def fileno(self) -> int:
        """
        The socket that libpq uses now; C{-1} if it uses none.
        """
        try:
            return -1 if self._libpq is None else self._libpq.socket
        except psycopg.Error:
            return -1

    def doRead(self) -> None:
        """
        See L{twisted.internet.interfaces.IReadDescriptor}.
        """
        if self._connecting:
            self._go_on_connecting()
            return
        libpq = self._libpq
        if libpq is None:
            return
        try:
            libpq.consume_input()
            if self._writing:
                self._flush(libpq)
            self._take(libpq)
        except psycopg.Error as error:
            self._lost(error)

    def doWrite(self) -> None:
        """
        See L{twisted.internet.interfaces.IWriteDescriptor}.
        """
        if self._connecting:
            self._go_on_connecting()
        elif self._libpq is not None:
            try:
                self._flush(self._libpq)
            except psycopg.Error as error:
                self._lost(error)

    def continuePolling(self, swallowErrors: bool = False) -> None:
        """
        Go on with what is under way: libpq gave its socket up, and knows why.
        """
        self.doRead()

    def connectionLost(self, reason: Any) -> None:
        """
        The reactor lost the socket; libpq knows why, and may try another one.
        """
        self.doRead()
        if not self._connecting and self._libpq is not None:
            self._lost(ConnectionLost())


def _rows_of(result: abc.PGresult) -> list[Row]:
    readers = [_READERS.get(result.ftype(column)) for column in range(result.nfields)]
    value = result.get_value
    return [
        tuple([_read(value(row, column), reader) for column, reader in enumerate(readers)])
        for row in range(result.ntuples)
    ]


def _read(value: bytes | None, reader: Callable[[bytes], Any] | None) -> Any:
    return value if reader is None or value is None else reader(value)


def _sent(value: Any) -> bytes | None:
    if type(value) is bytes or value is None:
        return value
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, list):
        return b"{%b}" % b",".join([_member(member) for member in value])
    return str(value).encode()


def _member(value: Any) -> bytes:
    text = _sent(value)
    if text is None:
        return b"NULL"
    return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


@lru_cache(maxsize=64)
def _numbered(text: str) -> bytes:
    first, *rest = text.split("%s")
    return "".join([first, *(f"${number}{part}" for number, part in enumerate(rest, 1))]).encode()


def _connection_text(settings: Mapping[str, str]) -> bytes:
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in settings.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items()).encode()
