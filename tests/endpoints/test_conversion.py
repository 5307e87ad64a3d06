"""
Several versions of one resource: converted by nobody, or by a webhook (contract 21.3).
"""

from __future__ import annotations

from typing import Any

import orjson
from treq.testing import RequestTraversalAgent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from ark.apis.loader import KindRegistry
from ark.testing import Answer, InMemoryServer

GROUP = "conv.example.com"
WHO = f"conversion webhook for {GROUP}/v1, Kind=Thing"
MERGE = "application/merge-patch+json"


def version(
    name: str, member: str, stored: str, defaults: dict[str, int] | None = None, nullable: bool = False
) -> dict[str, Any]:
    """
    A version whose C{spec} has a member of its own, and C{a} and C{b} as all have.
    """
    numbers: dict[str, Any] = {one: {"type": "integer"} for one in ("a", "b", "n")}
    for one, default in {"n": 3, **(defaults or {})}.items():
        numbers[one] = {"type": "integer", "default": default}
    numbers["b"]["nullable"] = nullable
    spec = {"type": "object", "default": {}, "properties": {member: {"type": "string"}, **numbers}}
    status = {"type": "object", "properties": {"x": {"type": "integer"}}}
    return {
        "name": name,
        "served": True,
        "storage": name == stored,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": f".spec.{member}"}, {"jsonPath": ".spec.a"}],
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
    }


def kinds(
    conversion: dict[str, Any],
    stored: str = "v1",
    defaults: dict[str, dict[str, int]] | None = None,
    nullable: str = "",
) -> KindRegistry:
    """
    The shipped kinds, and things in two versions.

    @param defaults: more of them, by version.
    @param nullable: the version in which C{b} may be null.
    """
    of = (defaults or {}).get
    names = {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"}
    manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "conversion": conversion,
            "versions": [
                version("v1", "host", stored, of("v1"), nullable == "v1"),
                version("v2", "hostname", stored, of("v2")),
            ],
        },
    }
    return KindRegistry([*KindRegistry.load().kinds(), *KindRegistry.from_manifests([manifest]).kinds()])


WEBHOOK = {
    "strategy": "Webhook",
    "webhook": {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://hook.example.com/convert"},
    },
}


