"""
Who owns which fields: section 13.
"""

from __future__ import annotations

from typing import Any

import yaml

from ark.apis.loader import KindRegistry
from ark.meta.serializer import encode_json
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import ServerTestCase

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
GROUP = "probe.example.com"
GADGETS = f"/apis/{GROUP}/v1/namespaces/default/gadgets"
KEY = "kubectl.kubernetes.io/last-applied-configuration"

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.probe.example.com}
spec:
  group: probe.example.com
  scope: Namespaced
  names: {kind: Gadget, listKind: GadgetList, plural: gadgets, singular: gadget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              color: {type: string}
              size: {type: integer, default: 3}
              plain: {type: array, items: {type: string}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    port: {type: integer}
              whole:
                type: object
                x-kubernetes-map-type: atomic
                additionalProperties: {type: string}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              phase: {type: string}
"""


class ApplyTestCase(ServerTestCase):
    """
    A kind with every type of list and map.
    """

    def setUp(self) -> None:
        """
        Start a server.
        """
        shipped = KindRegistry.load().kinds()
        gadgets = KindRegistry.from_manifests([yaml.safe_load(DEFINITION)]).kinds()
        self.server = InMemoryServer(KindRegistry([*shipped, *gadgets]))

    def gadget(self, **spec: Any) -> dict[str, Any]:
        """
        A gadget to send.
        """
        return {"apiVersion": f"{GROUP}/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec}

    def apply(
        self, manager: str, body: dict[str, Any], query: str = "", target: str = f"{GADGETS}/a"
    ) -> Answer:
        """
        Apply a gadget.
        """
        return self.request("PATCH", f"{target}?fieldManager={manager}{query}", body, content_type=APPLY)

    def applied(self, manager: str, query: str = "", **spec: Any) -> dict[str, Any]:
        """
        What an apply made.
        """
        answer = self.apply(manager, self.gadget(**spec), query)
        self.assertIn(answer.code, (200, 201), answer.body)
        obj: dict[str, Any] = answer.json()
        return obj

    def patched(self, manager: str, patch: dict[str, Any], suffix: str = "") -> dict[str, Any]:
        """
        What a merge patch made.
        """
        answer = self.request(
            "PATCH", f"{GADGETS}/a{suffix}?fieldManager={manager}", patch, content_type=MERGE
        )
        self.assertEqual(answer.code, 200, answer.body)
        obj: dict[str, Any] = answer.json()
        return obj

    def posted(self, manager: str, **spec: Any) -> dict[str, Any]:
        """
        What a creation made.
        """
        answer = self.request("POST", f"{GADGETS}?fieldManager={manager}", self.gadget(**spec))
        self.assertEqual(answer.code, 201, answer.body)
        obj: dict[str, Any] = answer.json()
        return obj

    def owned(self, obj: dict[str, Any]) -> dict[tuple[str, str], Any]:
        """
        The fields of each manager and operation.
        """
        entries = obj["metadata"].get("managedFields", [])
        return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in entries}


class EntryTests(ApplyTestCase):
    """
    What is recorded.
    """

    def test_entries_say_who_how_when_and_where(self) -> None:
        """
        Contract 13.1 and 13.7: applies first, and a subresource by its name.
        """
        self.posted("creator", color="red")
        self.patched("controller", {"status": {"phase": "on"}}, "/status")
        obj = self.applied("applier", plain=["p"])
        entries = [
            (entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", ""))
            for entry in obj["metadata"]["managedFields"]
        ]
        version = f"{GROUP}/v1"
        self.assertEqual(entries[0], ("applier", "Apply", version, ""))
        self.assertEqual(
            sorted(entries[1:]),
            [("controller", "Update", version, "status"), ("creator", "Update", version, "")],
        )
        self.assertEqual({entry["fieldsType"] for entry in obj["metadata"]["managedFields"]}, {"FieldsV1"})
        self.assertTrue(all(entry["time"].endswith("Z") for entry in obj["metadata"]["managedFields"]))

    def test_fields_are_written_as_kubernetes_does(self) -> None:
        """
        Contract 13.2: who creates owns what contains his fields, who applies does not.
        """
        spec = {"color": "red", "tags": ["x"], "ports": [{"name": "p", "port": 1}], "plain": ["y"]}
        leaves = {
            "f:color": {},
            "f:plain": {},
            "f:ports": {'k:{"name":"p"}': {".": {}, "f:name": {}, "f:port": {}}},
            "f:tags": {'v:"x"': {}},
        }
        self.assertEqual(self.owned(self.applied("m", **spec)), {("m", "Apply"): {"f:spec": leaves}})
        self.request("DELETE", f"{GADGETS}/a")
        created = {
            ".": {},
            **leaves,
            "f:ports": {".": {}, **leaves["f:ports"]},
            "f:tags": {".": {}, **leaves["f:tags"]},
            "f:size": {},
        }
        self.assertEqual(self.owned(self.posted("m", **spec)), {("m", "Update"): {"f:spec": created}})

    def test_system_fields_have_no_owner(self) -> None:
        """
        Contract 13.3: but labels, annotations, finalizers and owners have.
        """
        body = self.gadget()
        body["metadata"].update(
            labels={"l": "1"},
            annotations={"a": "1"},
            finalizers=["example.com/f"],
            ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}],
        )
        answer = self.apply("m", body)
        fields = self.owned(answer.json())["m", "Apply"]["f:metadata"]
        self.assertEqual(sorted(fields), ["f:annotations", "f:finalizers", "f:labels", "f:ownerReferences"])
        self.assertEqual(list(fields["f:ownerReferences"]), ['k:{"uid":"u"}'])
        self.assertEqual(fields["f:finalizers"], {'v:"example.com/f"': {}})

    def test_the_user_agent_names_who_does_not_say_his_name(self) -> None:
        """
        Contract 13.4.
        """
        answer = self.request("POST", GADGETS, self.gadget(color="red"), user_agent="tool/v1 (linux)")
        self.assertEqual(list(self.owned(answer.json())), [("tool", "Update")])

    def test_changing_a_field_takes_it(self) -> None:
        """
        Contract 13.5: sending what is there already does not.
        """
        self.posted("one", color="red", size=4)
        owned = self.owned(self.patched("two", {"spec": {"color": "red", "size": 5}}))
        self.assertEqual(owned["one", "Update"], {"f:spec": {".": {}, "f:color": {}}})
        self.assertEqual(owned["two", "Update"], {"f:spec": {"f:size": {}}})

    def test_more_than_ten_updaters_are_merged(self) -> None:
        """
        Contract 13.6.
        """
        self.posted("m0", color="red")
        for index in range(1, 12):
            self.server.advance(2)
            obj = self.patched(f"m{index}", {"metadata": {"labels": {f"l{index}": "x"}}})
        managers = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
        self.assertEqual(len(managers), 10)
        self.assertIn("ancient-changes", managers)
        self.assertIn("m11", managers)
        self.assertNotIn("m0", managers)

    def test_times_alone_are_no_change(self) -> None:
        """
        Contract 13.16.
        """
        obj = self.applied("m", color="red")
        self.server.advance(5)
        self.assertEqual(self.applied("m", color="red"), obj)

    def test_owners_can_be_dropped_by_editing(self) -> None:
        """
        Contract 13.8: what is no list of owners is ignored.
        """
        obj = self.posted("m", color="red")
        broken = [{"manager": "x", "operation": "Bogus"}]
        kept = self.patched("n", {"metadata": {"managedFields": broken}})
        self.assertEqual(self.owned(kept), self.owned(obj))
        cleared = self.patched("n", {"metadata": {"managedFields": [{}]}})
        self.assertEqual(self.owned(cleared), {})
        adopted = self.owned(self.applied("applier", size=4, query="&force=true"))
        self.assertIn(("before-first-apply", "Update"), adopted)


class MergeTests(ApplyTestCase):
    """
    What applying does.
    """

    def test_apply_creates_and_changes(self) -> None:
        """
        Contract 13.9.
        """
        self.assertEqual(self.apply("m", self.gadget(color="red")).code, 201)
        self.assertEqual(self.apply("m", self.gadget(color="blue")).code, 200)
        for change, code in (
            ({"kind": "Wrong"}, 400),
            ({"apiVersion": "probe.example.com/v9"}, 400),
            ({"metadata": {"name": "b"}}, 400),
            ({"metadata": {"name": "a", "managedFields": [{"manager": "m"}]}}, 400),
            ({"metadata": {"name": "a", "resourceVersion": "1"}}, 409),
        ):
            answer = self.apply("m", {**self.gadget(color="red"), **change})
            self.assertEqual(answer.code, code, (change, answer.body))
        self.assertEqual(
            self.request("PATCH", f"{GADGETS}/a?fieldManager=m", b"{: x", content_type=APPLY).code, 400
        )

    def test_a_uid_of_nothing_is_a_conflict(self) -> None:
        """
        Contract 13.9.
        """
        body = self.gadget()
        body["metadata"]["uid"] = "5"
        status = self.status(self.apply("m", body), 409, "Conflict")
        self.assertIn("uid mismatch: the provided object specified uid 5", status["message"])

    def test_items_need_their_keys(self) -> None:
        """
        Contract 13.10.
        """
        answer = self.apply("m", self.gadget(ports=[{"port": 1}]))
        self.assertGreaterEqual(answer.code, 400)
        self.assertIn("associative list with keys has an element that omits", answer.json()["message"])

    def test_what_is_not_listed_any_more_goes(self) -> None:
        """
        Contract 13.11: unless somebody else owns it; defaults are nobody's.
        """
        self.applied("one", color="red", tags=["x", "y"])
        self.applied("two", color="red", tags=["y"])
        obj = self.applied("one", plain=["p"])
        self.assertEqual(obj["spec"], {"color": "red", "tags": ["y"], "plain": ["p"], "size": 3})
        self.assertEqual(self.owned(obj)["one", "Apply"], {"f:spec": {"f:plain": {}}})
        self.assertNotIn("f:size", str(self.owned(obj)))

    def test_conflicts_are_told_field_by_field(self) -> None:
        """
        Contract 13.12: and can be forced.
        """
        self.posted("one", color="red", size=4)
        status = self.status(self.apply("two", self.gadget(color="blue")), 409, "Conflict")
        self.assertEqual(
            status["message"],
            'Apply failed with 1 conflict: conflict with "one" using probe.example.com/v1: .spec.color',
        )
        cause = status["details"]["causes"][0]
        self.assertEqual((cause["reason"], cause["field"]), ("FieldManagerConflict", ".spec.color"))
        many = self.status(self.apply("two", self.gadget(color="blue", size=5)), 409, "Conflict")
        self.assertEqual(
            many["message"],
            'Apply failed with 2 conflicts: conflicts with "one" using probe.example.com/v1:\n- .spec.color\n- .spec.size',
        )
        forced = self.applied("two", "&force=true", color="blue")
        self.assertEqual(self.owned(forced)["two", "Apply"], {"f:spec": {"f:color": {}}})
        self.assertEqual(self.owned(forced)["one", "Update"], {"f:spec": {".": {}, "f:size": {}}})

    def test_lists_and_maps_merge_by_their_type(self) -> None:
        """
        Contract 13.13.
        """
        self.applied(
            "one",
            ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}],
            tags=["x"],
            free={"deep": {"one": 1}, "list": [1]},
        )
        obj = self.applied(
            "two",
            ports=[{"name": "c", "port": 3}, {"name": "a", "port": 1}],
            tags=["y"],
            free={"deep": {"two": 2}},
        )
        self.assertEqual([port["name"] for port in obj["spec"]["ports"]], ["c", "a", "b"])
        self.assertEqual(obj["spec"]["tags"], ["x", "y"])
        self.assertEqual(obj["spec"]["free"], {"deep": {"one": 1, "two": 2}, "list": [1]})
        self.applied("one", whole={"k": "1"}, plain=["p"])
        for other in ({"whole": {"l": "2"}}, {"plain": ["q"]}):
            self.status(self.apply("three", self.gadget(**other)), 409, "Conflict")

    def test_doubled_items_are_refused(self) -> None:
        """
        Contract 13.14.
        """
        for spec in ({"tags": ["x", "x"]}, {"ports": [{"name": "a"}, {"name": "a"}]}):
            status = self.status(self.request("POST", GADGETS, self.gadget(**spec)), 422, "Invalid")
            self.assertEqual(status["details"]["causes"][0]["reason"], "FieldValueDuplicate")
            self.assertGreaterEqual(self.apply("m", self.gadget(**spec)).code, 400)

    def test_kubectl_keeps_its_annotation_in_step(self) -> None:
        """
        Contract 13.15: what client-side apply left is updated by kubectl's applies.
        """
        body = self.gadget(color="red")
        body["metadata"]["annotations"] = {KEY: '{"spec":{"color":"red"}}'}
        self.request("POST", f"{GADGETS}?fieldManager=kubectl-client-side-apply", body)
        obj = self.apply("kubectl", self.gadget(color="blue"), "&force=true").json()
        self.assertIn('"color":"blue"', obj["metadata"]["annotations"][KEY])

    def test_large_owners_are_kept(self) -> None:
        """
        Contract 13.17: of an object that is larger with them than a request may be.
        """
        names = [f"member-{'x' * 60}-{index:05}" for index in range(20000)]
        self.posted("m", free=dict.fromkeys(names[:10], 1))
        patch = {"spec": {"free": dict.fromkeys(names, 1)}}
        obj = self.patched("n", patch)
        self.assertEqual(len(obj["spec"]["free"]), len(names))
        self.assertGreater(len(encode_json(obj)), 3 << 20)
        owned = obj["metadata"]["managedFields"][-1]["fieldsV1"]["f:spec"]["f:free"]
        self.assertLessEqual({f"f:{name}" for name in names[10:]}, owned.keys())
