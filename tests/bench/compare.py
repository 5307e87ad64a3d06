"""
The same work on our server and on kube-apiserver with etcd, in one go: CPU, latency, throughput, and the ratio.

The load generator is a Go program (C{tests/bench/load}).  For each workload it prepares, says so, and waits;
then the CPU of every server process is read, the work done, and the CPU read again.  Each server runs alone, so
what the other does in the background is not in the figures.

Run C{python -m tests.bench.compare --help}.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.bench.databases import BACKENDS, fresh_database
from tests.cluster.ark import ArkServer
from tests.cluster.build import binary
from tests.cluster.client import Endpoint
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.process import Usage
from tests.cluster.shared import definitions

_SETTLED = 5.0
#: What shows how several servers of one database share the work.
_SHARED = ("create", "status", "get")
_GRACE = 300


class Workload(NamedTuple):
    """
    One row of the table.

    @ivar options: flags of the load generator besides those of the connection.
    """

    name: str
    options: dict[str, str]


class Measured(NamedTuple):
    """
    One workload on one server.

    @ivar load: what the load generator printed.
    @ivar cpu: process name to CPU seconds during the measured part.
    @ivar memory: process name to the growth of its resident bytes since before the workload.
    """

    load: dict[str, Any]
    cpu: dict[str, float]
    memory: dict[str, int]

    def micros(self, process: str | None = None) -> float:
        """
        CPU microseconds a unit, of one process or of all.
        """
        seconds = sum(self.cpu.values()) if process is None else self.cpu[process]
        return 1e6 * seconds / float(max(self.load["units"], 1))


def workloads(seconds: float, objects: int) -> list[Workload]:
    """
    Those of the budget, in an order in which each finds the state that it needs.
    """
    timed = {"seconds": str(seconds)}
    whole = {**timed, "objects": str(objects), "namespace": "load-list"}
    fan_out = {"seconds": "60", "namespace": "load-watch"}
    return [
        # First: later ones leave garbage behind, and its collection would hide what a watch holds.
        Workload("1,000 idle watches", {"workload": "idle", "watchers": "1000", **fan_out}),
        Workload("create", {"workload": "create", **timed}),
        Workload("status patch", {"workload": "status", **timed}),
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


class Measurable(Protocol):
    """
    A server process with its descendants.
    """

    name: str

    def usage(self) -> Usage:
        """
        What they have used.
        """


def measure(workload: Workload, endpoint: Endpoint, processes: Sequence[Measurable]) -> Measured:
    """
    Run one workload against one server.

    @raise RuntimeError: when the load generator fails; the message is what it said.
    """
    idle = workload.options["workload"] == "idle"
    if idle:
        # A server that has just started gives back what only starting needed.
        time.sleep(_SETTLED)
    before = {process.name: process.usage() for process in processes}
    flags = [f"-{name}={value}" for name, value in workload.options.items()]
    access = [f"-server={endpoint.url}", f"-ca={endpoint.authority}", f"-cert={endpoint.certificate}"]
    generator = subprocess.Popen(
        [str(binary("load")), *access, f"-key={endpoint.key}", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if generator.stdout is None or not generator.stdout.readline():
            raise RuntimeError(f"{workload.name}: {generator.communicate(timeout=_GRACE)[1].strip()}")
        if idle:
            time.sleep(2)
        ready = {process.name: process.usage() for process in processes}
        output, errors = generator.communicate("go\n", timeout=_GRACE)
        done = {process.name: process.usage() for process in processes}
    finally:
        generator.kill()
    if generator.returncode or not output.strip():
        raise RuntimeError(f"{workload.name}: {errors.strip()}")
    return Measured(
        json.loads(output),
        {name: done[name].cpu - ready[name].cpu for name in done},
        {name: (ready if idle else done)[name].resident - before[name].resident for name in done},
    )


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
def our_server(backend: str = "sqlite", replicas: int = 1) -> Iterator[tuple[Endpoint, list[Measurable]]]:
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
def kube_apiserver() -> Iterator[tuple[Endpoint, Sequence[Measurable]]]:
    """
    kube-apiserver and etcd with the Ark kinds as custom resources.
    """
    cluster = Cluster().start()
    try:
        cluster.define(read_definitions(*definitions()))
        yield cluster.endpoint, cluster.processes
    finally:
        cluster.remove()


def servers(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """
    What starts each server, by its name in the table.
    """
    chosen: dict[str, Callable[[], Any]] = {}
    for number in options.replicas or ((1, 2, 4) if options.backend != "sqlite" else (1,)):
        name = "ark" if number == 1 else f"{number} ark"
        chosen[name] = partial(our_server, options.backend, number)
    chosen["kube"] = kube_apiserver
    return {name: start for name, start in chosen.items() if not options.server or name in options.server}


def main() -> int:
    """
    Print the table; the exit code is 1 when a workload failed.
    """
    options = _options()
    chosen = [
        one
        for one in workloads(options.seconds, options.objects)
        if not options.workload or one.options["workload"] in options.workload
    ]
    results: dict[str, dict[str, Measured]] = {}
    failed = False
    for name, start in servers(options).items():
        with start() as (endpoint, processes):
            for workload in chosen:
                if "," in endpoint.url and workload.options["workload"] not in _SHARED:
                    continue
                print(f"{name}: {workload.name}", file=sys.stderr, flush=True)
                try:
                    results.setdefault(workload.name, {})[name] = measure(workload, endpoint, processes)
                except RuntimeError as error:
                    failed = True
                    print(f"  failed: {error}", file=sys.stderr)
    print(table(results))
    if options.json:
        plain = {row: {name: one._asdict() for name, one in both.items()} for row, both in results.items()}
        options.json.write_text(json.dumps(plain, indent=2) + "\n")
    return 1 if failed else 0


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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    names = sorted({one.options["workload"] for one in workloads(1, 1)})
    parser.add_argument("--server", action="append", help="only this server: ark, 2 ark, kube (repeatable)")
    parser.add_argument("--backend", choices=BACKENDS, default="sqlite", help="what our server keeps data in")
    parser.add_argument(
        "--replicas",
        action="append",
        type=int,
        help="how many of our servers share a database (repeatable; default 1, and 2 and 4 where they can)",
    )
    parser.add_argument("--workload", action="append", choices=names, help="only this workload (repeatable)")
    parser.add_argument("--seconds", type=float, default=5, help="length of a timed workload (default 5)")
    parser.add_argument("--objects", type=int, default=10_000, help="objects of the lists (default 10000)")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
