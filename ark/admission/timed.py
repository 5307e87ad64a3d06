"""
Plug-ins whose time is measured.

Follows C{WithControllerMetrics} and C{WithStepMetrics} in C{k8s.io/apiserver/pkg/admission/metrics}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ark.admission.attributes import Attributes, Subject
from ark.admission.metrics import ADMIT, VALIDATE, AdmissionMetrics
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.status import APIStatus


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class Timed:
    """
    Does what another plug-in does, in the one step in which that does something.

    @param name: Kubernetes' name of the plug-in.
    @param step: C{admit} or C{validate}.
    """

    def __init__(
        self, plugin: IAdmissionPlugin, name: str, step: str, metrics: AdmissionMetrics, reactor: IReactorTime
    ) -> None:
        self._plugin = plugin
        self._name = name
        self._step = step
        self._metrics = metrics
        self._reactor = reactor

    @property
    def reads_managed_fields(self) -> bool:
        """
        See L{IAdmissionPlugin}.
        """
        return bool(self._plugin.reads_managed_fields)

    def handles(self, operation: str) -> bool:
        """
        See L{IAdmissionPlugin.handles}.
        """
        return bool(self._plugin.handles(operation))

    def concerns(self, subject: Subject) -> bool:
        """
        See L{ISelectiveAdmission.concerns}; a plug-in that does not select is concerned with all.
        """
        plugin = self._plugin
        return not ISelectiveAdmission.providedBy(plugin) or bool(plugin.concerns(subject))

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        See L{ISelectiveAdmission.subscribe}.
        """
        if ISelectiveAdmission.providedBy(self._plugin):
            self._plugin.subscribe(changed)

    async def admit(self, attributes: Attributes) -> None:
        """
        See L{IAdmissionPlugin.admit}.
        """
        if self._step == ADMIT:
            await self._measured(attributes, self._plugin.admit(attributes))

    async def validate(self, attributes: Attributes) -> None:
        """
        See L{IAdmissionPlugin.validate}.
        """
        if self._step == VALIDATE:
            await self._measured(attributes, self._plugin.validate(attributes))

    async def _measured(self, attributes: Attributes, work: Awaitable[None]) -> None:
        def observe(rejected: bool, seconds: float) -> None:
            self._metrics.plugin(self._name, self._step, attributes.operation, rejected, seconds)

        await _measured(self._reactor, work, observe)


class Steps:
    """
    Measures what all plug-ins together take (C{WithStepMetrics}).
    """

    def __init__(self, metrics: AdmissionMetrics, reactor: IReactorTime) -> None:
        self._metrics = metrics
        self._reactor = reactor

    async def measured(self, step: str, operation: str, work: Awaitable[None]) -> None:
        """
        Wait for C{work}.

        @param step: C{admit} or C{validate}.
        """

        def observe(rejected: bool, seconds: float) -> None:
            self._metrics.step(step, operation, rejected, seconds)

        await _measured(self._reactor, work, observe)


async def _measured(
    reactor: IReactorTime, work: Awaitable[None], observe: Callable[[bool, float], None]
) -> None:
    started = reactor.seconds()
    rejected = False
    try:
        await work
    except APIStatus:
        rejected = True
        raise
    finally:
        observe(rejected, reactor.seconds() - started)
