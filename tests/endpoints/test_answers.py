"""
The form of answers and failures, and paths that lead nowhere, as kube-apiserver has them.
"""

from __future__ import annotations

import copy
from typing import Any

import yaml
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.endpoints.negotiation import JSON, YAML, Accepted, Negotiator
from ark.endpoints.responses import shaped
from ark.endpoints.scope import RequestScope
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import BASE, GROUP, WIDGETS, ServerTestCase, registry, widget_manifest

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"


class FormTests(ServerTestCase):
    """
    Contract 1.4 to 1.11 and 2.7.
    """

    def test_compact_json_is_a_line(self) -> None:
        """
        Objects, lists, failures and discovery end with a newline; indented JSON does not.
        """
        self.create()
        for path in (f"{WIDGETS}/w", WIDGETS, f"{WIDGETS}/nope", "/apis", BASE):
            self.assertTrue(self.request("GET", path).body.endswith(b"}\n"), path)
        self.assertFalse(self.request("GET", f"{WIDGETS}/w?pretty=1").body.endswith(b"\n"))

    def test_failures_come_in_the_form_that_is_accepted(self) -> None:
        """
        YAML and indented JSON too; a transformation is passed over, and where there is nothing else
        the JSON is indented (C{WriteObjectNegotiated}).
        """
        answer = self.request("GET", f"{WIDGETS}/nope", accept="application/yaml")
        self.assertEqual(answer.header(b"content-type"), b"application/yaml")
        self.assertEqual(yaml.safe_load(answer.body)["code"], 404)
        for headers in ({"accept": TABLE}, {"accept": "text/html"}, {"user_agent": "curl/8"}):
            self.assertIn(b"\n  ", self.request("GET", f"{WIDGETS}/nope", **headers).body)
        both = self.request("GET", f"{WIDGETS}/nope", accept=f"{TABLE},application/json")
        self.assertNotIn(b"\n  ", both.body)

    def test_types_count_by_their_case(self) -> None:
        """
        As C{goautoneg} compares them.
        """
        self.status(self.request("GET", WIDGETS, accept="Application/JSON"), 406, "NotAcceptable")

    def test_only_the_name_gzip_asks_for_compression(self) -> None:
        """
        In this spelling and without parameters.
        """
        self.create(free={"x": "y" * 200_000})
        for text, packed in (("gzip", True), ("br, gzip", True), ("gzip;q=0", False), ("*", False)):
            answer = self.request("GET", f"{WIDGETS}/w", accept_encoding=text)
            self.assertEqual(answer.header(b"content-encoding") == b"gzip", packed, text)

    def test_the_version_is_always_indented(self) -> None:
        """
        And comes in JSON only.
        """
        self.assertIn(b'\n  "major"', self.request("GET", "/version").body)
        self.assertEqual(self.request("GET", "/version", accept="application/yaml").code, 406)


class PathTests(ServerTestCase):
    """
    Contract 1.1 and 1.15.
    """

    def test_unknown_paths_of_the_built_in_api_get_a_status(self) -> None:
        """
        Others get plain text.
        """
        for path in ("/api/v1/nope", "/api/v2", "/api/v1/namespaces/default/nope"):
            status = self.status(self.request("GET", path), 404, "NotFound")
            self.assertEqual(status["message"], "the server could not find the requested resource")
        for path in (f"{BASE}/nope", "/apis/nope", f"{WIDGETS}/a%2Fb", "//", "/nope"):
            self.assertEqual(self.request("GET", path).body, b"404 page not found\n")

    def test_methods_that_a_path_does_not_know(self) -> None:
        """
        Built-in kinds and documents have one answer, custom resources another.
        """
        for method, path in (("DELETE", "/api/v1/namespaces"), ("POST", "/apis"), ("PUT", "/version")):
            self.status(self.request(method, path, {}), 405, "MethodNotAllowed")
        status = self.status(self.request("BREW", WIDGETS), 405, "MethodNotAllowed")
        self.assertEqual(status["message"], f' is not supported on resources of kind "widgets.{GROUP}"')

    def test_built_in_kinds_are_made_in_namespaces(self) -> None:
        """
        The path of all namespaces is known, but not for that.
        """
        self.status(self.request("POST", "/api/v1/configmaps", {}), 405, "MethodNotAllowed")
        self.assertEqual(self.request("POST", f"{BASE}/widgets", {}).code, 404)

    def test_dots_are_no_name(self) -> None:
        """
        C{ValidatePathSegmentName}.
        """
        status = self.status(self.request("GET", f"{WIDGETS}/.."), 400, "BadRequest")
        self.assertEqual(status["message"], "Name parameter invalid: \"..\": may not be '..'")

    def test_a_name_in_the_path_of_a_creation_means_nothing(self) -> None:
        """
        For custom resources.
        """
        answer = self.request("POST", f"{WIDGETS}/other", self.widget())
        self.assertEqual((answer.code, answer.json()["metadata"]["name"]), (201, "w"))

    def test_the_index_lists_paths(self) -> None:
        """
        Groups, versions and what else there is.
        """
        paths = self.request("GET", "/").json()["paths"]
        self.assertLessEqual({"/apis", f"/apis/{GROUP}", BASE, "/version", "/healthz"}, set(paths))


