"""
A server in memory with the kinds that the tests of the verbs need.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.testing import Answer, InMemoryServer

GROUP = "probe.example.com"
BASE = f"/apis/{GROUP}/v1"
WIDGETS = f"{BASE}/namespaces/default/widgets"


def widget_manifest() -> dict[str, Any]:
    """
    A kind with a bit of everything.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".spec.color"}],
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "properties": {
                                        "color": {"type": "string", "enum": ["red", "green", "blue"]},
                                        "size": {"type": "integer", "default": 3, "maximum": 10},
                                        "free": {
                                            "type": "object",
                                            "x-kubernetes-preserve-unknown-fields": True,
                                        },
                                    },
                                },
                                "status": {
                                    "type": "object",
                                    "properties": {"phase": {"type": "string"}},
                                },
                            },
                        }
                    },
                }
            ],
        },
    }


_REGISTRY: list[KindRegistry] = []


def registry() -> KindRegistry:
    """
    The shipped kinds and widgets, read once.
    """
    if not _REGISTRY:
        shipped = KindRegistry.load().kinds()
        widgets = KindRegistry.from_manifests([widget_manifest()]).kinds()
        _REGISTRY.append(KindRegistry([*shipped, *widgets]))
    return _REGISTRY[0]


class WidgetTestCase(SynchronousTestCase):
    """
    Asks a server in memory.
    """

    server: InMemoryServer

    def widget(self, name: str = "w", **spec: Any) -> dict[str, Any]:
        """
        A widget to send.
        """
        return {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}

    def request(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """
        Make a request; underscores in header names stand for hyphens.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.request(method, target, body, named)


class ServerTestCase(WidgetTestCase):
    """
    Has a fresh server for each test.
    """

    def setUp(self) -> None:
        """
        Start a server in memory.
        """
        self.server = InMemoryServer(registry())

    def create(self, name: str = "w", **spec: Any) -> dict[str, Any]:
        """
        Create a widget and return it.
        """
        answer = self.request("POST", WIDGETS, self.widget(name, **spec))
        self.assertEqual(answer.code, 201, answer.body)
        created: dict[str, Any] = answer.json()
        return created

    def status(self, answer: Answer, code: int, reason: str) -> dict[str, Any]:
        """
        The C{Status} of a failure.
        """
        self.assertEqual(answer.code, code, answer.body)
        status: dict[str, Any] = answer.json()
        self.assertEqual((status["kind"], status["code"], status.get("reason", "")), ("Status", code, reason))
        return status
