"""
A server in memory with a garbage collector, for the tests of that.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.controllers.events import EventRecorder
from ark.controllers.garbageactions import USER
from ark.controllers.garbagecollector import COMPONENT, GarbageCollector
from ark.testing import EPOCH, InMemoryServer

ARK = "/apis/ark.mckinsey.com/v1alpha1"
PATHS = {
    "ConfigMap": ("v1", "/api/v1", "configmaps"),
    "Secret": ("v1", "/api/v1", "secrets"),
    "Namespace": ("v1", "/api/v1", "namespaces"),
    "ArkConfig": ("ark.mckinsey.com/v1alpha1", ARK, "arkconfigs"),
}
CLUSTER_SCOPED = ("Namespace", "ArkConfig")


def owner(obj: dict[str, Any], **members: Any) -> dict[str, Any]:
    """
    A reference to an object.
    """
    metadata = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        **members,
    }


def blocking(obj: dict[str, Any]) -> dict[str, Any]:
    """
    A reference to an object that must not go before.
    """
    return owner(obj, blockOwnerDeletion=True)


class GarbageTestCase(SynchronousTestCase):
    """
    Objects come and go, and a collector looks on.
    """

    registry = KindRegistry.load()

    def setUp(self) -> None:
        """
        A server, two namespaces, and a collector that knows what there is.
        """
        self.server = InMemoryServer(self.registry)
        self.server.create_namespace("other")
        self.start()

    def start(self) -> None:
        """
        Begin to collect, or begin anew.
        """
        clock = self.server.clock
        stores = self.server.application.stores
        recorder = EventRecorder(stores, COMPONENT, USER, lambda: EPOCH + clock.seconds())
        self.collector = GarbageCollector(stores, self.server.cacher, clock, recorder)
        self.collector.start()
        self.addCleanup(self.collector.stop)
        self.server.settle()

    def path(self, kind: str, name: str = "", namespace: str = "default") -> str:
        """
        Where an object is, or a collection.
        """
        _, base, plural = PATHS[kind]
        place = "" if kind in CLUSTER_SCOPED else f"/namespaces/{namespace}"
        return f"{base}{place}/{plural}" + (f"/{name}" if name else "")

    def make(
        self, name: str, *owners: dict[str, Any], kind: str = "ConfigMap", **metadata: Any
    ) -> dict[str, Any]:
        """
        Create an object with these owners.
        """
        namespace = metadata.pop("namespace", "default")
        body: dict[str, Any] = {
            "apiVersion": PATHS[kind][0],
            "kind": kind,
            "metadata": {"name": name, "ownerReferences": list(owners), **metadata},
        }
        if kind == "ArkConfig":
            body["spec"] = {}
        answer = self.server.request("POST", self.path(kind, namespace=namespace), body)
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json()
        return made

    def get(self, name: str, kind: str = "ConfigMap", namespace: str = "default") -> dict[str, Any] | None:
        """
        An object, if it is there.
        """
        answer = self.server.request("GET", self.path(kind, name, namespace))
        found: dict[str, Any] | None = answer.json() if answer.code == 200 else None
        return found

    def delete(self, name: str, policy: str = "Background", **place: str) -> None:
        """
        Delete an object, and let happen what needs no time.
        """
        answer = self.server.request(
            "DELETE", self.path(place.pop("kind", "ConfigMap"), name, **place), {"propagationPolicy": policy}
        )
        self.assertEqual(answer.code, 200, answer.body)

    def change(self, name: str, metadata: dict[str, Any], **place: str) -> None:
        """
        Change metadata of an object.
        """
        answer = self.server.request(
            "PATCH",
            self.path(place.pop("kind", "ConfigMap"), name, **place),
            {"metadata": metadata},
            {"content-type": "application/merge-patch+json"},
        )
        self.assertEqual(answer.code, 200, answer.body)

    def names(self, kind: str = "ConfigMap", namespace: str = "default") -> list[str]:
        """
        What there is of a kind.
        """
        items = self.server.request("GET", self.path(kind, namespace=namespace)).json()["items"]
        return [item["metadata"]["name"] for item in items]

    def owners(self, name: str, **place: str) -> list[str]:
        """
        The names of the owners of an object.
        """
        found = self.get(name, **place)
        assert found is not None, name
        return [entry["name"] for entry in found["metadata"].get("ownerReferences", ())]
