"""
Tests for L{ark.controllers.keptobjects}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.admission.policies.params import NotYet
from ark.controllers.keptobjects import KeptObjects, local_kinds
from ark.interfaces import IInformer
from ark.testing import InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, registry


class KeptObjectsTests(SynchronousTestCase):
    """
    What is kept here is followed as if it were in a cluster.
    """

    def setUp(self) -> None:
        """
        A server with a widget, and who follows widgets.
        """
        self.server = InMemoryServer(registry())
        self.write("one", "red")
        self.find = local_kinds(lambda: self.server.application.stores, self.server.clock)
        found = self.find(f"{GROUP}/v1", "Widget")
        assert found is not None
        self.assertTrue(found.namespaced)
        self.objects: Any = found.informer
        self.told: list[list[str]] = []
        self.objects.subscribe(lambda: self.told.append(self.colors()))
        self.objects.start()
        self.server.settle()

    def write(self, name: str, color: str) -> None:
        """
        Create or change a widget.
        """
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": {"color": color},
        }
        headers = {"content-type": "application/apply-patch+yaml"}
        target = f"{WIDGETS}/{name}?fieldManager=m&force=true"
        self.assertIn(self.server.request("PATCH", target, body, headers).code, (200, 201))

    def colors(self) -> list[str]:
        """
        The widgets that are known.
        """
        return [f"{each['metadata']['name']} {each['spec']['color']}" for each in self.objects.items()]

    def test_interface(self) -> None:
        """
        It is what it says.
        """
        verifyObject(IInformer, self.objects)
        self.assertIsInstance(self.objects, KeptObjects)

    def test_changes(self) -> None:
        """
        Are told of after they have been taken in.
        """
        self.assertTrue(self.objects.synced)
        self.write("two", "green")
        self.write("one", "blue")
        self.server.request("DELETE", f"{WIDGETS}/two")
        self.server.settle()
        self.assertEqual(self.told[0], ["one red"])
        self.assertEqual(self.told[-1], ["one blue"])
        self.assertIn(["one red", "two green"], self.told)
        self.assertEqual(self.objects.get("default", "one")["kind"], "Widget")

    def test_stop(self) -> None:
        """
        What is known stays as it is.
        """
        self.objects.stop()
        self.write("one", "blue")
        self.server.settle()
        self.assertEqual(self.colors(), ["one red"])

    def test_other_kinds(self) -> None:
        """
        Are not found; before there are stores, nothing can be told.
        """
        self.assertIsNone(self.find(f"{GROUP}/v2", "Widget"))
        self.assertIsNone(self.find("v1", "Nothing"))
        with self.assertRaises(NotYet):
            local_kinds(lambda: None, self.server.clock)(f"{GROUP}/v1", "Widget")
