"""
Tests for L{ark.moving.switching}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ark.moving.switching import Service, Switch
from ark.storage.copying import CopyError
from tests.moving import QUERIES, MovingCase, query

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
PLACE = "/api/v1/services"
NAME = "v1alpha1.ark.mckinsey.com"
SERVICE = Service("ark-system", "ark", 8443, "Q0E=", ("ark-system", "release"))


def status(reason: str, available: str = "True", message: str = "") -> dict[str, Any]:
    """
    What the aggregator says of a version.
    """
    return {"conditions": [{"type": "Available", "status": available, "reason": reason, "message": message}]}


class SwitchTests(MovingCase):
    """
    Who serves a version, with an aggregator that says what the test has it say.
    """

    def setUp(self) -> None:
        """
        kube-apiserver serves a definition.
        """
        super().setUp()
        self.cluster.put(QUERIES, query("one"))
        self.own = {
            "metadata": {"name": NAME, "labels": {"kube-aggregator.kubernetes.io/automanaged": "true"}},
            "spec": {"group": "ark.mckinsey.com", "version": "v1alpha1"},
            "status": status("Local"),
        }
        self.cluster.put(SERVICES, self.own)
        self.cluster.put(PLACE, {"metadata": {"name": "ark", "namespace": "ark-system"}})
        self.switch = Switch(self.cluster, self.collections, self.progress, self.clock, 10)

    def service(self) -> dict[str, Any]:
        """
        What there is of the version now.
        """
        found = self.cluster.find(SERVICES, NAME)
        assert found is not None
        return found

    def begin(self) -> Any:
        """
        A switch that waits for the aggregator.
        """
        running: Any = Deferred.fromCoroutine(self.switch.take_over(SERVICE))
        self.assertNoResult(running)
        return running

    def say(self, condition: dict[str, Any]) -> None:
        """
        Have the aggregator say something.
        """
        self.cluster.put(SERVICES, {**self.service(), "status": condition})

    def test_a_service_that_is_not_there_is_not_switched_to(self) -> None:
        """
        The group would not be served until that is noticed.
        """
        self.cluster.remove(PLACE, "ark", "ark-system")
        failure = self.failureResultOf(Deferred.fromCoroutine(self.switch.take_over(SERVICE)), CopyError)
        self.assertIn("There is no service ark-system/ark", failure.value.cause)
        self.assertNotIn("service", self.service()["spec"])

    def test_what_the_aggregator_said_before_does_not_count(self) -> None:
        """
        That kube-apiserver can serve it says nothing of the service.
        """
        running = self.begin()
        self.clock.advance(1)
        self.assertNoResult(running)

    def test_a_service_takes_over(self) -> None:
        """
        The version is no longer kube-apiserver's own, but Helm's.
        """
        running = self.begin()
        spec, metadata = self.service()["spec"], self.service()["metadata"]
        self.assertEqual(spec["service"], {"namespace": "ark-system", "name": "ark", "port": 8443})
        self.assertEqual(spec["caBundle"], "Q0E=")
        self.assertEqual(metadata["labels"], {"app.kubernetes.io/managed-by": "Helm"})
        self.assertEqual(metadata["annotations"]["meta.helm.sh/release-name"], "release")
        self.come_from(1)
        self.say(status("Passed"))
        self.clock.advance(0.5)
        self.assertEqual(self.successResultOf(running), 0.5)

    def come_from(self, revision: int) -> None:
        """
        Have the cluster's own objects be at a revision.
        """
        told = {"metadata": {"resourceVersion": str(revision)}, "items": []}
        self.cluster.answer("/api/v1/namespaces", lambda _: told, "GET")

    def give_back(self) -> None:
        """
        Let time pass, and kube-apiserver make the version its own when that is free.
        """
        for _ in range(30):
            self.clock.advance(0.5)
            if self.cluster.find(SERVICES, NAME) is None:
                self.cluster.put(SERVICES, self.own)

    def test_an_import_that_is_too_old_is_not_switched_to(self) -> None:
        """
        Whoever comes with a revision of the cluster could be taken for somebody who knows what is here.
        """
        running = self.begin()
        self.come_from(10**9)
        self.say(status("Passed"))
        self.give_back()
        error = self.failureResultOf(running, CopyError).value
        self.assertIn("come past", error.cause)
        self.assertNotIn("service", self.service()["spec"])

    def test_servers_that_lack_objects_are_not_switched_to(self) -> None:
        """
        What was written since the import would be lost.
        """
        running = self.begin()
        self.come_from(1)
        self.cluster.remove(QUERIES, "one", "default")
        self.say(status("Passed"))
        self.give_back()
        error = self.failureResultOf(running, CopyError).value
        self.assertIn("have 0 queries.ark.mckinsey.com, the cluster 1", error.cause)

    def test_servers_that_do_not_answer_are_not_switched_to(self) -> None:
        """
        After some time kube-apiserver serves the version as before.
        """
        running = self.begin()
        self.say(status("FailedDiscoveryCheck", "False", "no route to host"))
        self.give_back()
        error = self.failureResultOf(running, CopyError).value
        self.assertIn("no route to host", error.cause)
        self.assertNotIn("service", self.service()["spec"])
