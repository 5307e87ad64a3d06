"""
Reading the log from MySQL.  Runs in the threads of L{ark.storage.mysqlpool}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ark.meta.records import Event, EventPage, JoinedPage, Key, Page, Range, Version
from ark.storage.errors import Compacted, Unavailable
from ark.storage.mysqlsession import Row, Session
from ark.storage.mysqlstatements import (
    COUNT,
    COUNT_THEN,
    EVENTS,
    FLOOR,
    GETS,
    JOINED,
    LIST,
    LIST_JOINED,
    LIST_THEN,
    META,
    READ_ONLY,
    SCOPE,
    SIZE,
    THEN,
    keys_of,
    numbers_of,
    quoted,
)
from ark.storage.ranges import bounds

_KEYS = 500
_EVERYTHING = (1 << 63) - 1


def version_of(key: Key, fields: Sequence[Any]) -> Version:
    """
    A version of its revision, event, previous, uid, labels and body.
    """
    revision, event, previous, uid, labels, body = fields
    return Version(key, revision, event.decode(), body, labels, uid.decode(), previous)


def key_of(row: Row) -> Key:
    """
    The key at the beginning of a row.
    """
    return Key(row[0].decode(), row[1].decode(), row[2].decode())


def read_points(session: Session, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
    """
    The counter, and the live versions of some keys; those that have none are left out.

    The versions are not older than the counter.
    """
    if not keys:
        return number_of(session.run(META)), {}
    oldest = 0
    found = {}
    for start in range(0, len(keys), _KEYS):
        ((revision,),), rows = session.run(GETS % {b"keys": keys_of(keys[start : start + _KEYS])})
        oldest = oldest or revision
        for row in rows:
            key = key_of(row)
            found[key] = version_of(key, row[3:])
    return oldest, found


def number_of(results: Sequence[Sequence[Row]]) -> int:
    """
    The number that the last of some results is.
    """
    ((number,),) = results[-1]
    return int(number)


def read_floor(session: Session) -> int:
    """
    The floor.
    """
    return number_of(session.run(FLOOR))


def read_size(session: Session) -> int:
    """
    How many bytes the tables take, as far as the server knows.
    """
    return number_of(session.run(SIZE))


def _check(results: Sequence[Sequence[Row]], revision: int) -> None:
    """
    @raise Compacted: the last of the results is a floor above C{revision}.
    """
    floor = number_of(results)
    if revision < floor:
        raise Compacted(revision, floor)


Parameters = dict[bytes, Any]


def _bind(range: Range, limit: int, revision: int | None = None) -> Parameters:
    """
    The parameters of a range's statement.
    """
    names = {name.encode(): quoted(text) for name, text in bounds(range)._asdict().items()}
    return {**names, b"limit": limit, b"at": revision or 0, b"scope": SCOPE % names}


def read_at(session: Session, key: Key, revision: int) -> Version | None:
    """
    The version of a key that was live at C{revision}.

    @raise Compacted: nobody knows any more.
    """
    parameters = _bind(Range(key.resource, key.namespace), 1, revision)
    parameters[b"scope"] += b" AND name = %b" % quoted(key.name)
    results = session.run(LIST_THEN % parameters)
    _check(results, revision)
    return next((version_of(key, row[2:]) for row in results[0] if row[2] is not None), None)


def read_page(session: Session, range: Range, limit: int, revision: int | None) -> Page:
    """
    See L{ark.interfaces.IStorageBackend.list}.
    """
    if revision is not None:
        return _page_then(session, range, limit, revision)
    parameters = _bind(range, limit + 1)
    (rows,) = session.run(LIST % parameters)
    versions = _versions(range.resource, [row[1:] for row in rows if row[1] is not None])
    return Page(rows[0][0], versions[:limit], len(versions) > limit)


def _versions(resource: str, rows: Sequence[Row]) -> list[Version]:
    return [
        version_of(Key(resource, row[0].decode(), row[1].decode()), row[2:])
        for row in sorted(rows, key=_place)
    ]


def _place(row: Row) -> tuple[bytes, bytes]:
    return row[0], row[1]


def _rows_then(session: Session, text: bytes, range: Range, limit: int, revision: int) -> list[Row]:
    """
    The first rows, more than C{limit} if there are, of keys that were live at a revision.

    Each statement looks at so many keys.  Of those, some were not live then: as long as the
    rest do not suffice it goes on behind them.  What was then stays as it was, so that the
    statements need not see the same moment.
    """
    found: list[Row] = []
    while True:
        results = session.run(text % _bind(range, limit + 1, revision))
        _check(results, revision)
        rows = sorted(results[0], key=_place)
        found += [row for row in rows if row[2] is not None and row[2] <= revision]
        if len(found) > limit or len(rows) <= limit:
            return found
        range = range._replace(after=(rows[-1][0].decode(), rows[-1][1].decode()))


def _page_then(session: Session, range: Range, limit: int, revision: int) -> Page:
    rows = _rows_then(session, LIST_THEN, range, limit, revision)
    return Page(revision, _versions(range.resource, rows[:limit]), len(rows) > limit)


def read_joined(session: Session, range: Range, limit: int, revision: int | None) -> JoinedPage:
    """
    See L{ark.interfaces.IStorageBackend.list_joined}.  Fewer than C{limit} when the text of
    all would be longer than the server sends.
    """
    read = _joined_now if revision is None else _joined_then
    while True:
        page = read(session, range, limit, revision or 0)
        if page is not None:
            return page
        if limit == 1:
            raise Unavailable("MySQL: max_allowed_packet of the server is too small for an object")
        limit = (limit + 1) // 2


def _joined_now(session: Session, range: Range, limit: int, _: int) -> JoinedPage | None:
    parameters = _bind(range, limit)
    parameters[b"more"] = limit + 1
    (((revision, total, count, last, length, text),),) = session.run(LIST_JOINED % parameters)
    if not count:
        return JoinedPage(revision, b"", 0, None, False)
    if text is None or len(text) != length:
        return None
    namespace, _, name = last.decode().partition("\0")
    return JoinedPage(revision, text, count, (namespace, name), total > limit)


def _joined_then(session: Session, range: Range, limit: int, revision: int) -> JoinedPage | None:
    rows = _rows_then(session, THEN, range, limit, revision)
    page = rows[:limit]
    if not page:
        return JoinedPage(revision, b"", 0, None, False)
    results = session.run(JOINED % {b"revisions": numbers_of([row[2] for row in page])})
    _check(results, revision)
    ((count, length, text),) = results[0]
    if text is None or len(text) != length:
        return None
    last = (page[-1][0].decode(), page[-1][1].decode())
    return JoinedPage(revision, text, count, last, len(rows) > limit)


def read_count(session: Session, range: Range, revision: int | None) -> int:
    """
    See L{ark.interfaces.IStorageBackend.count}.
    """
    parameters = _bind(range, _EVERYTHING, revision)
    if revision is None:
        (((_, count),),) = session.run(COUNT % parameters)
        return int(count)
    results = session.run(COUNT_THEN % parameters)
    _check(results, revision)
    return number_of(results[:1])


def read_events(session: Session, after: int, limit: int) -> EventPage:
    """
    See L{ark.interfaces.IStorageBackend.events}.
    """
    results = session.run(EVENTS % {b"after": after, b"limit": limit})
    _check(results, after)
    events = []
    for row in results[0]:
        key = key_of(row)
        before = None if row[9] is None else version_of(key, row[9:])
        events.append(Event(version_of(key, row[3:9]), before))
    return EventPage(events[-1].version.revision if events else after, events)


def check_writable(session: Session) -> None:
    """
    @raise Unavailable: the server takes no writes.
    """
    if number_of(session.run(READ_ONLY)):
        raise Unavailable("MySQL: this server is read-only")
