"""
Webhooks that judge what is written.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/validating}; contract 16.4 and 16.7.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from zope.interface import implementer

from ark.admission.attributes import Attributes, Subject
from ark.admission.metrics import VALIDATING, AdmissionMetrics
from ark.admission.webhooks.caller import Asking, WebhookCaller
from ark.admission.webhooks.configurations import Configurations
from ark.admission.webhooks.hook import Hook, Surroundings
from ark.admission.webhooks.review import Request
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission

NAME = "ValidatingAdmissionWebhook"
_FAILED_OPEN = "failed-open.validating.webhook.admission.k8s.io/"


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class ValidatingWebhooks:
    """
    @param configurations: of C{validatingwebhookconfigurations}.
    """

    reads_managed_fields = True

    def __init__(
        self,
        configurations: Configurations,
        caller: WebhookCaller,
        surroundings: Surroundings,
        metrics: AdmissionMetrics | None = None,
    ) -> None:
        self._configurations = configurations
        self._asking = Asking(caller, VALIDATING, surroundings, metrics or AdmissionMetrics())
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

    async def admit(self, attributes: Attributes) -> None:
        """
        Others do that.
        """

    async def validate(self, attributes: Attributes) -> None:
        """
        Ask the webhooks all at once, and wait for all.

        Of those that refuse, the answer of the one that was the quickest counts.
        """
        hooks = await self._configurations.concerned(attributes)
        if not hooks:
            return
        asked = [hook for _, hook in hooks if await self._asking.wanted(hook, attributes)]
        request = Request(attributes)
        if len(asked) == 1:
            await self._judged(asked[0], 0, attributes, request)
        elif asked:
            await self._together(asked, attributes, request)

    async def _together(self, hooks: list[Hook], attributes: Attributes, request: Request) -> None:
        refusals: list[Exception] = []

        async def judge(place: int, hook: Hook) -> None:
            try:
                await self._judged(hook, place, attributes, request)
            except CancelledError:
                raise
            except Exception as error:
                refusals.append(error)

        waiting = [Deferred.fromCoroutine(judge(place, hook)) for place, hook in enumerate(hooks)]
        await DeferredList(waiting, consumeErrors=True)
        if refusals:
            raise refusals[0]

    async def _judged(self, hook: Hook, place: int, attributes: Attributes, request: Request) -> None:
        if not await self._asking.attempt(hook, attributes, self._ask(hook, attributes, request)):
            attributes.annotate(f"{_FAILED_OPEN}round_0_index_{place}", hook.name)

    async def _ask(self, hook: Hook, attributes: Attributes, request: Request) -> None:
        await self._asking.ask(hook, attributes, request)
