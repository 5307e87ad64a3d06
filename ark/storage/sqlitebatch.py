"""
What a batch of changes comes to.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Any

from ark.meta.records import DELETED, Change, Committed, Key, Mismatch, Outcome, Version


class Batch:
    """
    What one transaction is going to write.
    """

    def __init__(self, revision: int, live: dict[Key, int]) -> None:
        self.revision = revision
        self.live = live
        self.outcomes: list[Outcome | None] = []
        self.rows: list[Any] = []
        self.written: dict[Key, Version] = {}
        self.missed: dict[int, int] = {}
        self._now = time()

    def judge(self, change: Change) -> None:
        """
        Number the change, or refuse it, given what those before it in the batch did.
        """
        key, expected, event, body, labels, uid = change
        current = self.live[key]
        if expected != current or (event == DELETED and not current):
            self._refuse(key, current)
            return
        self.revision = revision = self.revision + 1
        text = b"%b%d%b" % (body.head, revision, body.tail)
        version = Version(key, revision, event, text, labels, uid, expected)
        self.rows += (revision, *key, event, expected, uid, self._now, labels, text)
        self.live[key] = 0 if event == DELETED else revision
        self.written[key] = version
        self.outcomes.append(Committed(version))

    def _refuse(self, key: Key, current: int) -> None:
        written = self.written.get(key)
        if not current:
            self.outcomes.append(Mismatch(None))
        elif written is not None:
            self.outcomes.append(Mismatch(written))
        else:
            self.missed[len(self.outcomes)] = current
            self.outcomes.append(None)

    def result(self) -> tuple[int, list[Outcome]]:
        """
        The revision after it, and what became of each change.
        """
        return self.revision, [outcome for outcome in self.outcomes if outcome is not None]


def presumed(changes: Sequence[Change], revision: int) -> Batch | None:
    """
    What changes write if each finds what it expects; L{None} if they cannot all.

    @param revision: that of the newest version.
    """
    live = {change.key: change.expected for change in changes}
    if not changes or len(live) < len(changes):
        return None
    batch = Batch(revision, live)
    for change in changes:
        batch.judge(change)
    return batch if len(batch.written) == len(changes) else None
