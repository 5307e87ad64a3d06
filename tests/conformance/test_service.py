"""
Rights, limits, metrics, and what standing alone needs: sections 10, 15, 17, 18 and 21.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, Attributes, Decision
from ark.interfaces import IAuthorizer
from ark.testing import InMemoryServer
from tests.endpoints.support import BASE, GROUP, WIDGETS, ServerTestCase, registry

SOMEBODY = UserInfo("jane", groups=("system:authenticated",))
MERGE = "application/merge-patch+json"
REVIEWS = "/apis/authorization.k8s.io/v1"


@implementer(IAuthorizer)
class RememberingAuthorizer:
    """
    Allows everything, and remembers what it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[Attributes] = []

    async def authorize(self, attributes: Attributes) -> Any:
        """
        Always yes.
        """
        self.asked.append(attributes)
        return Decision(ALLOW)


class QuestionTests(ServerTestCase):
    """
    What is asked of an authorizer.
    """

    def setUp(self) -> None:
        """
        A server whose authorizer is seen.
        """
        self.authorizer = RememberingAuthorizer()
        self.server = InMemoryServer(registry(), authorizer=self.authorizer)
        self.server.authenticator.user = SOMEBODY

    def asked(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[str, str, str, str]:
        """
        Verb, resource, subresource and name of the question that a request raises.
        """
        del self.authorizer.asked[:]
        self.request(method, target, body, **headers)
        attributes = self.authorizer.asked[0]
        return attributes.verb, attributes.resource, attributes.subresource, attributes.name

    def test_verbs_are_kubernetes(self) -> None:
        """
        Contract 15.5: a name that a field selector asks for is the name.
        """
        for method, target, expected in (
            ("GET", f"{WIDGETS}/a", ("get", "widgets", "", "a")),
            ("GET", WIDGETS, ("list", "widgets", "", "")),
            ("GET", f"{WIDGETS}?watch=1", ("watch", "widgets", "", "")),
            ("GET", f"{WIDGETS}?fieldSelector=metadata.name%3Da", ("list", "widgets", "", "a")),
            ("POST", WIDGETS, ("create", "widgets", "", "")),
            ("PUT", f"{WIDGETS}/a", ("update", "widgets", "", "a")),
            ("PATCH", f"{WIDGETS}/a", ("patch", "widgets", "", "a")),
            ("DELETE", f"{WIDGETS}/a", ("delete", "widgets", "", "a")),
            ("DELETE", WIDGETS, ("deletecollection", "widgets", "", "")),
        ):
            self.assertEqual(self.asked(method, target), expected)

    def test_paths_have_the_method_as_their_verb(self) -> None:
        """
        Contract 15.5.
        """
        self.asked("GET", "/metrics")
        attributes = self.authorizer.asked[0]
        self.assertEqual((attributes.verb, attributes.path), ("get", "/metrics"))

    def test_the_status_is_a_subresource(self) -> None:
        """
        Contract 10.4.
        """
        for method, verb in (("GET", "get"), ("PUT", "update"), ("PATCH", "patch")):
            self.assertEqual(self.asked(method, f"{WIDGETS}/a/status"), (verb, "widgets", "status", "a"))


class RightsTests(ServerTestCase):
    """
    Who may do what, standing alone.
    """

    def test_only_masters_may_do_everything(self) -> None:
        """
        Contract 15.4 and 18.2.
        """
        self.assertEqual(self.request("GET", "/metrics").code, 200)
        self.server.authenticator.user = SOMEBODY
        self.assertEqual(self.request("GET", "/healthz").code, 200)
        self.assertEqual(self.request("GET", "/apis").code, 200)
        for path in ("/metrics", WIDGETS):
            self.status(self.request("GET", path), 403, "Forbidden")

    def review(self, resource: str, spec: dict[str, Any]) -> dict[str, Any]:
        """
        The status of an answered review.
        """
        group = "authentication.k8s.io/v1" if resource == "selfsubjectreviews" else "authorization.k8s.io/v1"
        kinds = {
            "selfsubjectreviews": "SelfSubjectReview",
            "selfsubjectaccessreviews": "SelfSubjectAccessReview",
            "selfsubjectrulesreviews": "SelfSubjectRulesReview",
        }
        body = {"apiVersion": group, "kind": kinds[resource], "spec": spec}
        answer = self.request("POST", f"/apis/{group}/{resource}", body)
        self.assertEqual(answer.code, 201, answer.body)
        status: dict[str, Any] = answer.json()["status"]
        return status

    def test_clients_may_ask_who_they_are_and_what_they_may(self) -> None:
        """
        Contract 15.7.
        """
        question = {"resourceAttributes": {"verb": "get", "group": GROUP, "resource": "widgets"}}
        self.assertTrue(self.review("selfsubjectaccessreviews", question)["allowed"])
        self.assertTrue(self.review("selfsubjectrulesreviews", {"namespace": "default"})["resourceRules"])
        self.server.authenticator.user = SOMEBODY
        self.assertFalse(self.review("selfsubjectaccessreviews", question)["allowed"])
        self.assertEqual(self.review("selfsubjectreviews", {})["userInfo"]["username"], "jane")


class LimitTests(ServerTestCase):
    """
    How much at once.
    """

    def setUp(self) -> None:
        """
        A server for two reads at a time.
        """
        self.server = InMemoryServer(registry(), max_requests_inflight=2)

    def test_more_than_the_limit_is_429(self) -> None:
        """
        Contract 17.1: here two reads wait for a revision to come.  Watches are not counted.
        """
        for _ in range(5):
            self.assertEqual(self.request("GET", f"{WIDGETS}?watch=1").code, 200)
        waiting = [self.request("GET", f"{WIDGETS}/a?resourceVersion=9999") for _ in range(2)]
        refused = self.request("GET", f"{WIDGETS}/a")
        self.assertEqual((refused.code, refused.header(b"retry-after")), (429, b"1"))
        self.assertIn(b"Too many requests, please try again later.", refused.body)
        self.server.advance(4)
        self.assertEqual([answer.code for answer in waiting], [504, 504])
        self.assertEqual(self.request("GET", f"{WIDGETS}/a").code, 404)

    def test_many_watches_may_begin_at_once(self) -> None:
        """
        Contract 17.3.
        """
        self.create("a")
        watches = [self.request("GET", f"{WIDGETS}?watch=1") for _ in range(300)]
        self.assertEqual({len(watch.events()) for watch in watches}, {1})


class MetricsTests(ServerTestCase):
    """
    What dashboards find.
    """

    def test_names_and_labels_are_kube_apiservers(self) -> None:
        """
        Contract 18.3.
        """
        self.create("a")
        self.request("GET", WIDGETS)
        self.request("GET", f"{WIDGETS}?watch=1")
        text = self.request("GET", "/metrics").body.decode()
        for line in (
            'apiserver_request_total{code="201",component="apiserver",dry_run="",group=',
            "apiserver_request_duration_seconds_bucket",
            "apiserver_response_sizes_bucket",
            "apiserver_request_terminations_total",
            "process_cpu_seconds_total",
        ):
            self.assertIn(line, text)


class AloneTests(ServerTestCase):
    """
    What clients expect of a cluster.
    """

    def test_namespaces_and_events_are_there(self) -> None:
        """
        Contract 21.1.
        """
        namespace = self.request("GET", "/api/v1/namespaces/default").json()
        self.assertEqual(namespace["status"]["phase"], "Active")
        self.assertEqual(namespace["spec"]["finalizers"], ["kubernetes"])
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "Widget", "namespace": "default", "name": "a"},
            "reason": "Tested",
        }
        self.assertEqual(self.request("POST", "/api/v1/namespaces/default/events", event).code, 201)
        selected = self.request(
            "GET", "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da"
        )
        self.assertEqual([item["reason"] for item in selected.json()["items"]], ["Tested"])

    def test_controllers_find_the_kinds_that_they_need(self) -> None:
        """
        Contract 21.2.
        """
        for version, plural, kind in (
            ("/apis/coordination.k8s.io/v1", "leases", "Lease"),
            ("/api/v1", "configmaps", "ConfigMap"),
            ("/api/v1", "secrets", "Secret"),
            ("/api/v1", "serviceaccounts", "ServiceAccount"),
        ):
            api_version = version.removeprefix("/apis/").removeprefix("/api/")
            body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}}
            answer = self.request("POST", f"{version}/namespaces/default/{plural}", body)
            self.assertEqual(answer.code, 201, answer.body)

    def test_ark_itself_is_there(self) -> None:
        """
        Contract 13.19: with atomic lists, as upstream has them.
        """
        agents = next(kind for kind in registry() if kind.plural == "agents")
        self.assertEqual(agents.group, "ark.mckinsey.com")
        self.assertNotIn("granular", str(agents.schema))
        self.assertEqual(self.request("GET", f"{BASE}/widgets").code, 200)