class BodyTests(ServerTestCase):
    """
    Contract 5.1, 5.9, 6 and 7.
    """

    def message(self, answer: Answer, code: int = 400) -> str:
        """
        What a failure says.
        """
        self.assertEqual(answer.code, code, answer.body)
        text: str = answer.json()["message"]
        return text

    def test_bodies_that_are_no_objects_are_told_in_gos_words(self) -> None:
        """
        Null lacks a kind; YAML's failures stand alone.
        """
        self.assertIn("cannot unmarshal array into Go value", self.message(self.post(b"[]")))
        self.assertIn("Object 'Kind' is missing in 'null'", self.message(self.post(b"null")))
        self.assertIn("Go struct field .kind of type string", self.message(self.post(b'{"kind":5}')))
        broken = self.message(self.post(b"a: b: c", content_type="application/yaml"))
        self.assertIn("(must be of type Widget): yaml: mapping values", broken)

    def post(self, body: bytes, **headers: str) -> Answer:
        """
        Create from bytes.
        """
        return self.request("POST", WIDGETS, body, **headers)

    def test_another_kind_is_named_as_it_names_itself(self) -> None:
        """
        The subject of the 422 is of the kind that the object says.
        """
        answer = self.request("POST", WIDGETS, {**self.widget(), "kind": "Thing"})
        self.assertIn(f'Thing.{GROUP} "w" is invalid: kind', self.message(answer, 422))

    def test_built_in_kinds_refuse_wrong_types_as_they_are_decoded(self) -> None:
        """
        400, where custom resources get 422.
        """
        for data in (5, {"a": 5}, {"a": ["x"]}):
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}
            answer = self.request("POST", "/api/v1/namespaces/default/secrets", body)
            self.assertIn("cannot be handled as a Secret: json: cannot unmarshal", self.message(answer))

    def test_a_patch_of_nothing_is_not_read(self) -> None:
        """
        404 comes before any fault of the patch.
        """
        answer = self.request("PATCH", f"{WIDGETS}/nope", b"{", content_type=MERGE)
        self.assertEqual(answer.code, 404)

    def test_a_merge_patch_is_an_object(self) -> None:
        """
        Null is no patch, while a JSON patch of null changes nothing.
        """
        self.create()
        answer = self.request("PATCH", f"{WIDGETS}/w", b"null", content_type=MERGE)
        self.assertEqual(self.message(answer), "Invalid JSON Patch")
        nothing = self.request("PATCH", f"{WIDGETS}/w", b"null", content_type="application/json-patch+json")
        self.assertEqual(nothing.code, 200)

    def test_faults_of_patched_objects_carry_sorted_json(self) -> None:
        """
        And the bare reason.
        """
        self.create(size=1)
        answer = self.request("PATCH", f"{WIDGETS}/w", {"metadata": {"labels": 5}}, content_type=MERGE)
        text = self.message(answer, 422)
        self.assertTrue(text.startswith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\"'), text)
        self.assertTrue(
            text.endswith(
                '": json: cannot unmarshal number into Go struct field '
                "ObjectMeta.labels of type map[string]string"
            ),
            text,
        )

    def test_doubled_texts_are_told_once(self) -> None:
        """
        While the causes keep both (C{ErrorList.ToAggregate}).
        """
        self.create()
        answer = self.request(
            "PATCH", f"{WIDGETS}/w", {"metadata": {"labels": {"a": "!"}}}, content_type=MERGE
        )
        self.assertEqual(self.message(answer, 422).count("a valid label must be"), 1)
        self.assertEqual(len(answer.json()["details"]["causes"]), 3)

    def test_finalizers_are_judged_in_updates(self) -> None:
        """
        Contract 6.7.
        """
        self.create()
        answer = self.request("PATCH", f"{WIDGETS}/w", {"metadata": {"finalizers": [""]}}, content_type=MERGE)
        self.assertEqual(answer.code, 422)

    def test_a_revision_that_is_no_number_means_nothing_in_a_creation(self) -> None:
        """
        A number is refused (contract 5.4).
        """
        for revision, code in (("x", 201), ("0", 409), ("7", 400)):
            body = self.widget()
            body["metadata"]["resourceVersion"] = revision
            self.assertEqual(self.request("POST", WIDGETS, body).code, code)


class DeprecationTests(SynchronousTestCase):
    """
    C{customresource_handler.go} of apiextensions warns of versions that go.
    """

    def test_every_request_of_the_version_is_warned(self) -> None:
        """
        Failures too; without a text of its own the warning names a better version.
        """
        manifest = widget_manifest()
        (version,) = manifest["spec"]["versions"]
        old = {**copy.deepcopy(version), "name": "v1beta1", "storage": False, "deprecated": True}
        manifest["spec"]["versions"].append(old)
        kinds = [*KindRegistry.load().kinds(), *KindRegistry.from_manifests([manifest]).kinds()]
        server = InMemoryServer(KindRegistry(kinds))
        warning = f'299 - "{GROUP}/v1beta1 Widget is deprecated; use {GROUP}/v1 Widget"'.encode()
        for path in (WIDGETS, f"{WIDGETS}/nope"):
            answer = server.request("GET", path.replace("/v1/", "/v1beta1/"))
            self.assertEqual(answer.header_values(b"warning"), [warning])
            self.assertEqual(server.request("GET", path).header_values(b"warning"), [])


class LargeYAMLTests(SynchronousTestCase):
    """
    L{RequestScope.read}.
    """

    def test_long_yaml_is_read_aside(self) -> None:
        """
        Short bodies, and JSON of any length, are not.
        """
        server = InMemoryServer(registry())
        (store,) = (store for store in server.application.stores if store.kind.plural == "widgets")
        aside: list[bytes] = []

        async def read(function: Any, data: bytes, *rest: Any) -> Any:
            aside.append(data)
            return function(data, *rest)

        scope = RequestScope(store, Negotiator(), float, read)
        for data, media_type in ((b"a" * 10, YAML), (b"b" * 100_000, JSON), (b"c" * 100_000, YAML)):
            reading = scope.read(lambda data, media_type: len(data), data, media_type)
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(reading)), len(data))
        self.assertEqual(aside, [b"c" * 100_000])

    def test_long_lists_are_written_as_yaml_aside(self) -> None:
        """
        Short ones, and JSON of any length, are not.
        """
        server = InMemoryServer(registry())
        (store,) = (store for store in server.application.stores if store.kind.plural == "widgets")
        aside: list[int] = []

        async def write(function: Any, text: bytes, *rest: Any) -> Any:
            aside.append(len(text))
            return function(text, *rest)

        scope = RequestScope(store, Negotiator(), float, write)
        short, long = b'{"a":1}', b'{"a":"%b"}' % (b"x" * 100_000)
        for text, media_type in ((short, YAML), (long, JSON), (long, YAML)):
            accepted = Accepted(media_type)
            made = self.successResultOf(Deferred.fromCoroutine(scope.shape(text, accepted)))
            self.assertEqual(made, shaped(text, accepted))
        self.assertEqual(aside, [len(long)])


