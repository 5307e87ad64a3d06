"""
Write at random, cut the informers' connections, kill the server and compact history all the time; the caches of
client-go's informers must equal the database, and nothing may be listed again that need not be.
"""

from __future__ import annotations

import argparse
import random
import sys

from tests.cluster.ark import ArkServer
from tests.e2e.informers.chaos import FLAGS, Chaos

_ROUND = 20.0


def main() -> int:
    """
    The exit code is 1 when a cache differs, or something was listed without need.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.informers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    server = ArkServer(flags=FLAGS).start()
    try:
        rounds = max(1, round(options.minutes * 60 / _ROUND))
        chaos = Chaos(server, options.seed, lambda line: print(line, flush=True))
        result = chaos.run([_ROUND] * rounds)
    finally:
        server.stop()
    for sort, count in sorted(result.counts.items()):
        print(f"  {sort}: {count}")
    print(
        f"{result.writes} writes, {result.events} events told to handlers, {result.cuts} cuts, "
        f"{result.kills} kills, history began anew {result.compactions} times"
    )
    for fault in result.faults[:50]:
        print(f"  FAULT {fault}")
    if not result.faults:
        server.remove()
    else:
        print(f"the server's log and database are in {server.folder}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
