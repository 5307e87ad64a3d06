"""
Deletion of owners, by the cluster's own garbage collector: the same becomes of dependents whether they are ours or
definitions, with owners and dependents on both sides.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.cluster.build import require
from tests.cluster.shared import CONTROLLERS, aggregated, oracle
from tests.e2e.cascade import compare_all, read_table, warm_up


@cache
def _differences() -> dict[str, str]:
    require("etcd", "kube", "kubectl")
    left, right = oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint
    for endpoint in (left, right):
        warm_up(endpoint)
    with tempfile.TemporaryDirectory() as home:
        return compare_all(read_table(), left, right, Path(home))


class CascadeTests(TestCase):
    """
    One test a scenario of L{tests.e2e.cascade}; all are played by the first of them, several at a time.
    """

    timeout = 600


def _test(name: str) -> Callable[[CascadeTests], None]:
    def test(self: CascadeTests) -> None:
        found = _differences()[name]
        self.assertEqual("", found, f"\n{found}")

    test.__doc__ = f"Scenario C{{{name}}}: after each step the same objects are there."
    return test


for _name in read_table():
    setattr(CascadeTests, f"test_{_name.replace('-', '_')}", _test(_name))
