"""
The examples of the pages on the chart and on the image do what they say.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.helm.chart import CHART, HELMS, REPOSITORY, objects, run, template
from tests.helm.charttests import ChartTests
from tests.helm.test_image import RunningTests

_PAGES = REPOSITORY / "docs" / "how-to"
HELM_PAGE, DOCKER_PAGE = _PAGES / "install-with-helm.md", _PAGES / "run-in-docker.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WITH_VALUE = ("--name", "-p", "--user", "-v", "-e", "--tmpfs", "--time")


def blocks(page: Path, language: str) -> list[str]:
    """
    The examples of a page in one language.
    """
    return [text for kind, text in _BLOCK.findall(page.read_text()) if kind == language]


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """
    The commands of a page that begin so, in words.
    """
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(f"{program} "):
                yield shlex.split(line)


class HelmPageTests(ChartTests):
    """
    C{install-with-helm.md}.
    """

    def test_examples_of_values_are_taken(self) -> None:
        """
        By both versions of Helm.
        """
        examples = blocks(HELM_PAGE, "yaml")
        self.assertGreaterEqual(len(examples), 6)
        for number, example in enumerate(examples):
            self.assertTrue(example.startswith("# values.yaml\n"), example)
            path = Path(self.mktemp())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example)
            first, second = (objects(template(helm, path)) for helm in HELMS)
            self.assertEqual(first, second, number)
            self.assertNotEqual(first, objects(template(HELMS[0])), example)

    def test_every_value_that_is_named_exists(self) -> None:
        """
        Also in the text.
        """
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        named = re.findall(r"`([a-z]\w+(?:\.\w+)+)(?:=[^`]*)?`", HELM_PAGE.read_text())
        self.assertGreaterEqual(len(named), 8)
        for name in named:
            found = values
            if name.startswith(("ark.", "values.")):
                continue
            for part in name.split("."):
                self.assertIn(part, found, name)
                found = found[part]

    def test_commands_of_helm_are_taken(self) -> None:
        """
        Rendered, where they would install.
        """
        found = [words for words in commands(HELM_PAGE, "helm") if words[1] in ("install", "upgrade")]
        self.assertEqual(len(found), 2)
        for words in found:
            flags = [word for word in words[2:] if word not in ("--install", "--create-namespace")]
            flags[1] = str(REPOSITORY / flags[1])
            for helm in HELMS:
                self.assertIn("kind: Deployment", run(helm, "template", *flags, "--kube-version", "1.36.0"))

    def test_folders_of_kustomize_exist(self) -> None:
        """
        Those that C{kubectl apply} is given.
        """
        folders = [words[-1] for words in commands(HELM_PAGE, "kubectl") if words[1:3] == ["apply", "-k"]]
        self.assertEqual(len(folders), 2)
        for folder in folders:
            self.assertIn("kind: APIService", run("kubectl", "kustomize", str(REPOSITORY / folder)))


class DockerPageTests(RunningTests):
    """
    C{run-in-docker.md}.
    """

    def test_every_example_runs(self) -> None:
        """
        As far as it is the image's: its arguments and variables, on a port of the test's.
        """
        found = [words[2:] for words in commands(DOCKER_PAGE, "docker") if words[1] == "run"]
        self.assertEqual(len(found), 4)
        for words in found:
            arguments, variables = self.parts(words)
            self.flags = (*arguments, f"--secure-port={self.port}")
            self.variables = variables
            process = self.start()
            process.stop()
            self.assertEqual(process.code, 0, words)

    def parts(self, words: list[str]) -> tuple[list[str], list[str]]:
        """
        What stands after the image, and the variables that are set.
        """
        variables: list[str] = []
        rest = list(words)
        while rest[0].startswith("-"):
            flag = rest.pop(0)
            if flag in _WITH_VALUE:
                value = rest.pop(0)
                variables += [value] if flag == "-e" else []
        name, *arguments = rest
        self.assertTrue(name.startswith("ark-apiserver:"), name)
        return arguments, variables
