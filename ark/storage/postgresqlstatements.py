"""
The statements that ask PostgreSQL.

Each is one statement, and so one snapshot and one round trip: what it reads comes beside
the counter and the floor of the same moment.  Most call a function of the schema, whose
plans a connection keeps (C{schema/postgresql}).
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.storage.errors import Unavailable
from ark.storage.seencounter import FURTHER

COMMIT = "SELECT * FROM ark_commit_v2(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
SETTLE = "SELECT * FROM ark_settle_v1(%s, %s)"
RECOVER = f"SELECT ark_recover_v2(%s, {FURTHER})"
# A process has a new name at each start.  One that was forgotten makes itself known again.
FORGET = "DELETE FROM ark_writer WHERE written_at < now() - interval '7 days'"
GETS = "SELECT * FROM ark_get_v2(%s, %s, %s, %s)"
EVENTS = "SELECT * FROM ark_events_v1(%s, %s)"
LIST = "SELECT * FROM ark_list_v1(%s, %s, %s, %s, %s, %s)"
LIST_JOINED = "SELECT * FROM ark_list_joined_v1(%s, %s, %s, %s, %s, %s)"
COUNT = "SELECT * FROM ark_count_v1(%s, %s, %s, %s, %s)"
GET_AT = "SELECT * FROM ark_get_at_v1(%s, %s, %s, %s)"
META = "SELECT revision, compacted_revision FROM ark_meta"

# None of them is in a JSON text as it is.
_SEPARATORS = [b"%c" % number for number in range(31, 0, -1)]


def separated(columns: Sequence[Sequence[bytes]]) -> list[bytes]:
    """
    A separator, and each column as a text with it after every member.

    @raise Unavailable: there is none that no member has.
    """
    for separator in _SEPARATORS:
        texts = [separator.join(column) + separator for column in columns]
        if all(text.count(separator) == len(column) for text, column in zip(texts, columns)):
            return [separator, *texts]
    raise Unavailable("PostgreSQL: a text has every control character")


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
