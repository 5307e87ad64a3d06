"""
The chart with the values of an older one, which is what C{helm upgrade --reuse-values} renders it with.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tests.helm import golden
from tests.helm.chart import CHART, HELMS, VALUES, cases, objects, template
from tests.helm.chart import values as documented
from tests.helm.charttests import ChartTests


class OlderValuesTests(ChartTests):
    """
    Values that a chart did not have yet are what they are when nobody says otherwise.
    """

    def setUp(self) -> None:
        """
        A copy of the chart, whose values can be others.
        """
        super().setUp()
        self.chart = Path(self.mktemp()) / CHART.name
        shutil.copytree(CHART, self.chart)

    def write(self, values: dict[str, Any]) -> None:
        """
        Have an older C{values.yaml}.
        """
        (self.chart / VALUES.name).write_text(json.dumps(values))

    def test_any_value_may_be_missing(self) -> None:
        """
        And any section of values.
        """
        present = yaml.safe_load(VALUES.read_text())
        for path in _paths():
            older = deepcopy(present)
            within = older
            for name in path[:-1]:
                within = within[name]
            del within[path[-1]]
            self.write(older)
            made = golden.in_order(template(HELMS[-1], chart=self.chart))
            self.assertEqual(made, golden.manifests(HELMS[-1], golden.DEFAULT), ".".join(path))

    def test_all_that_nobody_sets_may_be_missing(self) -> None:
        """
        In every case, with both versions of Helm.  A mapping that is a value is there as a whole, or not at all.
        """
        self.write(_mappings(yaml.safe_load(VALUES.read_text()), ""))
        for helm in HELMS:
            for case in cases():
                made = golden.in_order(template(helm, case, chart=self.chart))
                self.assertEqual(made, golden.manifests(helm, golden.name(case)), case)

    def test_values_that_are_there_count(self) -> None:
        """
        Whatever they are: C{false}, none and nothing are not missing.
        """
        sets = (
            "rbac.create=false",
            "storage.sqlite.persistence.enabled=false",
            "podDisruptionBudget.enabled=false",
            "server.maxRequestsInflight=0",
            "storage.history.events=0",
        )
        self.write({})
        for helm in HELMS:
            made = objects(template(helm, sets=sets, chart=self.chart))
            (deployment,) = (one for one in made if one["kind"] == "Deployment")
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            self.assertIn("--max-requests-inflight=0", container["args"])
            self.assertIn("--history-events=0", container["args"])
            self.assertNotIn("PersistentVolumeClaim", {one["kind"] for one in made})
            self.assertNotIn("Role", {one["kind"] for one in made})

    def test_what_is_taken_out_stays_out(self) -> None:
        """
        Of a value that is there nothing is filled in.
        """
        for helm in HELMS:
            (deployment,) = (
                one
                for one in objects(template(helm, sets=("resources.limits.cpu=null",)))
                if one["kind"] == "Deployment"
            )
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            self.assertEqual(set(container["resources"]["limits"]), {"memory", "ephemeral-storage"})


def _paths() -> Iterator[list[str]]:
    """
    Where values stand, and the sections that they are in.
    """
    seen = set()
    for value in documented():
        names = value.name.split(".")
        for depth in range(1, len(names) + 1):
            if tuple(names[:depth]) not in seen:
                seen.add(tuple(names[:depth]))
                yield names[:depth]


def _mappings(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """
    Those of the values that are mappings with members.
    """
    whole = {value.name for value in documented()}
    found = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            kept = value if f"{prefix}{name}" in whole else _mappings(value, f"{prefix}{name}.")
            found.update({name: kept} if kept else {})
    return found
