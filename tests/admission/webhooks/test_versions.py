"""
Tests for L{ark.admission.versions} and L{ark.registry.equivalents}, by what webhooks are shown of
things that a conversion webhook converts.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.attributes import CREATE, Attributes, Subject
from ark.admission.versions import ChangingVersions, Versions
from ark.apis.loader import KindRegistry
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus
from ark.registry.equivalents import Equivalents
from ark.testing import InMemoryServer
from tests.admission.webhooks.support import AdmissionTestCase, FlushingAgent, allowed, patching
from tests.endpoints.test_conversion import GROUP, WEBHOOK, Hook, kinds

THINGS = f"/apis/{GROUP}/{{}}/namespaces/default/things"


class ConvertedTests(AdmissionTestCase):
    """
    A rule for another version of a kind is met by an object that is converted to it.  Contract 16.10.
    """

    conversion: dict[str, Any] = WEBHOOK

    def setUp(self) -> None:
        """
        Have a server with things in two versions.
        """
        super().setUp()
        self.converter = Hook()
        clock = self.server.clock
        self.server = InMemoryServer(
            kinds(self.conversion),
            clock=clock,
            admission_plugins=(*self.plugins, self.witness),
            webhook_agent=FlushingAgent(self.converter, clock),
        )

    def rules(self, *versions: str) -> list[dict[str, Any]]:
        """
        One for things of these versions, and all below them.
        """
        resources = ["things", "things/*"]
        return [
            {"operations": ["*"], "apiGroups": [GROUP], "apiVersions": list(versions), "resources": resources}
        ]

    def make(self, version: str, name: str = "t", **spec: Any) -> Any:
        """
        Create a thing.
        """
        thing = {
            "apiVersion": f"{GROUP}/{version}",
            "kind": "Thing",
            "metadata": {"name": name},
            "spec": spec,
        }
        return self.request("POST", THINGS.format(version), thing)

    def test_the_object_and_the_one_before_are_converted(self) -> None:
        """
        Kind and resource are those of the rule, and what was asked for is told beside.
        """
        self.hook("validating", "v", allowed, rules=self.rules("v2"))
        self.assertEqual(self.make("v1", host="a").code, 201)
        patch = {"spec": {"host": "b"}}
        merge = "application/merge-patch+json"
        answer = self.request("PATCH", f"{THINGS.format('v1')}/t", patch, content_type=merge)
        self.assertEqual(answer.code, 200, answer.body)
        created, updated = self.hooks.reviews("v")
        self.assertEqual(created["kind"], {"group": GROUP, "version": "v2", "kind": "Thing"})
        self.assertEqual(created["resource"], {"group": GROUP, "version": "v2", "resource": "things"})
        self.assertEqual(created["requestKind"], {"group": GROUP, "version": "v1", "kind": "Thing"})
        self.assertEqual(created["requestResource"], {"group": GROUP, "version": "v1", "resource": "things"})
        self.assertEqual(created["object"]["spec"], {"hostname": "a", "n": 3})
        self.assertEqual(updated["oldObject"]["spec"], {"hostname": "a", "n": 3})
        self.assertEqual(updated["object"]["spec"], {"hostname": "b", "n": 3})

    def test_what_is_changed_there_is_converted_back(self) -> None:
        """
        Also between webhooks that see it in different versions.
        """
        add = {"op": "add", "path": "/spec/hostname", "value": "b"}
        self.hook("mutating", "a", patching(add), rules=self.rules("v2"))
        self.hook("mutating", "b", allowed, rules=self.rules("v1"))
        drop = {"op": "remove", "path": "/spec/n"}
        self.hook("mutating", "c", patching(drop), rules=self.rules("v2"))
        made = self.make("v1", host="a", n=5)
        self.assertEqual(made.code, 201, made.body)
        self.assertEqual(made.json()["spec"], {"host": "b", "n": 3})
        self.assertEqual(self.hooks.reviews("b")[0]["object"]["spec"], {"host": "b", "n": 5})
        self.assertEqual(self.hooks.reviews("c")[0]["object"]["spec"], {"hostname": "b", "n": 5})

    def test_nobody_is_asked_to_convert_what_no_rule_wants(self) -> None:
        """
        Rules for the version itself come first, and those that are exact are about no other.
        """
        self.hook("validating", "a", allowed, rules=[*self.rules("v2"), *self.rules("v1")])
        self.hook("validating", "b", allowed, rules=self.rules("v2"), matchPolicy="Exact")
        self.assertEqual(self.make("v1", host="a").code, 201)
        self.assertEqual(self.converter.asked, [])
        self.assertEqual(self.hooks.reviews("a")[0]["object"]["spec"], {"host": "a", "n": 3})
        self.assertEqual(self.hooks.reviews("b"), [])

    def test_what_cannot_be_converted_is_not_written(self) -> None:
        """
        Whatever the failure policy is, in the words of kube-apiserver.
        """
        self.converter.refusal = "never"
        self.hook("validating", "v", allowed, rules=self.rules("v2"), failurePolicy="Ignore")
        who = f"conversion webhook for {GROUP}/v1, Kind=Thing failed: never"
        self.refused(self.make("v1", host="a"), 500, f"Internal error occurred: {who}")
        self.hook("mutating", "m", allowed, rules=self.rules("v2"), failurePolicy="Ignore")
        twice = f"Internal error occurred: Internal error occurred: {who}"
        self.refused(self.make("v1", host="a"), 500, twice)

    def test_a_patch_may_say_that_it_is_another_version(self) -> None:
        """
        Then it is converted back from that one.
        """
        told = {"op": "add", "path": "/apiVersion", "value": f"{GROUP}/v2"}
        add = {"op": "add", "path": "/spec", "value": {"hostname": "z"}}
        self.hook("mutating", "m", patching(told, add), rules=self.rules("v1"))
        made = self.make("v1", host="a")
        self.assertEqual(made.code, 201, made.body)
        self.assertEqual(made.json()["spec"], {"host": "z", "n": 3})


class RenamedTests(ConvertedTests):
    """
    The same where nobody is asked: only the name of the version changes.
    """

    conversion = {"strategy": "None"}

    def test_the_object_and_the_one_before_are_converted(self) -> None:
        """
        Nothing is dropped or filled in by that.
        """
        self.hook("validating", "v", allowed, rules=self.rules("v2"))
        self.assertEqual(self.make("v1", host="a").code, 201)
        (review,) = self.hooks.reviews("v")
        self.assertEqual(review["object"]["apiVersion"], f"{GROUP}/v2")
        self.assertEqual(review["object"]["spec"], {"host": "a", "n": 3})

    def test_what_is_changed_there_is_converted_back(self) -> None:
        """
        What the version that was asked for does not know is dropped.
        """
        add = {"op": "add", "path": "/spec/hostname", "value": "b"}
        self.hook("mutating", "a", patching(add), rules=self.rules("v2"))
        made = self.make("v1", host="a")
        self.assertEqual(made.json()["spec"], {"host": "a", "n": 3})

    def test_what_cannot_be_converted_is_not_written(self) -> None:
        """
        What says that it is of no version of the kind.
        """
        told = {"op": "add", "path": "/apiVersion", "value": f"{GROUP}/v9"}
        self.hook("mutating", "m", patching(told), rules=self.rules("v2"))
        wrong = f"request to convert CR from an invalid group/version: {GROUP}/v9"
        self.refused(self.make("v1", host="a"), 500, wrong)

    def test_a_patch_may_say_that_it_is_another_version(self) -> None:
        """
        Then it is renamed back.
        """
        told = {"op": "add", "path": "/apiVersion", "value": f"{GROUP}/v2"}
        self.hook("mutating", "m", patching(told), rules=self.rules("v1"))
        made = self.make("v1", host="a")
        self.assertEqual(made.code, 201, made.body)
        self.assertEqual(made.json()["apiVersion"], f"{GROUP}/v1")


class VersionsTests(SynchronousTestCase):
    """
    How often and when things are converted.
    """

    def attributes(self, subresource: str = "") -> Attributes:
        """
        A creation of version 1.
        """
        registry: KindRegistry = kinds({"strategy": "None"})
        kind = registry.get(GROUP, "v1", "things")
        assert kind is not None
        equivalents = Equivalents(kind, registry.versions_of(kind.resource))
        return Attributes(
            CREATE,
            GroupKind(GROUP, "Thing"),
            GroupResource(GROUP, "things"),
            "v1",
            "default",
            "t",
            {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {}},
            None,
            subresource,
            kind_version="v1",
            others=equivalents.others(subresource),
            conversion=equivalents,
        )

    def test_versions_without_a_subresource_do_not_count(self) -> None:
        """
        A rule for them is about something that is not there.
        """
        self.assertEqual(
            self.attributes("status").subject, Subject(CREATE, GROUP, "v1", "things", "status", ("v2",))
        )
        self.assertEqual(self.attributes("scale").others, ())

    def test_a_single_version_is_itself(self) -> None:
        """
        Nothing is made for it.
        """
        told = self.attributes("scale")
        self.assertIs(self.successResultOf(Deferred.fromCoroutine(Versions(told).of("v1"))), told)

    def test_each_version_is_made_once(self) -> None:
        """
        And stays as it was, whatever becomes of others.
        """
        versions = Versions(self.attributes())
        first = self.successResultOf(Deferred.fromCoroutine(versions.of("v2")))
        self.assertIs(self.successResultOf(Deferred.fromCoroutine(versions.of("v2"))), first)
        self.assertIs(versions.seen, versions.asked)
        self.assertEqual(first.object["apiVersion"], f"{GROUP}/v2")
        self.assertIs(first.asked, versions.asked)

    def test_changes_go_through_the_version_that_was_asked_for(self) -> None:
        """
        Unchanged, the object there stays as it is.
        """
        versions = ChangingVersions(self.attributes())
        before = versions.asked.object
        second = self.successResultOf(Deferred.fromCoroutine(versions.of("v2")))
        self.successResultOf(Deferred.fromCoroutine(versions.of("v1")))
        self.assertIs(versions.asked.object, before)
        second = self.successResultOf(Deferred.fromCoroutine(versions.of("v2")))
        second.object = {**second.object, "spec": {"n": 1}}
        versions.changed()
        first = self.successResultOf(Deferred.fromCoroutine(versions.of("v1")))
        self.assertEqual(first.object["spec"], {"n": 1})
        self.assertEqual(versions.asked.object, first.object)

    def test_no_version_of_the_kind(self) -> None:
        """
        What is of another group, or of no version that there is.
        """
        told = self.attributes()
        assert told.conversion is not None
        for said, message in (
            (f"{GROUP}/v9", f"request to convert CR from an invalid group/version: {GROUP}/v9"),
            (
                "apps/v1",
                f'apps/v1, Kind=X is unstructured and is not suitable for converting to "{GROUP}/v1"',
            ),
        ):
            obj = {"apiVersion": said, "kind": "X"}
            failure = self.failureResultOf(
                Deferred.fromCoroutine(told.conversion.convert(obj, "v2")), APIStatus
            )
            self.assertEqual(failure.value.message, message)
