"""
Tests of server-side apply over requests, and of who owns what after the other verbs
(contract 13).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from zope.interface import implementer

from ark.admission.attributes import UPDATE
from ark.admission.chain import AdmissionChain
from ark.apis.loader import KindRegistry
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.endpoints.scope import manager_of
from ark.interfaces import IAdmissionPlugin, IAuthorizer
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase, registry, widget_manifest

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
SCALED = f"/apis/{GROUP}/v1/namespaces/default/scaled"


def scaled_manifest() -> dict[str, Any]:
    """
    A kind in two versions with a scale and a keyed list.
    """
    manifest = widget_manifest()
    manifest["metadata"]["name"] = f"scaled.{GROUP}"
    manifest["spec"]["names"] = {
        "kind": "Scaled",
        "listKind": "ScaledList",
        "plural": "scaled",
        "singular": "scaled",
    }
    (version,) = manifest["spec"]["versions"]
    version["subresources"] = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
    }
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["replicas"] = {"type": "integer"}
    spec["template"] = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    manifest["spec"]["versions"].append({**version, "name": "v1beta1", "storage": False})
    return manifest


class ApplyTestCase(ServerTestCase):
    """
    Applies widgets.
    """

    def apply(
        self, spec: Any, manager: str = "m", query: str = "", name: str = "w", path: str = "", **members: Any
    ) -> Answer:
        """
        Apply a widget.
        """
        body = {**self.widget(name), "spec": spec, **members}
        target = f"{WIDGETS}/{name}{path}?fieldManager={manager}{query}"
        return self.request("PATCH", target, body, content_type=APPLY)

    def owners(self, name: str = "w") -> dict[str, Any]:
        """
        The fields of each manager and operation, C{m Apply}.
        """
        metadata = self.request("GET", f"{WIDGETS}/{name}").json()["metadata"]
        return {
            " ".join(filter(None, (one["manager"], one["operation"], one.get("subresource")))): one[
                "fieldsV1"
            ]
            for one in metadata.get("managedFields", ())
        }


class ApplyTests(ApplyTestCase):
    """
    PATCH with C{application/apply-patch+yaml} (contract 13.9 to 13.12).
    """

    def test_missing_object_is_made(self) -> None:
        """
        201, then 200; defaults are there and owned by nobody (contract 7.2, 13.11).
        """
        made = self.apply({"color": "red"})
        self.assertEqual((made.code, made.json()["spec"]), (201, {"color": "red", "size": 3}))
        self.assertEqual(self.apply({"color": "blue"}).code, 200)
        self.assertEqual(self.owners(), {"m Apply": {"f:spec": {"f:color": {}}}})

    def test_yaml_and_json_are_read(self) -> None:
        """
        JSON is YAML.
        """
        body = f"apiVersion: {GROUP}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{color: red}}\n"
        answer = self.request("PATCH", f"{WIDGETS}/w?fieldManager=m", body.encode(), content_type=APPLY)
        self.assertEqual(answer.code, 201)

    def test_what_changes_nothing_writes_nothing(self) -> None:
        """
        Neither a revision nor a time is new (contract 6.6, 13.11, 13.16).
        """
        first = self.apply({"color": "red"}).json()
        self.server.clock.advance(5)
        self.assertEqual(self.apply({"color": "red"}).json(), first)

    def test_conflict_and_force(self) -> None:
        """
        409 with a cause for each field; C{force} takes over (contract 13.12).
        """
        self.apply({"color": "red"})
        status = self.status(self.apply({"color": "blue"}, "n"), 409, "Conflict")
        self.assertEqual(status["message"], 'Apply failed with 1 conflict: conflict with "m": .spec.color')
        causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "m"', "field": ".spec.color"}]
        self.assertEqual(status["details"], {"causes": causes})
        self.assertEqual(self.apply({"color": "blue"}, "n", "&force=true").code, 200)
        self.assertEqual(self.owners(), {"n Apply": {"f:spec": {"f:color": {}}}})

    def test_dry_run_changes_nothing(self) -> None:
        """
        Neither an object that is there nor one that is not.
        """
        self.assertEqual(self.apply({"color": "red"}, query="&dryRun=All").code, 201)
        self.assertEqual(self.request("GET", f"{WIDGETS}/w").code, 404)
        self.apply({"color": "red"})
        self.assertEqual(self.apply({"color": "blue"}, query="&dryRun=All").json()["spec"]["color"], "blue")
        self.assertEqual(self.request("GET", f"{WIDGETS}/w").json()["spec"]["color"], "red")

    def test_manager_has_to_be_named(self) -> None:
        """
        422, as for C{force} without apply (contract 7.7).
        """
        answer = self.request("PATCH", f"{WIDGETS}/w", self.widget(), content_type=APPLY)
        message = self.status(answer, 422, "Invalid")["message"]
        self.assertIn("fieldManager: Required value: is required for apply patch", message)
        self.create()
        answer = self.request("PATCH", f"{WIDGETS}/w?force=true", {}, content_type=MERGE)
        self.assertIn(
            "may not be specified for non-apply patch", self.status(answer, 422, "Invalid")["message"]
        )

    def test_bodies_that_cannot_be_applied(self) -> None:
        """
        Each is told in kube-apiserver's words (contract 13.9, 13.10).
        """
        start = "error decoding YAML: "
        for body, code, message in (
            (
                b"{",
                400,
                f"{start}error converting YAML to JSON: yaml: line 1: did not find expected node content",
            ),
            (
                b"[]",
                400,
                f"{start}error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go "
                "value of type map[string]interface {}",
            ),
            (b"", 400, "invalid object type: /, Kind="),
            (b"{kind: Widget, apiVersion: v1}", 400, "invalid object type: /v1, Kind=Widget"),
            (
                orjson.dumps({**self.widget(), "metadata": {"managedFields": []}}),
                400,
                "metadata.managedFields must be nil",
            ),
            (
                orjson.dumps({**self.widget(), "metadata": {}}),
                400,
                "the name of the object (w based on URL) was undeterminable: name must be provided",
            ),
            (
                orjson.dumps(self.widget("other")),
                400,
                "the name of the object (other) does not match the name on the URL (w)",
            ),
            (
                orjson.dumps({**self.widget(), "metadata": {"name": "w", "uid": "5"}}),
                409,
                f'Operation cannot be fulfilled on widgets.{GROUP} "w": uid mismatch: the provided object '
                "specified uid 5, and no existing object was found",
            ),
            (
                orjson.dumps(self.widget(bogus=1)),
                500,
                f"failed to create typed patch object (/w; {GROUP}/v1, Kind=Widget): "
                ".spec.bogus: field not declared in schema",
            ),
        ):
            answer = self.request("PATCH", f"{WIDGETS}/w?fieldManager=m", body, content_type=APPLY)
            self.assertEqual((answer.code, answer.json()["message"]), (code, message))

    def test_revision_is_a_precondition(self) -> None:
        """
        Where there is an object (contract 13.9).
        """
        metadata = {"name": "w", "resourceVersion": "1"}
        self.assertEqual(self.apply({"color": "red"}, metadata=metadata).code, 201)
        self.status(self.apply({"color": "red"}, metadata=metadata), 409, "Conflict")

    def test_doubled_keys(self) -> None:
        """
        Warned of, refused or not looked at (contract 9.4).
        """
        body = f"apiVersion: {GROUP}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{size: 1, size: 2}}\n"
        target = f"{WIDGETS}/w?fieldManager=m&fieldValidation="
        for validation, code, warnings in (("Strict", 400, 0), ("Ignore", 201, 0), ("Warn", 200, 1)):
            answer = self.request("PATCH", target + validation, body.encode(), content_type=APPLY)
            self.assertEqual(answer.code, code)
            found = [value for name, value in answer.headers if name == b"warning"]
            self.assertEqual(found, [b'299 - "line 4: key \\"size\\" already set in map"'] * warnings)

    def test_nulls_are_judged(self) -> None:
        """
        Nothing is dropped of what was applied; a default stands in for a null.
        """
        self.status(self.apply({"color": None}), 422, "Invalid")
        self.assertEqual(self.apply({"size": None}).json()["spec"], {"size": 3})

    def test_status_and_missing_objects(self) -> None:
        """
        Subresources are not made (contract 10.2), and own only their part (13.7).
        """
        self.status(self.apply({}, path="/status", status={"phase": "x"}), 404, "NotFound")
        self.apply({"color": "red"})
        applied = self.apply({"color": "blue"}, path="/status", status={"phase": "x"}).json()
        self.assertEqual((applied["spec"]["color"], applied["status"]), ("red", {"phase": "x"}))
        self.assertEqual(self.owners()["m Apply status"], {"f:status": {"f:phase": {}}})

    def test_cbor_is_refused(self) -> None:
        """
        415 lists what there is (contract 1.7, 7.1).
        """
        answer = self.request("PATCH", f"{WIDGETS}/w", b"x", content_type="application/apply-patch+cbor")
        message = self.status(answer, 415, "UnsupportedMediaType")["message"]
        self.assertTrue(message.endswith("application/merge-patch+json, application/apply-patch+yaml"))

    def test_built_in_kinds_are_applied(self) -> None:
        """
        With what they merge by.
        """
        path = "/api/v1/namespaces/default/configmaps/c"
        for manager, data in (("m", {"a": "1"}), ("n", {"b": "2"})):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}
            answer = self.request("PATCH", f"{path}?fieldManager={manager}", body, content_type=APPLY)
            self.assertIn(answer.code, (200, 201))
        self.assertEqual(self.request("GET", path).json()["data"], {"a": "1", "b": "2"})


@implementer(IAuthorizer)
class NoCreation:
    """
    Everything but creating is allowed.
    """

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Judge by the verb.
        """
        return Decision(NO_OPINION if attributes.verb == "create" else ALLOW)


