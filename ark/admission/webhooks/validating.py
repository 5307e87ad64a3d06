"""
Webhooks that judge what is written.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/validating}; contract 16.4, 16.7 and 16.10.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.admission.metrics import VALIDATING
from ark.admission.versions import Versions
from ark.admission.webhooks.caller import converted
from ark.admission.webhooks.hook import Hook
from ark.admission.webhooks.plugin import WebhookPlugin
from ark.admission.webhooks.review import Request
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission

NAME = "ValidatingAdmissionWebhook"
_FAILED_OPEN = "failed-open.validating.webhook.admission.k8s.io/"


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class ValidatingWebhooks(WebhookPlugin):
    """
    Those of C{validatingwebhookconfigurations}.
    """

    step = VALIDATING

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
        versions = Versions(attributes)
        requests: dict[str, Request] = {}
        asked: list[tuple[Hook, Request]] = []
        for _, hook in hooks:
            version = await self._asking.version_wanted(hook, versions)
            if version is not None:
                if version not in requests:
                    requests[version] = Request(await converted(versions, version))
                asked.append((hook, requests[version]))
        if len(asked) == 1:
            await self._judged(*asked[0], 0, attributes)
        elif asked:
            await self._together(asked, attributes)

    async def _together(self, asked: list[tuple[Hook, Request]], attributes: Attributes) -> None:
        refusals: list[Exception] = []

        async def judge(place: int, hook: Hook, request: Request) -> None:
            try:
                await self._judged(hook, request, place, attributes)
            except CancelledError:
                raise
            except Exception as error:
                refusals.append(error)

        waiting = [Deferred.fromCoroutine(judge(place, *each)) for place, each in enumerate(asked)]
        ended: list[tuple[bool, Any]] = await DeferredList(waiting, consumeErrors=True)
        for is_judged, outcome in ended:
            if not is_judged:
                # A list that is cancelled does not fail, though what is in it does.
                outcome.raiseException()
        if refusals:
            raise refusals[0]

    async def _judged(self, hook: Hook, request: Request, place: int, attributes: Attributes) -> None:
        if not await self._asking.attempt(hook, attributes, self._ask(hook, attributes, request)):
            attributes.annotate(f"{_FAILED_OPEN}round_0_index_{place}", hook.name)

    async def _ask(self, hook: Hook, attributes: Attributes, request: Request) -> None:
        await self._asking.ask(hook, attributes, request)
