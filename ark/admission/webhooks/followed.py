"""
The webhooks that a cluster configures, put together.
"""

from __future__ import annotations

from typing import Any

from ark.admission.metrics import AdmissionMetrics
from ark.admission.webhooks.caller import WebhookCaller
from ark.admission.webhooks.configurations import MUTATING, VALIDATING, Configurations
from ark.admission.webhooks.hook import Surroundings
from ark.admission.webhooks.mutating import MutatingWebhooks
from ark.admission.webhooks.validating import ValidatingWebhooks
from ark.interfaces import ICluster


class FollowedWebhooks:
    """
    @param caller: makes the connections.
    @param reactor: C{IReactorTime}.
    @ivar mutating: the plug-in that changes what is written.
    @ivar validating: the plug-in that judges it.
    """

    def __init__(
        self,
        cluster: ICluster,
        caller: WebhookCaller,
        surroundings: Surroundings,
        reactor: Any,
        metrics: AdmissionMetrics | None = None,
    ) -> None:
        self._informers = tuple(cluster.informer(path) for path in (MUTATING, VALIDATING))
        mutating, validating = (Configurations(informer, reactor) for informer in self._informers)
        self.mutating = MutatingWebhooks(mutating, caller, surroundings, metrics)
        self.validating = ValidatingWebhooks(validating, caller, surroundings, metrics)

    @property
    def synced(self) -> bool:
        """
        Whether all webhooks are known.
        """
        return all(informer.synced for informer in self._informers)

    def start(self) -> None:
        """
        Begin to follow the configurations.
        """
        for informer in self._informers:
            informer.start()

    def stop(self) -> None:
        """
        Follow them no more.
        """
        for informer in self._informers:
            informer.stop()
