"""
What clients are told while the database of their servers is away.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import ArkServer
from tests.cluster.build import require
from tests.cluster.client import Answer, Client, Endpoint
from tests.cluster.network import Link, Network
from tests.cluster.shared import obligatory

PATIENCE = 30.0
QUERIES = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
#: What a read of any revision may be answered by from memory, and what none but the database knows.
FRESH = (
    ("GET", f"{QUERIES}/first", b""),
    ("GET", f"{QUERIES}/never-was", b""),
    ("GET", QUERIES, b""),
    ("GET", "/api/v1/namespaces", b""),
    ("DELETE", f"{QUERIES}/first", b""),
    ("DELETE", QUERIES, b""),
    ("PATCH", f"{QUERIES}/first", b'{"spec":{"input":"y"}}'),
    ("POST", QUERIES, b'{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Query","metadata":{"name":"x"}}'),
)
#: What does not depend on it.
ALWAYS = ("/livez", "/version", "/api", "/apis", "/openapi/v2", "/openapi/v3", "/metrics", "/readyz/ping")


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """
    Return when something is so.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain for {what}")
        time.sleep(0.02)


def start_ark(url: str, *flags: str) -> ArkServer:
    """
    A server over a database.
    """
    return obligatory(lambda: ArkServer(flags=[f"--storage={url}", *flags]).start())


def through_network(test: SynchronousTestCase, database: Any) -> tuple[Link, str]:
    """
    A way to a database on which things can go wrong, and the URL of the database at its end; both are gone after
    the test.
    """
    test.addCleanup(database.remove)
    require("toxiproxy")
    network = Network()
    test.addCleanup(network.remove)
    url = database.url()
    port = urlsplit(url).port
    link = network.link(port)
    return link, url.replace(f":{port}/", f":{link.port}/")


def send(client: Client, method: str, target: str, body: bytes = b"") -> Answer:
    """
    One request, sent once.
    """
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    return client.request(
        method, target, {"Content-Type": content} if body else {}, body or None, retry=False
    )


def create(client: Client, name: str) -> Answer:
    """
    Try to create an object.
    """
    value = {"apiVersion": "ark.mckinsey.com/v1alpha1", "kind": "Query", "spec": {"input": "x"}}
    value["metadata"] = {"name": name}
    return send(client, "POST", QUERIES, json.dumps(value).encode())


class Listening(threading.Thread):
    """
    One watch, which is never begun anew.

    @ivar heard: type and name of each event.
    """

    def __init__(self, endpoint: Endpoint, revision: str) -> None:
        super().__init__(daemon=True)
        self.heard: list[tuple[str, str]] = []
        self.ended = False
        self._client = endpoint.connect(4 * PATIENCE)
        self._target = f"{QUERIES}?watch=true&resourceVersion={revision}"
        self.start()

    def run(self) -> None:
        """
        Listen.
        """
        for part in self._client.stream("GET", self._target):
            if not isinstance(part, Answer):
                event = json.loads(part)
                metadata = event["object"].get("metadata", {})
                self.heard.append((event["type"], metadata.get("name", "")))
        self.ended = True


class OutageTestsMixin:
    """
    A database that goes and comes back, and two servers over it.
    """

    def __getattr__(self, name: str) -> Any:
        """
        What C{TestCase} has.
        """
        raise AttributeError(name)

    def start_database(self) -> tuple[str, dict[str, Callable[[], Any]], Callable[[], Any]]:
        """
        Start it.

        @return: its URL, the ways in which it is stopped, and how it is started again.
        """
        raise NotImplementedError

    def setUp(self) -> None:
        """
        All of them, and watches.
        """
        url, self.stops, self.start = self.start_database()
        self.servers = [start_ark(url) for _ in range(2)]
        for server in self.servers:
            self.addCleanup(server.remove)
        self.clients = [server.endpoint.connect(PATIENCE) for server in self.servers]
        for client in self.clients:
            self.addCleanup(client.close)
        first = create(self.clients[0], "first")
        self.assertEqual(first.code, 201, first.body)
        for client in self.clients:
            # Whoever has to ask for news may not have heard of it before the database goes.
            self.assertEqual(send(client, "GET", f"{QUERIES}/first").code, 200)
        self.watches = [
            Listening(server.endpoint, first.json()["metadata"]["resourceVersion"]) for server in self.servers
        ]

    def check_refused(self, client: Client) -> None:
        """
        What needs the database is told so, as kube-apiserver tells of a storage that is away.
        """
        for method, target, body in FRESH:
            answer = send(client, method, target, body)
            self.assertEqual(answer.code, 503, f"{method} {target}: {answer.body!r}")
            self.assertEqual(answer.header("retry-after"), "1")
            status = answer.json()
            self.assertEqual((status["kind"], status["status"]), ("Status", "Failure"))
            self.assertEqual((status["reason"], status["code"]), ("ServiceUnavailable", 503))
            self.assertEqual(status["details"]["retryAfterSeconds"], 1)

    def check_answered(self, client: Client) -> None:
        """
        What does not need it goes on, and an old object is still told to who asks for any.
        """
        for target in ALWAYS:
            self.assertEqual(send(client, "GET", target).code, 200, target)
        answer = send(client, "GET", f"{QUERIES}/first?resourceVersion=0")
        self.assertEqual(answer.code, 200, answer.body)
        # What a check found is remembered for a moment.
        wait_for(lambda: b"[-]storage failed" in send(client, "GET", "/readyz").body, "unreadiness")
        self.assertEqual(send(client, "GET", "/readyz").code, 500)

    def test_what_needs_it_waits_and_the_rest_goes_on(self) -> None:
        """
        Stopped in order and at once: watches stay open and miss nothing of what either server writes
        afterwards, and no server has to be started again.
        """
        names = []
        for mode, stop in self.stops.items():
            stop()
            for client in self.clients:
                self.check_refused(client)
                self.check_answered(client)
            self.start()
            for number, client in enumerate(self.clients):
                wait_for(lambda at=client: send(at, "GET", "/readyz").code == 200, "readiness")
                names.append(f"{mode}-{number}")
                answer = create(client, names[-1])
                self.assertEqual(answer.code, 201, answer.body)
        wanted = [("ADDED", name) for name in names]
        for watch in self.watches:
            wait_for(lambda at=watch: at.heard == wanted, f"{wanted}, only {watch.heard}")
            self.assertFalse(watch.ended)
        for server in self.servers:
            self.assertNotIn("Traceback", (server.folder / "ark-server.log").read_text())
