"""
Tests of L{ark.apis.discovery}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.apis import discovery
from tests.registry.foreign import built_in, foreign_kind, foreign_registry


class DiscoveryTests(SynchronousTestCase):
    """
    Clients find what there is (contract 3).
    """

    def test_storage_version_hash(self) -> None:
        """
        The hash is that of Kubernetes, and stands for the stored version.
        """
        config_maps = built_in().get("", "v1", "configmaps")
        assert config_maps is not None
        self.assertEqual(discovery.storage_version_hash(config_maps), "qFsyl6wFWjQ=")
        hashes = {discovery.storage_version_hash(kind) for kind in foreign_registry()}
        self.assertEqual(len(hashes), 1)

    def test_groups(self) -> None:
        """
        A group lists its versions, the preferred first; the core group is none of them.
        """
        groups = discovery.api_group_list(built_in())["groups"]
        self.assertNotIn("", [group["name"] for group in groups])
        group = discovery.api_group(foreign_registry(), "x.io")
        self.assertEqual([each["version"] for each in group["versions"]], ["v1", "v2beta1"])
        self.assertEqual(group["preferredVersion"], {"groupVersion": "x.io/v1", "version": "v1"})
        self.assertEqual(discovery.api_versions(built_in())["versions"], ["v1"])

    def test_resources_and_subresources(self) -> None:
        """
        Subresources are entries of their own; a scale is of another group.
        """
        listed = discovery.api_resource_list(foreign_registry(), "x.io", "v2beta1")
        self.assertEqual(listed["groupVersion"], "x.io/v2beta1")
        main, status, scale = listed["resources"]
        self.assertEqual(main["verbs"][:4], ["delete", "deletecollection", "get", "list"])
        self.assertEqual((main["shortNames"], main["categories"]), (["fo"], ["all"]))
        self.assertEqual((status["name"], status["singularName"]), ("foos/status", ""))
        self.assertEqual(status["verbs"], ["get", "patch", "update"])
        self.assertEqual((scale["group"], scale["version"], scale["kind"]), ("autoscaling", "v1", "Scale"))

    def test_aggregated(self) -> None:
        """
        One document has all groups but the core group, which has its own.
        """
        document = discovery.aggregated(foreign_registry(), False)
        (item,) = document["items"]
        self.assertEqual(item["metadata"], {"name": "x.io"})
        newest, _ = item["versions"]
        self.assertEqual(newest["version"], "v1")
        (resource,) = newest["resources"]
        kind = foreign_kind()
        self.assertEqual(resource["responseKind"], {"group": "x.io", "version": "v1", "kind": kind.kind})
        self.assertEqual(resource["scope"], "Namespaced")
        self.assertNotIn("subresources", resource)
        self.assertEqual([each["metadata"] for each in discovery.aggregated(built_in(), True)["items"]], [{}])