class Hook(Resource):
    """
    Calls C{host} C{hostname} in version 2.

    @ivar asked: the desired version and the number of objects of each review.
    @ivar refusal: what it says instead of converting.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, int]] = []
        self.refusal = ""

    def render_POST(self, request: Any) -> bytes:
        """
        Answer a review.
        """
        review = orjson.loads(request.content.read())
        asked = review["request"]
        wanted = asked["desiredAPIVersion"]
        self.asked.append((wanted.partition("/")[2], len(asked["objects"])))
        response = {"uid": asked["uid"], "result": {"status": "Success"}}
        if self.refusal:
            response["result"] = {"status": "Failure", "message": self.refusal}
        else:
            response["convertedObjects"] = [self.converted(obj, wanted) for obj in asked["objects"]]
        return orjson.dumps({**review, "response": response})

    def converted(self, obj: dict[str, Any], wanted: str) -> dict[str, Any]:
        """
        An object in the version that is wanted.
        """
        new, old = ("hostname", "host") if wanted.endswith("v2") else ("host", "hostname")
        spec = {new if name == old else name: value for name, value in (obj.get("spec") or {}).items()}
        labels = {**(obj["metadata"].get("labels") or {}), "asked": new}
        return {**obj, "apiVersion": wanted, "spec": spec, "metadata": {**obj["metadata"], "labels": labels}}


class ConversionTestCase(SynchronousTestCase):
    """
    Has a server with things in two versions.
    """

    conversion: dict[str, Any] = WEBHOOK

    def setUp(self) -> None:
        """
        Start it.
        """
        self.hook = Hook()
        self.agent = RequestTraversalAgent(self.hook)
        self.server = InMemoryServer(kinds(self.conversion), webhook_agent=self.agent)

    def settle(self) -> None:
        """
        Let all happen that needs no time.
        """
        for _ in range(20):
            self.agent.flush()
            self.server.settle()

    def ask(self, method: str, version: str, rest: str = "", body: Any = None, **headers: str) -> Answer:
        """
        Make a request for things in a version.
        """
        path, _, query = rest.partition("?")
        target = f"/apis/{GROUP}/{version}/namespaces/default/things{path}" + (f"?{query}" if query else "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.server.request(method, target, body, named)
        self.settle()
        return answer

    def thing(self, version: str, name: str, **spec: Any) -> dict[str, Any]:
        """
        A thing as a client sends it.
        """
        return {
            "apiVersion": f"{GROUP}/{version}",
            "kind": "Thing",
            "metadata": {"name": name},
            "spec": spec,
        }

    def create(self, version: str = "v2", name: str = "t", **spec: Any) -> dict[str, Any]:
        """
        Make a thing.
        """
        answer = self.ask("POST", version, "", self.thing(version, name, **spec))
        self.assertEqual(answer.code, 201, answer.body)
        self.hook.asked.clear()
        made: dict[str, Any] = answer.json()
        return made

    def spec(self, version: str, name: str = "t") -> dict[str, Any]:
        """
        The C{spec} of a thing in a version.
        """
        answer = self.ask("GET", version, f"/{name}")
        self.assertEqual(answer.code, 200, answer.body)
        obj = answer.json()
        self.assertEqual(obj["apiVersion"], f"{GROUP}/{version}")
        spec: dict[str, Any] = obj["spec"]
        return spec


class WebhookTests(ConversionTestCase):
    """
    A webhook says what an object is in another version.
    """

    def test_every_version_shows_the_object_in_its_own_way(self) -> None:
        """
        It is stored in one.
        """
        made = self.create(hostname="h")
        self.assertEqual(made["spec"], {"hostname": "h", "n": 3})
        self.assertEqual(self.spec("v2"), {"hostname": "h", "n": 3})
        self.assertEqual(self.hook.asked, [])
        self.assertEqual(self.spec("v1"), {"host": "h", "n": 3})
        self.assertEqual(self.hook.asked, [])

    def test_the_stored_version_asks_nobody(self) -> None:
        """
        Neither when it is written nor when it is read.
        """
        thing = self.thing("v1", "t", host="h")
        self.assertEqual(self.ask("POST", "v1", "", thing).code, 201)
        self.assertEqual(self.ask("GET", "v1").json()["items"][0]["spec"], {"host": "h", "n": 3})
        self.assertEqual(self.hook.asked, [])

    def test_what_was_asked_once_is_known(self) -> None:
        """
        To whoever reads the same object in the same version.
        """
        self.create("v1", host="h")
        for _ in range(3):
            self.assertEqual(self.spec("v2"), {"hostname": "h", "n": 3})
        self.assertEqual(self.hook.asked, [("v2", 1)])

    def test_changes_are_made_in_the_clients_version(self) -> None:
        """
        Patches, replacements and status.
        """
        self.create("v1", host="h")
        patched = self.ask("PATCH", "v2", "/t", {"spec": {"hostname": "other"}}, content_type=MERGE).json()
        self.assertEqual(patched["spec"], {"hostname": "other", "n": 3})
        self.assertEqual(self.spec("v1"), {"host": "other", "n": 3})
        patched["spec"]["n"] = 4
        self.assertEqual(self.ask("PUT", "v2", "/t", patched).json()["spec"], {"hostname": "other", "n": 4})
        status = self.ask("PATCH", "v2", "/t/status", {"status": {"x": 1}}, content_type=MERGE)
        self.assertEqual((status.code, status.json()["status"]), (200, {"x": 1}))
        self.assertEqual(self.spec("v1"), {"host": "other", "n": 4})

    def test_lists_are_converted_together(self) -> None:
        """
        And their fields and labels selected by afterwards.
        """
        for name in ("a", "b", "c"):
            self.create("v1", name, host=name)
        items = self.ask("GET", "v2").json()["items"]
        self.assertEqual([item["spec"]["hostname"] for item in items], ["a", "b", "c"])
        self.assertEqual(self.hook.asked, [("v2", 3)])
        items = self.ask("GET", "v2", "?fieldSelector=spec.hostname%3Db").json()["items"]
        self.assertEqual([item["metadata"]["name"] for item in items], ["b"])
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        self.assertEqual(len(self.ask("GET", "v2", accept=table).json()["rows"]), 3)
        self.assertEqual(self.hook.asked, [("v2", 3)])

    def test_metadata_come_from_the_webhook_too(self) -> None:
        """
        It may change labels.
        """
        self.create("v1", host="h")
        partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        shown = self.ask("GET", "v2", "/t", accept=partial).json()
        self.assertEqual(shown["metadata"]["labels"], {"asked": "hostname"})

    def test_deletions_show_the_object_in_the_clients_version(self) -> None:
        """
        One that stays, and a whole collection.
        """
        self.create("v1", host="h")
        finalizers = {"metadata": {"finalizers": ["a.b/c"]}}
        self.ask("PATCH", "v1", "/t", finalizers, content_type=MERGE)
        self.assertEqual(self.ask("DELETE", "v2", "/t").json()["spec"], {"hostname": "h", "n": 3})
        self.ask("PATCH", "v2", "/t", {"metadata": {"finalizers": None}}, content_type=MERGE)
        self.create("v1", "u", host="h")
        deleted = self.ask("DELETE", "v2").json()["items"]
        self.assertEqual([item["spec"] for item in deleted], [{"hostname": "h", "n": 3}])
        self.assertEqual(self.ask("GET", "v1").json()["items"], [])

    def test_a_webhook_that_fails_fails_the_request(self) -> None:
        """
        With its words (the same as kube-apiserver's), and nothing is written.
        """
        self.create("v1", host="h")
        self.hook.refusal = "I will not"
        for answer, source in (
            (self.ask("GET", "v2", "/t"), "v1"),
            (self.ask("GET", "v2"), "v1"),
            (self.ask("DELETE", "v2", "/t"), "v1"),
            (self.ask("PATCH", "v2", "/t", {}, content_type=MERGE), "v1"),
        ):
            status = answer.json()
            wanted = f"conversion webhook for {GROUP}/{source}, Kind=Thing failed: I will not"
            self.assertEqual((answer.code, status.get("reason"), status["message"]), (500, None, wanted))
        thing = {"apiVersion": f"{GROUP}/v2", "kind": "Thing", "metadata": {"name": "n"}, "spec": {}}
        answer = self.ask("POST", "v2", "", thing)
        self.assertEqual(answer.json()["message"], WHO.replace("v1", "v2") + " failed: I will not")
        self.assertEqual(len(self.ask("GET", "v1").json()["items"]), 1)

    def test_a_service_that_is_not_there(self) -> None:
        """
        Cannot be asked.
        """
        service = {"clientConfig": {"service": {"namespace": "default", "name": "hook"}}}
        spec = {**WEBHOOK, "webhook": {"conversionReviewVersions": ["v1"], **service}}
        self.server = InMemoryServer(kinds(spec))
        self.create("v1", host="h")
        told = 'failed: Post "https://hook.default.svc:443/?timeout=30s": service "hook" not found'
        self.assertEqual(self.ask("GET", "v2", "/t").json()["message"], f"{WHO} {told}")


class WatchTests(ConversionTestCase):
    """
    Watches wait for the webhook.
    """

    def watch(self, version: str, query: str = "") -> Answer:
        """
        Start a watch.
        """
        return self.ask("GET", version, f"?watch=1{query}")

    def seen(self, answer: Answer) -> list[tuple[str, Any]]:
        """
        What a watch was told: types and hosts.
        """
        return [
            (event["type"], (event["object"].get("spec") or {}).get("hostname")) for event in answer.events()
        ]

    def test_events_are_converted_once_for_all(self) -> None:
        """
        Whoever watches the same version is sent the same.
        """
        self.create("v1", "old", host="old")
        watches = [self.watch("v2"), self.watch("v2"), self.watch("v2", "&labelSelector=asked%21%3Dx")]
        plain = self.watch("v1")
        self.hook.asked.clear()
        self.create("v1", "t", host="h")
        self.ask("PATCH", "v1", "/t", {"spec": {"host": "i"}}, content_type=MERGE)
        self.ask("DELETE", "v1", "/t")
        self.settle()
        for answer in watches:
            events = [("ADDED", "old"), ("ADDED", "h"), ("MODIFIED", "i"), ("DELETED", "i")]
            self.assertEqual(self.seen(answer), events)
        self.assertEqual(
            [event["type"] for event in plain.events()], ["ADDED", "ADDED", "MODIFIED", "DELETED"]
        )
        self.assertLessEqual(len(self.hook.asked), 3)

    def test_fields_are_those_of_the_version(self) -> None:
        """
        What leaves the selection goes as it was.
        """
        answer = self.watch("v2", "&fieldSelector=spec.hostname%3Dh")
        self.create("v1", host="h")
        self.ask("PATCH", "v1", "/t", {"spec": {"host": "i"}}, content_type=MERGE)
        self.ask("PATCH", "v1", "/t", {"spec": {"n": 7}}, content_type=MERGE)
        self.ask("PATCH", "v1", "/t", {"spec": {"host": "h"}}, content_type=MERGE)
        self.settle()
        self.assertEqual(self.seen(answer), [("ADDED", "h"), ("DELETED", "h"), ("ADDED", "h")])

    def test_a_webhook_that_fails_ends_the_watch(self) -> None:
        """
        With an error that says why.
        """
        answer = self.watch("v2")
        self.hook.refusal = "I will not"
        thing = self.thing("v1", "t", host="h")
        self.ask("POST", "v1", "", thing)
        (event,) = answer.events()
        self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 500))
        self.assertEqual(event["object"]["message"], f"{WHO} failed: I will not")
        assert answer.stream is not None
        self.assertTrue(answer.stream.finished)


class NoneTests(ConversionTestCase):
    """
    Nobody converts: what a version does not declare is gone.
    """

    conversion = {"strategy": "None"}

    def test_members_that_a_version_lacks_are_dropped(self) -> None:
        """
        Others are the same in all.
        """
        self.create("v1", host="h", n=5)
        self.assertEqual(self.spec("v2"), {"n": 5})
        self.ask("PATCH", "v2", "/t", {"spec": {"n": 6}}, content_type=MERGE)
        self.assertEqual(self.spec("v1"), {"n": 6})

    def test_nulls_that_a_version_does_not_allow_are_dropped(self) -> None:
        """
        Whoever reads the object in another version may see them.
        """
        self.server.application.stores.serve(kinds(self.conversion, nullable="v1"))
        self.create("v1", b=None)
        self.assertEqual(self.spec("v1"), {"b": None, "n": 3})
        self.assertEqual(self.spec("v2"), {"n": 3})

    def test_objects_that_were_stored_in_another_version(self) -> None:
        """
        Are read, listed, watched, changed and deleted as the version asked for has them.
        """
        for name in ("t", "u"):
            self.create("v1", name, host="h", n=5)
        self.server.application.stores.serve(kinds(self.conversion, stored="v2"))
        self.assertEqual(self.spec("v2"), {"n": 5})
        watched = self.ask("GET", "v2", "?watch=1")
        for version in ("v1", "v2"):
            items = self.ask("GET", version).json()["items"]
            self.assertEqual([item["apiVersion"] for item in items], [f"{GROUP}/{version}"] * 2)
        patched = self.ask("PATCH", "v2", "/t", {"spec": {"n": 6}}, content_type=MERGE).json()
        self.assertEqual((patched["apiVersion"], patched["spec"]), (f"{GROUP}/v2", {"n": 6}))
        self.assertEqual(self.ask("DELETE", "v2", "/u").code, 200)
        events = [(event["type"], event["object"]["apiVersion"]) for event in watched.events()]
        kinds_of_events = ["ADDED", "ADDED", "MODIFIED", "DELETED"]
        self.assertEqual(events, [(kind, f"{GROUP}/v2") for kind in kinds_of_events])

    def test_defaults_are_those_of_the_version_that_is_stored(self) -> None:
        """
        Those of the version that is asked for are for what clients send.
        """
        self.server.application.stores.serve(
            kinds(self.conversion, defaults={"v1": {"a": 1}, "v2": {"b": 2}})
        )
        made = self.ask("POST", "v2", "", self.thing("v2", "t")).json()
        self.assertEqual(made["spec"], {"a": 1, "b": 2, "n": 3})
        self.assertEqual(self.spec("v1"), {"a": 1, "b": 2, "n": 3})
        self.create("v1", "u")
        self.assertEqual(self.spec("v2", "u"), {"a": 1, "n": 3})
        patch = {"metadata": {"labels": {"a": "b"}}}
        tried = self.ask("PATCH", "v2", "/u?dryRun=All", patch, content_type=MERGE).json()
        self.assertEqual(tried["spec"], {"a": 1, "b": 2, "n": 3})

    def test_fields_are_selected_as_they_are_shown(self) -> None:
        """
        With the defaults that they have by now.
        """
        self.create("v1")
        self.server.application.stores.serve(kinds(self.conversion, defaults={"v1": {"a": 1}}))
        items = self.ask("GET", "v2", "?fieldSelector=spec.a%3D1").json()["items"]
        self.assertEqual([item["spec"] for item in items], [{"a": 1, "n": 3}])

    def test_writing_the_same_again_moves_an_object_to_the_stored_version(self) -> None:
        """
        That is how clients move them (C{GuaranteedUpdate} in C{storage/etcd3/store.go} compares what is stored).
        """
        self.create("v1", n=5)
        self.server.application.stores.serve(kinds(self.conversion, stored="v2"))
        found = [self.ask("GET", "v1", "/t").json()]
        for _ in range(2):
            found.append(self.ask("PUT", "v1", "/t", found[-1]).json())
        revisions = [one["metadata"]["resourceVersion"] for one in found]
        self.assertNotEqual(revisions[0], revisions[1])
        self.assertEqual(revisions[1], revisions[2])
        self.assertEqual(found[1]["metadata"]["generation"], 1)
