"""
How a running server shows what goes on inside: its health checks and its gauges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError

from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authorization.attributes import ALLOW, DENY
from ark.authorization.subjectaccess import SubjectAccessAuthorizer
from ark.http.health import Check
from ark.http.inflight import InFlight
from ark.http.metrics import COMPONENT, Metrics
from ark.interfaces import IConnects
from ark.registry.stores import KindsChange, Stores
from ark.storage.committer import Committer
from ark.storage.errors import StorageFull, TimedOut
from ark.upkeep import StoredObjects
from ark.watch.cacher import Cacher
from ark.watch.predicate import SelectionPredicate
from ark.watch.view import Traffic

_WATCH_LIST_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60)
STORAGE = "storage-0"
"""
The name of the database among metrics: there is but one.
"""

CHECK_SECONDS = 5.0
REMEMBER_SECONDS = 1.0
_LATE = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)


class Remembered:
    """
    A check whose outcome counts for a second: anybody may ask, and it costs a query.
    """

    def __init__(self, check: Callable[[], Awaitable[None]], reactor: Any) -> None:
        self._check = check
        self._reactor = reactor
        self._checked_at: float | None = None
        self._error: Exception | None = None
        self._running: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []

    async def __call__(self) -> None:
        """
        Pass or fail as the last check did, or as a new one does.
        """
        now = self._reactor.seconds()
        if self._checked_at is None or now - self._checked_at >= REMEMBER_SECONDS:
            await self._once()
        if self._error is not None:
            raise self._error

    async def _once(self) -> None:
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if self._running is None:
            running = Deferred.fromCoroutine(self._run())
            # One that needed no waiting has ended before it could be noted.
            self._running = None if running.called else running
        await waiter

    async def _run(self) -> None:
        attempt = Deferred.fromCoroutine(_coroutine(self._check))
        try:
            await attempt.addTimeout(CHECK_SECONDS, self._reactor)
            self._error = None
        except TimeoutError:
            self._error = TimedOut(f"there was no answer in {CHECK_SECONDS:g} seconds")
        except Exception as error:
            self._error = error
        self._checked_at = self._reactor.seconds()
        self._running = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(None)


async def _coroutine(check: Callable[[], Awaitable[None]]) -> None:
    await check()


def readable(ready: Check) -> Check:
    """
    C{ready}, but that a full disk passes, too: reads and watches go on, and whoever would be led elsewhere
    has nowhere to go where they do.
    """

    async def check() -> None:
        with suppress(StorageFull):
            await ready()

    return check


def failing(condition: Callable[[], object], reason: str) -> Check:
    """
    A check that fails while C{condition} is true.
    """

    async def check() -> None:
        if condition():
            raise RuntimeError(reason)

    return check


def show_stored(metrics: Metrics, stored: StoredObjects) -> None:
    """
    Show how many objects there are, under the new name and the old one.
    """
    text = "Objects in the database, counted once a minute."
    metrics.add_gauge("apiserver_resource_objects", text, stored.by_group, ("group", "resource"))
    metrics.add_gauge("apiserver_storage_objects", text, stored.by_resource, ("resource",))
    metrics.add_gauge("ark_compaction_floor", "The oldest revision that can be read.", lambda: stored.floor)
    metrics.add_gauge(
        "apiserver_storage_size_bytes",
        "Bytes of the database, asked for once a minute.",
        lambda: {} if stored.size is None else {(STORAGE,): stored.size},
        ("storage_cluster_id",),
    )


def show_cacher(metrics: Metrics, cacher: Cacher) -> None:
    """
    Show how far the log was followed, and who is told of it.
    """
    metrics.add_gauge("ark_storage_revision", "The newest revision known here.", lambda: cacher.revision)
    metrics.add_gauge("ark_watch_watchers", "Watches of this process.", lambda: cacher.hub.watchers)
    metrics.add_gauge("ark_watch_window_events", "Events in memory for watches.", lambda: len(cacher.window))


def show_room(metrics: Metrics, committer: Committer) -> None:
    """
    Show whether there is room to write.
    """
    text = "1 from a write for which storage had no room until one for which it has."
    metrics.add_gauge("ark_storage_full", text, lambda: int(committer.full))


def show_lateness(metrics: Metrics) -> Callable[[float], None]:
    """
    Show how late the reactor is.

    @return: takes the seconds of each time that somebody looked.
    """
    text = "Seconds by which the reactor was late, ten times a second."
    observe: Callable[[float], None] = (
        metrics.add_histogram("ark_reactor_late_seconds", text, (), _LATE).child().observe
    )
    return observe


def show_connections(metrics: Metrics, backend: IConnects) -> None:
    """
    Show whether a database that is a server can be reached, and tells of commits.
    """
    heard = "1 while the database tells of commits; 0 while it is asked once a second instead."
    metrics.add_gauge("ark_storage_notifications", heard, lambda: int(backend.hears))
    metrics.add_gauge("ark_storage_connections", "Connections to the database.", lambda: backend.connections)


def show_kinds(metrics: Metrics, stores: Stores) -> None:
    """
    Count the requests for each kind that is served under its own name.
    """

    def serve(_change: KindsChange | None = None) -> None:
        metrics.serve([(kind.group, kind.version, kind.plural) for kind in stores.registry.kinds()])

    stores.subscribe(serve)
    serve()


def show_watches(metrics: Metrics, cacher: Cacher, stores: Stores) -> None:
    """
    Show what is watched and what the watchers were sent, under kube-apiserver's names.
    """
    hub = cacher.hub

    def names() -> dict[str, tuple[str, str, str]]:
        return {kind.resource: (kind.group, kind.version, kind.plural) for kind in stores.resources()}

    def open_now() -> dict[tuple[str, ...], float]:
        counts: Counter[tuple[str, ...]] = Counter()
        named = names()
        for predicate, number in hub.watching():
            if predicate.resource in named:
                labels = ("WATCH", *named[predicate.resource], "", _scope(predicate), COMPONENT)
                counts[labels] += number
        return dict(counts)

    def presented(predicate: SelectionPredicate, seconds: float) -> None:
        named = names()
        if predicate.resource in named:
            durations.child(*named[predicate.resource], _scope(predicate)).observe(seconds)

    def sent(of: Callable[[Traffic], int]) -> Callable[[], dict[tuple[str, ...], float]]:
        def read() -> dict[tuple[str, ...], float]:
            named = names()
            return {named[name]: of(traffic) for name, traffic in hub.traffic.items() if name in named}

        return read

    what = ("group", "version", "resource")
    durations = metrics.add_histogram(
        "apiserver_watch_list_duration_seconds",
        "Seconds until watchers that asked for it had all that there was.",
        (*what, "scope"),
        _WATCH_LIST_SECONDS,
    )
    hub.presented = presented
    metrics.add_gauge(
        "apiserver_longrunning_requests",
        "Watches that are open.",
        open_now,
        ("verb", *what, "subresource", "scope", "component"),
    )
    metrics.add_counter(
        "apiserver_watch_events", "Events sent to watchers.", sent(lambda traffic: traffic.events), what
    )
    metrics.add_counter(
        "ark_watch_sent_bytes", "Bytes of events sent to watchers.", sent(lambda traffic: traffic.bytes), what
    )


def _scope(predicate: SelectionPredicate) -> str:
    return "resource" if predicate.name else "namespace" if predicate.namespace else "cluster"


def show_requests(metrics: Metrics, in_flight: InFlight) -> None:
    """
    Show how many requests run now.
    """

    def running() -> dict[tuple[str, ...], float]:
        return {
            ("readOnly" if reading else "mutating",): count for reading, count in in_flight.running.items()
        }

    text = "Requests that run now, watches left out."
    metrics.add_gauge("apiserver_current_inflight_requests", text, running, ("request_kind",))


def show_delegation(
    metrics: Metrics, tokens: TokenReviewAuthenticator, access: SubjectAccessAuthorizer
) -> None:
    """
    Show how a cluster was asked who somebody is and what they may do, under kube-apiserver's names.
    """

    def labelled(counts: Mapping[str, int]) -> Callable[[], dict[tuple[str, ...], float]]:
        return lambda: {(label,): count for label, count in counts.items()}

    def decided() -> dict[tuple[str, ...], float]:
        told = {ALLOW: "allowed", DENY: "denied"}
        given = access.decisions.items()
        return {("Webhook", "", told[verdict]): count for verdict, count in given if verdict in told}

    for name, text, counts, label in (
        ("apiserver_delegated_authn_request", "Reviews of tokens.", tokens.requests, "code"),
        ("apiserver_delegated_authz_request", "Reviews of access.", access.requests, "code"),
        ("authentication_token_cache_request", "Tokens looked for.", tokens.found, "status"),
        ("authentication_token_cache_fetch", "Reviews of tokens that ended.", tokens.fetched, "status"),
    ):
        metrics.add_counter(name, text, labelled(counts), (label,))
    metrics.add_counter(
        "apiserver_authorization_decisions",
        "Decisions of the cluster, those that were remembered included.",
        decided,
        ("type", "name", "decision"),
    )


def show_certificates(
    metrics: Metrics, expiry: Callable[[], Mapping[str, float]], now: Callable[[], float]
) -> None:
    """
    Show how long each certificate still lasts.
    """

    def left() -> dict[tuple[str, ...], float]:
        return {(name,): end - now() for name, end in expiry().items()}

    metrics.add_gauge(
        "ark_cert_expiry_seconds", "Seconds until a certificate runs out.", left, ("certificate",)
    )


def show_refused_files(metrics: Metrics, files: Mapping[str, Callable[[], str]]) -> None:
    """
    Show which files were changed into something that cannot be used.

    @param files: tells why each cannot be, or nothing.
    """

    def refused() -> dict[tuple[str, ...], float]:
        return {(name,): float(bool(why())) for name, why in files.items()}

    text = "1 while files cannot be used, and what was read from them before still is."
    metrics.add_gauge("ark_cert_files_refused", text, refused, ("files",))
