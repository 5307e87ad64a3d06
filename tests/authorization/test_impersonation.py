"""
Tests of L{ark.authorization.impersonation}: who may act for whom (contract 15.6).
"""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.audit.event import Noted, line_of
from ark.audit.policy import Policy
from ark.authentication.userinfo import UserInfo
from ark.authorization.alwaysallowed import AlwaysAllowedAuthorizer
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.authorization.impersonation import Impersonation
from ark.authorization.subjectaccess import Remembering, SubjectAccessAuthorizer
from ark.authorization.union import UnionAuthorizer
from ark.cluster.answers import failure
from ark.cluster.memory import MemoryCluster
from ark.http.auditing import Auditing
from ark.interfaces import IAuthorizer
from ark.meta.status import APIStatus
from ark.testing import EPOCH, FakeAuthenticator, InMemoryServer
from tests.authorization.impersonations import Scenario, Step, outcome_of, question_of, scenarios
from tests.authorization.test_subjectaccess import PATH
from tests.endpoints.support import registry

_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
ANN = UserInfo("ann", "7", ("dev", "ops"))
BOB = UserInfo("bob")


class Log:
    """
    Keeps the last event.
    """

    event: dict[str, Any]

    def note(self, noted: Noted) -> None:
        """
        Keep it.
        """
        self.event = orjson.loads(line_of(noted))


class TableTests(SynchronousTestCase):
    """
    Contract 15.6: the table, which is kube-apiserver's too.
    """

    def setUp(self) -> None:
        """
        One server for all, so that what it remembers of one could show in another.
        """
        self.log, self.authenticator = Log(), FakeAuthenticator()
        log: Any = self.log
        clock = Clock()
        self.cluster = MemoryCluster(clock)
        judge = SubjectAccessAuthorizer(self.cluster, clock, Remembering(0, 0))
        self.server = InMemoryServer(
            registry(),
            authenticator=self.authenticator,
            authorizer=UnionAuthorizer((AlwaysAllowedAuthorizer(), judge)),
            auditing=Auditing(Policy(_POLICY), [log], lambda: EPOCH),
        )

    def play(self, scenario: Scenario, step: Step) -> dict[str, Any]:
        """
        What is asked about a request, and what comes of it.
        """
        self.authenticator.user = scenario.user
        asked: list[dict[str, Any]] = []

        def review(body: Any) -> dict[str, Any]:
            spec = body["spec"]
            if spec["user"] == scenario.user.name:
                asked.append(spec)
            status = scenario.judge(spec)
            if "code" in status:
                raise failure(status)
            return {"status": status}

        self.cluster.answer(PATH, review)
        answer = self.server.request(step.method, step.target, step.body or None, step.headers)
        questions = [question_of(spec, scenario.user) for spec in asked]
        return {"asked": questions, **outcome_of(step, answer.code, answer.body, self.log.event)}

    def test_each_request_is_judged_as_kube_apiserver_judges_it(self) -> None:
        """
        What is asked in which order, who it is then or why not, and what the audit log tells.
        """
        wrong = []
        for scenario in scenarios():
            for number, step in enumerate(scenario.steps):
                found = self.play(scenario, step)
                if found != step.expected:
                    wrong.append(f"{scenario.name} {number}\n  {found}\n  {step.expected}")
        self.assertEqual(wrong, [], "\n".join(wrong))


@implementer(IAuthorizer)
class Lenient:
    """
    Allows what has a verb that begins so, and remembers what it was asked.
    """

    def __init__(self, beginning: str) -> None:
        self._beginning = beginning
        self.asked: list[str] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow, or have no opinion.
        """
        self.asked.append(f"{attributes.verb} {attributes.name}")
        return Decision(ALLOW if attributes.verb.startswith(self._beginning) else NO_OPINION)


class MemoryTests(SynchronousTestCase):
    """
    What is remembered, and for how long.
    """

    def setUp(self) -> None:
        """
        Narrow rights only.
        """
        self.clock = Clock()
        self.authorizer = Lenient("impersonate")
        self.impersonation = Impersonation(self.authorizer, self.clock.seconds)

    def asked(self, name: str, wanted: UserInfo = BOB, **more: Any) -> list[str]:
        """
        What is asked when ann gets the object of that name as somebody else.
        """
        self.authorizer.asked.clear()
        attributes = Attributes(ANN, "get", "", "g", "v1", "ks", "", "n", name, **more)
        found = self.successResultOf(
            Deferred.fromCoroutine(self.impersonation.impersonated(wanted, attributes))
        )
        self.assertEqual(found.user.name, wanted.name)
        return self.authorizer.asked.copy()

    def test_what_was_allowed_is_forgotten_after_ten_seconds(self) -> None:
        """
        Of the request and of the user each by itself.
        """
        on, who = "impersonate-on:user-info:get", "impersonate:user-info bob"
        self.assertEqual(self.asked("x"), [f"{on} x", who])
        self.clock.advance(9)
        self.assertEqual(self.asked("x"), [])
        self.assertEqual(self.asked("y"), [f"{on} y"])
        self.clock.advance(1)
        self.assertEqual(self.asked("y"), [])
        self.assertEqual(self.asked("x"), [f"{on} x", who])
        self.clock.advance(9)
        self.assertEqual(self.asked("y"), [f"{on} y"])

    def test_others_profit_nothing(self) -> None:
        """
        It counts for the same requestor only, with the same uid, groups and attributes.
        """
        self.asked("x")
        for other in (ANN._replace(uid="8"), ANN._replace(groups=("dev",)), ANN._replace(name="eve")):
            attributes = Attributes(other, "get", "", "g", "v1", "ks", "", "n", "x")
            self.authorizer.asked.clear()
            asking = self.impersonation.impersonated(BOB, attributes)
            self.successResultOf(Deferred.fromCoroutine(asking))
            self.assertEqual(len(self.authorizer.asked), 2)

    def test_what_a_client_makes_long_is_not_kept(self) -> None:
        """
        Neither users nor requests.
        """
        crowd = UserInfo("crowd", groups=("g" * 10_000,))
        self.assertEqual(len(self.asked("x", crowd)), 3)
        self.assertEqual(len(self.asked("x", crowd)), 3)
        self.asked("x")
        self.assertEqual(len(self.asked("y" * 10_000)), 1)
        self.assertEqual(len(self.asked("y" * 10_000)), 1)
        for member in ("field_requirements", "label_requirements"):
            for _ in range(2):
                selected = {member: (("key", "=", ("x" * 10_000,)),)}
                self.assertEqual(len(self.asked("", **selected)), 1)

    def test_refusals_are_not_remembered(self) -> None:
        """
        Whoever gets the right may go on at once.
        """
        self.authorizer = Lenient("nothing")
        self.impersonation = Impersonation(self.authorizer, self.clock.seconds)
        attributes = Attributes(ANN, "get", "", "g", "v1", "ks", "", "n", "x")
        for _ in range(2):
            self.authorizer.asked.clear()
            asking = Deferred.fromCoroutine(self.impersonation.impersonated(BOB, attributes))
            self.assertEqual(self.failureResultOf(asking, APIStatus).value.code, 403)
            self.assertEqual(len(self.authorizer.asked), 2)

    def test_the_oldest_is_forgotten(self) -> None:
        """
        Ten thousand users and as many requests.
        """
        for number in range(10_001):
            self.asked("x", UserInfo(f"user-{number}"))
        self.assertEqual(self.asked("x", UserInfo("user-10000")), [])
        self.assertEqual(len(self.asked("x", UserInfo("user-0"))), 2)
