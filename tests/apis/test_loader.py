"""
Tests of L{ark.apis.loader}, L{ark.apis.manifest} and L{ark.apis.structural}.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.definition import version_order
from ark.apis.kind import Scale
from ark.apis.loader import InvalidDefinition, KindRegistry
from tests.registry.foreign import foreign_kind, foreign_registry

MINIMAL: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "foos.x.io"},
    "spec": {
        "group": "x.io",
        "scope": "Namespaced",
        "names": {"plural": "foos", "kind": "Foo"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


def with_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """
    L{MINIMAL} with a schema of C{spec}.
    """
    manifest = copy.deepcopy(MINIMAL)
    root = {"type": "object", "properties": {"spec": schema}}
    manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = root
    return manifest


class RegistryTests(SynchronousTestCase):
    """
    Definitions become kinds.
    """

    def test_built_in_kinds_are_there(self) -> None:
        """
        Without any path the Ark kinds and the core kinds are served.
        """
        registry = KindRegistry.load()
        self.assertIn("", registry.groups())
        self.assertEqual(registry.preferred_versions("ark.mckinsey.com"), ["v1alpha1", "v1prealpha1"])
        query = registry.get("ark.mckinsey.com", "v1alpha1", "queries")
        assert query is not None
        self.assertEqual(query.api_version, "ark.mckinsey.com/v1alpha1")
        self.assertEqual(query.resource, "queries.ark.mckinsey.com")
        self.assertEqual(str(query.gk), "Query.ark.mckinsey.com")
        self.assertTrue(query.has_status)
        self.assertFalse(query.typed)
        self.assertIsNone(registry.get("ark.mckinsey.com", "v1", "queries"))

    def test_names_have_defaults(self) -> None:
        """
        Singular and list kind follow from the kind.
        """
        (kind,) = KindRegistry.from_manifests([MINIMAL]).kinds()
        self.assertEqual((kind.singular, kind.list_kind), ("foo", "FooList"))
        self.assertEqual(kind.subresources, ())

    def test_each_served_version_is_a_kind(self) -> None:
        """
        Versions share the resource; one of them is stored; those not served are left out.
        """
        kinds = foreign_registry().kinds()
        self.assertEqual([kind.version for kind in kinds], ["v1", "v2beta1"])
        self.assertEqual([kind.is_storage for kind in kinds], [True, False])
        self.assertEqual({kind.storage_version for kind in kinds}, {"v1"})
        scale = Scale(".spec.count", ".status.replicas", ".status.selector")
        self.assertEqual(kinds[1].scale, scale)

    def test_selectable_fields_are_read_as_text(self) -> None:
        """
        A field selector compares texts; what is missing is empty.
        """
        readers = dict(foreign_kind().field_readers)
        self.assertEqual(set(readers), {"spec.mode", "spec.bool"})
        obj = {"spec": {"mode": "a", "bool": True}}
        self.assertEqual(
            {name: read(obj) for name, read in readers.items()}, {"spec.mode": "a", "spec.bool": "true"}
        )
        self.assertEqual(readers["spec.mode"]({}), "")

    def test_versions_are_ordered_as_kubernetes_does(self) -> None:
        """
        GA before beta before alpha, higher before lower, unknown forms last.
        """
        versions = [
            "v1prealpha1",
            "v1alpha1",
            "v2alpha1",
            "v1beta2",
            "v11",
            "v1",
            "v2beta1",
            "v1beta1",
            "foo1",
        ]
        expected = [
            "v11",
            "v1",
            "v2beta1",
            "v1beta2",
            "v1beta1",
            "v2alpha1",
            "v1alpha1",
            "foo1",
            "v1prealpha1",
        ]
        self.assertEqual(sorted(versions, key=version_order), expected)

    def test_a_later_definition_takes_the_place_of_an_earlier(self) -> None:
        """
        Of one resource only the last definition counts.
        """
        other = copy.deepcopy(MINIMAL)
        other["spec"]["versions"][0]["name"] = "v2"
        self.assertEqual([kind.version for kind in KindRegistry.from_manifests([MINIMAL, other])], ["v2"])

    def test_namespaces_are_deleted_one_by_one(self) -> None:
        """
        There is no deletecollection on them.
        """
        namespaces = KindRegistry.load().get("", "v1", "namespaces")
        assert namespaces is not None
        self.assertEqual(
            namespaces.verbs, ("create", "delete", "get", "list", "patch", "update", "watch"), "sorted"
        )
        self.assertIn("deletecollection", foreign_kind().verbs)


class RefusalTests(SynchronousTestCase):
    """
    Wrong definitions are refused with the path of what is wrong.
    """

    def assertRefused(self, manifest: Any, cause: str) -> None:
        """
        Loading fails and the message contains C{cause}.
        """
        error = self.assertRaises(InvalidDefinition, KindRegistry.from_manifests, [manifest], "crd.yaml")
        self.assertIn(cause, str(error))
        self.assertEqual(error.file, "crd.yaml")

    def changed(self, *path: Any, value: Any) -> dict[str, Any]:
        """
        L{MINIMAL} with one member changed.
        """
        manifest: Any = copy.deepcopy(MINIMAL)
        node = manifest
        for name in path[:-1]:
            node = node[name]
        node[path[-1]] = value
        result: dict[str, Any] = manifest
        return result

    def test_names_and_versions(self) -> None:
        """
        The members around the schema are checked.
        """
        for path, value, cause in (
            (("metadata", "name"), "bars.x.io", "metadata.name: must be"),
            (("spec", "scope"), "Global", "spec.scope: must be Namespaced or Cluster"),
            (("spec", "group"), "x", "spec.group: should be a domain"),
            (("spec", "names", "plural"), "Foos", "spec.names.plural: must be a DNS-1035 label"),
            (("spec", "names", "kind"), None, "spec.names.kind: is required"),
            (("spec", "versions", 0, "storage"), False, "exactly one version"),
            (("spec", "versions", 0, "schema"), None, "spec.versions[0].schema: is required"),
            (
                ("spec", "versions", 0, "additionalPrinterColumns"),
                [{"name": "A"}],
                "Columns[0].type: is required",
            ),
            (("spec", "versions", 0, "selectableFields"), [{"jsonPath": ".spec.x"}], "leads to nothing"),
        ):
            self.assertRefused(self.changed(*path, value=value), cause)

    def test_schemas_have_to_be_structural(self) -> None:
        """
        The rules of structural schemas hold.
        """
        for schema, cause in (
            ({}, "properties[spec].type: must not be empty"),
            ({"type": "array"}, "properties[spec].items: must be specified"),
            ({"type": "text"}, "properties[spec].type: must be one of"),
            (
                {"type": "string", "pattern": "("},
                "properties[spec].pattern: must be a valid regular expression",
            ),
            ({"type": "string", "$ref": "#/x"}, "properties[spec].$ref: is not supported"),
            ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems"),
            ({"type": "object", "anyOf": [{"type": "object"}]}, "anyOf[0].type: must be empty"),
            ({"type": "object", "oneOf": [{"properties": {"a": {}}}]}, "does not declare"),
            (
                {"type": "object", "x-kubernetes-embedded-resource": True},
                "must not be empty if x-kubernetes-emb",
            ),
            (
                {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
                "list-map-keys",
            ),
            (
                {
                    "type": "object",
                    "properties": {"a": {"type": "string"}},
                    "additionalProperties": {"type": "string"},
                },
                "must not be used together",
            ),
        ):
            self.assertRefused(with_schema(schema), cause)

    def test_metadata_is_not_for_definitions(self) -> None:
        """
        A schema may only restrict the names in metadata.
        """
        manifest = copy.deepcopy(MINIMAL)
        root = {
            "type": "object",
            "properties": {"metadata": {"type": "object", "properties": {"labels": {}}}},
        }
        manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = root
        self.assertRefused(manifest, "other than name and generateName")

    def test_files(self) -> None:
        """
        Files that are no manifests are named.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        for text, cause in (
            ("a: [", "is not YAML"),
            ("kind: Pod\napiVersion: v1\n", "must be CustomResourceDefinition"),
            ("- a\n", "is not an object"),
            (
                "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1beta1\n",
                "apiVersion: must be",
            ),
        ):
            (folder / "a.yaml").write_text(text)
            error = self.assertRaises(InvalidDefinition, KindRegistry.load, [folder])
            self.assertIn(cause, str(error))
            self.assertIn("a.yaml", str(error))
        self.assertRaises(InvalidDefinition, KindRegistry.load, [folder / "none.yaml"])
