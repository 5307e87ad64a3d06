"""
Tests of L{ark.workers}.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ark.config import ConfigError, ServerConfig, complete
from ark.workers import (
    ATTEMPTS,
    FIRST_RESTART,
    LAST_RESTART,
    READY,
    SOCKET,
    STABLE_AFTER,
    Lifeline,
    WorkerPool,
)


class Child:
    """
    A process that does what the test says.
    """

    def __init__(self, protocol: Any, arguments: list[str], files: dict[int, Any]) -> None:
        self.protocol, self.arguments, self.files = protocol, arguments, files
        self.signals: list[str] = []
        self.written = b""
        self.ended = False
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """
        Its standard input.
        """
        self.written += data

    def signalProcess(self, name: str) -> None:
        """
        It gets a signal.
        """
        if self.ended:
            raise ProcessExitedAlready()
        self.signals.append(name)

    def say(self, data: bytes) -> None:
        """
        It writes to its standard output.
        """
        self.protocol.childDataReceived(1, data)

    def end(self, code: int = 1) -> None:
        """
        It ends.
        """
        self.ended = True
        reason = ProcessTerminated(code) if code else ProcessDone(0)
        self.protocol.processEnded(Failure(reason))


class ProcessReactor(Clock):
    """
    A clock that starts processes which are none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.children: list[Child] = []

    def spawnProcess(self, protocol: Any, executable: str, args: Any, env: Any, childFDs: Any) -> Child:
        """
        See L{IReactorProcess.spawnProcess}.
        """
        child = Child(protocol, list(args), childFDs)
        self.children.append(child)
        return child


class WorkerPoolTests(SynchronousTestCase):
    """
    The parent of some workers.
    """

    def setUp(self) -> None:
        """
        Two sockets and a worker on each.
        """
        self.config: ServerConfig = complete({}, {"HOME": "/nonexistent"})
        self.sockets = [socket.socket(), socket.socket()]
        for one in self.sockets:
            self.addCleanup(one.close)
        self.reactor = ProcessReactor()
        self.pool = WorkerPool(self.config, self.sockets, self.reactor, ["worker"])
        self.pool.startService()
        self.children = self.reactor.children

    def test_each_worker_gets_its_socket_and_the_configuration(self) -> None:
        """
        The socket by number, the configuration on standard input, which stays open.
        """
        for index, child in enumerate(self.children):
            self.assertEqual(child.arguments, ["worker"])
            self.assertEqual(child.files[SOCKET], self.sockets[index].fileno())
            task = json.loads(child.written)
            self.assertEqual(task["index"], index)
            self.assertEqual(ServerConfig.from_json(task["config"]), self.config)

    def test_ready_when_all_are(self) -> None:
        """
        However the word arrives.
        """
        self.children[0].say(READY)
        self.assertNoResult(self.pool.ready)
        self.children[1].say(READY[:3])
        self.assertNoResult(self.pool.ready)
        self.children[1].say(READY[3:])
        self.successResultOf(self.pool.ready)

    def test_worker_that_cannot_start_ends_it_all(self) -> None:
        """
        With its exit code: it would not start the next time either.
        """
        self.children[0].end(4)
        error = self.failureResultOf(self.pool.ready, ConfigError).value
        self.assertEqual(error.exit_code, 4)
        self.reactor.advance(LAST_RESTART)
        self.assertEqual(len(self.children), 2)

    def test_workers_that_never_become_ready_end_it_all(self) -> None:
        """
        After some attempts: whatever it is, it does not go away.
        """
        for _ in range(ATTEMPTS + 1):
            self.assertNoResult(self.pool.ready)
            self.children[-1].end(1)
            self.reactor.advance(LAST_RESTART)
        self.assertEqual(self.failureResultOf(self.pool.ready, ConfigError).value.exit_code, 1)

    def test_crashed_worker_is_replaced_on_the_same_socket(self) -> None:
        """
        So that connections which wait in it are served.
        """
        self.children[1].end(-9)
        self.reactor.advance(FIRST_RESTART)
        self.assertEqual(len(self.children), 3)
        self.assertEqual(self.children[2].files[SOCKET], self.sockets[1].fileno())

    def test_restarts_slow_down_until_a_worker_is_stable(self) -> None:
        """
        Twice as long each time, up to a bound, and from the beginning after a good while.
        """
        for child in self.children:
            child.say(READY)
        delays = []
        for _ in range(8):
            self.children[-1].end()
            started, before = self.reactor.seconds(), len(self.children)
            while len(self.children) == before:
                self.reactor.advance(0.05)
            delays.append(round(self.reactor.seconds() - started, 1))
        self.assertEqual(delays, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
        self.reactor.advance(STABLE_AFTER + 1)
        self.children[-1].end()
        self.reactor.advance(FIRST_RESTART)
        self.assertEqual(len(self.children), 11)

    def test_stopping_asks_all_and_waits_for_all(self) -> None:
        """
        And starts no worker any more.
        """
        self.children[0].end()
        self.reactor.advance(FIRST_RESTART)
        stopped = self.pool.stopService()
        self.assertEqual([child.signals for child in self.children], [[], ["TERM"], ["TERM"]])
        self.children[1].end(0)
        self.assertNoResult(stopped)
        self.children[2].end(0)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual({one.fileno() for one in self.sockets}, {-1})

    def test_worker_that_does_not_go_is_killed(self) -> None:
        """
        After all the time that it may take.
        """
        stopped = self.pool.stopService()
        self.children[0].end(0)
        self.reactor.advance(self.config.request_timeout + 60)
        self.assertEqual(self.children[1].signals, ["TERM", "KILL"])
        self.children[1].end(-9)
        self.successResultOf(stopped)


class LifelineTests(SynchronousTestCase):
    """
    A worker's end of the connection.
    """

    def test_says_ready_and_stops_with_the_parent(self) -> None:
        """
        When standard input ends, there is nobody to serve for.
        """
        stopped: list[bool] = []
        lifeline, transport = Lifeline(lambda: stopped.append(True)), StringTransport()
        lifeline.makeConnection(transport)
        lifeline.say_ready()
        self.assertEqual(transport.value(), READY)
        self.assertEqual(stopped, [])
        lifeline.connectionLost()
        self.assertEqual(stopped, [True])
