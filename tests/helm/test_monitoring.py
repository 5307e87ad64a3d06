"""
The alerts and the dashboard of the chart, as Prometheus understands them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from unittest import SkipTest

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.helm import monitoring
from tests.programs import PROMETHEUS, NotInstalled

CASES = Path(__file__).with_name("alerts.yaml")
_SHOWN = re.compile(r"{{\s*\$?labels\.([a-z_]+)\s*}}|{{([a-z_]+)}}")


class MonitoringTests(SynchronousTestCase):
    """
    C{promtool} judges.
    """

    def setUp(self) -> None:
        """
        Have it.
        """
        try:
            self.promtool = str(PROMETHEUS.require()["promtool"])
        except NotInstalled as error:
            if os.environ.get("CI") == "true":
                raise
            raise SkipTest(str(error)) from error

    def accepted(self, *arguments: str) -> None:
        """
        C{promtool} has nothing against it.
        """
        done = subprocess.run([self.promtool, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_alerts_are_rules(self) -> None:
        """
        Of C{promtool check rules}, whose doubts count too.
        """
        self.accepted("check", "rules", "--lint=all", "--lint-fatal", str(monitoring.ALERTS))

    def test_alerts_fire_when_they_should(self) -> None:
        """
        And only then, saying what they should: C{promtool test rules}.
        """
        path = Path(self.mktemp())
        path.write_text(CASES.read_text().replace("{folder}", str(monitoring.FILES)))
        self.accepted("test", "rules", str(path))

    def test_every_alert_is_tried(self) -> None:
        """
        So that it fires.
        """
        cases = yaml.safe_load(CASES.read_text())["tests"]
        fired = {
            case["alertname"]
            for test in cases
            for case in test.get("alert_rule_test", ())
            if case["exp_alerts"]
        }
        self.assertEqual(fired, {rule["alert"] for rule in monitoring.alerts()})

    def test_every_alert_says_what_it_means(self) -> None:
        """
        How bad it is, and in a sentence what and how much.
        """
        for rule in monitoring.alerts():
            self.assertIn(rule["labels"]["severity"], {"critical", "warning", "info"})
            self.assertEqual(set(rule["annotations"]), {"summary", "description"})

    def test_dashboard_asks_what_prometheus_understands(self) -> None:
        """
        Each expression, as a rule.
        """
        asked = [target["expr"] for panel in monitoring.panels() for target in panel["targets"]]
        rules = [
            {"record": f"panel:{number}", "expr": expression.replace(monitoring.INTERVAL, "5m")}
            for number, expression in enumerate(asked)
        ]
        path = Path(self.mktemp())
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        self.accepted("check", "rules", str(path))

    def test_dashboard_hangs_together(self) -> None:
        """
        Panels do not cover each other, and lines are called by labels that they have.
        """
        panels = monitoring.panels()
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            self.assertFalse(taken & cells, panel["title"])
            taken |= cells
            for target in panel["targets"]:
                for name in _SHOWN.findall(target["legendFormat"]):
                    shown = "".join(name)
                    self.assertTrue(
                        shown == "instance" or re.search(rf"by \([^)]*\b{shown}\b", target["expr"]),
                        panel["title"],
                    )
