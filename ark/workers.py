"""
Several processes that serve one port.

The parent holds a listening socket for each worker and gives it to the worker, so that
connections that wait in it outlive a worker that crashes: its successor takes them.
The kernel spreads connections evenly over the sockets (C{SO_REUSEPORT}).

A worker gets its configuration through its standard input, which stays open: when the
parent dies, it ends there and the worker stops.  On its standard output it says when it
is ready.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.logger import Logger

from ark.config import ConfigError, ServerConfig

READY = b"ready\n"
SOCKET = 3
FIRST_RESTART = 0.1
LAST_RESTART = 5.0
STABLE_AFTER = 30.0
KILL_AFTER = 5.0
ATTEMPTS = 5

_log = Logger()


class _Worker(ProcessProtocol):
    """
    One worker as its parent sees it.
    """

    def __init__(self, task: str, on_ready: Callable[[], None], on_end: Callable[[int | None], None]) -> None:
        self._task = task
        self._on_ready = on_ready
        self._on_end = on_end
        self._said = b""

    def connectionMade(self) -> None:
        self.transport.write(self._task.encode() + b"\n")  # type: ignore[union-attr]  # connected

    def outReceived(self, data: bytes) -> None:
        self._said += data
        if self._said == READY:
            self._on_ready()

    def processEnded(self, reason: Any) -> None:
        self._on_end(reason.value.exitCode)

    def signal(self, name: str) -> None:
        try:
            self.transport.signalProcess(name)  # type: ignore[union-attr]  # connected
        except ProcessExitedAlready:
            return


class WorkerPool(Service):
    """
    Keeps one worker process on each of some listening sockets.

    @param command: the program that runs a worker, C{[python, -m, ark.worker]}.
    @ivar ready: fires when every worker serves; fails with L{ConfigError} when one could not start.
    """

    def __init__(
        self,
        config: ServerConfig,
        listeners: Sequence[socket.socket],
        reactor: Any,
        command: Sequence[str] | None = None,
    ) -> None:
        self._config = config
        self._listeners = list(listeners)
        self._reactor = reactor
        self._command = list(command or (sys.executable, "-m", "ark.worker"))
        self._workers: dict[int, _Worker] = {}
        self._ended: dict[int, Deferred[None]] = {}
        self._delays = dict.fromkeys(range(len(self._listeners)), FIRST_RESTART)
        self._attempts = 0
        self._waiting: set[int] = set(range(len(self._listeners)))
        self._restarts: set[Any] = set()
        self.ready: Deferred[None] = Deferred()

    def startService(self) -> None:
        """
        Start all workers.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        for index in range(len(self._listeners)):
            self._spawn(index)

    def stopService(self) -> Deferred[Any]:
        """
        Let all workers shut down in good order.

        @return: fires when the last has gone.
        """
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        for restart in self._restarts:
            restart.cancel()
        self._restarts.clear()
        self.signal("TERM")
        patience = self._config.shutdown_delay_duration + self._config.request_timeout + KILL_AFTER
        kill = self._reactor.callLater(patience, self.signal, "KILL")
        gone: Deferred[Any] = DeferredList(list(self._ended.values()))
        return gone.addCallback(self._have_gone, kill)

    def _have_gone(self, _results: object, kill: Any) -> None:
        if kill.active():
            kill.cancel()
        for listener in self._listeners:
            listener.close()

    def signal(self, name: str) -> None:
        """
        Send a signal to every worker.
        """
        for worker in self._workers.values():
            worker.signal(name)

    def processes(self) -> int:
        """
        How many workers run now.
        """
        return len(self._workers)

    def _spawn(self, index: int) -> None:
        began = self._reactor.seconds()
        task = json.dumps({"index": index, "config": self._config.to_json()})
        worker = _Worker(
            task, lambda: self._is_ready(index), lambda code: self._has_ended(index, began, code)
        )
        self._workers[index] = worker
        self._ended[index] = Deferred()
        self._reactor.spawnProcess(
            worker,
            self._command[0],
            self._command,
            env=dict(os.environ),
            childFDs={0: "w", 1: "r", 2: 2, SOCKET: self._listeners[index].fileno()},
        )

    def _is_ready(self, index: int) -> None:
        self._waiting.discard(index)
        if not self._waiting and not self.ready.called:
            self.ready.callback(None)

    def _has_ended(self, index: int, began: float, code: int | None) -> None:
        del self._workers[index]
        self._ended.pop(index).callback(None)
        if not self.running:
            return
        self._attempts += 1
        hopeless = (code is not None and code > 1) or self._attempts > ATTEMPTS
        if not self.ready.called and hopeless:
            # It has said itself what is wrong.
            self.ready.errback(
                ConfigError(f"Worker {index} could not start.", "See its message above.", code or 1)
            )
            return
        if self._reactor.seconds() - began > STABLE_AFTER:
            self._delays[index] = FIRST_RESTART
        delay = self._delays[index]
        self._delays[index] = min(delay * 2, LAST_RESTART)
        _log.error(
            "worker {index} ended with {code}; starting another in {delay}s",
            index=index,
            code=code,
            delay=delay,
        )
        self._later(delay, index)

    def _later(self, delay: float, index: int) -> None:
        def restart() -> None:
            self._restarts.discard(call)
            self._spawn(index)

        call = self._reactor.callLater(delay, restart)
        self._restarts.add(call)


class Lifeline(Protocol):
    """
    A worker's connection with its parent: says that it is ready, and stops it with the parent.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def say_ready(self) -> None:
        """
        Tell the parent that this worker serves.
        """
        if self.transport is not None:
            self.transport.write(READY)

    def connectionLost(self, reason: Any = None) -> None:
        """
        The parent has gone.
        """
        self._stop()
