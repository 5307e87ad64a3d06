"""
Cases that tests play in a short form, and people as long as they should be.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

_MOST = 10
Size = TypeVar("Size")


class Found(NamedTuple):
    """
    What came of a case.

    @ivar broken: which promises were broken.
    """

    text: str
    broken: list[str]


def wants_short(module: str) -> bool:
    """
    Whether the command line asks for what the tests do.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--short", action="store_true", help="as the tests do it")
    return bool(parser.parse_args().short)


def play(cases: Iterable[Callable[[Size], Found]], size: Size) -> int:
    """
    Run cases one after the other, and print what came of each.

    @return: the exit code, which is 1 when a promise was broken.
    """
    wrong = 0
    for case in cases:
        found = case(size)
        wrong += len(found.broken)
        print(f"{found.text}{''.join(f'; BROKEN: {each}' for each in found.broken[:_MOST])}", flush=True)
    return 1 if wrong else 0
