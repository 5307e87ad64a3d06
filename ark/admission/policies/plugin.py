"""
What the two plug-ins that hold writes against policies have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from twisted.internet.task import deferLater

from ark.admission.attributes import Attributes, Subject
from ark.admission.expressions import Turn
from ark.admission.metrics import AdmissionMetrics
from ark.admission.policies.params import LocalKinds, ParamKinds, nothing_local
from ark.admission.policies.source import PolicySource
from ark.admission.selectors import NamespaceLookup
from ark.interfaces import IAuthorizer, ICluster

P = TypeVar("P")

_NAMESPACES = ("", "namespaces")


class Around(NamedTuple):
    """
    What it takes to hold writes against policies.

    @ivar namespace_of: finds the namespaces of what is written.
    @ivar authorizer: answers the questions of expressions.
    @ivar turn: lets others have their turn between expressions that take long.
    @ivar now: tells the time, to measure with.
    """

    namespace_of: NamespaceLookup
    authorizer: IAuthorizer
    turn: Turn
    now: Callable[[], float]
    metrics: AdmissionMetrics

    @classmethod
    def of(
        cls,
        namespace_of: NamespaceLookup,
        authorizer: IAuthorizer,
        reactor: Any,
        metrics: AdmissionMetrics | None = None,
    ) -> Around:
        """
        What there is in a server.
        """
        turn = partial(deferLater, reactor, 0)
        return cls(namespace_of, authorizer, turn, reactor.seconds, metrics or AdmissionMetrics())

    async def namespace(self, attributes: Attributes) -> dict[str, Any] | None:
        """
        The namespace that expressions see; L{None} for what is in none, and for a namespace.

        @raise APIStatus: it cannot be found.
        """
        if not attributes.namespace or attributes.resource == _NAMESPACES:
            return None
        return await self.namespace_of(attributes.namespace)


class PolicyPlugin(Generic[P]):
    """
    Follows policies of one sort; subclasses are L{ark.interfaces.IAdmissionPlugin} and
    L{ark.interfaces.ISelectiveAdmission}.

    @cvar plural: of the policies.
    @cvar compiler: what makes something of a policy's C{spec}.
    """

    plural: str
    compiler: Callable[[Mapping[str, Any]], P]

    def __init__(
        self, cluster: ICluster, around: Around, reactor: Any, local: LocalKinds = nothing_local
    ) -> None:
        """
        @param reactor: C{IReactorTime}.
        @param local: finds the kinds that this server itself keeps, for parameters.
        """
        self._around = around
        params = ParamKinds(cluster, reactor, local)
        self._source: PolicySource[P] = PolicySource(cluster, self.plural, self.compiler, params, reactor)

    def start(self) -> None:
        """
        Begin to follow the policies.
        """
        self._source.start()

    def stop(self) -> None:
        """
        Follow them no more.
        """
        self._source.stop()

    @property
    def synced(self) -> bool:
        """
        Whether it is known what policies there are.
        """
        return self._source.synced

    @property
    def reads_managed_fields(self) -> bool:
        """
        Whether a policy looks at who owns which field.
        """
        return self._source.reads_managed_fields

    def concerns(self, subject: Subject) -> bool:
        """
        See L{ISelectiveAdmission.concerns}.
        """
        return self._source.concerns(subject)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        See L{ISelectiveAdmission.subscribe}.
        """
        self._source.subscribe(changed)
