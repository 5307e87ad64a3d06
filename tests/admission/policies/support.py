"""
Policies in a cluster in memory, and writes to hold against them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.admission.attributes import CREATE, Attributes
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, NO_OPINION, Decision
from ark.authorization.attributes import Attributes as Question
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IAuthorizer
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus, not_found
from tests.admission.policies.scenarios import MUTATING, REGISTRATION, VALIDATING, Sort

Object = dict[str, Any]

LABELS = {"team": "blue"}
CONFIG_MAPS = "/api/v1/configmaps"


@implementer(IAuthorizer)
class Asked:
    """
    Allows some verbs, and remembers what it was asked.

    @ivar failure: what asking comes to, if it is to fail.
    """

    def __init__(self) -> None:
        self.allowed = {"get"}
        self.questions: list[Question] = []
        self.failure: Exception | None = None

    async def authorize(self, question: Question) -> Decision:
        """
        See L{IAuthorizer.authorize}.
        """
        self.questions.append(question)
        if self.failure is not None:
            raise self.failure
        return Decision(ALLOW if question.verb in self.allowed else NO_OPINION, "because")


def write(
    operation: str = CREATE, *, name: str = "one", old: Object | None = None, **spec: Any
) -> Attributes:
    """
    A thing that somebody writes.
    """
    metadata = {"name": name, "namespace": "default"}
    return Attributes(
        operation,
        GroupKind("g", "Thing"),
        GroupResource("g", "things"),
        "v1",
        "default",
        name,
        {"apiVersion": "g/v1", "kind": "Thing", "metadata": metadata, "spec": spec},
        old,
        user=UserInfo("me", groups=("some",)),
    )


class PolicyTestCase(SynchronousTestCase):
    """
    Has a cluster that serves both sorts of policies.
    """

    def setUp(self) -> None:
        """
        An empty cluster.
        """
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.authorizer = Asked()
        served = [{"name": f"{sort.word}admissionpolicies"} for sort in (VALIDATING, MUTATING)]
        self.discover(REGISTRATION, *served)
        self.discover("/api/v1", {"name": "configmaps", "kind": "ConfigMap", "namespaced": True})

    def discover(self, path: str, *resources: Object) -> None:
        """
        Have an API version serve resources.
        """
        self.cluster.answer(path, lambda _: {"resources": list(resources)}, "GET")

    async def namespace(self, name: str) -> Object:
        """
        The namespaces that there are.
        """
        if name != "default":
            raise not_found(GroupResource("", "namespaces"), name)
        return {"metadata": {"name": name, "labels": LABELS}, "status": {"phase": "Active"}}

    def policy(self, sort: Sort, name: str = "p", binding: Object | None = None, **spec: Any) -> None:
        """
        Put a policy for all writes of things into the cluster, with a binding.
        """
        rule = {"operations": ["*"], "apiGroups": ["g"], "apiVersions": ["v1"], "resources": ["things"]}
        whole = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, **spec}
        self.cluster.put(sort.policies, self.named(name, whole))
        bound = {"policyName": name, "validationActions": ["Deny"], **(binding or {})}
        self.cluster.put(sort.bindings, self.named(f"{name}-b", bound))

    def named(self, name: str, spec: Object) -> Object:
        """
        An object of no kind in particular.
        """
        return {"apiVersion": "v1", "kind": "Any", "metadata": {"name": name}, "spec": spec}

    def config_map(self, name: str, **data: str) -> None:
        """
        Put a ConfigMap into the namespace of all writes.
        """
        metadata = {"name": name, "namespace": "default"}
        self.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": data})

    def begin(self, coroutine: Any) -> Deferred[Any]:
        """
        Let something go as far as it goes.
        """
        return Deferred.fromCoroutine(coroutine)

    def message(self, coroutine: Any) -> str:
        """
        What a refusal says; empty if there is none.
        """
        done: Deferred[Any] = self.begin(coroutine)
        results: list[Any] = []
        done.addBoth(results.append)
        self.assertTrue(results, "it is still waiting")
        if results[0] is None:
            return ""
        status = results[0].value
        self.assertIsInstance(status, APIStatus, results[0])
        return str(status.message)
