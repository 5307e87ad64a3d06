"""
Who may do what on a server behind the aggregator, also by a connection that passes kube-apiserver by.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import yaml
from twisted.trial.unittest import TestCase

from tests.cluster.client import Answer, Client, Endpoint
from tests.cluster.shared import aggregated

_QUERIES = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
_RIGHTS = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
_JSON = {"Content-Type": "application/json"}
_REVOKED_WITHIN = 11.0


class WhoMayTests(TestCase):
    """
    kube-apiserver with RBAC in front, our own question to it behind.
    """

    timeout = 300

    def setUp(self) -> None:
        self.ark = aggregated()
        self.admin = self.ark.endpoint.connect()
        self.addCleanup(self.admin.close)

    def connect(self, endpoint: Endpoint) -> Client:
        """
        A client that is closed behind the test.
        """
        client = endpoint.connect()
        self.addCleanup(client.close)
        return client

    def send(self, method: str, target: str, body: Any = None) -> Answer:
        """
        What the administrator of the cluster does.
        """
        data = None if body is None else json.dumps(body).encode()
        answer = self.admin.request(method, target, _JSON, data)
        self.assertIn(answer.code, (200, 201, 404, 409), answer.body)
        return answer

    def allow(self, user: str) -> None:
        """
        Let a user list queries.
        """
        rule = {"apiGroups": ["ark.mckinsey.com"], "resources": ["queries"], "verbs": ["list"]}
        self.send("POST", f"{_RIGHTS}/roles", _object("Role", "reader", rules=[rule]))
        binding = _object(
            "RoleBinding",
            _binding(user),
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        )
        self.send("POST", f"{_RIGHTS}/rolebindings", binding)
        self.addCleanup(self.forbid, user)

    def forbid(self, user: str) -> None:
        """
        Take it back.
        """
        self.send("DELETE", f"{_RIGHTS}/rolebindings/{_binding(user)}")

    def wait_for(self, client: Client, code: int) -> float:
        """
        How long it takes until a list is answered with this code.
        """
        begin = time.monotonic()
        while client.request("GET", _QUERIES).code != code:
            self.assertLess(time.monotonic() - begin, _REVOKED_WITHIN)
            time.sleep(0.2)
        return time.monotonic() - begin

    def test_a_role_counts_on_either_way(self) -> None:
        """
        Who has none is refused, by kube-apiserver and by us in the same words; who gets one may;
        who loses it may not, within ten seconds and one.
        """
        user = self.ark.cluster.user("carl", ["dev"])
        through, direct = self.connect(user), self.connect(self.ark.direct(user=user))
        answers = [client.request("GET", _QUERIES) for client in (through, direct)]
        self.assertEqual([answer.code for answer in answers], [403, 403])
        self.assertEqual(answers[0].json(), answers[1].json())
        self.assertIn('User "carl" cannot list resource "queries"', answers[1].json()["message"])
        self.allow("carl")
        self.wait_for(direct, 200)
        self.wait_for(through, 200)
        self.assertEqual(direct.request("DELETE", _QUERIES).code, 403)
        self.forbid("carl")
        self.wait_for(direct, 403)
        self.wait_for(through, 403)

    def test_nobody_is_believed_to_be_a_front_proxy(self) -> None:
        """
        Neither a user with a certificate, nor somebody without, nor with a token; a real one is.
        """
        claims = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
        user = self.ark.direct(user=self.ark.cluster.user("dora"))
        self.assertEqual(self.connect(user).request("GET", _QUERIES, claims).code, 403)
        self.assertEqual(self.anonymous(claims)[0], 403)
        self.assertEqual(self.anonymous({**claims, "Authorization": "Bearer guess"})[0], 401)
        token = {**claims, "Authorization": f"Bearer {self.token()}"}
        code, status = self.anonymous(token)
        self.assertEqual(code, 403)
        self.assertIn('"system:serviceaccount:default:robot"', status["message"])
        folder = self.ark.cluster.folder
        proxy = user._replace(certificate=folder / "front-proxy.crt", key=folder / "front-proxy.key")
        client = self.connect(proxy)
        self.assertEqual(client.request("GET", _QUERIES, claims).code, 200)
        self.assertEqual(client.request("GET", _QUERIES).code, 401)
        self.assertEqual(client.request("GET", _QUERIES, {"X-Remote-User": "dora"}).code, 403)

    def test_tokens_are_reviewed(self) -> None:
        """
        One that the cluster has given out is its account's, on a direct connection too.
        """
        self.allow("system:serviceaccount:default:robot")
        headers = {"Authorization": f"Bearer {self.token()}"}
        code, body = self.anonymous(headers)
        self.assertEqual((code, body.get("kind")), (200, "QueryList"), body)
        code, status = self.anonymous({"Authorization": headers["Authorization"][:-2]})
        self.assertEqual((code, status["message"]), (401, "Unauthorized"))
        text = self.connect(self.ark.direct()).request("GET", "/metrics").body.decode()
        for name in ("apiserver_delegated_authn_request_total", "apiserver_delegated_authz_request_total"):
            self.assertIn(f'{name}{{code="201"}}', text)

    def token(self) -> str:
        """
        A token of a service account without rights.
        """
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
        self.send("POST", "/api/v1/namespaces/default/serviceaccounts", account)
        path = self.ark.cluster.service_account("default", "robot")
        user = yaml.safe_load(path.read_text())["users"][0]["user"]
        token: str = user["token"]
        return token

    def anonymous(self, headers: dict[str, str]) -> tuple[int, Any]:
        """
        A list without a certificate, past kube-apiserver.
        """
        endpoint = self.ark.direct()
        context = ssl.create_default_context(cafile=str(endpoint.authority))
        parts = urlsplit(endpoint.url)
        connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context)
        self.addCleanup(connection.close)
        connection.request("GET", _QUERIES, headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def _binding(user: str) -> str:
    return f"reader-{user.replace(':', '-')}"


def _object(kind: str, name: str, **members: Any) -> dict[str, Any]:
    api_version = "rbac.authorization.k8s.io/v1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **members}
