"""
Discovery and OpenAPI: sections 3 and 4.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ark.authentication.userinfo import UserInfo
from tests.endpoints.support import BASE, GROUP, ServerTestCase

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


class DiscoveryTests(ServerTestCase):
    """
    Which kinds there are.
    """

    def resources(self) -> dict[str, Any]:
        """
        The resources of the group by name.
        """
        listed = self.request("GET", BASE).json()
        self.assertEqual((listed["kind"], listed["groupVersion"]), ("APIResourceList", f"{GROUP}/v1"))
        return {entry["name"]: entry for entry in listed["resources"]}

    def test_versions_groups_and_resources_are_listed(self) -> None:
        """
        Contract 3.1 and 3.5: all that there is can be found without the aggregated form.
        """
        versions = self.request("GET", "/api").json()
        self.assertEqual((versions["kind"], versions["versions"]), ("APIVersions", ["v1"]))
        groups = {entry["name"]: entry for entry in self.request("GET", "/apis").json()["groups"]}
        self.assertEqual(groups[GROUP]["preferredVersion"]["groupVersion"], f"{GROUP}/v1")
        self.assertEqual(self.request("GET", f"/apis/{GROUP}").json()["kind"], "APIGroup")
        for name, group in groups.items():
            for version in group["versions"]:
                listed = self.request("GET", f"/apis/{version['groupVersion']}").json()
                self.assertTrue(listed["resources"], name)

    def test_resources_tell_all_about_themselves(self) -> None:
        """
        Contract 3.2.
        """
        entries = self.resources()
        widgets = entries["widgets"]
        digest = hashlib.sha256(f"{GROUP}/v1/Widget".encode()).digest()[:8]
        self.assertEqual(widgets["storageVersionHash"], base64.b64encode(digest).decode())
        self.assertEqual(
            (widgets["kind"], widgets["singularName"], widgets["namespaced"]), ("Widget", "widget", True)
        )
        self.assertEqual(sorted(entries["widgets/status"]["verbs"]), ["get", "patch", "update"])

    def test_verbs_are_those_that_controllers_look_for(self) -> None:
        """
        Contract 8.6.
        """
        verbs = set(self.resources()["widgets"]["verbs"])
        self.assertEqual(
            verbs, {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
        )

    def test_all_is_in_one_document_when_asked(self) -> None:
        """
        Contract 3.3: which is not sent again to those who have it.
        """
        accept = AGGREGATED.format(version="v2")
        answer = self.request("GET", "/apis", accept=accept)
        self.assertEqual(answer.json()["kind"], "APIGroupDiscoveryList")
        group = next(item for item in answer.json()["items"] if item["metadata"]["name"] == GROUP)
        resource = group["versions"][0]["resources"][0]
        self.assertEqual((resource["resource"], resource["scope"]), ("widgets", "Namespaced"))
        self.assertEqual(resource["subresources"][0]["subresource"], "status")
        tag = (answer.header(b"etag") or b"").decode()
        again = self.request("GET", "/apis", accept=accept, if_none_match=tag)
        self.assertEqual((again.code, again.body), (304, b""))

    def test_the_aggregated_form_is_version_2_and_of_the_roots(self) -> None:
        """
        Contract 3.4.
        """
        old = AGGREGATED.format(version="v2beta1")
        self.assertEqual(self.request("GET", "/apis", accept=old).code, 406)
        both = f"{AGGREGATED.format(version='v2')},{old},application/json"
        self.assertEqual(self.request("GET", "/apis", accept=both).json()["kind"], "APIGroupDiscoveryList")
        self.assertEqual(
            self.request("GET", f"/apis/{GROUP}", accept=AGGREGATED.format(version="v2")).code, 406
        )

    def test_users_without_groups_may_read_it(self) -> None:
        """
        Contract 3.6: as aggregators do.
        """
        self.server.authenticator.user = UserInfo("system:kube-aggregator", groups=("system:authenticated",))
        for path in ("/apis", BASE, "/openapi/v3", "/openapi/v2"):
            self.assertEqual(self.request("GET", path).code, 200, path)
        self.assertEqual(self.request("GET", f"{BASE}/widgets").code, 403)

    def test_everyone_sees_the_version(self) -> None:
        """
        Contract 3.7.
        """
        self.server.authenticator.user = UserInfo("system:anonymous", groups=("system:unauthenticated",))
        version = self.request("GET", "/version").json()
        self.assertEqual(version["major"], "1")
        self.assertRegex(version["gitVersion"], r"^v1\.\d+\.\d+")
        self.assertLessEqual({"minor", "gitCommit", "buildDate", "platform"}, set(version))


class OpenAPITests(ServerTestCase):
    """
    What the kinds look like.
    """

    def document(self) -> dict[str, Any]:
        """
        The document of the group.
        """
        paths = self.request("GET", "/openapi/v3").json()["paths"]
        read: dict[str, Any] = self.request("GET", paths[f"apis/{GROUP}/v1"]["serverRelativeURL"]).json()
        return read

    def test_documents_are_found_by_their_hash(self) -> None:
        """
        Contract 4.1.
        """
        url = self.request("GET", "/openapi/v3").json()["paths"][f"apis/{GROUP}/v1"]["serverRelativeURL"]
        right = self.request("GET", url)
        self.assertEqual(right.code, 200)
        self.assertIn(b"immutable", right.header(b"cache-control") or b"")
        self.assertEqual((right.header(b"etag") or b"").strip(b'"').decode(), url.rpartition("=")[2])
        wrong = self.request("GET", f"{url[:-4]}0000")
        self.assertEqual((wrong.code, (wrong.header(b"location") or b"").decode()), (301, url))
        self.assertEqual(self.request("GET", "/openapi/v3/apis/nope/v1").code, 404)

    def test_schemas_and_operations_name_their_kind(self) -> None:
        """
        Contract 4.2 and 4.5: in plain JSON, complete.
        """
        document = self.document()
        self.assertTrue(document["openapi"].startswith("3.0"))
        kind = {"group": GROUP, "version": "v1", "kind": "Widget"}
        schema = document["components"]["schemas"]["com.example.probe.v1.Widget"]
        self.assertEqual(schema["x-kubernetes-group-version-kind"], [kind])
        post = document["paths"][f"{BASE}/namespaces/{{namespace}}/widgets"]["post"]
        self.assertEqual(
            (post["x-kubernetes-action"], post["x-kubernetes-group-version-kind"]), ("post", kind)
        )

    def test_kubectl_finds_what_it_looks_for(self) -> None:
        """
        Contract 4.3: parameters and media types of PATCH.
        """
        patch = self.document()["paths"][f"{BASE}/namespaces/{{namespace}}/widgets/{{name}}"]["patch"]
        names = {parameter.get("name") for parameter in patch["parameters"]}
        self.assertLessEqual({"fieldValidation", "dryRun", "fieldManager", "force"}, names)
        self.assertNotIn("application/strategic-merge-patch+json", patch["requestBody"]["content"])
        self.assertIn("application/apply-patch+yaml", patch["requestBody"]["content"])

    def test_version_2_is_there_for_older_clients(self) -> None:
        """
        Contract 4.4.
        """
        answer = self.request("GET", "/openapi/v2")
        self.assertEqual(answer.json()["swagger"], "2.0")
        self.assertIn("com.example.probe.v1.Widget", answer.json()["definitions"])
        tag = (answer.header(b"etag") or b"").decode()
        self.assertEqual(self.request("GET", "/openapi/v2", if_none_match=tag).code, 304)
        self.assertEqual(self.request("GET", "/openapi/v2", accept="text/html").code, 406)
