"""
The schema of a PostgreSQL database: files C{schema/postgresql/NNN-*.sql}, each applied once.

C{ark_schema} holds what was applied, and how old a server may be to work with it: a newer
schema is no hindrance as long as it says so.  That is how replicas of two releases run side
by side while one takes the other's place.
"""

from __future__ import annotations

from collections.abc import Mapping

from ark.storage.errors import UnusableDatabase
from ark.storage.postgresqlerrors import DATABASE_ERRORS
from ark.storage.postgresqlsession import Session
from ark.storage.schemafiles import read_schema

#: Of C{pg_advisory_xact_lock}: "Ark1" and what for.
_LOCK = "SELECT pg_advisory_xact_lock(1097992497, 1)"

_TABLE = "SELECT to_regclass('ark_schema') IS NOT NULL, to_regclass('ark_log') IS NOT NULL"
_CREATE = (
    "CREATE TABLE ark_schema (version integer PRIMARY KEY, oldest integer NOT NULL, "
    "applied_at timestamptz NOT NULL DEFAULT now())"
)
#: The oldest schema that a server must know to work with the newest one.
OLDEST = 1


def schema_files() -> dict[int, str]:
    """
    The text of every schema file by its number.
    """
    return read_schema("postgresql")


async def schema_version(session: Session, timeout: float) -> tuple[int, int]:
    """
    The version of the schema, and the oldest that a server must know; zeros of an empty
    database.

    @raise UnusableDatabase: the tables are another program's.
    """
    ((known, strange),) = await session.query(_TABLE, (), timeout)
    if not known:
        if strange:
            raise UnusableDatabase(
                "the database has a table ark_log that this server did not make",
                "Give the server a database or a schema of its own.",
            )
        return 0, 0
    ((version, oldest),) = await session.query(
        "SELECT max(version), max(oldest) FROM ark_schema", (), timeout
    )
    return int(version or 0), int(oldest or 0)


async def migrate(session: Session, timeout: float) -> None:
    """
    Apply what is missing, all of it or nothing, while no other server does.

    @param session: is of no other use afterwards.
    @raise UnusableDatabase: the schema is newer than this server can work with.
    """
    files = schema_files()
    newest = max(files)
    version, oldest = await schema_version(session, timeout)
    if oldest > newest:
        raise UnusableDatabase(
            f"the database's schema needs a server that knows version {oldest}; this one knows {newest}",
            "Start a server at least as new as the one that migrated it.",
        )
    while version < newest:
        try:
            await session.query(_migration(files, version), None, timeout)
        except DATABASE_ERRORS:
            if session.closed:
                raise
            await session.query("ROLLBACK", None, timeout)
            before = version
            version, _ = await schema_version(session, timeout)
            if version == before:
                raise
        else:
            return


def _migration(files: Mapping[int, str], version: int) -> str:
    """
    One transaction, which holds a lock until it ends and no longer: a pooler may give the session to others.
    When another server was quicker, it fails for what is there already.
    """
    missing = {number: text for number, text in files.items() if number > version}
    first = [] if version else [_CREATE]
    notes = [
        f"INSERT INTO ark_schema (version, oldest) VALUES ({number}, {OLDEST})"  # noqa: S608 - numbers
        for number in missing
    ]
    return ";\n".join(["BEGIN", _LOCK, *first, *missing.values(), *notes, "COMMIT"])
