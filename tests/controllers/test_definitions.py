"""
Kinds that come and go while the server runs.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.registry.definitions.strategy import CLEANUP
from ark.storage.errors import Unavailable
from ark.storage.memory import MemoryBackend
from ark.testing import Answer, InMemoryServer
from tests.registry.definitions.cases import GROUP, definition, version

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = f"/apis/{GROUP}/v1/namespaces/default/things"
NAME = f"things.{GROUP}"
MERGE = {"content-type": "application/merge-patch+json"}

SPEC = {"type": "object", "properties": {"size": {"type": "integer"}, "color": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": SPEC,
        "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
    },
}


class DefinitionTestCase(SynchronousTestCase):
    """
    Has a server without custom resources.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.server = InMemoryServer(KindRegistry.typed())

    def send(self, method: str, path: str, body: Any = None, code: int = 200) -> dict[str, Any]:
        """
        A request that must be answered so; a PATCH is a merge patch.
        """
        headers = MERGE if method == "PATCH" else None
        answer = self.server.request(method, path, body, headers)
        self.assertEqual(answer.code, code, answer.body)
        value: dict[str, Any] = answer.json()
        return value

    def define(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """
        Create a definition and let it settle.
        """
        made = body or definition(versions=[version(schema=SCHEMA)])
        self.send("POST", CRDS, made, 201)
        self.server.settle()
        return self.send("GET", f"{CRDS}/{made['metadata']['name']}")

    def thing(self, name: str = "one", path: str = THINGS, **members: Any) -> dict[str, Any]:
        """
        Create a thing.
        """
        api_version = path.removeprefix("/apis/").partition("/namespaces/")[0]
        body = {"apiVersion": api_version, "kind": "Thing", "metadata": {"name": name}, **members}
        return self.send("POST", path, body, 201)

    def watch(self, path: str = THINGS) -> Answer:
        """
        Begin a watch.
        """
        return self.server.request("GET", f"{path}?watch=1")


def conditions(body: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """
    Status and reason of each condition.
    """
    return {one["type"]: (one["status"], one["reason"]) for one in body["status"]["conditions"] or ()}


class ServingTests(DefinitionTestCase):
    """
    Contract 21.3: a definition is served as soon as its names are accepted.
    """

    def test_the_answer_comes_before_the_names(self) -> None:
        """
        A creation is answered with a status that says nothing yet but what is stored.
        """
        made = self.send("POST", CRDS, definition(), 201)
        status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": ["v1"]}
        self.assertEqual(made["status"], status)
        self.assertEqual(made["metadata"]["generation"], 1)

    def test_names_are_accepted_and_the_kind_is_established(self) -> None:
        """
        With kube-apiserver's reasons.
        """
        made = self.define()
        wanted = {
            "NamesAccepted": ("True", "NoConflicts"),
            "Established": ("True", "InitialNamesAccepted"),
        }
        self.assertEqual(conditions(made), wanted)
        self.assertEqual(made["status"]["acceptedNames"], made["spec"]["names"])

    def test_objects_can_be_made_at_once(self) -> None:
        """
        They are pruned, listed and watched; discovery and both forms of OpenAPI have the kind.
        """
        self.define()
        watch = self.watch()
        made = self.thing(spec={"size": 1, "bogus": 2})
        self.assertEqual(made["spec"], {"size": 1})
        self.assertEqual(watch.events()[-1]["object"]["metadata"]["name"], "one")
        resources = self.send("GET", f"/apis/{GROUP}/v1")["resources"]
        self.assertEqual(resources[0]["name"], "things")
        self.assertIn(f"apis/{GROUP}/v1", self.send("GET", "/openapi/v3")["paths"])
        definitions = self.send("GET", "/openapi/v2")["definitions"]
        self.assertIn("com.example.cases.v1.Thing", definitions)

    def test_before_the_definition_nothing_is_found(self) -> None:
        """
        The path leads nowhere.
        """
        self.assertEqual(self.server.request("GET", THINGS).code, 404)

    def test_several_versions_scale_selectable_fields_and_columns(self) -> None:
        """
        All that a definition can say works for a kind that came later.
        """
        members = {
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
            },
            "selectableFields": [{"jsonPath": ".spec.color"}],
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        }
        self.define(
            definition(versions=[version(schema=SCHEMA, **members), version("v2", schema=SCHEMA, **members)])
        )
        self.thing("red", spec={"size": 3, "color": "red"})
        self.thing("blue", spec={"size": 4, "color": "blue"})
        scale = self.send("GET", f"{THINGS}/red/scale")
        self.assertEqual(scale["spec"], {"replicas": 3})
        found = self.send("GET", f"{THINGS}?fieldSelector=spec.color%3Dblue")["items"]
        self.assertEqual([one["metadata"]["name"] for one in found], ["blue"])
        other = self.send("GET", f"{THINGS.replace('/v1/', '/v2/')}/red")
        self.assertEqual(other["apiVersion"], f"{GROUP}/v2")
        table = self.server.request(
            "GET", THINGS, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        )
        self.assertEqual([row["cells"] for row in table.json()["rows"]], [["blue", 4], ["red", 3]])

    def test_another_process_serves_it_too(self) -> None:
        """
        It learns of the definition from the log.
        """
        other = InMemoryServer(KindRegistry.typed(), backend=self.server.backend, clock=self.server.clock)
        self.define()
        self.thing()
        self.assertEqual(other.request("GET", f"{THINGS}/one").code, 200)
        self.send("DELETE", f"{CRDS}/{NAME}")
        self.server.advance(5)
        self.assertEqual(other.request("GET", THINGS).code, 404)

    def test_a_new_process_serves_what_is_there(self) -> None:
        """
        As after a restart.
        """
        self.define()
        self.thing()
        self.server = InMemoryServer(KindRegistry.typed(), backend=self.server.backend)
        self.assertEqual(len(self.send("GET", THINGS)["items"]), 1)

    def test_built_in_kinds_stay(self) -> None:
        """
        A definition that has the names of one is accepted and not served; to delete it takes no object.
        """
        name = "leases.coordination.k8s.io"
        body = definition(
            plural="leases", kind="Lease", group="coordination.k8s.io", versions=[version(schema=SCHEMA)]
        )
        body["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved"}
        made = self.define(body)
        self.assertEqual(conditions(made)["Established"][0], "True")
        self.assertEqual(
            conditions(made)["KubernetesAPIApprovalPolicyConformant"], ("False", "UnapprovedAnnotation")
        )
        leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
        self.send("POST", leases, {**lease, "spec": {"holderIdentity": "me"}}, 201)
        self.send("DELETE", f"{CRDS}/{name}")
        self.server.advance(5)
        self.assertEqual(self.server.request("GET", f"{CRDS}/{name}").code, 404)
        self.send("GET", f"{leases}/l")


class FailingBackend(MemoryBackend):
    """
    Storage that cannot be reached for a while.

    @ivar failing: whether it cannot now.
    """

    failing = False

    async def current_revision(self) -> int:
        """
        As that of any storage.
        """
        if self.failing:
            raise Unavailable("the disk is on fire")
        return await super().current_revision()


class OutageTests(DefinitionTestCase):
    """
    Storage is away.
    """

    def test_what_is_known_is_still_told(self) -> None:
        """
        Discovery and OpenAPI do not need storage.
        """
        backend = FailingBackend()
        self.server = InMemoryServer(KindRegistry.typed(), backend=backend)
        self.define()
        backend.failing = True
        self.assertEqual(self.send("GET", f"/apis/{GROUP}/v1")["resources"][0]["name"], "things")
        self.send("GET", "/openapi/v3")
        self.assertEqual(self.server.request("GET", THINGS.replace("things", "others")).code, 404)


class NamingTests(DefinitionTestCase):
    """
    Two definitions of a group cannot have the same names.
    """

    def test_who_comes_later_has_to_wait(self) -> None:
        """
        Its conflict is told, it is not served, and it gets the names when they are free.
        """
        self.define()
        other = definition(
            plural="others", names={"plural": "others", "kind": "Thing", "shortNames": ["things"]}
        )
        made = self.define(other)
        wanted = {"NamesAccepted": ("False", "ListKindConflict"), "Established": ("False", "NotAccepted")}
        self.assertEqual(conditions(made), wanted)
        self.assertEqual(made["status"]["conditions"][0]["message"], '"ThingList" is already in use')
        self.assertEqual(made["status"]["acceptedNames"], {"plural": "others", "kind": ""})
        self.assertEqual(self.server.request("GET", THINGS.replace("things", "others")).code, 404)
        self.send("DELETE", f"{CRDS}/{NAME}")
        self.server.advance(5)
        freed = self.send("GET", f"{CRDS}/others.{GROUP}")
        self.assertEqual(conditions(freed)["Established"], ("True", "InitialNamesAccepted"))
        self.send("GET", THINGS.replace("things", "others"))

    def test_other_short_names_are_taken_over(self) -> None:
        """
        When they are free; the kind goes on being served.
        """
        self.define()
        path = f"{CRDS}/{NAME}"
        self.send("PATCH", path, {"spec": {"names": {"shortNames": ["th"]}}})
        self.server.settle()
        self.assertEqual(self.send("GET", path)["status"]["acceptedNames"]["shortNames"], ["th"])
        self.assertEqual(self.send("GET", f"/apis/{GROUP}/v1")["resources"][0]["shortNames"], ["th"])


class ChangeTests(DefinitionTestCase):
    """
    A definition that changes takes effect at once.
    """

    def setUp(self) -> None:
        """
        Define things.
        """
        super().setUp()
        self.define()
        self.path = f"{CRDS}/{NAME}"

    def change(self, code: int = 200, **spec: Any) -> dict[str, Any]:
        """
        Patch the spec and let it settle.
        """
        answer = self.send("PATCH", self.path, {"spec": spec}, code)
        self.server.settle()
        return answer

    def test_watches_of_a_changed_kind_end(self) -> None:
        """
        Contract 12.20: so that clients come back; other watches go on.
        """
        ours, namespaces = self.watch(), self.watch("/api/v1/namespaces")
        changed = {**SCHEMA, "properties": {**SCHEMA["properties"], "more": {"type": "string"}}}
        made = self.change(versions=[version(schema=changed)])
        self.assertEqual(made["metadata"]["generation"], 2)
        self.assertTrue(ours.stream and ours.stream.finished)
        self.assertFalse(namespaces.stream and namespaces.stream.finished)
        self.assertEqual(self.thing(more="x")["more"], "x")

    def test_watches_stay_when_the_spec_does(self) -> None:
        """
        Labels of a definition are nobody's business.
        """
        watch = self.watch()
        self.send("PATCH", self.path, {"metadata": {"labels": {"a": "b"}}})
        self.server.settle()
        self.assertFalse(watch.stream and watch.stream.finished)

    def test_versions_that_are_not_served_are_not_found(self) -> None:
        """
        Neither by path nor in discovery; objects stored in them are still served in others.
        """
        self.thing(spec={"size": 1})
        self.change(versions=[version(schema=SCHEMA, served=False), version("v2", schema=SCHEMA)])
        self.assertEqual(self.server.request("GET", THINGS).code, 404)
        self.assertEqual(self.server.request("GET", f"/apis/{GROUP}/v1").code, 404)
        self.send("GET", f"{THINGS.replace('/v1/', '/v2/')}/one")

    def test_older_objects_follow_the_schema(self) -> None:
        """
        What was stored before is pruned and gets defaults when it is read, by whatever verb,
        and can be in another version than objects are stored in now.
        """
        self.thing(spec={"size": 1, "color": "red"})
        spec = {"size": {"type": "integer"}, "shape": {"type": "string", "default": "round"}}
        schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
        stored = [version(schema=schema, storage=False), version("v2beta1", schema=schema, storage=True)]
        self.change(versions=stored)
        wanted = {"size": 1, "shape": "round"}
        for api in ("v1", "v2beta1"):
            path = THINGS.replace("/v1/", f"/{api}/")
            for found in (
                self.send("GET", f"{path}/one"),
                self.send("GET", path)["items"][0],
                self.watch(path).events()[0]["object"],
                self.send("PATCH", f"{path}/one?dryRun=All", {"metadata": {"labels": {"a": "b"}}}),
            ):
                self.assertEqual(found["spec"], wanted)
                self.assertEqual(found.get("apiVersion", f"{GROUP}/{api}"), f"{GROUP}/{api}")
        watch = self.watch()
        self.send("DELETE", f"{THINGS}/one")
        gone = watch.events()[-1]
        self.assertEqual((gone["type"], gone["object"]["apiVersion"]), ("DELETED", f"{GROUP}/v1"))

    def test_another_stored_version_is_remembered(self) -> None:
        """
        C{status.storedVersions} grows, and a version in it cannot be dropped from the spec.
        """
        stored = [version(schema=SCHEMA, storage=False), version("v2", schema=SCHEMA, storage=True)]
        self.assertEqual(self.change(versions=stored)["status"]["storedVersions"], ["v1", "v2"])
        message = self.change(422, versions=stored[1:])["message"]
        self.assertIn("status.storedVersions[0]: Invalid value", message)

    def test_what_cannot_change(self) -> None:
        """
        Scope and kind once it is established, group and plural never.
        """
        for spec, field in (
            ({"scope": "Cluster"}, "spec.scope"),
            ({"names": {"kind": "Other"}}, "spec.names.kind"),
            ({"names": {"plural": "others"}}, "spec.names.plural"),
            ({"group": "other.example.com"}, "spec.group"),
        ):
            self.assertIn(f"{field}: Invalid value", self.change(422, **spec)["message"])

    def test_status_is_written_apart(self) -> None:
        """
        The main resource keeps it; C{/status} changes nothing but it and the metadata.
        """
        before = self.send("GET", self.path)
        self.send("PATCH", self.path, {"status": {"storedVersions": ["v9"]}})
        self.assertEqual(self.send("GET", self.path)["status"], before["status"])
        patch = {"spec": {"scope": "Cluster"}, "status": {"observedGeneration": 4}}
        self.send("PATCH", f"{self.path}/status", patch)
        after = self.send("GET", self.path)
        self.assertEqual(after["spec"], before["spec"])
        self.assertEqual(after["status"]["observedGeneration"], 4)


class DeletionTests(DefinitionTestCase):
    """
    Contract 21.3: a definition goes when its objects have gone.
    """

    def setUp(self) -> None:
        """
        Define things.
        """
        super().setUp()
        self.define()
        self.path = f"{CRDS}/{NAME}"

    def test_its_objects_go_with_it(self) -> None:
        """
        Watches see them go and end; nothing is left of the kind.
        """
        self.thing()
        watch = self.watch()
        answer = self.send("DELETE", self.path)
        self.assertEqual(answer["metadata"]["finalizers"], [CLEANUP])
        self.assertEqual(conditions(answer)["Terminating"], ("True", "InstanceDeletionPending"))
        self.server.advance(5)
        self.assertEqual(watch.events()[-1]["type"], "DELETED")
        self.assertTrue(watch.stream and watch.stream.finished)
        self.assertEqual(self.server.request("GET", self.path).code, 404)
        self.assertEqual(self.server.request("GET", THINGS).code, 404)
        self.assertEqual(self.server.request("GET", f"/apis/{GROUP}").code, 404)
        self.define()
        self.assertEqual(self.send("GET", THINGS)["items"], [])

    def test_finalizers_of_objects_are_waited_for(self) -> None:
        """
        Meanwhile nothing can be created, and discovery says so.
        """
        self.send(
            "POST",
            THINGS,
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "Thing",
                "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
            },
            201,
        )
        self.send("DELETE", self.path)
        self.server.advance(3)
        made = self.send("GET", self.path)
        self.assertEqual(conditions(made)["Terminating"], ("True", "InstanceDeletionInProgress"))
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "late"}}
        message = self.send("POST", THINGS, body, 403)["message"]
        self.assertIn("create not allowed while custom resource definition is terminating", message)
        verbs = self.send("GET", f"/apis/{GROUP}/v1")["resources"][0]["verbs"]
        self.assertEqual(verbs, ["delete", "deletecollection", "get", "list", "watch"])
        watch = self.watch(CRDS)
        self.server.advance(70)
        told = {conditions(event["object"])["Terminating"][1] for event in watch.events()}
        self.assertIn("InstanceDeletionCheck", told)
        self.send("PATCH", f"{THINGS}/held", {"metadata": {"finalizers": None}})
        self.server.advance(10)
        self.assertEqual(self.server.request("GET", self.path).code, 404)

    def test_one_that_was_never_served_goes_at_once(self) -> None:
        """
        There can be no objects.
        """
        self.define(definition(plural="others", names={"plural": "others", "kind": "Thing"}))
        path = f"{CRDS}/others.{GROUP}"
        self.send("DELETE", path)
        self.server.advance(1)
        self.assertEqual(self.server.request("GET", path).code, 404)
        self.send("GET", THINGS)

    def test_deleted_in_dry_run_it_stays(self) -> None:
        """
        And is as it was.
        """
        before = self.send("GET", self.path)
        self.send("DELETE", f"{self.path}?dryRun=All")
        self.assertEqual(self.send("GET", self.path), before)
