"""
The schema of a MySQL database: files C{schema/mysql/NNN-*.sql}, each applied once.

C{ark_schema} holds what was applied, and how old a server may be to work with it: a newer
schema is no hindrance as long as it says so.  MySQL cannot undo a change of the schema, so
each file is written down when it is through, and does no harm when it is applied again.
"""

from __future__ import annotations

import re

from twisted.logger import Logger

from ark.storage.errors import Unavailable, UnusableDatabase
from ark.storage.mysqlsession import Session
from ark.storage.schemafiles import read_schema

_TABLES = (
    b"SELECT count(CASE WHEN table_name = 'ark_schema' THEN 1 END), count(CASE WHEN table_name = 'ark_log' THEN 1 END) "
    b"FROM information_schema.tables WHERE table_schema = database() AND table_name IN ('ark_schema', 'ark_log')"
)
_CREATE = (
    b"CREATE TABLE IF NOT EXISTS ark_schema (version INTEGER NOT NULL PRIMARY KEY, oldest INTEGER NOT NULL, "
    b"applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB"
)
_NOTE = b"INSERT IGNORE INTO ark_schema (version, oldest) VALUES (%d, %d)"
# The name counts in the whole server, and may have 64 characters.
_LOCK = b"SELECT get_lock(concat('ark-', md5(database())), 10)"
_UNLOCK = b"DO release_lock(concat('ark-', md5(database())))"
#: The oldest schema that a server must know to work with the newest one.
OLDEST = 1
#: Common table expressions that refer to themselves, and window functions.
OLDEST_MYSQL = (8, 0)
OLDEST_MARIADB = (10, 6)
#: A batch of the L{ark.storage.committer.Committer}, each quote in it doubled.
LEAST_PACKET = 16 << 20

_SERVER = (
    b"SELECT version(), @@global.max_allowed_packet, @@global.innodb_flush_log_at_trx_commit, "
    b"@@global.log_bin, @@global.sync_binlog"
)

_log = Logger()


def schema_files() -> dict[int, str]:
    """
    The text of every schema file by its number.
    """
    return read_schema("mysql")


def check_server(session: Session) -> None:
    """
    See that the server can do what it must, and warn when it may lose what it acknowledged.

    @raise UnusableDatabase: it cannot.
    """
    (((version, packet, flush, binlog, sync),),) = session.run(_SERVER)
    text = version.decode()
    found = tuple(map(int, re.findall(r"\d+", text)[:2]))
    oldest = OLDEST_MARIADB if "mariadb" in text.lower() else OLDEST_MYSQL
    if found < oldest:
        raise UnusableDatabase(
            f"the database server is of version {text}, which is too old",
            "Use MySQL 8.0, MariaDB 10.6, or newer.",
        )
    if packet < LEAST_PACKET:
        raise UnusableDatabase(
            f"the database server takes packets of {packet} bytes only",
            f"Set its max_allowed_packet to {LEAST_PACKET} or more.",
        )
    for name, value, counts in (
        ("innodb_flush_log_at_trx_commit", flush, True),
        ("sync_binlog", sync, bool(binlog)),
    ):
        if counts and value != 1:
            _log.warn(
                "{name} of the database server is {value}: what it acknowledges may be lost with its power. "
                "Set it to 1",
                name=name,
                value=value,
            )


def schema_version(session: Session) -> tuple[int, int]:
    """
    The version of the schema, and the oldest that a server must know; zeros of an empty
    database.

    @raise UnusableDatabase: the tables are another program's, or for newer servers only.
    """
    (((known, strange),),) = session.run(_TABLES)
    if not known:
        if strange:
            raise UnusableDatabase(
                "the database has a table ark_log that this server did not make",
                "Give the server a database of its own.",
            )
        return 0, 0
    (((version, oldest),),) = session.run(b"SELECT max(version), max(oldest) FROM ark_schema")
    newest = max(schema_files())
    if (oldest or 0) > newest:
        raise UnusableDatabase(
            f"the database's schema needs a server that knows version {oldest}; this one knows {newest}",
            "Start a server at least as new as the one that migrated it.",
        )
    return int(version or 0), int(oldest or 0)


def migrate(session: Session) -> None:
    """
    Apply what is missing, while no other server does.

    @raise UnusableDatabase: the schema is newer than this server can work with.
    """
    files = schema_files()
    newest = max(files)
    version, _ = schema_version(session)
    if version >= newest:
        return
    (((locked,),),) = session.run(_LOCK)
    if locked != 1:
        raise Unavailable("MySQL: another server has been changing the schema for 10 seconds")
    try:
        version, _ = schema_version(session)
        session.run(_CREATE)
        for number, text in files.items():
            if number > version:
                session.run(text.encode())
                session.run(_NOTE % (number, OLDEST))
    finally:
        session.run(_UNLOCK)
