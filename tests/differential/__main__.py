"""
Compare two servers from the command line and print what differs.

By default the first is a kube-apiserver that is started for it and the second our own server.
"""

from __future__ import annotations

import argparse
import atexit
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.client import Endpoint
from tests.cluster.cluster import read_definitions
from tests.cluster.kubeconfig import read_kubeconfig
from tests.cluster.shared import ark, definitions, oracle
from tests.differential.accepted import read_accepted, split
from tests.differential.kinds import read_kinds
from tests.differential.report import report
from tests.differential.run import NO_CONTROLLERS, program, run
from tests.differential.topics import TOPICS


def main() -> int:
    """
    The exit code is 1 when a difference is not on the list of accepted ones.
    """
    options = _options()
    kinds = read_kinds(read_definitions(*definitions()))
    steps = program(kinds, options.seed, options.topic)
    left = _server(options.left, 0)
    right = _server(options.right, 1)
    started = time.monotonic()
    result = run(left, right, steps)
    open_, counts = split(result.differences, [] if options.all else read_accepted())
    print(f"seed {options.seed}: {result.requests} requests in {time.monotonic() - started:.1f} s")
    for entry, count in counts.items():
        print(f"accepted {count:5} x {entry.title}")
    print(report(open_, options.examples))
    return 1 if open_ else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    server = "kube (start one), ark (start ours), or the path of an administrator's kubeconfig"
    parser.add_argument("--left", default="kube", help=server)
    parser.add_argument("--right", default="ark", help=server)
    parser.add_argument(
        "--topic", action="append", default=[], choices=list(TOPICS), help="only these topics"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default 1)")
    parser.add_argument("--examples", type=int, default=2, help="examples of each kind of difference")
    parser.add_argument("--all", action="store_true", help="report accepted differences too")
    return parser.parse_args()


def _server(name: str, instance: int) -> Endpoint:
    if name == "kube":
        return oracle(instance).endpoint
    if name == "ark":
        return ark(controllers=NO_CONTROLLERS).endpoint
    folder = tempfile.mkdtemp(prefix="differential-")
    atexit.register(shutil.rmtree, folder)
    return read_kubeconfig(Path(name), Path(folder))


if __name__ == "__main__":
    sys.exit(main())
