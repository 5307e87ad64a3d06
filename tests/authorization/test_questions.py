"""
What the server asks about each request (contract 15.4, 15.5).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, Attributes, Decision
from ark.authorization.subjectaccess import spec_of
from ark.interfaces import IAuthorizer
from ark.testing import FakeAuthenticator, InMemoryServer
from tests.authorization.questions import QUESTIONS, asked_of
from tests.endpoints.support import registry

ANN = UserInfo("ann", groups=("system:authenticated",))


@implementer(IAuthorizer)
class Recording:
    """
    Allows everything, and remembers what it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow.
        """
        self.asked.append(spec_of(attributes))
        return Decision(ALLOW)


class QuestionTests(SynchronousTestCase):
    """
    The table, which is kube-apiserver's too (contract 15.5).
    """

    def test_each_request_is_asked_about_as_kube_apiserver_asks(self) -> None:
        """
        By path, method, subresource, selectors and headers.
        """
        authorizer = Recording()
        server = InMemoryServer(registry(), authenticator=FakeAuthenticator(ANN), authorizer=authorizer)
        wrong = []
        for question in QUESTIONS:
            authorizer.asked.clear()
            server.request(question.method, question.target, question.body, question.headers)
            asked = tuple(asked_of(spec) for spec in authorizer.asked if spec["user"] == "ann")
            if asked != question.expected:
                wrong.append(f"{question.method} {question.target}\n  {asked}\n  {question.expected}")
        self.assertEqual(wrong, [], "\n".join(wrong))
