"""
Kill the server with SIGKILL while writers write and watchers watch, start it again, and check every history.

Run C{python -m tests.e2e.crash --runs 50}.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Protocol

from tests.cluster.ark import ArkServer
from tests.cluster.client import Endpoint
from tests.e2e.load import Outcome, under_load


class Server(Protocol):
    """
    What a server must offer to be killed.
    """

    endpoint: Endpoint

    def kill(self) -> None:
        """
        End it without a word.
        """

    def start_again(self) -> None:
        """
        Start it on the same data, and return when it is ready.
        """


def crash(server: Server, run: str, seconds: float) -> Outcome:
    """
    One run: write and watch, kill the server after some seconds, start it, write on, stop, and check.
    """

    def happen() -> None:
        time.sleep(seconds)
        server.kill()
        server.start_again()
        time.sleep(seconds)

    return under_load([server.endpoint], run, happen)


def main() -> int:
    """
    The exit code is 1 when any run had a fault.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    server = ArkServer().start()
    failed = 0
    try:
        for run in range(options.runs):
            outcome = crash(server, f"{options.seed}-{run}", chance.uniform(0.3, 2))
            failed += bool(outcome.faults)
            print(
                f"run {run}: {outcome.writes} writes, {len(outcome.faults)} faults",
                *outcome.faults[:5],
                sep="\n  ",
            )
    finally:
        server.remove()
    print(f"seed {options.seed}: {options.runs - failed} runs without a fault, {failed} with")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
