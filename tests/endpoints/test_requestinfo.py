"""
Paths say what is asked.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.endpoints.requestinfo import BadPath, RequestInfo, parse
from ark.meta.status import APIStatus


class ResourcePathTests(SynchronousTestCase):
    """
    Contract 1.1 and 15.5: method and path give the attributes kube-apiserver would use.
    """

    def test_each_path_and_method_has_one_meaning(self) -> None:
        """
        Collections, objects and subresources, in and out of namespaces.
        """
        base = "/apis/ark.mckinsey.com/v1alpha1"
        group, version = "ark.mckinsey.com", "v1alpha1"
        cases = [
            ("GET", f"{base}/queries", ("list", "", "queries", "", "")),
            ("GET", f"{base}/queries/", ("list", "", "queries", "", "")),
            ("POST", f"{base}/namespaces/a/queries", ("create", "a", "queries", "", "")),
            ("GET", f"{base}/namespaces/a/queries/q", ("get", "a", "queries", "", "q")),
            ("HEAD", f"{base}/namespaces/a/queries/q", ("get", "a", "queries", "", "q")),
            ("PUT", f"{base}/namespaces/a/queries/q/status", ("update", "a", "queries", "status", "q")),
            ("PATCH", f"{base}/namespaces/a/queries/q", ("patch", "a", "queries", "", "q")),
            ("DELETE", f"{base}/namespaces/a/queries/q", ("delete", "a", "queries", "", "q")),
            ("DELETE", f"{base}/namespaces/a/queries", ("deletecollection", "a", "queries", "", "")),
            ("GET", f"{base}/arkconfigs/default", ("get", "", "arkconfigs", "", "default")),
            ("OPTIONS", f"{base}/arkconfigs/default", ("options", "", "arkconfigs", "", "default")),
            ("GET", f"{base}/watch/namespaces/a/queries", ("watch", "a", "queries", "", "")),
        ]
        for method, path, (verb, namespace, resource, subresource, name) in cases:
            wanted = RequestInfo(verb, path, group, version, namespace, resource, subresource, name)
            self.assertEqual(parse(method, path), wanted)

    def test_a_namespace_is_an_object_and_a_place(self) -> None:
        """
        C{/api/v1/namespaces/a} is the namespace; below it are resources, but for its own
        subresources.
        """
        self.assertEqual(
            parse("GET", "/api/v1/namespaces/a"),
            RequestInfo("get", "/api/v1/namespaces/a", "", "v1", "a", "namespaces", "", "a"),
        )
        self.assertEqual(parse("PUT", "/api/v1/namespaces/a/finalize").subresource, "finalize")
        self.assertEqual(parse("GET", "/api/v1/namespaces/a/secrets/s").resource, "secrets")
        self.assertEqual(parse("GET", "/api/v1/namespaces").verb, "list")

    def test_groups_and_versions_are_not_resources(self) -> None:
        """
        Discovery paths and all others name no resource.
        """
        for path in ("/api", "/apis", "/apis/g", "/apis/g/v1", "/api/v1", "/version", "/apisx/g/v1/r"):
            self.assertEqual(parse("GET", path).resource, "", path)

    def test_segments_are_decoded_one_by_one(self) -> None:
        """
        An escape stands for a character of a name.
        """
        info = parse("GET", "/apis/g/v1/namespaces/a/things/a%2Db")
        self.assertEqual(info.name, "a-b")

    def test_hidden_separators_are_refused(self) -> None:
        """
        No escape leads to another object.
        """
        for tail in ("a%2fb", "a%00", "%ff"):
            with self.assertRaises(BadPath):
                parse("GET", f"/apis/g/v1/namespaces/a/things/{tail}")

    def test_a_percent_sign_begins_an_escape(self) -> None:
        """
        RFC 3986, 2.1: what is none is no path.
        """
        for tail, shown in (("%", "%"), ("%zz", "%zz"), ("a%4", "%4"), ("%2", "%2"), ("%4g5", "%4g")):
            status = self.assertRaises(APIStatus, parse, "GET", f"/apis/g/v1/namespaces/a/things/{tail}")
            self.assertEqual((status.code, status.message), (400, f'invalid URL escape "{shown}"'))

    def test_an_empty_segment_is_none_of_another_place(self) -> None:
        """
        Two slashes are not one (C{splitPath}): who judges the path elsewhere, and we, mean the same.
        """
        between = parse("GET", "/apis/g/v1/namespaces/a/things//o")
        self.assertEqual((between.verb, between.name, between.subresource), ("list", "", "o"))
        self.assertEqual(parse("GET", "/apis/g/v1/namespaces/a/things//").resource, "things")
        self.assertEqual(parse("GET", "/apis/g/v1//namespaces/a/things").resource, "")
        self.assertEqual(parse("GET", "/apis/g/v1/namespaces//things").namespace, "")

    def test_dots_are_a_name_that_nothing_has(self) -> None:
        """
        They lead nowhere else; the verbs refuse them (C{ValidatePathSegmentName}).
        """
        for tail in ("..", "%2e%2e"):
            self.assertEqual(parse("GET", f"/apis/g/v1/namespaces/a/things/{tail}").name, "..")
