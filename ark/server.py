"""
The composition root: from a configuration to a server that listens.

Everything is put together here and nowhere else; the parts know each other through
L{ark.interfaces} only.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.plugin import getPlugins

from ark.aggregation import Aggregation, connect
from ark.announcement import Started
from ark.apis.loader import KindRegistry
from ark.audit.log import AuditLog, AuditMetrics
from ark.auditlog import audit_logs
from ark.authentication.credentials import write_kubeconfig
from ark.bootstrap import Contents, Views, count_objects, open_storage
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.controllers.definitions import Definitions
from ark.controllers.definitionstatus import DefinitionController
from ark.http.application import Application, ApplicationParts
from ark.http.auditing import Auditing
from ark.http.chain import Chain
from ark.http.customendpoints import BadEndpoint
from ark.http.flowcontrol.control import FlowControl
from ark.http.health import READINESS, Health
from ark.http.metrics import Metrics
from ark.interfaces import IConnects, ICustomEndpoint, IStorageBackend
from ark.logs import LineObserver
from ark.observation import (
    Remembered,
    failing,
    readable,
    show_cacher,
    show_certificates,
    show_connections,
    show_kinds,
    show_lateness,
    show_refused_files,
    show_requests,
    show_room,
    show_stored,
    show_watches,
)
from ark.registry.stores import Stores
from ark.serving import SecureServing
from ark.shipped import ShippedDefinitions, ensure_definitions, load_definitions
from ark.spans import Spans
from ark.standalone import Standalone
from ark.storage.committer import Committer
from ark.storage.tracedcommitter import TracedCommitter
from ark.upkeep import Periodic, Pulse, StoredObjects
from ark.watch.cacher import Cacher
from ark.watch.compactor import Compactor

RELOAD_EVERY = 1.0
RENEW_EVERY = 60.0
COUNT_EVERY = 60.0
IDLE_EVERY = 0.1
LOGGED_REQUESTS = 2

_log = Logger()


class ArkServer(MultiService):
    """
    One process that serves.

    @param listener: the socket to accept from; L{None} to make one.
    @param worker: which of several processes this is; L{None} when it is the only one.
    @param log: writes the log of this process, when it is one of ours.
    @param now: the time of day.
    @ivar ready: fires with L{Started} when it serves, fails with L{ConfigError} when it cannot.
    """

    def __init__(
        self,
        config: ServerConfig,
        reactor: Any,
        *,
        listener: socket.socket | None = None,
        worker: int | None = None,
        log: LineObserver | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._config = config
        self._reactor = reactor
        self._listener = listener
        self._worker = worker
        self._log_writer = log
        self._now = now
        self._mode: Aggregation | Standalone = Standalone(config, reactor, now)
        self._shutting_down = False
        self._starting: Deferred[None] | None = None
        self._closing: list[Callable[[], Any]] = []
        self._serving: SecureServing | None = None
        self._cacher: Cacher | None = None
        self._spans: Spans | None = None
        self._stored: StoredObjects | None = None
        self._chain: Chain | None = None
        self._audit_logs: tuple[AuditLog, ...] = ()
        self._auditing: Auditing | None = None
        self.health = Health()
        self.ready: Deferred[Started] = Deferred()

    # The way up

    def startService(self) -> None:
        """
        Begin to come up; L{ready} tells how it ends.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's, without types
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._could_not_start)

    def _could_not_start(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            self.ready.errback(failure)

    async def _start(self) -> None:
        config = self._config
        if config.aggregated:
            self._mode = Aggregation(
                config, connect(config, self._reactor, self._now), self._reactor, self._now
            )
        manifests = load_definitions(config)
        self._start_traces()
        backend = await open_storage(config, self._reactor)
        self._closing.append(backend.close)
        is_new = await backend.current_revision() <= 1
        self._start_audit_logs()
        serving = self._serving = SecureServing(config, self._reactor, self._now)
        self._closing.append(self._mode.end)
        self._mode.begin(self.health, serving)
        metrics = Metrics(log_requests=config.verbosity >= LOGGED_REQUESTS)
        cacher = await self._start_storage(backend, metrics)
        application = self._application(self._mode.kinds(manifests.built_in), cacher, metrics)
        self._chain = application.chain
        stores = application.stores
        self._mode.serve(stores)
        show_kinds(metrics, stores)
        definitions = await self._follow_definitions(application, cacher)
        kept = (kind.resource for kind in stores.resources())
        contents = Contents(is_new, 0 if is_new else await count_objects(backend, kept))
        if self._worker in (None, 0):
            await self._make_ready(application, backend, definitions, manifests)
            await self._start_controllers(application, backend)
        self._add_checks(backend, cacher)
        self._add_gauges(metrics, stores, backend, cacher)
        show_cacher(metrics, cacher)
        show_watches(metrics, cacher, stores)
        show_requests(metrics, application.chain.in_flight)
        self._mode.show(metrics)
        if self._audit_logs:
            metrics.registry.register(AuditMetrics(self._audit_logs))
        if self._spans is not None:
            self._spans.show(metrics)
        self._look_after(serving, metrics)
        url = serving.listen(application.dispatch, self._listener)
        if self._worker is None and not config.aggregated:
            write_kubeconfig(config, serving.credentials, url)
        self.ready.callback(Started(url, *contents, kinds=len(stores.registry.kinds())))

    def _start_traces(self) -> None:
        spans = self._spans = Spans.of(self._config, self._reactor)
        if spans is not None:
            self._closing.append(spans.stop)
            spans.start()

    def _start_audit_logs(self) -> None:
        audited = audit_logs(self._config, self._worker, self._now)
        if audited is not None:
            self._audit_logs, self._auditing = audited
            for log in self._audit_logs:
                log.start()
                self._closing.append(log.stop)

    async def _follow_definitions(self, application: Application, cacher: Cacher) -> Definitions:
        definitions = Definitions(application.stores, cacher, self._reactor)
        self._closing.append(definitions.stop)
        await definitions.start()
        if self._mode.follows_definitions:
            application.follow(definitions.catch_up)
        return definitions

    async def _make_ready(
        self,
        application: Application,
        backend: IStorageBackend,
        definitions: Definitions,
        manifests: ShippedDefinitions,
    ) -> None:
        """
        Write what is always there, and let SQL readers see all kinds.
        """
        stores = application.stores
        await self._mode.make_ready(application)
        controller = DefinitionController(stores, application.cacher, self._reactor, self._now)
        self._closing.append(controller.stop)
        await controller.start()
        for name in await ensure_definitions(stores, manifests):
            await controller.settle(name)
        await definitions.catch_up()
        views = Views(backend, stores)
        self._closing.append(views.stop)
        await views.start()

    async def _start_storage(self, backend: IStorageBackend, metrics: Metrics) -> Cacher:
        config = self._config
        kind = Committer if self._spans is None else TracedCommitter
        committer = kind(backend, self._reactor, on_batch=metrics.observe_commit)
        cacher = Cacher(
            backend,
            committer,
            self._reactor,
            window_events=config.watch_window,
            cache_bytes=config.cache_size * 1024 * 1024,
        )
        await cacher.start()
        self._cacher = cacher
        self._closing += [committer.stop, cacher.stop]
        show_room(metrics, committer)
        return cacher

    def _application(self, registry: KindRegistry, cacher: Cacher, metrics: Metrics) -> Application:
        config, access = self._config, self._mode.access()
        parts = ApplicationParts(
            registry,
            cacher,
            access.authenticator,
            access.authorizer,
            self._reactor,
            self._now,
            health=self.health,
            metrics=metrics,
            namespaces=access.namespaces,
            admission_plugins=access.plugins,
            admission_steps=access.steps,
            resolve=access.resolve,
            flow_control=self._flow_control(metrics),
            auditing=self._auditing,
            custom_endpoints=tuple(getPlugins(ICustomEndpoint)),
            max_requests_inflight=config.max_requests_inflight,
            max_mutating_requests_inflight=config.max_mutating_requests_inflight,
            request_timeout=config.request_timeout,
            tracing=None if self._spans is None else self._spans.tracing,
        )
        try:
            return Application(parts)
        except BadEndpoint as error:
            raise ConfigError(f"{error}.", "Correct the plug-in, or uninstall it.", CONFIG) from error

    def _flow_control(self, metrics: Metrics) -> FlowControl | None:
        config = self._config
        seats = config.max_requests_inflight + config.max_mutating_requests_inflight
        if not (config.enable_priority_and_fairness and seats):
            return None
        flow_control = FlowControl(seats, self._reactor, self._number)
        metrics.registry.register(flow_control)
        self._mode.share(flow_control)
        return flow_control

    def _number(self, group: str, plural: str) -> float:
        return 0 if self._stored is None else self._stored.of(group, plural)

    async def _start_controllers(self, application: Application, backend: IStorageBackend) -> None:
        config = self._config
        self._closing.append(self._mode.end_control)
        await self._mode.control(application, backend)
        compactor = Compactor(
            backend,
            self._reactor,
            interval=config.compaction_interval,
            retention=config.history_retention,
            events=config.history_events,
        )
        compactor.start()
        self._closing.append(compactor.stop)

    def _add_checks(self, backend: IStorageBackend, cacher: Cacher) -> None:
        health = self.health
        if self._log_writer is not None:
            writer = self._log_writer
            health.add("log", failing(lambda: writer.broken, "the log cannot be written"))
        # Not for livez: to start anew does not mend a disk, and reads and watches go on.
        health.add("storage", Remembered(readable(backend.ready), self._reactor), ("healthz", "readyz"))
        health.add(
            "informer-sync", failing(lambda: cacher.revision < 1, "the log is not followed yet"), READINESS
        )
        health.add("shutdown", failing(lambda: self._shutting_down, "process is shutting down"), READINESS)

    def _add_gauges(self, metrics: Metrics, stores: Stores, backend: IStorageBackend, cacher: Cacher) -> None:
        stored = StoredObjects(
            backend, cacher.count, lambda: [(kind.group, kind.plural) for kind in stores.resources()]
        )
        self._stored = stored
        show_stored(metrics, stored)
        if IConnects.providedBy(backend):
            show_connections(metrics, IConnects(backend))
        self._every("counting", COUNT_EVERY, stored.count, at_once=True)

    def _look_after(self, serving: SecureServing, metrics: Metrics) -> None:
        show_certificates(metrics, lambda: serving.credentials.expiry, self._now)
        show_refused_files(
            metrics, {"certificates": lambda: serving.refused, "authorities": lambda: self._mode.refused}
        )
        Pulse(show_lateness(metrics), self._reactor).setServiceParent(self)  # type: ignore[no-untyped-call]
        self._every("reading certificates", RELOAD_EVERY, serving.reload)
        self._every("reading authorities", RELOAD_EVERY, self._mode.reload)
        if self._worker in (None, 0):
            self._every("renewing certificates", RENEW_EVERY, serving.renew)

    def _every(self, name: str, seconds: float, work: Callable[[], Any], *, at_once: bool = False) -> None:
        periodic = Periodic(name, seconds, work, self._reactor, at_once=at_once)
        periodic.setServiceParent(self)  # type: ignore[no-untyped-call]  # Twisted's, without types

    # The way down

    def stopService(self) -> Deferred[Any]:
        """
        Shut down in good order (contract 18.4).

        @return: fires when nothing is left.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._shutting_down = True
        if self._starting is not None:
            self._starting.cancel()
        if self._serving is not None and self._serving.listening:
            await deferLater(self._reactor, self._config.shutdown_delay_duration)
            await self._drain(self._serving)
        await _finished(super().stopService)
        for close in reversed(self._closing):
            await _finished(close)
        self._closing.clear()

    async def _drain(self, serving: SecureServing) -> None:
        """
        No new connections, watches end where they are, and what else runs may finish.
        """
        deadline = self._reactor.seconds() + self._config.request_timeout
        ending = Deferred.fromCoroutine(self._end_watches())
        if self._config.shutdown_send_retry_after and self._chain is not None:
            chain = self._chain
            chain.leaving = True
            serving.leave()
            while not chain.idle and self._reactor.seconds() < deadline:
                await deferLater(self._reactor, IDLE_EVERY)
        await _finished(serving.close_port)
        drained = serving.drain(max(1.0, deadline - self._reactor.seconds()))
        await ending
        await drained

    async def _end_watches(self) -> None:
        if self._cacher is not None:
            await _finished(self._cacher.hub.wind_down)


async def _finished(stop: Callable[[], Any]) -> None:
    """
    Call C{stop} and wait until it has done all; what goes wrong does not keep the rest from stopping.
    """
    try:
        result = stop()
        if result is not None:
            await result
    except Exception:
        _log.failure("{what} failed while shutting down", what=stop)
