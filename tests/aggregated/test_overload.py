"""
A real server with far more to do than it has seats for (trust T5).
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.aggregated.cases import ARK, query
from tests.cluster.aggregated import AggregatedArk
from tests.cluster.build import require
from tests.cluster.client import Client, Endpoint
from tests.cluster.cluster import Cluster
from tests.cluster.shared import WIDGETS

QUERIES = f"{ARK}/namespaces/default/queries?timeout=800ms"
USERS = 6
CONNECTIONS = 10
SECONDS = 10.0
MEMORY = 256 * 1024
_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class Writer(threading.Thread):
    """
    Writes without a pause, and does not heed C{Retry-After}.
    """

    def __init__(self, endpoint: Endpoint, name: str, end: float) -> None:
        super().__init__()
        self._client = Client(endpoint)
        self._name = name
        self._end = end
        self.codes: Counter[int] = Counter()
        self.unexplained = 0

    def run(self) -> None:
        """
        Until the end.
        """
        number = 0
        while time.monotonic() < self._end:
            number += 1
            body = json.dumps(query(f"{self._name}-{number}")).encode()
            answer = self._client.request("POST", QUERIES, {"Content-Type": "application/json"}, body)
            self.codes[answer.code] += 1
            if answer.code == 429 and not answer.header("retry-after"):
                self.unexplained += 1
        self._client.close()


class OverloadTests(TestCase):
    """
    Sixty writers for one seat.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        A cluster in which a group may do all, and a server with few seats.
        """
        require("etcd", "kube")
        cluster = Cluster().start()
        self.addCleanup(cluster.remove)
        flags = ["--max-requests-inflight=4", "--max-mutating-requests-inflight=2"]
        self.server = AggregatedArk(cluster, definitions=[WIDGETS], flags=flags)
        self.addCleanup(self.server.stop)
        self.server.start()
        group = "rbac.authorization.k8s.io"
        binding = {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "load"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "load"}],
        }
        client = cluster.endpoint.connect()
        headers = {"Content-Type": "application/json"}
        self.assertEqual(client.request("POST", _BINDINGS, headers, json.dumps(binding).encode()).code, 201)
        client.close()

    def resident(self) -> int:
        """
        The memory of the server, in KiB.
        """
        (replica,) = self.server.replicas
        assert replica.process is not None
        text = Path(f"/proc/{replica.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))

    def test_the_excess_is_refused_and_nothing_fails(self) -> None:
        """
        What has no seat in time gets 429 with C{Retry-After}; there is no 5xx; health answers within a second,
        and memory stays bounded.
        """
        idle, end = self.resident(), time.monotonic() + SECONDS
        users = [self.server.cluster.user(f"user-{number}", groups=["load"]) for number in range(USERS)]
        writers = [
            Writer(self.server.direct(user=user), f"q-{place}-{number}", end)
            for place, user in enumerate(users)
            for number in range(CONNECTIONS)
        ]
        for writer in writers:
            writer.start()
        health, slowest = self.server.direct().anonymous().connect(), 0.0
        while time.monotonic() < end:
            asked = time.monotonic()
            self.assertEqual(health.request("GET", "/livez").code, 200)
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.05)
        health.close()
        for writer in writers:
            writer.join()
        codes: Counter[int] = sum((writer.codes for writer in writers), Counter())
        self.assertEqual(set(codes), {201, 429}, codes)
        self.assertEqual(sum(writer.unexplained for writer in writers), 0)
        self.assertLess(slowest, 1.0)
        self.assertLess(self.resident(), idle + MEMORY)
        by_user = [
            sum(writer.codes[201] for writer in writers[place : place + CONNECTIONS])
            for place in range(0, len(writers), CONNECTIONS)
        ]
        self.assertGreater(min(by_user) * 2, max(by_user), by_user)
