"""
A command that works on databases until it is done: its signals, its exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ark.config import STORAGE
from ark.storage.copying import CopyError
from ark.storage.errors import Denied, StorageError

FAILED = 1
_GRANT = "Give that right to the user, or name the one that owns the schema. "
_STOPPED = "Stopped. What was copied stays; run the same command again to go on."


class Job:
    """
    Runs one piece of work until it is done, failed, or is told to stop.

    @ivar code: the exit code.
    """

    def __init__(self, reactor: Any, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._reactor = reactor
        self._work = work
        self._done: Deferred[None] | None = None
        self._failure: Failure | None = None
        self.code = 0

    def run(self) -> int:
        """
        Return the exit code when all is over.

        @raise ConfigError: a database cannot be opened.
        """
        self._reactor.callWhenRunning(self._begin)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._reactor.run()
        if self._failure is not None:
            self._failure.raiseException()
        return self.code

    def _begin(self) -> None:
        self._done = Deferred.fromCoroutine(self._work())
        self._done.addErrback(self._failed)
        self._done.addCallback(lambda _: self._ended())

    def _ended(self) -> None:
        self._done = None
        # A stop that is under way waits for this.
        self._reactor.callLater(0, lambda: self._reactor.running and self._reactor.stop())

    def _stop(self) -> Deferred[None] | None:
        if self._done is None:
            return None
        ended: Deferred[None] = Deferred()
        self._done.addBoth(lambda _: ended.callback(None))
        self._done.cancel()
        return ended

    def _failed(self, failure: Failure) -> None:
        self.code = FAILED
        error = failure.value
        if isinstance(error, CancelledError):
            print(_STOPPED, file=sys.stderr)
        elif isinstance(error, CopyError):
            print(f"ark-server: {error.cause}\n{error.remedy}", file=sys.stderr)
        elif isinstance(error, StorageError):
            self.code = STORAGE
            first = _GRANT if isinstance(error, Denied) else ""
            print(f"ark-server: {error}.\n{first}Run the same command again to go on.", file=sys.stderr)
        else:
            self._failure = failure
