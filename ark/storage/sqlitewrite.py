"""
Writing the log with SQL.  Runs in the one writer thread.

A batch is one statement or two, however many changes it has: rows travel as the parameters
of one statement, and what else there is to do about each is done by a trigger.  That is no
faster in itself than one statement a row, but each statement gives the interpreter's lock
away and must get it back from a busy reactor; and whatever Python does here fights with
the reactor for that lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pysqlite3 import dbapi2

from ark.meta.records import Change, Key, Mismatch, Outcome
from ark.storage.sqlitebatch import Batch
from ark.storage.sqlitefile import translate
from ark.storage.sqliteread import read_revisions
from ark.storage.sqlitestatements import LARGEST

_COLUMNS = 10

#: Makes C{ark_batch}, into which L{write_batch} puts versions: they go into the log, and the pointer
#: and the counter with them.  A version whose number or whose predecessor is another one is refused.
BATCHES = """
    CREATE TEMP VIEW ark_batch AS SELECT * FROM main.ark_log WHERE 0;
    CREATE TEMP TRIGGER ark_batch_written INSTEAD OF INSERT ON ark_batch BEGIN
        SELECT RAISE(ABORT, 'not as presumed') WHERE new.previous <> coalesce((
            SELECT revision FROM ark_object
            WHERE resource = new.resource AND namespace = new.namespace AND name = new.name
        ), 0) OR new.revision <> (SELECT revision + 1 FROM ark_meta);
        INSERT INTO ark_log VALUES (
            new.revision, new.resource, new.namespace, new.name, new.event,
            new.previous, new.uid, new.created_at, new.labels, new.body
        );
        UPDATE ark_meta SET revision = new.revision;
        INSERT INTO ark_object SELECT new.resource, new.namespace, new.name, new.revision
        WHERE new.event <> 'DELETED' ON CONFLICT DO UPDATE SET revision = excluded.revision;
        DELETE FROM ark_object WHERE new.event = 'DELETED'
        AND resource = new.resource AND namespace = new.namespace AND name = new.name;
    END;
"""
_FIND = "(SELECT revision FROM ark_object WHERE resource = ? AND namespace = ? AND name = ?)"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))"


@lru_cache(maxsize=LARGEST)
def _finding(size: int) -> str:
    return f"SELECT (SELECT revision FROM ark_meta), {', '.join([_FIND] * size)}"  # noqa: S608 - constants


@lru_cache(maxsize=LARGEST)
def _writing(size: int) -> str:
    return f"INSERT INTO ark_batch VALUES {', '.join([_ROW] * size)}"  # noqa: S608 - constants only


def _find(connection: Any, keys: Sequence[Key]) -> tuple[int, dict[Key, int]]:
    live: dict[Key, int] = {}
    revision = 0
    for start in range(0, len(keys), LARGEST):
        part = keys[start : start + LARGEST]
        members = [member for key in part for member in key]
        revision, *found = connection.execute(_finding(len(part)), members).fetchone()
        live.update(zip(part, [number or 0 for number in found]))
    return revision, live


def _judged(connection: Any, changes: Sequence[Change]) -> Batch:
    batch = Batch(*_find(connection, [change.key for change in changes]))
    for change in changes:
        batch.judge(change)
    if batch.missed:
        current = read_revisions(connection, tuple(set(batch.missed.values())))
        for index, revision in batch.missed.items():
            batch.outcomes[index] = Mismatch(current[revision])
    return batch


def _commit(connection: Any, statement: str, values: Sequence[Any] = ()) -> None:
    """
    Do what ends a transaction.  What fails in it, other than for want of room, may have happened.
    """
    try:
        connection.execute(statement, values)
    except dbapi2.Error as error:
        raise translate(error, committing=True) from error


def _write_many(connection: Any, changes: Sequence[Change]) -> Batch:
    connection.execute("BEGIN IMMEDIATE")
    try:
        batch = _judged(connection, changes)
        step = LARGEST * _COLUMNS
        for start in range(0, len(batch.rows), step):
            rows = batch.rows[start : start + step]
            connection.execute(_writing(len(rows) // _COLUMNS), rows)
        _commit(connection, "COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return batch


def write_batch(
    connection: Any, changes: Sequence[Change], presumed: Batch | None = None
) -> tuple[int, list[Outcome]]:
    """
    See L{ark.interfaces.IStorageBackend.commit}; within a transaction of its own.

    @param connection: one on which nothing else is under way, set up with L{BATCHES}, in a process that
        alone may write for as long as this takes.
    @param presumed: what will be written if everything is as it is believed to be.
    @return: the revision after the batch, and the outcomes.
    """
    if presumed is not None and _is_as_presumed(connection, presumed):
        return presumed.result()
    if len(changes) > LARGEST:
        return _write_many(connection, changes).result()
    batch = _judged(connection, changes)
    if batch.rows:
        # A statement alone is a transaction.
        _commit(connection, _writing(len(batch.rows) // _COLUMNS), batch.rows)
    return batch.result()


def _is_as_presumed(connection: Any, presumed: Batch) -> bool:
    """
    Write it, if so.
    """
    try:
        connection.execute(_writing(len(presumed.rows) // _COLUMNS), presumed.rows)
    except dbapi2.IntegrityError:
        return False
    except dbapi2.Error as error:
        raise translate(error, committing=True) from error
    return True


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
