"""
Tests for L{ark.registry.admitting}, and for when the ways of writing ask admission.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.apis.loader import KindRegistry
from ark.interfaces import IAdmissionPlugin
from ark.testing import InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase, registry
from tests.endpoints.test_apply import SCALED, scaled_manifest

MERGE = "application/merge-patch+json"

Change = Callable[[Attributes], Any]


def nothing(attributes: Attributes) -> None:
    """
    Leaves everything as it is.
    """


@implementer(IAdmissionPlugin)
class Recorder:
    """
    Remembers what it is told, and does what a test wants.

    @ivar seen: step, operation, subresource and name of all that it was asked about.
    """

    reads_managed_fields = True

    def __init__(self) -> None:
        self.change: Change = nothing
        self.judge: Change = nothing
        self.seen: list[tuple[str, str, str, str]] = []
        self.objects: list[Any] = []

    def handles(self, operation: str) -> bool:
        """
        All of them.
        """
        return True

    def _see(self, step: str, attributes: Attributes) -> None:
        if attributes.resource.group == GROUP:
            what = (step, attributes.operation, attributes.subresource, attributes.name)
            self.seen.append(what)
            self.objects.append((attributes.gvk.kind, attributes.object, attributes.old_object))

    async def admit(self, attributes: Attributes) -> None:
        """
        Change it.
        """
        self._see("admit", attributes)
        if attributes.resource.group == GROUP:
            self.change(attributes)

    async def validate(self, attributes: Attributes) -> None:
        """
        Judge it.
        """
        self._see("validate", attributes)
        if attributes.resource.group == GROUP:
            self.judge(attributes)


class AdmittingTestCase(ServerTestCase):
    """
    Has a server with a plug-in.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.plugin = Recorder()
        scaled = KindRegistry.from_manifests([scaled_manifest()]).kinds()
        kinds = KindRegistry([*registry().kinds(), *scaled])
        self.server = InMemoryServer(kinds, admission_plugins=[self.plugin])

    def steps(self) -> list[tuple[str, str, str, str]]:
        """
        What the plug-in was asked since the last call.
        """
        found, self.plugin.seen = self.plugin.seen, []
        self.plugin.objects.clear()
        return found


