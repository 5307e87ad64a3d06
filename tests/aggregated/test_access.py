"""
Who may do what: kube-apiserver's RBAC for those who come through it, and for those who do not.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.aggregated.cases import ARK, AggregatedTests, Session, query

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ESTABLISHED = "01"


class AccessTestsMixin(AggregatedTests):
    """
    A user with a role may, one without may not, whichever way he comes.
    """

    def setUp(self) -> None:
        """
        A namespace in which C{jane} may read and make queries, and C{john} may nothing.
        """
        super().setUp()
        self.place = self.namespace()
        self.queries = f"{ARK}/namespaces/{self.place}/queries"
        self.jane, self.john = self.unique("jane"), self.unique("john")
        rules = [
            {"apiGroups": ["ark.mckinsey.com"], "resources": ["queries"], "verbs": ["get", "list", "create"]}
        ]
        group = "rbac.authorization.k8s.io"
        role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "asks"}, "rules": rules}
        binding = {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "asks"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "asks"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": self.jane}],
        }
        for plural, body in (("roles", role), ("rolebindings", binding)):
            target = f"{_RBAC}/namespaces/{self.place}/{plural}"
            self.assertEqual(self.administrator.code("POST", target, body), 201)

    def through(self, name: str) -> Session:
        """
        A user, through kube-apiserver.
        """
        return self.session(self.server.cluster.user(name))

    def directly(self, name: str) -> Session:
        """
        A user with the same certificate, at our own port.
        """
        return self.session(self.server.direct(user=self.server.cluster.user(name)))

    def test_both_versions_are_available(self) -> None:
        """
        The aggregator forwards requests for each version.

        Contract 20.1 and 20.3.
        """
        self.assertEqual(set(self.server.available()), {"True"})

    def test_a_role_lets_in_and_its_lack_keeps_out(self) -> None:
        """
        Through kube-apiserver: it answers 403 itself, and nothing comes to us.
        """
        jane, john = self.through(self.jane), self.through(self.john)
        self.until(lambda: jane.code("GET", self.queries) == 200, "the role counts")
        self.assertEqual(jane.code("POST", self.queries, query("one")), 201)
        before = self.forwarded()
        self.assertEqual(john.code("GET", self.queries), 403)
        self.assertEqual(jane.code("DELETE", f"{self.queries}/one"), 403)
        self.assertEqual(self.forwarded(), before)

    def test_who_comes_directly_is_judged_as_well(self) -> None:
        """
        At our own port the same certificates mean the same users, who may do the same.
        """
        jane, john = self.directly(self.jane), self.directly(self.john)
        self.until(lambda: jane.code("GET", self.queries) == 200, "the role counts")
        self.assertEqual(jane.code("POST", self.queries, query("two")), 201)
        answer = jane.ask("DELETE", f"{self.queries}/two")
        self.assertEqual(answer.code, 403)
        self.assertIn(f'User "{self.jane}" cannot delete resource "queries"', answer.json()["message"])
        self.assertEqual(john.code("GET", self.queries), 403)

    def test_nobody_else_can_speak_for_others(self) -> None:
        """
        The header fields of the front proxy mean nothing in other hands.
        """
        john = self.directly(self.john)
        forged = {"X_Remote_User": "admin", "X_Remote_Group": "system:masters"}
        answer = john.ask("GET", self.queries, **forged)
        self.assertEqual(answer.code, 403)
        self.assertIn(self.john, answer.json()["message"])

    def test_tokens_are_the_clusters(self) -> None:
        """
        A service account's token counts at our own port; a wrong one is 401.
        """
        nobody = self._without_certificate()
        token = self._token()
        answer = nobody.ask("GET", self.queries, Authorization=f"Bearer {token}")
        self.assertEqual(answer.code, 403)
        self.assertIn(f"system:serviceaccount:{self.place}:default", answer.json()["message"])
        self.assertEqual(nobody.code("GET", self.queries, Authorization="Bearer nonsense"), 401)

    def test_anonymous_requests_see_health_only(self) -> None:
        """
        Probes need no credentials; nothing else is for nobody.
        """
        nobody = self._without_certificate()
        for path in ("/healthz", "/livez", "/readyz"):
            self.assertEqual(nobody.code("GET", path), 200)
        self.assertEqual(nobody.code("GET", self.queries), 403)
        self.assertEqual(nobody.code("GET", "/metrics"), 403)

    def test_the_administrator_acts_for_others(self) -> None:
        """
        Impersonation is kube-apiserver's before it forwards, and ours for who comes directly.
        """
        for session in (self.administrator, self.session(self.server.direct())):
            self.until(
                lambda: session.code("GET", self.queries, Impersonate_User=self.jane) == 200,  # noqa: B023
                "the role counts",
            )
            self.assertEqual(session.code("GET", self.queries, Impersonate_User=self.john), 403)
        answer = self.directly(self.john).ask("GET", self.queries, Impersonate_User=self.jane)
        self.assertEqual(answer.code, 403)
        self.assertIn("impersonate", answer.json()["message"])

    def test_only_our_kinds_are_served(self) -> None:
        """
        At our own port there is no core group, no namespace and no definition.
        """
        administrator = self.session(self.server.direct())
        for path in ("/api", "/api/v1/namespaces", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"):
            self.assertEqual(administrator.code("GET", path), 404, path)
        groups = {group["name"] for group in administrator.ask("GET", "/apis").json()["groups"]}
        self.assertEqual(groups, {"ark.mckinsey.com", "probe.example.com"})

    def test_many_requests_share_a_connection(self) -> None:
        """
        kube-apiserver speaks HTTP/2 with us: requests at the same time need no connections of their own.

        Contract 20.4.
        """

        def ask(_: int) -> int:
            session = Session(self.server.endpoint.connect())
            return max(session.code("GET", self.queries) for _ in range(20))

        with ThreadPoolExecutor(16) as threads:
            asking = [threads.submit(ask, number) for number in range(16)]
            most = 0
            while not all(one.done() for one in asking):
                most = max(most, self._connections())
            self.assertEqual({one.result() for one in asking}, {200})
        self.assertLess(most, 5)

    def forwarded(self) -> int:
        """
        How many requests for queries have come to us.
        """
        found = 0
        for replica in range(len(self.server.replicas)):
            text = self.session(self.server.direct(replica)).ask("GET", "/metrics").body.decode()
            lines = [line for line in text.splitlines() if line.startswith("apiserver_request_total{")]
            found += sum(int(float(line.split()[-1])) for line in lines if 'resource="queries"' in line)
        return found

    def _connections(self) -> int:
        ports = {f":{replica.port:04X}" for replica in self.server.replicas}
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(line[3] == _ESTABLISHED and line[1][-5:] in ports for line in lines)

    def _token(self) -> str:
        target = f"/api/v1/namespaces/{self.place}/serviceaccounts"
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        self.assertEqual(self.administrator.code("POST", target, account), 201)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        made = self.administrator.ask("POST", f"{target}/default/token", request)
        token: str = json.loads(made.body)["status"]["token"]
        return token

    def _without_certificate(self) -> Session:
        return self.session(self.server.direct().anonymous())


class SQLiteAccessTests(AccessTestsMixin):
    """
    One server on SQLite.
    """


class PostgreSQLAccessTests(AccessTestsMixin):
    """
    Two replicas on PostgreSQL.
    """

    backend = "postgresql"


del AccessTestsMixin
