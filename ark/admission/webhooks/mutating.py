"""
Webhooks that change what is written.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/mutating}; contract 16.4, 16.5, 16.7 and 16.10.
"""

from __future__ import annotations

from typing import Any

import orjson
from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.admission.metrics import ADMIT
from ark.admission.versions import ChangingVersions
from ark.admission.webhooks.caller import Asking, converted
from ark.admission.webhooks.failures import CallingFailed
from ark.admission.webhooks.hook import Hook
from ark.admission.webhooks.plugin import WebhookPlugin
from ark.admission.webhooks.review import Request, Response, operations_of, patched_object
from ark.apply.jsonpatch import InvalidPatch, PatchFailed, TooManyOperations, apply_json_patch, check_shape
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.gotext import quote
from ark.meta.status import APIStatus, internal_error

NAME = "MutatingAdmissionWebhook"
_MUTATION = "mutation.webhook.admission.k8s.io/"
_PATCH = "patch.webhook.admission.k8s.io/"
_FAILED_OPEN = f"failed-open.{_MUTATION}"


class _Rounds:
    """
    Which webhooks are asked in the second round (C{webhookReinvokeContext}).
    """

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._again: set[str] = set()
        self._left = b""

    def require(self) -> None:
        """
        The object changed: those that were asked before and want that are asked again.
        """
        self._again |= self._asked
        self._asked.clear()

    def asked(self, hook: Hook) -> None:
        """
        A webhook has seen the object as it is.
        """
        if hook.reinvocable:
            self._asked.add(hook.uid)

    def asks(self, hook: Hook) -> bool:
        """
        Whether the second round is for this webhook.
        """
        return hook.uid in self._again

    def begin(self, attributes: Attributes) -> None:
        """
        See whether other plug-ins changed the object since the first round.
        """
        if attributes.reinvoking and self._asked and _text(attributes) != self._left:
            self.require()

    def end(self, attributes: Attributes) -> None:
        """
        Remember how the object was left.
        """
        if self._asked:
            self._left = _text(attributes)


def _text(attributes: Attributes) -> bytes:
    return orjson.dumps(attributes.object, option=orjson.OPT_SORT_KEYS)


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class MutatingWebhooks(WebhookPlugin):
    """
    Those of C{mutatingwebhookconfigurations}.
    """

    step = ADMIT

    async def admit(self, attributes: Attributes) -> None:
        """
        Ask the webhooks one after the other.
        """
        hooks = await self._configurations.concerned(attributes)
        if not hooks:
            return
        rounds: _Rounds = attributes.memory.setdefault(NAME, _Rounds())
        rounds.begin(attributes)
        versions = _Versions(attributes)
        changing = _Changing(versions, rounds, self._asking)
        for place, hook in hooks:
            version = await self._asking.version_wanted(hook, versions)
            # A webhook is not asked for the first time in the second round.
            if version is not None and (not attributes.reinvoking or rounds.asks(hook)):
                await converted(versions, version)
                await changing.by(hook, place)
        await versions.take()
        rounds.end(attributes)
        if changing.changed and attributes.object is not None:
            attributes.settle(attributes.object)

    async def validate(self, attributes: Attributes) -> None:
        """
        Others do that.
        """


class _Versions(ChangingVersions):
    """
    Has kube-apiserver's words for what cannot be converted, which it says twice.
    """

    async def of(self, version: str) -> Attributes:
        try:
            return await super().of(version)
        except APIStatus as status:
            raise internal_error(status.message) from status


class _Changing:
    """
    An object on its way through the webhooks of one round.

    @ivar changed: whether a webhook sent a patch.
    """

    def __init__(self, versions: ChangingVersions, rounds: _Rounds, asking: Asking) -> None:
        self._versions = versions
        self._rounds = rounds
        self._asking = asking
        self._request = Request(versions.asked)
        self._mutated = False
        self.changed = False

    async def by(self, hook: Hook, place: int) -> None:
        """
        Ask a webhook about the object as it sees it, and do what it says.

        @raise APIStatus: the write fails.
        """
        attributes = self._versions.asked
        where = f"round_{int(attributes.reinvoking)}_index_{place}"
        self._mutated = False
        try:
            done = await self._asking.attempt(hook, attributes, self._change(hook, where))
        finally:
            attributes.annotate(_MUTATION + where, _annotation(hook, mutated=self._mutated))
        if not done:
            attributes.annotate(_FAILED_OPEN + where, hook.name)
        if self._mutated:
            self._rounds.require()
            attributes.reinvoke = True
        self._rounds.asked(hook)

    async def _change(self, hook: Hook, where: str) -> None:
        attributes = self._versions.seen
        if self._request.attributes is not attributes:
            self._request = Request(attributes)
        response = await self._asking.ask(hook, attributes, self._request)
        operations = _operations(hook, response)
        if not operations:
            return
        obj = _patched(hook, attributes.object, response, operations)
        self._mutated = obj != attributes.object
        # Go writes the members of an operation in the order of their names.
        told = [dict(sorted(operation.items())) for operation in operations]
        annotation = _annotation(hook, patch=told, patchType=response.patch_type)
        attributes.annotate(_PATCH + where, annotation, with_request=True)
        attributes.default(obj)
        attributes.object = obj
        self._versions.changed()
        self.changed = True
        self._request = Request(attributes)


def _operations(hook: Hook, response: Response) -> Any:
    if not response.patch:
        return None
    try:
        operations = operations_of(response.patch)
        if operations is not None:
            check_shape(operations)
    except (InvalidPatch, ValueError) as error:
        why = f"received undecodable patch in webhook response: {error}"
        raise CallingFailed(hook.name, why) from error
    return operations


def _patched(hook: Hook, obj: dict[str, Any] | None, response: Response, operations: Any) -> dict[str, Any]:
    if obj is None:
        raise internal_error(
            f"admission webhook {quote(hook.name)} attempted to modify the object, "
            "which is not supported for this operation"
        )
    if response.patch_type != "JSONPatch":
        raise CallingFailed(hook.name, f"unsupported patch type {quote(response.patch_type)}", 400)
    try:
        return patched_object(apply_json_patch(obj, operations))
    except (InvalidPatch, TooManyOperations, PatchFailed, ValueError) as error:
        raise internal_error(str(error)) from error


def _annotation(hook: Hook, **members: Any) -> str:
    told = {"configuration": hook.configuration, "webhook": hook.name, **members}
    return orjson.dumps(told).decode()
