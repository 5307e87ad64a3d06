"""
A process that is a server: its log, its signals, its exit code.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.announcement import FAILED, Started, announcement, told
from ark.config import ServerConfig
from ark.logs import begin
from ark.memory import SETTLE_AFTER, settle
from ark.prefork import Server, make_service

_log = Logger()


class Process:
    """
    Runs a service until it is told to stop, or could not start.

    @ivar code: the exit code.
    """

    def __init__(self, config: ServerConfig, service: Server, reactor: Any) -> None:
        self._config = config
        self._service = service
        self._reactor = reactor
        self._stopping = False
        self.code = 0

    def run(self) -> int:
        """
        Return the exit code when all is over.
        """
        reactor = self._reactor
        self._service.ready.addCallbacks(self._started, self._failed)
        reactor.callWhenRunning(self._begin)
        reactor.addSystemEventTrigger("before", "shutdown", self._service.stopService)
        reactor.run()
        return self.code

    def _begin(self) -> None:
        # After the reactor has put its own handlers in place.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._service.startService()

    def _signalled(self, number: int, _frame: object) -> None:
        if self._stopping:
            # Asked twice: what is committed is on disk, and nothing else matters now.
            os._exit(FAILED)
        self._stopping = True
        self._reactor.callFromThread(self._stop, number)

    def _stop(self, number: int) -> None:
        _log.info("{signal} received: shutting down", signal=signal.Signals(number).name)
        self._reactor.stop()

    def _started(self, started: Started) -> None:
        self._reactor.callLater(SETTLE_AFTER, settle)
        if self._config.log_format == "json":
            _log.info("ready at {url}", **started._asdict(), kubeconfig=self._config.kubeconfig_out)
        else:
            print("\n".join(announcement(self._config, started)), file=sys.stderr, flush=True)

    def _failed(self, failure: Failure) -> None:
        self.code = told(failure)
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()


def run(config: ServerConfig) -> int:
    """
    Run a server in this process.

    @return: the exit code.
    """
    from twisted.internet import reactor

    log = begin(config.log_format, config.verbosity, sys.stderr)
    return Process(config, make_service(config, reactor, log), reactor).run()