class WhenTests(AdmittingTestCase):
    """
    Every way to write asks admission, first to change and then to judge: contract 16.1.
    """

    def both(self, operation: str, below: str = "", name: str = "w") -> list[tuple[str, str, str, str]]:
        """
        Both steps of a write.
        """
        return [(step, operation, below, name) for step in ("admit", "validate")]

    def test_all_verbs(self) -> None:
        """
        Also dry runs, and each object of a collection.
        """
        created = self.create(color="red")
        self.assertEqual(self.steps(), self.both("CREATE"))
        self.request("PUT", f"{WIDGETS}/w", {**created, "spec": {"color": "blue"}})
        self.assertEqual(self.steps(), self.both("UPDATE"))
        self.request("PATCH", f"{WIDGETS}/w?dryRun=All", {"spec": {"size": 4}}, content_type=MERGE)
        self.assertEqual(self.steps(), self.both("UPDATE"))
        self.request("PATCH", f"{WIDGETS}/w/status", {"status": {"phase": "x"}}, content_type=MERGE)
        self.assertEqual(self.steps(), self.both("UPDATE", "status"))
        apply = {"content_type": "application/apply-patch+yaml"}
        self.request("PATCH", f"{WIDGETS}/new?fieldManager=m", self.widget("new"), **apply)
        self.assertEqual(self.steps(), self.both("CREATE", name="new"))
        self.request("PATCH", f"{WIDGETS}/new?fieldManager=m", self.widget("new", size=4), **apply)
        self.assertEqual(self.steps(), self.both("UPDATE", name="new"))
        self.request("DELETE", f"{WIDGETS}/w")
        self.assertEqual(self.steps(), self.both("DELETE"))
        self.create("other")
        self.steps()
        self.request("DELETE", WIDGETS)
        self.assertEqual(self.steps(), self.both("DELETE", name="") * 2)

    def test_what_is_changed_in_place_is_not_what_is_stored(self) -> None:
        """
        A plug-in may change any part of a patched object, also one that the patch is not about.
        """
        self.create(free={"a": {"b": 1}})

        def change(attributes: Attributes) -> None:
            assert attributes.object is not None
            attributes.object["spec"]["free"]["a"]["b"] = 2

        self.plugin.change = change
        answer = self.request(
            "PATCH", f"{WIDGETS}/w", {"metadata": {"labels": {"x": "y"}}}, content_type=MERGE
        )
        self.assertEqual(answer.json()["metadata"]["generation"], 2)
        self.assertEqual(self.plugin.objects[-1][2]["spec"]["free"], {"a": {"b": 1}})

    def test_what_is_refused_is_not_judged(self) -> None:
        """
        The schema comes between the two steps.
        """
        self.assertEqual(self.request("POST", WIDGETS, self.widget(color="mauve")).code, 422)
        self.assertEqual(self.steps(), [("admit", "CREATE", "", "w")])

    def test_a_name_that_is_generated(self) -> None:
        """
        It is not there at first; a name that is taken is made anew without changing the object again.
        """
        body = self.widget()
        body["metadata"] = {"generateName": "w-"}
        created = self.request("POST", WIDGETS, body).json()
        name = created["metadata"]["name"]
        self.assertEqual(self.steps(), [("admit", "CREATE", "", ""), ("validate", "CREATE", "", name)])

    def test_what_another_write_came_before_is_asked_again(self) -> None:
        """
        Contract 16.11: with the newer object.

        Contract 16.11.
        """
        self.create(color="red")
        self.steps()
        store = self.server.application.stores.get(GROUP, "v1", "widgets")
        assert store is not None
        sizes: list[int] = []

        def meddle(attributes: Attributes) -> None:
            assert attributes.old_object is not None
            sizes.append(attributes.old_object["spec"]["size"])
            if len(sizes) == 1:
                self.plugin.judge = nothing
                self.request("PATCH", f"{WIDGETS}/w", {"spec": {"size": 7}}, content_type=MERGE)
                self.plugin.judge = meddle

        self.plugin.judge = meddle
        answer = self.request("PATCH", f"{WIDGETS}/w", {"spec": {"color": "blue"}}, content_type=MERGE)
        self.assertEqual(answer.json()["spec"], {"color": "blue", "size": 7})
        self.assertEqual(sizes, [3, 7])


class ChangeTests(AdmittingTestCase):
    """
    What plug-ins may make of objects.
    """

    def changed(self, **members: Any) -> Change:
        """
        Sets members of the object, and says so.
        """

        def change(attributes: Attributes) -> None:
            assert attributes.object is not None
            attributes.object = {**attributes.object, **members}
            attributes.default(attributes.object)
            attributes.settle(attributes.object)

        return change

    def test_what_the_kind_does_not_know_is_dropped_last(self) -> None:
        """
        Others may still see it.
        """
        self.plugin.change = self.changed(spec={"odd": 1}, other=2)
        created = self.create()
        self.assertEqual(created["spec"], {"size": 3})
        self.assertNotIn("other", created)

    def test_objects_of_other_versions(self) -> None:
        """
        They cannot be stored here.
        """
        for version, told in (
            (f"{GROUP}/v9", f"request to convert CR from an invalid group/version: {GROUP}/v9"),
            (
                "v1",
                f'/v1, Kind=Widget is unstructured and is not suitable for converting to "{GROUP}/v1"',
            ),
        ):
            self.plugin.change = self.changed(apiVersion=version)
            answer = self.request("POST", WIDGETS, self.widget())
            self.assertEqual((answer.code, answer.json()["message"]), (500, told))

    def test_metadata_that_cannot_be(self) -> None:
        """
        It is left out.
        """
        metadata = {"name": "w", "namespace": "default", "labels": {"a": 1}, "annotations": {"b": "c"}}
        self.plugin.change = self.changed(metadata=metadata)
        created = self.create()
        self.assertEqual(created["metadata"]["annotations"], {"b": "c"})
        self.assertNotIn("labels", created["metadata"])

    def test_another_namespace(self) -> None:
        """
        A plug-in cannot move an object.
        """
        self.plugin.change = self.changed(metadata={"name": "w", "namespace": "other"})
        self.status(self.request("POST", WIDGETS, self.widget()), 400, "BadRequest")

    def test_owners_that_are_there_twice(self) -> None:
        """
        One is taken out, with a warning.
        """
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
        self.plugin.change = self.changed(metadata={"name": "w", "ownerReferences": [owner, owner]})
        answer = self.request("POST", WIDGETS, self.widget())
        self.assertEqual(answer.json()["metadata"]["ownerReferences"], [owner])
        (warning,) = (value for name, value in answer.headers if name == b"warning")
        self.assertIn(b"contains duplicate entries after mutating admission happens", warning)


