"""
From rows of PostgreSQL to the records of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ark.meta.records import Event, EventPage, JoinedPage, Key, Page, Version
from ark.storage.errors import Compacted
from ark.storage.postgresqlparameters import Row


def version_of(key: Key, fields: Sequence[Any]) -> Version:
    """
    A version of its revision, event, previous, uid, labels and body.
    """
    revision, event, previous, uid, labels, body = fields
    return Version(key, revision, event.decode(), body, labels, uid.decode(), previous)


def as_of(row: Row, revision: int | None) -> int:
    """
    The revision that what came beside a row is of.

    @raise Compacted: nobody knows any more what was then.
    """
    current, floor = row[:2]
    if revision is not None and revision < floor:
        raise Compacted(revision, floor)
    return int(current) if revision is None else revision


def page_of(resource: str, rows: Sequence[Row], limit: int, revision: int | None) -> Page:
    """
    A page of the rows of one key more than it holds, after one with the counter and the floor.
    """
    at = as_of((rows[0][3], rows[0][5]), revision)
    versions = [
        version_of(Key(resource, row[1].decode(), row[2].decode()), row[3:]) for row in rows[1 : limit + 1]
    ]
    return Page(at, versions, len(rows) > limit + 1)


def joined_page_of(row: Row, limit: int, revision: int | None) -> JoinedPage:
    """
    The page that one row holds.
    """
    at = as_of(row, revision)
    total, namespace, name, text = row[2:]
    if not total:
        return JoinedPage(at, b"", 0, None, False)
    return JoinedPage(at, text, min(total, limit), (namespace.decode(), name.decode()), total > limit)


def count_of(row: Row, revision: int | None) -> int:
    """
    The count in a row.
    """
    as_of(row, revision)
    return int(row[2])


def events_of(rows: Sequence[Row], after: int) -> EventPage:
    """
    The page of the log that some rows hold.

    @raise Compacted: it begins before the floor.
    """
    if rows and rows[0][0] is None:
        raise Compacted(after, rows[0][3])
    events = []
    for row in rows:
        key = Key(row[0].decode(), row[1].decode(), row[2].decode())
        before = None if row[9] is None else version_of(key, row[9:15])
        events.append(Event(version_of(key, row[3:9]), before))
    return EventPage(events[-1].version.revision if events else after, events)
