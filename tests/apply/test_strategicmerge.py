"""
Tests for L{ark.apply.strategicmerge} and L{ark.apply.elementorder}.
"""

from __future__ import annotations

import copy
from time import process_time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.strategicmerge import strategic_merge
from ark.meta.status import APIStatus

MERGED = {"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}
ENV: dict[str, Any] = {"items": {}, **MERGED}
SCHEMA: dict[str, Any] = {
    "properties": {
        "spec": {
            "properties": {
                "ports": {"items": {"properties": {"env": ENV}}, **MERGED},
                "volumes": {"items": {}, **MERGED, "x-kubernetes-patch-strategy": "merge,retainKeys"},
                "tolerations": {"items": {}},
                "strategy": {"x-kubernetes-patch-strategy": "replace"},
                "nokey": {"items": {}, "x-kubernetes-patch-strategy": "merge"},
            }
        }
    }
}


def names(*letters: str) -> list[dict[str, str]]:
    """
    Items that have nothing but their key.
    """
    return [{"name": letter} for letter in letters]


class MergeTests(SynchronousTestCase):
    """
    C{k8s.io/apimachinery/pkg/util/strategicpatch}.
    """

    def check(self, spec: Any, patch: Any, result: Any) -> None:
        """
        Compare what a patch makes of C{spec}.
        """
        self.assertEqual(strategic_merge({"spec": spec}, {"spec": patch}, SCHEMA), {"spec": result})

    def refused(self, spec: Any, patch: Any) -> APIStatus:
        """
        The error that a patch of C{spec} gives.
        """
        status = self.assertRaises(APIStatus, strategic_merge, {"spec": spec}, {"spec": patch}, SCHEMA)
        assert isinstance(status, APIStatus)
        return status

    def test_long_lists_take_no_longer_each(self) -> None:
        """
        A patch has room for tens of thousands of items, and the object too.
        """
        keys = [f"k{number}" for number in range(20_000)]
        others = [f"o{number}" for number in range(20_000)]
        items = [{"name": key} for key in keys]
        spec = {"ports": items, "nokey": keys}
        started = process_time()
        for patch in (
            {"nokey": others},
            {"nokey": keys[::-1]},
            {"$deleteFromPrimitiveList/nokey": keys[::-1]},
            {"$setElementOrder/nokey": keys[::-1]},
            {"$setElementOrder/nokey": others + keys, "nokey": others},
            {"ports": [{"name": key} for key in others]},
            {"ports": items[::-1]},
            {"ports": [{"$patch": "delete", **item} for item in items[::-1]]},
            {"$setElementOrder/ports": items[::-1]},
        ):
            strategic_merge({"spec": spec}, {"spec": patch}, SCHEMA)
        self.assertLess(process_time() - started, 10)

    def test_maps_merge_and_null_removes(self) -> None:
        """
        As in a merge patch.
        """
        self.check(
            {"a": 1, "b": {"c": 2}},
            {"a": None, "b": {"d": 3}, "e": {"f": None}},
            {"b": {"c": 2, "d": 3}, "e": {}},
        )

    def test_lists_merge_by_key(self) -> None:
        """
        Items known by their key are merged, new ones come where the patch has them.
        """
        self.check(
            {"ports": [{"name": "a", "x": 1}, {"name": "b", "x": 2}]},
            {"ports": [{"name": "b", "x": 3}, {"name": "c"}]},
            {"ports": [{"name": "a", "x": 1}, {"name": "b", "x": 3}, {"name": "c"}]},
        )
        self.check(
            {"ports": [{"name": "a", "env": [{"name": "x", "v": 1}]}]},
            {"ports": [{"name": "a", "env": [{"name": "y", "v": 2}]}]},
            {"ports": [{"name": "a", "env": [{"name": "y", "v": 2}, {"name": "x", "v": 1}]}]},
        )

    def test_other_lists_are_replaced(self) -> None:
        """
        Without a strategy a list is one value.
        """
        self.check({"tolerations": [1, 2]}, {"tolerations": [3]}, {"tolerations": [3]})
        self.check({"strategy": {"a": 1}}, {"strategy": {"b": 2}}, {"strategy": {"b": 2}})

    def test_metadata_is_known(self) -> None:
        """
        Finalizers merge as a set, owners by uid.
        """
        result = strategic_merge(
            {"metadata": {"finalizers": ["a"], "ownerReferences": [{"uid": "u", "name": "x"}]}},
            {"metadata": {"finalizers": ["b", "a"], "ownerReferences": [{"uid": "u", "controller": True}]}},
            SCHEMA,
        )
        self.assertEqual(
            result["metadata"],
            {"finalizers": ["b", "a"], "ownerReferences": [{"uid": "u", "name": "x", "controller": True}]},
        )

    def test_items_can_be_deleted_or_all_replaced(self) -> None:
        """
        C{$patch} in an item of a list.
        """
        spec = {"ports": names("a", "b")}
        self.check(spec, {"ports": [{"name": "a", "$patch": "delete"}]}, {"ports": names("b")})
        self.check(spec, {"ports": [{"$patch": "replace"}, {"name": "c"}]}, {"ports": names("c")})

    def test_maps_can_be_deleted_or_replaced(self) -> None:
        """
        C{$patch} in a map.
        """
        self.check({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}})
        self.check({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {"a": {}})
        self.check({}, {"a": {"$patch": "delete"}}, {})

    def test_only_named_members_are_retained(self) -> None:
        """
        C{$retainKeys}.
        """
        self.check(
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {}}]},
            {"volumes": [{"name": "v", "hostPath": {}}]},
        )
        for keys in (["a"], "a"):
            status = self.refused({}, {"$retainKeys": keys, "b": 1})
            self.assertEqual((status.code, status.message), (400, "invalid patch format of retainKeys"))

    def test_order_can_be_given(self) -> None:
        """
        C{$setElementOrder}: the rest stays where it was.
        """
        self.check(
            {"ports": names("a", "b", "c", "x")},
            {"$setElementOrder/ports": names("c", "a", "n"), "ports": names("n")},
            {"ports": names("b", "c", "a", "n", "x")},
        )
        self.check(
            {"ports": names("a", "b")},
            {"$setElementOrder/ports": names("b", "a")},
            {"ports": names("b", "a")},
        )
        self.check(
            {}, {"$setElementOrder/ports": names("b", "a"), "ports": names("b")}, {"ports": names("b")}
        )
        self.check({}, {"$setElementOrder/ports": names("b")}, {})
        status = self.refused({}, {"$setElementOrder/ports": names("a", "b"), "ports": names("b", "a")})
        self.assertEqual(status.code, 400)
        self.assertEqual(self.refused({}, {"$setElementOrder": []}).code, 400)
        self.assertEqual(self.refused({}, {"$setElementOrder/ports": {}}).code, 422)

    def test_items_of_plain_lists_can_be_deleted(self) -> None:
        """
        C{$deleteFromPrimitiveList}, before anything is added.
        """
        result = strategic_merge(
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "c"], "finalizers": ["d"]}},
            SCHEMA,
        )
        self.assertEqual(result["metadata"]["finalizers"], ["d", "b"])
        self.check({}, {"$deleteFromPrimitiveList/x": [1]}, {})

    def test_what_does_not_fit_is_refused(self) -> None:
        """
        Never as a failure of the server.
        """
        for spec, patch in (
            ({"ports": names("a")}, {"ports": [{"x": 1}]}),
            ({"ports": names("a")}, {"ports": ["a"]}),
            ({"ports": [[1]]}, {"ports": [[1]]}),
            ({"nokey": names("a")}, {"nokey": names("b")}),
            ({"ports": names("a")}, {"ports": [{"name": "a", "$patch": "merge"}]}),
            ({"ports": names("a")}, {"ports": [{"$patch": "delete"}]}),
        ):
            self.assertEqual(self.refused(spec, patch).code, 422)
        for patch in ({"$patch": "x"}, {"a": {"$patch": "x"}}, {"ports": [{"name": "a", "$patch": "x"}]}):
            self.assertEqual(self.refused({"a": {}, "ports": names("a")}, patch).code, 400)

    @settings(derandomize=True, max_examples=100, deadline=None, database=None)
    @given(
        st.lists(st.sampled_from("abcd"), unique=True),
        st.lists(st.sampled_from("abcde"), unique=True),
        st.lists(st.sampled_from("abcde"), unique=True),
    )
    def test_merging_loses_and_changes_nothing_given(
        self, live: list[str], patched: list[str], order: list[str]
    ) -> None:
        """
        All items are there once, and those of the patch in its order.
        """
        document = {"spec": {"ports": names(*live)}}
        patch: dict[str, Any] = {"spec": {"ports": names(*patched)}}
        before = copy.deepcopy((document, patch))
        result = [item["name"] for item in strategic_merge(document, patch, SCHEMA)["spec"]["ports"]]
        self.assertEqual(sorted(result), sorted({*live, *patched}))
        self.assertEqual([name for name in result if name in patched], patched)
        self.assertEqual((document, patch), before)
        ordering: dict[str, Any] = {"spec": {"$setElementOrder/ports": names(*order)}}
        result = [item["name"] for item in strategic_merge(document, ordering, SCHEMA)["spec"]["ports"]]
        self.assertEqual([name for name in result if name in order], [name for name in order if name in live])


class TypeTests(SynchronousTestCase):
    """
    What an object is does not go with the rest.
    """

    def test_replacing_the_object_keeps_its_type(self) -> None:
        """
        Go's types say what they are, whatever a patch takes away.
        """
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
        patch = {"$patch": "replace", "metadata": {"name": "c"}}
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        self.assertEqual(strategic_merge(document, patch, {}), wanted)
        patch = {"$retainKeys": ["metadata"], "metadata": {"name": "c"}}
        self.assertEqual(strategic_merge(document, patch, {}), wanted)
