"""
Everything that a cluster has judge writes, in the order of kube-apiserver.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.task import deferLater

from ark.admission.clusternamespaces import NAMESPACES, ClusterNamespaces
from ark.admission.foundnamespaces import FoundNamespaces
from ark.admission.metrics import ADMIT, VALIDATE, AdmissionMetrics
from ark.admission.namespacelifecycle import NamespaceLifecycle
from ark.admission.ownerreferences import NAME as OWNER_REFERENCES
from ark.admission.ownerreferences import ClusterMapper, MappedResource, OwnerReferences
from ark.admission.policies.mutating import MutatingAdmissionPolicies
from ark.admission.policies.params import LocalKinds, nothing_local
from ark.admission.policies.plugin import Around
from ark.admission.policies.validating import ValidatingAdmissionPolicies
from ark.admission.timed import Steps, Timed
from ark.admission.webhooks.caller import WebhookCaller
from ark.admission.webhooks.followed import FollowedWebhooks
from ark.admission.webhooks.hook import Surroundings
from ark.admission.webhooks.mutating import NAME as MUTATING_WEBHOOKS
from ark.admission.webhooks.validating import NAME as VALIDATING_WEBHOOKS
from ark.apis.loader import KindRegistry
from ark.cluster.webhook import Resolve
from ark.config import ServerConfig
from ark.interfaces import IAdmissionPlugin, IAuthorizer, ICluster
from ark.registry.mergeschemas import merge_schemas


class ClusterAdmission:
    """
    The plug-ins of a server in a cluster, and what they follow there.

    @param resolve: finds the services of webhooks.
    @param kinds: those that the server itself serves.
    @param reactor: C{IReactorTime}, and C{IReactorCore} to call webhooks.
    @param local: finds the kinds that the server itself keeps, for parameters of policies.
    @ivar namespaces: the plug-in that stands first.
    @ivar plugins: the others, in order (contract 16.1).
    @ivar steps: measures all of them together.
    """

    def __init__(
        self,
        config: ServerConfig,
        cluster: ICluster,
        authorizer: IAuthorizer,
        resolve: Resolve,
        kinds: Callable[[], KindRegistry],
        reactor: Any,
        local: LocalKinds = nothing_local,
    ) -> None:
        self._kinds = kinds
        self._metrics = AdmissionMetrics()
        self.steps = Steps(self._metrics, reactor)
        self._informer = cluster.informer(NAMESPACES)
        phases = ClusterNamespaces(cluster, self._informer, reactor)
        self.namespaces: IAdmissionPlugin = NamespaceLifecycle(phases.phase_of, phases.doubt)
        found = FoundNamespaces(cluster, self._informer)
        around = Surroundings(found.of, authorizer, partial(deferLater, reactor, 0))
        caller = WebhookCaller(reactor, resolve)
        self._webhooks = FollowedWebhooks(cluster, caller, around, reactor, self._metrics)
        judging = Around.of(found.of, authorizer, reactor, self._metrics)
        self._mutating = MutatingAdmissionPolicies(cluster, judging, merge_schemas(kinds), reactor, local)
        self._validating = ValidatingAdmissionPolicies(cluster, judging, reactor, local)
        plugins: list[tuple[str, str, IAdmissionPlugin]] = [
            ("MutatingAdmissionPolicy", ADMIT, self._mutating),
            (MUTATING_WEBHOOKS, ADMIT, self._webhooks.mutating),
            ("ValidatingAdmissionPolicy", VALIDATE, self._validating),
            (VALIDATING_WEBHOOKS, VALIDATE, self._webhooks.validating),
        ]
        if OWNER_REFERENCES in config.enable_admission_plugins:
            mapper = ClusterMapper(cluster, reactor, self._mapped)
            plugins.insert(0, (OWNER_REFERENCES, VALIDATE, OwnerReferences(authorizer, mapper.find)))
        self.plugins: tuple[IAdmissionPlugin, ...] = tuple(
            Timed(plugin, name, step, self._metrics, reactor) for name, step, plugin in plugins
        )

    def _mapped(self, api_version: str, kind: str) -> MappedResource | None:
        for known in self._kinds():
            if known.kind == kind and known.api_version == api_version:
                return MappedResource(known.plural, known.namespaced)
        return None

    @property
    def metrics(self) -> AdmissionMetrics:
        """
        What the plug-ins count, for C{prometheus_client}.
        """
        return self._metrics

    @property
    def knows_namespaces(self) -> bool:
        """
        Whether the cluster has told which namespaces there are.
        """
        return self._informer.synced

    @property
    def knows_judges(self) -> bool:
        """
        Whether the cluster has told what is to be asked about writes.
        """
        return self._webhooks.synced and self._mutating.synced and self._validating.synced

    def start(self) -> None:
        """
        Begin to follow the cluster.
        """
        for follower in (self._informer, self._webhooks, self._mutating, self._validating):
            follower.start()

    def stop(self) -> None:
        """
        Follow it no more.
        """
        for follower in (self._informer, self._webhooks, self._mutating, self._validating):
            follower.stop()
