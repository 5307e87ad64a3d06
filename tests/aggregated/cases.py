"""
What the tests of this package do again and again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from twisted.trial.unittest import TestCase

from tests.cluster.aggregated import AggregatedArk
from tests.cluster.client import Answer, Client, Endpoint
from tests.cluster.shared import aggregated

ARK = "/apis/ark.mckinsey.com/v1alpha1"
PRE = "/apis/ark.mckinsey.com/v1prealpha1"
PATIENCE = 60.0
_POLL = 0.1
_numbers = count(1)

Object = dict[str, Any]


def query(name: str, **metadata: Any) -> Object:
    """
    A query that nobody answers.
    """
    return {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "Query",
        "metadata": {"name": name, **metadata},
        "spec": {"input": "hello", "target": {"type": "agent", "name": "nobody"}},
    }


def engine(name: str, **metadata: Any) -> Object:
    """
    An execution engine, of the other version of the group.
    """
    return {
        "apiVersion": "ark.mckinsey.com/v1prealpha1",
        "kind": "ExecutionEngine",
        "metadata": {"name": name, **metadata},
        "spec": {"address": {"value": "http://localhost"}, "description": "none"},
    }


def config_map(name: str, **metadata: Any) -> Object:
    """
    An object that the cluster keeps itself.
    """
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def owned_by(*owners: Object, block: bool = False) -> list[Object]:
    """
    References to objects that are there.
    """
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]


_COLLECTIONS = {"Query": (ARK, "queries"), "ExecutionEngine": (PRE, "executionengines")}


def target_of(obj: Object, namespace: str) -> str:
    """
    The path of an object's collection.
    """
    root, plural = _COLLECTIONS.get(obj["kind"], ("/api/v1", "configmaps"))
    return f"{root}/namespaces/{namespace}/{plural}"


class Session:
    """
    Somebody's requests to one server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """
        One request.

        @param headers: further ones, with C{_} for C{-}.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            kind = "merge-patch+json" if method == "PATCH" else "json"
            sent = {"Content-Type": f"application/{kind}", **sent}
        data = None if body is None else json.dumps(body).encode()
        return self._client.request(method, target, sent, data)

    def code(self, method: str, target: str, body: Any = None, **headers: str) -> int:
        """
        The status code of an answer.
        """
        return self.ask(method, target, body, **headers).code

    def create(self, namespace: str, obj: Object) -> Object:
        """
        Make an object of L{query}, L{engine} or L{config_map}.
        """
        answer = self.ask("POST", target_of(obj, namespace), obj)
        if answer.code != 201:
            raise AssertionError(f"{obj['kind']}: {answer.code} {answer.body.decode()}")
        made: Object = answer.json()
        return made


class AggregatedTests(TestCase):
    """
    Tests with our server behind a cluster; subclasses of a mixin name the backend.

    @ivar administrator: through kube-apiserver.
    """

    backend = "sqlite"
    timeout = 300

    def setUp(self) -> None:
        """
        Start what is not up yet.
        """
        self.server: AggregatedArk = aggregated(self.backend)
        self.administrator = self.session(self.server.endpoint)

    def session(self, endpoint: Endpoint) -> Session:
        """
        Requests of a user.
        """
        client = endpoint.connect()
        self.addCleanup(client.close)
        return Session(client)

    def unique(self, word: str) -> str:
        """
        A name that no other test has.
        """
        return f"{word}-{next(_numbers)}"

    def namespace(self) -> str:
        """
        A namespace of its own, which goes after the test.
        """
        name = self.unique("place")
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.assertEqual(self.administrator.code("POST", "/api/v1/namespaces", body), 201)
        self.addCleanup(self.administrator.code, "DELETE", f"/api/v1/namespaces/{name}")
        return name

    def until(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """
        Wait until something has come to pass.
        """
        deadline = time.monotonic() + seconds
        while not _quietly(condition):
            if time.monotonic() > deadline:
                tails = "\n".join(process.tail(5) for process in self.server.processes)
                self.fail(f"not in {seconds:g} s: {what}\n{tails}")
            time.sleep(_POLL)

    def until_gone(self, *targets: str) -> None:
        """
        Wait until none of these objects is there.
        """
        for target in targets:
            gone = partial(self._is_gone, target)
            self.until(gone, f"{target} is gone")

    def _is_gone(self, target: str) -> bool:
        return self.administrator.code("GET", target) == 404


def _quietly(condition: Callable[[], object]) -> object:
    try:
        return condition()
    except OSError:
        return False
