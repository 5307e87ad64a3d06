"""
Tests for L{ark.admission.clusternamespaces}, and for what L{NamespaceLifecycle} makes of it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.attributes import CREATE, DELETE, Attributes
from ark.admission.clusternamespaces import (
    DOUBT_SECONDS,
    MISSING_SECONDS,
    NAMESPACES,
    READY_SECONDS,
    ClusterNamespaces,
)
from ark.admission.namespacelifecycle import NamespaceLifecycle
from ark.authentication.userinfo import UserInfo
from ark.cluster.memory import MemoryCluster
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus

CONTROLLER = UserInfo("system:serviceaccount:kube-system:namespace-controller")


def namespace(name: str, phase: str = "Active") -> dict[str, Any]:
    """
    A namespace.
    """
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": phase}}


def write(operation: str, user: UserInfo | None = None) -> Attributes:
    """
    A query that comes to, or goes from, the namespace C{one}.
    """
    obj = {"metadata": {"name": "q"}} if operation == CREATE else None
    return Attributes(
        operation,
        GroupKind("ark.mckinsey.com", "Query"),
        GroupResource("ark.mckinsey.com", "queries"),
        "v1alpha1",
        "one",
        "q",
        obj,
        None,
        user=user,
    )


class ClusterNamespacesTests(SynchronousTestCase):
    """
    Who creates something is judged by the namespaces of the cluster.
    """

    def setUp(self) -> None:
        """
        A cluster with the namespace C{one}, and an informer that knows it.
        """
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.cluster.put(NAMESPACES, namespace("one"))
        self.informer = self.cluster.informer(NAMESPACES)
        self.informer.start()
        self.namespaces = ClusterNamespaces(self.cluster, self.informer, self.clock)
        self.plugin = NamespaceLifecycle(self.namespaces.phase_of, self.namespaces.doubt)

    def admit(self, attributes: Attributes) -> Deferred[None]:
        """
        Have a write judged.
        """
        return Deferred.fromCoroutine(self.plugin.admit(attributes))

    def refusal(self, judged: Deferred[None]) -> APIStatus:
        """
        Why a write was refused.
        """
        return self.failureResultOf(judged, APIStatus).value

    def asked(self) -> int:
        """
        How often the cluster was asked for a namespace.
        """
        return len(self.cluster.requests)

    def test_known_namespaces_cost_nothing(self) -> None:
        """
        What the informer knows is not asked for.
        """
        self.successResultOf(self.admit(write(CREATE)))
        self.assertEqual(self.asked(), 0)

    def test_nothing_is_created_in_a_namespace_that_goes(self) -> None:
        """
        403 with the cause that clients look for.
        """
        self.cluster.put(NAMESPACES, namespace("one", "Terminating"))
        status = self.refusal(self.admit(write(CREATE)))
        self.assertEqual((status.code, status.causes[0].reason), (403, "NamespaceTerminating"))
        self.assertEqual(self.asked(), 0)

    def test_a_missing_namespace_is_waited_for(self) -> None:
        """
        One that the informer learns of within a moment is found there.
        """
        self.cluster.remove(NAMESPACES, "one")
        judged = self.admit(write(CREATE))
        self.assertNoResult(judged)
        self.cluster.put(NAMESPACES, namespace("one"))
        self.clock.advance(MISSING_SECONDS)
        self.successResultOf(judged)
        self.assertEqual(self.asked(), 0)

    def test_the_cluster_has_the_last_word_on_a_missing_namespace(self) -> None:
        """
        It is asked for what the informer does not know, and its 404 is ours.
        """
        self.cluster.remove(NAMESPACES, "one")
        judged = self.admit(write(CREATE))
        self.clock.advance(MISSING_SECONDS)
        status = self.refusal(judged)
        self.assertEqual((status.code, status.message), (404, 'namespaces "one" not found'))
        self.assertEqual(self.asked(), 1)

    def test_a_cluster_that_is_away_lets_nobody_in(self) -> None:
        """
        Where only the cluster knows and does not answer, the write fails with 500.
        """
        self.cluster.remove(NAMESPACES, "one")
        self.cluster.down = True
        judged = self.admit(write(CREATE))
        self.clock.advance(MISSING_SECONDS)
        self.assertEqual(self.refusal(judged).code, 500)

    def test_known_namespaces_need_no_cluster(self) -> None:
        """
        While the cluster is away, writes go on in namespaces that are known.
        """
        self.cluster.down = True
        self.successResultOf(self.admit(write(CREATE)))

    def test_nothing_is_created_before_namespaces_are_known(self) -> None:
        """
        A write waits ten seconds for the informer, then is refused.
        """
        self.cluster.down = True
        informer = self.cluster.informer(NAMESPACES)
        informer.start()
        namespaces = ClusterNamespaces(self.cluster, informer, self.clock)
        self.plugin = NamespaceLifecycle(namespaces.phase_of)
        early, late = self.admit(write(CREATE)), self.admit(write(CREATE))
        self.clock.advance(READY_SECONDS - 1)
        self.assertNoResult(early)
        self.clock.advance(1)
        self.assertIn("not yet ready to handle request", self.refusal(early).message)
        self.assertEqual(self.refusal(late).code, 403)
        waiting = self.admit(write(CREATE))
        self.cluster.down = False
        self.successResultOf(waiting)

    def test_an_emptied_namespace_is_asked_for(self) -> None:
        """
        While the namespace controller deletes what is in a namespace, and for a while after,
        the informer is not believed that it stays.
        """
        self.successResultOf(self.admit(write(DELETE, CONTROLLER)))
        self.successResultOf(self.admit(write(CREATE)))
        self.assertEqual(self.asked(), 1)
        self.clock.advance(DOUBT_SECONDS)
        self.successResultOf(self.admit(write(CREATE)))
        self.assertEqual(self.asked(), 1)

    def test_deletions_of_others_raise_no_doubt(self) -> None:
        """
        Anybody may delete a query in a namespace that stays.
        """
        for user in (UserInfo("jane"), None):
            self.successResultOf(self.admit(write(DELETE, user)))
        self.successResultOf(self.admit(write(CREATE)))
        self.assertEqual(self.asked(), 0)

    def test_doubts_are_bounded(self) -> None:
        """
        However many namespaces go at once, only the last hundred are remembered.
        """
        for number in range(150):
            self.namespaces.doubt(f"other-{number}")
        self.assertLessEqual(len(self.namespaces._doubted), 100)
