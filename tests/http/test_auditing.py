"""
Tests of L{ark.http.auditing}, and of the events that L{ark.audit.event} makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from zope.interface import implementer

from ark.audit.event import Noted, line_of, source_addresses
from ark.audit.policy import Policy
from ark.authentication.userinfo import AUTHENTICATED_GROUP, UserInfo
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.http.auditing import Auditing
from ark.interfaces import IAuthenticator, IAuthorizer
from ark.meta.status import unauthorized
from ark.testing import EPOCH, Answer, InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase, registry


class _Kept:
    """
    A log that keeps what is noted.
    """

    def __init__(self) -> None:
        self.noted: list[Noted] = []

    def note(self, noted: Noted) -> None:
        """
        Keep it.
        """
        self.noted.append(noted)

    def events(self) -> list[dict[str, Any]]:
        """
        What would be written, and nothing from before any more.
        """
        noted, self.noted = self.noted, []
        return [orjson.loads(line_of(one)) for one in noted]


@implementer(IAuthenticator)
class _ByToken:
    async def authenticate(self, request: Any) -> UserInfo:
        """
        The token is the name.
        """
        token = (request.header(b"authorization") or b"Bearer admin").decode().partition(" ")[2]
        if token == "bad":
            raise unauthorized()
        groups = (AUTHENTICATED_GROUP,) if token != "admin" else ("system:masters", AUTHENTICATED_GROUP)
        return UserInfo(token, f"uid-of-{token}", groups)


@implementer(IAuthorizer)
class _ByName:
    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Mallory may nothing.
        """
        if attributes.user.name == "mallory":
            return Decision(NO_OPINION, "not you")
        return Decision(ALLOW, "everybody else")


