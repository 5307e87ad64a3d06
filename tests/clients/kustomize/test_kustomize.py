"""
Kustomize and kubectl with bases and overlays.
"""

from __future__ import annotations

from pathlib import Path

from tests.clients.support import CommandLineTests, go_program, read_client
from tests.cluster.build import require

FOLDER = Path(__file__).parent
BASE, OVERLAY = FOLDER / "base", FOLDER / "overlay"
_PRUNED = (
    "ark.mckinsey.com/v1alpha1/Agent",
    "probe.example.com/v1/Widget",
    "core/v1/ConfigMap",
    "core/v1/Secret",
)
_PRUNING = ("--prune", "-l", "app=assistant", *(f"--prune-allowlist={kind}" for kind in _PRUNED))


class KustomizeTests(CommandLineTests):
    """
    Whatever kustomize makes, the server takes.
    """

    client = read_client(FOLDER)

    def build(self, folder: Path) -> str:
        """
        What kustomize makes of a folder.
        """
        return self.succeed(*go_program("kustomize"), "build", folder)

    def prompts(self) -> dict[str, str]:
        """
        The prompt of each agent.
        """
        return {one["metadata"]["name"]: one["spec"]["prompt"] for one in self.get("agents")["items"]}

    def differs(self, folder: Path) -> str:
        """
        What kubectl says would change.
        """
        (kubectl,) = require("kubectl")
        printed = self.run_program(kubectl, "-n", self.namespace, "diff", "-k", folder)
        self.assertIn(printed.code, (0, 1), str(printed))
        self.assertEqual(bool(printed.output), printed.code == 1)
        return printed.output

    def test_what_is_built_is_applied(self) -> None:
        """
        And found unchanged the second time.
        """
        built = self.build(BASE)
        printed = self.kubectl("apply", "-f", "-", text=built)
        self.assertEqual(printed.count(" created"), 5, printed)
        self.assertEqual(self.prompts(), {"weather": "Be brief.", "snow": "Be cold."})
        printed = self.kubectl("apply", "-f", "-", text=built)
        self.assertEqual(printed.count(" unchanged"), 5, printed)

    def test_an_overlay_patches_deletes_and_renames(self) -> None:
        """
        By JSON patches and by merges.
        """
        self.kubectl("apply", "-f", "-", text=self.build(OVERLAY))
        self.assertEqual(self.prompts(), {"my-weather": "Be kind."})
        spec = self.get("widget", "my-thing")["spec"]
        self.assertEqual((spec["color"], len(spec["ports"])), ("blue", 1))

    def test_kubectl_builds_the_same(self) -> None:
        """
        What kubectl makes of a folder by itself is what kustomize made of it.
        """
        self.kubectl("apply", "-f", "-", text=self.build(OVERLAY))
        printed = self.kubectl("apply", "-k", str(OVERLAY))
        self.assertEqual(printed.count(" unchanged"), 4, printed)

    def test_a_difference_is_shown_before_it_is_applied(self) -> None:
        """
        The server is asked, so what it fills in is no difference.
        """
        self.kubectl("apply", "-k", str(BASE))
        self.assertEqual(self.differs(BASE), "")
        self.kubectl("patch", "agent", "weather", "--type=merge", "-p", '{"spec":{"prompt":"Be rude."}}')
        found = self.differs(BASE)
        self.assertIn("-  prompt: Be rude.", found)
        self.assertIn("+  prompt: Be brief.", found)

    def test_what_is_gone_from_a_folder_is_pruned(self) -> None:
        """
        By label and kind; a generated ConfigMap of another content has another name.
        """
        self.kubectl("apply", "-k", str(BASE), *_PRUNING)
        changed = self.build(BASE).replace("tone: short", "tone: long")
        changed = changed.replace("name: style-", "name: style-new-")
        kept = "---\n".join(one for one in changed.split("---\n") if "Be cold." not in one)
        printed = self.kubectl("apply", "-f", "-", *_PRUNING, text=kept)
        self.assertEqual(printed.count(" pruned"), 2, printed)
        self.assertEqual(self.prompts(), {"weather": "Be brief."})
        styles = [name for name in self.names("configmaps") if name.startswith("style-")]
        self.assertEqual(len(styles), 1, styles)

    def test_a_set_of_applied_objects_is_pruned(self) -> None:
        """
        An ApplySet remembers what belongs to it, in an object of its own.
        """
        (kubectl,) = require("kubectl")
        pruning = ("--prune", "--applyset=configmaps/mine", "-f", "-")
        command = ("env", "KUBECTL_APPLYSET=true", kubectl, "-n", self.namespace, "apply", *pruning)
        self.succeed(*command, text=self.build(BASE))
        self.succeed(*command, text=self.build(OVERLAY))
        self.assertEqual(self.prompts(), {"my-weather": "Be kind."})
        self.assertEqual(self.names("widgets"), ["my-thing"])
        annotations = self.get("configmap", "mine")["metadata"]["annotations"]
        self.assertIn("Agent.ark.mckinsey.com", annotations["applyset.kubernetes.io/contains-group-kinds"])

    def test_a_folder_is_applied_on_the_servers_side(self) -> None:
        """
        Also after it was applied on the client's; then what was left out goes.
        """
        self.kubectl("apply", "-k", str(BASE))
        built = self.build(BASE).replace("  modelRef:\n    name: default\n", "")
        self.assertNotIn("modelRef", built)
        printed = self.kubectl("apply", "--server-side", "-f", "-", text=built)
        self.assertEqual(printed.count(" serverside-applied"), 5, printed)
        found = self.get("agent", "weather", "--show-managed-fields")
        self.assertNotIn("modelRef", found["spec"])
        owners = [(one["manager"], one["operation"]) for one in found["metadata"]["managedFields"]]
        self.assertIn(("kubectl", "Apply"), owners)
        self.assertNotIn(("kubectl-client-side-apply", "Update"), owners)

    def test_a_folder_is_deleted(self) -> None:
        """
        With everything that was made of it.
        """
        self.kubectl("apply", "-k", str(OVERLAY))
        self.kubectl("delete", "-k", str(OVERLAY))
        self.assertEqual(self.names("agents") + self.names("widgets") + self.names("secrets"), [])

    def test_a_folder_that_is_refused_says_why(self) -> None:
        """
        And what was right in it is applied.
        """
        (kubectl,) = require("kubectl")
        wrong = self.build(BASE).replace("color: red", "color: pink")
        command = (kubectl, "-n", self.namespace, "apply", "-f", "-")
        printed = self.run_program(*command, text=wrong)
        self.assertEqual(printed.code, 1)
        self.assertIn('Unsupported value: "pink"', printed.errors)
        self.assertEqual(self.names("agents"), ["snow", "weather"])
