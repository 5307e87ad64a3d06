"""
The same work on our server and on kube-apiserver with etcd, in one go: CPU, latency, throughput, and the ratio.

Run C{python -m tests.bench.compare --help}.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.bench.databases import fresh_database
from tests.bench.workload import (
    Measurable,
    Measured,
    Starts,
    Workload,
    chosen,
    compared,
    make_parser,
    measure,
    write_json,
)
from tests.cluster.ark import ArkServer
from tests.cluster.client import Endpoint
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.process import Usage
from tests.cluster.shared import definitions

#: Requests under way at a time of those that are timed: a busy cluster's.
_IN_FLIGHT = 64

#: What shows how several servers of one database share the work.
_SHARED = ("create", "status", "get")


def workloads(seconds: float, objects: int) -> list[Workload]:
    """
    Those of the budget, in an order in which each finds the state that it needs.
    """
    timed = {"seconds": str(seconds), "workers": str(_IN_FLIGHT)}
    whole = {"seconds": str(seconds), "objects": str(objects), "namespace": "load-list"}
    fan_out = {"seconds": "60", "namespace": "load-watch"}
    return [
        # First: later ones leave garbage behind, and its collection would hide what a watch holds.
        Workload("1,000 idle watches", {"workload": "idle", "watchers": "1000", **fan_out}),
        Workload("create", {"workload": "create", **timed}),
        Workload("status patch", {"workload": "status", **timed}),
        Workload("status patch, three more owners", {"workload": "status", "managers": "3", **timed}),
        Workload("query life cycle", {"workload": "lifecycle", **timed}),
        Workload("get", {"workload": "get", **timed}),
        Workload(f"list of {objects:,}", {"workload": "list", **whole}),
        Workload(f"paged list of {objects:,}", {"workload": "pages", **whole}),
        Workload("watch by 100", {"workload": "watch", "watchers": "100", "count": "500", **fan_out}),
        Workload(
            "watch by 1,000, 100 stopped for a while",
            {
                "workload": "stall",
                "watchers": "1000",
                "seconds": "30",
                "rate": "60",
                "namespace": "load-stall",
            },
        ),
        Workload("watch by 1,000", {"workload": "watch", "watchers": "1000", "count": "100", **fan_out}),
    ]


Running = tuple[Endpoint, Sequence[Measurable]]


class Together(NamedTuple):
    """
    Several servers, measured as one.
    """

    name: str
    members: Sequence[Measurable]

    def usage(self) -> Usage:
        """
        What all of them have used.
        """
        return Usage(*(sum(column) for column in zip(*(member.usage() for member in self.members))))


@contextmanager
def our_server(backend: str = "sqlite", replicas: int = 1) -> Iterator[Running]:
    """
    C{ark-server} as its operator starts it, on a database of its own; or several of them on one.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ark-compare-")))
        database = stack.enter_context(fresh_database(backend, folder))
        flags = [*database.flags, f"--cert-dir={folder / 'pki'}"]
        servers = []
        for _ in range(replicas):
            server = ArkServer(flags=flags).start()
            stack.callback(server.remove)
            servers.append(server)
        endpoint = servers[0].endpoint._replace(url=",".join(server.endpoint.url for server in servers))
        ours = Together("ark-server", [process for server in servers for process in server.processes])
        yield endpoint, [ours, *([database] if database.server else [])]


@contextmanager
def kube_apiserver() -> Iterator[Running]:
    """
    kube-apiserver and etcd with the Ark kinds as custom resources.
    """
    cluster = Cluster().start()
    try:
        cluster.define(read_definitions(*definitions()))
        yield cluster.endpoint, cluster.processes
    finally:
        cluster.remove()


def servers(options: argparse.Namespace) -> Iterator[tuple[str, Starts[Running], list[Workload]]]:
    """
    Their names in the table, what starts them, and what they do.
    """
    work = chosen(options, workloads)
    shared = [one for one in work if one.options["workload"] in _SHARED]
    for number in options.replicas or ((1, 2, 4) if options.backend != "sqlite" else (1,)):
        name = "ark" if number == 1 else f"{number} ark"
        yield name, partial(our_server, options.backend, number), work if number == 1 else shared
    yield "kube", kube_apiserver, work


def main() -> int:
    """
    Print the table; the exit code is 1 when a workload failed.
    """
    parser = make_parser("tests.bench.compare", __doc__, workloads)
    parser.add_argument("--server", action="append", help="only this server: ark, 2 ark, kube (repeatable)")
    parser.add_argument(
        "--replicas",
        action="append",
        type=int,
        help="how many of our servers share a database (repeatable; default 1, and 2 and 4 where they can)",
    )
    options = parser.parse_args()
    if options.backend == "sqlite" and max(options.replicas or (1,)) > 1:
        parser.error("--replicas: a SQLite database is one server's; take --backend=postgresql or mysql")
    named = [one for one in servers(options) if not options.server or one[0] in options.server]
    results, good = compared(named, lambda server, workload: measure(workload, *server))
    print(table(results))
    write_json(
        options.json,
        {row: {name: one._asdict() for name, one in both.items()} for row, both in results.items()},
    )
    return 0 if good else 1


def table(results: dict[str, dict[str, Measured]]) -> str:
    """
    A row for each workload and server, as Markdown.
    """
    lines = [
        "| work | server | a second | p50 ms | p99 ms | CPU µs of each process | CPU µs | ratio |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for work, both in results.items():
        for name, one in both.items():
            lines.append(
                _idle_row(work, name, one, both)
                if work.endswith("idle watches")
                else _row(work, name, one, both)
            )
    return "\n".join(lines)


def _row(work: str, name: str, one: Measured, both: dict[str, Measured]) -> str:
    latency = one.load["latency_ms"]
    parts = ", ".join(f"{process} {one.micros(process):.1f}" for process in one.cpu)
    if one.load["workload"] == "stall":
        parts += (
            f"; {one.load.get('returned', 0)} watches closed; memory +{sum(one.memory.values()) >> 20} MiB"
        )
    rate = one.load["units"] / one.load["seconds"]
    label = f"{work} ({one.load['unit']})" + (f", {one.load['errors']} errors" if one.load["errors"] else "")
    cells = [label, name, f"{rate:,.0f}", _number(latency.get("p50")), _number(latency.get("p99")), parts]
    ratio = _ratio(both, lambda measured: measured.micros()) if name == "kube" else ""
    return f"| {' | '.join([*cells, f'{one.micros():.1f}', ratio])} |"


def _idle_row(work: str, name: str, one: Measured, both: dict[str, Measured]) -> str:
    def kibibytes(measured: Measured) -> float:
        return sum(measured.memory.values()) / 1024 / float(max(measured.load["units"], 1))

    ratio = _ratio(both, kibibytes) if name == "kube" else ""
    return f"| {work} | {name} |  |  |  | {kibibytes(one):.1f} KiB a watch |  | {ratio} |"


def _ratio(both: dict[str, Measured], price: Callable[[Measured], float]) -> str:
    """
    How many times our price theirs is.
    """
    if "ark" not in both or price(both["ark"]) <= 0:
        return ""
    return f"{price(both['kube']) / price(both['ark']):.1f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
