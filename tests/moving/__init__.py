"""
Tests of L{ark.moving}, and what they share.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IRestores
from ark.meta.records import Range, Version
from ark.moving.objects import GROUP, Collection, collections_of
from ark.storage.copying import Database
from ark.storage.memory import MemoryBackend

QUERIES = f"/apis/{GROUP}/v1alpha1/queries"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Silent:
    """
    A progress that nobody looks at.

    @ivar said: what happened.
    """

    def __init__(self) -> None:
        self.said: list[str] = []

    def begin(self, what: str, total: int) -> None:
        """
        Something begins.
        """

    def advance(self, steps: int) -> None:
        """
        Some of it is done.
        """

    def say(self, text: str) -> None:
        """
        Something happened.
        """
        self.said.append(text)


def query(name: str, **metadata: Any) -> dict[str, Any]:
    """
    A query in the namespace C{default}, as a cluster tells of it.
    """
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Query",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-of-{name}",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        "spec": {"input": "hello"},
    }


class MovingCase(SynchronousTestCase):
    """
    A cluster and a database, both in memory.
    """

    def setUp(self) -> None:
        """
        Both are empty.
        """
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.backend = MemoryBackend()
        self.database = Database("memory", self.backend, IRestores(self.backend))
        self.registry = KindRegistry.load()
        self.queries = next(each for each in collections_of(self.registry) if each.kind.plural == "queries")
        self.progress = Silent()

    @property
    def collections(self) -> list[Collection]:
        """
        Those that are moved.
        """
        return [self.queries]

    def done(self, coroutine: Any, seconds: float = 0) -> Any:
        """
        What comes of something that takes at most so long.
        """
        running: Deferred[Any] = Deferred.fromCoroutine(coroutine)
        self.clock.pump([0.25] * int(seconds * 4))
        return self.successResultOf(running)

    def refused(self, coroutine: Any, error: type[Exception], seconds: float = 0) -> Any:
        """
        The error that something ends with.
        """
        running: Deferred[Any] = Deferred.fromCoroutine(coroutine)
        self.clock.pump([0.25] * int(seconds * 4))
        return self.failureResultOf(running, error).value

    def live(self) -> list[Version]:
        """
        What the database has.
        """
        page = self.done(self.backend.list(Range(self.queries.resource), 1000))
        versions: list[Version] = page.versions
        return versions
