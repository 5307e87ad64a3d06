"""
Tests for L{ark.moving.checking}.
"""

from __future__ import annotations

from typing import Any

from ark.moving.checking import check_definitions, judge_objects
from ark.storage.copying import CopyError
from tests.moving import DEFINITIONS, QUERIES, MovingCase, query


def definition(plural: str = "queries", version: str = "v1alpha1", **spec: Any) -> dict[str, Any]:
    """
    A definition, as far as it matters here.
    """
    return {
        "metadata": {"name": f"{plural}.ark.mckinsey.com"},
        "spec": {
            "group": "ark.mckinsey.com",
            "scope": "Namespaced",
            "versions": [{"name": "v0", "storage": False}, {"name": version, "storage": True}],
            **spec,
        },
    }


class CheckTests(MovingCase):
    """
    What keeps objects from being moved.
    """

    def test_equal_definitions_are_fine(self) -> None:
        """
        Those of other groups do not matter.
        """
        self.cluster.put(DEFINITIONS, definition())
        other = definition("others", group="example.com")
        self.cluster.put(DEFINITIONS, other)
        self.done(check_definitions(self.cluster, self.collections))

    def problem(self, *definitions: dict[str, Any]) -> str:
        """
        What is wrong with some definitions.
        """
        for each in definitions:
            self.cluster.put(DEFINITIONS, each)
        error = self.refused(check_definitions(self.cluster, self.collections), CopyError)
        return str(error.cause)

    def test_every_kind_has_a_definition(self) -> None:
        """
        A cluster without one has nothing to import.
        """
        self.assertIn("no definition queries.ark.mckinsey.com", self.problem())

    def test_objects_are_kept_in_the_same_version(self) -> None:
        """
        Their text is taken as it is.
        """
        self.assertIn("kept in version v2 there, in v1alpha1 here", self.problem(definition(version="v2")))

    def test_objects_have_the_same_scope(self) -> None:
        """
        A namespace cannot be made up.
        """
        self.assertIn("is cluster there only", self.problem(definition(scope="Cluster")))

    def test_a_webhook_that_converts_is_known_here_too(self) -> None:
        """
        Nobody else knows how the versions differ.
        """
        found = self.problem(definition(conversion={"strategy": "Webhook"}))
        self.assertIn("converted by a webhook", found)

    def test_no_kind_stays_behind(self) -> None:
        """
        What is not known here would not be served any more.
        """
        self.assertIn("nothing is known here of widgets", self.problem(definition(), definition("widgets")))

    def test_objects_are_held_against_the_definitions(self) -> None:
        """
        Those that do not fit are counted, and some named with what is wrong first.
        """
        self.cluster.put(QUERIES, query("good"))
        for number in range(12):
            self.cluster.put(QUERIES, {**query(f"bad-{number:02}"), "spec": {"input": {}, "target": 5}})
        (found,) = self.done(judge_objects(self.cluster, self.collections, self.progress))
        self.assertEqual((found.objects, found.unfit, len(found.wrong)), (13, 12, 10))
        self.assertTrue(found.wrong[0].startswith("default/bad-00: spec."), found.wrong[0])
