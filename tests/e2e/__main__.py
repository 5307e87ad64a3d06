"""
Play scenarios against two servers from the command line and print how their output differs.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster.build import require
from tests.cluster.client import Endpoint
from tests.cluster.shared import ark, oracle
from tests.e2e.cascade import warm_up
from tests.e2e.output import difference
from tests.e2e.scenario import Command, Terminal, read_scenarios

CONTROLLERS = ("namespace-controller", "garbage-collector-controller")


def play(
    left: Endpoint, right: Endpoint, name: str, commands: list[Command], kubectl: Path | None = None
) -> str:
    """
    The difference between two servers in one scenario, which is played to both at the same time.
    """
    program = kubectl or require("kubectl")[0]
    warm_up(left, right)
    with ThreadPoolExecutor(2) as pool:
        printed = pool.map(lambda endpoint: Terminal(program, endpoint, name).play(commands), (left, right))
    return difference(*printed)


def main() -> int:
    """
    The exit code is 1 when any output differs.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    parser.add_argument(
        "--right", default="ark", choices=["ark", "kube"], help="ours, or a second kube-apiserver"
    )
    parser.add_argument("--kubectl", type=Path, help="a kubectl of another version")
    parser.add_argument("--show", type=Path, help="a folder to write the first server's terminals to")
    parser.add_argument("scenario", nargs="*", help="only these scenarios")
    options = parser.parse_args()
    left = oracle(controllers=CONTROLLERS).endpoint
    if options.show:
        for name, commands in read_scenarios().items():
            if not options.scenario or name in options.scenario:
                _show(options.show, options.kubectl, left, name, commands)
        return 0
    right = ark().endpoint if options.right == "ark" else oracle(1, controllers=CONTROLLERS).endpoint
    failed = 0
    for name, commands in read_scenarios().items():
        if options.scenario and name not in options.scenario:
            continue
        found = play(left, right, name, commands, options.kubectl)
        failed += bool(found)
        print(f"{name}: {'differs' if found else 'equal'}\n{found}", flush=True)
    return 1 if failed else 0


def _show(folder: Path, kubectl: Path | None, endpoint: Endpoint, name: str, commands: list[Command]) -> None:
    program = kubectl or require("kubectl")[0]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.txt").open("w") as file:
        for printed in Terminal(program, endpoint, name).play(commands):
            file.write(f"$ kubectl {printed.line}\n{printed.output}{printed.errors}[{printed.code}]\n\n")


if __name__ == "__main__":
    sys.exit(main())
