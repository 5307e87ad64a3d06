"""
CPU of whole requests over the memory backend, without a connection: what the verbs, the
registry and the Cacher cost.

    python -m tests.bench.bench_requests [--profile VERB]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable
from typing import Any

import orjson

from ark.apis.loader import KindRegistry
from ark.memory import settle
from ark.testing import InMemoryServer

QUERIES = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
ROUNDS = 5000


def query(name: str) -> dict[str, Any]:
    """
    A query of about 2 KiB.
    """
    return {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "Query",
        "metadata": {
            "name": name,
            "labels": {"team": "a", "app": "bench"},
            "annotations": {"note": "x" * 200},
        },
        "spec": {
            "input": "What is the weather like? " * 60,
            "target": {"type": "agent", "name": "weather"},
            "parameters": [{"name": f"p{i}", "value": "v" * 10} for i in range(4)],
        },
    }


STATUS = {
    "status": {
        "phase": "running",
        "conditions": [
            {
                "type": "Completed",
                "status": "False",
                "reason": "QueryRunning",
                "message": "the query is running",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
}


class Bench:
    """
    One server, and requests to it.
    """

    def __init__(self) -> None:
        self.server = InMemoryServer(KindRegistry.load())
        self.bodies = [orjson.dumps(query(f"q{i}")) for i in range(ROUNDS)]

    def create(self) -> None:
        """
        Create a query after the other.
        """
        for body in self.bodies:
            if self.server.request("POST", QUERIES, body).code != 201:
                raise AssertionError("not created")

    def get(self) -> None:
        """
        Read each of them.
        """
        for index in range(ROUNDS):
            self.server.request("GET", f"{QUERIES}/q{index}")

    def status(self) -> None:
        """
        Patch the status of each.
        """
        headers = {"content-type": "application/merge-patch+json"}
        for index in range(ROUNDS):
            status = {"status": {**STATUS["status"], "duration": f"{index}s"}}
            answer = self.server.request("PATCH", f"{QUERIES}/q{index}/status", orjson.dumps(status), headers)
            if answer.code != 200:
                raise AssertionError(answer.body)

    def update(self) -> None:
        """
        Replace each.
        """
        for index in range(ROUNDS):
            obj = self.server.request("GET", f"{QUERIES}/q{index}").json()
            obj["spec"]["input"] += "."
            self.server.request("PUT", f"{QUERIES}/q{index}", orjson.dumps(obj))

    def delete(self) -> None:
        """
        Delete each.
        """
        for index in range(ROUNDS):
            self.server.request("DELETE", f"{QUERIES}/q{index}")


def measured(work: Callable[[], None]) -> float:
    """
    Microseconds of CPU for one of C{ROUNDS} requests.
    """
    began = time.process_time()
    work()
    return (time.process_time() - began) / ROUNDS * 1e6


def main() -> None:
    """
    Print a line a verb.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", default="")
    wanted = parser.parse_args().profile
    bench = Bench()
    # As a server does once it has started.
    settle()
    for name in ("create", "get", "status", "update", "delete"):
        work = getattr(bench, name)
        if name == wanted:
            profile = cProfile.Profile()
            profile.runcall(work)
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        else:
            print(f"{name:8} {measured(work):7.1f} µs")


if __name__ == "__main__":
    main()
