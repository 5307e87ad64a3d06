"""
The whole way of a request but its connection, put together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ark.admission.chain import AdmissionChain
from ark.admission.namespacelifecycle import NamespaceLifecycle
from ark.admission.timed import Steps
from ark.apis.documents import Documents
from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apis.messages import message_of
from ark.cluster.webhook import Resolve
from ark.endpoints.negotiation import Negotiator
from ark.endpoints.review import ReviewScope
from ark.endpoints.scope import Aside, RequestScope
from ark.http.auditing import Auditing
from ark.http.chain import Chain
from ark.http.customendpoints import CustomEndpoints
from ark.http.flowcontrol.control import FlowControl
from ark.http.health import Health
from ark.http.inflight import Deadlines, InFlight
from ark.http.knownroutes import Scopes
from ark.http.metrics import Metrics
from ark.http.root import OWN_SEGMENTS, Root, RootParts
from ark.http.tracing import (
    RequestTracing,
    TracedAuthenticator,
    TracedAuthorizer,
    TracedHandler,
    TracedObserver,
)
from ark.http.version import version_document
from ark.interfaces import IAdmissionPlugin, IAuthenticator, IAuthorizer, ICustomEndpoint, IServer
from ark.registry.conversion.services import Services
from ark.registry.conversion.webhook import Conversions
from ark.registry.namespaces import NamespacePhases
from ark.registry.reviews import Reviews
from ark.registry.store import Store
from ark.registry.stores import KindsChange, Stores
from ark.storage.errors import StorageError
from ark.watch.cacher import Cacher

_log = Logger()


def threads_of(reactor: Any) -> Aside | None:
    """
    How to call something in the reactor's threads, if it has any.
    """
    if not hasattr(reactor, "getThreadPool"):
        return None
    return lambda function, *given: deferToThreadPool(reactor, reactor.getThreadPool(), function, *given)


class Access(NamedTuple):
    """
    Who may do what, and who else judges what they do.

    @ivar namespaces: judges by the namespaces of somebody else; L{None} for those kept here.
    @ivar plugins: what judges writes after that, in order.
    @ivar resolve: finds services of somebody else; L{None} for those kept here.
    @ivar steps: measures what all that judge writes take together.
    """

    authenticator: IAuthenticator
    authorizer: IAuthorizer
    namespaces: IAdmissionPlugin | None = None
    plugins: tuple[IAdmissionPlugin, ...] = ()
    resolve: Resolve | None = None
    steps: Steps | None = None


@dataclass
class ApplicationParts:
    """
    What an application is made of.

    @ivar reactor: tells the monotonic time and calls later.
    @ivar now: tells the time of day in seconds since the epoch.
    @ivar namespaces: see L{Access}.
    @ivar resolve: see L{Access}.
    @ivar admission_steps: see L{Access.steps}.
    @ivar flow_control: says whose turn it is; the limits of requests in flight do not count then.
    @ivar auditing: tells the audit log of requests.
    @ivar webhook_agent: makes requests to webhooks; by default each has one of its own.
    @ivar tracing: makes spans of requests; L{None} where none are wanted.
    """

    registry: KindRegistry
    cacher: Cacher
    authenticator: IAuthenticator
    authorizer: IAuthorizer
    reactor: Any
    now: Any
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    namespaces: IAdmissionPlugin | None = None
    admission_plugins: Sequence[IAdmissionPlugin] = ()
    resolve: Resolve | None = None
    admission_steps: Steps | None = None
    custom_endpoints: Sequence[ICustomEndpoint] = ()
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    request_timeout: float = 60.0
    webhook_agent: Any = None
    flow_control: FlowControl | None = None
    auditing: Auditing | None = None
    tracing: RequestTracing | None = None


def _in_flight(parts: ApplicationParts) -> InFlight:
    if parts.flow_control is not None:
        return InFlight(0, 0)
    return InFlight(parts.max_requests_inflight, parts.max_mutating_requests_inflight)


def _chain(parts: ApplicationParts, root: Root) -> Chain:
    in_flight, deadlines = _in_flight(parts), Deadlines(parts.reactor, parts.request_timeout)
    tracing = parts.tracing
    if tracing is None:
        return Chain(root, parts.authenticator, parts.authorizer, in_flight, deadlines, parts.metrics)
    return Chain(
        TracedHandler(root),
        TracedAuthenticator(parts.authenticator, tracing),
        TracedAuthorizer(parts.authorizer),
        in_flight,
        deadlines,
        TracedObserver(parts.metrics, tracing),
    )


def _review_scopes(parts: ApplicationParts) -> dict[tuple[str, str, str], ReviewScope]:
    reviews = Reviews(parts.authenticator, parts.authorizer, parts.now)
    known = ((kind, reviews.of(kind)) for kind in parts.registry)
    return {
        (kind.group, kind.version, kind.plural): ReviewScope(kind, review, parts.now)
        for kind, review in known
        if review is not None
    }


def _is_spoken(store: Store) -> bool:
    return message_of(store.kind.api_version, store.kind.kind) is not None


async def _prepare(aside: Aside, scope: RequestScope) -> None:
    await aside(scope.store.processor.prepare)


def _not_prepared(failure: Failure, kind: Kind) -> None:
    _log.failure("{kind} could not be prepared", failure, kind=kind)


@implementer(IServer)
class Application:
    """
    Answers requests.

    @ivar stores: also for controllers that write without a request.
    @raise ark.http.customendpoints.BadEndpoint: a plug-in cannot be served.
    """

    def __init__(self, parts: ApplicationParts) -> None:
        self.cacher = parts.cacher
        self.authorizer = parts.authorizer
        self.reactor = parts.reactor
        self.now = parts.now
        namespaces = parts.namespaces or NamespaceLifecycle(NamespacePhases(parts.cacher).phase_of)
        admission = AdmissionChain((namespaces, *parts.admission_plugins), parts.admission_steps)
        resolve = parts.resolve or Services(parts.cacher).address
        conversions = Conversions(parts.reactor, resolve, parts.webhook_agent)
        self.stores = Stores(parts.registry, parts.cacher, admission, parts.now, conversions)
        self._negotiators = {typed: Negotiator(typed=typed) for typed in (False, True)}
        self._aside = threads_of(parts.reactor)
        self._scopes: Scopes = {}
        self._documents = Documents(parts.registry)
        custom = CustomEndpoints(parts.custom_endpoints, OWN_SEGMENTS)
        self.root = Root(
            RootParts(
                self._scopes,
                _review_scopes(parts),
                self._documents,
                parts.health,
                parts.metrics,
                version_document(),
                custom,
                self._aside,
                self._catch_up,
            )
        )
        self._place()
        self.stores.subscribe(self._kinds_changed)
        self._late_kinds: Callable[[], Awaitable[None]] | None = None
        self.chain = _chain(parts, self.root)
        self.chain.flow_control = parts.flow_control
        self.chain.auditing = parts.auditing
        custom.start(self)

    @property
    def registry(self) -> KindRegistry:
        """
        The kinds that are served now.
        """
        return self.stores.registry

    def follow(self, catch_up: Callable[[], Awaitable[None]]) -> None:
        """
        From now on somebody tells L{stores} of new kinds.

        @param catch_up: waits until it has told of all that were there at the call.
        """
        self._late_kinds = catch_up

    async def _catch_up(self) -> None:
        if self._late_kinds is not None:
            # What is known can be told even while storage cannot be read.
            with suppress(StorageError):
                await self._late_kinds()

    def _kinds_changed(self, change: KindsChange) -> None:
        before = frozenset(self._scopes.values())
        self._documents = Documents(self.registry, before=self._documents)
        self._place()
        if self._aside is not None and self._late_kinds is not None:
            # What the first request of a large kind would wait for.
            for scope in frozenset(self._scopes.values()) - before:
                preparing = Deferred.fromCoroutine(_prepare(self._aside, scope))
                preparing.addErrback(_not_prepared, scope.kind)
        for kind in (*change.changed, *change.removed):
            self.cacher.hub.close_resource(kind.resource)

    def _place(self) -> None:
        before = {scope.store: scope for scope in self._scopes.values()}
        self._scopes = {
            (store.kind.group, store.kind.version, store.kind.plural): before.get(store)
            or RequestScope(
                store, self._negotiators[_is_spoken(store)], self.now, self._aside, self.authorizer
            )
            for store in self.stores
        }
        self.root.serve_kinds(self._scopes, self._documents)

    def dispatch(self, request: Any) -> Coroutine[Any, Any, None]:
        """
        Answer a request; what L{ark.http.site.Site} is given.
        """
        return self.chain.dispatch(request)
