"""
What a running server shows of itself.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.authorization.subjectaccess import SubjectAccessAuthorizer
from ark.cluster.memory import MemoryCluster
from ark.http.metrics import Metrics
from ark.http.request import ClientConnection, Request
from ark.interfaces import ITellsSize
from ark.observation import (
    STORAGE,
    readable,
    show_delegation,
    show_lateness,
    show_room,
    show_stored,
    show_watches,
)
from ark.storage.committer import Committer
from ark.storage.errors import StorageFull, Unavailable
from ark.storage.memory import MemoryBackend
from ark.upkeep import StoredObjects
from tests.endpoints.support import WIDGETS, ServerTestCase


class WatchMetricsTests(ServerTestCase):
    """
    Contract 18.3: watches are counted under kube-apiserver's names.
    """

    def test_open_watches_and_sent_events_are_counted(self) -> None:
        """
        A watch counts while it is open, each event that it was sent for good.
        """
        metrics = Metrics()
        show_watches(metrics, self.server.cacher, self.server.application.stores)
        self.create("a")
        watch = self.request("GET", f"{WIDGETS}?watch=1&timeoutSeconds=1")
        self.create("b")
        labels = 'group="probe.example.com",resource="widgets"'
        shown = metrics.render().decode()
        self.assertIn(f'apiserver_watch_events_total{{{labels},version="v1"}} 2.0', shown)
        self.assertIn('scope="namespace",subresource="",verb="WATCH",version="v1"} 1.0', shown)
        self.assertIn(f'ark_watch_sent_bytes_total{{{labels},version="v1"}} {len(watch.body)}.0', shown)
        self.server.advance(2)
        self.assertNotIn('verb="WATCH"', metrics.render().decode())

    def test_the_time_that_a_streamed_list_took_is_shown(self) -> None:
        """
        Of watches that asked for what there is, and for a bookmark behind it.
        """
        metrics = Metrics()
        show_watches(metrics, self.server.cacher, self.server.application.stores)
        self.create("a")
        streamed = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        for query in (streamed, "resourceVersion=0", streamed):
            self.request("GET", f"{WIDGETS}?watch=1&{query}")
        labels = 'group="probe.example.com",resource="widgets",scope="namespace",version="v1"'
        shown = metrics.render().decode()
        self.assertIn(f"apiserver_watch_list_duration_seconds_count{{{labels}}} 2.0", shown)
        self.assertIn('apiserver_watch_list_duration_seconds_bucket{group="probe.example.com",le="60"', shown)


@implementer(ITellsSize)
class LargeBackend(MemoryBackend):
    """
    One that knows its size.
    """

    async def size(self) -> int:
        """
        A page.
        """
        return 4096


class StorageTests(SynchronousTestCase):
    """
    Whether storage can be used.
    """

    def test_a_full_disk_can_be_read(self) -> None:
        """
        It does not keep requests away from the server, as a database that is away does (G9).
        """

        def ready(error: Exception | None) -> Deferred[None]:
            async def check() -> None:
                if error is not None:
                    raise error

            return Deferred.fromCoroutine(readable(check)())

        self.successResultOf(ready(None))
        self.successResultOf(ready(StorageFull("full")))
        self.failureResultOf(ready(Unavailable("gone")), Unavailable)

    def test_the_size_of_the_database_is_shown(self) -> None:
        """
        Contract 18.3: where the database tells it.
        """

        async def nothing(_range: Any) -> int:
            return 0

        for backend, shown in (
            (MemoryBackend(Clock()), False),
            (LargeBackend(Clock()), True),
        ):
            metrics, stored = Metrics(), StoredObjects(backend, nothing, list)
            show_stored(metrics, stored)
            self.successResultOf(Deferred.fromCoroutine(stored.count()))
            line = f'apiserver_storage_size_bytes{{storage_cluster_id="{STORAGE}"}} 4096.0'
            self.assertEqual(line in metrics.render().decode(), shown)

    def test_a_full_disk_is_shown(self) -> None:
        """
        In C{/metrics}.
        """
        metrics, committer = Metrics(), Committer(MemoryBackend(Clock()), Clock())
        show_room(metrics, committer)
        self.assertIn("ark_storage_full 0.0", metrics.render().decode())
        committer.full = True
        self.assertIn("ark_storage_full 1.0", metrics.render().decode())


class ReactorTests(SynchronousTestCase):
    """
    Whether something keeps the reactor.
    """

    def test_lateness_is_shown(self) -> None:
        """
        As a distribution.
        """
        metrics = Metrics()
        observe = show_lateness(metrics)
        observe(0.0004)
        observe(0.3)
        shown = metrics.render().decode()
        self.assertIn('ark_reactor_late_seconds_bucket{le="0.2"} 1.0', shown)
        self.assertIn('ark_reactor_late_seconds_bucket{le="0.5"} 2.0', shown)


class DelegationTests(SynchronousTestCase):
    """
    What a cluster was asked.
    """

    def test_reviews_and_decisions_are_counted(self) -> None:
        """
        Under kube-apiserver's names.
        """
        clock = Clock()
        cluster = MemoryCluster(clock)
        cluster.answer(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            lambda review: {"status": {"allowed": review["spec"]["user"] == "ann", "denied": False}},
        )
        cluster.answer(
            "/apis/authentication.k8s.io/v1/tokenreviews", lambda _: {"status": {"authenticated": True}}
        )
        tokens, access = TokenReviewAuthenticator(cluster, clock), SubjectAccessAuthorizer(cluster, clock)
        metrics = Metrics()
        show_delegation(metrics, tokens, access)
        for user in ("ann", "ann", "bob"):
            self.successResultOf(access.authorize(Attributes(UserInfo(user), "get", "/")))
        exchange: Any = None
        fields = [(b"authorization", b"Bearer t")]
        request = Request(exchange, ClientConnection(), ("GET", "/", ""), fields, dict(fields))
        for _ in range(2):
            self.failureResultOf(tokens.authenticate(request))
        shown = metrics.render().decode()
        for line in (
            'apiserver_delegated_authn_request_total{code="201"} 1.0',
            'apiserver_delegated_authz_request_total{code="201"} 2.0',
            'authentication_token_cache_request_total{status="hit"} 1.0',
            'authentication_token_cache_request_total{status="miss"} 1.0',
            'authentication_token_cache_fetch_total{status="ok"} 1.0',
            'apiserver_authorization_decisions_total{decision="allowed",name="",type="Webhook"} 2.0',
        ):
            self.assertIn(line, shown)
