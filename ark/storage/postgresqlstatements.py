"""
The statements that read ranges of the log from PostgreSQL.

Each is one statement, and so one snapshot and one round trip: what it reads comes beside
the counter and the floor of the same moment.  Writes, point reads and the log are
functions of the schema, whose plans a connection keeps (C{schema/postgresql}).
"""

from __future__ import annotations

COMMIT = (
    "SELECT * FROM ark_commit_v1(%s, %s, %s, %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[], "
    "%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])"
)
SETTLE = "SELECT * FROM ark_settle_v1(%s, %s)"
RECOVER = "SELECT ark_recover_v1(%s)"
GETS = "SELECT * FROM ark_get_v1(%s::text[], %s::text[], %s::text[])"
EVENTS = "SELECT * FROM ark_events_v1(%s, %s)"
META = "SELECT revision, compacted_revision FROM ark_meta"

# Live objects of a range, now.
_CURRENT = (
    "SELECT namespace, name, revision FROM ark_object WHERE resource = %(resource)s {scope} "
    "ORDER BY namespace, name LIMIT %(limit)s"
)

# Live objects of a range as of a revision.  Whatever was live then has now either a pointer
# or a deletion after it; from there its versions are walked back to the first one not after.
_SNAPSHOT = """
    SELECT namespace, name, revision FROM (
        SELECT namespace, name, CASE WHEN head <= %(at)s THEN head ELSE (
            WITH RECURSIVE life (revision, previous) AS (
                SELECT entry.revision, entry.previous FROM ark_log AS entry WHERE entry.revision = head
                UNION ALL
                SELECT entry.revision, entry.previous FROM life
                JOIN ark_log AS entry ON entry.revision = life.previous WHERE life.revision > %(at)s
            )
            SELECT life.revision FROM life WHERE life.revision <= %(at)s
        ) END AS revision FROM (
            SELECT namespace, name, revision AS head FROM ark_object WHERE resource = %(resource)s {scope}
            UNION ALL
            SELECT namespace, name, revision FROM ark_log
            WHERE event = 'DELETED' AND resource = %(resource)s {scope} AND revision > %(at)s
        ) AS heads ORDER BY namespace, name
    ) AS lives WHERE revision IS NOT NULL LIMIT %(limit)s"""

_SCOPES = {
    (False, False): "",
    (False, True): "AND (namespace, name) > (%(after_namespace)s, %(after_name)s)",
    (True, False): "AND namespace = %(namespace)s",
    (True, True): "AND namespace = %(namespace)s AND name > %(after_name)s",
}

_FOUND = (
    "(SELECT source.*, row_number() OVER () AS place, count(*) OVER () AS total FROM ({source}) AS source)"
)

_LIST = (
    f"SELECT meta.revision, meta.compacted_revision, log.namespace, log.name, log.revision, log.event, "  # noqa: S608 - constants only
    f"log.previous, log.uid, log.labels, log.body FROM ark_meta AS meta "
    f"LEFT JOIN ({_FOUND} AS found JOIN ark_log AS log ON log.revision = found.revision) ON true "
    "ORDER BY found.place"
)

_JOINED = (
    f"SELECT meta.revision, meta.compacted_revision, page.* FROM ark_meta AS meta CROSS JOIN LATERAL ("  # noqa: S608 - constants only
    "SELECT count(*), max(found.namespace) FILTER (WHERE found.place = least(%(page)s, found.total)), "
    "max(found.name) FILTER (WHERE found.place = least(%(page)s, found.total)), "
    "string_agg(log.body, ',' ORDER BY found.place) FILTER (WHERE found.place <= %(page)s) "
    f"FROM {_FOUND} AS found JOIN ark_log AS log ON log.revision = found.revision) AS page"
)

_COUNT = "SELECT revision, compacted_revision, (SELECT count(*) FROM ({source}) AS source) FROM ark_meta"

RangeForm = tuple[bool, bool, bool]
_FORMS: list[RangeForm] = [
    (snapshot, scoped, after)
    for snapshot in (False, True)
    for scoped in (False, True)
    for after in (False, True)
]


def _statements(template: str) -> dict[RangeForm, str]:
    return {
        (snapshot, scoped, after): template.format(
            source=(_SNAPSHOT if snapshot else _CURRENT).format(scope=_SCOPES[scoped, after])
        )
        for snapshot, scoped, after in _FORMS
    }


LIST = _statements(_LIST)
GET_AT = _LIST.format(
    source=_SNAPSHOT.format(scope="AND namespace = %(namespace)s AND name = %(name)s").replace(
        "%(limit)s", "1"
    )
)
LIST_JOINED = _statements(_JOINED)
COUNTS = _statements(_COUNT)

RAISE_FLOOR = (
    "UPDATE ark_meta SET compacted_revision = greatest(compacted_revision, least(%s, revision)) "
    "RETURNING compacted_revision"
)
# Every replaced version is named by the one that replaced it, so each revision is looked at
# once in its life.  The newest one stays: it tells the counter to whoever looks at the log alone.
SWEEP = """
    WITH turn AS (
        -- One server at a time; the others leave it to that one.
        SELECT pg_try_advisory_xact_lock(1097992497, 2) AS mine
    ), step AS (
        SELECT swept_revision AS start, max(log.revision) AS upto FROM turn, ark_meta AS meta, LATERAL (
            SELECT entry.revision FROM ark_log AS entry
            WHERE entry.revision > meta.swept_revision
                AND entry.revision <= least(meta.compacted_revision, meta.revision - 1)
            ORDER BY entry.revision LIMIT %s
        ) AS log WHERE turn.mine GROUP BY swept_revision
    ), looked_at AS (
        SELECT entry.revision, entry.previous, entry.event FROM step JOIN ark_log AS entry
            ON entry.revision > step.start AND entry.revision <= step.upto
    ), dropped AS (
        DELETE FROM ark_log WHERE revision = ANY (ARRAY(
            SELECT previous FROM looked_at WHERE previous > 0
            UNION ALL
            SELECT revision FROM looked_at WHERE event = 'DELETED'
        )) RETURNING 1
    ), noted AS (
        UPDATE ark_meta SET swept_revision = step.upto FROM step RETURNING 1
    )
    SELECT step.upto, (SELECT count(*) FROM dropped), (SELECT count(*) FROM noted) FROM step"""
