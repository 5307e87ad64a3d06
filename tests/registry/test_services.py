"""
Rules of L{ark.registry.services} and L{ark.registry.addresses}; what else is an address, and how each is refused or
better written, is compared with kube-apiserver by L{tests.differential.topics.core}.
"""

from __future__ import annotations

from typing import Any

from ark.registry.core import strategy_for
from ark.testing import Answer
from tests.endpoints.support import ServerTestCase, registry

CORE = "/api/v1/namespaces/default"
PORTS = [{"port": 80}]


class ServiceTests(ServerTestCase):
    """
    C{GetWarningsForService} in C{k8s.io/kubernetes/pkg/api/service}.
    """

    def warned(self, **spec: Any) -> list[bytes]:
        """
        What the writer of a service is warned of.
        """
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}
        answer: Answer = self.request("POST", f"{CORE}/services?dryRun=All", service)
        self.assertEqual(answer.code, 201, answer.body)
        return answer.header_values(b"warning")

    def test_what_has_no_effect(self) -> None:
        """
        By the kind of the service.
        """
        ports, addresses = [{"port": 80}], ["10.0.0.1"]
        self.assertEqual(self.warned(ports=ports), [])
        (told,) = self.warned(ports=ports, externalIPs=addresses)
        self.assertIn(b"is deprecated", told)
        (told,) = self.warned(ports=ports, clusterIP="None", externalIPs=addresses)
        self.assertIn(b"headless", told)
        (told,) = self.warned(type="ExternalName", externalName="a.b", externalIPs=addresses)
        self.assertIn(b"is ignored when spec.type is", told)
        (told,) = self.warned(ports=ports, externalName="a.b")
        self.assertIn(b"spec.externalName is ignored", told)

    def test_an_external_name_is_a_name_of_dns(self) -> None:
        """
        C{ValidateService}; a dot may end it.
        """
        for name in ("a.b", "a.b."):
            self.assertEqual(self.warned(type="ExternalName", externalName=name), [])
        for name, shown in (("Pink", "Pink"), ("a_b.", "a_b"), (".", None), ("", None)):
            spec = {"type": "ExternalName", "externalName": name}
            service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}
            status = self.status(self.request("POST", f"{CORE}/services", service), 422, "Invalid")
            (cause,) = status["details"]["causes"]
            self.assertEqual(cause["field"], "spec.externalName")
            wanted = "Required value" if shown is None else f'Invalid value: "{shown}": a lowercase RFC 1123'
            self.assertTrue(cause["message"].startswith(wanted), cause["message"])

    def causes(self, **spec: Any) -> list[tuple[str, str]]:
        """
        Field and message of what is wrong with a service.
        """
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}
        status = self.status(self.request("POST", f"{CORE}/services", service), 422, "Invalid")
        return [(cause["field"], cause["message"]) for cause in status["details"]["causes"]]

    def test_addresses_mean_one_thing_only(self) -> None:
        """
        No needless zeros, which some read as octal, and no IPv4 in the clothes of IPv6.
        """
        told = self.causes(ports=PORTS, externalIPs=["010.0.0.1", "::ffff:1.2.3.4", "x", "127.0.0.1"])
        self.assertEqual([field for field, _ in told], [f"spec.externalIPs[{number}]" for number in range(4)])
        for (_, message), wanted in zip(told, ("leading 0s", "IPv4-mapped", "valid IP address", "loopback")):
            self.assertIn(wanted, message)
        for address in ("fe80::1%eth0", "1::2::3", "10.0.0.256"):
            self.assertEqual(len(self.causes(ports=PORTS, externalIPs=[address])), 1)

    def test_addresses_in_the_cluster_are_seen_to_first(self) -> None:
        """
        Nothing else is told then.
        """
        ((field, _),) = self.causes(clusterIP="01.2.3.4", externalIPs=["x"])
        self.assertEqual(field, "spec.clusterIPs[0]")
        self.assertEqual(self.warned(clusterIP="None"), [])

    def test_ranges_begin_at_their_first_address(self) -> None:
        """
        And only what balances load has them; spaces around them do not count.
        """
        good = [" 10.0.0.0/8 ", "2001:db8::/32"]
        self.assertEqual(self.warned(ports=PORTS, type="LoadBalancer", loadBalancerSourceRanges=good), [])
        bad = ["10.0.0.1/8", "10.0.0.0/08", "::ffff:1.2.3.0/120", "10.0.0.0", "0.0.0.0/00"]
        found = self.causes(ports=PORTS, type="LoadBalancer", loadBalancerSourceRanges=bad)
        words = ("beyond the prefix", "leading 0s", "IPv4-mapped", "valid CIDR", "leading 0s")
        for (_, message), wanted in zip(found, words):
            self.assertIn(wanted, message)
        (told,) = self.causes(ports=PORTS, loadBalancerSourceRanges=["10.0.0.0/8"])
        self.assertEqual(told[1], "Forbidden: may only be used when `type` is 'LoadBalancer'")

    def test_an_address_is_best_written_in_its_canonical_form(self) -> None:
        """
        Others are warned of.
        """
        (told,) = self.warned(type="ExternalName", externalName="a.b", loadBalancerIP="2001:DB8::1")
        self.assertIn(b"should be in RFC 5952 canonical format", told)
        (told,) = self.warned(type="ExternalName", externalName="a.b", trafficDistribution="PreferClose")
        self.assertIn(b"PreferSameZone", told)

    def test_what_a_service_had_it_keeps(self) -> None:
        """
        However it looks, with a word on how it is better written.
        """
        old: dict[str, Any] = {
            "metadata": {},
            "spec": {"externalIPs": ["010.0.0.1"], "loadBalancerSourceRanges": ["10.0.0.1/8"]},
        }
        new = {"metadata": {}, "spec": {**old["spec"], "type": "LoadBalancer", "ports": PORTS}}
        kind = registry().get("", "v1", "services")
        assert kind is not None
        strategy = strategy_for(kind)
        self.assertEqual(strategy.validate(new, old), [])
        told = strategy.warnings(new, old)
        self.assertIn(
            'spec.externalIPs[0]: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"', told
        )
        wanted = 'is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'
        self.assertIn(f'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" {wanted}', told)
