"""
The real kubectl: every scenario prints the same with our server as with kube-apiserver.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import TestCase

from tests.cluster.shared import ark, oracle
from tests.e2e.__main__ import CONTROLLERS, play
from tests.e2e.scenario import Command, read_scenarios

# The comparison of requests leaves objects of the cluster behind in the other one.
_OWN = 1


class KubectlTests(TestCase):
    """
    One test a scenario; the scenarios are data.
    """

    timeout = 300


def _test(name: str, commands: list[Command]) -> Callable[[KubectlTests], None]:
    def test(self: KubectlTests) -> None:
        found = play(oracle(controllers=CONTROLLERS).endpoint, ark(_OWN).endpoint, name, commands)
        self.assertEqual("", found, f"\n{found}")

    test.__doc__ = f"Scenario C{{{name}}}: output, errors and exit codes are equal but for ages and names."
    return test


for _name, _commands in read_scenarios().items():
    setattr(KubectlTests, f"test_{_name.replace('-', '_')}_prints_the_same", _test(_name, _commands))
