"""
Bodies in protocol buffers: contract 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apis.messages import message_of
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
        ]
        for answer in answers:
            message = self.status(answer, 415, "UnsupportedMediaType")["message"]
            self.assertTrue(message.endswith(f": application/json, application/yaml, {PROTOBUF}"))

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

    def test_options_for_custom_resources_are_read(self) -> None:
        """
        They are the same for all kinds.
        """
        self.create("w")
        other = body("DeleteOptions", piece(2, piece(1, b"other")))
        self.status(self.send("DELETE", f"{WIDGETS}/w", other), 409, "Conflict")
        self.assertEqual(self.send("DELETE", f"{WIDGETS}/w", body("DeleteOptions", b"")).code, 200)

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


def decoded(data: bytes) -> dict[str, Any]:
    """
    The object of an answer, its type with it.
    """
    api_version, kind, raw = open_envelope(data)
    message = message_of(api_version, kind)
    assert message is not None, (api_version, kind)
    return {"apiVersion": api_version, "kind": kind, **message.decode(raw)}


class AnswerTests(ServerTestCase):
    """
    Answers to clients that take nothing else.
    """

    def setUp(self) -> None:
        """
        Create an object.
        """
        super().setUp()
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
        self.made = self.request("POST", CONFIG_MAPS, made).json()

    def ask(self, method: str, target: str, data: Any = None, accept: str = PROTOBUF) -> Answer:
        """
        Make a request for an answer in protocol buffers.
        """
        answer = self.request(method, target, data, accept=accept)
        self.assertEqual(answer.header(b"content-type"), PROTOBUF.encode(), answer.body)
        return answer

    def test_objects_and_lists(self) -> None:
        """
        Hold what JSON holds.
        """
        answer = self.ask("GET", f"{CONFIG_MAPS}/c")
        self.assertEqual(decoded(answer.body), self.made)
        listed = decoded(self.ask("GET", CONFIG_MAPS).body)
        self.assertEqual((listed["apiVersion"], listed["kind"]), ("v1", "ConfigMapList"))
        self.assertEqual(listed["metadata"], {"resourceVersion": self.made["metadata"]["resourceVersion"]})
        item = {name: value for name, value in self.made.items() if name not in ("apiVersion", "kind")}
        self.assertEqual(listed["items"], [item])

    def test_writes(self) -> None:
        """
        Answer with the object that was written.
        """
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}}
        answer = self.ask("POST", CONFIG_MAPS, made)
        self.assertEqual((answer.code, decoded(answer.body)["metadata"]["name"]), (201, "d"))
        self.assertEqual(decoded(self.ask("DELETE", f"{CONFIG_MAPS}/d").body)["status"], "Success")

    def test_failures(self) -> None:
        """
        Are a C{Status}.
        """
        answer = self.ask("GET", f"{CONFIG_MAPS}/none")
        status = decoded(answer.body)
        self.assertEqual((answer.code, status["code"], status["reason"]), (404, 404, "NotFound"))
        self.assertEqual(status["details"], {"name": "none", "kind": "configmaps"})

    def test_metadata_of_every_kind(self) -> None:
        """
        Custom resources too; there is nothing else of them.
        """
        self.create("w")
        partial = f"{PROTOBUF};as=PartialObjectMetadata%s;g=meta.k8s.io;v=%s"
        shown = decoded(self.ask("GET", f"{WIDGETS}/w", accept=partial % ("", "v1")).body)
        self.assertEqual((shown["kind"], shown["metadata"]["name"]), ("PartialObjectMetadata", "w"))
        for version in ("v1", "v1beta1"):
            shown = decoded(self.ask("GET", WIDGETS, accept=partial % ("List", version)).body)
            self.assertEqual([one["metadata"]["name"] for one in shown["items"]], ["w"])
            self.assertTrue(shown["metadata"]["resourceVersion"])
        answer = self.ask("GET", WIDGETS)
        self.assertEqual((answer.code, decoded(answer.body)["reason"]), (406, "NotAcceptable"))

    def test_tables_have_none(self) -> None:
        """
        Kubernetes has no message for them.
        """
        answer = self.request("GET", CONFIG_MAPS, accept=f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1")
        self.assertEqual(answer.code, 406)

    def test_json_is_taken_where_it_is_wanted_as_much(self) -> None:
        """
        It costs nothing, as objects are kept in it.
        """
        for accept in (f"{PROTOBUF},application/json", f"{PROTOBUF}, */*"):
            answer = self.request("GET", CONFIG_MAPS, accept=accept)
            self.assertEqual(answer.header(b"content-type"), b"application/json")
        self.ask("GET", CONFIG_MAPS, accept=f"{PROTOBUF},application/json;q=0.9")
        self.ask("GET", CONFIG_MAPS, accept=f"{PROTOBUF},application/yaml")

    def test_cbor_is_refused(self) -> None:
        """
        With 406 and 415, after which clients speak JSON (contract 1.7).
        """
        for target in (CONFIG_MAPS, WIDGETS, f"{CONFIG_MAPS}?watch=1"):
            self.status(self.request("GET", target, accept="application/cbor"), 406, "NotAcceptable")
            answer = self.request("GET", target, accept="application/cbor-seq")
            self.status(answer, 406, "NotAcceptable")
        for target in (CONFIG_MAPS, WIDGETS):
            answer = self.request("POST", target, b"\xd9\xd9\xf7", content_type="application/cbor")
            self.status(answer, 415, "UnsupportedMediaType")
            patch = self.request("PATCH", f"{target}/c", b"\xa0", content_type="application/apply-patch+cbor")
            self.status(patch, 415, "UnsupportedMediaType")


def frames(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """
    The type and the object of each event of a stream.
    """
    events = []
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        (kind, extension) = WireReader().last(data[4:size], 2, 2)
        (raw,) = WireReader().last(extension, 2)
        events.append((kind.decode(), decoded(raw)))
        data = data[size:]
    return events


class WatchTests(ServerTestCase):
    """
    Events for clients that take nothing else.
    """

    def watch(self, target: str, accept: str = f"{PROTOBUF};stream=watch", query: str = "") -> Answer:
        """
        Start a watch.
        """
        answer = self.request("GET", f"{target}?watch=1{query}", accept=accept)
        content_type = f"{PROTOBUF};stream=watch".encode()
        self.assertEqual((answer.code, answer.header(b"content-type")), (200, content_type))
        return answer

    def test_events_are_frames(self) -> None:
        """
        Each a whole object behind its length.
        """
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        made = self.request("POST", CONFIG_MAPS, made).json()
        answers = [self.watch(CONFIG_MAPS), self.watch(CONFIG_MAPS, PROTOBUF)]
        merge = "application/merge-patch+json"
        changed = self.request("PATCH", f"{CONFIG_MAPS}/c", {"data": {"a": "b"}}, content_type=merge).json()
        self.request("DELETE", f"{CONFIG_MAPS}/c")
        for answer in answers:
            events = frames(answer.body)
            self.assertEqual([kind for kind, _ in events], ["ADDED", "MODIFIED", "DELETED"])
            self.assertEqual([obj for _, obj in events[:2]], [made, changed])
        (traffic,) = [sent for name, sent in self.server.cacher.hub.traffic.items() if name == "configmaps"]
        self.assertEqual(traffic.events, 6)

    def test_bookmarks_and_failures_are_frames_too(self) -> None:
        """
        A bookmark has the kind that is watched, a failure is a C{Status}.
        """
        answer = self.watch(CONFIG_MAPS, query="&allowWatchBookmarks=1")
        self.server.advance(90)
        ((kind, bookmark), *_) = frames(answer.body)
        self.assertEqual((kind, bookmark["kind"]), ("BOOKMARK", "ConfigMap"))
        self.assertTrue(bookmark["metadata"]["resourceVersion"])

    def test_metadata_of_custom_resources(self) -> None:
        """
        Has the same frames.
        """
        answer = self.watch(WIDGETS, f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        self.create("w")
        ((kind, shown),) = frames(answer.body)
        self.assertEqual(
            (kind, shown["kind"], shown["metadata"]["name"]), ("ADDED", "PartialObjectMetadata", "w")
        )

    def test_custom_resources_have_none(self) -> None:
        """
        Nor have streams a form in YAML.
        """
        for target in (WIDGETS, CONFIG_MAPS):
            answer = self.request("GET", f"{target}?watch=1", accept="application/yaml")
            self.assertEqual(answer.code, 406)
            self.assertIn(b"application/json;stream=watch", answer.body)
        answer = self.request("GET", f"{WIDGETS}?watch=1", accept=PROTOBUF)
        self.assertEqual(answer.code, 406)
