"""
Dropping from MySQL what no reader can ask for any more.  Runs in the threads of
L{ark.storage.mysqlpool}, on one server at a time: they stand in line for a row of their own.
"""

from __future__ import annotations

from ark.meta.records import DELETED, Key
from ark.storage.mysqlread import number_of
from ark.storage.mysqlsession import Session
from ark.storage.mysqlstatements import (
    DROP,
    FORGET,
    META,
    RAISE_FLOOR,
    SWEEP_TO,
    SWEPT,
    numbers_of,
    row_of,
)

_GONE = DELETED.encode()


def raise_floor(session: Session, revision: int) -> None:
    """
    Raise the floor, to the counter at most.
    """
    newest = number_of(session.run(META))
    session.run(RAISE_FLOOR % {b"revision": min(revision, newest)})


def sweep(session: Session, rows: int) -> int | None:
    """
    Drop what the next C{rows} revisions up to the floor replaced or deleted.

    @return: how many versions went; L{None} when nothing is left to look at.
    """
    (found,) = session.run(SWEPT % {b"limit": rows})
    if not found:
        session.go_on(b"ROLLBACK")
        return None
    deletions = [row for row in found if row[2] == _GONE]
    doomed = [row[1] for row in found if row[1]] + [row[0] for row in deletions]
    text = SWEEP_TO % {b"upto": found[-1][0]}
    if deletions:
        gone = [
            b"(%b, %d)" % (row_of(Key(*(part.decode() for part in row[3:6]))), row[0]) for row in deletions
        ]
        text = FORGET % {b"rows": b", ".join(gone)} + text
    results = session.go_on((DROP % {b"revisions": numbers_of(doomed)} if doomed else b"") + text)
    return number_of(results) if doomed else 0
