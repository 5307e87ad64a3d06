"""
Writing to PostgreSQL: one batch at a time, and finding out what became of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ark.meta.records import DELETED, Change, Committed, Mismatch, Outcome, Version
from ark.storage.errors import OutcomeUnknown, Unavailable
from ark.storage.postgresqlerrors import Conflict, Fenced, LostRevisions
from ark.storage.postgresqlread import events_of, version_of
from ark.storage.postgresqlsession import Sessions
from ark.storage.postgresqlstatements import COMMIT, EVENTS, FORGET, SETTLE, separated
from ark.storage.served import ServedWriter

_ATTEMPTS = 3


def _lists(changes: Sequence[Change]) -> tuple[Any, ...]:
    """
    What C{ark_commit_v2} is told of changes.
    """
    keys = [change.key for change in changes]
    columns = (
        [key.resource.encode() for key in keys],
        [key.namespace.encode() for key in keys],
        [key.name.encode() for key in keys],
        [change.event.encode() for change in changes],
        [change.uid.encode() for change in changes],
        [change.labels for change in changes],
        [change.body.head for change in changes],
        [change.body.tail for change in changes],
    )
    apart = len(set(keys)) == len(keys) and DELETED not in [change.event for change in changes]
    expectations = f"{{{','.join([str(change.expected) for change in changes])}}}"
    return (apart, expectations, *separated(columns))


def _outcomes(changes: Sequence[Change], rows: Sequence[Sequence[Any]]) -> tuple[int, list[Outcome]]:
    """
    The newest revision, and what became of each change.
    """
    missed = {row[0]: row for row in rows}
    _, first, _, last, *_ = missed[0]
    outcomes: list[Outcome] = []
    for place, change in enumerate(changes, 1):
        row = missed.get(place)
        if row is not None:
            outcomes.append(Mismatch(None if row[1] is None else version_of(change.key, row[1:])))
            continue
        key, expected, event, body, labels, uid = change
        outcomes.append(Committed(Version(key, first, event, body.at(first), labels, uid, expected)))
        first += 1
    return last, outcomes


class Writer(ServedWriter[Sequence[Change]]):
    """
    Commits batches to PostgreSQL, where a transaction whose connection is gone may still linger.
    """

    _sessions: Sessions

    async def start(self) -> None:
        """
        Make the writer known, and forget those that are long gone.
        """
        await super().start()
        await self._sessions.query(FORGET, committing=True)

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """
        See L{ark.interfaces.IStorageBackend.commit}.
        """
        lists = _lists(changes)
        for attempt in range(1, _ATTEMPTS + 1):
            if not self._settled:
                await self._settle()
            seen = self._counter.revision
            try:
                rows = await self._sessions.query(
                    COMMIT, (self._id, self._batch + 1, seen, *lists), committing=True
                )
            except OutcomeUnknown as error:
                self._batch += 1
                self._settled = False
                outcomes = await self._find_out(changes, error)
                if outcomes is not None:
                    return outcomes
                if attempt > 1:
                    raise Unavailable(f"{error}; nothing was written") from error
                continue
            except LostRevisions:
                await self._counter.note(0, seen)
                continue
            except (Conflict, Fenced):
                self._settled = False
                continue
            self._batch += 1
            newest, outcomes = _outcomes(changes, rows)
            self._counter.revision = max(self._counter.revision, newest)
            return outcomes
        raise Unavailable("PostgreSQL: others were always quicker")

    async def _settle(self) -> tuple[int, int] | None:
        """
        The first and the last revision of the newest batch, if it was written.
        """
        ((first, last),) = await self._sessions.query(SETTLE, (self._id, self._batch), committing=True)
        self._settled = True
        return None if first is None else (first, last)

    async def _recover(self, changes: Sequence[Change]) -> list[Outcome] | None:
        revisions = await self._settle()
        if revisions is None:
            return None
        first, last = revisions
        rows = await self._sessions.query(EVENTS, (first - 1, max(last - first + 1, 0)))
        written = [event.version for event in events_of(rows, first - 1).events]
        outcomes: list[Outcome] = []
        for change in changes:
            version = written[0] if written else None
            if version is not None and (version.key, version.previous, version.event) == (
                change.key,
                change.expected,
                change.event,
            ):
                outcomes.append(Committed(written.pop(0)))
            else:
                outcomes.append(Mismatch(await self._get(change.key)))
        return outcomes