class AuditingTests(ServerTestCase):
    """
    Contract 15.8: requests, and what is told of them.
    """

    def setUp(self) -> None:
        """
        Nothing is known of the policy yet.
        """
        self.log = _Kept()

    def serve(self, *rules: dict[str, Any], **members: Any) -> None:
        """
        A server with an audit policy.
        """
        policy = Policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [*rules], **members})
        log: Any = self.log
        self.server = InMemoryServer(
            registry(),
            authenticator=_ByToken(),
            authorizer=_ByName(),
            auditing=Auditing(policy, [log], lambda: EPOCH),
        )
        self.log.events()

    def audited(self, method: str, target: str, body: Any = None, **headers: str) -> list[dict[str, Any]]:
        """
        The events of a request.
        """
        self.answer = self.request(method, target, body, **headers)
        return self.log.events()

    answer: Answer

    def test_metadata(self) -> None:
        """
        Two stages, with all but the bodies, the members in kube-apiserver's order.
        """
        self.serve({"level": "Metadata"})
        received, complete = self.audited(
            "POST", f"{WIDGETS}?pretty=0", self.widget(color="red"), user_agent="test", audit_id="my-id"
        )
        self.assertEqual(self.answer.header(b"audit-id"), b"my-id")
        time = "2023-11-14T22:13:20.000000Z"
        head = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": "my-id",
            "stage": "RequestReceived",
            "requestURI": f"{WIDGETS}?pretty=0",
            "verb": "create",
            "user": {
                "username": "admin",
                "uid": "uid-of-admin",
                "groups": ["system:masters", AUTHENTICATED_GROUP],
            },
            "sourceIPs": ["127.0.0.1"],
            "userAgent": "test",
            "objectRef": {
                "resource": "widgets",
                "namespace": "default",
                "apiGroup": GROUP,
                "apiVersion": "v1",
            },
            "requestReceivedTimestamp": time,
            "stageTimestamp": time,
        }
        self.assertEqual(list(received), list(head))
        self.assertEqual(received, head)
        status = {"metadata": {}, "code": 201}
        annotations = {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}
        head.update(stage="ResponseComplete", responseStatus=status, annotations=annotations)
        head["objectRef"] = {
            "resource": "widgets",
            "namespace": "default",
            "name": "w",
            "apiGroup": GROUP,
            "apiVersion": "v1",
        }
        self.assertEqual(complete, head)

    def test_bodies(self) -> None:
        """
        C{Request} has that of the request, C{RequestResponse} that of the answer too.
        """
        self.serve({"level": "Request", "verbs": ["create"]}, {"level": "RequestResponse"})
        _, complete = self.audited("POST", WIDGETS, self.widget(color="red"))
        self.assertEqual(complete["requestObject"], self.widget(color="red"))
        self.assertNotIn("responseObject", complete)
        _, complete = self.audited("GET", f"{WIDGETS}/w")
        self.assertNotIn("requestObject", complete)
        self.assertEqual(complete["responseObject"], self.answer.json())
        _, complete = self.audited("GET", WIDGETS)
        self.assertEqual(complete["responseObject"], orjson.loads(self.answer.body))
        patch = orjson.dumps({"spec": {"size": 5}})
        _, complete = self.audited(
            "PATCH",
            f"{WIDGETS}/w",
            patch,
            content_type="application/merge-patch+json",
            accept="application/yaml",
        )
        self.assertEqual(complete["requestObject"], {"spec": {"size": 5}})
        self.assertEqual(complete["responseObject"]["spec"]["size"], 5)

    def test_failures_tell_why(self) -> None:
        """
        At every level.
        """
        self.serve({"level": "Metadata", "omitStages": ["RequestReceived"]})
        (event,) = self.audited("GET", f"{WIDGETS}/none")
        self.assertEqual(event["responseStatus"]["reason"], "NotFound")
        self.assertEqual(
            (event["responseStatus"]["status"], event["responseStatus"]["code"]), ("Failure", 404)
        )
        self.assertNotIn("responseObject", event)

    def test_who_may_not(self) -> None:
        """
        The decision and its reason are annotations.
        """
        self.serve({"level": "Metadata", "omitStages": ["RequestReceived"]})
        (event,) = self.audited("GET", WIDGETS, authorization="Bearer mallory")
        self.assertEqual(event["responseStatus"]["code"], 403)
        self.assertEqual(
            event["annotations"],
            {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "not you"},
        )

    def test_nobody_known(self) -> None:
        """
        Told once, without a user, and never with what was shown.
        """
        self.serve({"level": "RequestResponse"})
        (event,) = self.audited("GET", WIDGETS, authorization="Bearer bad")
        self.assertEqual((event["stage"], event["user"]), ("ResponseStarted", {}))
        self.assertEqual(event["responseStatus"]["message"], "Unauthorized")
        self.assertEqual(event["responseObject"]["code"], 401)

    def test_for_somebody_else(self) -> None:
        """
        Who asks and for whom.
        """
        self.serve({"level": "Metadata"})
        _, complete = self.audited("GET", WIDGETS, impersonate_user="ann")
        self.assertEqual(complete["user"]["username"], "admin")
        self.assertEqual(complete["impersonatedUser"]["username"], "ann")
        self.assertEqual(
            complete["authenticationMetadata"], {"impersonationConstraint": "impersonate:user-info"}
        )

    def test_for_oneself(self) -> None:
        """
        It is told even when nothing changes by it.
        """
        self.serve({"level": "Metadata"})
        more = {"impersonate_uid": "uid-of-ann", "authorization": "Bearer ann"}
        _, complete = self.audited("GET", WIDGETS, impersonate_user="ann", **more)
        self.assertEqual(complete["impersonatedUser"], complete["user"])

    def test_a_watch_is_told_of_when_it_begins(self) -> None:
        """
        And when it ends.
        """
        self.serve({"level": "RequestResponse"})
        events = self.audited("GET", f"{WIDGETS}?watch=1&timeoutSeconds=5")
        self.assertEqual([event["stage"] for event in events], ["RequestReceived", "ResponseStarted"])
        self.server.advance(6)
        (event,) = self.log.events()
        self.assertEqual((event["stage"], event["responseStatus"]["code"]), ("ResponseComplete", 200))
        self.assertNotIn("responseObject", event)

    def test_what_is_not_to_be_told(self) -> None:
        """
        Nothing, at level None and where no rule is about it.
        """
        self.serve({"level": "None", "users": ["ann"]}, {"level": "Metadata", "verbs": ["list"]})
        self.assertEqual(self.audited("GET", WIDGETS, authorization="Bearer ann"), [])
        self.assertEqual(self.audited("GET", f"{WIDGETS}/w"), [])
        self.assertEqual(len(self.audited("GET", WIDGETS)), 2)

    def test_without_managed_fields(self) -> None:
        """
        Of objects, and of the items of lists.
        """
        self.serve({"level": "RequestResponse"}, omitManagedFields=True, omitStages=["RequestReceived"])
        (event,) = self.audited("POST", WIDGETS, self.widget())
        self.assertIn("managedFields", self.answer.json()["metadata"])
        self.assertNotIn("managedFields", event["responseObject"]["metadata"])
        (event,) = self.audited("GET", WIDGETS)
        self.assertNotIn("managedFields", event["responseObject"]["items"][0]["metadata"])

    def test_secrets_are_told_as_the_policy_says(self) -> None:
        """
        At level C{Metadata} nothing that is in them appears anywhere.
        """
        self.serve({"level": "Metadata", "resources": [{"resources": ["secrets"]}]})
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "stringData": {"password": "canary-hunter2"},
        }
        path = "/api/v1/namespaces/default/secrets"
        for method, target, body in (
            ("POST", path, secret),
            ("GET", path, None),
            ("DELETE", f"{path}/s", None),
        ):
            events = self.audited(method, target, body, authorization="Bearer canary-token")
            self.assertEqual(len(events), 2)
            shown = orjson.dumps([{**event, "user": {}} for event in events])
            self.assertNotIn(b"canary", shown)
            self.assertNotIn(b'"data"', shown)

    def test_a_failure_of_the_server_is_a_panic(self) -> None:
        """
        Stage C{Panic}, with code 500.
        """
        self.serve({"level": "Metadata"})

        async def fail(*_: object) -> Iterator[None]:
            raise RuntimeError("planted")

        chain: Any = self.server.application.chain
        chain._handle = fail
        events = self.audited("GET", WIDGETS)
        self.assertEqual([event["stage"] for event in events], ["RequestReceived", "Panic"])
        self.assertEqual(events[1]["responseStatus"]["code"], 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class SourceTests(ServerTestCase):
    """
    Where requests come from.
    """

    def test_proxies_name_the_client(self) -> None:
        """
        As C{SourceIPs} of apimachinery has it.
        """
        for forwarded, real, wanted in (
            ((), None, ("192.0.2.1",)),
            ((b"198.51.100.7, 203.0.113.5",), None, ("198.51.100.7", "203.0.113.5", "192.0.2.1")),
            ((b"198.51.100.7", b"192.0.2.1"), None, ("198.51.100.7", "192.0.2.1")),
            ((b"nonsense",), b"2001:db8::1", ("2001:db8::1", "192.0.2.1")),
        ):
            self.assertEqual(source_addresses(forwarded, real, "192.0.2.1"), wanted)
