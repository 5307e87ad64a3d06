"""
Tests of L{ark.tracing.configuration}.
"""

from __future__ import annotations

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.tracing.configuration import BadTracingConfiguration, TracingConfiguration, read_configuration


def text(version: str = "v1", **members: object) -> bytes:
    """
    The text of a configuration.
    """
    head = {"apiVersion": f"apiserver.config.k8s.io/{version}", "kind": "TracingConfiguration"}
    return orjson.dumps({**head, **members})


class ReadConfigurationTests(SynchronousTestCase):
    """
    What C{--tracing-config-file} may hold.
    """

    def test_members_count(self) -> None:
        """
        In every version that kube-apiserver knows.
        """
        for version in ("v1", "v1beta1", "v1alpha1"):
            found = read_configuration(text(version, endpoint="otel:4317", samplingRatePerMillion=10))
            self.assertEqual(found, TracingConfiguration("otel:4317", 10))

    def test_members_may_be_left_out(self) -> None:
        """
        Then the collector is on this machine, and only what others decided on is traced.
        """
        self.assertEqual(read_configuration(text()), TracingConfiguration("localhost:4317", 0))
        self.assertEqual(read_configuration(text(endpoint=None)), TracingConfiguration("localhost:4317", 0))

    def test_endpoint_may_have_a_scheme_of_grpc(self) -> None:
        """
        Those that kube-apiserver takes.
        """
        for endpoint in (
            "dns://1.1.1.1/otel:4317",
            "unix:///run/otel.sock",
            "unix-abstract://otel",
            "unix:otel",
        ):
            self.assertEqual(read_configuration(text(endpoint=endpoint)).endpoint, endpoint)

    def test_what_is_no_configuration_is_refused(self) -> None:
        """
        With a reason that can stand after the name of the file.
        """
        for data, reason in (
            (b"{", "is no YAML"),
            (b"[]", "holds no TracingConfiguration"),
            (b"kind: Pod\napiVersion: v1\n", "holds Pod of v1, not TracingConfiguration"),
            (text("v2"), "holds TracingConfiguration of apiserver.config.k8s.io/v2"),
            (text(insecure=True), "has insecure, which"),
            (b"apiVersion: a\nkind: b\nkind: c\n", "says something twice: line 3"),
            (text(endpoint="https://otel:4317"), "scheme https"),
            (text(endpoint=""), "endpoint that is no text"),
            (text(endpoint=1), "endpoint that is no text"),
            (text(samplingRatePerMillion=-1), "from 0 to 1000000"),
            (text(samplingRatePerMillion=1000001), "from 0 to 1000000"),
            (text(samplingRatePerMillion=True), "from 0 to 1000000"),
            (text(samplingRatePerMillion="1"), "from 0 to 1000000"),
        ):
            error = self.assertRaises(BadTracingConfiguration, read_configuration, data)
            self.assertIn(reason, str(error))
