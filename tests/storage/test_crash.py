"""
What was acknowledged survives C{kill -9}; what was not is there whole or not at all.

C{ARK_CRASH_RUNS} sets how many times each test kills (5).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ark.meta.records import EventPage
from ark.storage.sqlite import open_backend

RUNS = int(os.environ.get("ARK_CRASH_RUNS", "5"))
ROOT = Path(__file__).resolve().parents[2]


def kill_writers(path: str, dice: random.Random, processes: int) -> list[str]:
    """
    Run writers, kill them after a random number of acknowledged writes, and return those.
    """
    command = [sys.executable, "-m", "tests.storage.crash_writer", path, str(dice.random()), str(processes)]
    writers = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        for _ in range(processes)
    ]
    lines: list[str] = []
    for writer in writers:
        assert writer.stdout is not None
        lines += [writer.stdout.readline().decode() for _ in range(dice.randrange(20, 800))]
    for writer in writers:
        writer.kill()
    for writer in writers:
        assert writer.stdout is not None
        lines += writer.stdout.read().decode().splitlines(keepends=True)
        writer.stdout.close()
        assert writer.wait() < 0, "a writer ended before it was killed"
    return [line for line in lines if line.endswith("\n")]


class CrashTests(TestCase):
    """
    Kill, open again, compare.
    """

    timeout = 600

    async def _log(self, path: str) -> dict[int, str]:
        backend = await open_backend({"db_path": path, "ballast_bytes": 4096}, reactor)
        lines: dict[int, str] = {}
        try:
            page = EventPage(1, [])
            while page.revision < await backend.current_revision():
                page = await backend.events(page.revision, 1000)
                for version, before in page.events:
                    self.assertEqual(version.previous, before.revision if before else 0)
                    digest = sha256(version.body).hexdigest()
                    place = f"{version.key.namespace}/{version.key.name}"
                    lines[version.revision] = f"{version.revision} {place} {version.event} {digest}\n"
            self.assertEqual(sorted(lines), list(range(2, page.revision + 1)))
        finally:
            await backend.close()
        return lines

    async def _kill_and_check(self, processes: int) -> None:
        path = os.path.abspath(self.mktemp())
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        for _ in range(RUNS):
            acknowledged = await deferToThread(kill_writers, path, dice, processes)
            log = await self._log(path)
            revisions = [int(line.split()[0]) for line in acknowledged]
            self.assertEqual(len(set(revisions)), len(revisions), f"seed {seed}")
            for revision, line in zip(revisions, acknowledged):
                self.assertEqual(log.get(revision), line, f"seed {seed}")
            self.assertEqual(await deferToThread(_integrity, path), [("ok",)])

    def test_one_process(self) -> Any:
        """
        Eight clients of one process.
        """
        return Deferred.fromCoroutine(self._kill_and_check(1))

    def test_workers(self) -> Any:
        """
        Eight clients in each of three processes that share the file.
        """
        return Deferred.fromCoroutine(self._kill_and_check(3))


def _integrity(path: str) -> Any:
    connection = dbapi2.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()
