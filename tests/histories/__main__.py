"""
Play histories of three servers on one PostgreSQL, each with a fault, and look for what cannot be.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from tests.histories.faults import FAULTS
from tests.histories.play import Plan, play
from tests.storage.postgresqlserver import find_programs


def main() -> int:
    """
    The exit code is 1 when a history cannot be.
    """
    options = _options()
    programs = find_programs()
    if programs is None:
        print(
            "PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)", file=sys.stderr
        )
        return 2
    failed: list[str] = []

    def run(reactor: Any) -> Deferred[None]:
        done: Deferred[None] = deferToThread(_play_all, options, reactor, programs, failed)
        return done

    try:
        react(run)
    except SystemExit as end:
        if end.code:
            return 1
    if failed:
        print(f"wrong: {', '.join(failed)}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), help="which (default: each once)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long clients ask")
    parser.add_argument("--seed", default=str(SystemRandom().randrange(10**6)))
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--rate", type=float, default=500.0, help="requests a second at most, of all clients")
    parser.add_argument("--keep", type=Path, help="a folder for what was recorded of wrong histories")
    return parser.parse_args()


def _play_all(options: argparse.Namespace, reactor: Any, programs: Path, failed: list[str]) -> None:
    for fault in options.fault or FAULTS:
        plan = Plan(fault, options.seed, options.seconds, options.watchers, options.rate)
        with tempfile.TemporaryDirectory() as folder:
            report = play(plan, reactor, programs, Path(folder))
            print(f"{fault}, seed {plan.seed}: {len(report.faults)} faults; {report.line()}", flush=True)
            print(*(f"  {text}" for text in report.faults[:10]), sep="\n", end="\n" if report.faults else "")
            if report.faults:
                failed.append(fault)
                if options.keep:
                    shutil.copytree(folder, options.keep / f"{fault}-{plan.seed}", dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
