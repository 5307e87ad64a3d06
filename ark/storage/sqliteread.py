"""
Reading the log.  Runs in reader threads, on connections that cannot write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pysqlite3 import dbapi2

from ark.meta.records import Event, EventPage, JoinedPage, Key, Page, Range, Version
from ark.storage.errors import Compacted
from ark.storage.ranges import bounds
from ark.storage.sqlitestatements import (
    BY_REVISION,
    COUNTS,
    EVENTS,
    GET_AT,
    GETS,
    LIST,
    LIST_JOINED,
    META,
    chunk_sizes,
)

_TOO_BIG = 18


def _version(key: Key, fields: Sequence[bytes]) -> Version:
    revision, event, previous, uid, labels, body = fields
    return Version(key, int(revision), event.decode(), body, labels, uid.decode(), int(previous))


def _versions(resource: str, fields: list[bytes]) -> list[Version]:
    return [
        _version(
            Key(resource, fields[index].decode(), fields[index + 1].decode()), fields[index + 2 : index + 8]
        )
        for index in range(0, len(fields), 8)
    ]


def read_revision(connection: Any) -> tuple[int, int]:
    """
    The counter and the floor.
    """
    revision, floor = connection.execute(META).fetchone()
    return revision, floor


def read_revision_alone(connection: Any, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
    """
    The same as L{read_points} for no keys.
    """
    return read_revision(connection)[0], {}


def read_points(connection: Any, keys: Sequence[Key]) -> tuple[int, dict[Key, Version]]:
    """
    The live versions of some keys; those that have none are left out.

    The revision is one that all of them are not older than.
    """
    found: dict[Key, Version] = {}
    start = 0
    oldest = 0
    for size in chunk_sizes(len(keys)):
        parameters: list[Any] = []
        for index in range(start, start + size):
            parameters.append(index)
            parameters.extend(keys[index])
        revision, _, fields = GETS[size].fetch(connection, parameters)
        oldest = oldest or revision
        for index in range(0, len(fields), 7):
            key = keys[int(fields[index])]
            found[key] = _version(key, fields[index + 1 : index + 7])
        start += size
    return oldest, found


def read_revisions(connection: Any, revisions: Sequence[int]) -> dict[int, Version]:
    """
    The versions that were written at some revisions.
    """
    text = f"[{','.join(map(str, revisions))}]"
    _, _, fields = BY_REVISION.fetch(connection, (text,))
    found = {}
    for index in range(0, len(fields), 9):
        (version,) = _versions(fields[index].decode(), fields[index + 1 : index + 9])
        found[version.revision] = version
    return found


def read_at(connection: Any, key: Key, revision: int) -> Version | None:
    """
    The version of a key that was live at C{revision}.

    @raise Compacted: nobody knows any more.
    """
    parameters = {**key._asdict(), "at": revision}
    answer = GET_AT.fetch(connection, parameters)
    _check(answer.floor, revision)
    versions = _versions(key.resource, answer.fields)
    return versions[0] if versions else None


def _check(floor: int, revision: int | None) -> None:
    if revision is not None and revision < floor:
        raise Compacted(revision, floor)


def _bind(range: Range, revision: int | None) -> dict[str, Any]:
    """
    What a statement that reads a range is told.
    """
    return {**bounds(range)._asdict(), "at": revision}


_T = TypeVar("_T")


def _smaller(read: Callable[[int], _T], limit: int) -> _T:
    """
    Ask for less as long as what was asked for does not fit into one SQLite value.
    """
    while True:
        try:
            return read(limit)
        except dbapi2.DataError as error:
            if error.sqlite_errorcode != _TOO_BIG or limit == 1:
                raise
            limit //= 2


def read_page(connection: Any, range: Range, limit: int, revision: int | None) -> Page:
    """
    See L{ark.interfaces.IStorageBackend.list}.
    """
    parameters = _bind(range, revision)

    def read(limit: int) -> Page:
        answer = LIST[revision is not None].fetch(connection, {**parameters, "limit": limit + 1})
        _check(answer.floor, revision)
        versions = _versions(range.resource, answer.fields)
        at = answer.revision if revision is None else revision
        return Page(at, versions[:limit], len(versions) > limit)

    return _smaller(read, limit)


def read_joined(connection: Any, range: Range, limit: int, revision: int | None) -> JoinedPage:
    """
    See L{ark.interfaces.IStorageBackend.list_joined}.
    """
    parameters = _bind(range, revision)

    def read(limit: int) -> JoinedPage:
        current, floor, more, count, last, text = connection.execute(
            LIST_JOINED[revision is not None], {**parameters, "limit": limit, "page": limit}
        ).fetchone()
        _check(floor, revision)
        at = current if revision is None else revision
        if not count:
            return JoinedPage(at, b"", 0, None, False)
        namespace, _, name = last.decode().partition("\0")
        return JoinedPage(at, text, count, (namespace, name), bool(more))

    return _smaller(read, limit)


def read_count(connection: Any, range: Range, revision: int | None) -> int:
    """
    See L{ark.interfaces.IStorageBackend.count}.
    """
    _, floor, count = connection.execute(COUNTS[revision is not None], _bind(range, revision)).fetchone()
    _check(floor, revision)
    return int(count)


def read_events(connection: Any, after: int, limit: int) -> EventPage:
    """
    See L{ark.interfaces.IStorageBackend.events}.
    """

    def read(limit: int) -> EventPage:
        answer = EVENTS.fetch(connection, {"after": after, "limit": limit})
        _check(answer.floor, after)
        fields = answer.fields
        events = [_event(fields[index : index + 15]) for index in range(0, len(fields), 15)]
        return EventPage(events[-1].version.revision if events else after, events)

    return _smaller(read, limit)


def _event(fields: Sequence[bytes]) -> Event:
    key = Key(fields[0].decode(), fields[1].decode(), fields[2].decode())
    before = _version(key, fields[9:15]) if fields[9] else None
    return Event(_version(key, fields[3:9]), before)
