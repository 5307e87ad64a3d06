"""
Admission behind the aggregator: what clients are answered and what webhooks are asked is what it is for the same
objects of a definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.trial.unittest import TestCase

from tests.admission.oracle.__main__ import compare
from tests.admission.oracle.scenario import Scenario
from tests.admission.oracle.topics import answers, choice, failures, mutations, operations
from tests.cluster.shared import CONTROLLERS, aggregated, oracle


class AdmissionTests(TestCase):
    """
    One test a topic of L{tests.admission.oracle}.
    """

    timeout = 300


def _test(scenarios: Sequence[Scenario]) -> Callable[[AdmissionTests], None]:
    def test(self: AdmissionTests) -> None:
        found = compare(oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint, scenarios)
        wrong = {one.name: found[one.name] for one in scenarios if found[one.name] and not one.differs}
        self.assertEqual([], list(wrong), "".join(f"\n=== {name}\n{text}" for name, text in wrong.items()))

    test.__doc__ = f"{len(scenarios)} scenarios, no difference that has no reason."
    return test


for _topic in (answers, choice, failures, mutations, operations):
    _name = _topic.__name__.rpartition(".")[2]
    setattr(AdmissionTests, f"test_{_name}", _test(_topic.SCENARIOS))
