"""
Definitions that were worse before they were changed.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.definitions.specs import definition_causes
from ark.registry.definitions.types import read_definition
from tests.registry.definitions.cases import (
    definition,
    version,
    with_property,
    with_selectable,
    with_webhook,
)

LOOSE_SET = {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}
LOOSE_KEYS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k"],
    "items": {"type": "object", "properties": {"k": {"type": "string"}}},
}
OLD_DEFAULT = {"type": "object", "properties": {"s": {"type": "string"}}, "default": {"t": 1}}
BAD_BUNDLE = {"url": "https://example.com", "caBundle": "aGVsbG8="}


def stored(body: dict[str, Any], established: bool = True) -> dict[str, Any]:
    """
    A definition as it is stored.
    """
    made = copy.deepcopy(body)
    read_definition(made)
    status = "True" if established else "False"
    made["status"]["conditions"] = [{"type": "Established", "status": status}]
    return made


class RatchetingTests(SynchronousTestCase):
    """
    What was accepted by an older release is not held against an update that leaves it as it is.
    """

    def fields(self, new: dict[str, Any], old: dict[str, Any] | None, established: bool = True) -> list[str]:
        """
        Where an update, or with no old definition a creation, is at fault.
        """
        before = None if old is None else stored(old, established)
        return [cause.field for cause in definition_causes(stored(new, established), before)]

    def test_faults_that_were_there_are_forgiven(self) -> None:
        """
        The same definition is refused as a new one, and when the old one was right.
        """
        many = with_selectable(*(f".spec.f{number}" for number in range(9)))
        for body in (
            with_property(LOOSE_SET),
            with_property(LOOSE_KEYS),
            with_property(OLD_DEFAULT),
            with_webhook({"url": "https://example.com"}, ["v9"]),
            many,
        ):
            self.assertEqual(self.fields(body, body), [])
            self.assertNotEqual(self.fields(body, None), [])
            self.assertNotEqual(self.fields(body, definition()), [])

    def test_other_faults_are_not(self) -> None:
        """
        Of a definition that had another fault.
        """
        self.assertNotEqual(self.fields(with_property(LOOSE_SET), with_property(LOOSE_KEYS)), [])

    def test_certificates_are_looked_at_once_it_is_established(self) -> None:
        """
        Unless those before were none either.
        """
        body = with_webhook(BAD_BUNDLE)
        field = "spec.conversion.webhookClientConfig.caBundle"
        self.assertEqual(self.fields(body, definition()), [field])
        self.assertEqual(self.fields(body, definition(), established=False), [])
        self.assertEqual(self.fields(body, body), [])

    def test_schemas_that_were_missing_may_be_missing_where_nothing_is_served(self) -> None:
        """
        Otherwise all would be pruned.
        """
        old = definition(versions=[version(schema=False)])
        unserved = definition(versions=[version(schema=False, served=False)])
        self.assertEqual(self.fields(unserved, old), [])
        self.assertEqual(self.fields(old, old), ["spec.versions[0].schema.openAPIV3Schema"])
