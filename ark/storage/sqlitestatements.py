"""
The statements that read the log, compiled once.

Each read is one statement that gives one row, because a thread must get the
interpreter's lock back after every row it fetches: beside a busy reactor, 500 rows
fetched one by one took 670 ms, the same rows joined by SQLite 6 ms.  Members of a row
are joined by a control character that no JSON text and no valid name contains; should a
name contain it all the same, the count gives it away and the rows are fetched singly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ark.storage.ranges import Bounds

_SEPARATOR = b"\x1f"
LARGEST = 64

META = "SELECT revision, compacted_revision FROM ark_meta"
_REVISION = "(SELECT revision FROM ark_meta), (SELECT compacted_revision FROM ark_meta)"

# Live objects of a range, now.
_CURRENT = (
    "SELECT namespace, name, revision FROM ark_object WHERE resource = :resource $scope "
    "ORDER BY namespace, name LIMIT :limit"
)

# Live objects of a range as of :at.  Whatever was live then has now either a pointer or
# a deletion after it; from there its versions are walked back to the first one not
# after :at.  An object that was created since has none.  LIMIT -1 keeps SQLite from
# merging the levels, which would walk twice and lose the order; and from leaving out the
# deletions before :at in their index, which it would search, perhaps to its end, for the
# first that is not one of them.
_SNAPSHOT = """
    SELECT namespace, name, revision FROM (
        SELECT namespace, name, CASE WHEN head <= :at THEN head ELSE (
            WITH RECURSIVE life (revision, previous) AS (
                SELECT revision, previous FROM ark_log WHERE revision = head
                UNION ALL
                SELECT log.revision, log.previous FROM life
                CROSS JOIN ark_log AS log ON log.revision = life.previous WHERE life.revision > :at
            )
            SELECT revision FROM life WHERE revision <= :at
        ) END AS revision FROM (
            SELECT namespace, name, revision AS head, 0 AS gone FROM ark_object
            WHERE resource = :resource $scope
            UNION ALL
            SELECT namespace, name, revision, 1 FROM ark_log INDEXED BY ark_log_deleted
            WHERE event = 'DELETED' AND resource = :resource $scope
            ORDER BY namespace, name LIMIT -1
        ) WHERE NOT gone OR head > :at LIMIT -1
    ) WHERE revision IS NOT NULL LIMIT :limit"""

_SCOPE = "AND (namespace, name) >= (:namespace, :name) AND namespace <= :last_namespace"

_FROM_LOG = "FROM ($source) AS found CROSS JOIN ark_log AS log ON log.revision = found.revision"

_JOINED = (
    f"SELECT {_REVISION}, EXISTS (SELECT 1 FROM ($source OFFSET :page)), count(*), "  # noqa: S608 - constants only
    "CAST(max(found.namespace || char(0) || found.name) AS BLOB), "
    f"CAST(group_concat(log.body, ',') AS BLOB) {_FROM_LOG}"
)

_COUNT = f"SELECT {_REVISION}, count(*) FROM ($source)"  # noqa: S608 - constants only

_EVENT_SOURCE = (
    "FROM (SELECT revision FROM ark_log WHERE revision > :after ORDER BY revision LIMIT :limit) AS found "
    "CROSS JOIN ark_log AS log ON log.revision = found.revision "
    "LEFT JOIN ark_log AS old ON old.revision = log.previous"
)

_VERSION = ("namespace", "name", "revision", "event", "previous", "uid", "labels", "body")


class Answer(NamedTuple):
    revision: int
    floor: int
    fields: list[bytes]


class Rows:
    """
    A query for many rows, in two texts: all of them as one row, and one by one.
    """

    def __init__(self, columns: Sequence[str], source: str) -> None:
        self._width = len(columns)
        joined = f"concat_ws(char(31), {', '.join(columns)})"
        self.packed = f"SELECT {_REVISION}, count(*), CAST(group_concat({joined}, char(31)) AS BLOB) {source}"
        self._plain = f"SELECT {', '.join(f'CAST({column} AS BLOB)' for column in columns)} {source}"

    def fetch(self, connection: Any, parameters: Any) -> Answer:
        """
        The members of all rows, one after another.
        """
        revision, floor, count, text = connection.execute(self.packed, parameters).fetchone()
        if not count:
            return Answer(revision, floor, [])
        fields = text.split(_SEPARATOR)
        if len(fields) == count * self._width:
            return Answer(revision, floor, fields)
        connection.execute("BEGIN")
        try:
            revision, floor = connection.execute(META).fetchone()
            rows = connection.execute(self._plain, parameters).fetchall()
        finally:
            connection.execute("ROLLBACK")
        return Answer(revision, floor, [field for row in rows for field in row])


def _sources(template: str, limit: str = ":limit") -> dict[bool, str]:
    """
    The statement for now, and the one as of a revision.
    """
    return {
        snapshot: template.replace("$source", _SNAPSHOT if snapshot else _CURRENT)
        .replace("$scope", _SCOPE)
        .replace(":limit", limit)
        for snapshot in (False, True)
    }


LIST = {
    snapshot: Rows([f"log.{column}" for column in _VERSION], source)
    for snapshot, source in _sources(_FROM_LOG).items()
}
LIST_JOINED = {
    snapshot: text.replace(":limit OFFSET", "1 OFFSET") for snapshot, text in _sources(_JOINED).items()
}
COUNTS = _sources(_COUNT, "-1")
GET_AT = Rows(
    [f"log.{column}" for column in _VERSION],
    _FROM_LOG.replace("$source", _SNAPSHOT)
    .replace("$scope", "AND namespace = :namespace AND name = :name")
    .replace(":limit", "1"),
)
EVENTS = Rows(
    [
        "log.resource",
        *(f"log.{column}" for column in _VERSION),
        *(
            f"coalesce(old.{column}, '')"
            for column in ("revision", "event", "previous", "uid", "labels", "body")
        ),
    ],
    _EVENT_SOURCE,
)
_POINT_COLUMNS = ("point.column1", *(f"log.{column}" for column in _VERSION[2:]))
GETS = {
    size: Rows(
        _POINT_COLUMNS,
        f"FROM (VALUES {', '.join(['(?, ?, ?, ?)'] * size)}) AS point "
        "CROSS JOIN ark_object AS object ON object.resource = point.column2 "
        "AND object.namespace = point.column3 AND object.name = point.column4 "
        "CROSS JOIN ark_log AS log ON log.revision = object.revision",
    )
    for size in (1, 2, 4, 8, 16, 32, LARGEST)
}
BY_REVISION = Rows(
    ("log.resource", *(f"log.{column}" for column in _VERSION)),
    "FROM json_each(?) AS wanted CROSS JOIN ark_log AS log ON log.revision = wanted.value",
)


def chunk_sizes(count: int, largest: int = LARGEST) -> Iterator[int]:
    """
    Powers of two that add up to C{count}, so that few statements serve any count.
    """
    size = largest
    while count:
        while size > count:
            size //= 2
        yield size
        count -= size


def explain(connection: Any) -> list[str]:
    """
    How SQLite goes about each statement that reads a range; for tests of their cost.
    """
    texts = [*LIST_JOINED.values(), *COUNTS.values(), *(rows.packed for rows in LIST.values())]
    names = (*Bounds._fields, "at", "limit", "page")
    nothing = dict.fromkeys(names)
    plans = [connection.execute(f"EXPLAIN QUERY PLAN {text}", nothing).fetchall() for text in texts]
    return ["; ".join(row[3] for row in plan) for plan in plans]
