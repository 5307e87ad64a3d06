"""
From what the connections raise to the errors of L{ark.storage.errors}.
"""

from __future__ import annotations

import psycopg2
from twisted.internet.error import ConnectionClosed

from ark.storage.errors import (
    Denied,
    OutcomeUnknown,
    StorageError,
    StorageFull,
    TimedOut,
    Unavailable,
    UnusableDatabase,
)


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
_DENIED = "42501"
_ATTEMPT = "connection to server"


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
    if code == _DENIED:
        return Denied(text)
    if code in _LATE:
        return TimedOut(text)
    if committing and (code is None or code in _ENDING):
        return OutcomeUnknown(text)
    return Unavailable(text)


def _text(error: BaseException) -> str:
    """
    The first line only: the rest quotes statements and data.  Of attempts to connect to several addresses,
    or with and without encryption, what is said of each.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    attempts = [line for line in dict.fromkeys(lines) if line.startswith(_ATTEMPT)]
    return f"PostgreSQL: {'; '.join(attempts) or lines[0]}"


_REMEDY = "Check the --postgres options, and that the server{place} can be reached."
# What the database itself refuses, by its codes.
_REFUSALS = {
    _DENIED: "Make the role the owner of the database. Or run ark-server migrate as the role that owns the "
    "schema, and give this one the rights that it needs.",
    "3F000": "Give the role a schema that it may use: the first one of its search_path counts.",
}
_REFUSED = "PostgreSQL's log may say more."
# A connection that is refused has no code, and waiting does not help these.
_REMEDIES = {
    "password": "Check the user and the password.",
    "authentication": "Check the user and the password.",
    "pg_hba.conf": "Check the user, the database and pg_hba.conf of the server.",
    'database "': "Create the database, or name another one.",
    "is not permitted to log in": "Let the role log in, or name another user.",
    'role "': "Create the role, or name another user.",
    "SSL": "Check the sslmode and the certificates on both sides.",
    "certificate": "Check the sslmode and the certificates on both sides.",
    "connection option": "Correct what it does not know.",
    "configuration parameter": "Correct the options in the URL or in PGOPTIONS.",
    "channel binding": "Let PostgreSQL have TLS and scram-sha-256, or leave channel_binding out.",
    "options": "Let the pooler ignore the startup parameter, or leave it out of the URL.",
}
_TOO_MANY = "too many connections"
_FEWER = "Raise the limit of connections, or have fewer."
_READ_ONLY_SESSION = "session is read-only"
_TAKES_WRITES = (
    "Name the server that takes writes, and see that default_transaction_read_only is not set on the role "
    "or the database."
)


def unusable(error: BaseException, why: str, host: str) -> UnusableDatabase:
    """
    How an operator is told that a database cannot be opened, and whether that may pass.

    @param error: what was raised, of the database or the connection.
    @param why: what it is called.
    """
    code = getattr(error, "pgcode", None)
    if code is not None:
        return UnusableDatabase(why, _REFUSALS.get(code, _REFUSED))
    remedy = next((remedy for word, remedy in _REMEDIES.items() if word in why), "")
    found = UnusableDatabase(why, remedy or _REMEDY.format(place=f" at {host}" if host else ""))
    found.passing = not remedy
    for words, passing in ((_TOO_MANY, _FEWER), (_READ_ONLY_SESSION, _TAKES_WRITES)):
        if words in why:
            found.remedy, found.passing = passing, True
    return found
