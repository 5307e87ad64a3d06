"""
The same work through kube-apiserver, with our server behind its aggregator and with definitions in etcd, in one go.

Tells CPU of each process, latency and throughput, and of what kube-apiserver and etcd are relieved: their CPU, and
the keys that etcd writes.  The user who does the work is no administrator, so that every request is authorized.

Run C{python -m tests.bench.aggregated --help}.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from tests.bench.databases import fresh_database
from tests.bench.workload import (
    Measurable,
    Measured,
    Workload,
    chosen,
    compared,
    make_parser,
    measure,
    write_json,
)
from tests.cluster.aggregated import AggregatedArk, put
from tests.cluster.client import Endpoint
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.shared import definitions

USER = "load"
_WRITES = ("etcd_mvcc_put_total", "etcd_mvcc_delete_total")
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Case(NamedTuple):
    """
    One way to serve the kinds.

    @ivar etcd: the URL of the cluster's etcd.
    """

    endpoint: Endpoint
    processes: Sequence[Measurable]
    etcd: str


class Row(NamedTuple):
    """
    One workload in one case.

    @ivar writes: keys that etcd wrote or deleted.
    """

    measured: Measured
    writes: float


def workloads(seconds: float, objects: int) -> list[Workload]:
    """
    Those whose price the aggregator changes.
    """
    timed = {"seconds": str(seconds)}
    return [
        Workload("query life cycle", {"workload": "lifecycle", **timed}),
        Workload("create", {"workload": "create", **timed}),
        Workload("get", {"workload": "get", **timed}),
        Workload(
            f"list of {objects:,}",
            {"workload": "list", "objects": str(objects), "namespace": "load-list", **timed},
        ),
        Workload(
            "watch by 100",
            {
                "workload": "watch",
                "watchers": "100",
                "count": "500",
                "seconds": "60",
                "namespace": "load-watch",
            },
        ),
    ]


@contextmanager
def in_etcd(_backend: str) -> Iterator[Case]:
    """
    kube-apiserver serves the kinds itself.
    """
    cluster = Cluster().start()
    try:
        cluster.define(read_definitions(*definitions()))
        yield Case(_user(cluster), cluster.processes, cluster.etcd)
    finally:
        cluster.remove()


@contextmanager
def behind(backend: str) -> Iterator[Case]:
    """
    kube-apiserver forwards to our server, on a database of its own.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ark-aggregated-")))
        database = stack.enter_context(fresh_database(backend, folder))
        cluster = Cluster().start()
        stack.callback(cluster.remove)
        server = AggregatedArk(cluster, storage=database.flags).start()
        stack.callback(server.remove)
        processes = [*cluster.processes, *server.processes, *([database] if database.server else [])]
        yield Case(_user(cluster), processes, cluster.etcd)


CASES = {"etcd": in_etcd, "ark": behind}
_TITLES = {"etcd": "definitions, etcd", "ark": "ark-server behind it"}


def _user(cluster: Cluster) -> Endpoint:
    """
    A user who may do with the kinds what he wants, and make namespaces.
    """
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["ark.mckinsey.com"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": ["*"]},
    ]
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": USER}, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": USER},
        "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
    }
    client = cluster.endpoint.connect()
    for plural, body in (("clusterroles", role), ("clusterrolebindings", binding)):
        put(client, f"{_RBAC}/{plural}", body)
    user = cluster.user(USER)
    mine = user.connect()
    cluster.process("kube-apiserver").wait_until(
        lambda: mine.request("GET", "/apis/ark.mckinsey.com/v1alpha1/queries").code == 200
    )
    mine.close()
    client.close()
    return user


def writes_of(etcd: str) -> float:
    """
    How many keys etcd has written and deleted.
    """
    with urlopen(f"{etcd}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.split(" ")[0] in _WRITES)


def run(case: Case, workload: Workload) -> Row:
    """
    Do one workload.

    @raise RuntimeError: when the load generator fails.
    """
    before = writes_of(case.etcd)
    measured = measure(workload, case.endpoint, case.processes)
    return Row(measured, writes_of(case.etcd) - before)


def table(results: dict[str, dict[str, Row]]) -> str:
    """
    A row for each workload and case, as Markdown.
    """
    lines = [
        "| work | served by | a second | p50 ms | p99 ms | CPU µs of each process | CPU µs | etcd writes | ratio |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for work, cases in results.items():
        for name, row in cases.items():
            lines.append(_line(work, name, row, cases))
    return "\n".join(lines)


def _line(work: str, name: str, row: Row, cases: dict[str, Row]) -> str:
    load, latency = row.measured.load, row.measured.load["latency_ms"]
    parts = ", ".join(f"{process} {row.measured.micros(process):.0f}" for process in row.measured.cpu)
    label = f"{work} ({load['unit']})" + (f", {load['errors']} errors" if load["errors"] else "")
    ratio = ""
    if name == "ark" and len(cases) == 2 and row.measured.micros() > 0:
        ratio = f"{cases['etcd'].measured.micros() / row.measured.micros():.1f}"
    cells = (
        label,
        _TITLES[name],
        f"{load['units'] / load['seconds']:,.0f}",
        f"{latency.get('p50') or 0:.1f}",
        f"{latency.get('p99') or 0:.1f}",
        parts,
        f"{row.measured.micros():.0f}",
        f"{row.writes / max(load['units'], 1):.2f}",
        ratio,
    )
    return f"| {' | '.join(cells)} |"


def relief(results: dict[str, dict[str, Row]]) -> Iterator[str]:
    """
    A sentence for each workload about what the cluster is spared.
    """
    for work, cases in results.items():
        if len(cases) < 2:
            continue
        spared = []
        for process in ("kube-apiserver", "etcd"):
            before, after = (cases[name].measured.micros(process) for name in ("etcd", "ark"))
            spared.append(f"{process} {before:.0f} → {after:.0f} µs")
        before, after = (cases[name].writes / max(cases[name].measured.load["units"], 1) for name in CASES)
        yield f"{work}: {', '.join(spared)}, etcd writes {before:.2f} → {after:.2f}"


def main() -> int:
    """
    Print the table; the exit code is 1 when a workload failed.
    """
    options = make_parser("tests.bench.aggregated", __doc__, workloads).parse_args()
    work = chosen(options, workloads)
    cases = [(name, partial(make, options.backend), work) for name, make in CASES.items()]
    results, good = compared(cases, run)
    print(table(results))
    print("\n".join(("", *relief(results))))
    write_json(
        options.json,
        {
            row: {name: {**one.measured._asdict(), "etcd_writes": one.writes} for name, one in both.items()}
            for row, both in results.items()
        },
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
