"""
Policies judge and change what is written here as they do what kube-apiserver keeps.

The same requests are played against both; what Kubernetes says is recorded by L{tests.admission.policies.record}.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.admission.policies.answers import Answer, recorded
from tests.admission.policies.playing import Player
from tests.admission.policies.scenarios import MUTATING, VALIDATING, Sort, scenarios
from tests.cluster.build import require

LEAST = {VALIDATING: 50, MUTATING: 25}
ACCEPTED = {
    "apply-atomic-list": "Kubernetes cannot read lists in lists of its own making; we see that they are atomic",
    "patch-objects": "Kubernetes panics at an Object in a list",
    "scale": "Kubernetes has no schema for the scale of a custom resource, and no conversion",
    "scale-apply": "as scale",
}


def differences(sort: Sort, told: dict[str, Any]) -> tuple[list[tuple[str, Answer, Answer]], set[str]]:
    """
    The scenarios in which we say something else, with both answers, but for accepted ones,
    which are told apart.
    """
    player = Player(sort, told)
    found, accepted = [], set()
    for scenario in scenarios(sort):
        for ours, theirs in zip(player.play(scenario), told["answers"][scenario.name]):
            if ours == theirs:
                continue
            if scenario.name in ACCEPTED and sort is MUTATING:
                accepted.add(scenario.name)
            else:
                found.append((scenario.name, ours, theirs))
    return found, accepted


class RecordedTests(SynchronousTestCase):
    """
    What a kube-apiserver said once (contract 16.2, 16.6, 16.7).
    """

    maxDiff = None

    def check(self, sort: Sort, accepted: set[str]) -> None:
        """
        Nothing differs but what is accepted.
        """
        told = recorded(sort)
        self.assertGreaterEqual(len(told["answers"]), LEAST[sort])
        self.assertEqual(differences(sort, told), ([], accepted))

    def test_validating(self) -> None:
        """
        Messages, codes, reasons, warnings and audit annotations.
        """
        self.check(VALIDATING, set())

    def test_mutating(self) -> None:
        """
        The objects too, and who owns what of them.
        """
        self.check(MUTATING, set(ACCEPTED))


class LiveTests(SynchronousTestCase):
    """
    What a kube-apiserver says now.
    """

    def test_both(self) -> None:
        """
        As it was recorded.  Only on demand: it takes a minute.
        """
        require("etcd", "kube")
        if os.environ.get("ARK_TEST_POLICIES") != "live" and os.environ.get("CI") != "true":
            self.skipTest("ARK_TEST_POLICIES=live plays the scenarios against a kube-apiserver")
        from tests.admission.policies.record import play

        for sort, told in play().items():
            self.assertEqual(differences(sort, told)[0], [], sort.word)
