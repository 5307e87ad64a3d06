"""
What admission webhooks cost a write, in microseconds of CPU: our part of it, no network and no TLS.

Run as C{python -m tests.bench.bench_webhooks}.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from ark.admission.attributes import UPDATE
from ark.admission.webhooks.review import Request, read_response
from ark.registry.store import WriteContext
from ark.testing import InMemoryServer
from tests.admission.webhooks.support import AdmissionTestCase, allowed
from tests.endpoints.support import GROUP, WIDGETS, registry

_ROUNDS = 7


def best(run: Callable[[], Any], count: int) -> float:
    """
    The best of some rounds.
    """
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(count):
            run()
        times.append((time.process_time() - start) / count * 1e6)
    return min(times)


class Bench(AdmissionTestCase):
    """
    A server whose cluster configures webhooks.
    """

    def runTest(self) -> None:
        """
        Print the figures.
        """
        plain = InMemoryServer(registry())
        judged = InMemoryServer(registry(), clock=self.server.clock, admission_plugins=self.plugins)
        for server in (plain, judged):
            server.request("POST", WIDGETS, self.widget(color="red"))
        for what, server in (("no plug-ins", plain), ("no webhooks", judged)):
            self.told(f"a dry run of a PUT, {what}", self._put(server), 1000)
        self.hook("validating", "elsewhere", rules=[{"operations": ["*"], "apiGroups": ["apps"]}])
        self.told("a dry run of a PUT, a webhook that is about others", self._put(judged), 1000)
        self._ask(judged)
        self.hook("validating", "a")
        self.told("a dry run of a PUT, a webhook in memory", self._put(judged), 300)
        self._review()

    def _ask(self, server: InMemoryServer) -> None:
        store = server.application.stores.get(GROUP, "v1", "widgets")
        assert store is not None
        context, objects, target = WriteContext(), (self.widget(), self.widget()), ("default", "w", "")
        self.told(
            "to find that nobody is concerned",
            lambda: store.admitting(UPDATE, target, objects, context),
            200_000,
        )

    def _review(self) -> None:
        self.create("other")
        attributes = self.witness.seen[-1]
        review = orjson.loads(Request(attributes).text("u", "v1"))
        answer = orjson.dumps(allowed(review))
        self.told("a review written", lambda: Request(attributes).text("u", "v1"), 20_000)
        self.told("an answer read", lambda: read_response(answer, "u", "v1", False), 20_000)

    def _put(self, server: InMemoryServer) -> Callable[[], Any]:
        body = server.request("GET", f"{WIDGETS}/w").json()
        body["spec"]["color"] = "blue"
        text = orjson.dumps(body)
        return lambda: server.request("PUT", f"{WIDGETS}/w?dryRun=All", text)

    def told(self, what: str, run: Callable[[], Any], count: int) -> None:
        """
        Print a figure.
        """
        print(f"{best(run, count):8.2f} µs  {what}")


if __name__ == "__main__":
    bench = Bench()
    bench.setUp()
    bench.runTest()
