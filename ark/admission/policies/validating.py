"""
The admission plug-in that holds writes against ValidatingAdmissionPolicies.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go}; contract 16.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from zope.interface import implementer

from ark.admission.answering import Answering
from ark.admission.attributes import Attributes
from ark.admission.expressions import Given
from ark.admission.policies.judging import INVALID, Annotation, Decision, Judgement, ValidatingPolicy
from ark.admission.policies.matching import MatchError
from ark.admission.policies.params import ParamFault
from ark.admission.policies.plugin import Around, PolicyPlugin
from ark.admission.policies.source import Binding, Hook
from ark.admission.refusals import forbidden
from ark.admission.versions import Versions
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.status import APIStatus, Cause

Object = dict[str, Any]

_FAILURE_KEY = "validation.policy.admission.k8s.io/validation_failure"
_LONGEST_ANNOTATION = 10 * 1024
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}


class _Denial(NamedTuple):
    message: str
    reason: str


class _Judging:
    """
    One write before the policies.
    """

    def __init__(self, attributes: Attributes, around: Around) -> None:
        self._attributes = attributes
        self._around = around
        self._versions = Versions(attributes)
        self._answering = Answering(around.authorizer)
        self._denials: list[_Denial] = []

    async def judge(self, hooks: Iterable[Hook[ValidatingPolicy]]) -> None:
        """
        @raise APIStatus: a policy is against the write, or cannot be held against it.
        """
        for hook in hooks:
            try:
                version = await hook.resources.version_met(self._attributes, self._around.namespace_of)
                if version is None:
                    continue
                await hook.ready()
            except (*MatchError, ParamFault) as error:
                self._misconfigured(hook, None, error)
                continue
            told: dict[str, list[str]] = {}
            for binding in hook.bindings:
                await self._bound(hook, binding, version, told)
            for key, values in told.items():
                self._attributes.annotate(f"{hook.name}/{key}", ", ".join(values))
        if self._denials:
            raise self._refusal(self._denials[0])

    async def _bound(
        self, hook: Hook[ValidatingPolicy], binding: Binding, version: str, told: dict[str, list[str]]
    ) -> None:
        attributes = self._attributes
        try:
            if await binding.resources.version_met(attributes, self._around.namespace_of) is None:
                return
            params = await hook.params(binding, attributes)
            if params:
                attributes = await self._converted(version)
        except (*MatchError, ParamFault) as error:
            self._misconfigured(hook, binding, error)
            return
        around = self._around
        namespace = await around.namespace(self._attributes)
        for param in params:
            given = Given(attributes, self._answering.answers, namespace, param, around.turn, around.now)
            judgement = await self._judged(hook, given)
            for index, decision in enumerate(judgement.decisions):
                if decision.denied:
                    self._denied(hook, binding, index, decision)
                elif decision.failed:
                    self._checked(hook, binding, decision, "allow")
            for annotation in judgement.annotations:
                self._annotated(hook, binding, annotation, told)

    async def _converted(self, version: str) -> Attributes:
        try:
            return await self._versions.of(version)
        except APIStatus as status:
            raise ParamFault(f"failed to convert object version: {status.message}") from status

    async def _judged(self, hook: Hook[ValidatingPolicy], given: Given) -> Judgement:
        policy = hook.compiled
        return await self._answering.run(lambda: policy.judge(given))

    def _misconfigured(self, hook: Hook[Any], binding: Binding | None, error: Exception) -> None:
        if hook.ignores:
            return
        what = "policy" if binding is None else "binding"
        self._deny(hook, binding, f"failed to configure {what}: {error}", INVALID)

    def _denied(self, hook: Hook[Any], binding: Binding, index: int, decision: Decision) -> None:
        """
        Do what the binding says is to be done then.
        """
        for action in binding.source.get("validationActions") or ():
            self._checked(hook, binding, decision, action.lower())
            if action == "Deny":
                self._deny(hook, binding, decision.message, decision.reason)
            elif action == "Audit":
                self._attributes.annotate(_FAILURE_KEY, _failure(binding, index, decision))
            elif action == "Warn":
                self._attributes.warnings.append(
                    f"Validation failed for ValidatingAdmissionPolicy '{hook.name}' "
                    f"with binding '{binding.name}': {decision.message}"
                )

    def _checked(self, hook: Hook[Any], binding: Binding, decision: Decision, action: str) -> None:
        self._around.metrics.checked((hook.name, binding.name), decision.message, action, decision.seconds)

    def _annotated(
        self, hook: Hook[Any], binding: Binding, annotation: Annotation, told: dict[str, list[str]]
    ) -> None:
        if annotation.error:
            self._deny(hook, binding, annotation.error, INVALID)
            bound = hook.name, binding.name
            self._around.metrics.checked(bound, annotation.error, "deny", annotation.seconds)
            return
        value = annotation.value.encode()[:_LONGEST_ANNOTATION].decode(errors="ignore")
        values = told.setdefault(annotation.key, [])
        if value not in values:
            values.append(value)

    def _deny(self, hook: Hook[Any], binding: Binding | None, message: str, reason: str) -> None:
        bound = f" with binding '{binding.name}'" if binding is not None else ""
        told = f"ValidatingAdmissionPolicy '{hook.name}'{bound} denied request: {message}"
        self._denials.append(_Denial(told, reason))

    def _refusal(self, denial: _Denial) -> APIStatus:
        status = forbidden(self._attributes, denial.message, (Cause("", denial.message, ""),))
        status.reason = denial.reason
        status.code = _CODES.get(denial.reason, 422)
        return status


def _failure(binding: Binding, index: int, decision: Decision) -> str:
    """
    What the audit log is told of a validation that does not hold.
    """
    told = {
        "message": decision.message,
        "policy": binding.source.get("policyName"),
        "binding": binding.name,
        "expressionIndex": index,
        "validationActions": binding.source.get("validationActions"),
    }
    text = orjson.dumps([told]).decode()
    # Go writes these so that the text may stand in HTML.
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class ValidatingAdmissionPolicies(PolicyPlugin[ValidatingPolicy]):
    """
    Those of C{validatingadmissionpolicies}.
    """

    plural = "validatingadmissionpolicies"
    compiler = ValidatingPolicy

    def handles(self, operation: str) -> bool:
        """
        All of them.
        """
        return True

    async def admit(self, attributes: Attributes) -> None:
        """
        Nothing is changed.
        """

    async def validate(self, attributes: Attributes) -> None:
        """
        Hold the write against the policies.
        """
        hooks: Sequence[Hook[ValidatingPolicy]] = await self._source.concerned(attributes)
        if hooks:
            await _Judging(attributes, self._around).judge(hooks)
