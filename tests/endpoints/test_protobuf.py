"""
Bodies in protocol buffers: contract 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.endpoints.negotiation import PROTOBUF
from ark.meta.protobuf import open_envelope
from ark.meta.protowire import WireReader
from ark.testing import Answer
from tests.endpoints.support import WIDGETS, ServerTestCase
from tests.meta.test_protobuf import fixtures, number, piece

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


def body(kind: str, raw: bytes, api_version: str = "v1") -> bytes:
    """
    A body as Kubernetes' serializer writes it.
    """
    types = piece(1, api_version.encode()) + piece(2, kind.encode())
    return b"k8s\0" + piece(1, types) + piece(2, raw) + piece(3, b"") + piece(4, b"")


def entry(key: str, value: bytes) -> bytes:
    """
    An entry of a map.
    """
    return piece(1, key.encode()) + piece(2, value)


def named(name: str, *more: bytes) -> bytes:
    """
    An object with a name and more fields.
    """
    return piece(1, piece(1, name.encode())) + b"".join(more)


class ProtobufTestCase(ServerTestCase):
    """
    Sends as the typed clients of Go do.
    """

    def send(self, method: str, target: str, data: bytes) -> Answer:
        """
        Make a request with a body in protocol buffers.
        """
        accept = f"{PROTOBUF},application/json"
        return self.request(method, target, data, content_type=PROTOBUF, accept=accept)

    def refused(self, target: str, data: bytes) -> str:
        """
        The message of the 400 that creating must give.
        """
        status = self.status(self.send("POST", target, data), 400, "BadRequest")
        message: str = status["message"]
        return message


class WriteTests(ProtobufTestCase):
    """
    Creating and updating.
    """

    def test_an_object_is_created_and_answered_in_json(self) -> None:
        """
        With all that creation does.
        """
        secret = named("s", piece(2, entry("k", b"\0\xff")), piece(4, entry("t", b"x")))
        answer = self.send("POST", f"{SECRETS}?fieldValidation=Strict", body("Secret", secret))
        self.assertEqual(answer.code, 201, answer.body)
        self.assertEqual(answer.header(b"content-type"), b"application/json")
        created = answer.json()
        self.assertEqual((created["apiVersion"], created["kind"]), ("v1", "Secret"))
        self.assertEqual((created["data"], created["type"]), ({"k": "AP8=", "t": "eA=="}, "Opaque"))
        self.assertEqual(created["metadata"]["creationTimestamp"], "2023-11-14T22:13:20Z")

    def test_the_same_object_in_json_ends_the_same(self) -> None:
        """
        For every kind, with its own metadata and with such as can be stored; nothing of
        what Go's types have is unknown.
        """
        for fixture in fixtures():
            data, obj = fixture["body"], fixture["json"]
            if obj["kind"] == "DeleteOptions":
                continue
            self.assertEqual(self.said(obj, data), self.said(obj, obj), fixture["name"])
            rest = (
                piece(n, value) if t else number(n, value) for n, t, value in self.members(data) if n != 1
            )
            data = body(obj["kind"], named("n", *rest), obj["apiVersion"])
            obj = {**obj, "metadata": {"name": "n"}}
            self.assertEqual(self.said(obj, data), self.said(obj, obj), fixture["name"])

    def members(self, data: bytes) -> Iterator[tuple[int, int, Any]]:
        """
        The fields of the object in a body.
        """
        return WireReader().fields(open_envelope(data).raw)

    def said(self, obj: dict[str, Any], sent: Any) -> Any:
        """
        What a fresh server answers, less what is made anew each time.
        """
        self.setUp()
        group = "/apis/coordination.k8s.io/v1" if obj["kind"] == "Lease" else "/api/v1"
        place = "" if obj["kind"] == "Namespace" else "/namespaces/default"
        target = f"{group}{place}/{obj['kind'].lower()}s?fieldValidation=Strict"
        content = PROTOBUF if isinstance(sent, bytes) else "application/json"
        said = self.request("POST", target, sent, content_type=content).json()
        self.assertNotIn("unknown field", said.get("message", ""))
        said.get("metadata", {}).pop("uid", None)
        return said

    def test_an_object_is_replaced(self) -> None:
        """
        As leader election does with its lease.
        """
        spec = piece(1, b"me") + number(2, 15) + piece(4, number(1, 1) + number(2, 2000))
        created = self.send(
            "POST", LEASES, body("Lease", named("l", piece(2, spec)), "coordination.k8s.io/v1")
        )
        told = {
            "holderIdentity": "me",
            "leaseDurationSeconds": 15,
            "renewTime": "1970-01-01T00:00:01.000002Z",
        }
        self.assertEqual((created.code, created.json()["spec"]), (201, told))
        metadata = piece(1, piece(6, created.json()["metadata"]["resourceVersion"].encode()))
        released = named("l", metadata, piece(2, piece(1, b"")))
        answer = self.send("PUT", f"{LEASES}/l", body("Lease", released, "coordination.k8s.io/v1"))
        self.assertEqual((answer.code, answer.json()["spec"]), (200, {"holderIdentity": ""}), answer.body)

    def test_a_type_that_is_not_told_is_the_resources(self) -> None:
        """
        As Kubernetes fills it in.
        """
        answer = self.send("POST", CONFIG_MAPS, b"k8s\0" + piece(2, named("c")))
        self.assertEqual((answer.code, answer.json()["kind"]), (201, "ConfigMap"))


class RefusalTests(ProtobufTestCase):
    """
    What is no object of the kind.
    """

    def test_another_type_is_400(self) -> None:
        """
        The numbers of its fields mean something else.
        """
        message = 'Secret in version "v1" cannot be handled as a ConfigMap: '
        self.assertIn(message, self.refused(CONFIG_MAPS, body("Secret", named("c"))))
        other = self.refused(CONFIG_MAPS, body("ConfigMap", named("c"), "v2"))
        self.assertIn("the API version in the data (v2) does not match", other)

    def test_a_malformed_message_is_400(self) -> None:
        """
        With what is wrong.
        """
        message = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF'
        self.assertEqual(self.refused(CONFIG_MAPS, body("ConfigMap", b"\x0a\x05a")), message)

    def test_a_body_that_is_no_protobuf_is_400(self) -> None:
        """
        And its beginning is shown.
        """
        message = self.refused(CONFIG_MAPS, b"\xff\0")
        self.assertIn("does not appear to be a protobuf message, expected prefix [107 56 115 0]", message)
        self.assertTrue(
            message.startswith("the object provided is unrecognized (must be of type ConfigMap): ")
        )
        self.assertTrue(message.endswith(" (ff00)"))

    def test_custom_resources_have_no_protobuf(self) -> None:
        """
        415 makes clients fall back to JSON.
        """
        answers = [
            self.send("POST", WIDGETS, body("Widget", named("w"))),
            self.send("PUT", f"{WIDGETS}/w", body("Widget", named("w"))),
            self.send("DELETE", f"{WIDGETS}/w", body("DeleteOptions", b"")),
        ]
        for answer in answers:
            message = self.status(answer, 415, "UnsupportedMediaType")["message"]
            self.assertTrue(message.endswith(": application/json, application/yaml"))

    def test_patches_have_no_protobuf(self) -> None:
        """
        There is no such patch in Kubernetes.
        """
        self.status(self.send("PATCH", f"{CONFIG_MAPS}/c", b"k8s\0"), 415, "UnsupportedMediaType")


class DeleteTests(ProtobufTestCase):
    """
    Options of deletions.
    """

    def setUp(self) -> None:
        """
        Create an object.
        """
        super().setUp()
        created = self.send("POST", CONFIG_MAPS, body("ConfigMap", named("c")))
        self.uid = created.json()["metadata"]["uid"].encode()

    def delete(self, raw: bytes, kind: str = "DeleteOptions") -> Answer:
        """
        Delete it.
        """
        return self.send("DELETE", f"{CONFIG_MAPS}/c", body(kind, raw))

    def test_options_are_read(self) -> None:
        """
        Preconditions, dry runs and policies.
        """
        self.status(self.delete(piece(2, piece(1, b"other"))), 409, "Conflict")
        self.status(self.delete(piece(4, b"Bogus")), 422, "Invalid")
        self.assertEqual(self.delete(piece(5, b"All")).code, 200)
        self.assertEqual(self.request("GET", f"{CONFIG_MAPS}/c").code, 200)
        self.assertEqual(self.delete(number(1, 0) + piece(2, piece(1, self.uid))).code, 200)
        self.assertEqual(self.request("GET", f"{CONFIG_MAPS}/c").code, 404)

    def test_no_options_and_no_type_delete(self) -> None:
        """
        The type is C{DeleteOptions} unless told.
        """
        self.assertEqual(self.send("DELETE", f"{CONFIG_MAPS}/c", b"k8s\0" + piece(2, b"")).code, 200)

    def test_a_collection_is_deleted(self) -> None:
        """
        With the same options.
        """
        self.assertEqual(self.send("DELETE", CONFIG_MAPS, body("DeleteOptions", b"")).code, 200)
        self.assertEqual(self.request("GET", CONFIG_MAPS).json()["items"], [])

    def test_what_are_no_options_is_400(self) -> None:
        """
        Another type, whatever it holds, and bytes that make no sense.
        """
        for answer in (
            self.delete(b"\xff", "Status"),
            self.delete(b"\xff"),
            self.send("DELETE", f"{CONFIG_MAPS}/c", b"{}"),
        ):
            self.status(answer, 400, "BadRequest")
