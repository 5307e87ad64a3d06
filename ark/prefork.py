"""
A server of several processes, as its first one sees it; and the choice between one and several.
"""

from __future__ import annotations

import time
from typing import Any, Union

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred

from ark.announcement import Started
from ark.authentication.credentials import prepare, server_url, write_kubeconfig
from ark.bootstrap import inspect, load_kinds
from ark.config import ServerConfig
from ark.logs import LineObserver
from ark.server import ArkServer
from ark.sockets import bind_many
from ark.workers import WorkerPool


class PreforkServer(MultiService):
    """
    Makes everything ready, then lets its workers serve.

    @ivar ready: fires with L{Started} when all of them serve, fails with L{ConfigError}.
    """

    def __init__(self, config: ServerConfig, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._config = config
        self._reactor = reactor
        self._starting: Deferred[None] | None = None
        self.ready: Deferred[Started] = Deferred()

    def startService(self) -> None:
        """
        Begin to come up; L{ready} tells how it ends.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._could_not_start)

    def stopService(self) -> Any:
        """
        Stop the workers.

        @return: fires when the last has gone.
        """
        if self._starting is not None:
            self._starting.cancel()
        return super().stopService()  # type: ignore[no-untyped-call]  # Twisted's, without types

    def _could_not_start(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            self.ready.errback(failure)

    async def _start(self) -> None:
        config = self._config
        # In a cluster those of Kubernetes itself are the cluster's.
        kinds = sum(not (config.aggregated and kind.typed) for kind in load_kinds(config).kinds())
        contents = await inspect(config, self._reactor)
        credentials = prepare(config, time.time())
        listeners = bind_many(config.bind_address, config.secure_port, config.workers)
        url = server_url(config, listeners[0].getsockname()[1])
        pool = WorkerPool(config, listeners, self._reactor)
        pool.setServiceParent(self)  # type: ignore[no-untyped-call]  # Twisted's, without types
        await pool.ready
        if not config.aggregated:
            write_kubeconfig(config, credentials, url)
        self.ready.callback(Started(url, *contents, kinds=kinds))


Server = Union[ArkServer, PreforkServer]


def make_service(config: ServerConfig, reactor: Any, log: LineObserver | None = None) -> Server:
    """
    The service that serves as C{config} says.

    @param log: writes the log of this process, when it is one of ours.
    """
    if config.workers > 1:
        return PreforkServer(config, reactor)
    return ArkServer(config, reactor, log=log)
