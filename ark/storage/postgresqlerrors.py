"""
From what the connections raise to the errors of L{ark.storage.errors}.
"""

from __future__ import annotations

import psycopg2
from twisted.internet.error import ConnectionClosed

from ark.storage.errors import OutcomeUnknown, StorageError, StorageFull, TimedOut, Unavailable


class DatabaseFault(Exception):
    """
    What the database, or libpq, says is wrong.

    @ivar pgcode: the database's code; L{None} if it said nothing.
    """

    def __init__(self, message: str, pgcode: str | None = None) -> None:
        super().__init__(message)
        self.pgcode = pgcode


DATABASE_ERRORS = (psycopg2.Error, DatabaseFault, ConnectionClosed)

#: Of a transaction that cannot write: the server is a standby.
READ_ONLY = "25006"

_FULL = frozenset(("53100", "53400"))
_ENDING = frozenset(("57P01", "57P02", "57P03", "57P05"))
_AGAIN = frozenset(("40001", "40P01"))
# Ended for its time: by statement_timeout (or by hand), lock_timeout, and while it did nothing.
_LATE = frozenset(("57014", "55P03", "25P03", "25P04"))
_UNEXPECTED = "ARK01"
_LOST = "ARK02"


class Conflict(Unavailable):
    """
    The transaction was undone for the sake of another, and may be tried again.
    """


class Fenced(Unavailable):
    """
    The database does not expect this batch: it counts otherwise than its writer.
    """


class LostRevisions(Unavailable):
    """
    The database does not have revisions that were seen.
    """


def translate(error: BaseException, committing: bool = False) -> StorageError:
    """
    What a caller is told.

    @param committing: what failed may have been a commit.  An answer of the server that
        it refused means that nothing was written; no answer, or its last word before it
        goes, means nothing at all.
    """
    code = getattr(error, "pgcode", None)
    text = _text(error)
    if code in _AGAIN:
        return Conflict(text)
    if code == _UNEXPECTED:
        return Fenced(text)
    if code == _LOST:
        return LostRevisions(text)
    if code in _FULL:
        return StorageFull(text)
    if code in _LATE:
        return TimedOut(text)
    if committing and (code is None or code in _ENDING):
        return OutcomeUnknown(text)
    return Unavailable(text)


def _text(error: BaseException) -> str:
    """
    The first line only: the rest quotes statements and data.
    """
    lines = str(error).strip().splitlines()
    return f"PostgreSQL: {lines[0] if lines else type(error).__name__}"
