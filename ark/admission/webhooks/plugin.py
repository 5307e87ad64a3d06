"""
What the two plug-ins that ask webhooks have in common.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.admission.attributes import Subject
from ark.admission.metrics import AdmissionMetrics
from ark.admission.webhooks.caller import Asking, WebhookCaller
from ark.admission.webhooks.configurations import Configurations
from ark.admission.webhooks.hook import Surroundings


class WebhookPlugin:
    """
    Follows webhooks of one sort; subclasses are L{ark.interfaces.IAdmissionPlugin} and
    L{ark.interfaces.ISelectiveAdmission}.

    @cvar step: see L{Asking}.
    """

    reads_managed_fields = True
    step: str

    def __init__(
        self,
        configurations: Configurations,
        caller: WebhookCaller,
        surroundings: Surroundings,
        metrics: AdmissionMetrics | None = None,
    ) -> None:
        """
        @param configurations: of that sort.
        """
        self._configurations = configurations
        self._asking = Asking(caller, self.step, surroundings, metrics or AdmissionMetrics())
        configurations.subscribe(lambda: caller.keep(self, configurations.hooks))

    def handles(self, operation: str) -> bool:
        """
        All of them.
        """
        return True

    def concerns(self, subject: Subject) -> bool:
        """
        Whether there is a webhook for it.
        """
        return self._configurations.concerns(subject)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        C{changed} is called when configurations change.
        """
        self._configurations.subscribe(changed)
