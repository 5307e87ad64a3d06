"""
A server behind the kube-apiserver of a cluster.

The cluster says who asks and what they may do, has the namespaces and the controllers, and its
configurations of admission judge writes here as they judge writes of kube-apiserver's own kinds.
Follows C{k8s.io/apiserver/pkg/server/options} (C{RecommendedOptions}) in what is asked of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.apis.loader import KindRegistry
from ark.authentication.anonymous import AnonymousAuthenticator
from ark.authentication.credentials import serving_names
from ark.authentication.pki import Authority
from ark.authentication.requestheader import RequestHeaderAuthenticator
from ark.authentication.settings import AuthenticationSettings, RequestHeaderOptions
from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authentication.union import UnionAuthenticator
from ark.authentication.x509 import X509Authenticator
from ark.authorization.alwaysallowed import AlwaysAllowedAuthorizer
from ark.authorization.subjectaccess import Remembering, SubjectAccessAuthorizer
from ark.authorization.union import UnionAuthorizer
from ark.cluster.client import Cluster
from ark.cluster.errors import InvalidAccess
from ark.cluster.incluster import in_cluster
from ark.cluster.kubeconfig import read_kubeconfig
from ark.cluster.services import ClusterServices
from ark.cluster.webhook import by_name
from ark.clusteradmission import ClusterAdmission
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.controllers.keptobjects import local_kinds
from ark.http.application import Access, Application
from ark.http.flowcontrol.control import FlowControl
from ark.http.flowcontrol.followed import FollowedFlows
from ark.http.health import READINESS, Health
from ark.http.metrics import Metrics
from ark.interfaces import IAuthenticator, ICluster, IStorageBackend
from ark.observation import failing, show_delegation
from ark.registry.definitions.strategy import RESOURCE
from ark.registry.stores import Stores
from ark.serving import SecureServing
from ark.servingcertificates import ServingCertificates
from ark.upkeep import FileReader

_log = Logger()


def connect(config: ServerConfig, reactor: Any, now: Callable[[], float]) -> Cluster:
    """
    The cluster that C{--kubeconfig} or C{--in-cluster} leads to; nothing is asked of it yet.

    @raise ConfigError: it cannot be told where it is, or what to show there.
    """
    try:
        access = in_cluster(os.environ) if config.in_cluster else read_kubeconfig(config.kubeconfig)
        return Cluster(access, reactor, now)
    except InvalidAccess as error:
        remedy = "Run it in a pod with a service account, or correct the kubeconfig."
        raise ConfigError(f"The cluster cannot be used: {error}.", remedy, CONFIG) from None


class Aggregation:
    """
    What a server does that has a cluster around it.

    It starts, and serves whom it can, also while the cluster is away.

    @ivar follows_definitions: no client can make definitions here, and what is asked about
        kinds is answered at once, also while the database is away.
    """

    follows_definitions = False

    def __init__(
        self, config: ServerConfig, cluster: ICluster, reactor: Any, now: Callable[[], float]
    ) -> None:
        """
        @raise ConfigError: a file of authorities cannot be used.
        """
        self._config = config
        self._cluster = cluster
        self._reactor = reactor
        self._now = now
        self._serving: SecureServing | None = None
        self._settings = AuthenticationSettings(
            cluster, self._authorities_changed, config.client_ca_file, _front_proxies(config)
        )
        self._tokens = TokenReviewAuthenticator(
            cluster,
            reactor,
            audiences=config.api_audiences,
            remember=config.authentication_token_webhook_cache_ttl,
        )
        self._reviews = SubjectAccessAuthorizer(cluster, reactor, _remembering(config))
        files = (config.client_ca_file, config.requestheader_client_ca_file)
        self._files = FileReader("the authorities for clients", files, self._settings.reload)
        self._stores: Stores | None = None
        always = AlwaysAllowedAuthorizer(paths=config.authorization_always_allow_paths)
        self._authorizer = UnionAuthorizer((always, self._reviews))
        self._resolve = by_name if config.in_cluster else ClusterServices(cluster).address
        self._admission = ClusterAdmission(
            config,
            cluster,
            self._authorizer,
            self._resolve,
            self._served,
            reactor,
            local_kinds(lambda: self._stores, reactor),
        )
        self._flows: FollowedFlows | None = None
        self._starting: Deferred[None] | None = None
        self._keeping: Deferred[None] | None = None

    def kinds(self, built_in: KindRegistry) -> KindRegistry:
        """
        Those that the server keeps for itself: the cluster has all others that are built into
        Kubernetes.
        """
        return KindRegistry(evolve(kind, served=False) for kind in built_in if kind.resource == RESOURCE)

    def _served(self) -> KindRegistry:
        return KindRegistry(()) if self._stores is None else self._stores.registry

    def serve(self, stores: Stores) -> None:
        """
        These are the kinds that are served.  Now that policies can have them as parameters, begin
        to follow what judges writes.
        """
        self._stores = stores
        self._admission.start()

    def access(self) -> Access:
        """
        Who may do what.
        """
        admission = self._admission
        return Access(
            self._authenticator(),
            self._authorizer,
            admission.namespaces,
            admission.plugins,
            self._resolve,
            admission.steps,
        )

    def _authenticator(self) -> IAuthenticator:
        settings, now = self._settings, self._now
        return UnionAuthenticator(
            (
                RequestHeaderAuthenticator(lambda: settings.proxy, now),
                X509Authenticator(now, lambda: settings.clients),
                self._tokens,
            ),
            AnonymousAuthenticator() if self._config.anonymous_auth else None,
        )

    def begin(self, health: Health, serving: SecureServing) -> None:
        """
        Begin to follow the cluster; until all that is needed was told once, the server is not
        ready.

        @param serving: learns who vouches for clients.
        """
        settings, admission = self._settings, self._admission
        self._serving = serving
        serving.trust(settings.authorities)
        self._starting = Deferred.fromCoroutine(settings.start())
        self._starting.addErrback(_not_told)
        unknown: dict[str, Callable[[], bool]] = {
            "cluster-authentication": lambda: settings.proxy is None,
            "cluster-namespaces": lambda: not admission.knows_namespaces,
            "cluster-admission": lambda: not admission.knows_judges,
        }
        for name, condition in unknown.items():
            health.add(name, failing(condition, "the cluster has not told it yet"), READINESS)

    def show(self, metrics: Metrics) -> None:
        """
        Show how the cluster was asked who may do what, and what admission did.
        """
        show_delegation(metrics, self._tokens, self._reviews)
        metrics.registry.register(self._admission.metrics)

    def share(self, flow_control: FlowControl) -> None:
        """
        Have requests wait for their turn as the cluster's flow schemas say.
        """
        self._flows = FollowedFlows(self._cluster, flow_control)
        self._flows.start()

    def _authorities_changed(self) -> None:
        if self._serving is not None:
            self._serving.trust(self._settings.authorities)

    @property
    def refused(self) -> str:
        """
        Why files of authorities cannot be used, so that those before count; empty when they can.
        """
        return self._files.refused

    def reload(self) -> None:
        """
        Read the authorities again that are given as a file, if they are others.
        """
        self._files.look()

    async def make_ready(self, application: Application) -> None:
        """
        The cluster has all that is always there.
        """

    async def control(self, application: Application, backend: IStorageBackend) -> None:
        """
        See to the serving certificate, if that is to be made for a Service; the rest is done by
        the cluster's controllers.
        """
        if self._config.shares_authority and self._serving is not None:
            certificates = self._certificates(application)
            self._keeping = Deferred.fromCoroutine(certificates.keep(self._serving.reload))
            self._keeping.addErrback(_not_kept)

    def _certificates(self, application: Application) -> ServingCertificates:
        config = self._config
        kinds = application.stores.registry.kinds()
        return ServingCertificates(
            self._cluster,
            config.tls_secret,
            config.service,
            serving_names(config),
            sorted({f"{kind.version}.{kind.group}" for kind in kinds}),
            Authority(Path(config.cert_dir)),
            self._reactor,
            self._now,
        )

    def end_control(self) -> None:
        """
        The cluster's controllers go on.
        """
        if self._keeping is not None:
            self._keeping.cancel()

    async def end(self) -> None:
        """
        Follow no more.
        """
        if self._starting is not None:
            self._starting.cancel()
        self._settings.stop()
        self._admission.stop()
        if self._flows is not None:
            self._flows.stop()
        if isinstance(self._cluster, Cluster):
            await self._cluster.close()


def _not_told(failure: Failure) -> None:
    if failure.check(CancelledError) is None:  # type: ignore[no-untyped-call]  # Twisted's, without types
        _log.failure("whom to believe cannot be followed", failure)


def _not_kept(failure: Failure) -> None:
    if failure.check(CancelledError) is None:  # type: ignore[no-untyped-call]  # Twisted's, without types
        _log.failure("the serving certificate is seen to no longer", failure)


def _remembering(config: ServerConfig) -> Remembering:
    return Remembering(
        config.authorization_webhook_cache_authorized_ttl,
        config.authorization_webhook_cache_unauthorized_ttl,
    )


def _front_proxies(config: ServerConfig) -> RequestHeaderOptions:
    return RequestHeaderOptions(
        config.requestheader_client_ca_file,
        config.requestheader_allowed_names,
        config.requestheader_username_headers,
        config.requestheader_uid_headers,
        config.requestheader_group_headers,
        config.requestheader_extra_headers_prefix,
    )
