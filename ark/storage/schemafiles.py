"""
The files that make a database's schema, numbered in the order in which they are applied.
"""

from __future__ import annotations

import re
from importlib import resources

_FILE = re.compile(r"(\d{3})-[a-z0-9-]+\.sql")


def read_schema(*folder: str) -> dict[int, str]:
    """
    The text of every file C{schema/.../NNN-*.sql} by its number.

    @param folder: below C{schema}.
    """
    found = {}
    for entry in resources.files("ark.storage").joinpath("schema", *folder).iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            found[int(match.group(1))] = entry.read_text(encoding="utf-8")
    return dict(sorted(found.items()))
