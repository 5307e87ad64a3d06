"""
Comparing two databases: what is live, and every version of the log above the floor.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from twisted.internet.defer import Deferred, FirstError, gatherResults

from ark.meta.records import Range, Version
from ark.storage.copying import CopyError, Database, Progress
from ark.storage.copysteps import PageSize
from ark.storage.errors import Compacted

_ATTEMPTS = 5


class Digest(NamedTuple):
    """
    What a database has of one resource.

    @ivar objects: how many are live.
    @ivar versions: how many the log has above the floor.
    @ivar hashes: of all that is live, and of all of the log with what each version replaced.
    """

    objects: int
    versions: int
    hashes: tuple[str, str]


class _Sum:
    def __init__(self) -> None:
        self._hash = sha256()
        self.count = 0

    def add(self, version: Version) -> None:
        key, revision, event, body, labels, uid, previous = version
        head = orjson.dumps([*key, revision, event, len(body), len(labels), uid, previous])
        self._hash.update(b"%b%b%b" % (head, body, labels))

    @property
    def text(self) -> str:
        return self._hash.hexdigest()


async def _live(database: Database, resource: str, revision: int, progress: Progress) -> _Sum:
    found = _Sum()
    size = PageSize()
    after: tuple[str, str] | None = None
    more = True
    while more:
        page = await database.backend.list(Range(resource, None, after), size.limit, revision)
        for version in page.versions:
            found.add(version)
            after = (version.key.namespace, version.key.name)
        found.count += len(page.versions)
        more = page.more
        size.learn(page.versions)
        progress.advance(len(page.versions))
    return found


async def _log(database: Database, floor: int, revision: int, progress: Progress) -> dict[str, _Sum]:
    found: dict[str, _Sum] = {}
    size = PageSize()
    while floor < revision:
        page = await database.backend.events(floor, min(size.limit, revision - floor))
        if not page.events:
            break
        for version, before in page.events:
            if version.revision > revision:
                break
            each = found.setdefault(version.key.resource, _Sum())
            each.count += 1
            each.add(version)
            if before is not None:
                each.add(before)
        floor = page.revision
        size.learn([event.version for event in page.events])
        progress.advance(len(page.events))
    return found


async def _digests(
    database: Database, resources: Iterable[str], floor: int, revision: int, progress: Progress
) -> dict[str, Digest]:
    log = await _log(database, floor, revision, progress)
    found = {}
    for resource in resources:
        live = await _live(database, resource, revision, progress)
        history = log.get(resource, _Sum())
        found[resource] = Digest(live.count, history.count, (live.text, history.text))
    return found


async def _both(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]) -> list[Any]:
    try:
        return list(
            await gatherResults(
                [Deferred.fromCoroutine(one), Deferred.fromCoroutine(other)], consumeErrors=True
            )
        )
    except FirstError as error:
        error.subFailure.raiseException()
        raise


async def compare(source: Database, target: Database, revision: int, progress: Progress) -> dict[str, Digest]:
    """
    What both have as of C{revision}, by resource.

    @raise CopyError: they do not have the same.
    """
    for _ in range(_ATTEMPTS):
        floors = await _both(source.backend.compacted_revision(), target.backend.compacted_revision())
        floor = max(*floors, 1)
        names = await _both(_names(source), _names(target))
        resources = sorted(set().union(*names))
        total = 2 * (revision - floor)
        for resource in resources:
            total += 2 * await target.backend.count(Range(resource))
        progress.begin(f"comparing as of revision {revision}", total)
        try:
            ours, theirs = await _both(
                _digests(source, resources, floor, revision, progress),
                _digests(target, resources, floor, revision, progress),
            )
        except Compacted:
            continue
        _check(ours, theirs)
        return {name: digest for name, digest in sorted(ours.items()) if digest.objects or digest.versions}
    raise CopyError(
        "The source drops history faster than it can be compared.",
        "Let its servers keep more of it with --history-retention and --history-events.",
    )


async def _names(database: Database) -> set[str]:
    return set(await database.restores.resources())


async def compare_log(
    source: Database, target: Database, after: int, revision: int, progress: Progress
) -> None:
    """
    See that both have the same log after a revision that they were compared as of.

    @raise CopyError: they do not.
    """
    ours, theirs = await _both(
        _log(source, after, revision, progress), _log(target, after, revision, progress)
    )
    _check(
        {name: Digest(0, each.count, ("", each.text)) for name, each in ours.items()},
        {name: Digest(0, each.count, ("", each.text)) for name, each in theirs.items()},
    )


def _check(ours: dict[str, Digest], theirs: dict[str, Digest]) -> None:
    nothing = Digest(0, 0, ("", ""))
    for resource in sorted({*ours, *theirs}):
        source, target = ours.get(resource, nothing), theirs.get(resource, nothing)
        if source != target:
            raise CopyError(
                f"The databases differ in {resource}: the source has {_shown(source)}, the target {_shown(target)}.",
                "Do not use the target. Look for what else wrote to it, and copy anew with --restart.",
            )


def _shown(digest: Digest) -> str:
    live, log = digest.hashes
    return f"{digest.objects} objects (sha256 {live[:16]}) and {digest.versions} versions (sha256 {log[:16]})"
