"""
What tests of the chart have in common.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.build import require
from tests.helm import golden
from tests.helm.chart import (
    HELMS,
    objects,
)


class ChartTests(SynchronousTestCase):
    """
    Tests that render the chart.
    """

    def setUp(self) -> None:
        """
        Helm is needed, in both its versions.
        """
        require(*HELMS)

    def of(self, case: str) -> list[dict[str, Any]]:
        """
        The objects of a case.
        """
        return objects(golden.manifests(HELMS[-1], case))

    def one(self, case: str, kind: str, name: str = "ark-apiserver") -> dict[str, Any]:
        """
        An object of a case.
        """
        found = [body for body in self.of(case) if (body["kind"], body["metadata"]["name"]) == (kind, name)]
        self.assertEqual(len(found), 1, f"{kind} {name} of {case}")
        return found[0]

    def kinds(self, case: str) -> set[str]:
        """
        The kinds of its objects.
        """
        return {body["kind"] for body in self.of(case)}

    def pod(self, case: str) -> dict[str, Any]:
        """
        What its Deployment makes.
        """
        (found,) = (body for body in self.of(case) if body["kind"] == "Deployment")
        spec: dict[str, Any] = found["spec"]["template"]["spec"]
        return spec

    def arguments(self, case: str) -> dict[str, str]:
        """
        The options of its server.
        """
        words = self.pod(case)["containers"][0]["args"]
        return dict(word.removeprefix("--").split("=", 1) for word in words)
