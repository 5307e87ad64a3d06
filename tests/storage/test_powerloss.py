"""
What was acknowledged survives a loss of power, at whatever moment it comes.

The statements and settings are the server's own; the disk is L{tests.storage.powerloss}.
C{ARK_POWER_LOSSES} sets how many moments are tried (60).
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any
from unittest import SkipTest

from pysqlite3 import dbapi2
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.records import ADDED, MODIFIED, Change, Committed
from ark.storage.migrate import APPLICATION_ID, schema_files
from ark.storage.sqlitefile import WRITER_SETTINGS, DatabaseFile
from ark.storage.sqliteread import read_events
from ark.storage.sqlitewrite import BATCHES, raise_floor, sweep, write_batch
from ark.storage.testing import change, key

try:
    import apsw

    from tests.storage.powerloss import Disk
except ImportError:
    apsw = None  # type: ignore[assignment]

LOSSES = int(os.environ.get("ARK_POWER_LOSSES", "60"))


class DriverShape:
    """
    An apsw connection with the manners of pysqlite3's, as far as the statements need them.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows: list[Any] = []

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    @property
    def rowcount(self) -> int:
        return int(self._connection.changes())

    def execute(self, text: str, parameters: Any = ()) -> DriverShape:
        self._rows = self._connection.execute(text, parameters).fetchall()
        return self

    def fetchone(self) -> Any:
        return self._rows[0]

    def close(self) -> None:
        self._connection.close()


class Moment:
    """
    The power went: what the disk has, and what had been promised.
    """

    def __init__(self, files: dict[str, bytes], promised: dict[int, bytes]) -> None:
        self.files = files
        self.promised = promised


class PowerLossTests(SynchronousTestCase):
    """
    Write, lose power, open again, compare.
    """

    def setUp(self) -> None:
        if apsw is None:
            raise SkipTest("needs apsw")
        self.seed = random.randrange(1 << 32)
        self.dice = random.Random(self.seed)

    def write(self, settings: str, compacting: bool) -> list[Moment]:
        """
        Write batches onto a disk that loses its power at random moments.
        """
        name = f"power-{self.seed}"
        disk = Disk(name)
        connection = DriverShape(apsw.Connection("/ark.db", vfs=name))
        connection.execute(
            "PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
            + settings
            + "PRAGMA wal_autocheckpoint = 40; BEGIN;"
            + "".join(schema_files().values())
            + f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {max(schema_files())}; COMMIT;"
            + BATCHES
        )
        moments: list[Moment] = []
        promised: dict[int, bytes] = {}

        def tick() -> None:
            if self.dice.random() < 0.05 and len(moments) < LOSSES:
                moments.append(Moment(disk.after_loss(self.dice), dict(promised)))

        disk.on_tick = tick
        known: dict[int, int] = {}
        while len(moments) < LOSSES:
            _, outcomes = write_batch(connection, [self.change(known, n) for n in self.numbers()])
            for outcome in outcomes:
                assert isinstance(outcome, Committed)
                known[int(outcome.version.key.name)] = outcome.version.revision
                promised[outcome.version.revision] = outcome.version.body
            if compacting and self.dice.random() < 0.2:
                raise_floor(connection, max(promised) - 20)
                while sweep(connection, 10) is not None:
                    pass
        connection.close()
        return moments

    def numbers(self) -> list[int]:
        return self.dice.sample(range(200), self.dice.randint(1, 30))

    def change(self, known: dict[int, int], number: int) -> Change:
        revision = known.get(number, 0)
        text = "x" * self.dice.randrange(5000)
        return change(key(str(number)), MODIFIED if revision else ADDED, revision, text)

    def lost(self, moment: Moment) -> set[int]:
        """
        Open what the disk has and return the promised revisions that are not there.
        """
        folder = Path(os.path.abspath(self.mktemp()))
        folder.mkdir()
        for name, content in moment.files.items():
            (folder / name.lstrip("/")).write_bytes(content)
        file = DatabaseFile(str(folder / "ark.db"), ballast_bytes=0)
        file.prepare()
        file.release()
        connection: Any = dbapi2.connect(str(folder / "ark.db"), isolation_level=None)
        try:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            ((floor, revision),) = connection.execute(
                "SELECT compacted_revision, revision FROM ark_meta"
            ).fetchall()
            events = read_events(connection, floor, 100_000).events
            (dangling,) = connection.execute(
                "SELECT count(*) FROM ark_object WHERE revision NOT IN (SELECT revision FROM ark_log)"
            ).fetchone()
        finally:
            connection.close()
        found = {event.version.revision: event.version.body for event in events}
        self.assertEqual(sorted(found), list(range(max(floor, 1) + 1, revision + 1)))
        self.assertEqual(dangling, 0)
        return {n for n, body in moment.promised.items() if n > floor and found.get(n) != body}

    def test_nothing_is_lost(self) -> None:
        """
        With the server's settings every acknowledged write is found again, and no half of another.
        """
        for moment in self.write(WRITER_SETTINGS, compacting=False):
            self.assertEqual(self.lost(moment), set(), f"seed {self.seed}")

    def test_nothing_is_lost_while_compacting(self) -> None:
        """
        The same while history is compacted: the floor is on the disk before what is below it goes.
        """
        for moment in self.write(WRITER_SETTINGS, compacting=True):
            self.assertEqual(self.lost(moment), set(), f"seed {self.seed}")

    def test_this_test_notices(self) -> None:
        """
        With C{synchronous = NORMAL} acknowledged writes are lost, and this test sees it.
        """
        settings = WRITER_SETTINGS.replace("synchronous = FULL", "synchronous = NORMAL")
        self.assertNotEqual(settings, WRITER_SETTINGS)
        self.assertTrue(any(self.lost(moment) for moment in self.write(settings, compacting=False)))
