"""
Tests of C{ark-server copy}.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.interfaces import IRestores
from ark.meta.records import ADDED, Body, Change, Key, Range
from ark.storage.errors import UnusableDatabase
from ark.storage.marks import copy_state
from ark.storage.postgresql import open_backend as open_postgresql
from ark.storage.sqlite import open_backend, open_beside
from tests.storage.postgresqlserver import shared_server

_PROGRAM = "import sys; from ark.cli import main; sys.exit(main())"
_RESOURCE = "queries.ark.mckinsey.com"
_PATIENCE = 60.0


class CopyTests(TestCase):
    """
    The command, as an operator runs it.
    """

    timeout = 120

    def setUp(self) -> None:
        """
        Two files.
        """
        self.source = Path(f"{self.mktemp()}.db").resolve()
        self.target = Path(f"{self.mktemp()}.db").resolve()

    async def fill(self, objects: int, text: bytes = b"") -> None:
        """
        Make the source.
        """
        backend = await open_backend({"db_path": str(self.source), "ballast_bytes": 0}, reactor)
        body = Body(b'{"metadata":{"resourceVersion":"', b'"},"spec":"%b"}' % text)
        first = await backend.count(Range(_RESOURCE))
        for start in range(0, objects, 500):
            names = [f"n{first + number:06}" for number in range(start, min(start + 500, objects))]
            await backend.commit(
                [Change(Key(_RESOURCE, "default", name), 0, ADDED, body, b"", name) for name in names]
            )
        await backend.close()

    async def compact(self, floor: int) -> None:
        """
        Drop history of the source.
        """
        backend = await open_backend({"db_path": str(self.source), "ballast_bytes": 0}, reactor)
        await backend.compact(floor)
        await backend.close()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """
        Run it.
        """
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "copy", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process: subprocess.Popen[str]) -> None:
        """
        Leave nothing behind.
        """
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def run_copy(self, *arguments: str) -> tuple[int, str]:
        """
        Exit code and output.
        """
        process = self.start(*arguments)
        text, _ = process.communicate(timeout=_PATIENCE)
        return process.returncode, text

    @property
    def ends(self) -> tuple[str, str]:
        """
        Its options for the two files.
        """
        return f"--from=sqlite:{self.source}", f"--to=sqlite://{self.target}"

    async def look(self, path: Path, read: Callable[[Any], Any]) -> Any:
        """
        Read from a file.
        """
        backend = await open_beside({"db_path": str(path)}, reactor)
        try:
            return await read(backend)
        finally:
            await backend.close()

    async def mark(self, path: Path) -> str:
        """
        The mark of a file.
        """
        return str(await self.look(path, lambda backend: IRestores(backend).mark()))

    async def test_copies_and_tells_what(self) -> None:
        """
        Counts and hashes by resource, and so when it is done already; a copy to what is in use is refused.
        """
        await self.fill(300)
        code, text = self.run_copy(*self.ends)
        self.assertEqual(code, 0, text)
        self.assertRegex(text, rf"{_RESOURCE} +300 +300  [0-9a-f]{{16}}  [0-9a-f]{{16}}\n")
        self.assertIn("up to revision 301", text)
        self.assertEqual(await self.mark(self.source), "")
        self.assertEqual(await self.look(self.target, lambda backend: backend.count(Range(_RESOURCE))), 300)
        self.assertNotIn("Nothing was copied", text)
        code, text = self.run_copy(*self.ends)
        self.assertEqual(code, 0, text)
        self.assertIn("Nothing was copied: ", text)
        self.assertIn("up to revision 301", text)
        await self.fill(1)
        code, text = self.run_copy(*self.ends)
        self.assertEqual(code, 1)
        self.assertIn("The target is not empty.\nName a database", text)

    async def test_goes_on_after_it_was_killed(self) -> None:
        """
        SIGKILL again and again, each time a little later, until one of them comes too late.
        """
        await self.fill(6000, b"x" * 2000)
        await self.compact(3000)
        killed = 0
        reached: list[tuple[int, int]] = []
        for pause in range(1000):
            process = self.start(*self.ends)
            await self._until_marked(process)
            time.sleep(0.04 * pause)
            if process.poll() is not None:
                text, _ = process.communicate()
                break
            process.kill()
            process.communicate()
            killed += 1
            reached.append(await self._reached())
        self.assertEqual(process.returncode, 0, text)
        self.assertGreater(killed, 2)
        counts = [count for count, _ in reached]
        self.assertEqual(counts, sorted(counts), "a copy began anew")
        self.assertTrue([count for count in counts if 0 < count < 6000], counts)
        self.assertIn("up to revision 6001", text)
        ours, theirs = [
            await self.look(path, lambda each: each.events(3000, 10000))
            for path in (self.source, self.target)
        ]
        self.assertEqual(ours, theirs)

    async def _reached(self) -> tuple[int, int]:
        """
        How far the copy has come: how much is live, and its revision.
        """
        try:
            revision = await self.look(self.target, lambda each: each.current_revision())
        except UnusableDatabase:
            # It was killed before it had made its tables.
            return 0, 0
        return await self.look(self.target, lambda each: each.count(Range(_RESOURCE))), revision

    async def _until_marked(self, process: subprocess.Popen[str]) -> None:
        """
        Wait until it has begun to copy.
        """
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            locked = Path(f"{self.target}.d") / "lock"
            if locked.exists() and locked.read_text().strip() == str(process.pid) and self.target.exists():
                return
            time.sleep(0.005)

    async def test_follows_until_it_is_signalled(self) -> None:
        """
        What a server writes meanwhile is copied; then it is told that it was moved, and cannot start
        again until it is released.
        """
        await self.fill(10)
        server = await open_backend({"db_path": str(self.source), "ballast_bytes": 0}, reactor)
        process = self.start("--follow", *self.ends)
        lines = self._until(process, "follows")
        self.assertIn(f"kill -USR1 {process.pid}", lines)
        key = Key(_RESOURCE, "default", "new")
        body = Body(b'{"metadata":{"resourceVersion":"', b'"}}')
        await server.commit([Change(key, 0, ADDED, body, b"", "new")])
        process.send_signal(signal.SIGUSR1)
        text, _ = process.communicate(timeout=_PATIENCE)
        self.assertEqual(process.returncode, 0, text)
        self.assertRegex(text, r"Nothing could be written for 0\.\d+ s\.")
        self.assertIsNotNone(await self.look(self.target, lambda backend: backend.get(key)))
        await server.close()
        serve = [sys.executable, "-c", _PROGRAM, "serve", f"--db-path={self.source}", "--secure-port=0"]
        done = subprocess.run(serve, capture_output=True, text=True, timeout=_PATIENCE)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn(f"The database was moved to sqlite:{self.target}.", done.stderr)
        self.assertEqual(self.run_copy("--release", f"sqlite:{self.source}")[0], 0)
        self.assertEqual(await self.mark(self.source), "")
        self.assertEqual(self.run_copy("--release", f"sqlite:{self.source}")[0], 1)

    def _until(self, process: subprocess.Popen[str], word: str) -> str:
        assert process.stdout is not None
        lines = ""
        while word not in lines:
            line = process.stdout.readline()
            self.assertTrue(line, lines)
            lines += line
        return lines

    async def test_can_be_stopped(self) -> None:
        """
        SIGTERM ends it where it is.
        """
        await self.fill(10)
        process = self.start("--follow", *self.ends)
        self._until(process, "follows")
        process.terminate()
        text, _ = process.communicate(timeout=_PATIENCE)
        self.assertEqual(process.returncode, 1, text)
        self.assertIn("run the same command again", text)
        state = copy_state(await self.mark(self.target))
        assert state is not None
        self.assertTrue(state.following)

    async def test_to_postgresql_and_back(self) -> None:
        """
        URLs of servers; a password is not shown.
        """
        url = shared_server(SkipTest).url()
        await self.fill(100)
        code, text = self.run_copy(
            f"--from=sqlite:{self.source}", f"--to={url.replace('ark@', 'ark:secret@')}"
        )
        self.assertEqual(code, 0, text)
        self.assertNotIn("secret", text)
        code, text = self.run_copy(f"--from={url}", f"--to=sqlite:{self.target}")
        self.assertEqual(code, 0, text)
        self.assertIn("up to revision 101", text)

    async def test_who_may_not_hold_writes_is_told(self) -> None:
        """
        A role that only uses the schema lacks a right: to run the command again does not give it that.
        """
        server = shared_server(SkipTest)
        url = server.url()
        schema = url.rpartition("%3D")[2]
        await self.fill(1)
        backend = await open_postgresql({"db_url": url}, reactor)
        await backend.close()
        rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
        server.sql(
            f"CREATE ROLE {schema}_user LOGIN",
            f"GRANT USAGE ON SCHEMA {schema} TO {schema}_user",
            f"GRANT {rights} IN SCHEMA {schema} TO {schema}_user",
        )
        to = url.replace("ark@", f"{schema}_user@")
        code, text = self.run_copy(f"--from=sqlite:{self.source}", f"--to={to}")
        self.assertEqual(code, 4, text)
        self.assertIn("must be owner", text)
        self.assertIn("Give that right to the user", text)

    async def test_nothing_is_made_of_the_source(self) -> None:
        """
        The name of a database that no server has served may be a mistake: it stays as it is.
        """
        server = shared_server(SkipTest)
        url = server.url()
        code, text = self.run_copy(f"--from={url}", f"--to=sqlite:{self.target}")
        self.assertEqual(code, 4, text)
        self.assertIn("The database was never served", text)
        schema = url.rpartition("%3D")[2]
        tables = server.sql(f"SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace")  # noqa: S608
        self.assertEqual(tables.strip(), "")
        self.assertFalse(self.target.exists())

    async def test_what_is_wrong_is_told(self) -> None:
        """
        With cause and remedy.
        """
        await self.fill(1)
        missing = f"--from=sqlite:{self.target}"
        for arguments, code, cause in (
            ((), 2, "A copy needs to know"),
            ((f"--from=sqlite:{self.source}", f"--to=sqlite:{self.source}"), 2, "Both databases are sqlite:"),
            ((missing, f"--to=sqlite:{self.source}"), 4, "is not there"),
            ((*self.ends, "--cut-over"), 2, "without --follow"),
            ((f"--from=sqlite:{self.source}", "--to=oracle://x"), 2, "Unknown storage 'oracle'"),
            (("--from=ark.db", "--to=sqlite:x.db"), 2, "Write sqlite:ark.db for a file"),
        ):
            found, text = self.run_copy(*arguments)
            self.assertEqual((found, cause in text), (code, True), text)
        self.assertFalse(os.path.exists(self.target))
