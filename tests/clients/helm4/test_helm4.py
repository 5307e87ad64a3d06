"""
Helm 4, as built from its module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.clients.helm import CHART, RELEASE, CommonHelmRules, HelmTests
from tests.clients.support import go_program, read_client


class Helm4Tests(CommonHelmRules, HelmTests):
    """
    It applies on the server's side, unless it is told not to.
    """

    client = read_client(Path(__file__).parent)
    undoing = "--rollback-on-failure"
    forcing = ("--force-conflicts",)

    def managers(self) -> list[tuple[str, str]]:
        """
        Who owns fields of the agent, and how.
        """
        found: list[Any] = self.get("agent", "weather", "--show-managed-fields")["metadata"]["managedFields"]
        return [(one["manager"], one["operation"]) for one in found]

    def test_it_owns_what_it_applies(self) -> None:
        """
        As one manager that applies, through upgrades and rollbacks.
        """
        self.install()
        self.upgrade("--set", "agents.weather=Be kind.")
        self.succeed_helm("rollback", RELEASE, "1")
        self.assertEqual(self.managers(), [("helm", "Apply")])

    def test_a_change_by_hand_is_a_conflict(self) -> None:
        """
        Until it is forced; what the chart does not say is left alone.
        """
        self.install()
        change = '{"spec":{"prompt":"Be rude.","description":"By hand"}}'
        self.kubectl("patch", "agent", "weather", "--type=merge", "-p", change)
        printed = self.run_helm("upgrade", RELEASE, CHART, "--set", "agents.weather=Be kind.", "--skip-crds")
        self.assertNotEqual(printed.code, 0)
        self.assertIn('conflict with "kubectl-patch"', printed.errors)
        self.assertEqual(self.prompt(), "Be rude.")
        self.upgrade("--set", "agents.weather=Be kind.", "--force-conflicts")
        found = self.get("agent", "weather")["spec"]
        self.assertEqual((found["prompt"], found["description"]), ("Be kind.", "By hand"))

    def test_it_goes_on_with_a_release_of_helm_3(self) -> None:
        """
        First on the client's side, as that was, then on the server's.
        """
        (helm3,) = go_program("helm3")
        self.succeed(helm3, "-n", self.namespace, "install", RELEASE, CHART, "--skip-crds")
        self.upgrade("--set", "agents.weather=Be kind.,agents.snow=Be cold.")
        self.assertEqual(self.prompt(), "Be kind.")
        self.upgrade("--server-side=true", "--force-conflicts", "--set", "agents.weather=Be warm.")
        self.assertEqual((self.prompt(), self.names("agents")), ("Be warm.", ["weather"]))
        self.assertIn(("helm", "Apply"), self.managers())

    def test_it_works_on_the_clients_side_too(self) -> None:
        """
        With C{--server-side=false} it owns by updates.
        """
        self.install("--server-side=false")
        self.upgrade("--server-side=false", "--set", "agents.weather=Be kind.")
        self.assertEqual(self.prompt(), "Be kind.")
        self.assertEqual(self.managers(), [("helm", "Update")])

    def test_waiting_is_for_what_says_that_it_is_ready(self) -> None:
        """
        The watcher goes by conditions and gives up in time.
        """
        self.install("--set", "color=red", "--wait", "--timeout", "30s")
        self.condition("False")
        waiting = ("--wait", "--timeout", "3s", "--skip-crds", "--set", "color=blue")
        self.assertNotEqual(self.run_helm("upgrade", RELEASE, CHART, *waiting).code, 0)
        self.condition("True")
        self.upgrade("--set", "color=green", "--wait", "--timeout", "30s")

    def condition(self, status: str) -> None:
        """
        Say in the widget's status whether it is ready.
        """
        patch = f'{{"status":{{"conditions":[{{"type":"Ready","status":"{status}","reason":"Tried"}}]}}}}'
        self.kubectl("patch", "widget", RELEASE, "--subresource=status", "--type=merge", "-p", patch)
