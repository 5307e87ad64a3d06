"""
The schema of the database: files C{schema/NNN-*.sql}, applied in order, each once.

The version is the number of the last file applied; SQLite keeps it in the header
(C{user_version}) beside the mark that the file is ours (C{application_id}).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.storage.errors import UnusableDatabase
from ark.storage.schemafiles import read_schema

#: "Ark1", big endian.
APPLICATION_ID = 0x41726B31


def schema_files() -> dict[int, str]:
    """
    The text of every schema file by its number.
    """
    return read_schema()


def check_version(connection: Any, newest: int) -> int:
    """
    The schema's version; C{0} of an empty database.

    @raise UnusableDatabase: the file is not ours, or of a newer server.
    """
    ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    if not tables and not application and not version:
        return 0
    if application != APPLICATION_ID:
        raise UnusableDatabase(
            "the file is an SQLite database of another program",
            "Give --db-path a file that does not exist yet; this one was not touched.",
        )
    if not 1 <= version <= newest:
        raise UnusableDatabase(
            f"the database has schema version {version}; this server knows 1 to {newest}",
            "Start a server at least as new as the one that wrote it last, or restore the copy "
            "that it left beside the database when it migrated.",
        )
    return int(version)


def migrate(connection: Any, version: int, files: Mapping[int, str]) -> None:
    """
    Apply the files after C{version}, all of them or none.
    """
    newest = max(files)
    steps = "\n".join(text for number, text in sorted(files.items()) if number > version)
    try:
        connection.executescript(
            f"BEGIN EXCLUSIVE;\n{steps}\nPRAGMA application_id = {APPLICATION_ID};\n"
            f"PRAGMA user_version = {newest};\nCOMMIT;"
        )
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
