"""
Tests of L{ark.controllers.conditions}.
"""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from ark.controllers.conditions import Remaining, conditions_after
from ark.meta.gvk import GroupResource

LEFT = Remaining(
    Counter({GroupResource("ark.mckinsey.com", "queries"): 2, GroupResource("", "configmaps"): 1}),
    Counter({"example.com/b": 1, "example.com/a": 2}),
)


class ConditionsTests(SynchronousTestCase):
    """
    What a namespace says of what is left in it.
    """

    def test_what_is_left_is_told(self) -> None:
        """
        In the words of Kubernetes, sorted so that the same is said in the same way.
        """
        conditions = {one["type"]: one for one in conditions_after((), LEFT, "now")}
        self.assertEqual(
            conditions["NamespaceContentRemaining"],
            {
                "type": "NamespaceContentRemaining",
                "status": "True",
                "lastTransitionTime": "now",
                "reason": "SomeResourcesRemain",
                "message": "Some resources are remaining: configmaps. has 1 resource instances, "
                "queries.ark.mckinsey.com has 2 resource instances",
            },
        )
        self.assertEqual(
            conditions["NamespaceFinalizersRemaining"]["message"],
            "Some content in the namespace has finalizers remaining: "
            "example.com/a in 2 resource instances, example.com/b in 1 resource instances",
        )
        self.assertEqual(conditions["NamespaceDeletionContentFailure"]["status"], "False")
        self.assertEqual(len(conditions), 5)

    def test_nothing_changes_while_nothing_changes(self) -> None:
        """
        Else every look would be a write.
        """
        first = conditions_after((), LEFT, "then")
        self.assertEqual(conditions_after(first, LEFT, "now"), first)

    def test_time_changes_with_the_status_only(self) -> None:
        """
        Not with the message.
        """
        first = conditions_after((), LEFT, "then")
        fewer = Remaining(Counter({GroupResource("", "configmaps"): 1}), Counter())
        second = {one["type"]: one for one in conditions_after(first, fewer, "now")}
        self.assertEqual(second["NamespaceContentRemaining"]["lastTransitionTime"], "then")
        self.assertEqual(second["NamespaceFinalizersRemaining"]["lastTransitionTime"], "now")

    def test_failures_are_told(self) -> None:
        """
        And conditions of others are kept.
        """
        failed = Remaining(Counter(), Counter(), ("b: no", "a: no"))
        other = {"type": "Mine", "status": "True"}
        conditions = conditions_after((other,), failed, "now")
        self.assertEqual(conditions[0], other)
        by_type = {one["type"]: one for one in conditions}
        self.assertEqual(
            by_type["NamespaceDeletionContentFailure"]["message"],
            "Failed to delete all resource types, 2 remaining: a: no, b: no",
        )
        self.assertFalse(failed.empty)
