"""
Definitions on a server of several processes, and over restarts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.shipped import SHIPPED
from tests.cluster.ark import ArkServer
from tests.cluster.client import Client
from tests.registry.definitions.cases import GROUP, definition, version

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = f"/apis/{GROUP}/v1/namespaces/default/things"
AGENTS = f"{CRDS}/agents.ark.mckinsey.com"
PATIENCE = 20.0
ROUNDS = 5
MERGE = "application/merge-patch+json"


class DefinitionProcessTests(SynchronousTestCase):
    """
    C{ark-server} as it is started by an operator, over SQLite.
    """

    def start(self, *flags: str) -> ArkServer:
        """
        Start a server that goes away with the test.
        """
        server = ArkServer(flags=flags)
        self.addCleanup(server.remove)
        return server.start()

    def connect(self, server: ArkServer) -> Client:
        """
        A connection, which one process serves.
        """
        client = server.endpoint.connect()
        self.addCleanup(client.close)
        return client

    def send(
        self, client: Client, method: str, path: str, body: Any = None, code: int = 200
    ) -> dict[str, Any]:
        """
        A request that must be answered so.
        """
        content = MERGE if method == "PATCH" else "application/json"
        headers = {"Content-Type": content} if body is not None else {}
        data = None if body is None else json.dumps(body).encode()
        answer = client.request(method, path, headers, data)
        self.assertEqual(answer.code, code, answer.body)
        value: dict[str, Any] = answer.json()
        return value

    def established(self, client: Client, name: str) -> bool:
        """
        Whether a definition is in force.
        """
        conditions = self.send(client, "GET", f"{CRDS}/{name}")["status"]["conditions"] or ()
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    def wait(self, condition: Callable[[], object]) -> None:
        """
        Return when C{condition} is true.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not happen")
            time.sleep(0.01)

    def test_every_worker_serves_a_new_kind_at_once(self) -> None:
        """
        Whoever saw that it is established can use it through any process, and find it in discovery; when
        it is deleted, none has it any more.
        """
        server = self.start("--workers=2")
        clients = [self.connect(server) for _ in range(8)]
        name = f"things.{GROUP}"
        for number in range(ROUNDS):
            self.send(clients[0], "POST", CRDS, definition(), 201)
            self.wait(lambda: self.established(clients[0], name))
            body = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": f"t{number}"}}
            self.send(clients[number], "POST", THINGS, body, 201)
            for client in clients:
                self.assertEqual(len(self.send(client, "GET", THINGS)["items"]), 1)
                self.assertEqual(
                    self.send(client, "GET", f"/apis/{GROUP}/v1")["resources"][0]["name"], "things"
                )
                self.assertIn(f"apis/{GROUP}/v1", self.send(client, "GET", "/openapi/v3")["paths"])
            self.send(clients[1], "DELETE", f"{CRDS}/{name}")
            self.wait(lambda: clients[0].request("GET", f"{CRDS}/{name}").code == 404)
            self.wait(lambda: all(client.request("GET", THINGS).code == 404 for client in clients))

    def test_definitions_and_objects_outlive_a_restart(self) -> None:
        """
        Also a server that was killed serves them when it comes back.
        """
        server = self.start()
        client = self.connect(server)
        self.send(client, "POST", CRDS, definition(versions=[version()]), 201)
        self.wait(lambda: self.established(client, f"things.{GROUP}"))
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "one"}}
        self.send(client, "POST", THINGS, body, 201)
        server.kill()
        server.start_again()
        self.send(self.connect(server), "GET", f"{THINGS}/one")

    def test_shipped_definitions_are_objects_that_stay_as_they_were_made(self) -> None:
        """
        One that somebody has changed is left alone by the next start, one that was deleted is back.
        """
        server = self.start()
        client = self.connect(server)
        shipped = self.send(client, "GET", AGENTS)
        self.assertIn(SHIPPED, shipped["metadata"]["annotations"])
        self.send(client, "PATCH", AGENTS, {"spec": {"names": {"shortNames": ["ag"]}}})
        teams = f"{CRDS}/teams.ark.mckinsey.com"
        self.send(client, "DELETE", teams)
        self.wait(lambda: client.request("GET", teams).code == 404)
        server.stop()
        server.start_again()
        client = self.connect(server)
        self.assertEqual(self.send(client, "GET", AGENTS)["spec"]["names"]["shortNames"], ["ag"])
        resources = self.send(client, "GET", "/apis/ark.mckinsey.com/v1alpha1")["resources"]
        names = {one["name"]: one.get("shortNames") for one in resources}
        self.assertEqual(names["agents"], ["ag"])
        self.assertIn("teams", names)
