"""
CPU of asking a cluster, and of following it: C{python -m tests.bench.bench_cluster}.

Asking is measured against a real kube-apiserver in a process of its own; it is left out where
that cannot be had.  Of all that is shown only the CPU of this process counts.
"""

from __future__ import annotations

import os
import time
from typing import Any
from unittest import SkipTest

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, react

from ark.clock import install_monotonic_clock
from ark.cluster.client import Cluster
from ark.cluster.followed import Followed, place_of
from ark.cluster.kubeconfig import read_kubeconfig
from ark.cluster.watchstream import Event, WatchStream
from tests.cluster.build import require
from tests.cluster.cluster import Cluster as ControlPlane

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_ASKED = 2000
_EVENTS = 20_000
_PIECE = 16_384


def _review(number: int) -> dict[str, Any]:
    attributes = {"verb": "get", "group": "ark.mckinsey.com", "resource": "queries", "name": f"q{number}"}
    return {"spec": {"user": "jane", "groups": ["a", "b"], "resourceAttributes": attributes}}


def _sockets() -> int:
    links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.islink(link))


async def _ask(reactor: Any, plane: ControlPlane) -> None:
    cluster = Cluster(read_kubeconfig(str(plane.endpoint.kubeconfig)), reactor, time.time)
    await cluster.request("POST", _REVIEWS, _review(0))
    for at_once in (1, 8, 32):

        async def several(times: int = _ASKED // at_once) -> None:
            for number in range(times):
                await cluster.request("POST", _REVIEWS, _review(number))

        cpu, wall = time.process_time(), time.perf_counter()
        for one in [Deferred.fromCoroutine(several()) for _ in range(at_once)]:
            await one
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(
            f"SubjectAccessReview, {at_once:2} at once: {cpu / _ASKED * 1e6:6.1f} us of CPU, "
            f"{_ASKED / wall:6.0f} a second, {_sockets()} sockets open"
        )
    await cluster.close()


def _follow() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "",
            "uid": "0b1c2d3e-1111-2222-3333-444455556666",
            "resourceVersion": "1",
            "labels": {"kubernetes.io/metadata.name": "x", "team": "ark"},
            "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {}}}],
        },
        "status": {"phase": "Active"},
    }
    lines = []
    for number in range(_EVENTS):
        obj["metadata"]["name"] = f"ns-{number % 1000}"  # type: ignore[index]
        lines.append(orjson.dumps({"type": "MODIFIED", "object": obj}) + b"\n")
    stream = b"".join(lines)
    followed = Followed()
    followed.replace({})

    def observe(events: list[Event]) -> None:
        for event in events:
            place_of(event["object"])
            followed.keep(event["object"])
        followed.changed()

    watch = WatchStream(observe, Clock(), 60)
    watch.connectionMade()
    cpu = time.process_time()
    for start in range(0, len(stream), _PIECE):
        watch.dataReceived(stream[start : start + _PIECE])
    cpu = time.process_time() - cpu
    print(f"event of a watch, {len(stream) // _EVENTS} bytes: {cpu / _EVENTS * 1e6:.2f} us of CPU")
    cpu = time.process_time()
    for _ in range(100):
        followed.keep(obj)
        followed.items()
    cpu = time.process_time() - cpu
    print(f"all of {len(followed.items())} objects, sorted, after a change: {cpu / 100 * 1e6:.0f} us of CPU")


def main() -> None:
    """
    Print the figures.
    """
    install_monotonic_clock()
    _follow()
    try:
        require("etcd", "kube")
    except SkipTest as error:
        print(f"asking is left out: {error}")
        return
    plane = ControlPlane().start()
    try:
        react(lambda reactor: Deferred.fromCoroutine(_ask(reactor, plane)))
    except SystemExit:
        pass
    finally:
        plane.remove()


if __name__ == "__main__":
    main()
