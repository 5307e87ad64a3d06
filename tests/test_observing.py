"""
What the page on observing a server says is so.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.options import OPTIONS
from ark.testing import InMemoryServer
from ark.tracing.configuration import ENDPOINT, read_configuration
from ark.tracing.exporting import QUEUED
from tests.helm import monitoring

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "observe-a-server.md"
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


class PageTests(SynchronousTestCase):
    """
    C{docs/how-to/observe-a-server.md}.
    """

    def setUp(self) -> None:
        """
        Read it.
        """
        self.text = PAGE.read_text()
        self.blocks = _BLOCK.findall(self.text)

    def test_every_alert_has_a_remedy(self) -> None:
        """
        And none that there is not.
        """
        rows = re.findall(r"^\| (`Ark.*?) \|", self.text, re.MULTILINE)
        named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        self.assertEqual(named, {rule["alert"] for rule in monitoring.alerts()})

    def test_configuration_of_traces_is_read(self) -> None:
        """
        As the page explains it.
        """
        (text,) = (block for _, block in self.blocks if "TracingConfiguration" in block)
        self.assertEqual(read_configuration(text.encode()), (ENDPOINT, 10_000))
        self.assertIn(f"{QUEUED:,} spans", self.text)

    def test_right_to_read_metrics_is_one(self) -> None:
        """
        Of Kubernetes.
        """
        (role,) = (yaml.safe_load(block) for _, block in self.blocks if "ClusterRole" in block)
        self.assertEqual(role["rules"], [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}])

    def test_paths_are_served(self) -> None:
        """
        Those that C{kubectl get --raw} is given.
        """
        server = InMemoryServer(KindRegistry.typed())
        paths = re.findall(r"kubectl get --raw '?(/[^\s']*)", self.text)
        self.assertEqual(len(paths), 3)
        for path in paths:
            self.assertEqual(server.request("GET", path).code, 200, path)

    def test_flags_are_options(self) -> None:
        """
        Of the server.
        """
        known = {flag for option in OPTIONS for flag in option.flags}
        commands = [
            line for _, block in self.blocks for line in block.splitlines() if line.startswith("ark-server")
        ]
        flags = {word.partition("=")[0] for line in commands for word in line.split() if word.startswith("-")}
        flags |= set(re.findall(r"`(--[a-z-]+)`", self.text))
        self.assertEqual(flags - known, set())
