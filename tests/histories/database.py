"""
The log of a history, read from PostgreSQL past every server.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from ark.meta.records import Key, Version
from tests.histories.log import Log
from tests.storage.postgresqlserver import PostgreSQLServer

# What is dropped in the course of a history is needed at its end.  A trigger runs inside the
# transaction that writes, so that there is a copy exactly of what was committed.
_KEEP = """
    BEGIN;
    LOCK TABLE ark_log, ark_meta IN EXCLUSIVE MODE;
    CREATE TABLE kept_log (LIKE ark_log);
    CREATE TABLE kept_floor (floor bigint, raised_at timestamptz DEFAULT clock_timestamp());
    INSERT INTO kept_log SELECT * FROM ark_log;
    CREATE FUNCTION keep_log() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO kept_log SELECT * FROM fresh; RETURN NULL; END $$;
    CREATE TRIGGER keep AFTER INSERT ON ark_log REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION keep_log();
    CREATE TRIGGER keep_changed AFTER UPDATE ON ark_log REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION keep_log();
    CREATE FUNCTION keep_floor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO kept_floor VALUES (NEW.compacted_revision); RETURN NULL; END $$;
    CREATE TRIGGER keep AFTER UPDATE ON ark_meta FOR EACH ROW
        WHEN (NEW.compacted_revision <> OLD.compacted_revision) EXECUTE FUNCTION keep_floor();
    COMMIT
"""
_LOG = (
    "SELECT resource, namespace, name, revision, event, body, labels, uid, previous FROM kept_log "
    "ORDER BY revision"
)
_FLOORS = "SELECT extract(epoch FROM raised_at), floor FROM kept_floor ORDER BY raised_at"
_DAMAGE = {
    "live objects without a version": (
        "SELECT count(*) FROM ark_object LEFT JOIN ark_log USING (revision) WHERE ark_log.revision IS NULL"
    ),
    "versions that were changed afterwards": (
        "SELECT count(*) FROM (SELECT * FROM ark_log EXCEPT SELECT * FROM kept_log) AS changed"
    ),
    "revisions beyond the counter": (
        "SELECT count(*) FROM kept_log WHERE revision > (SELECT revision FROM ark_meta)"
    ),
}


class Database:
    """
    A database that keeps its whole history.

    @param url: as L{PostgreSQLServer.url} makes it.
    """

    def __init__(self, server: PostgreSQLServer, url: str) -> None:
        self.server = server
        self._schema = url.rpartition("%3D")[2]

    def keep_all(self) -> None:
        """
        Begin to keep what will be dropped.
        """
        self._ask(_KEEP)

    def read_log(self) -> Log:
        """
        Every version so far.
        """
        rows = self._ask(_LOG)
        versions = [
            Version(
                Key(resource, namespace, name),
                revision,
                event,
                body.encode(),
                labels.encode(),
                uid,
                previous,
            )
            for resource, namespace, name, revision, event, body, labels, uid, previous in rows
        ]
        return Log(versions, [version.revision for version in versions])

    def read_floors(self) -> list[tuple[int, int]]:
        """
        When and up to where history was dropped, by the machine's steady clock.
        """
        offset = time.time_ns() - time.monotonic_ns()
        return [(int(float(moment) * 1e9) - offset, floor) for moment, floor in self._ask(_FLOORS)]

    def damage(self) -> list[str]:
        """
        What cannot be in its tables.
        """
        found = {what: self._ask(query)[0][0] for what, query in _DAMAGE.items()}
        return [f"{count} {what}" for what, count in found.items() if count]

    def connect(self) -> connection:
        """
        A connection past everything.
        """
        made = psycopg2.connect(
            host="127.0.0.1",
            port=self.server.port,
            user="ark",
            dbname="postgres",
            options=f"-csearch_path={self._schema}",
        )
        made.autocommit = True
        return made

    def _ask(self, text: str) -> list[Any]:
        made = self.connect()
        try:
            with made.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            made.close()
