"""
Moving a SQLite database to another database, or from it.

The mark is kept in a table of its own, which is made when it is needed first.  A trigger
keeps commits out, so that it costs those nothing while there is none, and holds for a
server that was running before, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Any

from pysqlite3 import dbapi2
from zope.interface import implementer

from ark.interfaces import IRestores
from ark.meta.records import DELETED, Key, Version
from ark.storage.errors import Unavailable
from ark.storage.marks import HELD
from ark.storage.sqlitefile import translate

# A restoring transaction opens the way for itself: others never see it open.
_MAKE = (
    "CREATE TABLE IF NOT EXISTS ark_mark "
    "(id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL, open INTEGER NOT NULL)",
    "INSERT INTO ark_mark VALUES (1, ?, 0) ON CONFLICT DO UPDATE SET text = excluded.text, open = 0",
    "CREATE TRIGGER IF NOT EXISTS ark_held BEFORE UPDATE OF revision ON ark_meta "  # noqa: S608 - a constant
    f"WHEN NOT (SELECT open FROM ark_mark) BEGIN SELECT RAISE(ABORT, '{HELD}'); END",
)
_UNMAKE = ("DROP TRIGGER IF EXISTS ark_held", "DROP TABLE IF EXISTS ark_mark")
_HAS_MARK = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'ark_mark'"

# One step of an index a resource, however many objects it has.
_RESOURCES = """
    WITH RECURSIVE live (resource) AS (
        SELECT min(resource) FROM ark_object
        UNION ALL
        SELECT (SELECT min(resource) FROM ark_object WHERE resource > live.resource) FROM live
        WHERE resource IS NOT NULL
    ), gone (resource) AS (
        SELECT min(resource) FROM ark_log INDEXED BY ark_log_deleted WHERE event = 'DELETED'
        UNION ALL
        SELECT (
            SELECT min(resource) FROM ark_log INDEXED BY ark_log_deleted
            WHERE event = 'DELETED' AND resource > gone.resource
        ) FROM gone WHERE resource IS NOT NULL
    )
    SELECT resource FROM live WHERE resource IS NOT NULL
    UNION SELECT resource FROM gone WHERE resource IS NOT NULL ORDER BY resource"""

_APPEND = "INSERT INTO ark_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))"
_POINT = "INSERT INTO ark_object VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision"
_UNPOINT = "DELETE FROM ark_object WHERE resource = ? AND namespace = ? AND name = ?"
_OPEN = "UPDATE ark_mark SET open = 1"
_CLOSE = "UPDATE ark_mark SET text = ?, open = 0"
_RESET = "UPDATE ark_meta SET revision = max(?1, 1), compacted_revision = ?1, swept_revision = ?1"


def read_mark(connection: Any) -> str:
    """
    The mark; empty when there is none.
    """
    ((known,),) = connection.execute(_HAS_MARK).fetchall()
    return str(connection.execute("SELECT text FROM ark_mark").fetchone()[0]) if known else ""


def read_resources(connection: Any) -> list[str]:
    """
    The resources that the log knows.
    """
    return [resource for (resource,) in connection.execute(_RESOURCES).fetchall()]


def _within(connection: Any, work: Callable[[Any], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work(connection)
        try:
            connection.execute("COMMIT")
        except dbapi2.Error as error:
            raise translate(error, committing=True) from error
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def write_mark(connection: Any, text: str) -> None:
    """
    See L{IRestores.set_mark}.
    """

    def write(connection: Any) -> None:
        for statement in _MAKE if text else _UNMAKE:
            connection.execute(statement, (text,) if "?" in statement else ())

    _within(connection, write)


def wipe(connection: Any, floor: int, mark: str) -> None:
    """
    See L{IRestores.wipe}.
    """

    def write(connection: Any) -> None:
        for statement in _MAKE:
            connection.execute(statement, (mark,) if "?" in statement else ())
        for statement in (_OPEN, "DELETE FROM ark_object", "DELETE FROM ark_log"):
            connection.execute(statement)
        connection.execute(_RESET, (floor,))
        connection.execute(_CLOSE, (mark,))

    _within(connection, write)


def write_versions(connection: Any, versions: Sequence[Version], revision: int, mark: str) -> None:
    """
    See L{IRestores.restore}.
    """
    now = time()
    newest: dict[Key, Version] = {version.key: version for version in versions}
    rows = [
        (each.revision, *each.key, each.event, each.previous, each.uid, now, each.labels, each.body)
        for each in versions
    ]

    def write(connection: Any) -> None:
        if not read_mark(connection):
            raise Unavailable("only a marked database can be restored")
        connection.execute(_OPEN)
        connection.executemany(_APPEND, rows)
        for key, version in newest.items():
            if version.event == DELETED:
                connection.execute(_UNPOINT, key)
            else:
                connection.execute(_POINT, (*key, version.revision))
        connection.execute("UPDATE ark_meta SET revision = ?", (revision,))
        connection.execute(_CLOSE, (mark,))

    _within(connection, write)


@implementer(IRestores)
class SQLiteRestore:
    """
    L{IRestores} of an L{ark.storage.sqlite.SQLiteBackend}.

    @param read: calls a function with a connection that reads.
    @param write: calls one with the connection that writes, while nobody else writes.
    @param moved: is told what the counter is after the writing.
    """

    def __init__(
        self,
        read: Callable[..., Awaitable[Any]],
        write: Callable[..., Awaitable[Any]],
        moved: Callable[[int], None],
    ) -> None:
        self._read = read
        self._write = write
        self._moved = moved

    async def resources(self) -> Sequence[str]:
        """
        See L{IRestores.resources}.
        """
        found: list[str] = await self._read(read_resources)
        return found

    async def mark(self) -> str:
        """
        See L{IRestores.mark}.
        """
        return str(await self._read(read_mark))

    async def set_mark(self, text: str) -> None:
        """
        See L{IRestores.set_mark}.
        """
        await self._write(write_mark, text)

    async def wipe(self, floor: int, mark: str) -> None:
        """
        See L{IRestores.wipe}.
        """
        await self._write(wipe, floor, mark)
        self._moved(max(floor, 1))

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        See L{IRestores.restore}.
        """
        await self._write(write_versions, versions, revision, mark)
        self._moved(revision)
