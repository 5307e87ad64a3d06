"""
The schema of a PostgreSQL database: files C{schema/postgresql/NNN-*.sql}, each applied once.

C{ark_schema} holds what was applied, and how old a server may be to work with it: a newer
schema is no hindrance as long as it says so.  That is how replicas of two releases run side
by side while one takes the other's place.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import Logger

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


_SERVER = (
    "SELECT current_setting('server_encoding'), current_setting('server_version_num')::int, "
    "current_setting('server_version'), current_setting('fsync')"
)
_OLDEST_SERVER = 120000
#: Of a database that takes bytes as they come, and of one that knows all characters.
_ENCODINGS = (b"SQL_ASCII", b"UTF8")
_NEEDED = {
    "ark_log": "SELECT, INSERT, DELETE",
    "ark_object": "SELECT, INSERT, UPDATE, DELETE",
    "ark_meta": "SELECT, UPDATE",
    "ark_mark": "SELECT",
    "ark_writer": "SELECT, INSERT, UPDATE, DELETE",
}
_RIGHTS = (
    "SELECT quote_ident(current_user), "
    "(SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(needed.name)), "
    "needed.name, needed.kind FROM unnest(%s::text[], %s::text[]) AS needed (name, kind) "
    "WHERE NOT has_table_privilege(needed.name, needed.kind)"
)

_log = Logger()


async def check_server(session: Session, timeout: float) -> None:
    """
    See that the server can do what it must, and warn when it may lose what it acknowledged.

    @raise UnusableDatabase: it cannot.
    """
    ((encoding, number, version, fsync),) = await session.query(_SERVER, (), timeout)
    if number < _OLDEST_SERVER:
        raise UnusableDatabase(
            f"PostgreSQL is of version {version.decode()}, which is too old", "Use PostgreSQL 12 or newer."
        )
    if encoding not in _ENCODINGS:
        raise UnusableDatabase(
            f"the database has the encoding {encoding.decode()}, which does not know all characters",
            "Make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.",
        )
    if fsync != b"on":
        _log.warn("fsync of PostgreSQL is off: what it acknowledges may be lost with its power. Set it to on")


async def check_rights(session: Session, timeout: float) -> None:
    """
    See that the role may do all that serving needs.

    @raise UnusableDatabase: it may not.
    """
    wanted = [(name, kind) for name, kinds in _NEEDED.items() for kind in kinds.split(", ")]
    lacking = await session.query(_RIGHTS, [list(column) for column in zip(*wanted)], timeout)
    if lacking:
        role, schema = (text.decode() for text in lacking[0][:2])
        what = ", ".join(f"{kind.decode()} on {name.decode()}" for _, _, name, kind in lacking)
        raise UnusableDatabase(
            f"the role {role} lacks {what}",
            f"As the owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}.",
        )


async def schema_version(session: Session, timeout: float) -> tuple[int, int]:
    """
    The version of the schema, and the oldest that a server must know; zeros of an empty
    database.

    @raise UnusableDatabase: the tables are another program's, or for newer servers only.
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
    newest = max(schema_files())
    if (oldest or 0) > newest:
        raise UnusableDatabase(
            f"the database's schema needs a server that knows version {oldest}; this one knows {newest}",
            "Start a server at least as new as the one that migrated it.",
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
    version, _ = await schema_version(session, timeout)
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
