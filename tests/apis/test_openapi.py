"""
Tests of L{ark.apis.openapi} and the modules that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.metaschemas import MetaSchemas
from ark.apis.openapi import OpenAPI, openapi_v2, openapi_v3
from ark.apis.publishing import Publisher, model_name
from tests.registry.foreign import built_in, foreign_kind, foreign_registry

FOO = "io.x.v1.Foo"


def references(value: Any) -> Iterator[str]:
    """
    Every C{$ref} of a document.
    """
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """
    Path, method and operation, of all.
    """
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


class Version3Tests(SynchronousTestCase):
    """
    The documents of version 3 (contract 4.2, 4.3).
    """

    def setUp(self) -> None:
        """
        Make the document of the foreign kind.
        """
        self.document = openapi_v3(foreign_registry(), "x.io", "v1")
        self.schema = self.document["components"]["schemas"][FOO]

    def test_references_lead_somewhere(self) -> None:
        """
        Each document is complete in itself.
        """
        registry = built_in()
        documents = [
            openapi_v3(registry, group, version)
            for group in registry.groups()
            for version in registry.preferred_versions(group)
        ]
        for document in (*documents, self.document, openapi_v3(foreign_registry(), "x.io", "v2beta1")):
            known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
            self.assertLessEqual(set(references(document)), known)

    def test_operations_name_their_kind(self) -> None:
        """
        Clients find an operation by kind and action; its name is its own.
        """
        found = list(operations(self.document))
        names = [operation["operationId"] for _, _, operation in found]
        self.assertEqual(len(names), len(set(names)))
        for _, _, operation in found:
            self.assertEqual(
                operation["x-kubernetes-group-version-kind"],
                {"group": "x.io", "kind": "Foo", "version": "v1"},
            )
        actions = {(path, method): operation["x-kubernetes-action"] for path, method, operation in found}
        root = "/apis/x.io/v1"
        self.assertEqual(actions[f"{root}/foos", "get"], "list")
        self.assertEqual(actions[f"{root}/namespaces/{{namespace}}/foos", "delete"], "deletecollection")
        self.assertEqual(actions[f"{root}/namespaces/{{namespace}}/foos/{{name}}", "put"], "put")

    def test_kubectl_finds_what_it_probes(self) -> None:
        """
        PATCH says that it validates fields and can run dry; only built-in kinds take
        strategic merge patches.
        """
        patch = self.document["paths"]["/apis/x.io/v1/namespaces/{namespace}/foos/{name}"]["patch"]
        names = {parameter["name"] for parameter in patch["parameters"] if parameter["in"] == "query"}
        self.assertLessEqual({"fieldValidation", "dryRun", "force", "fieldManager"}, names)
        strategic = "application/strategic-merge-patch+json"
        self.assertNotIn(strategic, patch["requestBody"]["content"])
        core = openapi_v3(built_in(), "", "v1")
        patch = core["paths"]["/api/v1/namespaces/{namespace}/secrets/{name}"]["patch"]
        self.assertIn(strategic, patch["requestBody"]["content"])

    def test_kinds_have_their_schema(self) -> None:
        """
        Explaining a kind finds its schema by its kind, with metadata by reference.
        """
        gvk = {"group": "x.io", "kind": "Foo", "version": "v1"}
        self.assertEqual(self.schema["x-kubernetes-group-version-kind"], [gvk])
        reference = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        self.assertEqual(self.schema["properties"]["metadata"]["allOf"], [{"$ref": reference}])
        self.assertEqual(self.schema["x-kubernetes-selectable-fields"][0], {"fieldPath": "spec.mode"})

    def test_schemas_are_published_whole(self) -> None:
        """
        Nothing but our own extensions is left out; int-or-string is spelled out.
        """
        spec = self.schema["properties"]["spec"]
        original = foreign_kind().schema["properties"]["spec"]
        self.assertEqual(spec["required"], original["required"])
        for name in ("count", "name", "setl", "mapl", "choice", "maybe", "kvo"):
            self.assertEqual(spec["properties"][name], original["properties"][name], name)
        either = [{"type": "integer"}, {"type": "string"}]
        self.assertEqual(spec["properties"]["port2"]["anyOf"], either)
        self.assertEqual(spec["properties"]["port"]["anyOf"], either)
        self.assertEqual(spec["properties"]["emb"]["required"], ["kind", "apiVersion"])

    def test_other_any_of_stays_beside_int_or_string(self) -> None:
        """
        A node that already says C{anyOf} gets the rest by C{allOf}.
        """
        node = {"x-kubernetes-int-or-string": True, "anyOf": [{"pattern": "a"}, {"minimum": 1}]}
        schema = {"type": "object", "properties": {"a": node}}
        published = Publisher(MetaSchemas("#/", True), False).schemas(evolve(foreign_kind(), schema=schema))
        made = published[FOO]["properties"]["a"]
        self.assertEqual(made["anyOf"], node["anyOf"])
        self.assertEqual(made["allOf"], [{"anyOf": [{"type": "integer"}, {"type": "string"}]}])

    def test_scales_have_their_own_kind(self) -> None:
        """
        Operations on C{/scale} are about a Scale.
        """
        document = openapi_v3(foreign_registry(), "x.io", "v2beta1")
        path = "/apis/x.io/v2beta1/namespaces/{namespace}/foos/{name}/scale"
        gvk = document["paths"][path]["get"]["x-kubernetes-group-version-kind"]
        self.assertEqual(gvk, {"group": "x.io", "kind": "Foo", "version": "v2beta1"})

    def test_names(self) -> None:
        """
        Schemas are named as Kubernetes names them.
        """
        self.assertEqual(
            model_name("ark.mckinsey.com", "v1alpha1", "Query"), "com.mckinsey.ark.v1alpha1.Query"
        )
        self.assertEqual(model_name("", "v1", "Secret", True), "io.k8s.api.core.v1.Secret")
        lease = model_name("coordination.k8s.io", "v1", "Lease", True)
        self.assertEqual(lease, "io.k8s.api.coordination.v1.Lease")
        names = {operation["operationId"] for _, _, operation in operations(openapi_v3(built_in(), "", "v1"))}
        self.assertIn("createCoreV1NamespacedSecret", names)
        self.assertIn("deleteCoreV1CollectionNamespacedSecret", names)

    def test_preparing_goes_in_small_steps(self) -> None:
        """
        There is one step for each kind, so that nothing else waits for long.
        """
        registry = built_in()
        self.assertEqual(len(list(OpenAPI(registry).prepare())), len(registry.kinds()))


class Version2Tests(SynchronousTestCase):
    """
    The document of version 2 (contract 4.4).
    """

    def test_references_lead_somewhere(self) -> None:
        """
        The document is complete in itself.
        """
        for registry in (built_in(), foreign_registry()):
            document = openapi_v2(registry)
            self.assertEqual(document["swagger"], "2.0")
            known = {f"#/definitions/{name}" for name in document["definitions"]}
            self.assertLessEqual(set(references(document)), known)

    def test_what_version_2_cannot_say_is_left_out(self) -> None:
        """
        Junctors go, and the type of what may be null or open.
        """
        spec = openapi_v2(foreign_registry())["definitions"][FOO]["properties"]["spec"]["properties"]
        self.assertNotIn("oneOf", spec["choice"])
        self.assertNotIn("anyOf", spec["port"])
        self.assertNotIn("type", spec["maybe"])
        self.assertNotIn("properties", spec["pres"])
        self.assertNotIn("type", spec["pres"])

    def test_built_in_members_keep_their_type(self) -> None:
        """
        Also those that Go's decoder lets be null, of which version 3 says nothing either.
        """
        entry = {"type": "string", "format": "byte"}
        secret = openapi_v2(built_in())["definitions"]["io.k8s.api.core.v1.Secret"]
        self.assertEqual(secret["properties"]["data"]["additionalProperties"], entry)
        schemas = openapi_v3(built_in(), "", "v1")["components"]["schemas"]
        data = schemas["io.k8s.api.core.v1.Secret"]["properties"]["data"]
        self.assertEqual(data["additionalProperties"], entry)

    def test_bodies_are_parameters(self) -> None:
        """
        What is sent is named as version 2 does.
        """
        document = openapi_v2(foreign_registry())
        post = document["paths"]["/apis/x.io/v1/namespaces/{namespace}/foos"]["post"]
        body = post["parameters"][0]
        self.assertEqual((body["in"], body["schema"]["$ref"]), ("body", f"#/definitions/{FOO}"))
        self.assertIn("application/json", post["consumes"])
