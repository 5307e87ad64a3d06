"""
What priority and fairness cost a request: CPU time of the classification, the seat and its return.

Run with C{python -m tests.bench.bench_flowcontrol}.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol.control import FlowControl

ROUNDS = 100_000
USERS = 20


class _Request:
    query = ""
    flow_headers: Any = ()
    user: Any = None


class _Counting(Clock):
    def seconds(self) -> float:
        return time.monotonic()


def _measure(work: Callable[[int], None]) -> float:
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        work(ROUNDS)
        best = min(best, time.process_time() - begun)
    return best / ROUNDS * 1e6


def _requests(groups: tuple[str, ...]) -> list[tuple[_Request, RequestInfo]]:
    made = []
    for number in range(USERS):
        request = _Request()
        request.user = UserInfo(f"user-{number}", "", groups)
        path = f"/apis/ark.mckinsey.com/v1alpha1/namespaces/ns-{number}/queries"
        info = RequestInfo("create", path, "ark.mckinsey.com", "v1alpha1", f"ns-{number}", "queries")
        made.append((request, info))
    return made


def _at_once(groups: tuple[str, ...]) -> Callable[[int], None]:
    control = FlowControl(600, _Counting(), lambda group, plural: 0)
    requests = _requests(groups)

    def work(rounds: int) -> None:
        for number in range(rounds):
            request, info = requests[number % USERS]
            control.leave(control.enter(request, info))

    return work


def _beside(groups: tuple[str, ...], others: int) -> Callable[[int], None]:
    control = FlowControl(600, _Counting(), lambda group, plural: 0)
    requests = _requests(groups)
    running = [control.enter(*requests[number % USERS]) for number in range(others)]

    def work(rounds: int) -> None:
        for number in range(rounds):
            request, info = requests[number % USERS]
            place = number % others
            control.leave(running[place])
            running[place] = control.enter(request, info)

    return work


def main() -> None:
    """
    Print microseconds a request.
    """
    for name, work in (
        ("a user, nothing else runs", _at_once(("system:authenticated",))),
        ("a user, 40 others run", _beside(("system:authenticated",), 40)),
        ("a user, 300 others run", _beside(("system:authenticated",), 300)),
        ("system:masters", _at_once(("system:masters", "system:authenticated"))),
    ):
        print(f"{name}: {_measure(work):.2f} us")


if __name__ == "__main__":
    main()
