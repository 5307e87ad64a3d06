"""
The webhooks of a cluster's configurations, followed and compiled.

Follows C{k8s.io/apiserver/pkg/admission/configuration}: in the order of the configurations'
names, and within one as it has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, TimeoutError

from ark.admission.attributes import Attributes, Subject
from ark.admission.refusals import forbidden
from ark.admission.rules import is_exempt
from ark.admission.webhooks.hook import Hook
from ark.interfaces import IInformer
from ark.meta.known import Known

GROUP_VERSION = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{GROUP_VERSION}/mutatingwebhookconfigurations"
VALIDATING = f"{GROUP_VERSION}/validatingwebhookconfigurations"
READY_SECONDS = 10.0
_MOST_REMEMBERED = 4096

Placed = tuple[tuple[int, Hook], ...]
"""
Webhooks, each with its place among all.
"""


class _Compiled(NamedTuple):
    source: Mapping[str, Any]
    hooks: tuple[Hook, ...]


class Configurations:
    """
    The webhooks of one sort.

    @param informer: follows L{MUTATING} or L{VALIDATING}; somebody else starts it.
    @param reactor: C{IReactorTime}.
    """

    def __init__(self, informer: IInformer, reactor: Any) -> None:
        self._informer = informer
        self._reactor = reactor
        self._compiled: dict[str, _Compiled] = {}
        self._concerned: Known[Subject, Placed] = Known(_MOST_REMEMBERED)
        self._listeners: list[Callable[[], None]] = []
        self.hooks: tuple[Hook, ...] = ()
        informer.subscribe(self._changed)
        if informer.synced:
            self._changed()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        Have C{changed} called after every change of L{hooks}, and when they are first known.
        """
        self._listeners.append(changed)

    def concerns(self, subject: Subject) -> bool:
        """
        Whether any webhook can be about writes of that sort, as far as that is known.
        """
        return not self._informer.synced or bool(self._of(subject))

    async def concerned(self, attributes: Attributes) -> Placed:
        """
        The webhooks that can be about a write.

        @raise APIStatus: 403, what webhooks there are is not known in time.
        """
        if not self._informer.synced:
            waiting = Deferred.fromCoroutine(_waited(self._informer))
            try:
                await waiting.addTimeout(READY_SECONDS, self._reactor)
            except TimeoutError:
                raise forbidden(attributes, "not yet ready to handle request") from None
        return self._of(attributes.subject)

    def _of(self, subject: Subject) -> Placed:
        found = self._concerned.get(subject)
        if found is None:
            hooks = () if is_exempt(subject) else enumerate(self.hooks)
            concerned = tuple((place, hook) for place, hook in hooks if hook.concerns(subject))
            found = self._concerned.keep(subject, concerned)
        return found

    def _changed(self) -> None:
        before = self._compiled
        self._compiled = {}
        for source in self._informer.items():
            name = source["metadata"]["name"]
            known = before.get(name)
            if known is None or known.source is not source:
                known = _Compiled(source, _hooks(name, source))
            self._compiled[name] = known
        self.hooks = tuple(hook for name in sorted(self._compiled) for hook in self._compiled[name].hooks)
        self._concerned.clear()
        for listener in self._listeners:
            listener()


def _hooks(configuration: str, source: Mapping[str, Any]) -> tuple[Hook, ...]:
    # Names may be there twice.
    seen: Counter[str] = Counter()
    hooks = []
    for webhook in source.get("webhooks") or ():
        name = webhook.get("name") or ""
        hooks.append(Hook(f"{configuration}/{name}/{seen[name]}", configuration, webhook))
        seen[name] += 1
    return tuple(hooks)


async def _waited(informer: IInformer) -> None:
    await informer.wait()
