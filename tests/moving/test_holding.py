"""
Tests for L{ark.moving.holding}.
"""

from __future__ import annotations

from typing import Any

from ark.meta.status import APIStatus
from ark.moving.holding import REFUSAL, Hold
from ark.storage.copying import CopyError
from tests.moving import QUERIES, MovingCase, query

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICIES = f"{_ADMISSION}/validatingadmissionpolicies"
BINDINGS = f"{_ADMISSION}/validatingadmissionpolicybindings"
ONE = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries/one"


class HoldTests(MovingCase):
    """
    Writes are refused from one moment to another.
    """

    def answer_after(self, attempts: int) -> None:
        """
        Have the cluster refuse writes when it was tried so often.
        """
        self.cluster.put(QUERIES, query("one"))
        left = [attempts]

        def answer(_body: Any) -> dict[str, Any]:
            left[0] -= 1
            if left[0] < 0:
                raise APIStatus(422, "Invalid", f"denied request: {REFUSAL}")
            return query("one")

        self.cluster.answer(ONE, answer, "PATCH")

    def test_a_hold_waits_until_the_cluster_refuses(self) -> None:
        """
        A policy counts only some time after it was made.
        """
        self.answer_after(3)
        hold = Hold(self.cluster, self.clock)
        self.done(hold.place(self.collections), 5)
        self.assertTrue(self.done(hold.is_placed()))
        tried = [asked for asked in self.cluster.requests if asked.method == "PATCH"]
        self.assertEqual([dict(asked.query) for asked in tried], [{"dryRun": "All"}] * 4)

    def test_a_cluster_that_never_refuses_is_not_relied_on(self) -> None:
        """
        It is too old for policies, or they are switched off.
        """
        self.answer_after(10**6)
        self.refused(Hold(self.cluster, self.clock).place(self.collections), CopyError, 60)

    def test_where_there_is_nothing_to_write_it_waits_a_little(self) -> None:
        """
        Nobody can tell whether the cluster refuses.
        """
        self.done(Hold(self.cluster, self.clock).place(self.collections), 5)

    def test_all_writes_of_the_group_are_refused(self) -> None:
        """
        Of every version and subresource, but not those of whoever gives the objects back.
        """
        self.done(Hold(self.cluster, self.clock, 'the "boss"').place(self.collections), 5)
        policy = self.cluster.find(POLICIES, "moving.ark.mckinsey.com")
        assert policy is not None
        (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
        self.assertEqual(rule["apiGroups"], ["ark.mckinsey.com"])
        self.assertEqual(rule["resources"], ["*/*"])
        self.assertEqual(set(rule["operations"]), {"CREATE", "UPDATE", "DELETE"})
        (condition,) = policy["spec"]["matchConditions"]
        self.assertEqual(condition["expression"], 'request.userInfo.username != "the \\"boss\\""')

    def test_what_another_command_left_is_made_fit(self) -> None:
        """
        An export after an import that was not lifted may write, and nobody may after one that was stopped.
        """
        for writer, conditions in (("", 0), ("boss", 1), ("", 0)):
            self.done(Hold(self.cluster, self.clock, writer).place(self.collections), 5)
            policy = self.cluster.find(POLICIES, "moving.ark.mckinsey.com")
            assert policy is not None
            self.assertEqual(len(policy["spec"]["matchConditions"]), conditions)

    def test_a_hold_can_be_placed_and_lifted_again_and_again(self) -> None:
        """
        A command that was stopped is given again.
        """
        hold = Hold(self.cluster, self.clock)
        for _ in range(2):
            self.done(hold.place(self.collections), 5)
        for _ in range(2):
            self.done(hold.lift())
        self.assertFalse(self.done(hold.is_placed()))
        self.assertIsNone(self.cluster.find(POLICIES, "moving.ark.mckinsey.com"))
