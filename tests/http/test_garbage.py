"""
What requests leave behind.
"""

from __future__ import annotations

import gc
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.attributes import Attributes
from ark.audit.policy import Policy
from ark.http.auditing import Auditing
from ark.http.request import Request
from ark.testing import EPOCH, InMemoryServer
from tests.endpoints.support import WIDGETS, registry
from tests.http.edge import Edge
from tests.http.h2client import Client

_MERGE = b"application/merge-patch+json"


def kept() -> int:
    """
    How many requests, and writes on their way through admission, are in memory.
    """
    return sum(isinstance(found, (Attributes, Request)) for found in gc.get_objects())


class GarbageTests(SynchronousTestCase):
    """
    Requests go with their answers, and so do their bodies: nothing of them knows itself by way of
    others, which only the collector would find, and that looks seldom.
    """

    def setUp(self) -> None:
        edge = Edge()
        every = Policy(
            {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "RequestResponse"}]}
        )
        auditing = Auditing(every, (), lambda: EPOCH)
        server = InMemoryServer(registry(), clock=edge.clock, auditing=auditing)
        edge.site.dispatch = server.application.dispatch
        self.client = Client(edge)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.before = kept()

    def ask(self, method: bytes, path: str, body: Any = None, media_type: bytes = b"application/json") -> int:
        """
        Make a request, and give the code of its answer.
        """
        fields = [(b"content-type", media_type)] if body else []
        stream = self.client.request(path.encode(), method, not body, *fields)
        if body:
            self.client.h2.send_data(stream, orjson.dumps(body), end_stream=True)
        self.client.exchange()
        return int(self.client.headers[stream][b":status"])

    def test_requests_that_succeed(self) -> None:
        """
        All ways to write, and to read.
        """
        widget = {"apiVersion": "probe.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        self.assertEqual(self.ask(b"POST", WIDGETS, widget), 201)
        self.assertEqual(self.ask(b"GET", f"{WIDGETS}/w"), 200)
        self.assertEqual(self.ask(b"GET", WIDGETS), 200)
        status = {"status": {"phase": "x"}}
        self.assertEqual(self.ask(b"PATCH", f"{WIDGETS}/w/status", status, _MERGE), 200)
        self.assertEqual(self.ask(b"DELETE", f"{WIDGETS}/w"), 200)
        self.assertEqual(kept(), self.before)

    def test_requests_that_fail(self) -> None:
        """
        Also what was tried twice.
        """
        widget = {"apiVersion": "probe.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        self.ask(b"POST", WIDGETS, widget)
        self.assertEqual(self.ask(b"POST", WIDGETS, widget), 409)
        self.assertEqual(self.ask(b"GET", f"{WIDGETS}/none"), 404)
        spec = {"spec": {"size": 11}}
        self.assertEqual(self.ask(b"PATCH", f"{WIDGETS}/w", spec, _MERGE), 422)
        self.assertEqual(kept(), self.before)
