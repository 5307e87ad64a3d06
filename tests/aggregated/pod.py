"""
C{ark-server} as in a pod, but for where the kubelet would put the files of its service account.

Run as C{python -m tests.aggregated.pod FOLDER [options of ark-server]}.
"""

from __future__ import annotations

import sys
from functools import partial

from ark import aggregation
from ark.cli import main
from ark.cluster.incluster import in_cluster


def run() -> int:
    """
    Serve, and return the exit code.
    """
    folder = sys.argv.pop(1)
    aggregation.in_cluster = partial(in_cluster, folder=folder)  # type: ignore[attr-defined]
    return main()


if __name__ == "__main__":
    sys.exit(run())