@implementer(IAdmissionPlugin)
class Meddler:
    """
    A mutating plug-in that changes the entries of objects.
    """

    reads_managed_fields = True

    def __init__(self, change: Callable[[list[dict[str, Any]]], Any]) -> None:
        self._change = change

    def handles(self, operation: str) -> bool:
        """
        Updates.
        """
        return operation == UPDATE

    async def admit(self, attributes: Any) -> None:
        """
        Change them.
        """
        metadata = attributes.object["metadata"]
        metadata["managedFields"] = self._change(metadata["managedFields"])

    async def validate(self, attributes: Any) -> None:
        """
        The entries are there to be looked at.
        """
        assert attributes.object["metadata"]["managedFields"], "they are shown"
        assert attributes.old_object["metadata"]["managedFields"], "those before too"


class AllowedTests(ApplyTestCase):
    """
    What others have to say about an apply.
    """

    def setUp(self) -> None:
        """
        A server whose users may not create.
        """
        self.server = InMemoryServer(registry(), authorizer=NoCreation())

    def test_who_applies_what_is_missing_has_to_be_allowed_to_create(self) -> None:
        """
        Besides being allowed to patch (contract 15.5).
        """
        message = self.status(self.apply({"color": "red"}), 403, "Forbidden")["message"]
        self.assertIn('cannot create resource "widgets"', message)


