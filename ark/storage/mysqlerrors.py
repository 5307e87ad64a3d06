"""
From what PyMySQL raises to the errors of L{ark.storage.errors}.

The numbers are of the server error reference of MySQL and MariaDB; those from 2000 on are
the client's own.
"""

from __future__ import annotations

import ssl

import pymysql.err

from ark.storage.errors import Denied, OutcomeUnknown, StorageError, StorageFull, TimedOut, Unavailable

DATABASE_ERRORS = (pymysql.err.Error, OSError)

# Disk full, table full, error writing a file.
_FULL = frozenset((3, 1021, 1026, 1114))
_NO_SPACE = (1030, "error 28 ")
# Deadlock, a record changed since it was read.
_AGAIN = frozenset((1213, 1020))
# A column that cannot be null: how a statement of ours says that what it expects is not so.
_UNEXPECTED = 1048
# Shutdown, aborted and killed connections, errors of the network, and of the commit itself.
_ENDING = frozenset((1053, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1927, 4031))
_CLIENTS = range(2000, 3000)
_NO_TLS = 2026
_TOO_MANY = frozenset((1040, 1203, 1226))
# A statement or the wait for a lock took too long; what the client says of an answer.
_LATE = frozenset((1205, 1317, 1969, 3024))
_NO_ANSWER = "timed out"
# The server is a replica, or was made read-only.
STANDBY = frozenset((1290, 1792, 1836))
# Databases; tables, columns, and what needs rights of the whole server.
_DENIED = frozenset((1044, 1142, 1143, 1227))
_LONGEST = 200
_REMEDY = "Check the --mysql options, and that the server can be reached."
_REMEDIES = {
    # Users, passwords and from where they may come; databases; tables, columns and routines.
    **dict.fromkeys((1045, 1130, 1698), "Check the user and the password, and from where the user may come."),
    1044: "Create the database if there is none, and give the user the rights to it (GRANT).",
    1049: "Create the database, or name another one.",
    **dict.fromkeys((1142, 1143, 1227), "Give the user the rights that it lacks (GRANT)."),
    **dict.fromkeys(_TOO_MANY, "Raise the limit of connections, or have fewer."),
    **dict.fromkeys(STANDBY, "Name the server that takes writes."),
    1665: "Set the binlog_format of the server to ROW or MIXED.",
}


class Conflict(Unavailable):
    """
    The transaction was undone for the sake of another, and may be tried again.
    """


class Unexpected(Unavailable):
    """
    The database is not as a batch expects it, so nothing of the batch was written.
    """


class LostRevisions(Unavailable):
    """
    The database does not have revisions that were seen.
    """


def code_of(error: BaseException) -> int:
    """
    The number of an error; C{0} when it has none, which is when the connection is at fault.
    """
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) and isinstance(error, pymysql.err.Error) else 0


def _cause(error: BaseException) -> BaseException:
    return error.__cause__ if isinstance(error, StorageError) and error.__cause__ else error


def remedy_of(error: BaseException) -> str:
    """
    What whoever runs the server can do about a database that cannot be opened.
    """
    return _REMEDIES.get(code_of(_cause(error)), _REMEDY)


def is_away(error: BaseException) -> bool:
    """
    Whether a connection failed, itself or by what it led to, for a reason that may pass by itself.
    Files that cannot be read, and servers that cannot be trusted or know no TLS, do not.
    """
    cause = _cause(error)
    code = code_of(cause)
    # The driver has an error of its own for whatever befalls its socket.
    befell = getattr(cause, "original_exception", None)
    if isinstance(cause, OSError) or isinstance(befell, ssl.SSLCertVerificationError) or code == _NO_TLS:
        return False
    return not code or code in _ENDING or code in _CLIENTS or code in _TOO_MANY


def translate(error: BaseException, committing: bool = False) -> StorageError:
    """
    What a caller is told.

    @param committing: what failed may have been a commit.  An answer of the server that
        it refused means that nothing was written; no answer, or its last word before it
        goes, means nothing at all.
    """
    code = code_of(error)
    text = _text(error)
    if code in _AGAIN:
        return Conflict(text)
    if code == _UNEXPECTED:
        return Unexpected(text)
    if code in _FULL or (code == _NO_SPACE[0] and _NO_SPACE[1] in text):
        return StorageFull(text)
    if committing and (not code or code in _ENDING or code in _CLIENTS):
        return OutcomeUnknown(text)
    if code in _DENIED:
        return Denied(text)
    if code in _LATE or (code in _CLIENTS and _NO_ANSWER in text):
        return TimedOut(text)
    return Unavailable(text)


def _text(error: BaseException) -> str:
    """
    The beginning only: the rest quotes statements and data.
    """
    lines = str(error.args[-1] if error.args else "").strip().splitlines()
    return f"MySQL: {lines[0][:_LONGEST] if lines else type(error).__name__}"
