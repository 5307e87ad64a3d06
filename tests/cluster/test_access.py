"""
The ways in which our client shows who it is, against a real kube-apiserver.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from time import time
from typing import Any

import yaml
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ark.cluster.access import Access
from ark.cluster.client import Cluster
from ark.cluster.credentials import LOOK_SECONDS
from ark.cluster.errors import Unreachable
from ark.cluster.incluster import in_cluster
from ark.cluster.kubeconfig import read_kubeconfig
from ark.meta.status import APIStatus
from tests.cluster.shared import oracle

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
NAME = "ark-access"
V1 = "client.authentication.k8s.io/v1"


class AccessTests(TestCase):
    """
    Whoever a kubeconfig or a pod says we are, the cluster takes us for.
    """

    timeout = 120

    def setUp(self) -> None:
        """
        A service account, and a kubeconfig of the administrator to change.
        """
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.plane = oracle()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}}
        client = self.plane.endpoint.connect()
        self.addCleanup(client.close)
        path, headers = "/api/v1/namespaces/default/serviceaccounts", {"Content-Type": "application/json"}
        client.request("POST", path, headers, json.dumps(account).encode())
        answer = client.request("POST", f"{path}/{NAME}/token", headers, b'{"spec":{}}')
        self.token: str = answer.json()["status"]["token"]

    async def who(self, access: Access) -> str:
        """
        Whom the cluster takes us for.
        """
        cluster = Cluster(access, self.reactor, time, random=random.Random(1))
        try:
            review = await cluster.request(
                "POST", WHO, {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
            )
        finally:
            await cluster.close()
            await deferLater(self.reactor, 0.1)
        name: str = review["status"]["userInfo"]["username"]
        return name

    def kubeconfig(self, user: dict[str, Any], **cluster: Any) -> Access:
        """
        As a kubeconfig with another user describes it.
        """
        document = yaml.safe_load(self.plane.endpoint.kubeconfig.read_text())
        document["users"][0]["user"] = user
        document["clusters"][0]["cluster"].update(cluster)
        path = self.folder / "config"
        path.write_text(yaml.safe_dump(document))
        return read_kubeconfig(str(path))

    async def test_client_certificate(self) -> None:
        """
        The name of its certificate.
        """
        self.assertEqual(await self.who(read_kubeconfig(str(self.plane.endpoint.kubeconfig))), "admin")

    async def test_token(self) -> None:
        """
        Whose token it is; one that is none is told as that.
        """
        account = f"system:serviceaccount:default:{NAME}"
        self.assertEqual(await self.who(self.kubeconfig({"token": self.token})), account)
        with self.assertRaises(APIStatus) as refused:
            await self.who(self.kubeconfig({"token": "nobody's"}))
        self.assertEqual(refused.exception.code, 401)

    async def test_impersonation(self) -> None:
        """
        Who the administrator says.
        """
        pair = self.plane.endpoint
        user = {"client-certificate": str(pair.certificate), "client-key": str(pair.key), "as": "jane"}
        self.assertEqual(await self.who(self.kubeconfig(user)), "jane")

    async def test_plugin(self) -> None:
        """
        A program is run, which is told where, and hands out a token.
        """
        program = self.folder / "login"
        told = self.folder / "told"
        answer = json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": {"token": self.token}})
        program.write_text(
            f"#!/bin/sh\nprintf %s \"$KUBERNETES_EXEC_INFO\" >'{told}'\ncat <<'END'\n{answer}\nEND\n"
        )
        program.chmod(0o755)
        plugin = {
            "apiVersion": V1,
            "command": "./login",
            "interactiveMode": "Never",
            "provideClusterInfo": True,
        }
        access = self.kubeconfig({"exec": plugin})
        self.assertEqual(await self.who(access), f"system:serviceaccount:default:{NAME}")
        self.assertEqual(json.loads(told.read_text())["spec"]["cluster"]["server"], self.plane.endpoint.url)

    async def test_failing_plugin(self) -> None:
        """
        A program that fails is a cluster that cannot be reached.
        """
        plugin = {"apiVersion": V1, "command": "false", "interactiveMode": "Never"}
        with self.assertRaises(Unreachable) as refused:
            await self.who(self.kubeconfig({"exec": plugin}))
        self.assertIn("exit code 1", str(refused.exception))

    async def test_pod(self) -> None:
        """
        A pod is its service account, also after its token was replaced.
        """
        (self.folder / "token").write_text("nobody's")
        (self.folder / "ca.crt").write_bytes(self.plane.endpoint.authority.read_bytes())
        host, port = self.plane.endpoint.url.removeprefix("https://").split(":")
        environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        cluster = Cluster(in_cluster(environ, str(self.folder)), self.reactor, time)
        body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
        try:
            with self.assertRaises(APIStatus):
                await cluster.request("POST", WHO, body)
            (self.folder / "token").write_text(self.token)
            # Not after LOOK_SECONDS: at once, because the old one is refused.
            self.assertGreater(LOOK_SECONDS, 1)
            review = await cluster.request("POST", WHO, body)
        finally:
            await cluster.close()
            await deferLater(self.reactor, 0.1)
        self.assertIn(NAME, review["status"]["userInfo"]["username"])

    async def test_whom_we_trust(self) -> None:
        """
        A server whose certificate is for another name, or of another authority, is not asked.
        """
        for words, cluster in (
            ("for another name", {"tls-server-name": "elsewhere"}),
            ("certificate", {"certificate-authority": str(self.plane.folder / "front-proxy-ca.crt")}),
        ):
            with self.assertRaises(Unreachable) as refused:
                await self.who(self.kubeconfig({"token": self.token}, **cluster))
            self.assertIn(words, str(refused.exception))
        self.assertTrue(
            await self.who(self.kubeconfig({"token": self.token}, **{"tls-server-name": "localhost"}))
        )