class AdmissionTests(ApplyTestCase):
    """
    Plug-ins that change who owns what (contract 13.8).
    """

    def answer(self, change: Callable[[list[dict[str, Any]]], Any]) -> Answer:
        """
        The answer to an update that a plug-in meddles with.
        """
        store = self.server.application.stores.get(GROUP, "v1", "widgets")
        assert store is not None
        store.admission = AdmissionChain([Meddler(change)])
        self.apply({"color": "red"})
        return self.apply({"color": "blue"})

    def test_entries_that_mean_something_are_taken(self) -> None:
        """
        As the plug-in made them.
        """
        self.answer(lambda entries: [{**entries[0], "manager": "plugin"}])
        self.assertEqual(list(self.owners()), ["plugin Apply"])

    def test_entries_that_mean_nothing_are_put_back(self) -> None:
        """
        With a warning.
        """
        answer = self.answer(lambda entries: [{"manager": "plugin", "operation": "Bad"}])
        self.assertEqual(list(self.owners()), ["m Apply"])
        (warning,) = (value for name, value in answer.headers if name == b"warning")
        self.assertIn(b".metadata.managedFields was in an invalid state after admission", warning)


class TrackingTests(ApplyTestCase):
    """
    Who owns what after verbs that do not apply (contract 13.4 to 13.8).
    """

    def test_manager_is_the_user_agents_beginning(self) -> None:
        """
        Unless one is named; what does not print is left out.
        """
        for agent, manager in (
            (b"kubectl/v1.36 (linux)", "kubectl"),
            (b"", ""),
            (None, ""),
            (b"a\tb", "ab"),
            (b"x" * 200, "x" * 128),
            ("é".encode() * 100, "é" * 64),
        ):
            self.assertEqual(manager_of(agent), manager)
        self.request("POST", WIDGETS, self.widget(color="red"), user_agent="curl/8")
        self.request("PATCH", f"{WIDGETS}/w?fieldManager=named", {"spec": {"size": 5}}, content_type=MERGE)
        self.assertEqual(
            self.owners(),
            {
                "curl Update": {"f:spec": {".": {}, "f:color": {}}},
                "named Update": {"f:spec": {"f:size": {}}},
            },
        )

    def test_every_verb_that_writes_is_recorded(self) -> None:
        """
        POST, PUT, both patches, and the same for the status.
        """
        obj = self.create(color="red")
        obj["spec"]["size"] = 4
        self.request("PUT", f"{WIDGETS}/w?fieldManager=put", obj)
        operation = {"op": "replace", "path": "/spec/size", "value": 5}
        self.request("PATCH", f"{WIDGETS}/w?fieldManager=json", [operation], content_type=JSON_PATCH)
        self.request(
            "PATCH", f"{WIDGETS}/w/status?fieldManager=st", {"status": {"phase": "x"}}, content_type=MERGE
        )
        self.assertEqual(sorted(self.owners()), ["json Update", "st Update status", "unknown Update"])

    def test_writes_without_effect_write_nothing(self) -> None:
        """
        A manager that sets what is set already gets nothing (contract 6.6).
        """
        obj = self.create(color="red")
        self.server.clock.advance(5)
        answer = self.request("PUT", f"{WIDGETS}/w?fieldManager=other", obj)
        self.assertEqual(answer.json(), obj)

    def test_clients_may_edit_the_entries(self) -> None:
        """
        In a patch as in a replacement; what means nothing is not looked at.
        """
        self.apply({"color": "red"})
        (entry,) = self.request("GET", f"{WIDGETS}/w").json()["metadata"]["managedFields"]
        for edit, wanted in (
            ([{**entry, "manager": "n"}], {"n Apply": entry["fieldsV1"]}),
            ([{"manager": "x"}], {"n Apply": entry["fieldsV1"]}),
            ([], {"n Apply": entry["fieldsV1"]}),
            ([{}], {}),
        ):
            answer = self.request(
                "PATCH", f"{WIDGETS}/w", {"metadata": {"managedFields": edit}}, content_type=MERGE
            )
            self.assertEqual((answer.code, self.owners()), (200, wanted))

    def test_migration_of_kubectl(self) -> None:
        """
        What kubectl sends to take over from what it has applied itself: a JSON patch that
        replaces the entries at a certain revision (contract 13.15).
        """
        obj = self.create(color="red")
        (entry,) = obj["metadata"]["managedFields"]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": [{**entry, "operation": "Apply"}]},
            {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": obj["metadata"]["resourceVersion"],
            },
        ]
        answer = self.request("PATCH", f"{WIDGETS}/w", patch, content_type=JSON_PATCH)
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual(list(self.owners()), ["unknown Apply"])
        self.status(self.request("PATCH", f"{WIDGETS}/w", patch, content_type=JSON_PATCH), 409, "Conflict")

    def test_patches_see_the_entries_where_they_ask(self) -> None:
        """
        A test of a whole, a copy, and a path with escapes.
        """
        self.apply({"color": "red"})
        for operation in (
            {"op": "test", "path": "/metadata/managedFields/0/manager", "value": "m"},
            {"op": "test", "path": "/metadata/managed\u0046ields/0/operation", "value": "Apply"},
            {"op": "copy", "from": "/metadata", "path": "/spec/free"},
        ):
            body = orjson.dumps([operation]).replace(b"managedFields/0/op", b"managed\\u0046ields/0/op")
            answer = self.request("PATCH", f"{WIDGETS}/w", body, content_type=JSON_PATCH)
            self.assertEqual(answer.code, 200, answer.body)
        self.assertIn("managedFields", answer.json()["spec"]["free"])

    def test_deletion_leaves_the_entries_alone(self) -> None:
        """
        An object that waits for its finalizers keeps them.
        """
        self.apply({"color": "red"}, metadata={"name": "w", "finalizers": ["example.com/f"]})
        before = self.owners()
        self.request("DELETE", f"{WIDGETS}/w")
        self.assertEqual(self.owners(), before)
        self.assertTrue(self.request("GET", f"{WIDGETS}/w").json()["metadata"]["deletionTimestamp"])

    def test_wrong_managers_in_entries_are_refused(self) -> None:
        """
        As they are in a parameter (contract 7.8).
        """
        self.apply({"color": "red"})
        (entry,) = self.request("GET", f"{WIDGETS}/w").json()["metadata"]["managedFields"]
        patch = {"metadata": {"managedFields": [{**entry, "manager": "m" * 129}]}}
        answer = self.request("PATCH", f"{WIDGETS}/w", patch, content_type=MERGE)
        status = self.status(answer, 422, "Invalid")
        self.assertEqual(status["details"]["causes"][0]["field"], "metadata.managedFields[0].manager")

    def test_no_entries_forget_those_of_built_in_kinds(self) -> None:
        """
        Which custom resources take for nothing said.
        """
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
        self.request("POST", "/api/v1/namespaces/default/configmaps", body)
        patch = {"metadata": {"managedFields": []}}
        answer = self.request("PATCH", "/api/v1/namespaces/default/configmaps/c", patch, content_type=MERGE)
        self.assertNotIn("managedFields", answer.json()["metadata"])

    def test_types_that_kubernetes_fills_in_are_owned(self) -> None:
        """
        What built-in kinds default when they are read belongs to who creates them; what is
        made later does not.
        """
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
        answer = self.request("POST", "/api/v1/namespaces/default/secrets", body)
        (entry,) = answer.json()["metadata"]["managedFields"]
        self.assertEqual(entry["fieldsV1"], {"f:data": {".": {}, "f:a": {}}, "f:type": {}})
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
        (entry,) = self.request("POST", "/api/v1/namespaces", namespace).json()["metadata"]["managedFields"]
        labels = {".": {}, "f:kubernetes.io/metadata.name": {}}
        self.assertEqual(entry["fieldsV1"], {"f:metadata": {"f:labels": labels}})

    def test_nulls_set_nothing_in_built_in_kinds(self) -> None:
        """
        Clients send what they do not know of, such as C{data: null}.
        """
        where = "/api/v1/namespaces/default/secrets/s"
        for given in (
            {"data": None},
            {"immutable": None, "type": None},
            {"metadata": {"name": "s", "labels": None}},
        ):
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **given}
            answer = self.request("PATCH", f"{where}?fieldManager=m&force=true", body, content_type=APPLY)
            self.assertIn(answer.code, (200, 201), answer.body)
            obj = answer.json()
            self.assertNotIn("immutable", obj)
            self.assertEqual(obj["type"], "Opaque")
            self.assertNotIn("data", obj)
            self.assertNotIn("labels", obj["metadata"])


