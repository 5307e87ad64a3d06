"""
Tests of L{ark.apis.documents}.
"""

from __future__ import annotations

import hashlib

import orjson
import yaml
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.documents import AGGREGATED, OPENAPI_V2_PROTOBUF, Document, Documents
from ark.meta.status import APIStatus
from tests.registry.foreign import built_in

V3 = "/openapi/v3"


class DocumentsTests(SynchronousTestCase):
    """
    Documents are chosen by path and by what the client takes.
    """

    def setUp(self) -> None:
        """
        Serve the built-in kinds.
        """
        self.documents = Documents(built_in(), lambda: 0.0)

    def discovered(self, path: str, accept: str = "") -> Document:
        """
        The document of a discovery path.
        """
        document = self.documents.discovery(path, accept)
        assert document is not None
        return document

    def described(self, path: str, query: str = "") -> Document:
        """
        The OpenAPI document of a path.
        """
        document = self.documents.openapi(path, query, "application/json")
        assert document is not None
        return document

    def test_plain_discovery(self) -> None:
        """
        Each path has the document of its kind; others have none.
        """
        for path, kind in (
            ("/api", "APIVersions"),
            ("/api/v1", "APIResourceList"),
            ("/apis", "APIGroupList"),
            ("/apis/ark.mckinsey.com", "APIGroup"),
            ("/apis/ark.mckinsey.com/v1alpha1", "APIResourceList"),
        ):
            self.assertEqual(orjson.loads(self.discovered(path).body)["kind"], kind, path)
        for path in ("/apis/nope", "/apis/ark.mckinsey.com/v9", "/api/v9", "/apis//v1", "/apis/a/b/c"):
            self.assertIsNone(self.documents.discovery(path, ""), path)

    def test_openapi_of_version_2_has_two_forms(self) -> None:
        """
        client-go asks for protocol buffers alone, by either of two names.
        """
        for name in ("v2@v1.0", "v2.v1.0"):
            accept = f"application/com.github.proto-openapi.spec.{name}+protobuf"
            document = self.documents.openapi("/openapi/v2", "", accept)
            assert document is not None
            self.assertEqual(document.content_type, OPENAPI_V2_PROTOBUF)
            self.assertNotEqual(document.etag, self.described("/openapi/v2").etag)
            self.assertTrue(self.documents.is_ready("/openapi/v2", accept))
        self.assertRaises(APIStatus, self.documents.openapi, "/openapi/v2", "", "text/html")
        self.assertTrue(self.documents.is_ready("/openapi/v2", "text/html"))

    def test_aggregated_discovery_is_asked_for(self) -> None:
        """
        It is given to those who name it first, with an ETag; the older form is gone.
        """
        older = AGGREGATED.replace("v=v2", "v=v2beta1")
        document = self.discovered("/apis", f"{AGGREGATED},{older},application/json")
        self.assertEqual(document.content_type, AGGREGATED)
        self.assertEqual(document.etag, f'"{hashlib.sha512(document.body).hexdigest().upper()}"')
        self.assertIs(self.discovered("/apis", AGGREGATED), document)
        plain = self.discovered("/apis", f"{older},application/json")
        self.assertEqual(orjson.loads(plain.body)["kind"], "APIGroupList")

    def test_what_cannot_be_made_is_406(self) -> None:
        """
        Aggregated forms below the roots, old forms alone, and other types are refused.
        """
        older = AGGREGATED.replace("v=v2", "v=v2beta1")
        for path, accept in (("/apis", older), ("/apis/ark.mckinsey.com", AGGREGATED), ("/api", "text/html")):
            status = self.assertRaises(APIStatus, self.documents.discovery, path, accept)
            self.assertEqual(status.code, 406)
        path = f"{V3}/apis/ark.mckinsey.com/v1alpha1"
        status = self.assertRaises(APIStatus, self.documents.openapi, path, "", "text/html")
        self.assertEqual(status.code, 406)

    def test_discovery_as_yaml(self) -> None:
        """
        YAML is given to those who ask for it.
        """
        document = self.discovered("/apis", "application/yaml")
        self.assertEqual(document.content_type, "application/yaml")
        self.assertEqual(yaml.safe_load(document.body), orjson.loads(self.discovered("/apis").body))

    def test_the_index_leads_to_the_documents(self) -> None:
        """
        With the right hash a document may be kept for a year.
        """
        paths = orjson.loads(self.described(V3).body)["paths"]
        self.assertIn("api/v1", paths)
        for entry in paths.values():
            path, _, query = entry["serverRelativeURL"].partition("?")
            document = self.described(path, query)
            self.assertEqual(document.code, 200)
            self.assertEqual(document.etag.strip('"'), query.removeprefix("hash="))
            headers = dict(document.headers())
            self.assertEqual(headers[b"cache-control"], b"public, immutable")
            self.assertEqual(headers[b"expires"], b"Fri, 01 Jan 1971 00:00:00 GMT")

    def test_a_wrong_hash_leads_to_the_right_one(self) -> None:
        """
        It is answered by a redirect; no hash is answered at once, and not to be kept.
        """
        path = f"{V3}/apis/ark.mckinsey.com/v1alpha1"
        moved = self.described(path, "hash=0")
        location = dict(moved.headers())[b"location"].decode()
        self.assertEqual(moved.code, 301)
        self.assertTrue(location.startswith(f"{path}?hash="))
        plain = self.described(path)
        self.assertEqual(dict(plain.headers())[b"cache-control"], b"no-cache, private")
        self.assertIsNone(self.documents.openapi(f"{V3}/apis/nope/v1", "", ""))

    def test_documents_are_made_once(self) -> None:
        """
        Whoever asks again gets the same bytes.
        """
        self.assertIs(self.described("/openapi/v2"), self.described("/openapi/v2"))
        steps = list(self.documents.prepare())
        self.assertGreater(len(steps), len(built_in().kinds()))
