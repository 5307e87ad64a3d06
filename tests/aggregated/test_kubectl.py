"""
The real kubectl through kube-apiserver: every scenario prints the same whether the kinds are ours or definitions.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import TestCase

from tests.cluster.shared import CONTROLLERS, aggregated, oracle
from tests.e2e.__main__ import play
from tests.e2e.scenario import Command, read_scenarios


class KubectlTests(TestCase):
    """
    One test a scenario; the scenarios are those of L{tests.e2e}.
    """

    timeout = 300


def _test(name: str, commands: list[Command]) -> Callable[[KubectlTests], None]:
    # Namespaces, which are told of otherwise by a server that stands alone, are the cluster's here.
    same = [command._replace(differs="") for command in commands] if name == "namespaces" else commands

    def test(self: KubectlTests) -> None:
        found = play(oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint, name, same)
        self.assertEqual("", found, f"\n{found}")

    test.__doc__ = f"Scenario C{{{name}}}: output, errors and exit codes are equal but for ages and names."
    return test


# Definitions are kube-apiserver's on both sides.
_THEIRS = frozenset(("definitions",))

for _name, _commands in read_scenarios().items():
    if _name in _THEIRS:
        continue
    setattr(KubectlTests, f"test_{_name.replace('-', '_')}_prints_the_same", _test(_name, _commands))
