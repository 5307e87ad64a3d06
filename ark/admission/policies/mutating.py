"""
The admission plug-in that has MutatingAdmissionPolicies change writes.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/mutating} (C{dispatcher.go},
C{reinvocationcontext.go}) and C{policy/generic/policy_dispatcher.go}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from zope.interface import implementer

from ark.admission.answering import Answering
from ark.admission.attributes import DELETE, Attributes
from ark.admission.expressions import Given
from ark.admission.matchconditions import ConditionsFailed
from ark.admission.policies.matching import MatchError
from ark.admission.policies.params import LocalKinds, ParamFault, nothing_local
from ark.admission.policies.patching import MutatingPolicy, Mutation, MutationFailed
from ark.admission.policies.plugin import Around, PolicyPlugin
from ark.admission.policies.reinvocation import Invocation, Reinvocation
from ark.admission.policies.source import Binding, Hook
from ark.admission.refusals import forbidden
from ark.admission.versions import ChangingVersions
from ark.apply.typedschema import TypedSchema
from ark.interfaces import IAdmissionPlugin, ICluster, ISelectiveAdmission
from ark.meta.gotext import quote
from ark.meta.status import APIStatus, Cause, internal_error, service_unavailable

Object = dict[str, Any]
Hooks = Sequence[Hook[MutatingPolicy]]

Schemas = Callable[[Attributes], "TypedSchema | None"]
"""
Finds what the schema of the object of a write says about merging.
"""


class _Failure(NamedTuple):
    message: str
    reason: str


class _Mutating:
    """
    One write before the policies.
    """

    def __init__(self, attributes: Attributes, around: Around, schemas: Schemas) -> None:
        self._attributes = attributes
        self._around = around
        self._answering = Answering(around.authorizer)
        self._schemas = schemas
        self._failures: list[_Failure] = []
        self._versions = ChangingVersions(attributes)
        self._dirty = False

    async def mutate(self, hooks: Iterable[Hook[MutatingPolicy]]) -> None:
        """
        @raise APIStatus: a policy failed that may not.
        """
        invocations = [each for hook in hooks for each in await self._invocations(hook)]
        if invocations:
            await self._dispatch(invocations)
        if self._failures:
            raise self._refusal()

    async def _invocations(self, hook: Hook[MutatingPolicy]) -> list[Invocation]:
        attributes = self._attributes
        try:
            version = await hook.resources.version_met(attributes, self._around.namespace_of)
            if version is None:
                return []
            await hook.ready()
        except (*MatchError, ParamFault) as error:
            self._fail(hook, None, f"failed to configure policy: {error}", "")
            return []
        found: list[Invocation] = []
        for binding in hook.bindings:
            try:
                if await binding.resources.version_met(attributes, self._around.namespace_of) is None:
                    continue
                if await self._can_be_shown(hook, version):
                    params = await hook.params(binding, attributes)
                    found += [Invocation(hook, binding, param, version) for param in params]
            except (*MatchError, ParamFault) as error:
                self._fail(hook, binding, f"failed to configure binding: {error}", "")
        return found

    async def _can_be_shown(self, hook: Hook[MutatingPolicy], version: str) -> bool:
        try:
            await self._versions.of(version)
        except APIStatus as status:
            self._fail(hook, None, f"failed to configure policy: {status.message}", "")
            return False
        return True

    async def _dispatch(self, invocations: Sequence[Invocation]) -> None:
        attributes = self._attributes
        memory = Reinvocation.of(attributes)
        if attributes.reinvoking and memory.differs(attributes.object):
            memory.ask_again()
        namespace = await self._around.namespace(attributes)
        for invocation in invocations:
            await self._invoke(invocation, namespace, memory)
        await self._versions.take()
        if self._dirty and attributes.object is not None:
            memory.ask_again()
            attributes.reinvoke = True
            attributes.settle(attributes.object)
        memory.leave(attributes.object)

    async def _invoke(self, invocation: Invocation, namespace: Object | None, memory: Reinvocation) -> None:
        attributes, policy = self._attributes, invocation.hook.compiled
        seen = await self._shown(invocation.version)
        given = Given(seen, self._answering.answers, namespace, invocation.param, self._around.turn)
        try:
            if not await self._answering.run(lambda: policy.met(given)):
                return
        except ConditionsFailed as error:
            self._fail(invocation.hook, invocation.binding, str(error), "Invalid")
            return
        if attributes.reinvoking and not memory.is_again(invocation.key):
            return
        before = seen.object
        for mutation in policy.mutations if before is not None else ():
            try:
                await self._counted(invocation, self._apply(policy, mutation, given))
            except MutationFailed as error:
                self._fail(invocation.hook, invocation.binding, str(error), "Invalid")
        if seen.object is not before and seen.object != before:
            memory.ask_again()
            attributes.reinvoke = True
        if policy.reinvoked:
            memory.saw(invocation.key)

    async def _counted(self, invocation: Invocation, work: Awaitable[None]) -> None:
        around, told = self._around, ""
        started = around.now()
        try:
            await work
        except (MutationFailed, APIStatus) as error:
            told = error.message if isinstance(error, APIStatus) else str(error)
            raise
        finally:
            bound = invocation.hook.name, invocation.binding.name
            around.metrics.mutated(bound, told, around.now() - started)

    async def _shown(self, version: str) -> Attributes:
        """
        The write as the policies before have left it.
        """
        try:
            return await self._versions.of(version)
        except APIStatus as status:
            raise internal_error(status.message) from status

    async def _apply(self, policy: MutatingPolicy, mutation: Mutation, given: Given) -> None:
        """
        @raise MutationFailed: it cannot be done.
        """
        attributes = given.attributes
        obj = attributes.object
        assert obj is not None
        schema = self._schemas(attributes)
        if schema is None:
            raise service_unavailable(
                f"Resource kind {attributes.gvk.group}/{attributes.gvk.version}, Kind={attributes.gvk.kind} not "
                "found. There can be a delay between when CustomResourceDefinitions are created and when they "
                "are available.",
                0,
            )
        value = await self._answering.run(lambda: policy.evaluate(mutation, given))
        made = _own(mutation.apply(obj, value, schema))
        attributes.default(made)
        attributes.object = made
        self._versions.changed()
        self._dirty = True

    def _fail(self, hook: Hook[Any], binding: Binding | None, message: str, reason: str) -> None:
        if hook.ignores:
            return
        named = f"'{hook.name}' with binding '{binding.name}'" if binding is not None else quote(hook.name)
        self._failures.append(_Failure(f"policy {named} denied request: {message}", reason))

    def _refusal(self) -> APIStatus:
        causes = tuple(Cause("", failure.message, "") for failure in self._failures)
        status = forbidden(self._attributes, "", causes)
        status.message = self._failures[0].message
        status.reason = self._failures[0].reason or status.reason
        return status


def _own(obj: Object) -> Object:
    """
    A copy of which every part may be changed.
    """
    made: Object = orjson.loads(orjson.dumps(obj))
    return made


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class MutatingAdmissionPolicies(PolicyPlugin[MutatingPolicy]):
    """
    Those of C{mutatingadmissionpolicies}.
    """

    plural = "mutatingadmissionpolicies"
    compiler = MutatingPolicy

    def __init__(
        self,
        cluster: ICluster,
        around: Around,
        schemas: Schemas,
        reactor: Any,
        local: LocalKinds = nothing_local,
    ) -> None:
        """
        @param schemas: finds the schemas of objects.
        """
        super().__init__(cluster, around, reactor, local)
        self._schemas = schemas

    def handles(self, operation: str) -> bool:
        """
        All that have an object.
        """
        return operation != DELETE

    async def admit(self, attributes: Attributes) -> None:
        """
        Have the policies change the object.
        """
        hooks: Hooks = await self._source.concerned(attributes)
        if hooks:
            await _Mutating(attributes, self._around, self._schemas).mutate(hooks)

    async def validate(self, attributes: Attributes) -> None:
        """
        There is nothing left to do.
        """