class ListTests(ServerTestCase):
    """
    Contract 11.2 to 11.7 and 12.1 to 12.7.
    """

    def setUp(self) -> None:
        """
        Four widgets of two colors.
        """
        super().setUp()
        for name, color in (("a", "red"), ("b", "blue"), ("c", "red"), ("d", "blue")):
            self.create(name, color=color)

    def listed(self, query: str, **headers: str) -> Any:
        """
        A list.
        """
        return self.request("GET", f"{WIDGETS}?{query}", **headers).json()

    def test_more_follows_when_keys_follow(self) -> None:
        """
        Whether they match or not.
        """
        listed = self.listed("fieldSelector=spec.color=red&limit=2")
        self.assertEqual([item["metadata"]["name"] for item in listed["items"]], ["a", "c"])
        rest = self.listed(f"fieldSelector=spec.color=red&limit=2&continue={listed['metadata']['continue']}")
        self.assertEqual((rest["items"], rest["metadata"]["continue"]), ([], ""))
        self.assertEqual(self.listed("fieldSelector=spec.color=blue&limit=2")["metadata"]["continue"], "")

    def test_any_version_comes_whole(self) -> None:
        """
        C{resourceVersion=0} ignores the limit, as the watch cache does.
        """
        self.assertEqual(len(self.listed("resourceVersion=0&limit=1")["items"]), 4)

    def test_typed_lists_leave_out_an_empty_token(self) -> None:
        """
        Those of custom resources do not.
        """
        partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
        self.assertNotIn("continue", self.listed("", accept=partial)["metadata"])
        self.assertNotIn("continue", self.request("GET", "/api/v1/namespaces").json()["metadata"])
        self.assertEqual(self.listed("")["metadata"]["continue"], "")

    def test_built_in_kinds_name_the_fields_that_there_are(self) -> None:
        """
        C{DefaultMetaV1FieldSelectorConversion}.
        """
        answer = self.request("GET", "/api/v1/namespaces/default/configmaps?fieldSelector=nope=x")
        status = self.status(answer, 400, "BadRequest")
        self.assertTrue(status["message"].startswith('"nope" is not a known field selector: only'))


