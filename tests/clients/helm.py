"""
What both majors of Helm must do with a chart of Ark's kinds.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.support import FOLDER, CommandLineTests, Printed, go_program

CHART = FOLDER / "chart"
RELEASE = "helper"


class HelmTests(CommandLineTests):
    """
    Base of the tests of one major.

    @cvar undoing: the flag that undoes what fails.
    """

    undoing: str

    @property
    def helm(self) -> str:
        """
        The command, made if need be.
        """
        return go_program(self.client.folder)[0]

    def run_helm(self, *arguments: str | Path) -> Printed:
        """
        Run Helm in the test's namespace.
        """
        return self.run_program(self.helm, "-n", self.namespace, *arguments)

    def succeed_helm(self, *arguments: str | Path) -> str:
        """
        Run Helm, which must end well.
        """
        return self.succeed(self.helm, "-n", self.namespace, *arguments)

    def install(self, *flags: str, chart: Path = CHART) -> str:
        """
        Install the chart; what it brings along as definitions stays out unless a test is about that.
        """
        return self.succeed_helm("install", RELEASE, chart, "--skip-crds", *flags)

    def upgrade(self, *flags: str) -> str:
        """
        Upgrade the release.
        """
        return self.succeed_helm("upgrade", RELEASE, CHART, "--skip-crds", *flags)

    def history(self) -> list[Any]:
        """
        The revisions of the release, oldest first, each with its number and state.
        """
        found = json.loads(self.succeed_helm("history", RELEASE, "-o", "json"))
        return [(one["revision"], one["status"]) for one in found]

    def releases(self) -> list[str]:
        """
        The Secrets that keep releases.
        """
        return self.names("secrets", "-l", "owner=helm")

    def prompt(self, name: str = "weather") -> str:
        """
        The prompt of an agent.
        """
        found: str = self.get("agent", name)["spec"]["prompt"]
        return found


class CommonHelmRules:
    """
    The rules of both majors; mixed in, so that trial does not collect them here.
    """

    def test_a_release_is_listed_and_told_of(self: Any) -> None:
        """
        List, status, get and history tell what was installed, from a Secret of Helm's own type.
        """
        printed = self.install("--set", "model=gpt-5")
        self.assertIn(f"Ask weather in {self.namespace}.", printed)
        (listed,) = json.loads(self.succeed_helm("list", "-o", "json"))
        self.assertEqual((listed["name"], listed["revision"], listed["status"]), (RELEASE, "1", "deployed"))
        status = json.loads(self.succeed_helm("status", RELEASE, "-o", "json"))
        self.assertEqual(status["info"]["status"], "deployed")
        self.assertIn("kind: Agent", self.succeed_helm("get", "manifest", RELEASE))
        self.assertIn("model: gpt-5", self.succeed_helm("get", "values", RELEASE))
        self.assertIn("helm.sh/hook: pre-install", self.succeed_helm("get", "hooks", RELEASE))
        self.assertIn("Ask weather", self.succeed_helm("get", "notes", RELEASE))
        self.assertEqual(self.history(), [(1, "deployed")])
        kept = self.get("secret", f"sh.helm.release.v1.{RELEASE}.v1")
        self.assertEqual(kept["type"], "helm.sh/release.v1")
        self.assertEqual(kept["metadata"]["labels"]["status"], "deployed")

    def test_an_upgrade_changes_adds_and_removes(self: Any) -> None:
        """
        What is no longer in the chart goes; what was made up once is looked up and kept.
        """
        self.install("--set", "agents.sea=Be deep.")
        token = self.get("secret", f"{RELEASE}-token")["data"]["token"]
        self.upgrade("--set", "agents.weather=Be kind.,agents.snow=Be cold.")
        self.assertEqual(self.names("agents"), ["snow", "weather"])
        self.assertEqual(self.prompt(), "Be kind.")
        self.assertEqual(self.get("secret", f"{RELEASE}-token")["data"]["token"], token)
        self.assertEqual(self.history(), [(1, "superseded"), (2, "deployed")])

    def test_a_rollback_brings_back_what_was(self: Any) -> None:
        """
        As a revision of its own.
        """
        self.install()
        self.upgrade("--set", "agents.weather=Be kind.,agents.snow=Be cold.")
        self.succeed_helm("rollback", RELEASE, "1", "--wait")
        self.assertEqual(self.names("agents"), ["weather"])
        self.assertEqual(self.prompt(), "Be brief.")
        self.assertEqual([revision for revision, _ in self.history()], [1, 2, 3])

    def test_an_uninstall_leaves_only_hooks(self: Any) -> None:
        """
        And, where it is asked to, the history.
        """
        self.install()
        self.succeed_helm("uninstall", RELEASE, "--keep-history")
        self.assertEqual(self.names("agents") + self.names("models"), [])
        self.assertEqual(self.history(), [(1, "uninstalled")])
        self.assertIn(f"{RELEASE}-gone", self.names("configmaps"))
        self.succeed_helm("uninstall", RELEASE)
        self.assertEqual(self.releases(), [])

    def test_hooks_run_in_their_turn(self: Any) -> None:
        """
        One stays until it is run again, another goes when it is done; helm test runs those for tests.
        """
        self.install()
        first = self.get("query", f"{RELEASE}-before")
        self.assertIn("revision 1", first["spec"]["input"])
        self.assertEqual(self.names("queries"), [f"{RELEASE}-before"])
        self.upgrade()
        second = self.get("query", f"{RELEASE}-before")
        self.assertNotEqual(first["metadata"]["uid"], second["metadata"]["uid"])
        self.assertIn("Phase:", self.succeed_helm("test", RELEASE))
        self.assertIn(f"{RELEASE}-test", self.names("configmaps"))

    def test_what_fails_is_undone(self: Any) -> None:
        """
        A failed installation leaves nothing, a failed upgrade what was before, where that is asked for.
        """
        wrong = ("--set", "color=pink,agents.snow=Be cold.", self.undoing, "--skip-crds")
        printed = self.run_helm("install", RELEASE, CHART, *wrong)
        self.assertNotEqual(printed.code, 0)
        self.assertIn('Unsupported value: "pink"', printed.errors)
        self.assertEqual(self.names("agents") + self.releases(), [])
        self.install()
        printed = self.run_helm("upgrade", RELEASE, CHART, *wrong)
        self.assertNotEqual(printed.code, 0)
        self.assertEqual(self.names("agents"), ["weather"])
        self.assertEqual([status for _, status in self.history()], ["superseded", "failed", "deployed"])

    def test_what_fails_without_that_says_so(self: Any) -> None:
        """
        The release is marked as failed, and the next upgrade puts it right.
        """
        printed = self.run_helm("install", RELEASE, CHART, "--set", "color=pink", "--skip-crds")
        self.assertNotEqual(printed.code, 0)
        self.assertEqual(self.history(), [(1, "failed")])
        self.upgrade("--set", "color=red")
        self.assertEqual(self.get("widget", RELEASE)["spec"]["color"], "red")
        self.assertEqual(self.history()[1], (2, "deployed"))

    def test_what_another_made_is_not_taken(self: Any) -> None:
        """
        Unless it is asked to take ownership.
        """
        manifest = {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "Agent",
            "metadata": {"name": "weather"},
            "spec": {"prompt": "Be mine."},
        }
        self.kubectl("create", "-f", "-", text=json.dumps(manifest))
        printed = self.run_helm("install", RELEASE, CHART, "--skip-crds")
        self.assertIn("invalid ownership metadata", printed.errors)
        self.assertEqual(self.prompt(), "Be mine.")
        flags = self.forcing
        self.succeed_helm("install", RELEASE, CHART, "--skip-crds", "--replace", "--take-ownership", *flags)
        self.assertEqual(self.prompt(), "Be brief.")

    def test_a_dry_run_asks_and_writes_nothing(self: Any) -> None:
        """
        The server is asked for what the chart looks up.
        """
        printed = self.install("--dry-run=server")
        self.assertIn("kind: Agent", printed)
        self.assertEqual(self.names("agents") + self.releases(), [])
        self.assertIn("kind: Model", self.succeed_helm("template", RELEASE, CHART, "--validate"))

    def test_an_upgrade_of_nothing_installs(self: Any) -> None:
        """
        With C{--install --wait}, again and again; the history is kept as short as was asked for.
        """
        for number in range(4):
            flags = (
                "--set",
                f"agents.weather=Be {number}.",
                "--history-max",
                "2",
                "--wait",
                "--timeout",
                "30s",
            )
            self.upgrade("--install", *flags)
        self.assertEqual(self.prompt(), "Be 3.")
        self.assertEqual([revision for revision, _ in self.history()], [3, 4])

    def test_a_big_chart_fits(self: Any) -> None:
        """
        A release nearly as big as a Secret may be.
        """
        folder = Path(tempfile.mkdtemp(prefix="helm-chart-"))
        self.addCleanup(shutil.rmtree, folder)
        chart = Path(shutil.copytree(CHART, folder / "assistant"))
        (chart / "noise.txt").write_text(secrets.token_hex(400_000))
        self.install(chart=chart)
        kept = self.get("secret", f"sh.helm.release.v1.{RELEASE}.v1")
        self.assertGreater(len(kept["data"]["release"]), 700_000)
        self.succeed_helm("status", RELEASE)

    def test_definitions_come_before_what_they_define(self: Any) -> None:
        """
        Those in C{crds/} are installed first and stay when the release goes.
        """
        self.succeed_helm("install", RELEASE, CHART, "--set", "gadget=true")
        self.assertEqual(self.get("gadgets.helm.example.com", RELEASE)["spec"]["size"], 3)
        self.succeed_helm("uninstall", RELEASE)
        self.assertEqual(self.names("gadgets.helm.example.com"), [])
        self.kubectl("get", "customresourcedefinition", "gadgets.helm.example.com")
