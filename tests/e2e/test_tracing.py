"""
Traces of a running server, as a collector of OpenTelemetry gets them.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import ArkServer
from tests.cluster.certificates import Authority
from tests.cluster.client import Answer, Client
from tests.e2e.test_conversion import DEFINITIONS, GROUP, converted, definition
from tests.tracing.collector import Collector, attributes_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
MAPS = "/api/v1/namespaces/default/configmaps"
PATIENCE = 30.0


def configuration(endpoint: str, rate: int) -> str:
    """
    The text of C{--tracing-config-file}.
    """
    return json.dumps(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "TracingConfiguration",
            "endpoint": endpoint,
            "samplingRatePerMillion": rate,
        }
    )


def config_map(name: str) -> dict[str, Any]:
    """
    A small object.
    """
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}


class TracingTests(SynchronousTestCase):
    """
    C{ark-server --tracing-config-file}.
    """

    def setUp(self) -> None:
        """
        A folder.
        """
        folder = TemporaryDirectory(prefix="tracing-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def collect(self, address: str = "127.0.0.1:0") -> Collector:
        """
        A collector.
        """
        collector = Collector(address)
        self.addCleanup(collector.stop)
        return collector

    def start(self, endpoint: str, rate: int = 0) -> ArkServer:
        """
        A server that traces.
        """
        path = self.folder / "tracing.json"
        path.write_text(configuration(endpoint, rate))
        server = ArkServer(flags=[f"--tracing-config-file={path}"])
        self.addCleanup(server.remove)
        return server.start()

    def client(self, server: ArkServer) -> Client:
        """
        The administrator's.
        """
        client = server.endpoint.connect()
        self.addCleanup(client.close)
        return client

    def post(self, client: Client, target: str, body: Any, **headers: str) -> Answer:
        """
        The answer to a POST; underscores in header names stand for hyphens.
        """
        named = {"content-type": "application/json", **headers}
        fields = {name.replace("_", "-"): value for name, value in named.items()}
        return client.request("POST", target, fields, json.dumps(body).encode())

    def test_request_and_its_parts_reach_the_collector(self) -> None:
        """
        In the trace that the client began; nothing else is sent where no rate is given.
        """
        collector = self.collect()
        server = self.start(collector.endpoint)
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1", "user_agent": "tests"}
        before = time.time_ns()
        made = self.post(self.client(server), MAPS, config_map("m"), **headers)
        self.assertEqual(made.code, 201)
        span = collector.wait_for(lambda span: span.name == "POST /api/v1/namespaces/{:namespace}/configmaps")
        self.assertEqual((span.trace_id.hex(), span.parent_span_id.hex()), (TRACE, PARENT))
        self.assertEqual((span.trace_state, span.kind), ("a=1", 2))
        self.assertTrue(
            before - 10**9 < span.start_time_unix_nano < span.end_time_unix_nano < time.time_ns() + 10**9
        )
        attributes = attributes_of(span)
        self.assertEqual(attributes["http.target"], MAPS)
        self.assertEqual(attributes["http.response.status_code"], 201)
        self.assertEqual(attributes["user_agent.original"], "tests")
        self.assertEqual(attributes["audit-id"], made.header("audit-id"))
        parts = collector.of_trace(span.trace_id)
        self.assertEqual(parts["Create"].parent_span_id, span.span_id)
        self.assertEqual(parts["Commit"].parent_span_id, parts["Create"].span_id)
        self.assertEqual({one.trace_id.hex() for one in collector.spans}, {TRACE})
        self.assertEqual(collector.resources[0]["service.name"], "apiserver")

    def test_what_is_left_is_sent_when_the_server_ends(self) -> None:
        """
        Over a socket of this machine too.
        """
        collector = self.collect(f"unix:{self.folder}/otel.sock")
        server = self.start(collector.endpoint, 1_000_000)
        self.client(server).request("GET", "/version")
        server.stop()
        self.assertTrue(any(attributes_of(span).get("url.path") == "/version" for span in collector.spans))

    def test_server_serves_while_there_is_no_collector(self) -> None:
        """
        It counts what is lost, and ends in time.
        """
        server = self.start("127.0.0.1:9", 1_000_000)
        client = self.client(server)
        for _ in range(50):
            self.assertEqual(client.request("GET", "/version").code, 200)
        self.assertIn(
            'ark_tracing_spans_total{result="exported"} 0.0', client.request("GET", "/metrics").body.decode()
        )
        began = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - began, 8)

    def test_webhooks_are_told_of_the_trace(self) -> None:
        """
        Their call is a span, which they get as their parent.
        """
        collector = self.collect()
        hook = Hook.start(self, self.folder)
        client = self.client(self.start(collector.endpoint))
        url = f"https://127.0.0.1:{hook.server_port}/convert"
        authority = (self.folder / "hook-ca.crt").read_bytes()
        self.post(client, DEFINITIONS, definition(url, authority))
        things = f"/apis/{GROUP}/v2/namespaces/default/things"
        deadline = time.monotonic() + PATIENCE
        while client.request("GET", things).code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        thing = {
            "apiVersion": f"{GROUP}/v2",
            "kind": "Thing",
            "metadata": {"name": "t"},
            "spec": {"hostname": "h"},
        }
        made = self.post(client, things, thing, traceparent=f"00-{TRACE}-{PARENT}-01")
        self.assertEqual(made.code, 201, made.body)
        span = collector.wait_for(lambda span: span.name == "Call conversion webhook")
        self.assertEqual(span.trace_id.hex(), TRACE)
        self.assertEqual(attributes_of(span)["object-count"], 1)
        calls = {one.span_id.hex() for one in collector.spans if one.name == "Call conversion webhook"}
        told = {parent.split("-")[2] for parent in Hook.parents if TRACE in parent}
        self.assertTrue(told and told >= calls, (told, calls))


class Hook(BaseHTTPRequestHandler):
    """
    Converts things, and remembers which traces it was told of.
    """

    protocol_version = "HTTP/1.1"
    parents: ClassVar[list[str]] = []

    @classmethod
    def start(cls, case: SynchronousTestCase, folder: Path) -> ThreadingHTTPServer:
        """
        One for a test.
        """
        pair = Authority(folder, "hook-ca").issue("hook", server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server = ThreadingHTTPServer(("127.0.0.1", 0), cls)
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        case.addCleanup(server.server_close)
        case.addCleanup(server.shutdown)
        return server

    def log_message(self, format: str, *arguments: Any) -> None:
        """
        Say nothing.
        """

    def do_POST(self) -> None:
        """
        Answer a review.
        """
        self.parents.append(self.headers.get("traceparent") or "")
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        made = [converted(each, asked["desiredAPIVersion"]) for each in asked["objects"]]
        response = {"uid": asked["uid"], "convertedObjects": made, "result": {"status": "Success"}}
        data = json.dumps({**review, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
