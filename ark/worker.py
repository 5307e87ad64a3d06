"""
One worker process of a server that has several.

Started by L{ark.workers.WorkerPool}, which says there what passes between the two.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from typing import Any

from twisted.python.failure import Failure

from ark.clock import install_monotonic_clock
from ark.config import ServerConfig
from ark.logs import begin
from ark.memory import SETTLE_AFTER, settle
from ark.workers import SOCKET, Lifeline


def main() -> int:
    """
    Serve until the parent says so or dies.

    @return: the exit code.
    """
    # Ctrl-C reaches the whole group of processes; it is the parent that decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.stdin.buffer.readline())
    config = ServerConfig.from_json(task["config"])
    install_monotonic_clock()
    from twisted.internet import reactor

    from ark.server import ArkServer

    log = begin(config.log_format, config.verbosity, sys.stderr)
    listener = socket.socket(fileno=SOCKET)
    return _serve(ArkServer(config, reactor, listener=listener, worker=task["index"], log=log), reactor)


def _serve(server: Any, reactor: Any) -> int:
    from twisted.internet.stdio import StandardIO

    from ark.announcement import told

    code = 0
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            reactor.stop()

    def failed(failure: Failure) -> None:
        nonlocal code
        code = told(failure)
        stop()

    lifeline = Lifeline(stop)

    def started(_: object) -> None:
        lifeline.say_ready()
        reactor.callLater(SETTLE_AFTER, settle)

    server.ready.addCallbacks(started, failed)

    def start() -> None:
        signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(stop))
        StandardIO(lifeline)  # type: ignore[no-untyped-call]  # Twisted's, without types
        server.startService()

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    reactor.run(installSignalHandlers=False)
    return code


if __name__ == "__main__":
    sys.exit(main())
