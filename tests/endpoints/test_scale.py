"""
L{ark.endpoints.scale}.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.apis.messages import encoded
from ark.endpoints.negotiation import PROTOBUF
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, widget_manifest
from tests.endpoints.test_protobuf import decoded

SCALE = f"{WIDGETS}/w/scale"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def scaled_manifest() -> dict[str, Any]:
    """
    Widgets that count replicas.
    """
    manifest = copy.deepcopy(widget_manifest())
    (version,) = manifest["spec"]["versions"]
    version["subresources"]["scale"] = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["replicas"] = {"type": "integer", "minimum": 0}
    properties["status"]["properties"].update(replicas={"type": "integer"}, selector={"type": "string"})
    return manifest


class ScaleTests(SynchronousTestCase):
    """
    What C{ScaleREST} in C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go} does.
    """

    def setUp(self) -> None:
        """
        A server with one widget of two replicas.
        """
        kinds = [*KindRegistry.load().kinds(), *KindRegistry.from_manifests([scaled_manifest()]).kinds()]
        self.server = InMemoryServer(KindRegistry(kinds))
        self.create("w", replicas=2)

    def create(self, name: str, **spec: Any) -> None:
        """
        Create a widget.
        """
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}
        self.assertEqual(self.server.request("POST", WIDGETS, body).code, 201)

    def put(self, replicas: int, **metadata: str) -> Answer:
        """
        Replace the scale.
        """
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "w", **metadata},
            "spec": {"replicas": replicas},
        }
        return self.server.request("PUT", SCALE, body)

    def patch(self, body: Any, name: str = "w") -> Answer:
        """
        Patch a scale.
        """
        headers = {"content-type": "application/merge-patch+json"}
        return self.server.request("PATCH", f"{WIDGETS}/{name}/scale", body, headers)

    def test_is_read_as_a_scale(self) -> None:
        """
        With the object's identity and its counts.
        """
        scale = self.server.request("GET", SCALE).json()
        self.assertEqual((scale["kind"], scale["apiVersion"]), ("Scale", "autoscaling/v1"))
        self.assertEqual((scale["spec"], scale["status"]), ({"replicas": 2}, {"replicas": 0}))
        self.assertEqual(
            set(scale["metadata"]), {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
        )

    def test_changes_the_object(self) -> None:
        """
        By the rules of the object: its generation counts.
        """
        self.assertEqual(self.put(5).json()["spec"], {"replicas": 5})
        self.assertEqual(self.patch({"spec": {"replicas": 0}}).json()["spec"], {})
        widget = self.server.request("GET", f"{WIDGETS}/w").json()
        self.assertEqual((widget["spec"]["replicas"], widget["metadata"]["generation"]), (0, 3))

    def test_an_old_revision_conflicts(self) -> None:
        """
        Without one the write is unconditional.
        """
        old = self.server.request("GET", SCALE).json()["metadata"]["resourceVersion"]
        self.assertEqual(self.put(3, resourceVersion=old).code, 200)
        self.assertEqual(self.put(4, resourceVersion=old).code, 409)
        self.assertEqual(self.put(4, uid="another").code, 409)
        self.assertEqual(self.put(4).code, 200)

    def test_the_objects_schema_holds(self) -> None:
        """
        Faults are told of the object.
        """
        status = self.patch({"spec": {"replicas": -1}}).json()
        self.assertEqual((status["code"], status["details"]["kind"]), (422, "Widget"))

    def test_the_count_has_to_be_said(self) -> None:
        """
        An object that says none has no scale to read, and gets one only with a count.
        """
        self.create("none")
        self.assertEqual(self.server.request("GET", f"{WIDGETS}/none/scale").code, 500)
        self.assertEqual(self.patch({"metadata": {"labels": {}}}, "none").code, 400)
        self.assertEqual(self.patch({"spec": {"replicas": 1}}, "none").json()["spec"], {"replicas": 1})

    def test_another_kind_is_refused(self) -> None:
        """
        The body is a Scale, whatever the object is.
        """
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "w"}}
        self.assertEqual(self.server.request("PUT", SCALE, body).code, 400)
        self.assertEqual(self.patch({"spec": {"replicas": 1}}, "nothing").code, 404)

    def test_is_shown_as_a_table(self) -> None:
        """
        With the counts as columns.
        """
        table = self.server.request("GET", SCALE, None, {"accept": TABLE}).json()
        self.assertEqual(
            [column["name"] for column in table["columnDefinitions"]], ["Name", "Desired", "Available", "Age"]
        )
        self.assertEqual(table["rows"][0]["cells"][:3], ["w", 2, 0])

    def test_it_may_be_in_protocol_buffers(self) -> None:
        """
        As controllers of Go read and write it, whatever kind it is of.
        """
        read = self.server.request("GET", SCALE, None, {"accept": PROTOBUF})
        self.assertEqual(read.header(b"content-type"), PROTOBUF.encode())
        scale = decoded(read.body)
        self.assertEqual((scale["apiVersion"], scale["spec"]), ("autoscaling/v1", {"replicas": 2}))
        scale["spec"]["replicas"] = 5
        sent = {"content-type": PROTOBUF, "accept": f"{PROTOBUF},application/json"}
        written = self.server.request("PUT", SCALE, encoded(scale), sent)
        self.assertEqual((written.code, written.json()["spec"]), (200, {"replicas": 5}))
