"""
Which SQLite will do.  That of pysqlite3's wheels does; where there is no wheel, it is built with the system's.
"""

from __future__ import annotations

from pysqlite3 import dbapi2

from ark.storage.errors import UnusableDatabase

LEAST = (3, 44)
"""
What the statements ask for: older ones lack functions.
"""

SAFE = (3, 53, 2)
"""
Older ones have a race that corrupts files in WAL mode, or memory faults in full-text search.
"""

Version = tuple[int, ...]
_OURS: Version = tuple(dbapi2.sqlite_version_info)


def check_library(version: Version = _OURS) -> None:
    """
    See whether databases can be served with it.

    @raise UnusableDatabase: it lacks what is asked of it.
    """
    if version < LEAST:
        raise UnusableDatabase(f"SQLite {_text(version)} is too old", _remedy())


def doubts(version: Version = _OURS) -> str:
    """
    What an operator should know of it; empty if nothing.
    """
    if version >= SAFE:
        return ""
    return f"SQLite {_text(version)} has faults that may damage the database. {_remedy()}"


def _remedy() -> str:
    return f"Install a pysqlite3 that has SQLite {_text(SAFE)} or newer, or keep the data in PostgreSQL or MySQL."


def _text(version: Version) -> str:
    return ".".join(map(str, version))
