"""
One writer of a MySQL database: a batch at a time, and finding out what became of one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.meta.records import Change, Outcome, Version
from ark.storage.errors import OutcomeUnknown, Unavailable
from ark.storage.mysqlerrors import Conflict, LostRevisions, Unexpected
from ark.storage.mysqlpool import Sessions
from ark.storage.mysqlsession import Session
from ark.storage.mysqlwrite import (
    Batch,
    Plan,
    forget_writers,
    hopeful_plan,
    judge,
    settle,
    write_at_once,
    write_judged,
)
from ark.storage.served import ServedWriter

_ATTEMPTS = 4


class Writer(ServedWriter[list[Plan]]):
    """
    Commits batches to MySQL.
    """

    _sessions: Sessions

    async def start(self) -> None:
        """
        See L{ServedWriter.start}; those who are gone are forgotten.
        """
        await self._sessions.run(forget_writers)
        await super().start()

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """
        See L{ark.interfaces.IStorageBackend.commit}.
        """
        plan = hopeful_plan(changes)
        for attempt in range(1, _ATTEMPTS + 1):
            if not self._settled:
                await self._settle()
            try:
                outcomes = await self._write(changes, plan)
                if outcomes is not None:
                    return outcomes
            except LostRevisions:
                await self._counter.note(0, self._counter.revision)
            except Unexpected:
                # Of a plan that was judged, it is the number that is not expected.
                self._settled = plan is not None
                plan = None
                if attempt == _ATTEMPTS:
                    raise
            except Conflict:
                if attempt == _ATTEMPTS:
                    raise
        raise Unavailable("MySQL: the connection was lost again and again; nothing was written")

    async def _write(self, changes: Sequence[Change], plan: Plan | None) -> list[Outcome] | None:
        """
        The outcomes; L{None} when the connection was lost, and nothing was written nor will be.
        """
        batch = Batch(self._id.encode(), self._batch + 1, self._counter.revision)
        judged: list[Plan] = [] if plan is None else [plan]
        missed: dict[int, Version] = {}
        try:
            if plan is not None:
                revision = await self._sessions.write(write_at_once, batch, plan)
            else:
                revision, missed = await self._sessions.write(_write_slowly, batch, changes, judged)
        except OutcomeUnknown as error:
            self._batch += 1
            self._settled = False
            return await self._find_out(judged, error)
        if judged[0].fitting:
            self._batch += 1
        self._counter.revision = max(self._counter.revision, revision + len(judged[0].fitting))
        return judged[0].outcomes(revision, missed)

    async def _settle(self) -> int:
        first = await self._sessions.write(settle, Batch(self._id.encode(), self._batch))
        self._settled = True
        return first

    async def _recover(self, judged: list[Plan]) -> list[Outcome] | None:
        """
        The outcomes of a plan, if it was written; what was in its way is read anew.
        """
        first = await self._settle()
        if not first or not judged:
            return None
        plan, revision = judged[0], first - 1
        places = [place for place, current in plan.missed.items() if 0 < current <= revision]
        found = {place: await self._get(plan.changes[place].key) for place in places}
        plan.missed.update({place: version.revision if version else 0 for place, version in found.items()})
        return plan.outcomes(revision, {version.revision: version for version in found.values() if version})


def _write_slowly(
    session: Session, batch: Batch, changes: Sequence[Change], judged: list[Plan]
) -> tuple[int, dict[int, Version]]:
    """
    Judge a batch under the lock, and write what fits.

    @param judged: gets the plan before anything of it is written.
    """
    revision, plan = judge(session, changes)
    if revision < batch.seen:
        session.go_on(b"ROLLBACK")
        raise LostRevisions(f"revision {batch.seen} was seen, and there are {revision} only")
    judged.append(plan)
    return revision, write_judged(session, batch, revision, plan)