class ScaleTests(AdmittingTestCase):
    """
    A write to C{/scale} is one of a scale.
    """

    def test_scales_are_shown_and_may_be_changed(self) -> None:
        """
        With who set how many.
        """
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Scaled",
            "metadata": {"name": "s"},
            "spec": {"replicas": 1},
        }
        self.assertEqual(self.request("POST", SCALED, body).code, 201)
        self.plugin.objects.clear()

        def more(attributes: Attributes) -> None:
            assert attributes.object is not None
            attributes.object = {**attributes.object, "spec": {"replicas": 9}, "odd": 1}
            attributes.settle(attributes.object)

        self.plugin.change = more
        answer = self.request("PATCH", f"{SCALED}/s/scale", {"spec": {"replicas": 2}}, content_type=MERGE)
        self.assertEqual(answer.json()["spec"], {"replicas": 9})
        (first, new, old), (second, stored, was) = self.plugin.objects
        self.assertEqual((first, second), ("Scale", "Scale"))
        self.assertEqual((new["spec"], old["spec"]), ({"replicas": 2}, {"replicas": 1}))
        self.assertEqual((stored["spec"], was["spec"]), ({"replicas": 9}, {"replicas": 1}))
        self.assertEqual([entry["operation"] for entry in old["metadata"]["managedFields"]], ["Update"])
        self.plugin.change = nothing
        self.assertEqual(self.request("GET", f"{SCALED}/s").json()["spec"]["replicas"], 9)

    def test_scales_that_are_none(self) -> None:
        """
        A count has to be a number.
        """
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Scaled",
            "metadata": {"name": "s"},
            "spec": {"replicas": 1},
        }
        self.request("POST", SCALED, body)

        def odd(attributes: Attributes) -> None:
            attributes.object = {"metadata": {"name": "s"}, "spec": {"replicas": "x"}}
            attributes.settle(attributes.object)

        self.plugin.change = odd
        answer = self.request("PATCH", f"{SCALED}/s/scale", {"spec": {"replicas": 2}}, content_type=MERGE)
        told = "unable to convert unstructured object to autoscaling/v1, Kind=Scale: unrecognized type: int32"
        self.assertEqual((answer.code, answer.json()["message"]), (500, told))


class WaitingTests(AdmittingTestCase):
    """
    Plug-ins that take time.
    """

    def test_nobody_waits_for_ever(self) -> None:
        """
        What is under way is cancelled when the request's time is up.
        """
        cancelled: list[bool] = []
        waiting: Deferred[None] = Deferred(lambda _: cancelled.append(True))

        async def wait(attributes: Attributes) -> None:
            await waiting

        self.plugin.admit = wait  # type: ignore[method-assign]
        answer = self.request("POST", WIDGETS, self.widget())
        self.assertEqual(answer.code, 0)
        self.server.advance(61)
        self.assertEqual((answer.code, cancelled), (504, [True]))
