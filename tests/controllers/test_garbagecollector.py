"""
Tests of L{ark.controllers.garbagecollector} and what it is made of.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from ark.apis.loader import KindRegistry
from ark.controllers.workqueue import FIRST_RETRY
from ark.meta.records import DELETED
from ark.registry.store import Store, WriteContext
from ark.storage.errors import Unavailable
from ark.testing import ADMIN
from ark.watch.events import WatchEvent
from tests.controllers.garbage import GarbageTestCase, blocking, owner


class BackgroundTests(GarbageTestCase):
    """
    21.4: owners go first, and their dependents after them.
    """

    def test_dependent_goes_after_its_owner(self) -> None:
        """
        Also when it has dependents itself, of another kind, and only those.
        """
        top = self.make("top")
        middle = self.make("middle", owner(top))
        self.make("bottom", owner(middle), kind="Secret")
        self.make("bystander")
        self.delete("top")
        self.assertEqual(self.names(), ["bystander"])
        self.assertEqual(self.names("Secret"), [])

    def test_dependent_with_another_owner_stays(self) -> None:
        """
        The reference to the one that went is taken off.
        """
        one, two = self.make("one"), self.make("two")
        self.make("child", owner(one), owner(two))
        self.delete("one")
        self.assertEqual(self.owners("child"), ["two"])
        self.delete("two")
        self.assertEqual(self.names(), [])

    def test_cluster_scoped_owner_has_dependents_in_all_namespaces(self) -> None:
        """
        They go with it.
        """
        top = self.make("top", kind="ArkConfig")
        self.make("child", owner(top))
        self.make("child", owner(top), namespace="other")
        self.make("cluster-child", owner(top), kind="ArkConfig")
        self.delete("top", kind="ArkConfig")
        self.assertEqual((self.names(), self.names(namespace="other")), ([], []))
        self.assertEqual(self.names("ArkConfig"), [])

    def test_dependent_that_comes_later_goes_too(self) -> None:
        """
        Its owner was never seen by it, or has gone long ago.
        """
        top = self.make("top")
        self.delete("top")
        self.make("late", owner(top))
        self.assertEqual(self.names(), [])

    def test_owner_of_the_same_name_is_another_one(self) -> None:
        """
        The uid counts.
        """
        first = self.make("top")
        self.make("old-child", owner(first))
        self.delete("top")
        second = self.make("top")
        self.make("older-child", owner(first))
        self.make("child", owner(second))
        self.assertEqual(self.names(), ["child", "top"])

    def test_owner_under_a_wrong_name_does_not_exist(self) -> None:
        """
        Whatever its uid.
        """
        top = self.make("top")
        self.make("child", owner(top, name="other-name"))
        self.assertEqual(self.names(), ["top"])

    def test_kind_that_is_not_served_is_waited_for(self) -> None:
        """
        Nobody knows whether its object is there: the dependent stays.
        """
        self.make("child", {"apiVersion": "x.example.com/v1", "kind": "Thing", "name": "a", "uid": "u-1"})
        self.server.advance(10)
        self.assertEqual(self.names(), ["child"])
        self.assertFalse(self.collector.idle)

    def test_deletion_of_dependents_respects_finalizers(self) -> None:
        """
        They are marked, and stay until those are gone.
        """
        top = self.make("top")
        self.make("held", owner(top), finalizers=["example.com/mine"])
        self.delete("top")
        found = self.get("held")
        assert found is not None
        self.assertIn("deletionTimestamp", found["metadata"])
        self.change("held", {"finalizers": None})
        self.assertEqual(self.names(), [])

    def test_circle_stays_while_nobody_deletes(self) -> None:
        """
        And goes when one of it goes.
        """
        one = self.make("one")
        two = self.make("two", owner(one))
        self.change("one", {"ownerReferences": [owner(two)]})
        self.server.advance(1)
        self.assertEqual(self.names(), ["one", "two"])
        self.delete("one")
        self.assertEqual(self.names(), [])

    def test_many_dependents_go(self) -> None:
        """
        More than are deleted at the same time.
        """
        top = self.make("top")
        for number in range(120):
            self.make(f"child-{number:03}", owner(top))
        self.delete("top")
        self.server.settle()
        self.assertEqual(self.names(), [])
        self.assertEqual(len(self.collector.graph), 2)


class ForegroundTests(GarbageTestCase):
    """
    21.4: owners wait for their dependents.
    """

    def test_owner_without_dependents_goes_at_once(self) -> None:
        """
        There is nothing to wait for.
        """
        self.make("top")
        self.delete("top", "Foreground")
        self.assertEqual(self.names(), [])

    def test_owner_waits_for_those_that_block(self) -> None:
        """
        Until their finalizers are gone; the others go as well.
        """
        top = self.make("top")
        self.make("blocks", blocking(top), finalizers=["example.com/mine"])
        self.make("free", owner(top))
        self.delete("top", "Foreground")
        self.assertEqual(self.names(), ["blocks", "top"])
        found = self.get("top")
        assert found is not None
        self.assertEqual(found["metadata"]["finalizers"], ["foregroundDeletion"])
        self.change("blocks", {"finalizers": None})
        self.assertEqual(self.names(), [])

    def test_owner_does_not_wait_for_those_that_do_not_block(self) -> None:
        """
        They may take their time.
        """
        top = self.make("top")
        self.make("held", owner(top), finalizers=["example.com/mine"])
        self.delete("top", "Foreground")
        self.assertEqual(self.names(), ["held"])

    def test_dependents_with_dependents_are_deleted_in_the_same_way(self) -> None:
        """
        From the bottom up.
        """
        top = self.make("top")
        middle = self.make("middle", blocking(top))
        self.make("bottom", blocking(middle), finalizers=["example.com/mine"])
        self.delete("top", "Foreground")
        self.assertEqual(self.names(), ["bottom", "middle", "top"])
        found = self.get("middle")
        assert found is not None
        self.assertEqual(found["metadata"]["finalizers"], ["foregroundDeletion"])
        self.change("bottom", {"finalizers": None})
        self.assertEqual(self.names(), [])

    def test_owner_waits_no_longer_when_a_dependent_lets_it_go(self) -> None:
        """
        By taking the reference off, or by blocking no more.
        """
        for change in ([], None):
            top = self.make("top")
            self.make("held", blocking(top), finalizers=["example.com/mine"])
            self.delete("top", "Foreground")
            self.assertEqual(self.names(), ["held", "top"])
            owners = [owner(top, blockOwnerDeletion=False)] if change is None else change
            self.change("held", {"ownerReferences": owners})
            self.assertNotIn("top", self.names())
            self.change("held", {"finalizers": None})
            if "held" in self.names():
                self.delete("held")

    def test_dependent_with_another_owner_is_let_go(self) -> None:
        """
        It stays, and the one that is deleted does not wait for it.
        """
        one, two = self.make("one"), self.make("two")
        self.make("child", blocking(one), blocking(two))
        self.delete("one", "Foreground")
        self.assertEqual(self.names(), ["child", "two"])
        self.assertEqual(self.owners("child"), ["two"])

    def test_circle_goes(self) -> None:
        """
        Nobody waits for itself.
        """
        one = self.make("one")
        two = self.make("two", blocking(one))
        three = self.make("three", blocking(two))
        self.change("one", {"ownerReferences": [blocking(three)]})
        self.delete("one", "Foreground")
        self.server.advance(1)
        self.assertEqual(self.names(), [])

    def test_object_that_owns_itself_goes(self) -> None:
        """
        The smallest circle.
        """
        one = self.make("one")
        self.change("one", {"ownerReferences": [blocking(one)]})
        self.delete("one", "Foreground")
        self.server.advance(1)
        self.assertEqual(self.names(), [])


class OrphanTests(GarbageTestCase):
    """
    21.4: dependents are left alone.
    """

    def test_dependents_lose_the_reference(self) -> None:
        """
        That one only.
        """
        one, two = self.make("one"), self.make("two")
        self.make("child", owner(one), owner(two))
        self.make("other-child", owner(one), kind="Secret")
        self.delete("one", "Orphan")
        self.assertEqual(self.names(), ["child", "two"])
        self.assertEqual(self.owners("child"), ["two"])
        self.assertEqual(self.owners("other-child", kind="Secret"), [])

    def test_dependents_beyond_the_first_are_not_touched(self) -> None:
        """
        What they own stays theirs.
        """
        top = self.make("top")
        middle = self.make("middle", owner(top))
        self.make("bottom", owner(middle))
        self.delete("top", "Orphan")
        self.assertEqual(self.names(), ["bottom", "middle"])
        self.assertEqual(self.owners("bottom"), ["middle"])

    def test_many_dependents_are_left(self) -> None:
        """
        More than are changed at the same time.
        """
        top = self.make("top")
        for number in range(120):
            self.make(f"child-{number:03}", owner(top))
        self.delete("top", "Orphan")
        self.server.settle()
        self.assertEqual(len(self.names()), 120)
        self.assertEqual(self.owners("child-119"), [])


class NamespaceOfOwnerTests(GarbageTestCase):
    """
    21.4: an owner is in the namespace of its dependents, or has none.
    """

    def events(self, namespace: str = "default") -> list[dict[str, Any]]:
        """
        What the collector told people.
        """
        items = self.server.request("GET", f"/api/v1/namespaces/{namespace}/events").json()["items"]
        return [item for item in items if item["source"]["component"] == "garbage-collector-controller"]

    def test_owner_in_another_namespace_does_not_exist(self) -> None:
        """
        The dependent goes, and an event tells why.
        """
        top = self.make("top", namespace="other")
        self.make("child", owner(top))
        self.assertEqual(self.names(), [])
        self.assertEqual(self.names(namespace="other"), ["top"])
        (event,) = self.events()
        self.assertEqual((event["reason"], event["type"]), ("OwnerRefInvalidNamespace", "Warning"))
        uid = top["metadata"]["uid"]
        self.assertEqual(
            event["message"],
            f"ownerRef [v1/ConfigMap, namespace: default, name: top, uid: {uid}] "
            'does not exist in namespace "default"',
        )
        self.assertEqual(event["involvedObject"]["name"], "child")

    def test_namespaced_owner_of_a_cluster_scoped_object_counts_for_nothing(self) -> None:
        """
        The dependent is never deleted, whether the owner is there or not.
        """
        top = self.make("top")
        self.make("cluster-child", owner(top), kind="ArkConfig")
        self.delete("top")
        self.server.advance(10)
        self.assertEqual(self.names("ArkConfig"), ["cluster-child"])
        self.assertEqual([event["reason"] for event in self.events()], ["OwnerRefInvalidNamespace"])
        self.assertTrue(self.collector.idle)

    def test_reference_seen_before_its_owner_is_told_of_too(self) -> None:
        """
        Once the owner is seen where it really is.
        """
        top = self.make("top", namespace="other")
        self.make("cluster-child", owner(top), kind="ArkConfig")
        self.collector.stop()
        self.start()
        self.assertEqual(self.names("ArkConfig"), ["cluster-child"])
        self.assertEqual(self.names(namespace="other"), ["top"])


class FollowingTests(GarbageTestCase):
    """
    What happened while nobody looked is made up for.
    """

    def test_work_is_taken_up_after_a_restart(self) -> None:
        """
        Of all three ways to delete.
        """
        self.collector.stop()
        for policy in ("Background", "Foreground", "Orphan"):
            top = self.make(policy.lower())
            self.make(f"{policy.lower()}-child", blocking(top))
            self.delete(policy.lower(), policy)
        self.assertEqual(len(self.names()), 5)
        self.start()
        self.assertEqual(self.names(), ["orphan-child"])

    def test_lost_part_of_the_log_is_made_up_for(self) -> None:
        """
        By reading everything again.
        """
        top = self.make("top")
        self.make("child", owner(top))
        self.server.settle()
        monitor = self.collector._monitor
        monitor._unlisten()
        self.delete("top")
        self.assertEqual(self.names(), ["child"])
        monitor._unlisten = self.server.cacher.hub.listen(monitor, monitor._since)
        monitor.lost()
        self.server.settle()
        self.assertEqual(self.names(), [])

    def test_stopping_leaves_everything_as_it_is(self) -> None:
        """
        And no timer behind.
        """
        top = self.make("top")
        self.make("child", owner(top))
        self.collector.stop()
        self.delete("top")
        self.server.advance(10)
        self.assertEqual(self.names(), ["child"])


class KindTests(GarbageTestCase):
    """
    Kinds come and go while the collector runs.
    """

    def without(self, resource: str) -> KindRegistry:
        """
        The kinds but one.
        """
        return KindRegistry(kind for kind in self.registry.kinds() if kind.resource != resource)

    def serve(self, registry: KindRegistry) -> None:
        """
        Serve other kinds from now on.
        """
        self.server.application.stores.serve(registry)
        self.server.settle()

    def test_dependents_of_a_kind_that_went_stay(self) -> None:
        """
        Until it is served again: then it is known that their owner has gone.
        """
        top = self.make("top", kind="ArkConfig")
        self.make("child", owner(top))
        self.serve(self.without("arkconfigs.ark.mckinsey.com"))
        self.make("late", owner(top))
        self.server.advance(30)
        self.assertEqual(self.names(), ["child", "late"])
        self.serve(self.registry)
        self.server.advance(1)
        self.assertEqual(self.names(), ["child", "late"])
        self.delete("top", kind="ArkConfig")
        self.assertEqual(self.names(), [])

    def test_what_went_before_its_kind_is_known_to_be_gone(self) -> None:
        """
        As when a definition is deleted: its objects go, and at once the kind.
        """
        top = self.make("top", kind="ArkConfig")
        self.make("child", owner(top))
        stores = self.server.application.stores
        registry = self.without("arkconfigs.ark.mckinsey.com")

        class Removal:
            """
            Takes the kind away as soon as an object of it has gone.
            """

            def entered(self, event: WatchEvent) -> None:
                """
                An event has come; the collector has not been told yet.
                """
                if event.version.event == DELETED and event.version.key.name == "top":
                    stores.serve(registry)

            def lost(self) -> None:
                """
                Nothing is lost here.
                """

        self.server.cacher.hub.listen(Removal())
        self.delete("top", kind="ArkConfig")
        self.assertEqual(self.names(), [])

    def test_kind_that_comes_is_collected(self) -> None:
        """
        Also what is of it already.
        """
        top = self.make("top")
        self.collector.stop()
        self.make("child", owner(top), kind="Secret")
        self.serve(self.without("secrets"))
        self.start()
        self.delete("top")
        self.serve(self.registry)
        self.assertEqual(self.names("Secret"), [])


class WritingTests(GarbageTestCase):
    """
    Others write at the same time.
    """

    def before_deletion(self, what: Callable[[Store], Awaitable[object]]) -> None:
        """
        Let something happen just before the collector's deletions of C{child}.
        """
        store = self.server.application.stores.of_resource("configmaps")
        assert store is not None
        delete = store.delete

        async def late(namespace: str, name: str, *rest: Any) -> Any:
            if name == "child":
                await what(store)
            return await delete(namespace, name, *rest)

        self.patch(store, "delete", late)

    def test_object_that_got_another_owner_meanwhile_stays(self) -> None:
        """
        It is judged anew: a deletion holds only for what was judged.
        """
        one, two = self.make("one"), self.make("two")
        self.make("child", owner(one))
        judged: list[str] = []

        async def give(store: Store) -> None:
            judged.append("child")
            context = WriteContext(user=ADMIN)
            await store.update("default", "child", lambda old: _with_owner(old, owner(two)), context)

        self.before_deletion(give)
        self.delete("one")
        self.server.advance(1)
        self.assertEqual(judged, ["child"])
        self.assertEqual(self.owners("child"), ["two"])

    def test_object_that_changes_all_the_time_goes(self) -> None:
        """
        What has nothing to do with its owners does not keep it.
        """
        top = self.make("top")
        self.make("child", owner(top))

        async def label(store: Store) -> None:
            await store.update("default", "child", _labelled, WriteContext(user=ADMIN))

        self.before_deletion(label)
        self.delete("top")
        self.server.advance(1)
        self.assertEqual(self.names(), [])

    def test_storage_that_fails_is_tried_again(self) -> None:
        """
        Later and later, until it works.
        """
        top = self.make("top")
        self.make("child", owner(top))
        attempts: list[float] = []

        async def fail(store: Store) -> None:
            attempts.append(self.server.clock.seconds())
            if len(attempts) < 5:
                raise Unavailable("the disk is busy")

        self.before_deletion(fail)
        self.delete("top")
        for _ in range(100):
            self.server.clock.advance(FIRST_RETRY)
            self.server.settle()
        self.assertEqual(self.names(), [])
        waits = [after - before for before, after in itertools.pairwise(attempts)]
        self.assertEqual(waits, sorted(waits))
        self.assertEqual(len(waits), 4)


def _with_owner(old: Any, reference: dict[str, Any]) -> dict[str, Any]:
    return {**old, "metadata": {**old["metadata"], "ownerReferences": [reference]}}


def _labelled(old: Any) -> dict[str, Any]:
    return {**old, "metadata": {**old["metadata"], "labels": {"a": old["metadata"]["resourceVersion"]}}}
