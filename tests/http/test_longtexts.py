"""
What clients make long on purpose.

What was worked out before is remembered all over the server, so many results in each place.  A
client that chooses how long they are must not choose how much memory that takes.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

from ark.audit.event import Noted, line_of
from ark.audit.policy import Policy
from ark.http.auditing import Auditing
from ark.testing import EPOCH, InMemoryServer
from tests.endpoints.support import BASE, WIDGETS, WidgetTestCase, registry

_LONG = 100_000
_TIMES = 12
_MOST = 500_000
"""Some of what is short may be kept."""


class _Written:
    """
    A log of which nothing stays.
    """

    def note(self, noted: Noted) -> None:
        """
        Make the line, as for a file.
        """
        line_of(noted)


class LongTextTests(WidgetTestCase):
    """
    Each with a long text of its own, so that none is asked for twice.
    """

    def setUp(self) -> None:
        """
        A server that tells an audit log of everything.
        """
        policy = Policy(
            {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "RequestResponse"}]}
        )
        log: Any = _Written()
        auditing = Auditing(policy, [log], lambda: EPOCH)
        self.server = InMemoryServer(registry(), auditing=auditing)

    def make(self, where: str, text: str) -> int:
        """
        Make a request with a long text somewhere, and give the code of its answer.
        """
        entry = {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
        entry["fieldsV1"] = {"f:spec": {"f:none": {}}}  # type: ignore[assignment]
        if where in ("manager", "apiVersion", "subresource", "time"):
            written = f"2020-01-01T00:00:00.0{text[:9]}{'0' * _LONG}Z" if where == "time" else text
            managed = [{**entry, where: written}]
            widget = {**self.widget(), "metadata": {"name": "w", "managedFields": managed}}
            return self.request("POST", f"{WIDGETS}?dryRun=All", widget).code
        if where == "user_agent":
            return self.request("POST", f"{WIDGETS}?dryRun=All", self.widget(), user_agent=text).code
        if where in ("x_forwarded_for", "x_real_ip", "accept", "audit_id"):
            return self.request("GET", WIDGETS, **{where: text}).code
        targets = {
            "path": f"/{text}",
            "name": f"{WIDGETS}/{text}",
            "namespace": f"{BASE}/namespaces/{text}/widgets",
            "resource": f"{BASE}/namespaces/default/{text}",
            "labels": f"{WIDGETS}?labelSelector=a{text[:9]}{'%20' * _LONG}",
            "fields": f"{WIDGETS}?fieldSelector=spec.color%3D{text}",
            "continue": f"{WIDGETS}?limit=1&continue={text}",
        }
        return self.request("GET", targets[where]).code

    def assert_forgotten(self, where: str) -> None:
        """
        Requests with long texts leave next to nothing behind.
        """
        texts = [f"{number:09}{'a' * _LONG}" for number in range(_TIMES)]
        self.make(where, "first")
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        codes = {self.make(where, text) for text in texts}
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(kept, _MOST, (where, codes))

    def test_of_the_line(self) -> None:
        """
        In paths and queries.
        """
        for where in ("path", "name", "namespace", "resource", "labels", "fields", "continue"):
            self.assert_forgotten(where)

    def test_of_the_fields(self) -> None:
        """
        In header fields.
        """
        for where in ("x_forwarded_for", "x_real_ip", "accept", "audit_id", "user_agent"):
            self.assert_forgotten(where)

    def test_of_bodies(self) -> None:
        """
        In entries of C{managedFields}.
        """
        for where in ("manager", "apiVersion", "subresource", "time"):
            self.assert_forgotten(where)