class ScaledTests(ApplyTestCase):
    """
    Scales, and several served versions.
    """

    def setUp(self) -> None:
        """
        Serve the kind of L{scaled_manifest}.
        """
        own = KindRegistry.from_manifests([scaled_manifest()])
        self.server = InMemoryServer(KindRegistry([*registry(), *own]))

    def scaled(self, version: str = "v1", **spec: Any) -> dict[str, Any]:
        """
        An object to send.
        """
        return {"apiVersion": f"{GROUP}/{version}", "kind": "Scaled", "metadata": {"name": "w"}, "spec": spec}

    def send(
        self, manager: str, body: Any, content: str = APPLY, path: str = "", version: str = "v1"
    ) -> Answer:
        """
        Patch the object.
        """
        target = f"{SCALED.replace('/v1/', f'/{version}/')}/w{path}?fieldManager={manager}"
        return self.request("PATCH", target, body, content_type=content)

    def test_metadata_within_are_stored_in_form(self) -> None:
        """
        As those of the object: what is empty or unknown in them is not kept.
        """
        template = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "managedFields": []}}
        answer = self.send("m", self.scaled(color="red", template=template))
        self.assertEqual(answer.code, 201, answer.body)
        self.assertEqual(answer.json()["spec"]["template"]["metadata"], {"name": "x"})

    def found(self) -> list[tuple[str, ...]]:
        """
        Manager, operation, subresource and version of each entry.
        """
        entries = self.request("GET", f"{SCALED}/w").json()["metadata"]["managedFields"]
        return [
            (one["manager"], one["operation"], one.get("subresource", ""), one["apiVersion"][-7:])
            for one in entries
        ]

    def test_who_scales_owns_the_count(self) -> None:
        """
        By patch and by apply, which meets the owner of the object.
        """
        self.send("m", self.scaled(replicas=1, color="red"))
        self.send("s", {"spec": {"replicas": 2}}, MERGE, "/scale")
        self.assertEqual([one[:3] for one in self.found()], [("m", "Apply", ""), ("s", "Update", "scale")])
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "w"}}
        applied = self.send("h", {**scale, "spec": {"replicas": 3}}, path="/scale")
        message = 'conflict with "s" with subresource "scale" using autoscaling/v1'
        self.assertEqual(self.status(applied, 409, "Conflict")["details"]["causes"][0]["message"], message)
        self.assertEqual(
            self.send("h&force=true", {**scale, "spec": {"replicas": 3}}, path="/scale").code, 200
        )
        self.assertEqual([one[:3] for one in self.found()], [("h", "Apply", "scale"), ("m", "Apply", "")])
        self.status(self.send("m", self.scaled(replicas=5)), 409, "Conflict")

    def test_versions_share_owners(self) -> None:
        """
        An applier has one entry, in the version that it used last.
        """
        self.send("m", self.scaled(color="red"))
        self.status(self.send("n", self.scaled("v1beta1", color="blue"), version="v1beta1"), 409, "Conflict")
        self.send("m", self.scaled("v1beta1", color="blue"), version="v1beta1")
        self.assertEqual(self.found(), [("m", "Apply", "", "v1beta1")])
