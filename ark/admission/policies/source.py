"""
The policies of a cluster with their bindings, followed and compiled.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_source.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from ark.admission.attributes import Attributes, Subject
from ark.admission.policies.looks import reads_managed_fields
from ark.admission.policies.matching import MatchResources
from ark.admission.policies.params import ParamFault, ParamKind, ParamKinds, stopped
from ark.admission.refusals import forbidden
from ark.admission.rules import is_exempt
from ark.cluster.errors import Unreachable
from ark.cluster.waiting import Waiting
from ark.interfaces import ICluster, IInformer
from ark.meta.known import Known
from ark.meta.status import APIStatus

Object = dict[str, Any]
P = TypeVar("P")

GROUP = "/apis/admissionregistration.k8s.io"
READY_SECONDS = 10.0
_MOST_REMEMBERED = 1024
_VERSIONS = ("v1", "v1beta1", "v1alpha1")
_RETRY_SECONDS, _MISSING_SECONDS = 1.0, 30.0


class Binding(NamedTuple):
    """
    A binding of a policy.

    @ivar source: its C{spec}.
    """

    name: str
    source: Mapping[str, Any]
    resources: MatchResources


@frozen
class Hook(Generic[P]):
    """
    A policy that has bindings.

    @ivar source: its C{spec}.
    @ivar fault: why it became nothing; empty if it became something.
    @ivar param_kind: the kind of its parameters, if it has any.
    """

    name: str
    source: Mapping[str, Any]
    _compiled: P | None
    fault: str
    resources: MatchResources
    bindings: tuple[Binding, ...]
    param_kind: ParamKind | None

    @property
    def ignores(self) -> bool:
        """
        Whether what fails is as if it had not been there.
        """
        return self.source.get("failurePolicy") == "Ignore"

    def concerns(self, subject: Subject) -> bool:
        """
        Whether it can be about writes of that sort.
        """
        return self.resources.concerns(subject) and any(
            binding.resources.concerns(subject) for binding in self.bindings
        )

    @property
    def compiled(self) -> P:
        """
        What it became.
        """
        assert self._compiled is not None, self.fault
        return self._compiled

    async def ready(self) -> None:
        """
        Return when it can be held against writes.

        @raise ParamFault: it cannot.
        """
        if self.fault:
            raise ParamFault(self.fault)
        if self.param_kind is not None:
            await self.param_kind.found()

    async def params(self, binding: Binding, attributes: Attributes) -> Sequence[Object | None]:
        """
        What the policy is to be held against a write with: each parameter in turn, or nothing once.

        @raise ParamFault: the parameters are not to be had.
        """
        ref = binding.source.get("paramRef")
        if self.param_kind is None or ref is None:
            return (None,)
        return await self.param_kind.collect(ref, attributes.namespace)


class _Compiled(NamedTuple):
    version: tuple[Any, ...]
    compiled: Any
    fault: str
    resources: MatchResources


class PolicySource(Generic[P]):
    """
    @param plural: C{validatingadmissionpolicies} or C{mutatingadmissionpolicies}.
    @param compiler: what makes something of a policy's C{spec}.
    @param params: the kinds of its parameters; nobody else may have it.
    @param reactor: C{IReactorTime}.
    @ivar hooks: the policies that have bindings, by name; empty before L{synced}.
    @ivar reads_managed_fields: whether any of them looks at who owns which field.
    """

    _log = Logger()

    def __init__(
        self,
        cluster: ICluster,
        plural: str,
        compiler: Callable[[Mapping[str, Any]], P],
        params: ParamKinds,
        reactor: Any,
    ) -> None:
        self._cluster = cluster
        self._plural = plural
        self._compiler = compiler
        self._params = params
        self._reactor = reactor
        self._known: dict[str, _Compiled] = {}
        self._informers: tuple[IInformer, ...] = ()
        self._listeners: list[Callable[[], None]] = []
        self._waiting: Waiting[None] = Waiting()
        self._running: Deferred[None] | None = None
        self._concerned: Known[Subject, Sequence[Hook[P]]] = Known(_MOST_REMEMBERED)
        self.hooks: tuple[Hook[P], ...] = ()
        self.synced = False
        self.reads_managed_fields = False

    def start(self) -> None:
        """
        Begin to follow them.
        """
        self._running = Deferred.fromCoroutine(self._follow())
        self._running.addErrback(stopped)

    def stop(self) -> None:
        """
        Follow them no more.
        """
        if self._running is not None:
            self._running.cancel()
        for informer in self._informers:
            informer.stop()
        self._params.keep(())

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        Have C{changed} called after every change of L{hooks}, and when they are first known.
        """
        self._listeners.append(changed)

    def concerns(self, subject: Subject) -> bool:
        """
        Whether any policy can be about writes of that sort, as far as that is known.
        """
        if is_exempt(subject):
            return False
        return not self.synced or any(hook.concerns(subject) for hook in self.hooks)

    async def concerned(self, attributes: Attributes) -> Sequence[Hook[P]]:
        """
        The policies that can be about a write.

        @raise APIStatus: 403, what policies there are is not known in time.
        """
        subject = attributes.subject
        if is_exempt(subject):
            return ()
        if not self.synced:
            await self._ready(attributes)
        found = self._concerned.get(subject)
        if found is None:
            found = self._concerned.keep(subject, [hook for hook in self.hooks if hook.concerns(subject)])
        return found

    async def _ready(self, attributes: Attributes) -> None:
        try:
            await self._waiting.wait().addTimeout(READY_SECONDS, self._reactor)
        except TimeoutError:
            raise forbidden(attributes, "not yet ready to handle request") from None

    async def _follow(self) -> None:
        version = await self._version()
        while version is None:
            self._refresh()
            await self._pause(_MISSING_SECONDS)
            version = await self._version()
        singular = self._plural[: -len("ies")] + "y"
        self._informers = tuple(
            self._cluster.informer(f"{GROUP}/{version}/{name}")
            for name in (self._plural, f"{singular}bindings")
        )
        for informer in self._informers:
            informer.subscribe(self._changed)
            informer.start()

    async def _version(self) -> str | None:
        """
        The newest version that the cluster serves; L{None} if it has no such policies.
        """
        version = 0
        while version < len(_VERSIONS):
            try:
                found = await self._cluster.request("GET", f"{GROUP}/{_VERSIONS[version]}")
            except (APIStatus, Unreachable) as error:
                if isinstance(error, APIStatus) and error.code == 404:
                    version += 1
                else:
                    await self._pause(_RETRY_SECONDS)
                continue
            if any(each["name"] == self._plural for each in found.get("resources") or ()):
                return _VERSIONS[version]
            version += 1
        return None

    async def _pause(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._reactor.callLater(seconds, waiting.callback, None)
        await waiting

    def _changed(self) -> None:
        if all(informer.synced for informer in self._informers):
            self._refresh()

    def _refresh(self) -> None:
        """
        Put together what there is now.
        """
        policies, bindings = [informer.items() for informer in self._informers] or [(), ()]
        bound: dict[str, list[Binding]] = {}
        for each in bindings:
            spec = each.get("spec") or {}
            made = Binding(each["metadata"]["name"], spec, MatchResources(spec.get("matchResources")))
            bound.setdefault(spec.get("policyName") or "", []).append(made)
        known, self._known = self._known, {}
        self.hooks = tuple(
            self._hook(policy, tuple(bound[policy["metadata"]["name"]]), known)
            for policy in policies
            if policy["metadata"]["name"] in bound
        )
        self._concerned.clear()
        self._params.keep([hook.param_kind for hook in self.hooks if hook.param_kind is not None])
        self.reads_managed_fields = any(reads_managed_fields(hook.source) for hook in self.hooks)
        self.synced = True
        self._waiting.tell(None)
        for listener in self._listeners:
            listener()

    def _hook(self, policy: Object, bindings: tuple[Binding, ...], known: Mapping[str, _Compiled]) -> Hook[P]:
        metadata, spec = policy["metadata"], policy.get("spec") or {}
        name = metadata["name"]
        version = (metadata.get("uid"), metadata.get("resourceVersion"))
        found = known.get(name)
        if found is None or found.version != version:
            resources = MatchResources(spec.get("matchConstraints"))
            found = _Compiled(version, *self._compile(name, spec), resources)
        self._known[name] = found
        source = spec.get("paramKind")
        param_kind = None if source is None else self._params.follow(source)
        return Hook(name, spec, found.compiled, found.fault, found.resources, bindings, param_kind)

    def _compile(self, name: str, spec: Mapping[str, Any]) -> tuple[P | None, str]:
        try:
            return self._compiler(spec), ""
        except Exception as error:
            # One that nobody expected must not keep the others from being followed.
            self._log.failure("the policy {name} could not be compiled", name=name)
            return None, f"it could not be compiled: {error}"
