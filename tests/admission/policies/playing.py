"""
Plays the scenarios against a server in memory, with the policies that a cluster has.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.admission.policies.mutating import MutatingAdmissionPolicies
from ark.admission.policies.plugin import Around
from ark.admission.policies.validating import ValidatingAdmissionPolicies
from ark.apis.loader import KindRegistry
from ark.authentication.userinfo import MASTERS_GROUP
from ark.authorization.attributes import ALLOW, NO_OPINION, Decision
from ark.authorization.attributes import Attributes as Question
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IAdmissionPlugin, IAuthorizer, ISelectiveAdmission
from ark.meta.gvk import GroupResource
from ark.meta.status import not_found
from ark.registry.mergeschemas import merge_schemas
from ark.testing import InMemoryServer
from tests.admission.policies.answers import Answer, answer_of
from tests.admission.policies.scenarios import MUTATING, REGISTRATION, USERS, VALIDATING, Scenario, Sort, Step
from tests.cluster.cluster import read_definitions
from tests.cluster.shared import WIDGETS

_DISCOVERY = {
    "/api/v1": [("configmaps", "ConfigMap", True), ("namespaces", "Namespace", False)],
    "/apis/probe.example.com/v1": [("widgets", "Widget", True), ("plates", "Plate", False)],
    REGISTRATION: [(f"{sort.word}admissionpolicies", sort.kind, False) for sort in (VALIDATING, MUTATING)],
}
_KINDS: list[KindRegistry] = []


def kinds() -> KindRegistry:
    """
    The shipped kinds and the probe kinds, read once.
    """
    if not _KINDS:
        probes = KindRegistry.from_manifests(read_definitions(WIDGETS)).kinds()
        _KINDS.append(KindRegistry([*KindRegistry.load().kinds(), *probes]))
    return _KINDS[0]


@implementer(IAuthorizer)
class Roles:
    """
    What the roles of the recorded cluster say.
    """

    async def authorize(self, question: Question) -> Decision:
        """
        See L{IAuthorizer.authorize}.
        """
        user, groups = question.user.name, question.user.groups
        if MASTERS_GROUP in groups:
            return Decision(ALLOW)
        if not question.resource:
            healthy = question.path == "/healthz" and "system:authenticated" in groups
            return Decision(ALLOW if healthy else NO_OPINION)
        if question.group == "probe.example.com" and question.resource == "widgets":
            if question.verb == "paint" and user == "alice":
                return Decision(ALLOW, _bound("painters", "User", user))
            if question.verb not in ("paint", "fly") and len(question.verb) > 2 and "devs" in groups:
                return Decision(ALLOW, _bound("devs", "Group", "devs"))
        return Decision(NO_OPINION)


def _bound(role: str, kind: str, name: str) -> str:
    return f'RBAC: allowed by ClusterRoleBinding "{role}" of ClusterRole "{role}" to {kind} "{name}"'


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class Listening:
    """
    A plug-in, and what it tells the audit log.
    """

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self.annotations: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plugin, name)

    async def admit(self, attributes: Attributes) -> None:
        """
        See L{IAdmissionPlugin.admit}.
        """
        try:
            await self._plugin.admit(attributes)
        finally:
            self.annotations = attributes.annotations

    async def validate(self, attributes: Attributes) -> None:
        """
        See L{IAdmissionPlugin.validate}.
        """
        try:
            await self._plugin.validate(attributes)
        finally:
            self.annotations = attributes.annotations


class Player:
    """
    A server in memory that one sort of policies judges.

    @param told: what there is, as it was recorded.
    """

    def __init__(self, sort: Sort, told: dict[str, Any]) -> None:
        registry = kinds()
        self._clock = clock = Clock()
        self.cluster = cluster = MemoryCluster(clock)
        self._namespaces = {each["metadata"]["name"]: each for each in told["namespaces"]}
        for path, resources in _DISCOVERY.items():
            cluster.answer(path, _discovered(resources), "GET")
        for path, obj in told["objects"]:
            cluster.put(path, obj)
        for each in told["namespaces"]:
            cluster.put("/api/v1/namespaces", each)
        for collection, objs in ((sort.policies, told["policies"]), (sort.bindings, told["bindings"])):
            for each in objs:
                cluster.put(collection, each)
        self.plugin = Listening(self._plugin(sort, registry))
        self.plugin.start()
        self.server = InMemoryServer(
            registry, clock=clock, authorizer=Roles(), admission_plugins=(self.plugin,)
        )

    def _plugin(self, sort: Sort, registry: KindRegistry) -> Any:
        clock = self._clock
        around = Around.of(self._namespace, Roles(), clock)
        if sort is VALIDATING:
            return ValidatingAdmissionPolicies(self.cluster, around, clock)
        return MutatingAdmissionPolicies(self.cluster, around, merge_schemas(lambda: registry), clock)

    async def _namespace(self, name: str) -> dict[str, Any]:
        found = self._namespaces.get(name)
        if found is None:
            raise not_found(GroupResource("", "namespaces"), name)
        return found

    def play(self, scenario: Scenario) -> list[Answer]:
        """
        What is said to the requests of a scenario.
        """
        self.server.create_namespace(scenario.namespace)
        return [self._ask(step) for step in scenario.steps]

    def _ask(self, step: Step) -> Answer:
        self.plugin.annotations = {}
        self.server.authenticator.user = USERS[step.user]
        headers = {"content-type": step.content_type, "user-agent": "player/1", "accept": "application/json"}
        body = None if step.body is None else json.dumps(step.body).encode()
        answer = self.server.request(step.method, step.target, body, headers)
        while not answer.code:
            # Parameters may keep it waiting.
            self.server.advance(1)
        self.server.authenticator.user = USERS["admin"]
        warnings = [value.decode() for value in answer.header_values(b"warning")]
        return answer_of(answer.code, answer.body, warnings, self.plugin.annotations)


def _discovered(resources: list[tuple[str, str, bool]]) -> Any:
    found = [{"name": name, "kind": kind, "namespaced": namespaced} for name, kind, namespaced in resources]
    return lambda _: {"kind": "APIResourceList", "resources": found}
