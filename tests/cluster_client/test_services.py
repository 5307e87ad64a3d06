"""
Tests for L{ark.cluster.services}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.cluster.memory import MemoryCluster
from ark.cluster.services import ClusterServices
from ark.cluster.webhook import Address, NoAddress


class ClusterServicesTests(SynchronousTestCase):
    """
    Services lead to where the cluster says.
    """

    def setUp(self) -> None:
        """
        A cluster without any.
        """
        self.cluster = MemoryCluster(Clock())
        self.services = ClusterServices(self.cluster)

    def put(self, **spec: Any) -> None:
        """
        Have a service C{hooks}.
        """
        metadata = {"name": "hooks", "namespace": "default"}
        self.cluster.put("/api/v1/services", {"metadata": metadata, "spec": spec})

    def find(self) -> Deferred[Address]:
        """
        Look for the port 443 of C{hooks}.
        """
        return Deferred.fromCoroutine(self.services.address("default", "hooks", 443))

    def why(self) -> str:
        """
        Why there is no address.
        """
        return str(self.failureResultOf(self.find(), NoAddress).value)

    def test_a_service_leads_to_its_cluster_address(self) -> None:
        """
        With the port that it has.

        Contract 16.9.
        """
        self.put(clusterIP="10.0.0.1", ports=[{"port": 443}])
        self.assertEqual(self.successResultOf(self.find()), Address("10.0.0.1", 443))

    def test_an_external_name_leads_to_that_name(self) -> None:
        """
        With whatever port was asked for.
        """
        self.put(type="ExternalName", externalName="localhost")
        self.assertEqual(self.successResultOf(self.find()), Address("localhost", 443))

    def test_it_is_told_why_there_is_no_address(self) -> None:
        """
        No service, no address, no port, no cluster.
        """
        self.assertEqual(self.why(), 'service "hooks" not found')
        self.put(clusterIP="None", ports=[{"port": 443}])
        self.assertEqual(self.why(), 'cannot route to service with ClusterIP "None"')
        self.put(clusterIP="10.0.0.1", ports=[{"port": 80}])
        self.assertEqual(self.why(), 'no service port 443 found for service "hooks"')
        self.cluster.down = True
        self.assertEqual(self.why(), "the cluster is down")
