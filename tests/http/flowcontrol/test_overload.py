"""
Tests of the chain with more requests than can be served (trust T5).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.task import Clock, deferLater
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ark.authentication.userinfo import AUTHENTICATED_GROUP, UserInfo
from ark.authorization.attributes import ALLOW, Attributes, Decision
from ark.http.flowcontrol.control import FlowControl
from ark.interfaces import IAuthenticator, IAuthorizer
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import WIDGETS, ServerTestCase, registry
from tests.http.test_customendpoints import Endpoint


@implementer(IAuthenticator)
class _ByHeader:
    async def authenticate(self, request: Any) -> UserInfo:
        """
        Who the header says.
        """
        name = (request.header(b"x-user") or b"admin").decode()
        groups = (AUTHENTICATED_GROUP,) if name != "admin" else ("system:masters", AUTHENTICATED_GROUP)
        return UserInfo(name, "", groups)


@implementer(IAuthorizer)
class _Slow:
    """
    Takes a tenth of a second for everything about resources.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow, later.
        """
        if attributes.resource:
            await deferLater(self._clock, 0.1)
        return Decision(ALLOW)


class OverloadTests(ServerTestCase):
    """
    Ten times as much as can be done.
    """

    def setUp(self) -> None:
        """
        A server with few seats.
        """
        clock = Clock()
        self.control = FlowControl(12, clock, lambda group, plural: 0)
        self.server = InMemoryServer(
            registry(),
            clock=clock,
            authenticator=_ByHeader(),
            authorizer=_Slow(clock),
            flow_control=self.control,
        )

    def test_the_excess_is_told_to_come_again(self) -> None:
        """
        For ten seconds: what is too much gets 429 with Retry-After, nothing gets 5xx, who asks for health
        gets an answer at once, and so does the administrator.
        """
        answers: list[Answer] = []
        for second in range(10):
            for user in range(250):
                answers.append(self.request("GET", f"{WIDGETS}?limit=1", x_user=f"user-{user % 20}"))
                # An elephant wants as much as all the others.
                answers.append(self.request("GET", f"{WIDGETS}?limit=1", x_user="elephant"))
                if user % 25 == 0:
                    self.server.clock.advance(0.1)
                    self.server.settle()
            self.assertEqual(self.request("GET", "/livez", x_user=f"probe-{second}").code, 200)
            admin = self.request("GET", WIDGETS)
            self.server.clock.advance(0.1)
            self.server.settle()
            self.assertEqual(admin.code, 200)
        self.server.advance(30)
        codes = Counter(answer.code for answer in answers)
        self.assertEqual(set(codes), {200, 429})
        # What all levels lend goes to those who want it: 5 seats of the 12, ten times a second.
        self.assertGreater(codes[200], 0.9 * 5 * 10 * 10)
        self.assertGreater(codes[429], 0.5 * len(answers))
        for answer in answers:
            if answer.code == 429:
                self.assertGreaterEqual(int(answer.header(b"retry-after") or b"0"), 1)
                self.assertTrue(answer.header(b"x-kubernetes-pf-flowschema-uid"))

    def test_watches_take_seats_only_to_begin(self) -> None:
        """
        Any number of them may be open.
        """
        watches = [self.request("GET", f"{WIDGETS}?watch=1", x_user="ann") for _ in range(200)]
        self.server.advance(12)
        self.assertEqual(Counter(watch.code for watch in watches), {200: 200})
        self.assertEqual(self.control.levels["global-default"].in_use, 0)

    def test_streams_of_plug_ins_take_none(self) -> None:
        """
        While they last.
        """
        endpoint = Endpoint(verb="watch", answer=lambda request: NOT_DONE_YET)
        control = FlowControl(12, Clock(), lambda group, plural: 0)
        self.server = InMemoryServer(
            registry(), authenticator=_ByHeader(), custom_endpoints=(endpoint,), flow_control=control
        )
        streams = [self.request("GET", endpoint.prefix) for _ in range(20)]
        self.assertEqual(self.server.application.chain.long_running, 20)
        self.assertEqual({stream.code for stream in streams}, {0})
        self.assertEqual({level.in_use for level in control.levels.values()}, {0})

    def test_answers_tell_their_flow(self) -> None:
        """
        By the uids of flow schema and priority level (contract 1.12).
        """
        answer = self.request("GET", "/version", x_user="ann")
        self.assertTrue(answer.header(b"x-kubernetes-pf-flowschema-uid"))
        self.assertTrue(answer.header(b"x-kubernetes-pf-prioritylevel-uid"))
