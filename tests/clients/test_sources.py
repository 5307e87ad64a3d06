"""
The sources of the clients' programs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.pages import clients, rules_of
from tests.clients.support import FOLDER


class GoTests(SynchronousTestCase):
    """
    What is written in Go.
    """

    def test_sources_are_formatted(self) -> None:
        """
        As gofmt leaves them.
        """
        found = shutil.which("gofmt") or "/usr/local/go/bin/gofmt"
        if not Path(found).exists():
            raise SkipTest("there is no gofmt command")
        done = subprocess.run([found, "-l", "."], cwd=FOLDER, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "")

    def test_clients_stand_on_the_release_that_is_followed(self) -> None:
        """
        The modules of Kubernetes are of one version.
        """
        text = (FOLDER / "go.mod").read_text()
        pinned = {version for _, version in re.findall(r"=> (k8s\.io/\S+) (v\S+)", text)}
        self.assertEqual(len(pinned), 1, pinned)


class RuleTests(SynchronousTestCase):
    """
    What the clients' folders say of themselves.
    """

    def test_every_client_has_rules(self) -> None:
        """
        And each rule a sentence.
        """
        for client in clients():
            rules = rules_of(client)
            self.assertTrue(rules, client.name)
            self.assertEqual([name for name, text in rules.items() if not str(text).strip()], [], client.name)
