"""
Tests of L{ark.controllers.namespaces} and L{ark.controllers.reflector}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.controllers.namespaces import AFTERMATH, FIRST_RETRY, LAST_RETRY, PAGE, NamespaceController
from ark.controllers.reflector import AGAIN_SECONDS, WATCH_SECONDS, Reflector
from ark.meta.records import ADDED, Body, Change, Key
from ark.registry.store import WriteContext
from ark.storage.errors import Unavailable
from ark.testing import EPOCH, InMemoryServer


def configmap(name: str, **metadata: Any) -> dict[str, Any]:
    """
    Some content.
    """
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


class NamespaceTests(SynchronousTestCase):
    """
    Contract 21.1 and 21.4: a server with a namespace that has content.
    """

    registry = KindRegistry.load()

    def setUp(self) -> None:
        """
        A namespace, a controller, and the watch that tells it.
        """
        self.server = InMemoryServer(self.registry)
        stores = self.server.application.stores
        clock = self.server.clock
        self.controller = NamespaceController(stores, clock, lambda: EPOCH + clock.seconds())
        self.reflector = Reflector("namespaces", self.controller.observe, self.server.cacher, clock)
        self.reflector.start()
        self.server.settle()
        self.server.create_namespace("work")
        self.addCleanup(self.reflector.stop)
        self.addCleanup(self.controller.stop)

    def put(self, name: str, **metadata: Any) -> None:
        """
        Put something into the namespace.
        """
        answer = self.server.request(
            "POST", "/api/v1/namespaces/work/configmaps", configmap(name, **metadata)
        )
        self.assertEqual(answer.code, 201, answer.body)

    def delete(self) -> None:
        """
        Delete the namespace, and let happen what needs no time.
        """
        self.assertEqual(self.server.request("DELETE", "/api/v1/namespaces/work").code, 200)
        self.server.settle()

    def advance(self, seconds: float) -> None:
        """
        Let time pass, in small steps.
        """
        for _ in range(round(seconds / 0.1)):
            self.server.clock.advance(0.1)
            self.server.settle()

    def namespace(self) -> dict[str, Any]:
        """
        The namespace, or the failure to get it.
        """
        found: dict[str, Any] = self.server.request("GET", "/api/v1/namespaces/work").json()
        return found

    def names(self) -> list[str]:
        """
        What is in the namespace.
        """
        items = self.server.request("GET", "/api/v1/namespaces/work/configmaps").json()["items"]
        return [item["metadata"]["name"] for item in items]

    def test_empty_namespace_goes_at_once(self) -> None:
        """
        Without waiting for a timer.
        """
        self.delete()
        self.assertEqual(self.namespace()["code"], 404)

    def test_content_goes_first(self) -> None:
        """
        All of it, also more than a page, and only that of the namespace.
        """
        for number in range(PAGE + 5):
            self.put(f"c-{number:04}")
        other = self.server.request("POST", "/api/v1/namespaces/default/configmaps", configmap("kept"))
        self.assertEqual(other.code, 201)
        self.delete()
        self.assertEqual(self.namespace()["code"], 404)
        self.assertEqual(self.names(), [])
        kept = self.server.request("GET", "/api/v1/namespaces/default/configmaps/kept")
        self.assertEqual(kept.code, 200)

    def test_finalizers_are_waited_for(self) -> None:
        """
        The namespace stays, tells what holds it, and goes soon after that has gone.
        """
        self.put("free")
        self.put("held", finalizers=["example.com/mine"])
        self.delete()
        self.advance(1)
        self.assertEqual(self.names(), ["held"])
        status = self.namespace()["status"]
        self.assertEqual(status["phase"], "Terminating")
        by_type = {condition["type"]: condition for condition in status["conditions"]}
        self.assertIn("configmaps. has 1 resource", by_type["NamespaceContentRemaining"]["message"])
        self.assertIn("example.com/mine in 1", by_type["NamespaceFinalizersRemaining"]["message"])
        patched = self.server.request(
            "PATCH",
            "/api/v1/namespaces/work/configmaps/held",
            {"metadata": {"finalizers": None}},
            {"content-type": "application/merge-patch+json"},
        )
        self.assertEqual(patched.code, 200)
        self.advance(2 * FIRST_RETRY)
        self.assertEqual(self.namespace()["code"], 404)

    def test_phase_stays_terminating(self) -> None:
        """
        Whatever somebody writes into the status.
        """
        self.put("held", finalizers=["example.com/mine"])
        self.delete()
        self.advance(1)
        status = self.namespace()
        status["status"]["phase"] = "Active"
        status["metadata"].pop("resourceVersion")
        answer = self.server.request("PUT", "/api/v1/namespaces/work/status", status)
        self.assertEqual(answer.code, 200, answer.body)
        self.advance(LAST_RETRY)
        self.assertEqual(self.namespace()["status"]["phase"], "Terminating")

    def test_other_finalizers_of_the_namespace_keep_it(self) -> None:
        """
        Empty, and saying so.
        """
        store = self.server.application.stores.of_resource("namespaces")
        assert store is not None

        def with_another(old: Any) -> dict[str, Any]:
            return {**old, "spec": {"finalizers": ["kubernetes", "example.com/mine"]}}

        self.server._run(store.update("", "work", with_another, WriteContext(), "finalize"))
        self.put("content")
        self.delete()
        found = self.namespace()
        self.assertEqual(found["spec"]["finalizers"], ["example.com/mine"])
        self.assertEqual({one["status"] for one in found["status"]["conditions"]}, {"False"})
        self.assertEqual(self.names(), [])

    def test_kind_that_fails_does_not_keep_others(self) -> None:
        """
        The namespace tells which one it was, and goes when that works again.
        """
        self.put("content")
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        self.assertEqual(self.server.request("POST", "/api/v1/namespaces/work/secrets", secret).code, 201)
        store = self.server.application.stores.of_resource("secrets")
        assert store is not None

        async def fail(*arguments: Any) -> Any:
            raise Unavailable("the disk is busy")

        self.patch(store, "delete", fail)
        self.delete()
        self.advance(1)
        self.assertEqual(self.names(), [])
        by_type = {one["type"]: one for one in self.namespace()["status"]["conditions"]}
        failure = by_type["NamespaceDeletionContentFailure"]
        self.assertEqual((failure["status"], failure["reason"]), ("True", "ContentDeletionFailed"))
        self.assertIn("secrets: the disk is busy", failure["message"])
        del store.delete
        self.advance(LAST_RETRY)
        self.assertEqual(self.namespace()["code"], 404)

    def test_waiting_writes_nothing(self) -> None:
        """
        Looking again is not a change: watches are not woken by it.
        """
        self.put("held", finalizers=["example.com/mine"])
        self.delete()
        self.advance(1)
        before = self.namespace()["metadata"]["resourceVersion"]
        self.advance(60)
        self.assertEqual(self.namespace()["metadata"]["resourceVersion"], before)

    def test_late_write_is_cleaned_up(self) -> None:
        """
        One that was admitted while the namespace lived and committed after it had gone.
        """
        self.delete()
        body = Body(
            b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"resourceVersion":"',
            b'","name":"late","namespace":"work","uid":"u-1","creationTimestamp":"2026-01-01T00:00:00Z"}}',
        )
        late = Change(Key("configmaps", "work", "late"), 0, ADDED, body, b"", "u-1")
        self.server._run(self.server.cacher.commit(late))
        self.assertEqual(self.names(), ["late"])
        self.advance(AFTERMATH + 0.1)
        self.assertEqual(self.names(), [])

    def test_namespace_of_the_same_name_keeps_its_content(self) -> None:
        """
        The cleaning up is for the one that went.
        """
        self.delete()
        self.server.create_namespace("work")
        self.put("mine")
        self.advance(AFTERMATH + 0.1)
        self.assertEqual(self.names(), ["mine"])

    def test_namespace_that_is_made_and_deleted_again_goes_again(self) -> None:
        """
        Also while the first one is still being cleaned up.
        """
        for _ in range(3):
            self.put("content")
            self.delete()
            self.assertEqual(self.namespace()["code"], 404)
            self.server.create_namespace("work")

    def test_namespace_that_somebody_else_let_go_may_come_again(self) -> None:
        """
        What waits for the old one's finalizers does not touch the new one.
        """
        self.put("held", finalizers=["example.com/mine"])
        self.delete()
        self.advance(1)
        store = self.server.application.stores.of_resource("namespaces")
        assert store is not None

        def finalized(old: Any) -> dict[str, Any]:
            return {**old, "spec": {"finalizers": []}}

        self.server._run(store.update("", "work", finalized, WriteContext(), "finalize"))
        self.assertEqual(self.namespace()["code"], 404)
        self.server.create_namespace("work")
        self.put("mine")
        self.advance(30)
        self.assertIn("mine", self.names())

    def test_work_is_taken_up_again_after_a_restart(self) -> None:
        """
        A controller is told of the namespaces that there are.
        """
        self.reflector.stop()
        self.put("content")
        self.delete()
        self.assertEqual(self.namespace()["status"]["phase"], "Terminating")
        self.reflector.start()
        self.server.settle()
        self.assertEqual(self.namespace()["code"], 404)

    def test_watch_begins_anew_when_its_time_is_up(self) -> None:
        """
        For as long as the server runs.
        """
        self.advance(0.1)
        self.server.clock.advance(WATCH_SECONDS)
        self.server.settle()
        self.server.clock.advance(AGAIN_SECONDS)
        self.server.settle()
        self.delete()
        self.assertEqual(self.namespace()["code"], 404)

    def test_stopping_leaves_everything_as_it_is(self) -> None:
        """
        And no timer behind.
        """
        self.put("held", finalizers=["example.com/mine"])
        self.delete()
        self.controller.stop()
        self.reflector.stop()
        self.advance(60)
        self.assertEqual(self.names(), ["held"])
