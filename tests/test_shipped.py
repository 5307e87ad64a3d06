"""
The definitions that come with the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.apis.manifest import Manifest
from ark.config import ConfigError, Given, complete
from ark.shipped import SHIPPED, ShippedDefinitions, ensure_definitions, load_definitions
from ark.testing import InMemoryServer
from tests.registry.definitions.cases import GROUP, definition, version

NAME = f"things.{GROUP}"
PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}"
THINGS = f"/apis/{GROUP}/v1/namespaces/default/things"
NEWER = definition(versions=[version(schema={"type": "object", "description": "Newer."})])


class EnsureTests(SynchronousTestCase):
    """
    What a start makes of them.
    """

    def setUp(self) -> None:
        """
        Start a server with a definition.
        """
        self.server = InMemoryServer(KindRegistry.typed())
        self.ship(definition())

    def ship(self, body: dict[str, Any], configured: bool = False) -> None:
        """
        Begin with that definition.
        """
        names = frozenset((NAME,)) if configured else frozenset()
        shipped = ShippedDefinitions(KindRegistry.typed(), {NAME: Manifest("things.yaml", body)}, names)
        stores = self.server.application.stores
        made = Deferred.fromCoroutine(ensure_definitions(stores, shipped))
        self.server.settle()
        self.assertEqual(self.successResultOf(made), [NAME])

    def stored(self) -> dict[str, Any]:
        """
        The definition.
        """
        answer = self.server.request("GET", PATH)
        self.assertEqual(answer.code, 200, answer.body)
        body: dict[str, Any] = answer.json()
        return body

    def patch(self, body: dict[str, Any]) -> None:
        """
        Somebody changes it.
        """
        headers = {"content-type": "application/merge-patch+json"}
        self.assertEqual(self.server.request("PATCH", PATH, body, headers).code, 200)

    def schema(self) -> dict[str, Any]:
        """
        Its schema.
        """
        schema: dict[str, Any] = self.stored()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return schema

    def test_they_are_made_and_served(self) -> None:
        """
        With an annotation that tells what was written.
        """
        self.assertEqual(len(self.stored()["metadata"]["annotations"][SHIPPED]), 64)
        self.assertEqual(self.server.request("GET", THINGS).code, 200)

    def test_nothing_is_written_without_need(self) -> None:
        """
        The same server starts again.
        """
        before = self.stored()
        self.ship(definition())
        self.assertEqual(self.stored(), before)

    def test_what_nobody_changed_is_brought_up_to_date(self) -> None:
        """
        By a newer server; labels that somebody put on it stay.
        """
        self.patch({"metadata": {"labels": {"a": "b"}}})
        self.ship(NEWER)
        self.assertEqual(self.schema()["description"], "Newer.")
        self.assertEqual(self.stored()["metadata"]["labels"], {"a": "b"})
        self.ship(definition())
        self.assertNotIn("description", self.schema())

    def test_what_somebody_changed_is_left_alone(self) -> None:
        """
        As when a chart has brought its own.
        """
        self.patch({"spec": {"names": {"shortNames": ["th"]}}})
        self.ship(NEWER)
        self.assertNotIn("description", self.schema())

    def test_what_the_operator_gave_counts_anyhow(self) -> None:
        """
        Whoever changed it.
        """
        self.patch({"spec": {"names": {"shortNames": ["th"]}}})
        self.ship(NEWER, configured=True)
        self.assertEqual(self.schema()["description"], "Newer.")

    def test_what_cannot_be_brought_up_to_date_stays(self) -> None:
        """
        A version that objects may be stored in is not dropped; the server starts all the same.
        """
        self.ship(definition(versions=[version("v2", storage=True)]))
        self.assertEqual(self.stored()["spec"]["versions"][0]["name"], "v1")

    def test_what_is_missing_is_made_again(self) -> None:
        """
        After a deletion.
        """
        self.server.request("DELETE", PATH)
        self.server.advance(5)
        self.ship(definition())
        self.stored()

    def test_what_the_server_would_refuse_stops_the_start(self) -> None:
        """
        The message names the file.
        """
        stores = self.server.application.stores
        bad = definition("others", "Other", versions=[version(schema={"type": "object", "nullable": True})])
        manifests = {f"others.{GROUP}": Manifest("others.yaml", bad)}
        shipped = ShippedDefinitions(KindRegistry.typed(), manifests)
        made = Deferred.fromCoroutine(ensure_definitions(stores, shipped))
        self.server.settle()
        failure = self.failureResultOf(made, ConfigError)
        self.assertIn("others.yaml: ", str(failure.value))
        self.assertIn("nullable cannot be true at the root", str(failure.value))


class LoadTests(SynchronousTestCase):
    """
    Which ones there are.
    """

    def load(self, *bodies: dict[str, Any]) -> ShippedDefinitions:
        """
        Those of a server whose operator gives it some.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        for number, body in enumerate(bodies):
            (folder / f"{number}.yaml").write_text(yaml.safe_dump(body))
        given = {"resource-definitions": Given((str(folder),), "command line")}
        return load_definitions(complete(given, {"HOME": str(folder)}))

    def test_those_of_the_operator_come_instead_of_or_beside_our_own(self) -> None:
        """
        And are known as such.
        """
        agents = definition("agents", "Agent", group="ark.mckinsey.com")
        loaded = self.load(definition(), agents)
        self.assertEqual(loaded.configured, {NAME, "agents.ark.mckinsey.com"})
        self.assertEqual(loaded.manifests["agents.ark.mckinsey.com"].body, agents)
        self.assertIn("teams.ark.mckinsey.com", loaded.manifests)
        self.assertTrue(all(kind.typed for kind in loaded.built_in))
