"""
Writing the log with SQL.  Runs in the one writer thread.

A batch is a handful of statements however many changes it has: rows travel as the
parameters of multi-row statements.  That is no faster in itself than one statement a
row, but each statement gives the interpreter's lock away and must get it back from a
busy reactor.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Any

from pysqlite3 import dbapi2

from ark.meta.records import DELETED, Change, Committed, Key, Mismatch, Outcome, Version
from ark.storage.sqlitefile import translate
from ark.storage.sqliteread import read_revisions
from ark.storage.sqlitestatements import LARGEST, chunk_sizes

_SIZES = (1, 2, 4, 8, 16, 32, LARGEST)
_COLUMNS = 10

_FIND = "(SELECT revision FROM ark_object WHERE resource = ? AND namespace = ? AND name = ?)"
_FINDS = {
    size: f"SELECT (SELECT revision FROM ark_meta), {', '.join([_FIND] * size)}"  # noqa: S608 - constants
    for size in _SIZES
}
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))"
_APPENDS = {size: f"INSERT INTO ark_log VALUES {', '.join([_ROW] * size)}" for size in _SIZES}  # noqa: S608 - constants only
_POINTS = {
    size: f"INSERT INTO ark_object VALUES {', '.join(['(?, ?, ?, ?)'] * size)} "  # noqa: S608 - constants only
    "ON CONFLICT DO UPDATE SET revision = excluded.revision"
    for size in _SIZES
}
_UNPOINT = "DELETE FROM ark_object WHERE resource = ? AND namespace = ? AND name = ?"
_COUNT = "UPDATE ark_meta SET revision = ?"


class _Batch:
    """
    What one transaction is going to write.
    """

    def __init__(self, revision: int, live: dict[Key, int]) -> None:
        self.revision = revision
        self.live = live
        self.outcomes: list[Outcome | None] = []
        self.rows: list[Any] = []
        self.written: dict[Key, Version] = {}
        self.missed: dict[int, int] = {}
        self._now = time()

    def judge(self, change: Change) -> None:
        """
        Number the change, or refuse it, given what those before it in the batch did.
        """
        key, expected, event, body, labels, uid = change
        current = self.live[key]
        if expected != current or (event == DELETED and not current):
            self._refuse(key, current)
            return
        self.revision = revision = self.revision + 1
        text = b"%b%d%b" % (body.head, revision, body.tail)
        version = Version(key, revision, event, text, labels, uid, expected)
        self.rows += (revision, *key, event, expected, uid, self._now, labels, text)
        self.live[key] = 0 if event == DELETED else revision
        self.written[key] = version
        self.outcomes.append(Committed(version))

    def _refuse(self, key: Key, current: int) -> None:
        written = self.written.get(key)
        if not current:
            self.outcomes.append(Mismatch(None))
        elif written is not None:
            self.outcomes.append(Mismatch(written))
        else:
            self.missed[len(self.outcomes)] = current
            self.outcomes.append(None)


def _find(connection: Any, keys: Sequence[Key]) -> tuple[int, dict[Key, int]]:
    live: dict[Key, int] = {}
    revision = start = 0
    for size in chunk_sizes(len(keys)):
        part = keys[start : start + size]
        revision, *found = connection.execute(
            _FINDS[size], [member for key in part for member in key]
        ).fetchone()
        live.update(zip(part, [number or 0 for number in found]))
        start += size
    return revision, live


def _insert(connection: Any, statements: dict[int, str], values: list[Any], columns: int) -> None:
    start = 0
    for size in chunk_sizes(len(values) // columns):
        end = start + size * columns
        connection.execute(statements[size], values[start:end])
        start = end


def _store(connection: Any, batch: _Batch) -> None:
    _insert(connection, _APPENDS, batch.rows, _COLUMNS)
    pointers: list[Any] = []
    for key in batch.written:
        revision = batch.live[key]
        if revision:
            pointers += (*key, revision)
        else:
            connection.execute(_UNPOINT, key)
    _insert(connection, _POINTS, pointers, 4)
    connection.execute(_COUNT, (batch.revision,))


def _end(connection: Any) -> None:
    """
    Commit.  What fails here, other than for want of room, may have happened.
    """
    try:
        connection.execute("COMMIT")
    except dbapi2.Error as error:
        raise translate(error, committing=True) from error


def write_batch(connection: Any, changes: Sequence[Change]) -> tuple[int, list[Outcome]]:
    """
    See L{ark.interfaces.IStorageBackend.commit}; within a transaction of its own.

    @return: the revision after the batch, and the outcomes.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        batch = _Batch(*_find(connection, [change.key for change in changes]))
        for change in changes:
            batch.judge(change)
        if batch.missed:
            current = read_revisions(connection, tuple(set(batch.missed.values())))
            for index, revision in batch.missed.items():
                batch.outcomes[index] = Mismatch(current[revision])
        if batch.rows:
            _store(connection, batch)
        _end(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return batch.revision, [outcome for outcome in batch.outcomes if outcome is not None]


_RAISE_FLOOR = (
    "UPDATE ark_meta SET compacted_revision = max(compacted_revision, min(?, revision)) "
    "RETURNING compacted_revision"
)
_STEP = """
    SELECT max(revision), swept_revision FROM (
        SELECT log.revision, swept_revision FROM ark_meta
        CROSS JOIN ark_log AS log ON log.revision > swept_revision
        AND log.revision <= min(compacted_revision, ark_meta.revision - 1)
        ORDER BY log.revision LIMIT ?
    )"""
_SWEEP = """
    DELETE FROM ark_log WHERE revision IN (
        SELECT previous FROM ark_log WHERE revision > :swept AND revision <= :upto AND previous > 0
        UNION ALL
        SELECT revision FROM ark_log WHERE revision > :swept AND revision <= :upto AND event = 'DELETED'
    )"""


def raise_floor(connection: Any, revision: int) -> int:
    """
    Persist the floor before anything below it goes, and return what it is now.
    """
    (floor,) = connection.execute(_RAISE_FLOOR, (revision,)).fetchone()
    return int(floor)


def sweep(connection: Any, rows: int) -> int | None:
    """
    Drop what the next C{rows} revisions up to the floor replaced or deleted.

    Every replaced version is named by the one that replaced it, so each revision is
    looked at once in its life.  The newest revision stays for the time being: it says,
    to whoever looks at the log alone, where the counter stands.

    @return: how many versions went; L{None} when nothing is left to look at.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        upto, swept = connection.execute(_STEP, (rows,)).fetchone()
        dropped = None
        if upto is not None:
            dropped = connection.execute(_SWEEP, {"swept": swept, "upto": upto}).rowcount
            connection.execute("UPDATE ark_meta SET swept_revision = ?", (upto,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return dropped
