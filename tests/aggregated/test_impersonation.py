"""
Rights to act for others, given by kube-apiserver's RBAC, at kube-apiserver and at our own port.
"""

from __future__ import annotations

from typing import Any

from tests.aggregated.cases import ARK, AggregatedTests, Session
from tests.cluster.client import Answer

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_GROUP = "rbac.authorization.k8s.io"
_REVIEWER = "authentication.k8s.io"


def _may(verb: str, resource: str, *names: str, group: str = _REVIEWER) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
    return {**rule, "resourceNames": [*names]} if names else rule


def _may_meanwhile(mode: str, *verbs: str) -> dict[str, Any]:
    narrow = [f"impersonate-on:{mode}:{verb}" for verb in verbs]
    return {"apiGroups": ["ark.mckinsey.com"], "resources": ["queries"], "verbs": narrow}


class ImpersonationTests(AggregatedTests):
    """
    Both ways the same is allowed, and refused in the same words.
    """

    def setUp(self) -> None:
        """
        A namespace in which C{jane} and the node C{n1} may read queries.
        """
        super().setUp()
        self.place = self.namespace()
        self.queries = f"{ARK}/namespaces/{self.place}/queries"
        self.jane, self.john = self.unique("jane"), self.unique("john")
        self.node = self.unique("node")
        reads = [{"apiGroups": ["ark.mckinsey.com"], "resources": ["queries"], "verbs": ["get", "list"]}]
        self.bind(self.unique("reads"), reads, self.jane, f"system:node:{self.node}")

    def bind(self, role: str, rules: list[dict[str, Any]], *users: str) -> None:
        """
        Give rights everywhere.
        """
        subjects = [{"apiGroup": _GROUP, "kind": "User", "name": name} for name in users]
        named = {"apiVersion": f"{_GROUP}/v1", "metadata": {"name": role}}
        reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role}
        for plural, body in (
            ("clusterroles", {**named, "kind": "ClusterRole", "rules": rules}),
            (
                "clusterrolebindings",
                {**named, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects},
            ),
        ):
            self.assertEqual(self.administrator.code("POST", f"{_RBAC}/{plural}", body), 201)
            self.addCleanup(self.administrator.code, "DELETE", f"{_RBAC}/{plural}/{role}")

    def both(self, name: str) -> list[Session]:
        """
        A user through kube-apiserver, and directly.
        """
        user = self.server.cluster.user(name)
        return [self.session(user), self.session(self.server.direct(user=user))]

    def same(self, sessions: list[Session], code: int, target: str, **headers: str) -> Answer:
        """
        What both ways answer.
        """
        for session in sessions:
            self.until(lambda: session.code("GET", target, **headers) == code, f"{code} {target}")  # noqa: B023
        one, other = (session.ask("GET", target, **headers) for session in sessions)
        if code != 200:
            self.assertEqual(one.json(), other.json())
        return other

    def test_a_user_is_acted_for_in_what_is_allowed(self) -> None:
        """
        The list, but nothing else, and for nobody else.
        """
        rules = [_may("impersonate:user-info", "users", self.jane), _may_meanwhile("user-info", "list")]
        self.bind(self.unique("narrow"), rules, self.john)
        john = self.both(self.john)
        self.same(john, 200, self.queries, Impersonate_User=self.jane)
        answer = self.same(john, 403, f"{self.queries}/x", Impersonate_User=self.jane)
        self.assertIn("cannot impersonate-on:user-info:get resource", answer.json()["message"])
        answer = self.same(john, 403, self.queries, Impersonate_User="eve")
        self.assertIn('users.authentication.k8s.io "eve" is forbidden', answer.json()["message"])
        self.same(john, 403, self.queries)

    def test_an_account_acts_for_the_node_of_its_token(self) -> None:
        """
        And for no other.
        """
        account = self._account()
        rules = [_may("impersonate:associated-node", "nodes"), _may_meanwhile("associated-node", "list")]
        self.bind(self.unique("agents"), rules, f"system:serviceaccount:{self.place}:agent")
        agent = [
            self.session(endpoint.anonymous()) for endpoint in (self.server.endpoint, self.server.direct())
        ]
        shown = {"Authorization": f"Bearer {account}"}
        self.same(agent, 200, self.queries, Impersonate_User=f"system:node:{self.node}", **shown)
        answer = self.same(agent, 403, self.queries, Impersonate_User="system:node:other", **shown)
        self.assertIn("cannot impersonate-on:arbitrary-node:list resource", answer.json()["message"])

    def _account(self) -> str:
        """
        The token of an account, bound to a node.
        """
        accounts = f"/api/v1/namespaces/{self.place}/serviceaccounts"
        made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "agent"}}
        self.assertEqual(self.administrator.code("POST", accounts, made), 201)
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.node}}
        self.assertEqual(self.administrator.code("POST", "/api/v1/nodes", node), 201)
        self.addCleanup(self.administrator.code, "DELETE", f"/api/v1/nodes/{self.node}")
        bound = {"apiVersion": "v1", "kind": "Node", "name": self.node}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound},
        }
        answer = self.administrator.ask("POST", f"{accounts}/agent/token", request)
        self.assertEqual(answer.code, 201, answer.body)
        token: str = answer.json()["status"]["token"]
        return token