class CoreTests(ServerTestCase):
    """
    What the strategies of built-in kinds do (C{k8s.io/kubernetes/pkg/registry/core}).
    """

    def made(self, plural: str, kind: str, **members: Any) -> Answer:
        """
        Create an object C{x} of a core kind in C{default}.
        """
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **members}
        return self.request("POST", f"/api/v1/namespaces/default/{plural}", body)

    def test_some_deletions_answer_with_the_object(self) -> None:
        """
        Services and service accounts; the rest with a Status.
        """
        self.made("serviceaccounts", "ServiceAccount")
        self.made("services", "Service", spec={"ports": [{"port": 80}]})
        self.made("configmaps", "ConfigMap")
        for plural, kind in (
            ("serviceaccounts", "ServiceAccount"),
            ("services", "Service"),
            ("configmaps", "Status"),
        ):
            answer = self.request("DELETE", f"/api/v1/namespaces/default/{plural}/x")
            self.assertEqual(answer.json()["kind"], kind)

    def test_services_have_ports_that_lead_somewhere(self) -> None:
        """
        Or the name that they stand for.
        """
        self.assertEqual(self.made("services", "Service", spec={}).code, 422)
        self.assertEqual(self.made("services", "Service", spec={"type": "ExternalName"}).code, 422)
        made = self.made("services", "Service", spec={"ports": [{"port": 80}]}).json()
        self.assertEqual(made["spec"]["ports"][0]["targetPort"], 80)

    def test_events_are_where_their_object_is(self) -> None:
        """
        C{legacyValidateEvent}.
        """
        self.assertEqual(self.made("events", "Event", involvedObject={"namespace": "other"}).code, 422)
        self.assertEqual(self.made("events", "Event", involvedObject={"namespace": "default"}).code, 201)

    def test_a_namespace_is_marked_once(self) -> None:
        """
        Without a grace period; asking again changes nothing.
        """
        self.server.create_namespace("going")
        first = self.request("DELETE", "/api/v1/namespaces/going").json()
        again = self.request("DELETE", "/api/v1/namespaces/going").json()
        self.assertNotIn("deletionGracePeriodSeconds", first["metadata"])
        self.assertEqual(first["metadata"]["resourceVersion"], again["metadata"]["resourceVersion"])
