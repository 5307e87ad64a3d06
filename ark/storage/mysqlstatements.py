"""
The statements that read the log from MySQL and MariaDB, in the SQL that both understand.

Each is a C{%} template of bytes whose members are quoted already.  What belongs together is
one statement, and so one consistent read: at READ COMMITTED a second statement sees what
was committed since.
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.meta.records import Key
from ark.storage.mysqlsession import quote

META = b"SELECT revision FROM ark_meta WHERE id = 1"
FLOOR = b"SELECT compacted_revision FROM ark_compaction WHERE id = 1"
SIZE = (
    b"SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS UNSIGNED) "
    b"FROM information_schema.tables WHERE table_schema = DATABASE()"
)
READ_ONLY = b"SELECT @@global.read_only"

_VERSION = b"log.revision, log.event, log.previous, log.uid, log.labels, log.body"

# Live objects of a range, now.
_CURRENT = (
    b"SELECT namespace, name, revision FROM ark_object WHERE resource = %(resource)b %(scope)b "
    b"ORDER BY namespace, name LIMIT %(limit)d"
)

LIST = (
    b"SELECT meta.revision, log.namespace, log.name, " + _VERSION + b" FROM ark_meta AS meta "
    b"LEFT JOIN (" + _CURRENT + b") AS found ON 1 = 1 "
    b"LEFT JOIN ark_log AS log ON log.revision = found.revision WHERE meta.id = 1"
)

# A text that is longer than the server's max_allowed_packet comes cut off or not at all: its
# length is told beside it.
_JOIN = (
    b"cast(coalesce(sum(length(log.body)), 0) + count(*) - 1 AS SIGNED), "
    b"group_concat(log.body ORDER BY log.namespace, log.name SEPARATOR ',')"
)
LIST_JOINED = (
    b"SELECT (SELECT revision FROM ark_meta WHERE id = 1), "
    b"(SELECT count(*) FROM (SELECT 1 FROM ark_object WHERE resource = %(resource)b %(scope)b LIMIT %(more)d) AS more), "
    b"count(*), max(concat(log.namespace, 0x00, log.name)), " + _JOIN + b" FROM (" + _CURRENT + b") AS found "
    b"JOIN ark_log AS log ON log.revision = found.revision"
)
JOINED = (
    b"SELECT count(*), " + _JOIN + b" FROM ark_log AS log WHERE log.revision IN (%(revisions)b); " + FLOOR
)
COUNT = (
    b"SELECT revision, (SELECT count(*) FROM ark_object WHERE resource = %(resource)b %(scope)b) "
    b"FROM ark_meta WHERE id = 1"
)

# Live objects of a range as of a revision.  Whatever was live then has now either a pointer
# or a deletion after it, of which the oldest counts; from there its versions are walked back
# until one is not after it, or there is none before.  One row a key, with a revision above
# the one asked for when it was not live then: the page's end can be told from them.  So it is
# for keys whose deletions are all before: leaving these out would search for the first other.
_THEN = (
    b"WITH RECURSIVE heads AS ("
    b"SELECT namespace, name, min(revision) AS head FROM ("
    b"(SELECT namespace, name, revision FROM ark_object WHERE resource = %(resource)b %(scope)b "
    b"ORDER BY namespace, name LIMIT %(limit)d) UNION ALL "
    b"(SELECT namespace, name, min(CASE WHEN revision > %(at)d THEN revision END) FROM ark_deleted "
    b"WHERE resource = %(resource)b %(scope)b GROUP BY namespace, name ORDER BY namespace, name LIMIT %(limit)d)"
    b") AS either GROUP BY namespace, name ORDER BY namespace, name LIMIT %(limit)d"
    b"), life (namespace, name, revision, previous) AS ("
    b"SELECT heads.namespace, heads.name, coalesce(log.revision, %(at)d + 1), coalesce(log.previous, 0) "
    b"FROM heads LEFT JOIN ark_log AS log ON log.revision = heads.head "
    b"UNION ALL "
    b"SELECT life.namespace, life.name, log.revision, log.previous "
    b"FROM life JOIN ark_log AS log ON log.revision = life.previous WHERE life.revision > %(at)d) "
)
_ENDS = b" WHERE life.revision <= %(at)d OR life.previous = 0"
THEN = _THEN + b"SELECT life.namespace, life.name, life.revision FROM life" + _ENDS + b"; " + FLOOR
LIST_THEN = (
    _THEN + b"SELECT life.namespace, life.name, " + _VERSION + b" FROM life LEFT JOIN ark_log AS log "
    b"ON log.revision = life.revision AND life.revision <= %(at)d" + _ENDS + b"; " + FLOOR
)
COUNT_THEN = _THEN + b"SELECT count(*) FROM life WHERE life.revision <= %(at)d; " + FLOOR

GETS = (
    META + b"; SELECT object.resource, object.namespace, object.name, " + _VERSION + b" "
    b"FROM ark_object AS object JOIN ark_log AS log ON log.revision = object.revision "
    b"WHERE (object.resource, object.namespace, object.name) IN (%(keys)b)"
)
BY_REVISION = (
    b"SELECT log.resource, log.namespace, log.name, "
    + _VERSION
    + b" FROM ark_log AS log WHERE log.revision IN (%(revisions)b)"
)

# The floor is read after the rows: whatever compaction could have taken from them, it
# announced before.
EVENTS = (
    b"SELECT log.resource, log.namespace, log.name, " + _VERSION + b", "
    b"old.revision, old.event, old.previous, old.uid, old.labels, old.body "
    b"FROM ark_log AS log LEFT JOIN ark_log AS old ON old.revision = log.previous "
    b"WHERE log.revision > %(after)d ORDER BY log.revision LIMIT %(limit)d; " + FLOOR
)

RAISE_FLOOR = (
    b"UPDATE ark_compaction SET compacted_revision = greatest(compacted_revision, %(revision)d) WHERE id = 1"
)
# Every replaced version is named by the one that replaced it, so each revision is looked at
# once in its life.  The newest one stays: it tells the counter to whoever looks at the log alone.
SWEPT = (
    b"START TRANSACTION; "
    b"SELECT compacted_revision, swept_revision INTO @ark_floor, @ark_swept FROM ark_compaction WHERE id = 1 FOR UPDATE; "
    b"SELECT revision - 1 INTO @ark_last FROM ark_meta WHERE id = 1; "
    b"SELECT revision, previous, event, resource, namespace, name FROM ark_log "
    b"WHERE revision > @ark_swept AND revision <= least(@ark_floor, @ark_last) "
    b"ORDER BY revision LIMIT %(limit)d"
)
DROP = b"DELETE FROM ark_log WHERE revision IN (%(revisions)b); SELECT row_count(); "
FORGET = b"DELETE FROM ark_deleted WHERE (resource, namespace, name, revision) IN (%(rows)b); "
SWEEP_TO = b"UPDATE ark_compaction SET swept_revision = %(upto)d WHERE id = 1; COMMIT"

SCOPE = (
    b"AND namespace <= %(last_namespace)b "
    b"AND (namespace > %(namespace)b OR (namespace = %(namespace)b AND name >= %(name)b))"
)


def quoted(text: str) -> bytes:
    """
    A name in a statement.
    """
    return quote(text.encode())


def row_of(key: Key) -> bytes:
    """
    The three members of a key, between commas.
    """
    return b"%b, %b, %b" % (quoted(key.resource), quoted(key.namespace), quoted(key.name))


def keys_of(keys: Sequence[Key]) -> bytes:
    """
    Keys as they stand after C{IN}.
    """
    return b", ".join([b"(%b)" % row_of(key) for key in keys])


def numbers_of(numbers: Sequence[int]) -> bytes:
    """
    Revisions as they stand after C{IN}.
    """
    return b", ".join([b"%d" % number for number in numbers])
