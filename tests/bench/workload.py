"""
Workloads done on one server after the other, with what each of them took.

The load generator is a Go program (C{tests/bench/load}).  For each workload it prepares, says so, and waits;
then the CPU of every server process is read, the work done, and the CPU read again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tests.bench.databases import BACKENDS
from tests.cluster.build import binary
from tests.cluster.client import Endpoint
from tests.cluster.process import Usage

_SETTLED = 5.0
_GRACE = 300

S = TypeVar("S")
R = TypeVar("R")


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


Starts = Callable[[], AbstractContextManager[S]]


def compared(
    servers: Iterable[tuple[str, Starts[S], Sequence[Workload]]], run: Callable[[S, Workload], R]
) -> tuple[dict[str, dict[str, R]], bool]:
    """
    Do workloads on each server while it runs alone, so that what the others do in the background is not in
    the figures.

    @return: workload to server to what was found, and whether all workloads went well.
    """
    results: dict[str, dict[str, R]] = {}
    good = True
    for name, start, workloads in servers:
        with start() as server:
            for workload in workloads:
                print(f"{name}: {workload.name}", file=sys.stderr, flush=True)
                try:
                    results.setdefault(workload.name, {})[name] = run(server, workload)
                except RuntimeError as error:
                    good = False
                    print(f"  failed: {error}", file=sys.stderr)
    return results, good


def make_parser(
    program: str, description: str | None, workloads: Callable[[float, int], list[Workload]]
) -> argparse.ArgumentParser:
    """
    The options of all comparisons.

    @param workloads: those of a number of seconds and of objects.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    names = sorted({one.options["workload"] for one in workloads(1, 1)})
    parser.add_argument("--backend", choices=BACKENDS, default="sqlite", help="what our server keeps data in")
    parser.add_argument("--workload", action="append", choices=names, help="only this workload (repeatable)")
    parser.add_argument("--seconds", type=float, default=5, help="length of a timed workload (default 5)")
    parser.add_argument("--objects", type=int, default=10_000, help="objects of the lists (default 10000)")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    return parser


def chosen(options: argparse.Namespace, workloads: Callable[[float, int], list[Workload]]) -> list[Workload]:
    """
    Those that the options name; all without any.
    """
    return [
        one
        for one in workloads(options.seconds, options.objects)
        if not options.workload or one.options["workload"] in options.workload
    ]


def write_json(file: Path | None, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """
    Keep everything that was measured, if a file is given for it.
    """
    if file:
        file.write_text(json.dumps(results, indent=2) + "\n")
