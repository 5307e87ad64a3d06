"""
Tests of L{ark.controllers.garbagegraph} and L{ark.controllers.garbagenodes}.
"""

from __future__ import annotations

import gc
import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from ark.controllers.garbagegraph import Graph, alternate, partition
from ark.controllers.garbagenodes import (
    PLAIN,
    AbsentOwners,
    Node,
    ObjectReference,
    Observed,
    OwnerReference,
    owners_of,
)
from ark.registry.codec import new_uid

OBJECTS = 20_000
BYTES_PER_OBJECT = 450
"""What an object may cost at most, with an owner (measured: 290 without, 361 with one of ten)."""


def place(name: str, namespace: str = "default", kind: str = "ConfigMap") -> ObjectReference:
    """
    An object whose uid is its name.
    """
    return ObjectReference("v1", kind, namespace, name, name)


def owner(uid: str, name: str = "") -> OwnerReference:
    """
    A reference to it, by its own name or another one.
    """
    return OwnerReference("v1", "ConfigMap", name or uid, uid)


class GraphTests(SynchronousTestCase):
    """
    A graph that writes down what is to be done.
    """

    def setUp(self) -> None:
        """
        An empty one.
        """
        self.deletions: list[str] = []
        self.orphanings: list[str] = []
        self.reports: list[tuple[str, str]] = []
        self.graph = Graph(
            lambda node: self.deletions.append(node.uid),
            lambda node: self.orphanings.append(node.uid),
            lambda node, reference: self.reports.append((node.uid, reference.uid)),
        )

    def observe(self, name: str, *owners: OwnerReference, namespace: str = "default") -> None:
        """
        An object with these owners is there.
        """
        self.graph.observe(place(name, namespace), Observed(owners))

    def take(self) -> list[str]:
        """
        What is to be looked at since.
        """
        found, self.deletions = self.deletions, []
        return found

    def test_unknown_owner_is_to_be_looked_for(self) -> None:
        """
        Once, however many name it.
        """
        self.observe("one", owner("top"))
        self.observe("two", owner("top"))
        self.assertEqual(self.take(), ["top"])
        self.observe("top")
        self.assertEqual(self.take(), [])

    def test_dependents_of_what_went_are_to_be_looked_at(self) -> None:
        """
        And their owner is known not to exist.
        """
        self.observe("top")
        self.observe("one", owner("top"))
        self.graph.remove("top")
        self.assertEqual(self.take(), ["one"])
        self.assertIn(place("top"), self.graph.absent)

    def test_objects_that_were_seen_are_counted(self) -> None:
        """
        By kind, and not those that were only heard of.
        """
        type = ("v1", "ConfigMap")
        self.observe("one", owner("top"))
        self.assertEqual(self.graph.seen(type), 1)
        self.observe("top")
        self.observe("top")
        self.assertEqual(self.graph.seen(type), 2)
        self.graph.remove("one")
        node = self.graph.find("top")
        assert node is not None
        self.graph.forget(node)
        self.assertEqual(self.graph.seen(type), 0)

    def test_changes_that_do_not_count_change_nothing(self) -> None:
        """
        The same owners as before.
        """
        self.observe("top")
        self.observe("one", owner("top"))
        self.observe("one", owner("top"))
        self.assertEqual(self.take(), [])

    def test_deletion_is_followed_once(self) -> None:
        """
        When it begins, or its finalizer comes, but not again when something else changes.
        """
        for member, found in (("foreground", self.deletions), ("orphans", self.orphanings)):
            begun = Observed(being_deleted=True, **{member: True})
            self.graph.observe(place("x"), begun, PLAIN)
            self.graph.observe(place("x"), begun, begun)
            self.assertEqual(found, ["x"])
            self.graph.observe(place("x"), begun, Observed(being_deleted=True))
            self.assertEqual(found, ["x", "x"])

    def test_owner_in_another_namespace_is_reported(self) -> None:
        """
        Whichever of the two is seen first.
        """
        self.observe("top", namespace="other")
        self.observe("one", owner("top"))
        self.assertEqual((self.reports, self.take()), ([("one", "top")], ["one"]))
        self.observe("two", owner("late"))
        self.take()
        self.observe("late", namespace="other")
        self.assertEqual((self.reports[1:], self.take()), ([("two", "late")], ["two"]))

    def test_absent_owner_is_looked_for_where_others_say(self) -> None:
        """
        Those who agree on where it was looked for are looked at.
        """
        self.observe("one", owner("top"), namespace="a")
        self.observe("two", owner("top"), namespace="b")
        self.take()
        self.graph.remove_absent(place("top", "a"))
        self.assertEqual(self.take(), ["one"])
        node = self.graph.find("top")
        assert node is not None
        self.assertEqual(node.reference, place("top", "b"))
        self.graph.remove("one")
        self.graph.remove_absent(place("top", "b"))
        self.assertIsNone(self.graph.find("top"))

    def test_owner_that_was_seen_is_not_absent(self) -> None:
        """
        Where nobody saw it, it may be looked for in vain.
        """
        self.observe("top", namespace="a")
        self.observe("one", owner("top"), namespace="b")
        self.take()
        self.graph.remove_absent(place("top", "b"))
        self.assertEqual(self.take(), ["one"])
        self.assertIsNotNone(self.graph.find("top"))

    def test_forgotten_objects_keep_their_dependents(self) -> None:
        """
        Nobody knows what became of them.
        """
        self.observe("top")
        self.observe("one", owner("top"))
        self.observe("alone")
        for name in ("top", "alone"):
            node = self.graph.find(name)
            assert node is not None
            self.graph.forget(node)
        self.assertEqual(self.take(), [])
        self.assertIsNone(self.graph.find("alone"))
        self.observe("top")
        self.graph.remove("top")
        self.assertEqual(self.take(), ["one"])

    def test_objects_take_little_memory(self) -> None:
        """
        A server has very many.
        """
        metadata = [(new_uid(), f"query-{number:08}", f"ns-{number % 50}") for number in range(OBJECTS)]
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number, (uid, name, _) in enumerate(metadata):
            first = metadata[number - number % 10]
            owners = (
                owners_of(
                    {
                        "ownerReferences": [
                            {"apiVersion": "v1", "kind": "Query", "name": first[1], "uid": first[0]}
                        ]
                    }
                )
                if number % 10
                else ()
            )
            self.graph.observe(
                ObjectReference("ark.mckinsey.com/v1alpha1", "Query", first[2], name, uid), Observed(owners)
            )
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        self.assertLess(used / OBJECTS, BYTES_PER_OBJECT)


