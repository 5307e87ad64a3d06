"""
Custom resources that a webhook converts, by kube-apiserver and by our server: both ask the same webhook over TLS,
and their clients see the same.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.certificates import Authority
from tests.cluster.client import Client, Endpoint
from tests.cluster.shared import ark, oracle

GROUP = "conversion.example.com"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"
PATIENCE = 60


class Hook(BaseHTTPRequestHandler):
    """
    Calls C{host} C{hostname} in version 2, and does wrong what C{spec.wrong} says.
    """

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """
        Say nothing.
        """

    def do_POST(self) -> None:
        """
        Answer a review.
        """
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        made = [converted(obj, asked["desiredAPIVersion"]) for obj in asked["objects"]]
        refused = [obj for obj in asked["objects"] if obj["spec"].get("wrong") == "refused"]
        result = {"status": "Failure", "message": "I will not"} if refused else {"status": "Success"}
        response = {"uid": asked["uid"], "convertedObjects": made, "result": result}
        data = json.dumps({**review, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def converted(obj: dict[str, Any], wanted: str) -> dict[str, Any]:
    """
    An object in another version, right or wrong.
    """
    new, old = ("hostname", "host") if wanted.endswith("v2") else ("host", "hostname")
    spec = {new if name == old else name: value for name, value in obj["spec"].items()}
    metadata = {**obj["metadata"], "annotations": {"asked-for": wanted}}
    if wanted.endswith("v2"):
        metadata |= {"name": {"name": "other"}, "labels": {"labels": {"a": "b c"}}}.get(
            spec.get("wrong", ""), {}
        )
    return {**obj, "apiVersion": wanted, "spec": spec, "metadata": metadata}


def definition(url: str, authority: bytes) -> dict[str, Any]:
    """
    Things in two versions, and where their webhook is.
    """
    webhook = {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
            "versions": [_version("v1", "host"), _version("v2", "hostname")],
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


def _version(name: str, member: str) -> dict[str, Any]:
    members = {
        member: {"type": "string"},
        "wrong": {"type": "string"},
        "size": {"type": "integer", "default": 3},
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": members}}}
    return {
        "name": name,
        "served": True,
        "storage": name == "v1",
        "selectableFields": [{"jsonPath": f".spec.{member}"}],
        "schema": {"openAPIV3Schema": schema},
    }


class ConversionTests(SynchronousTestCase):
    """
    The same requests to both servers.
    """

    def setUp(self) -> None:
        """
        Start a webhook.
        """
        folder = TemporaryDirectory(prefix="conversion-")
        self.addCleanup(folder.cleanup)
        authority = Authority(Path(folder.name), "hook-ca")
        self.authority = authority.certificate.read_bytes()
        pair = authority.issue("hook", server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self.hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.hook.daemon_threads = True
        self.hook.socket = context.wrap_socket(self.hook.socket, server_side=True)
        threading.Thread(target=self.hook.serve_forever, daemon=True).start()
        self.addCleanup(self.hook.server_close)
        self.addCleanup(self.hook.shutdown)

    def test_a_webhook_at_a_url(self) -> None:
        """
        Every verb in both versions, and answers of the webhook that cannot be used.
        """
        url = f"https://127.0.0.1:{self.hook.server_port}/convert"
        self.compare(definition(url, self.authority))

    def test_a_webhook_that_is_no_authority_of_ours(self) -> None:
        """
        Is not believed.
        """
        url = f"https://127.0.0.1:{self.hook.server_port}/convert"
        other = TemporaryDirectory(prefix="conversion-")
        self.addCleanup(other.cleanup)
        stranger = Authority(Path(other.name), "other-ca").certificate.read_bytes()
        for endpoint in (oracle().endpoint, ark().endpoint):
            told = list(self.played(endpoint, definition(url, stranger)))
            self.assertTrue(all(code == 500 for code, _ in told[1:3]), told[:3])
            self.assertIn(f'failed: Post "{url}?timeout=30s": ', told[1][1])

    def compare(self, wanted: dict[str, Any]) -> None:
        """
        Play to both servers.
        """
        expected = list(self.played(oracle().endpoint, wanted))
        for number, (theirs, ours) in enumerate(zip(expected, self.played(ark().endpoint, wanted))):
            self.assertEqual(theirs, ours, f"request {number}")

    def played(self, endpoint: Endpoint, wanted: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        """
        The code of each answer, and what is told of objects or in a failure.
        """
        client = endpoint.connect()
        try:
            self.define(client, wanted)
            for method, version, rest, body in _requests():
                target = f"/apis/{GROUP}/{version}/namespaces/default/things{rest}"
                content = MERGE if method == "PATCH" else "application/json"
                data = None if body is None else json.dumps(body).encode()
                answer = client.request(method, target, {"Content-Type": content}, data)
                yield answer.code, _told(answer.json())
        finally:
            client.request("DELETE", f"{DEFINITIONS}/things.{GROUP}")
            self.wait(client, f"{DEFINITIONS}/things.{GROUP}", 404)
            client.close()

    def define(self, client: Client, wanted: dict[str, Any]) -> None:
        """
        Make the definition and wait until things are served.
        """
        body = json.dumps(wanted).encode()
        answer = client.request("POST", DEFINITIONS, {"Content-Type": "application/json"}, body)
        self.assertEqual(answer.code, 201, answer.body)
        self.wait(client, f"/apis/{GROUP}/v2/namespaces/default/things", 200)

    def wait(self, client: Client, target: str, code: int) -> None:
        """
        Ask until the answer has a code.
        """
        deadline = time.monotonic() + PATIENCE
        while client.request("GET", target).code != code:
            self.assertLess(time.monotonic(), deadline, target)
            time.sleep(0.1)


def _thing(version: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def _requests() -> Iterator[tuple[str, str, str, Any]]:
    yield "POST", "v1", "", _thing("v1", "one", host="a")
    yield "GET", "v2", "/one", None
    yield "POST", "v2", "", _thing("v2", "two", hostname="b")
    for version in ("v1", "v2"):
        yield "GET", version, "/two", None
        yield "GET", version, "", None
        yield "PATCH", version, "/one", {"spec": {"size": 4}, "metadata": {"labels": {"from": version}}}
    yield "GET", "v2", "?fieldSelector=spec.hostname%3Db", None
    yield "GET", "v1", "?fieldSelector=spec.host%3Da", None
    yield "PUT", "v2", "/two", _thing("v2", "two", hostname="c")
    yield "PATCH", "v2", "/one", {"metadata": {"finalizers": ["example.com/x"]}}
    yield "DELETE", "v2", "/one", None
    yield "PATCH", "v2", "/one", {"metadata": {"finalizers": None}}
    yield "GET", "v2", "/one", None
    yield "DELETE", "v2", "/two", None
    for wrong in ("refused", "name", "labels"):
        yield "POST", "v1", "", _thing("v1", wrong, host="x", wrong=wrong)
        yield "GET", "v2", f"/{wrong}", None
        yield "PATCH", "v2", f"/{wrong}", {"spec": {"size": 5}}
        yield "POST", "v2", "", _thing("v2", f"new-{wrong}", hostname="x", wrong=wrong)
        yield "DELETE", "v1", f"/{wrong}", None
        yield "DELETE", "v1", f"/new-{wrong}", None


def _told(body: Any) -> Any:
    if body["kind"] == "Status":
        return body.get("message") or body["status"]
    if "items" in body:
        return [_told(item) for item in body["items"]]
    metadata = body["metadata"]
    shown = {
        name: metadata.get(name) for name in ("name", "labels", "annotations", "generation", "finalizers")
    }
    return body["apiVersion"], shown, body["spec"]
