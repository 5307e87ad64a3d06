"""
Make what several suites of tests ask for, ahead of them: programs of Go, and environments of clients.

Each has a lock, so that a suite that needs one earlier than this has come to it makes it, or waits for it.
What cannot be made is for the suites to tell of.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from unittest import SkipTest

from tests.clients.environments import CLIENTS, java_program, node_packages, node_program, python_program
from tests.cluster.build import PROGRAMS, Unavailable, binary
from tests.storage.postgresqlversions import PACKAGES

_PINS = {"requirements.txt": python_program, "package-lock.json": node_program, "pom.xml": java_program}


def main() -> int:
    """
    Make all that can be made; it is no failure when something cannot.
    """
    for name in PROGRAMS:
        try:
            binary(name)
        except Unavailable:
            continue
    for pins, make in _PINS.items():
        for path in sorted(CLIENTS.glob(f"*/{pins}")):
            try:
                make(path.parent.name)
            except SkipTest:
                continue
    with suppress(SkipTest):
        node_packages(PACKAGES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
