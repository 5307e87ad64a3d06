"""
Helm 3, as built from its module.
"""

from __future__ import annotations

from pathlib import Path

from tests.clients.helm import CommonHelmRules, HelmTests
from tests.clients.support import read_client


class Helm3Tests(CommonHelmRules, HelmTests):
    """
    It patches on the client's side, in three ways.
    """

    client = read_client(Path(__file__).parent)
    undoing = "--atomic"
    forcing = ()

    def test_a_change_by_hand_is_put_right_where_the_chart_changes(self) -> None:
        """
        A three-way merge patch leaves alone what the chart does not say.
        """
        self.install()
        self.kubectl("patch", "agent", "weather", "--type=merge", "-p", '{"spec":{"description":"By hand"}}')
        self.upgrade("--set", "agents.weather=Be kind.")
        found = self.get("agent", "weather")["spec"]
        self.assertEqual((found["prompt"], found["description"]), ("Be kind.", "By hand"))
