"""
Tests for L{ark.registry.conversion.services}.
"""

from __future__ import annotations

from typing import Any

from ark.cluster.webhook import Address, NoAddress
from ark.registry.conversion.services import Services
from tests.endpoints.support import ServerTestCase

SERVICES = "/api/v1/namespaces/default/services"


class AddressTests(ServerTestCase):
    """
    Where a service leads.
    """

    def address(self, port: int = 443, **spec: Any) -> Any:
        """
        The address of a service, or what is told instead.
        """
        if spec:
            body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"}, "spec": spec}
            answer = self.request("POST", SERVICES, body)
            self.assertEqual(answer.code, 201, answer.body)
        services = Services(self.server.cacher)
        try:
            return self.server._run(services.address("default", "hook", port))
        finally:
            self.request("DELETE", f"{SERVICES}/hook")

    def refused(self, port: int = 443, **spec: Any) -> str:
        """
        Why it leads nowhere.
        """
        failure = self.address(port, **spec)
        failure.trap(NoAddress)
        return str(failure.value)

    def test_a_name_is_looked_up_elsewhere(self) -> None:
        """
        On any port.
        """
        found = self.address(8443, type="ExternalName", externalName="localhost")
        self.assertEqual(found, Address("localhost", 8443))

    def test_an_address_is_believed(self) -> None:
        """
        On the ports that the service has.
        """
        ports = [{"port": 443}]
        self.assertEqual(self.address(clusterIP="127.0.0.1", ports=ports), Address("127.0.0.1", 443))
        told = self.refused(8443, clusterIP="127.0.0.1", ports=ports)
        self.assertEqual(told, 'no service port 8443 found for service "hook"')

    def test_no_address(self) -> None:
        """
        None was given, or there is no such service.
        """
        self.assertEqual(self.refused(), 'service "hook" not found')
        told = self.refused(clusterIP="None", ports=[{"port": 443}])
        self.assertEqual(told, 'cannot route to service with ClusterIP "None"')
