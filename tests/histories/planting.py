"""
True histories, changed as broken servers would have told them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.cluster.build import Unavailable
from tests.histories import oracle
from tests.histories.imaginary import Imaginary
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    OK,
    Operation,
    registers,
)
from tests.histories.selections import KEYS
from tests.histories.watchers import Connection

SEEDS = range(3)


def ask_porcupine(operations: list[Operation]) -> oracle.Verdict:
    """
    Porcupine's verdict, if it can be had here.
    """
    try:
        return oracle.ask(registers(operations, KEYS))
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error


class HistoryTestCase(SynchronousTestCase):
    """
    Has histories to change.
    """

    def finds(self, reason: str, change: Callable[[Imaginary], None]) -> None:
        """
        In every history the change is found, for that reason.
        """
        for seed in SEEDS:
            history = Imaginary(seed)
            change(history)
            self.assertRegex("\n".join(history.faults()), reason, f"seed {seed}")

    def refutes(self, change: Callable[[Imaginary], None]) -> None:
        """
        Porcupine finds it as well.  It takes an operation without an answer for whatever explains the others.
        """
        for seed in SEEDS:
            history = Imaginary(seed, unknown=0)
            change(history)
            self.assertTrue(ask_porcupine(history.operations).illegal, f"seed {seed}")


def replace(history: Imaginary, old: Operation, new: Operation) -> None:
    """
    Have a client told something else.
    """
    history.operations[history.operations.index(old)] = new


def find(history: Imaginary, verb: str, outcome: str = OK) -> Operation:
    """
    An operation late in the history.
    """
    found = [one for one in history.operations if one.verb == verb and one.outcome == outcome]
    return found[len(found) * 2 // 3]


def resumed(history: Imaginary) -> Connection:
    """
    A watch of everything that went on from a revision, and heard something.
    """
    return next(
        one
        for one in history.connections
        if one.selection == 0 and one.after is not None and len(one.lines) > 2
    )


def stale_read(history: Imaginary) -> None:
    """
    A replica answers with what was replaced long ago.
    """
    update = next(
        one
        for one in history.operations
        if one.verb == "update" and one.outcome == OK and one.client == 0 and one.expected
    )
    before = next(one for one in history.operations if one.revision == update.expected and one.mark)
    read = Operation(9, "get", update.key, update.end + 1, update.end + 2, OK, before.revision, before.mark)
    history.operations.append(read)


def lost_update(history: Imaginary) -> None:
    """
    A conflict is not told, and the write overwrites what it did not know.
    """
    conflict = find(history, "update", CONFLICT)
    write = next(
        one
        for one in history.operations
        if one.verb == "update" and one.outcome == OK and one.expected and one.start > conflict.start
    )
    replace(history, write, write._replace(expected=write.expected - 1))


def lost_write(history: Imaginary) -> None:
    """
    An acknowledged create is not found afterwards.
    """
    created = find(history, "create")
    history.operations.append(Operation(9, "get", created.key, created.end + 1, created.end + 2, ABSENT))
    history.versions = [one for one in history.versions if one.revision != created.revision]
    history.operations = [
        one
        for one in history.operations
        if one.key != created.key or one.end <= created.end or one.client == 9 or one.verb == "list"
    ]


def phantom(history: Imaginary) -> None:
    """
    A write is acknowledged that never was.
    """
    end = max(one.end for one in history.operations)
    key = next(one.key for one in history.operations if one.verb == "update" and one.outcome == OK)
    revision = history.last + 1
    history.operations.append(Operation(9, "update", key, end + 1, end + 2, OK, revision, "phantom"))
    history.operations.append(Operation(9, "get", key, end + 3, end + 4, ABSENT))
