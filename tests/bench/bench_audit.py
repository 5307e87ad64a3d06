"""
What the audit log costs a request: CPU time in the reactor thread, and in the thread that writes.

Run with C{python -m tests.bench.bench_audit}.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from ark.audit.event import Noted, line_of
from ark.audit.policy import Policy
from ark.authentication.userinfo import AUTHENTICATED_GROUP, UserInfo
from ark.authorization.attributes import Attributes
from ark.http.auditing import Auditing
from ark.http.request import ClientConnection, Request
from ark.testing import Answer

ROUNDS = 20_000
PATH = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
BODY = orjson.dumps({"metadata": {"name": "q"}, "spec": {"input": "x" * 2400}})


class _Last:
    noted: list[Noted]

    def note(self, noted: Noted) -> None:
        self.noted = [*self.noted[-1:], noted]


def _measure(work: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(ROUNDS):
            work()
        best = min(best, time.process_time() - begun)
    return best / ROUNDS * 1e6


def _request() -> Any:
    headers = {b"user-agent": b"kubectl/v1.36.3", b"content-type": b"application/json"}
    request = Request(Answer(), ClientConnection("127.0.0.1"), ("POST", PATH, ""), [], headers)
    request.audit_id = "e4b1b2a6-3f0f-4a0e-9d0a-6a2a4a0b9d11"
    request.body_received(BODY)
    request.body_finished()
    user = UserInfo("ann", "", ("devs", AUTHENTICATED_GROUP))
    attributes = Attributes(user, "create", PATH, "ark.mckinsey.com", "v1alpha1", "queries", "", "default")
    request.user, request.info = user, attributes
    return request


def _answer(request: Any, auditing: Auditing | None) -> None:
    audit = None
    if auditing is not None:
        audit = request.audit = auditing.begin(request, request.info)
    request.code = 0
    request.respond(201, [(b"content-type", b"application/json")], BODY)
    if audit is not None:
        audit.complete()


def main() -> None:
    """
    Print microseconds a request.
    """
    off = _request()
    base = _measure(lambda: _answer(off, None))
    for level in ("None", "Metadata", "RequestResponse"):
        log: Any = _Last()
        log.noted = []
        policy = Policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": level}]})
        auditing, request = Auditing(policy, [log], time.time), _request()
        took = _measure(lambda auditing=auditing, request=request: _answer(request, auditing)) - base
        written = _measure(lambda log=log: [line_of(one) for one in log.noted]) if log.noted else 0.0
        print(f"{level}: {took:.2f} us to note, {written:.2f} us to write both stages")
    request = _request()

    def check() -> None:
        if request.audit is not None:
            raise AssertionError

    def nothing() -> None:
        pass

    print(f"off: {5 * max(0.0, _measure(check) - _measure(nothing)):.2f} us")


if __name__ == "__main__":
    main()
