"""
The differences that we keep on purpose: data in C{accepted.yaml}, a page of the reference, and a filter.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.differential.compare import Difference

DATA = Path(__file__).with_name("accepted.yaml")
PAGE = Path(__file__).resolve().parents[2] / "docs/reference/differences.md"

_HEAD = """\
# Differences from kube-apiserver

A test sends several thousand generated requests, all verbs and options, good and bad bodies, to this server and
to kube-apiserver {version} with the same definitions, and compares codes, reasons, messages, causes, headers and
bodies. What is left once times, uids, revisions, random names and tokens are taken out is this list. Anything
that is not on it fails the test.

This page is made from `tests/differential/accepted.yaml` by `python -m tests.differential.accepted`.
"""


class Accepted(NamedTuple):
    """
    One kind of difference that is kept.

    @ivar title: what differs, in a few words.
    @ivar kubernetes: what kube-apiserver does.
    @ivar ours: what this server does.
    @ivar reason: why that is right, or better.
    @ivar request: a pattern that is searched in the request's line.
    @ivar where: a pattern for the whole place of the difference.
    @ivar left: a pattern that is searched in kube-apiserver's value.
    @ivar right: a pattern that is searched in ours.
    """

    title: str
    kubernetes: str
    ours: str
    reason: str
    request: str = ""
    where: str = ".*"
    left: str = ""
    right: str = ""

    def covers(self, difference: Difference) -> bool:
        """
        Whether this entry speaks of that difference.
        """
        return (
            re.fullmatch(self.where, difference.where) is not None
            and re.search(self.request, difference.request) is not None
            and re.search(self.left, str(difference.left)) is not None
            and re.search(self.right, str(difference.right)) is not None
        )


def read_accepted(path: Path = DATA) -> list[Accepted]:
    """
    All entries.
    """
    return [Accepted(**entry) for entry in yaml.safe_load(path.read_text())]


def split(
    differences: Iterable[Difference], accepted: list[Accepted]
) -> tuple[list[Difference], dict[Accepted, int]]:
    """
    The differences that no entry covers, and how many each entry covered.
    """
    open_: list[Difference] = []
    counts = dict.fromkeys(accepted, 0)
    for difference in differences:
        entry = next((entry for entry in accepted if entry.covers(difference)), None)
        if entry is None:
            open_.append(difference)
        else:
            counts[entry] += 1
    return open_, counts


def render(accepted: list[Accepted], version: str) -> str:
    """
    The page of the reference.
    """
    entries = (
        f"## {entry.title}\n\n"
        f"- kube-apiserver: {entry.kubernetes}\n"
        f"- this server: {entry.ours}\n"
        f"- why: {entry.reason}\n"
        for entry in accepted
    )
    return "\n".join([_HEAD.format(version=version), *entries])


def main() -> int:
    """
    Write the page anew.
    """
    from tests.cluster.build import KUBERNETES_VERSION

    PAGE.write_text(render(read_accepted(), KUBERNETES_VERSION))
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
