"""
Measure everything: the hot modules one after the other, then the whole server against kube-apiserver with etcd.

Each runs in a process of its own.  Name some to run only those.  C{BACKEND=postgresql} in the
environment measures storage and server on that.  C{MODE=aggregated} measures the server behind
kube-apiserver's aggregator instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LAST = "compare"
AGGREGATED = "aggregated"
SIZES = "sizes"
BACKEND = os.environ.get("BACKEND", "")
MODE = os.environ.get("MODE", "")
_WHOLE = (LAST, AGGREGATED, SIZES)
_ON_BACKENDS = ("storage", *_WHOLE)


def measurements() -> list[str]:
    """
    The names of all, those of the modules first.
    """
    modules = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    return [*modules, *_WHOLE]


def main() -> int:
    """
    The exit code is 1 when any of them failed.
    """
    known = measurements()
    chosen = sys.argv[1:] or ([AGGREGATED] if MODE == AGGREGATED else [*known[:-2]])
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(
            f"There is nothing to measure called {unknown[0]}. Known are: {', '.join(known)}.",
            file=sys.stderr,
        )
        return 2
    failed = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        module = name if name in _WHOLE else f"bench_{name}"
        command = [sys.executable, "-m", f"tests.bench.{module}"]
        if name in _ON_BACKENDS and BACKEND:
            command.append(f"--backend={BACKEND}")
        failed |= subprocess.run(command, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
