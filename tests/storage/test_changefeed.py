"""
Tests for L{ark.storage.changefeed} and L{ark.storage.workerwake}.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ark.storage.changefeed import ChangeFeed
from ark.storage.sqlite import open_backend
from ark.storage.testing import change, key
from ark.storage.workerwake import WorkerWake


class ChangeFeedTests(SynchronousTestCase):
    """
    Inside one process.
    """

    def test_once_a_turn(self) -> None:
        """
        Many commits of a turn wake each subscriber once, in the next turn.
        """
        clock, calls = Clock(), []
        feed = ChangeFeed(clock)
        feed.subscribe(lambda: calls.append("a"))
        feed.subscribe(lambda: calls.append("b"))
        feed.notify()
        feed.notify()
        self.assertEqual(calls, [])
        clock.advance(0)
        self.assertEqual(calls, ["a", "b"])
        clock.advance(0)
        self.assertEqual(calls, ["a", "b"])

    def test_failing_subscriber(self) -> None:
        """
        A subscriber that fails does not keep the word from the others.
        """
        calls: list[str] = []
        feed = ChangeFeed()
        feed.subscribe(lambda: 1 / 0)
        feed.subscribe(lambda: calls.append("b"))
        feed.notify()
        self.assertEqual(calls, ["b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_unsubscribe_twice(self) -> None:
        """
        Leaving twice is leaving.
        """
        leave = ChangeFeed().subscribe(lambda: None)
        leave()
        leave()


class WorkerWakeTests(TestCase):
    """
    Between processes.
    """

    async def test_commit_wakes_the_other(self) -> None:
        """
        What one backend commits, the other hears of and can read.
        """
        path = self.mktemp()
        one, other = [await self._open(path) for _ in range(2)]
        woken: Deferred[None] = Deferred()
        other.subscribe(lambda: woken.called or woken.callback(None))
        await one.commit([change(key("a"))])
        await woken
        self.assertEqual(await other.current_revision(), 2)
        self.assertEqual((await other.get(key("a"))).revision, 2)

    async def _open(self, path: str) -> Any:
        backend = await open_backend({"db_path": path, "workers": 2, "ballast_bytes": 0}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        return backend

    async def test_dead_sockets_go(self) -> None:
        """
        The socket of a process that died is removed by the first who finds out.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        wake = WorkerWake(folder, lambda: None, reactor)
        wake.start()
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        dead.bind(os.path.relpath(folder / "wake-1-dead.sock"))
        dead.close()
        wake.tell()
        self.assertEqual(len(list(folder.iterdir())), 1)
        await wake.stop()
        self.assertEqual(list(folder.iterdir()), [])

    async def test_poll(self) -> None:
        """
        Should a datagram be lost, the poll makes up for it.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        calls: list[None] = []
        wake = WorkerWake(folder, lambda: calls.append(None), _ClockAndSockets())
        wake.start()
        wake._reactor.advance(3)
        self.assertEqual(len(calls), 1)
        await wake.stop()


class _ClockAndSockets(Clock):
    """
    Time of the test's, sockets of the reactor's.
    """

    listenUNIXDatagram = staticmethod(reactor.listenUNIXDatagram)  # type: ignore[attr-defined]
