"""
Play histories of three servers on one PostgreSQL, each with a fault, and look for what cannot be.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

from twisted.internet import reactor as default_reactor

from tests.cluster.build import binary
from tests.histories.faults import FAULTS, POSSIBLE
from tests.histories.play import ENOUGH, Plan, Report, play
from tests.histories.selections import WRITTEN
from tests.storage.postgresqlserver import find_programs

reactor: Any = default_reactor
_GIVEN = ("seconds", "watchers", "rate", "writing", "clients", "kinds")
_COLUMNS = (
    "before",
    "a second",
    "writes",
    "writes a second",
    "refused",
    "unknown",
    "watches",
    "events",
    "events a second",
    "p99 ms",
    "max ms",
)


class Run(NamedTuple):
    """
    A history that was played, and how long that took in all.
    """

    plan: Plan
    report: Report
    seconds: float

    @property
    def verdict(self) -> str:
        """
        Whether it could be, and says anything.
        """
        if self.report.faults:
            return f"WRONG ({len(self.report.faults)})"
        return "ok" if self.report.counts else "void"


class Interrupted(BaseException):
    """
    Somebody wants it to end.
    """


def main() -> int:
    """
    The exit code is 1 when a history cannot be, and 3 when one was void for want of load.
    """
    options = _options()
    programs = find_programs()
    if programs is None:
        print(
            "PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)", file=sys.stderr
        )
        return 2
    binary("porcupine")
    binary("toxiproxy")
    binary("crowd")
    runs: list[Run] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    turning = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    turning.start()
    try:
        _play_all(options, programs, runs)
    except Interrupted:
        print("ended before its time; everything that was started is stopped", file=sys.stderr)
    finally:
        reactor.callFromThread(reactor.stop)
        turning.join()
    print(*_table(runs), sep="\n")
    verdicts = {run.verdict.partition(" ")[0] for run in runs}
    return 1 if "WRONG" in verdicts else 130 if len(runs) < options.runs else 3 if "void" in verdicts else 0


def _interrupt(number: int, frame: Any) -> None:
    # What is cleaned up then must not be interrupted as well.
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument(
        "--fault", action="append", choices=sorted(FAULTS), help="which (default: all in turn)"
    )
    parser.add_argument("--runs", type=int, help="how many histories (default: one of each fault)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long clients ask")
    parser.add_argument("--seed", default=str(SystemRandom().randrange(10**6)))
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--watchers", type=int, default=48)
    parser.add_argument(
        "--kinds", type=int, default=len(WRITTEN), choices=range(1, len(WRITTEN) + 1), help="are written"
    )
    parser.add_argument("--rate", type=float, default=480.0, help="requests a second at most, of all clients")
    parser.add_argument(
        "--writing", action="store_true", help="clients do nothing but write, mostly each to its own"
    )
    parser.add_argument("--keep", type=Path, help="a folder for what was recorded of wrong histories")
    options = parser.parse_args()
    options.fault = options.fault or [name for name in POSSIBLE if name != "none"]
    options.runs = options.runs or len(options.fault)
    return options


def _play_all(options: argparse.Namespace, programs: Path, runs: list[Run]) -> None:
    for number, fault in enumerate(itertools.islice(itertools.cycle(options.fault), options.runs)):
        seed = options.seed if number < len(options.fault) else f"{options.seed}.{number}"
        given = {name: getattr(options, name) for name in _GIVEN}
        plan = Plan(fault, seed, **given)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            report = play(plan, reactor, programs, Path(folder))
            run = Run(plan, report, time.monotonic() - began)
            runs.append(run)
            print(f"{number + 1}. {fault}, seed {seed}: {run.verdict}; {report.line()}", flush=True)
            print(*(f"  {text}" for text in report.faults[:10]), sep="\n", end="\n" if report.faults else "")
            if report.faults and options.keep:
                shutil.copytree(folder, options.keep / f"{fault}-{seed}", dirs_exist_ok=True)


def _table(runs: Sequence[Run]) -> Iterator[str]:
    """
    All runs, and what they come to.
    """
    if not runs:
        return
    rows = [("fault", "seed", *_COLUMNS, "took s", "verdict")]
    for run in runs:
        figures = (
            "" if run.report.figures[name] is None else str(run.report.figures[name]) for name in _COLUMNS
        )
        rows.append((run.plan.fault, run.plan.seed, *figures, str(round(run.seconds)), run.verdict))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = (
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        yield "  ".join(cells)
    wrong = sum(bool(run.report.faults) for run in runs)
    void = sum(run.verdict == "void" for run in runs)
    yield (
        f"{len(runs)} runs in {round(sum(run.seconds for run in runs))} s: {wrong} wrong, "
        f"{void} void (under {ENOUGH} answers a second before the fault)"
    )


if __name__ == "__main__":
    sys.exit(main())
