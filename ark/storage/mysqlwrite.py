"""
Writing the log to MySQL.  Runs in the one writer thread.

A batch is one text of a few statements, and so one round trip, on the assumption that all
of it fits: what each change expects is compared by the statements that write, and one that
finds something else fails for a null where none may be, and with it the whole text.  Then,
and for a batch that holds a key twice, the counter's lock is taken first, each change is
judged against what is there, and a second text writes those that fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ark.meta.records import DELETED, Change, Committed, Key, Mismatch, Outcome, Version
from ark.storage.errors import Unavailable
from ark.storage.marks import HELD
from ark.storage.mysqlread import key_of, number_of, version_of
from ark.storage.mysqlsession import Session, quote
from ark.storage.mysqlstatements import BY_REVISION, META, keys_of, numbers_of, quoted, row_of
from ark.storage.seencounter import FURTHER

_LOCK = b"START TRANSACTION; SELECT revision INTO @ark_revision FROM ark_meta WHERE id = 1 FOR UPDATE; "
_LOG = (
    b"INSERT INTO ark_log (revision, resource, namespace, name, event, previous, uid, created_at, labels, body) "
    b"VALUES "
)
_POINT = b"INSERT INTO ark_object (resource, namespace, name, revision, previous) VALUES "
_REPLACE = (
    b" ON DUPLICATE KEY UPDATE previous = IF(revision = VALUES(previous), VALUES(previous), NULL), "
    b"revision = VALUES(revision); "
)
_REMOVE = (
    b"DELETE FROM ark_object WHERE (resource, namespace, name, revision) IN (%b); "
    b"SET @ark_removed = row_count(); "
)
_DELETE = b"INSERT INTO ark_deleted (resource, namespace, name, revision) VALUES %b; "
_NOTE = (
    b"UPDATE ark_writer SET first_revision = @ark_revision + 1, last_revision = @ark_revision + %d, "
    b"written_at = now(), batch = IF(%b, %d, NULL) WHERE id = %b AND batch = %d; "
    b"UPDATE ark_meta SET revision = IF(row_count() = 1 AND mark = '' AND revision >= %d, @ark_revision + %d, NULL) "
    b"WHERE id = 1; "
)
_JUDGE = (
    b"ROLLBACK; " + _LOCK + b"SELECT revision, mark FROM ark_meta WHERE id = 1; "
    b"SELECT resource, namespace, name, revision FROM ark_object WHERE (resource, namespace, name) IN (%b)"
)
_SETTLE = (
    b"ROLLBACK; " + _LOCK + b"INSERT INTO ark_writer (id, batch, first_revision, last_revision) "
    b"VALUES (%(id)b, %(batch)d, 0, -1) ON DUPLICATE KEY UPDATE "
    b"first_revision = IF(batch = %(batch)d, first_revision, 0), "
    b"last_revision = IF(batch = %(batch)d, last_revision, -1), batch = %(batch)d, written_at = now(); "
    b"SELECT first_revision FROM ark_writer WHERE id = %(id)b; COMMIT"
)
_RECOVER = (
    b"ROLLBACK; " + _LOCK + b"UPDATE ark_meta SET revision = %(next)d WHERE id = 1 AND revision < %(seen)d; "
    b"UPDATE ark_compaction SET compacted_revision = %(next)d WHERE id = 1 AND @ark_revision < %(seen)d; COMMIT; "
    + META
)
_FORGET = b"DELETE FROM ark_writer WHERE written_at < now() - INTERVAL 7 DAY"


class Batch(NamedTuple):
    """
    A batch by its writer and number.

    @ivar seen: the newest revision that was seen; none up to it is written again.
    """

    writer: bytes
    number: int
    seen: int = 0


class Plan:
    """
    What a batch is going to write, given the live revisions of its keys.

    @ivar fitting: the changes that fit, in order: they get the next revisions.
    @ivar missed: by their places, the live revisions that were in the way of the others.
    """

    def __init__(self, changes: Sequence[Change], revision: int, live: dict[Key, int]) -> None:
        self.changes = changes
        self.fitting: list[Change] = []
        self.missed: dict[int, int] = {}
        self._before = live
        self._now = dict(live)
        self._last: dict[Key, int] = {}
        for place, change in enumerate(changes):
            self._judge(place, change, revision)

    def _judge(self, place: int, change: Change, revision: int) -> None:
        current = self._now.get(change.key, 0)
        if change.expected != current or (change.event == DELETED and not current):
            self.missed[place] = current
            return
        self.fitting.append(change)
        number = 0 if change.event == DELETED else len(self.fitting)
        self._last[change.key] = number
        self._now[change.key] = number and revision + number

    def text(self, batch: Batch) -> bytes:
        """
        The statements that write it, after those that took the lock.
        """
        pointers, removed, weight = self._pointers()
        deleted, rows = [], []
        for number, (key, expected, event, body, labels, uid) in enumerate(self.fitting, 1):
            where = row_of(key)
            if event == DELETED:
                deleted.append(b"(%b, @ark_revision + %d)" % (where, number))
            rows.append(
                b"(@ark_revision + %d, %b, '%b', %d, %b, unix_timestamp(now(6)), %b, concat(%b, @ark_revision + %d, %b))"
                % (number, where, event.encode(), expected, quoted(uid), quote(labels),
                   quote(body.head), number, quote(body.tail))
            )  # fmt: skip
        parts = [_REMOVE % b", ".join(removed)] if removed else []
        parts += [_DELETE % b", ".join(deleted)] if deleted else []
        parts += [_POINT, b", ".join(pointers), _REPLACE] if pointers else []
        checks = [b"@ark_removed = %d" % len(removed)] if removed else []
        checks += [b"row_count() = %d" % weight] if pointers else []
        check = b" AND ".join(checks) or b"TRUE"
        count = len(self.fitting)
        note = _NOTE % (count, check, batch.number, quote(batch.writer), batch.number - 1, batch.seen, count)
        return b"".join((*parts, note, _LOG, b", ".join(rows), b"; "))

    def _pointers(self) -> tuple[list[bytes], list[bytes], int]:
        """
        The rows of pointers that are made or moved, and of those that go; and how many rows
        the server says it has touched, which counts those that are moved twice.
        """
        pointers, removed, weight = [], [], 0
        for key, number in self._last.items():
            before = self._before.get(key, 0)
            if number:
                pointers.append(b"(%b, @ark_revision + %d, %d)" % (row_of(key), number, before))
                weight += 2 if before else 1
            elif before:
                removed.append(b"(%b, %d)" % (row_of(key), before))
        return pointers, removed, weight

    def outcomes(self, revision: int, missed: dict[int, Version]) -> list[Outcome]:
        """
        What became of each change.

        @param revision: the counter before the batch.
        @param missed: the versions that were in the way, by their revisions, but for those
            of the batch itself.
        """
        known = dict(missed)
        outcomes: list[Outcome] = []
        number = revision
        for place, (key, expected, event, body, labels, uid) in enumerate(self.changes):
            if place in self.missed:
                current = self.missed[place]
                outcomes.append(Mismatch(known[current] if current else None))
                continue
            number += 1
            version = Version(key, number, event, body.at(number), labels, uid, expected)
            known[number] = version
            outcomes.append(Committed(version))
        return outcomes


def hopeful_plan(changes: Sequence[Change]) -> Plan | None:
    """
    The plan in which everything is as the changes expect; L{None} when that cannot be.
    """
    live = {change.key: change.expected for change in changes}
    if len(live) != len(changes):
        return None
    plan = Plan(changes, 0, live)
    return None if plan.missed else plan


def write_at_once(session: Session, batch: Batch, plan: Plan) -> int:
    """
    Write a hopeful plan, all or nothing of it.

    @return: the counter before it.
    """
    results = session.run(_LOCK + plan.text(batch) + b"COMMIT; SELECT @ark_revision")
    ((revision,),) = results[-1]
    return int(revision)


def judge(session: Session, changes: Sequence[Change]) -> tuple[int, Plan]:
    """
    Take the lock, and see what fits.  The lock is held until L{write_judged}.

    @return: the counter, and the plan.
    @raise Unavailable: the database is being moved.
    """
    keys = tuple({change.key: None for change in changes})
    ((revision, mark),), rows = session.run(_JUDGE % keys_of(keys))
    if mark:
        session.go_on(b"ROLLBACK")
        raise Unavailable(HELD)
    live = {key_of(row): row[3] for row in rows}
    return int(revision), Plan(changes, int(revision), live)


def write_judged(session: Session, batch: Batch, revision: int, plan: Plan) -> dict[int, Version]:
    """
    Write a plan that L{judge} made, and end the transaction.

    @return: the versions that were in the way, by their revisions.
    """
    text = plan.text(batch) if plan.fitting else b""
    wanted = {current for current in plan.missed.values() if 0 < current <= revision}
    if wanted:
        text += BY_REVISION % {b"revisions": numbers_of(sorted(wanted))} + b"; "
    results = session.go_on(text + b"COMMIT")
    return {row[3]: version_of(key_of(row), row[3:]) for row in results[-1]} if wanted else {}


def settle(session: Session, batch: Batch) -> int:
    """
    The first revision of a batch; C{0} when it was not written, and from now on it will not
    be, though its transaction should still linger.
    """
    results = session.run(_SETTLE % {b"id": quote(batch.writer), b"batch": batch.number})
    ((first,),) = results[-1]
    return int(first)


def recover(session: Session, seen: int) -> int:
    """
    Go on far above revisions that were seen, and are gone: none of them is ever used again, and nobody
    goes on from what is not so any more.

    @return: the counter.
    """
    return number_of(session.run(_RECOVER % {b"seen": seen, b"next": seen + FURTHER}))


def forget_writers(session: Session) -> None:
    """
    Drop what is known of writers that have not written for a week.  One that is still there
    makes itself known again.
    """
    session.run(_FORGET)
