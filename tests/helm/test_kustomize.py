"""
The bases for Kustomize.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.build import require
from tests.helm.chart import HELMS, KUBERNETES, NAMESPACE, objects, run, template
from tests.helm.kustomize import BASES, FOLDER, files
from tests.helm.schemas import LOCATION, unpack

EXAMPLE = FOLDER / "overlays" / "example"


class KustomizeTests(SynchronousTestCase):
    """
    What is made of the chart, and what can be made of that.
    """

    def setUp(self) -> None:
        """
        Kustomize is needed, alone and in kubectl.
        """
        require(*HELMS, "clients-kustomize", "kubectl", "kubeconform")

    def build(self, folder: Path) -> list[dict[str, Any]]:
        """
        The objects that Kustomize makes of a folder.
        """
        built = run("clients-kustomize", "build", str(folder))
        self.assertEqual(objects(run("kubectl", "kustomize", str(folder))), objects(built))
        return objects(built)

    def test_bases_say_what_the_chart_says(self) -> None:
        """
        C{python -m tests.helm.kustomize} writes them.
        """
        for path, text in files():
            self.assertTrue(path.exists(), f"{path} is missing")
            self.assertEqual(path.read_text(), text, f"{path} is old: run python -m tests.helm.kustomize")

    def test_bases_have_every_object_but_the_test(self) -> None:
        """
        And a namespace, which Helm makes itself.
        """
        for base, sets in BASES.items():
            charts = {
                (one["kind"], one["metadata"]["name"]) for one in objects(template(HELMS[-1], sets=sets))
            }
            built = {(one["kind"], one["metadata"]["name"]) for one in self.build(FOLDER / base)}
            self.assertEqual(built - charts, {("Namespace", NAMESPACE)})
            self.assertEqual(
                charts - built, {("Pod", "ark-apiserver-test"), ("NetworkPolicy", "ark-apiserver-test")}
            )

    def test_nothing_of_helm_is_left(self) -> None:
        """
        Which would take the objects for its own.
        """
        for base in BASES:
            _, _, text = (FOLDER / base / "resources.yaml").read_text().partition("\n")
            self.assertFalse("helm" in text.lower(), base)

    def test_the_example_changes_what_one_changes(self) -> None:
        """
        The image, the number of servers, the database, an option; and is valid.
        """
        built = self.build(EXAMPLE)
        (deployment,) = (one for one in built if one["kind"] == "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        self.assertEqual(deployment["spec"]["replicas"], 3)
        self.assertEqual(pod["containers"][0]["image"], "registry.example.com/ark/ark-apiserver:0.1.0")
        self.assertEqual(pod["containers"][0]["args"][-1], "--cache-size=256")
        (secret,) = (one["metadata"]["name"] for one in built if one["kind"] == "Secret" and "data" in one)
        (volume,) = (one for one in pod["volumes"] if one["name"] == "database")
        self.assertEqual(volume["secret"]["secretName"], secret)
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        unpack(KUBERNETES[-1], folder)
        text = run("clients-kustomize", "build", str(EXAMPLE))
        run(
            "kubeconform", "-strict", "-skip=Namespace", "-schema-location", f"{folder}/{LOCATION}", text=text
        )
