"""
What Go leaves out of objects of the built-in kinds.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.omissions import compile_omissions


class OmissionTests(SynchronousTestCase):
    """
    C{omitempty} in C{k8s.io/api/core/v1/types.go}.
    """

    def left(self, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        """
        What is left of an object.
        """
        compile_omissions("v1", kind)(obj)
        return obj

    def test_empty_members_go(self) -> None:
        """
        At any depth, of any type.
        """
        event = {"count": 0, "type": "", "involvedObject": {"name": "a", "apiVersion": ""}}
        self.assertEqual(self.left("Event", event), {"involvedObject": {"name": "a"}})
        spec = {"type": "", "ports": [{"port": 80, "name": ""}], "selector": {}, "externalIPs": []}
        service = {"spec": {**spec, "publishNotReadyAddresses": False}}
        self.assertEqual(self.left("Service", service), {"spec": {"ports": [{"port": 80}]}})

    def test_pointers_and_what_is_always_told_stay(self) -> None:
        """
        C{immutable: false} says something; C{source} is written even if it is empty.
        """
        for kind, obj in (
            ("ConfigMap", {"immutable": False, "metadata": {"labels": {}}, "data": {"a": ""}}),
            ("Event", {"source": {}, "reportingComponent": "", "series": {}}),
            ("ServiceAccount", {"automountServiceAccountToken": False}),
        ):
            self.assertEqual(self.left(kind, dict(obj)), obj)

    def test_what_is_of_a_wrong_type_stays(self) -> None:
        """
        For the schema to refuse.
        """
        for obj in ({"count": ""}, {"count": False}, {"type": 0}, {"type": None}, {"involvedObject": []}):
            self.assertEqual(self.left("Event", dict(obj)), obj)
        self.assertEqual(self.left("Service", {"spec": {"ports": "x"}}), {"spec": {"ports": "x"}})