class PlaceTests(SynchronousTestCase):
    """
    Where an owner may be.
    """

    def node(self, name: str, *owners: OwnerReference, namespace: str = "default") -> Node:
        """
        A dependent.
        """
        node = Node(place(name, namespace))
        node.owners = owners
        return node

    def test_who_names_an_owner_twice_is_on_both_sides(self) -> None:
        """
        Once as it is, once otherwise.
        """
        both = self.node("both", owner("top"), owner("top", name="other"))
        self.assertEqual(partition([both], place("top")), ([both], [both]))

    def test_owner_without_a_namespace_is_the_same_for_all(self) -> None:
        """
        One with a namespace is for those in it.
        """
        here, there = self.node("here", owner("top")), self.node("there", owner("top"), namespace="other")
        self.assertEqual(partition([here, there], place("top", "")), ([here, there], []))
        self.assertEqual(partition([here, there], place("top")), ([here], [there]))

    def test_places_come_round(self) -> None:
        """
        The next one in their order, and after the last the first.
        """
        nodes = [self.node(name, owner("top"), namespace=name) for name in "abc"]
        self.assertEqual(alternate(nodes, place("top", "a")), place("top", "b"))
        self.assertEqual(alternate(nodes, place("top", "c")), place("top", "a"))
        self.assertIsNone(alternate(nodes[:1], place("top", "a")))

    def test_kind_found_without_namespaces_has_none(self) -> None:
        """
        Another name of it is looked for without one too.
        """
        node = self.node("x", owner("top", name="other"))
        self.assertEqual(alternate([node], place("top", "")), place("top", "")._replace(name="other"))

    def test_only_so_many_absent_owners_are_remembered(self) -> None:
        """
        The one that was not asked for the longest time goes.
        """
        absent = AbsentOwners(2)
        absent.add(place("a"))
        absent.add(place("b"))
        self.assertIn(place("a"), absent)
        absent.add(place("c"))
        self.assertNotIn(place("b"), absent)
        self.assertIn(place("a"), absent)
