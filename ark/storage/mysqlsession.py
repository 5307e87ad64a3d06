"""
One connection to MySQL, as the threads of L{twisted.enterprise.adbapi} use it.

The module is the DB API module of its connection pool: L{connect} makes what a thread
keeps.  A L{Session} connects when it is first asked and again when it was cut off, so that
neither a server that is away nor one that closes idle connections is the pool's business.
"""

from __future__ import annotations

import select
from time import monotonic
from typing import Any

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS

from ark.storage.errors import Unavailable
from ark.storage.mysqlerrors import DATABASE_ERRORS, STANDBY, code_of, translate
from ark.storage.mysqlsettings import DISABLED, PREFERRED, Settings

apilevel = "2.0"
threadsafety = 1
paramstyle = "pyformat"

Row = tuple[Any, ...]

CONNECT_SECONDS = 10
ANSWER_SECONDS = 15
_IDLE_SECONDS = 20.0

# Texts are quoted by doubling the quote and nothing else (L{quote}), so a backslash must mean
# nothing.  What the server does must end when nobody waits for it any more.
_SETUP = (
    b"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION', "
    b"innodb_lock_wait_timeout = 10, lock_wait_timeout = 10, wait_timeout = 120, "
    b"group_concat_max_len = 1073741824, %b; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
)
_MYSQL = b"max_execution_time = 15000, cte_max_recursion_depth = 4294967295"
_MARIADB = b"max_statement_time = 15, max_recursive_iterations = 4294967295"


def quote(value: bytes) -> bytes:
    """
    A text in a statement.  Only sessions, which switch backslashes off, understand it.
    """
    return b"'%b'" % value.replace(b"'", b"''")


def _execute(connection: Any, text: bytes) -> list[tuple[Row, ...]]:
    cursor = connection.cursor()
    cursor.execute(text)
    found = [] if cursor.description is None else [cursor.fetchall()]
    while cursor.nextset():
        if cursor.description is not None:
            found.append(cursor.fetchall())
    return found


def _version(connection: Any) -> bytes:
    """
    What the server calls itself.  A proxy in between may have said something else at first.
    """
    (((version,),),) = _execute(connection, b"SELECT version()")
    return bytes(version).lower()


class Session:
    """
    Runs statements, of which several may go in one text, in one round trip.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Any = None
        self._used = 0.0
        self._failed = False

    def run(self, text: bytes) -> list[tuple[Row, ...]]:
        """
        The rows of each statement of a text that gives rows; texts as bytes.

        @raise pymysql.err.Error: of the first statement that failed.  Those before it were
            executed, those after it were not.
        @raise ark.storage.errors.Unavailable: there is no connection; none was executed.
        """
        return self._execute(self._live(), text)

    def go_on(self, text: bytes) -> list[tuple[Row, ...]]:
        """
        The same, as a part of the transaction that the text before has begun.

        @raise ark.storage.errors.Unavailable: it is not there any more; none was executed.
        """
        if self._connection is None or not self._trusted(self._connection):
            self._drop()
            raise Unavailable("MySQL: the connection was lost in the middle of a transaction")
        return self._execute(self._connection, text)

    def _execute(self, connection: Any, text: bytes) -> list[tuple[Row, ...]]:
        try:
            found = _execute(connection, text)
        except DATABASE_ERRORS as error:
            self._failed = True
            if code_of(error) in STANDBY:
                # Another server takes writes by now, or will: its name may lead there.
                self._drop()
            raise
        except BaseException:
            self._drop()
            raise
        self._used = monotonic()
        return found

    def _live(self) -> Any:
        connection = self._connection
        if connection is not None and not self._trusted(connection):
            self._drop()
        if self._connection is None:
            try:
                self._connect()
            except DATABASE_ERRORS as error:
                self._drop()
                raise translate(error) from error
        return self._connection

    def _trusted(self, connection: Any) -> bool:
        """
        Whether the connection can be expected to work.  One that was cut off while nobody
        looked has something to read: its end.
        """
        if not connection.open or not connection.server_status & _NO_BACKSLASHES:
            return False
        poll = select.poll()
        poll.register(connection._sock, select.POLLIN)
        if not poll.poll(0) and monotonic() - self._used < _IDLE_SECONDS:
            return True
        try:
            connection.ping(reconnect=False)
        except DATABASE_ERRORS:
            return False
        return True

    def _connect(self) -> None:
        settings = self._settings
        local = settings.host.startswith("/")
        connection: Any = pymysql.Connection(
            host="localhost" if local else settings.host,
            unix_socket=settings.host if local else None,
            port=settings.port,
            user=settings.user,
            password=settings.password.encode(),
            database=settings.database,
            charset="utf8mb4",
            use_unicode=False,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            ssl=settings.tls_context(),
            ssl_disabled=settings.ssl_mode == DISABLED or (local and settings.ssl_mode == PREFERRED),
            program_name="ark-server",
        )
        self._connection, self._used, self._failed = connection, monotonic(), False
        _execute(connection, _SETUP % (_MARIADB if b"mariadb" in _version(connection) else _MYSQL))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._failed = False
        if connection is not None:
            connection._force_close()

    def commit(self) -> None:
        """
        Do nothing: transactions are begun and ended by statements.
        """

    def rollback(self) -> None:
        """
        Undo what a failed text has left open.  What cannot be undone, the server undoes when
        the connection ends.
        """
        if self._failed and self._connection is not None:
            try:
                self._connection.query(b"ROLLBACK")
                self._failed = False
            except DATABASE_ERRORS:
                self._drop()

    def close(self) -> None:
        """
        End the connection.
        """
        self._drop()


_NO_BACKSLASHES = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES


def connect(settings: Settings) -> Session:
    """
    A session that is not connected yet.
    """
    return Session(settings)
